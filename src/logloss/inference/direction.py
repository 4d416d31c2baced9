"""The direction along which the log loss falls for ever, found and checked.

Wanted is d with (2y − 1) x·d ≥ 0 on rows with a hard label and weight, x·d = 0 on those with a soft
label, and as many rows as can be with x·d ≠ 0: a direction of maximal support. As a linear program
(Konis, DPhil thesis, Oxford 2007, with bounded slacks so that the support is maximal),

    max Σ t_i   subject to   0 ≤ t_i ≤ 1,   t_i ≤ (2y_i − 1) x_i·d.

Only rows that tend to their label as the fit goes on can have x·d ≠ 0; the others, R, say x·d = 0.
So d lies in the null space of X_R, which is small: the program is over a few combinations of
columns and the candidate rows alone, and mostly there is nothing left to solve. Newton's step is
then already a direction once it is projected, as it moves each row that can be told apart towards
its label by about 1 (where e^−|z| is what is left of its loss) and the others hardly at all. Which
rows are candidates is read off that step too; where the guess fails, more rows become candidates,
in the end all. Whatever is found is checked on all rows.

The null space: with TᵀT = (XᵀX)⁻¹ over all rows with weight, the eigenvectors of T X_RᵀX_R Tᵀ for
the eigenvalue 0 (the share of a direction's length that lies in R). Squaring costs half the digits,
so each is corrected by a least-squares step, twice, with residuals taken on the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.algebra import inverse_factor
from logloss.backends.memory import MemoryLikelihood, RowData
from logloss.penalty import Penalty

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_TOWARDS = (0.1, 1e-3)  # log odds by which a step moves a row, for it to be a candidate
_NULL = 1e-9  # of the squared length of a direction, in rows that should not see it
_ZERO = 1e-8  # of the largest |x·d|: rounding
_MOST_ENTRIES = 10_000_000  # of a linear program
_QUICK_ENTRIES = 200_000
_SECONDS = 60.0  # for a linear program


@dataclass(frozen=True, eq=False)
class Cone:
    """Where a direction may lie: the rows with weight, their labels, and the columns.

    Attributes
    ----------
    likelihood : MemoryLikelihood
        Of the rows in question; the others have the weight 0.
    free : ndarray
        U without aliases.
    penalty : Penalty
        For bounds: with a lower bound d_k ≥ 0, with an upper one d_k ≤ 0.
    """

    likelihood: MemoryLikelihood
    free: Indices
    penalty: Penalty

    @property
    def counted(self) -> Mask:
        """Rows with weight."""
        weight = self.likelihood.rows.weight
        return np.ones(self.likelihood.n_rows, np.bool_) if weight is None else weight > 0.0

    @property
    def hard(self) -> Mask:
        """Of those, the rows with a label of 0 or 1."""
        y = self.likelihood.rows.y
        return self.counted & ((y == 0.0) | (y == 1.0))

    @property
    def sign(self) -> Array:
        """2y − 1."""
        sign: Array = 2.0 * self.likelihood.rows.y - 1.0
        return sign

    def of(self, rows: Mask) -> MemoryLikelihood:
        """X alone, over some of the rows: each counts as one."""
        data = RowData(self.likelihood.rows.y, rows.astype(np.float64))
        like = self.likelihood
        return MemoryLikelihood(like.design, data, like.coordinates, like.n_threads)


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction that was checked on all rows.

    Attributes
    ----------
    d : ndarray of shape (n_coefficients,)
        In the coordinates of the likelihood.
    moved : ndarray of shape (n_rows,), bool
        The rows that it tells apart.
    along : ndarray of shape (n_rows,)
        X·d.
    """

    d: Array
    moved: Mask
    along: Array


class Undecided(Exception):
    """The linear program is too large, or took too long."""


def find(cone: Cone, step: Array, beta: Array, thorough: bool) -> Direction | None:
    """A direction that tells rows apart; None where there is none.

    Parameters
    ----------
    step : ndarray
        Newton's step at beta (β − step is better).
    thorough : bool
        Look among all rows if need be; else only where the step points, and at small programs.

    Raises
    ------
    Undecided
        There may be one, but finding it takes too much.
    """
    for guess in (-step, beta):
        d = np.zeros_like(beta)
        d[cone.free] = guess[cone.free]
        found = _checked(cone, d, cone.counted)
        if found is not None and found.moved.sum() == cone.counted.sum():
            return found
    ahead = np.zeros_like(beta)
    ahead[cone.free] = -step[cone.free]
    towards = cone.sign * cone.likelihood.along(ahead)
    hard, tried = cone.hard, -1
    bounds = [*_TOWARDS, -np.inf] if thorough else [_TOWARDS[0]]
    for bound in bounds:
        candidates = hard & (towards > bound)
        count = int(candidates.sum())
        if count in (0, tried):
            continue
        tried = count
        found = _among(cone, candidates, ahead, thorough)
        if found is not None:
            return found
    return None


def _among(cone: Cone, candidates: Mask, ahead: Array, thorough: bool) -> Direction | None:
    """One that moves only the candidates."""
    whitener = _whitener(cone)
    basis = null_space(cone, cone.counted & ~candidates, whitener)
    if basis.shape[1] == 0:
        return None
    d = np.zeros_like(ahead)
    d[cone.free] = _projected(basis, whitener, ahead[cone.free])
    found = _checked(cone, d, candidates)
    if found is not None:
        return found
    return _by_program(cone, candidates, basis, whitener, thorough)


