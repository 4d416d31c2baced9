"""Likelihoods of the same rows in memory with other columns, weights or offsets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.backends.counted import Reads
from logloss.objective.coordinates import Coordinates
from logloss.objective.row_data import RowData
from logloss.table.design.entries import narrowed

if TYPE_CHECKING:
    from logloss.backends.memory import MemoryLikelihood
    from logloss.table.design.design import Design

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_RARE = 0.3  # of its standard deviation: a sparse column with a mean below is not centred


def alone(like: MemoryLikelihood, rows: Mask) -> MemoryLikelihood:
    """See `RowSums.alone`; a few rows are copied, and reads of them are none of all."""
    few = np.flatnonzero(rows)
    if 2 * len(few) < like.n_rows:
        data = RowData(like.rows.y[few])
        return like.changed(like.design.take(few, like.n_threads), data, count=Reads())
    data = RowData(like.rows.y, None if rows.all() else rows.astype(np.float64))
    return like.changed(rows=data)


def without(like: MemoryLikelihood, j: int, offset: Array) -> MemoryLikelihood:
    """See `RowSums.without`."""
    where, n = like.coordinates, like.design.n_columns
    rows = replace(like.rows, offset=offset)
    if j >= n:  # columns are centred for the sake of the intercept
        there = replace(where, center=np.zeros(n), intercept=False, still=None)
        return like.changed(rows=rows, coordinates=there)
    kept = np.arange(n) != j
    still = None if where.still is None else where.still[kept]
    there = replace(where, center=where.center[kept], scale=where.scale[kept], still=still)
    return like.changed(narrowed(like.design, kept), rows, there)


class MemoryColumns:
    """A `Columns` over the table of a `MemoryLikelihood`; see the protocol."""

    def __init__(self, likelihood: MemoryLikelihood) -> None:
        self._likelihood = likelihood

    @property
    def design(self) -> Design:
        return self._likelihood.design

    def predict(self, coef: Array, intercept: float) -> Array:
        return self.design.predict(coef, intercept, None, self._likelihood.n_threads)

    def sums(self, v: Array) -> Array:
        # the gradient at z = 0, where r = ½ − y
        rows = _kernels.Observations(np.where(v < 0.0, 1.0, 0.0), 2.0 * np.abs(v), None)
        zero, n_threads = np.zeros(self.design.n_columns), self._likelihood.n_threads
        found = _kernels.loss_gradient(self.design.kernel, rows, zero, 0.0, None, n_threads)
        self._likelihood.count.add()
        return found[1]

    def filled(self, rows: Mask) -> Mask:
        weight, zero = rows.astype(np.float64), np.zeros(self.design.n_columns)
        first, second = _kernels.moments(
            self.design.kernel, weight, zero, self._likelihood.n_threads
        )
        self._likelihood.count.add()
        filled: Mask = (first != 0.0) | (second != 0.0)
        return filled

    def kept(self, columns: Mask, weight: Array) -> MemoryLikelihood:
        like, where = self._likelihood, self._likelihood.coordinates
        still = None if where.still is None else where.still[columns]
        center, scale = where.center[columns], where.scale[columns]
        design = like.design if columns.all() else narrowed(like.design, columns)
        if still is None:  # rare levels that share no row have a 0 in the Hessian if not centred
            center = np.where(design.sparse & (np.abs(center) < _RARE * scale), 0.0, center)
        there = Coordinates(center, scale, where.intercept, still)
        return like.changed(design, replace(like.rows, weight=weight), there)
