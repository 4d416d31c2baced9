"""What inference asks of the rows of a design, beside the sums of a fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.objective.coordinates import Coordinates
from logloss.objective.likelihood import Groups
from logloss.table.design.design import Design

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def rounding_of_sums(design: Design) -> float:
    """Rounding of a kernel's sum Σ u_i over the rows adds at most this share of Σ |u_i|."""
    kernel, n = design.kernel, design.n_rows
    tiles = 32 * max(kernel.tile_rows, kernel.n_columns)  # at most between two drains (pass.hpp)
    chain = min(n, tiles) + n // (16 * kernel.tile_rows * kernel.n_lanes) + 64
    return float(chain * np.finfo(np.float64).eps)


def likely_rounding(design: Design) -> float:
    """The same but for chance: ten times √(chain) ε is exceeded once in 1e20 sums.

    Rounding errors of a chain of additions act as if they were independent with mean 0 (Higham &
    Mary, SIAM J. Sci. Comput. 41, 2019).
    """
    eps = float(np.finfo(np.float64).eps)
    most = rounding_of_sums(design)
    return min(most, 10.0 * float(np.sqrt(most * eps)))


def group_gram(
    design: Design, v: Array, groups: Groups, shift: Array, columns: Indices, n_threads: int
) -> Array:
    """The Gram matrix of the sums over groups of v [x − shift, 1]; one read."""
    sums = _kernels.group_sums(
        design.kernel, v, groups.of_row, groups.count, shift, columns, n_threads
    )
    scores = _kernels.Design(groups.count)
    scores.add_dense(sums)
    scores.finish()
    zeros, d = np.zeros(groups.count), sums.shape[1]
    observations, ones = _kernels.Observations(zeros), np.ones(groups.count)
    gram = _kernels.gram(
        scores, observations, zeros, np.zeros(d), np.arange(d), n_threads, curvature=ones
    )
    return np.ascontiguousarray(gram[:-1, :-1])


def leverages(
    design: Design,
    where: Coordinates,
    shift: Array,
    subset: Indices,
    inverse: Array,
    n_threads: int,
) -> Array:
    """|T x'|² of each row over the coefficients in `subset`, shape (n,); one read.

    Parameters
    ----------
    shift : ndarray of shape (n_columns,)
        What the kernel takes off the columns.
    subset : ndarray of shape (k,), int64
        Increasing.
    inverse : ndarray of shape (k, k)
        T, lower triangular.
    """
    columns = subset[subset < design.n_columns]
    center, scale = where.center[columns], where.scale[columns]
    triangle = np.zeros((len(columns) + 1, len(columns) + 1))
    triangle[: len(subset), : len(subset)] = inverse.T
    triangle[: len(columns)] /= scale[:, np.newaxis]
    triangle[-1] -= (center * design.sparse[columns]) @ triangle[: len(columns)]
    return _kernels.leverages(design.kernel, shift, columns, triangle, n_threads)