def _whitener(cone: Cone) -> Array:
    flat = np.zeros(cone.likelihood.n_coefficients)
    likelihood = cone.of(cone.counted)
    return inverse_factor(likelihood.hessian(flat, cone.free) * (4.0 * likelihood.weight_sum))[0]


def _projected(basis: Array, whitener: Array, v: Array) -> Array:
    """v on the span of the basis, orthogonal in XᵀX."""
    root = np.linalg.inv(whitener)  # TᵀT = (XᵀX)⁻¹
    coordinates, *_ = np.linalg.lstsq(root @ basis, root @ v, rcond=None)
    projected: Array = basis @ coordinates
    return projected


def null_space(cone: Cone, rows: Mask, whitener: Array | None = None) -> Array:
    """A basis of {b : x·b = 0 on these rows}, shape (len(free), k); two Hessians and some reads."""
    T = _whitener(cone) if whitener is None else whitener
    if not rows.any():
        return np.ascontiguousarray(T.T)
    likelihood = cone.of(rows)
    flat = np.zeros(likelihood.n_coefficients)
    scale = 4.0 * likelihood.weight_sum
    share = T @ (likelihood.hessian(flat, cone.free) * scale) @ T.T
    values, vectors = np.linalg.eigh(0.5 * (share + share.T))
    near = values <= _NULL
    seen, inverse = vectors[:, ~near], 1.0 / values[~near]
    kept = []
    for v in vectors.T[near]:
        b, left = v, np.inf
        for _ in range(3):
            full = np.zeros(likelihood.n_coefficients)
            full[cone.free] = T.T @ b
            product = T @ (likelihood.hessian_product(flat, full)[cone.free] * scale)
            left = float(b @ product)
            b = b - seen @ (inverse * (seen.T @ product))
        if left <= _NULL**2:
            kept.append(T.T @ b)
    return np.array(kept).T if kept else np.zeros((len(T), 0))


def _checked(cone: Cone, d: Array, candidates: Mask) -> Direction | None:
    """d as a direction, if it is one that moves no other rows than the candidates; one read."""
    if not _in_bounds(cone, d):
        return None
    along = cone.likelihood.along(d)
    counted = cone.counted
    size = float(np.abs(along[counted]).max(initial=0.0))
    towards = cone.sign * along
    zero = _ZERO * size
    wrong = np.where(candidates & cone.hard, towards < -zero, np.abs(along) > zero)
    moved = candidates & (towards > zero)
    if size == 0.0 or wrong[counted].any() or not moved.any():
        return None
    return Direction(d, moved, along)


def _in_bounds(cone: Cone, d: Array) -> bool:
    small = _ZERO * float(np.abs(d).max(initial=0.0))
    low, high = cone.penalty.lower > -np.inf, cone.penalty.upper < np.inf
    return not ((d[low] < -small).any() or (d[high] > small).any())


def _by_program(
    cone: Cone, candidates: Mask, basis: Array, whitener: Array, thorough: bool
) -> Direction | None:
    """The linear program over the basis, and its solution put right on the rows that it zeroes."""
    most = _MOST_ENTRIES if thorough else _QUICK_ENTRIES
    for _ in range(4):
        k = basis.shape[1]
        if k == 0 or not candidates.any():
            return None
        if int(candidates.sum()) * k > most:
            raise Undecided
        full = np.zeros((k, cone.likelihood.n_coefficients))
        full[:, cone.free] = basis.T
        rows = np.column_stack([(cone.sign * cone.likelihood.along(b))[candidates] for b in full])
        solution = _solve(rows, _bound_rows(cone, full))
        moved = np.zeros_like(candidates)
        moved[candidates] = rows @ solution > 1e-3 * np.abs(rows).max(axis=1)
        if not moved.any():
            return None
        candidates = moved
        basis = null_space(cone, cone.counted & ~candidates, whitener)
        d = np.zeros(cone.likelihood.n_coefficients)
        d[cone.free] = _projected(basis, whitener, full[:, cone.free].T @ solution)
        found = _checked(cone, d, candidates)
        if found is not None:
            return found
    raise Undecided


def _bound_rows(cone: Cone, full: Array) -> Array:
    """Rows g with g·c ≥ 0 for coefficients that have one bound."""
    low, high = cone.penalty.lower > -np.inf, cone.penalty.upper < np.inf
    return np.vstack([full[:, low].T, -full[:, high].T])


def _solve(rows: Array, held: Array) -> Array:
    """argmax Σ min(1, A c), A c ≥ 0, G c ≥ 0, by HiGHS: 0, or with A c ≥ 2 where it moves a row.

    Rows are scaled to a largest entry of 1, and equal ones taken once.
    """
    import scipy.sparse as sp
    from scipy.optimize import linprog

    size = np.abs(rows).max(axis=1)
    seen = rows[size > _ZERO * size.max(initial=0.0)]
    seen = seen / np.abs(seen).max(axis=1, keepdims=True)
    unique = np.unique(np.round(seen, 12), axis=0)
    m, k = unique.shape
    matrix = sp.csr_array(np.vstack([-unique, -held]))
    slack = sp.vstack([sp.eye_array(m), sp.csr_array((len(held), m))])
    done = linprog(
        np.concatenate([np.zeros(k), -np.ones(m)]),
        A_ub=sp.hstack([matrix, slack]).tocsr(),
        b_ub=np.zeros(m + len(held)),
        bounds=[(None, None)] * k + [(0.0, 1.0)] * m,
        method="highs",
        options={"time_limit": _SECONDS},
    )
    if done.status != 0:
        raise Undecided
    c: Array = done.x[:k]
    moving = unique @ c > 0.5
    return c * (2.0 / float((unique @ c)[moving].min())) if moving.any() else np.zeros(k)
