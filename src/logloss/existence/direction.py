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

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from logloss.existence.program import Undecided, largest_support
from logloss.numerics.algebra import inverse_factor, own_columns
from logloss.objective.likelihood import RowSums
from logloss.objective.penalty import Penalty

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_TOWARDS = (0.1, 1e-3)  # log odds by which a step moves a row, for it to be a candidate
_NULL = 1e-9  # of the squared length of a direction, in rows that should not see it
_ZERO = 1e-8  # of the largest |x·d|: rounding
_MOST_EIGENVALUES = 800  # columns up to which a null space is found by them
_MOST_ENTRIES = 10_000_000  # of a linear program
_QUICK_ENTRIES = 200_000


@dataclass(frozen=True, eq=False)
class Cone:
    """Where a direction may lie: the rows with weight, their labels, and the columns.

    Attributes
    ----------
    likelihood : RowSums
        Of the rows in question; the others have the weight 0.
    free : ndarray
        U without aliases.
    gram : ndarray
        XᵀX of these columns over these rows.
    penalty : Penalty
        For bounds: with a lower bound d_k ≥ 0, with an upper one d_k ≤ 0.
    """

    likelihood: RowSums
    free: Indices
    gram: Array
    penalty: Penalty

    @staticmethod
    def over(likelihood: RowSums, columns: Indices, penalty: Penalty) -> Cone:
        """That of these columns but those which are combinations of earlier ones; one Hessian."""
        bounded = penalty.bounded[columns]
        order = np.argsort(bounded, kind="stable")  # a bounded one can be spared, not the other
        gram = gram_over(likelihood, likelihood.rows.counted, columns)
        own = np.zeros(len(columns), np.bool_)
        own[order] = own_columns(gram[np.ix_(order, order)])
        return Cone(likelihood, columns[own], gram[np.ix_(own, own)], penalty)

    def left(self, likelihood: RowSums, null: NullSpace) -> Cone:
        """That of the rows that have a null space: as many columns less as it has dimensions."""
        import scipy.linalg

        k = null.basis.shape[1]
        _, order = scipy.linalg.qr(null.basis.T, mode="r", pivoting=True)
        own = np.sort(order[k:])
        return Cone(likelihood, self.free[own], null.gram[np.ix_(own, own)], self.penalty)

    @cached_property
    def whitener(self) -> Array:
        """T, lower triangular with TᵀT = (XᵀX)⁻¹."""
        return inverse_factor(self.gram)[0]

    @cached_property
    def counted(self) -> Mask:
        """Rows with weight."""
        return self.likelihood.rows.counted

    @cached_property
    def hard(self) -> Mask:
        """Of those, the rows with a label of 0 or 1."""
        y = self.likelihood.rows.y
        hard: Mask = self.counted & ((y == 0.0) | (y == 1.0))
        return hard

    @cached_property
    def sign(self) -> Array:
        """2y − 1."""
        sign: Array = 2.0 * self.likelihood.rows.y - 1.0
        return sign

    def part(self, v: Array) -> Array:
        """v with 0 in the other coefficients."""
        part = np.zeros(self.likelihood.shape.size)
        part[self.free] = v[self.free]
        return part

    def full(self, v: Array) -> Array:
        """A vector over `free`, as one over all coefficients."""
        full = np.zeros(self.likelihood.shape.size)
        full[self.free] = v
        return full


def gram_over(likelihood: RowSums, rows: Mask, columns: Indices) -> Array:
    """XᵀX over some of the rows; at most one Hessian."""
    if not rows.any():
        return np.zeros((len(columns), len(columns)))
    alone = likelihood.alone(rows)
    flat = np.zeros(alone.shape.size)
    gram: Array = alone.hessian(flat, columns) * (4.0 * alone.weight_sum)  # q = ¼ at 0
    return gram


