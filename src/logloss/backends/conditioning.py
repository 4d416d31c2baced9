"""Which columns have to be read as own parts, found from a Gram matrix and formed from the rows.

A column's own part is what the columns without a penalty leave of it. The Gram matrix G of centred
and scaled columns holds its square: the pivot of a Cholesky factor, next to rounding of 1e-16. So
down to a pivot of 1e-8 columns serve as they are. Below it the own part is formed from the rows
(forming.py).

Columns far from 0 next to their spread, and those in units whose squares leave float64, are read
from a point of their own, and by a power of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.backends.forming import LARGEST, SMALLEST, Columns, moments, moved, own_part
from logloss.backends.spread import Spread
from logloss.objective.own_parts import OwnParts
from logloss.table.design.design import Design

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WIDEST = 4000  # columns without a penalty up to which own parts are looked for
_LEAST_PIVOT = 1e-8
_SUSPICIOUS = 1e-6  # the same among some of the rows: then all are looked at
_FAR = 1e3  # |mean|/deviation from which a column is centred as it is read
_FAR_SPARSE = 8.0  # the same where sums cannot be centred: such a column has next to no zeros


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A design in which no column without a penalty is nearly a combination of others.

    Attributes
    ----------
    design : Design
    spread : Spread
        Of its columns.
    own : OwnParts or None
        The columns that were replaced.
    deviation : ndarray of shape (n_columns,)
        Of the columns as they came.
    aliases : mapping of column to columns
        Columns with a bound and no penalty that are combinations of others of them.
    """

    design: Design
    spread: Spread
    own: OwnParts | None
    deviation: Array
    aliases: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def conditioned(work: Columns, free: Mask, ridge: Array, held: Mask) -> Conditioned:
    """Form the own parts that are needed; mostly none is.

    Parameters
    ----------
    work : Columns
        Measured on all rows.
    free, held : ndarray of shape (n_columns,), bool
        Columns without a penalty and without bounds; those with a bound alone.
    ridge : ndarray of shape (n_columns,)
        Roots of the L2 penalties over a typical p(1−p), in the units of the columns.
    """
    design, weight, spread = work.given, work.weight, work.spread
    if not np.isfinite(spread.mean).all() and not _finite(design, work.n_threads):
        return Conditioned(design, spread, None, spread.deviation)
    means, deviation = spread.mean.copy(), spread.deviation.copy()
    for j in np.flatnonzero(spread.doubtful & np.isfinite(spread.mean)).tolist():
        deviation[j] = moments(work.column(j), weight)[1]
    for j in np.flatnonzero(_at_a_distance(design, spread, work.intercept)).tolist():
        own, values = moved(work, j)
        if own is not None:
            work.add(j, own, values)
            deviation[j] = work.spread.deviation[j] / own.unit
            means[j] = float(own.constant)
    looked_at = _looked_at(design, free)
    if looked_at.any():
        _find_own_parts(work, looked_at, ridge)
    few = held.any() and (free | held).sum() <= WIDEST
    aliases = _aliases_of_held(work, free, held) if few else {}
    if not work.columns:
        return Conditioned(design, spread, None, deviation, aliases)
    parts = OwnParts(work.columns, _short(means, deviation))
    return Conditioned(work.design, work.spread, parts, deviation, aliases)


def _aliases_of_held(work: Columns, free: Mask, held: Mask) -> dict[int, tuple[int, ...]]:
    """Columns with a bound that are combinations of others without a penalty, and of which.

    They stay as they are: the bounds are on them. Only the certificate has to know.
    """
    usable = np.array([not (j in work.columns and work.columns[j].alias) for j in range(len(held))])
    poor, clean, T = _poor(work, (free | held) & usable, np.zeros(len(held)), _LEAST_PIVOT)
    found = {}
    for j in poor:
        if held[j]:
            own, _ = own_part(work, j, clean, T, [])
            if own.alias:
                found[j] = tuple(own.parts)
    return found


def _short(mean: Array, deviation: Array) -> Array:
    """The means to some hundredths of the deviations, in few binary digits."""
    least = np.finfo(np.float64).tiny  # below it a hundredth is not to be had, or 0
    usable = np.isfinite(mean) & np.isfinite(deviation) & (deviation > 128.0 * least)
    with np.errstate(over="ignore"):
        step = np.ldexp(1.0, np.frexp(np.where(usable, deviation, 1.0))[1] - 7)
        short: Array = np.where(usable, np.round(mean / step) * step, mean)
    return short


def suspicious(work: Columns, free: Mask, ridge: Array) -> bool:
    """Whether some of the rows, which stand for all, give reason to look at all of them."""
    far = _at_a_distance(work.given, work.spread, work.intercept)
    if not np.isfinite(work.spread.mean).all() or far.any():
        return True
    looked_at = _looked_at(work.given, free)
    if not looked_at.any():
        return False
    return len(_poor(work, looked_at, ridge, _SUSPICIOUS)[0]) > 0


def _looked_at(design: Design, free: Mask) -> Mask:
    """Columns among which combinations are looked for: beyond thousands, those of numbers."""
    if free.sum() <= WIDEST:
        return free
    numbers: Mask = free & ~design.sparse
    return numbers if numbers.sum() <= WIDEST else np.zeros_like(free)


def _finite(design: Design, n_threads: int) -> bool:
    """Are all numbers finite? One read."""
    zeros = np.zeros(design.n_columns)
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(_kernels.predict(design.kernel, zeros, 0.0, None, n_threads)).all())


def _at_a_distance(design: Design, spread: Spread, intercept: bool) -> Mask:
    """Columns that are to be read from a point of their own, or by a power of two."""
    mean, deviation = np.abs(spread.mean), spread.deviation
    far = np.where(design.sparse, _FAR_SPARSE, _FAR)
    size = np.maximum(mean, deviation)
    odd = ~np.isfinite(size) | ((size > 0.0) & ((size < SMALLEST) | (size > LARGEST)))
    odd |= (deviation == 0.0) & (mean == 0.0) & spread.doubtful
    apart = (mean > far * deviation) & (~spread.still | spread.doubtful)
    result: Mask = odd | (apart & intercept)
    return result


def _poor(
    work: Columns, free: Mask, ridge: Array, least: float
) -> tuple[list[int], list[int], Array]:
    """Columns whose own part is small, those that are not, and T with TᵀT = G⁻¹ of the latter."""
    gram, scale = work.gram(), work.scale
    varies = work.varies & (np.diag(gram) > 0.0)
    base = np.flatnonzero(free & varies)
    block = np.ascontiguousarray(gram[np.ix_(base, base)])
    factor, _ = _kernels.inverse_factor(block, least)
    kept = np.diag(factor) > 0.0
    clean, poor = base[kept], base[~kept].tolist()
    T = np.ascontiguousarray(factor[np.ix_(kept, kept)])
    others = np.flatnonzero(~free & varies)
    if len(others) and len(clean):
        left = np.diag(gram)[others] - ((T @ gram[np.ix_(clean, others)]) ** 2).sum(axis=0)
        poor += others[left + (ridge[others] / scale[others]) ** 2 < least].tolist()
    return poor, clean.tolist(), T


def _find_own_parts(work: Columns, free: Mask, ridge: Array) -> None:
    poor, clean, T = _poor(work, free, ridge, _LEAST_PIVOT)
    formed: list[int] = []
    for j in poor:
        own, values = own_part(work, j, clean, T, formed)
        work.add(j, own, values)
        if free[j] and not own.alias:
            formed.append(j)
