"""Own parts formed from the rows: what other columns leave of a column; columns moved and scaled.

    x̃ = x − Σ t_k x_k,   t = G⁻¹ XᵀSx,   and again with x̃ in place of x,

until that leaves as much as there was: the first time it is off by the rounding of G⁻¹, the second
time by that of x̃. A column is an alias where the own part is no larger than what rounding made of
the numbers themselves, ε (|x| + Σ |t_k x_k|).
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
from logloss.objective.own_parts import OwnPart, rounded, settled
from logloss.table.design.design import Design

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SMALLEST, LARGEST = 1e-100, 1e100  # units of columns whose squares are safe
_EPS = float(np.finfo(np.float64).eps)
_PASSES = 5
_SHARP = 1e-10  # of a combination: less is rounding
_AS_IT_CAME = OwnPart(1.0, {}, Fraction(0))


@dataclass(eq=False)
class Columns:
    """The columns of a design and what has been made of them so far, with their sums.

    Attributes
    ----------
    given, weight, intercept, n_threads
        The design as it came, weights of rows or None, whether there is an intercept.
    spread : Spread
        Of the columns as they are read now.
    columns : dict of int to OwnPart
        Those that are read otherwise than they came.
    """

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
    unit = power_of_two(float(np.abs(away).max()))
    away *= unit
    mean = float(away.sum() if s is None else _kernels.dot(s, away)) / total
    rest = away - mean
    square = float((rest * rest).sum() if s is None else _kernels.dot(s, rest * rest)) / total
    return float(counted[0]) + mean / unit, math.sqrt(square) / unit


def moved(work: Columns, j: int) -> tuple[OwnPart | None, Array]:
    """Column j from a point of its own, by a power of two; None where it is all zeros."""
    x = work.column(j)
    counted = x if work.weight is None else x[work.weight > 0.0]
    with np.errstate(over="ignore", invalid="ignore"):
        largest = float(np.abs(counted).max())
        unit = power_of_two(largest)
        mean = moments(counted * unit, None)[0] / unit if work.intercept else 0.0
        point = float(mean) if math.isfinite(mean) else 0.0
        away = float(np.abs(counted - point).max())
    if largest == 0.0:
        return None, x
    if away <= _EPS * abs(point):
        return OwnPart(1.0, {}, Fraction(point), alias=True), np.zeros(len(x))
    own = OwnPart(power_of_two(away), {}, Fraction(point))
    return own, own.values(j, {j: own.unit}, work.column)


def power_of_two(size: float) -> float:
    """The power of two that brings such numbers near 1; 1 where they are near enough."""
    if size == 0.0 or SMALLEST <= size <= LARGEST or not math.isfinite(size):
        return 1.0
    return math.ldexp(1.0, min(-math.frexp(size)[1], 1000))


def own_part(
    work: Columns, j: int, clean: list[int], T: Array, formed: list[int]
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


def _alias(work: Columns, j: int, own: OwnPart) -> OwnPart:
    """The combination without what is rounding of others."""
    units = work.units
    size = {
        k: abs(rounded(T)) * math.hypot(*moments(work.column(k) * units.get(k, 1.0), work.weight))
        for k, T in own.terms(j, units).items()
    }
    least = _SHARP * max(size.values())
    parts = {k: part for k, part in own.parts.items() if size[k] > least}
    small = abs(rounded(own.constant * Fraction(own.unit))) <= least
    constant = Fraction(0) if small else own.constant
    return OwnPart(own.unit, parts, constant, alias=True)


def _size(work: Columns, values: Array) -> float:
    mean, deviation = moments(values, work.weight)
    return deviation if work.intercept else math.hypot(mean, deviation)


def _without(work: Columns, j: int, own: OwnPart, taken: Mapping[int, float]) -> OwnPart:
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


def _rounding(work: Columns, j: int, own: OwnPart) -> float:
    """What rounding made of the numbers that the own part is the difference of."""
    size = np.zeros(work.given.n_rows)
    for k, factor in own.terms(j, work.units).items():
        size += abs(rounded(factor)) * np.abs(work.column(k) * work.units.get(k, 1.0))
    mean, deviation = moments(size, work.weight)
    return _EPS * math.hypot(mean, deviation)
