"""Which columns have to be read as own parts, found from a Gram matrix and formed from the rows.

A column's own part is what the columns without a penalty leave of it. The Gram matrix G of centred
and scaled columns holds its square: the pivot of a Cholesky factor, next to rounding of 1e-16. So
down to a pivot of 1e-8 columns serve as they are. Below it the own part is formed from the rows,

    x̃ = x − Σ t_k x_k,   t = G⁻¹ XᵀSx,   and again with x̃ in place of x,

until that leaves as much as there was: the first time it is off by the rounding of G⁻¹, the second
time by that of x̃. A column is an alias where the own part is no larger than what rounding made of
the numbers themselves, ε (|x| + Σ |t_k x_k|).

Columns far from 0 next to their spread, and those in units whose squares leave float64, are read
from a point of their own, and by a power of two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.backends.spread import Spread
from logloss.objective.coordinates import Coordinates
from logloss.objective.own_parts import OwnPart, OwnParts, rounded, settled
from logloss.table.design.design import Design

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WIDEST = 4000  # columns without a penalty up to which own parts are looked for
_LEAST_PIVOT = 1e-8
_SUSPICIOUS = 1e-6  # the same among some of the rows: then all are looked at
_FAR = 1e3  # |mean|/deviation from which a column is centred as it is read
_FAR_SPARSE = 8.0  # the same where sums cannot be centred: such a column has next to no zeros
_SMALLEST, _LARGEST = 1e-100, 1e100  # units of columns whose squares are safe
_EPS = float(np.finfo(np.float64).eps)
_PASSES = 5
_SHARP = 1e-10  # of a combination: less is rounding


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


def conditioned(
    design: Design,
    weight: Array | None,
    spread: Spread,
    free: Mask,
    ridge: Array,
    intercept: bool,
    n_threads: int,
    held: Mask,
) -> Conditioned:
    """Form the own parts that are needed; mostly none is. `held`: columns with a bound alone.

    Parameters
    ----------
    spread : Spread
        Of all rows.
    free : ndarray of shape (n_columns,), bool
        Columns without a penalty and without bounds.
    ridge : ndarray of shape (n_columns,)
        Roots of the L2 penalties over a typical p(1−p), in the units of the columns.
    """
    work = _Work(design, weight, intercept, n_threads, spread)
    if not np.isfinite(spread.mean).all() and not _finite(design, n_threads):
        return Conditioned(design, spread, None, spread.deviation)
    means, deviation = spread.mean.copy(), spread.deviation.copy()
    for j in np.flatnonzero(spread.doubtful & np.isfinite(spread.mean)).tolist():
        deviation[j] = moments(work.column(j), weight)[1]
    for j in np.flatnonzero(_at_a_distance(design, spread, intercept)).tolist():
        own, values = _moved(work, j)
        if own is not None:
            work.add(j, own, values)
            deviation[j] = work.spread.deviation[j] / own.unit
            means[j] = float(own.constant)
    if free.any() and free.sum() <= WIDEST:
        _find_own_parts(work, free, ridge)
    few = held.any() and (free | held).sum() <= WIDEST
    aliases = _aliases_of_held(work, free, held) if few else {}
    if not work.columns:
        return Conditioned(design, spread, None, spread.deviation, aliases)
    parts = OwnParts(work.columns, _short(means, deviation))
    return Conditioned(work.design, work.spread, parts, deviation, aliases)


def _aliases_of_held(work: _Work, free: Mask, held: Mask) -> dict[int, tuple[int, ...]]:
    """Columns with a bound that are combinations of others without a penalty, and of which.

    They stay as they are: the bounds are on them. Only the certificate has to know.
    """
    usable = np.array([not (j in work.columns and work.columns[j].alias) for j in range(len(held))])
    poor, clean, T = _poor(work, (free | held) & usable, np.zeros(len(held)), _LEAST_PIVOT)
    found = {}
    for j in poor:
        if held[j]:
            own, _ = _own_part(work, j, clean, T, [])
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


def suspicious(
    design: Design,
    weight: Array | None,
    spread: Spread,
    free: Mask,
    ridge: Array,
    intercept: bool,
    n_threads: int,
) -> bool:
    """Whether some of the rows, which stand for all, give reason to look at all of them."""
    if not np.isfinite(spread.mean).all() or _at_a_distance(design, spread, intercept).any():
        return True
    if not free.any() or free.sum() > WIDEST:
        return False
    work = _Work(design, weight, intercept, n_threads, spread)
    return len(_poor(work, free, ridge, _SUSPICIOUS)[0]) > 0


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
    odd = ~np.isfinite(size) | ((size > 0.0) & ((size < _SMALLEST) | (size > _LARGEST)))
    odd |= (deviation == 0.0) & (mean == 0.0) & spread.doubtful
    apart = (mean > far * deviation) & (~spread.still | spread.doubtful)
    result: Mask = odd | (apart & intercept)
    return result


@dataclass(eq=False)
class _Work:
    """What has been found so far: the design with the own parts in it, and its sums."""

    given: Design
    weight: Array | None
    intercept: bool
    n_threads: int
    spread: Spread
    columns: dict[int, OwnPart] = field(default_factory=dict)
    _read: dict[int, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.design = self.given

    @property
    def total(self) -> float:
        return float(self.given.n_rows if self.weight is None else self.weight.sum())

    @property
    def _size(self) -> Array:
        center = self.spread.mean * self.intercept
        size: Array = np.hypot(self.spread.deviation, self.spread.mean - center)
        return size

    @property
    def scale(self) -> Array:
        size = self._size
        usable: Array = np.where(np.isfinite(size) & (size > 0.0), size, 1.0)
        return usable

    @property
    def varies(self) -> Mask:
        """Columns that are not constant: of others the centred rows are rounding."""
        varies: Mask = self._size > 0.0
        return varies

    @property
    def center(self) -> Array:
        return np.nan_to_num(self.spread.mean, posinf=0.0, neginf=0.0) * self.intercept

    @property
    def units(self) -> dict[int, float]:
        return {j: own.unit for j, own in self.columns.items()}

    def column(self, j: int) -> Array:
        """Column j as it came."""
        if j not in self._read:
            self._read[j] = self.given.column(j)
        return self._read[j]

    def add(self, j: int, own: OwnPart, values: Array) -> None:
        """Read column j as these values."""
        mean, deviation = moments(values, self.weight)
        means, deviations = self.spread.mean.copy(), self.spread.deviation.copy()
        means[j], deviations[j] = mean, deviation
        self.spread = replace(self.spread, mean=means, deviation=deviations)
        self.columns[j] = own
        self.design = self.design.replaced({j: values})

    def gram(self) -> Array:
        """XᵀSX/Σs of the columns, centred where there is an intercept, and scaled."""
        n, d = self.given.n_rows, self.given.n_columns
        shift = np.where(self.design.sparse, 0.0, self.center)
        ones = np.ones(n) if self.weight is None else self.weight
        rows = _kernels.Observations(np.zeros(n))
        here = self.design.kernel, rows, np.zeros(n), shift, np.arange(d), self.n_threads
        gram = _kernels.gram(*here, curvature=ones)
        where = Coordinates(self.center, self.scale, self.intercept)
        whole = where.hessian(gram, np.arange(d), False, self.design.sparse, self.total)
        return np.ascontiguousarray(whole[:d, :d])

    def sums(self, values: Array) -> Array:
        """XᵀSv/Σs of the centred and scaled columns, v centred where there is an intercept."""
        v = values if self.weight is None else self.weight * values
        zeros = np.zeros(self.given.n_columns)
        raw, _ = _kernels.moments(self.design.kernel, v, zeros, self.n_threads)
        total = float(v.sum())
        sums: Array = (raw - self.center * total) / (self.scale * self.total)
        return sums


def moments(values: Array, weight: Array | None) -> tuple[float, float]:
    """Mean and population standard deviation, on one thread; of squares that leave float64 too."""
    total = float(len(values)) if weight is None else float(weight.sum())
    counted = values if weight is None else values[weight > 0.0]
    s = None if weight is None else weight[weight > 0.0]
    away = counted - counted[0]
    unit = _power(float(np.abs(away).max()))
    away *= unit
    mean = float(away.sum() if s is None else _kernels.dot(s, away)) / total
    rest = away - mean
    square = float((rest * rest).sum() if s is None else _kernels.dot(s, rest * rest)) / total
    return float(counted[0]) + mean / unit, math.sqrt(square) / unit


def _moved(work: _Work, j: int) -> tuple[OwnPart | None, Array]:
    """Column j from a point of its own, by a power of two; None where it is all zeros."""
    x = work.column(j)
    counted = x if work.weight is None else x[work.weight > 0.0]
    with np.errstate(over="ignore", invalid="ignore"):
        largest = float(np.abs(counted).max())
        unit = _power(largest)
        mean = moments(counted * unit, None)[0] / unit if work.intercept else 0.0
        point = float(mean) if math.isfinite(mean) else 0.0
        away = float(np.abs(counted - point).max())
    if largest == 0.0:
        return None, x
    if away <= _EPS * abs(point):
        return OwnPart(1.0, {}, Fraction(point), alias=True), np.zeros(len(x))
    own = OwnPart(_power(away), {}, Fraction(point))
    return own, own.values(j, {j: own.unit}, work.column)


def _power(size: float) -> float:
    """The power of two that brings such numbers near 1; 1 where they are near enough."""
    if size == 0.0 or _SMALLEST <= size <= _LARGEST or not math.isfinite(size):
        return 1.0
    return math.ldexp(1.0, min(-math.frexp(size)[1], 1000))


def _poor(
    work: _Work, free: Mask, ridge: Array, least: float
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


def _find_own_parts(work: _Work, free: Mask, ridge: Array) -> None:
    poor, clean, T = _poor(work, free, ridge, _LEAST_PIVOT)
    formed: list[int] = []
    for j in poor:
        own, values = _own_part(work, j, clean, T, formed)
        work.add(j, own, values)
        if free[j] and not own.alias:
            formed.append(j)


def _own_part(
    work: _Work, j: int, clean: list[int], T: Array, formed: list[int]
) -> tuple[OwnPart, Array]:
    """x̃ of column j: what is left of it by the clean columns, and by those formed before."""
    own = work.columns.get(j, OwnPart(1.0, {}, Fraction(0)))
    values = work.design.column(j)
    size = _size(work, values)
    for _ in range(_PASSES):
        sums = work.sums(values)
        t = T.T @ (T @ sums[clean])
        left = math.sqrt(max(size * size - float(t @ sums[clean]), 1e-16 * size * size))
        shares = dict(zip([*clean, *formed], [*t.tolist(), *sums[formed].tolist()], strict=True))
        least = 0.1 * left / math.sqrt(len(shares))
        taken = {k: share for k, share in shares.items() if abs(share) > least}
        own = _without(work, j, own, taken)
        values = own.values(j, work.units, work.column)
        left = _size(work, values)
        if left <= _rounding(work, j, own):
            return _alias(work, j, own), np.zeros(len(values))
        if left > 0.5 * size:
            break
        size = left
    return own, values


def _alias(work: _Work, j: int, own: OwnPart) -> OwnPart:
    """The combination without what is rounding of others."""
    units, sizes = work.units, np.abs(work.spread.mean) + work.scale
    size = {k: abs(rounded(T)) * sizes[k] for k, T in own.terms(j, units).items()}
    least = _SHARP * max(size.values())
    parts = {k: part for k, part in own.parts.items() if size[k] > least}
    small = abs(rounded(own.constant * Fraction(own.unit))) <= least
    constant = Fraction(0) if small else own.constant
    return OwnPart(own.unit, parts, constant, alias=True)


def _size(work: _Work, values: Array) -> float:
    mean, deviation = moments(values, work.weight)
    return deviation if work.intercept else math.hypot(mean, deviation)


def _without(work: _Work, j: int, own: OwnPart, taken: Mapping[int, float]) -> OwnPart:
    """The own part without so much of the centred and scaled columns; its mean is 0 then."""
    parts = dict(own.parts)
    for k, share in taken.items():
        factor = Fraction(share / float(work.scale[k])) / Fraction(own.unit)
        other = work.columns.get(k, _AS_IT_CAME)
        factor *= Fraction(other.unit)
        for i, part in ((k, Fraction(-1)), *other.parts.items()):
            parts[i] = parts.get(i, Fraction(0)) - factor * part
    units = work.units
    parts = {
        k: settled(part, own.unit, units.get(k, 1.0)) for k, part in parts.items() if part != 0
    }
    if not work.intercept:
        return OwnPart(own.unit, parts, Fraction(0))
    first = 0 if work.weight is None else int(np.argmax(work.weight > 0.0))
    constant = Fraction(float(work.column(j)[first]))
    constant -= sum(part * Fraction(float(work.column(k)[first])) for k, part in parts.items())
    about = OwnPart(own.unit, parts, settled(constant, own.unit))
    mean = moments(about.values(j, work.units, work.column), work.weight)[0]
    constant += Fraction(mean) / Fraction(own.unit)
    return replace(about, constant=settled(constant, own.unit))


def _rounding(work: _Work, j: int, own: OwnPart) -> float:
    """What rounding made of the numbers that the own part is the difference of."""
    size = np.zeros(work.given.n_rows)
    for k, factor in own.terms(j, work.units).items():
        size += abs(rounded(factor)) * np.abs(work.column(k) * work.units.get(k, 1.0))
    mean, deviation = moments(size, work.weight)
    return _EPS * math.hypot(mean, deviation)


_AS_IT_CAME = OwnPart(1.0, {}, Fraction(0))