@dataclass(frozen=True, eq=False)
class NullSpace:
    """Of the rows that a direction does not move.

    Attributes
    ----------
    basis : ndarray of shape (len(free), k)
        {b : X_R·b = 0}.
    gram : ndarray
        X_RᵀX_R.
    """

    basis: Array
    gram: Array


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
    null : NullSpace or None
        Of the other rows, where it is known.
    """

    d: Array
    moved: Mask
    along: Array
    null: NullSpace | None = None


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
    ahead = cone.part(-step)
    along = cone.likelihood.along(ahead)
    towards = cone.sign * along
    if _all_told_apart(cone, ahead, towards):
        return Direction(ahead, cone.counted, along)
    so_far = cone.part(beta)
    along = cone.likelihood.along(so_far)
    if _all_told_apart(cone, so_far, cone.sign * along):
        return Direction(so_far, cone.counted, along)
    tried = 0
    bounds = [*_TOWARDS, -np.inf] if thorough else [_TOWARDS[0]]
    for bound in bounds:
        candidates = cone.hard & (towards > bound)
        count = int(candidates.sum())
        if count in (0, tried):
            continue
        tried = count
        found = _among(cone, candidates, ahead, thorough)
        if found is not None:
            return found
    return None


def _all_told_apart(cone: Cone, d: Array, towards: Array) -> bool:
    """Complete separation."""
    least = float(towards[cone.counted].min())
    if not least > _ZERO * float(towards.max()):
        return False
    return _in_bounds(cone, d) and not (cone.counted & ~cone.hard).any()


def _among(cone: Cone, candidates: Mask, ahead: Array, thorough: bool) -> Direction | None:
    """One that moves only the candidates."""
    null = null_space(cone, cone.counted & ~candidates)
    if null.basis.shape[1] == 0:
        return None
    d = cone.full(_projected(cone, null.basis, ahead[cone.free]))
    found = _checked(cone, d, candidates)
    if found is None:
        return _by_program(cone, candidates, null.basis, thorough)
    every = bool((found.moved == candidates).all())
    return replace(found, null=null) if every else found


def _projected(cone: Cone, basis: Array, v: Array) -> Array:
    """v on the span of the basis, orthogonal in XᵀX."""
    if len(basis) > _MOST_EIGENVALUES:
        seen = cone.gram @ basis
        coordinates, *_ = np.linalg.lstsq(basis.T @ seen, seen.T @ v, rcond=None)
        near: Array = basis @ coordinates
        return near
    root = np.linalg.pinv(cone.whitener)  # a column may be an alias all the same, by rounding
    coordinates, *_ = np.linalg.lstsq(root @ basis, root @ v, rcond=None)
    projected: Array = basis @ coordinates
    return projected


def null_space(cone: Cone, rows: Mask) -> NullSpace:
    """A basis of {b : x·b = 0 on these rows}: at most one Hessian, and two reads a vector."""
    if len(cone.free) > _MOST_EIGENVALUES and rows.any():
        return _null_space_of_many(cone, rows)
    others = cone.counted & ~rows
    if 2 * others.sum() < rows.sum():
        gram = cone.gram - gram_over(cone.likelihood, others, cone.free)
    else:
        gram = gram_over(cone.likelihood, rows, cone.free)
    T = cone.whitener
    share = T @ gram @ T.T
    if not np.isfinite(share).all():
        raise Undecided
    values, vectors = np.linalg.eigh(0.5 * (share + share.T))
    near = values <= _NULL
    if not rows.any():
        return NullSpace(np.ascontiguousarray(T.T), gram)
    alone = cone.likelihood.alone(rows)
    seen, inverse = vectors[:, ~near], 1.0 / values[~near]
    flat, scale = np.zeros(alone.shape.size), 4.0 * alone.weight_sum
    kept = []
    for v in vectors.T[near]:
        b, left = v, np.inf
        for _ in range(2):
            product = alone.hessian_product(flat, cone.full(T.T @ b))[cone.free]
            product = T @ (product * scale)
            left = float(b @ product)
            b = b - seen @ (inverse * (seen.T @ product))
        if left <= _NULL**2:
            kept.append(T.T @ b)
    return NullSpace(np.array(kept).T if kept else np.zeros((len(T), 0)), gram)


def _null_space_of_many(cone: Cone, rows: Mask) -> NullSpace:
    """The same by pivots of 0, where eigenvalues take too long.

    A column that is a combination of earlier ones on these rows gives a vector of the null space.
    """
    gram = gram_over(cone.likelihood, rows, cone.free)
    own = own_columns(gram)
    places, aliases = np.flatnonzero(own), np.flatnonzero(~own)
    basis = np.zeros((len(gram), len(aliases)))
    basis[aliases, np.arange(len(aliases))] = 1.0
    if not len(aliases):
        return NullSpace(basis, gram)
    T = inverse_factor(np.ascontiguousarray(gram[np.ix_(own, own)]))[0]
    basis[places] = -T.T @ (T @ gram[np.ix_(own, ~own)])
    alone = cone.likelihood.alone(rows)
    flat, scale = np.zeros(alone.shape.size), 4.0 * alone.weight_sum
    kept = []
    for column in basis.T:
        v, left = column.copy(), np.inf
        for _ in range(2):
            seen = alone.hessian_product(flat, cone.full(v))[cone.free] * scale
            left = float(v @ seen)
            v[places] -= T.T @ (T @ seen[places])
        length = float(v @ (cone.gram @ v))
        if left <= _NULL**2 * length:
            kept.append(v / np.sqrt(length))
    return NullSpace(np.array(kept).T if kept else basis[:, :0], gram)


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


def _by_program(cone: Cone, candidates: Mask, basis: Array, thorough: bool) -> Direction | None:
    """The linear program over the basis, and its solution put right on the rows that it zeroes."""
    most = _MOST_ENTRIES if thorough else _QUICK_ENTRIES
    for _ in range(4):
        if basis.shape[1] == 0 or not candidates.any():
            return None
        if int(candidates.sum()) * basis.shape[1] > most:
            raise Undecided
        full = np.array([cone.full(b) for b in basis.T])
        rows = np.column_stack([(cone.sign * cone.likelihood.along(b))[candidates] for b in full])
        solution = largest_support(rows, _bound_rows(cone, full))
        moved = np.zeros_like(candidates)
        moved[candidates] = rows @ solution > 1e-3 * np.abs(rows).max(axis=1)
        if not moved.any():
            return None
        candidates = moved
        found = _checked(cone, cone.full(full[:, cone.free].T @ solution), candidates)
        if found is not None:
            return found
        basis = null_space(cone, cone.counted & ~candidates).basis
        d = cone.full(_projected(cone, basis, full[:, cone.free].T @ solution))
        found = _checked(cone, d, candidates)
        if found is not None:
            return found
    raise Undecided


def _bound_rows(cone: Cone, full: Array) -> Array:
    """Rows g with g·c ≥ 0 for coefficients that have one bound."""
    low, high = cone.penalty.lower > -np.inf, cone.penalty.upper < np.inf
    return np.vstack([full[:, low].T, -full[:, high].T])
