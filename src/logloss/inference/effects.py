"""Effects of the columns of a table on the probability, and the delta method.

A numeric column has the effect ∂p/∂x = q ∂z/∂x, q = p(1−p). One that is 0 or 1, and a level of a
categorical, has the change of p from 0 (its reference level) to 1, all else as it is; so has "its
value is missing", with the mean that stands for the value as it is. Both are averaged over the rows
that count, Σ s · / Σs, or taken at the mean of the columns (Bartus, Stata J. 5, 2005). For an
effect e(β) with gradient J, Var e = J V Jᵀ. Where each column has coefficients of its own, β_j,

    ∂(q β_j)/∂β_k = q δ_jk + q (1 − 2p) x_k β_j,   ∂(p₁ − p₀)/∂β_k = q₁ x₁k − q₀ x₀k

with x₁ and x₀ the row with the column (and its other levels) set; the terms of a formula are in
`effects_of_terms`. statsmodels' get_margeff, with dummy=True, gives the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, final

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import sigmoid, sigmoid_derivative
from logloss.numerics.distributions import quantile, two_sided
from logloss.table.columns.binary import zeros_and_ones

if TYPE_CHECKING:
    from logloss.inference.optimum import Optimum
    from logloss.record.evidence import Evidence
    from logloss.table import Schema
    from logloss.table.schema.kind import Kind

Array = NDArray[np.float64]

_STEP = 1e-4  # of a standard error, in the derivatives of the delta method


class Points(Protocol):
    """Where effects are taken, and averaged: on all rows, or at one that is their mean.

    Attributes
    ----------
    evidence : Evidence
    coef : ndarray of shape (d,)
        0 where aliased.
    intercept : float
    at_mean : bool
    """

    evidence: Evidence
    coef: Array
    intercept: float
    at_mean: ClassVar[bool]

    @property
    def total(self) -> float:
        """Σ s."""
        ...

    def linear(self, coef: Array, intercept: float = 0.0, offset: bool = False) -> Array:
        """X coef + intercept, and the offset where asked for; one read."""
        ...

    def sums(self, u: Array) -> tuple[Array, float]:
        """Σ s u x and Σ s u; one read."""
        ...


@final
@dataclass(eq=False)
class EachRow:
    """All rows of the data."""

    at_mean: ClassVar[bool] = False
    evidence: Evidence
    coef: Array
    intercept: float

    @property
    def total(self) -> float:
        return self.evidence.rows.total()

    def linear(self, coef: Array, intercept: float = 0.0, offset: bool = False) -> Array:
        e = self.evidence
        o = e.rows.offset if offset else None
        return e.design.predict(coef, intercept, o, e.n_threads)

    def sums(self, u: Array) -> tuple[Array, float]:
        return weighted_sums(self.evidence, u)


@final
@dataclass(eq=False)
class MeanRow:
    """One row: the weighted mean of all."""

    at_mean: ClassVar[bool] = True
    evidence: Evidence
    coef: Array
    intercept: float

    @property
    def total(self) -> float:
        return 1.0

    def linear(self, coef: Array, intercept: float = 0.0, offset: bool = False) -> Array:
        rows = self.evidence.rows
        shift = 0.0 if rows.offset is None or not offset else rows.total(rows.offset) / rows.total()
        return np.array([float(self.mean @ coef) + intercept + shift])

    def sums(self, u: Array) -> tuple[Array, float]:
        return u[0] * self.mean, float(u[0])

    @cached_property
    def mean(self) -> Array:
        e = self.evidence
        mean: Array = weighted_sums(e, np.ones(e.design.n_rows))[0] / e.rows.total()
        return mean


def weighted_sums(evidence: Evidence, u: Array) -> tuple[Array, float]:
    """Σ s u x and Σ s u over the rows; one read."""
    e = evidence
    su = u if e.rows.weight is None else e.rows.weight * u
    first, _ = e.design.moments(su, e.n_threads)
    return first, e.rows.total(u)


AT: Mapping[str, type[EachRow | MeanRow]] = {"average": EachRow, "mean": MeanRow}


def probability(z: Array) -> Array:
    """p of log odds."""
    return np.asarray(sigmoid(z), np.float64)


def variance(z: Array) -> Array:
    """q = p(1 − p) of log odds, also where p is near 1."""
    return np.asarray(sigmoid_derivative(z), np.float64)


@final
@dataclass(frozen=True)
class Effect:
    """How the probability changes with one column or level, and its gradient by the coefficients.

    `gradient` has the intercept last, where there is one.
    """

    name: str
    change: str
    value: float
    gradient: Array


@final
@dataclass(frozen=True)
class Move:
    """What is moved: coefficients that are 0 but for one of them, before and after.

    Attributes
    ----------
    name : str
    after : int
        The coefficient that is 1 after the move, or that has the slope.
    before : int or None
        That which is 1 before it; None: none.
    whole : tuple of int
        All coefficients of the column.
    """

    name: str
    after: int
    before: int | None
    whole: tuple[int, ...]


def effects_of(
    where: type[EachRow | MeanRow], evidence: Evidence, optimum: Optimum, schema: Schema
) -> list[Effect]:
    """The effect of each column of a table of a fit, or of each of its levels."""
    if schema.of_terms:
        from logloss.inference.effects_of_terms import term_effects

        return term_effects(evidence, optimum, schema, where.at_mean)  # type: ignore[arg-type]
    coef, intercept = evidence.coordinates.raw(optimum.beta)
    return effects(where(evidence, coef, intercept), schema.kinds)


def effects(rows: Points, columns: Sequence[Kind[Any]]) -> list[Effect]:
    """The effect of each column or level. Reads: two, and two for each change from 0 to 1."""
    binary = zeros_and_ones_of(rows.evidence)
    z = rows.linear(rows.coef, rows.intercept, True)
    p, q = probability(z), variance(z)
    slope = float(rows.sums(q)[1])
    bent = np.append(*rows.sums(q * (1.0 - 2.0 * p)))
    found = []
    for move in _moves(columns):
        if binary[move.after]:
            found.append(_discrete(rows, move))
            continue
        gradient = bent * rows.coef[move.after]
        gradient[move.after] += slope
        value = slope * rows.coef[move.after] / rows.total
        found.append(Effect(move.name, "slope", value, gradient / rows.total))
    return found


def _moves(columns: Sequence[Kind[Any]]) -> Iterator[Move]:
    at = 0
    for column in columns:
        yield from _OF_KIND[column.kind](column, at)
        at += len(column.coefficient_names)


def _of_number(column: Any, at: int) -> Iterator[Move]:
    """Its value, and apart from that whether it is missing."""
    for j, name in enumerate(column.coefficient_names):
        yield Move(name, at + j, None, (at + j,))


def _of_levels(column: Any, at: int) -> Iterator[Move]:
    """Each level against the reference; where all have a coefficient, the most frequent one."""
    whole = tuple(range(at, at + len(column.own)))
    before = None if column.reference is not None else at + int(np.argmax(column.average))
    for j, name in zip(whole, column.coefficient_names, strict=True):
        if j != before:
            yield Move(name, j, before, whole)


_OF_KIND: Mapping[str, Callable[[Any, int], Iterator[Move]]] = {
    "numeric": _of_number,
    "categorical": _of_levels,
}


def zeros_and_ones_of(evidence: Evidence) -> NDArray[np.bool_]:
    """Which coefficients belong to zeros and ones on all rows that count, shape (d,)."""
    weight, encoded = evidence.rows.weight, evidence.design.encoded
    counted = None if weight is None else weight > 0.0
    if encoded.columns is None:
        return _of_matrix(evidence, counted)
    return np.concatenate([piece.zeros_and_ones(counted) for piece in encoded.columns])


def _of_matrix(evidence: Evidence, counted: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """A read, and one for each column that may be of zeros and ones."""
    e, zeros = evidence, np.zeros(evidence.design.n_columns)
    ones = None if counted is None else counted.astype(np.float64)
    first, second = e.design.moments(ones, e.n_threads)
    found = np.abs(first - second) <= 1e-9 * np.abs(second)
    for j in np.flatnonzero(found):
        unit = zeros.copy()
        unit[j] = 1.0
        found[j] = zeros_and_ones(e.design.predict(unit, 0.0, None, e.n_threads), None, counted)
    return found


def _discrete(rows: Points, move: Move) -> Effect:
    whole = np.array(move.whole)
    others = rows.coef.copy()
    others[whole] = 0.0
    base = rows.linear(others, rows.intercept, True)
    first = base if move.before is None else base + rows.coef[move.before]
    second = base + rows.coef[move.after]
    q0, q1 = variance(first), variance(second)
    gradient = np.append(*rows.sums(q1 - q0))
    value = rows.sums(probability(second) - probability(first))[1] / rows.total
    gradient[whole] = 0.0
    gradient[move.after] = rows.sums(q1)[1]
    if move.before is not None:
        gradient[move.before] = -rows.sums(q0)[1]
    return Effect(move.name, "0 to 1", value, gradient / rows.total)


def effects_table(found: Sequence[Effect], covariance: Array, level: float) -> Any:
    """A pyarrow.Table of name, change, effect, standard_error, z, p_value, lower, upper.

    `covariance` has the order of the gradients, and zeros for aliases: their effects are null.
    """
    import pyarrow as pa

    n, half = len(covariance), quantile(level)
    value = np.array([one.value for one in found])
    squares = np.array([one.gradient[:n] @ covariance @ one.gradient[:n] for one in found])
    known = squares > 0.0
    error = np.sqrt(np.where(known, squares, math.nan))
    value = np.where(known, value, math.nan)
    parts = {
        "effect": value,
        "standard_error": error,
        "z": value / error,
        "p_value": np.array([two_sided(z) for z in value / error]),
        "lower": value - half * error,
        "upper": value + half * error,
    }
    return pa.table(
        {
            "name": pa.array([one.name for one in found], pa.string()),
            "change": pa.array([one.change for one in found], pa.string()),
            **{k: pa.array(x, pa.float64(), from_pandas=True) for k, x in parts.items()},
        }
    )


def delta_method(
    function: Callable[[Mapping[str, float]], float],
    names: Sequence[str],
    values: Array,
    covariance: Array,
) -> tuple[float, float]:
    """f(β) and its standard error, √(JVJᵀ), by central differences in steps of a small SE."""
    known = np.flatnonzero(~np.isnan(values))
    errors = np.sqrt(np.diag(covariance))

    def at(j: int, step: float) -> float:
        moved = values.copy()
        moved[j] += step
        return float(function(dict(zip(names, moved.tolist(), strict=True))))

    gradient = np.zeros(len(known))
    for k, j in enumerate(known.tolist()):
        h = _STEP * errors[j]
        if h > 0.0:
            gradient[k] = (at(j, h) - at(j, -h)) / (2.0 * h)
    block = covariance[np.ix_(known, known)]
    return at(0, 0.0), math.sqrt(max(0.0, float(gradient @ block @ gradient)))
