"""Effects on the probability, and the delta method.

A numeric column has the effect ∂p/∂x_j = q β_j, q = p(1−p). One that is 0 or 1, and a level of a
categorical, has the change of p from 0 (its reference level) to 1, all else as it is. Both are
averaged over the rows, Σ s · / Σs, or taken at the mean of the columns (Bartus, Stata J. 5, 2005).
For an effect e(β) with gradient J, Var e = J V Jᵀ:

    ∂(q β_j)/∂β_k = q δ_jk + q (1 − 2p) x_k β_j,   ∂(p₁ − p₀)/∂β_k = q₁ x₁k − q₀ x₀k

with x₁ and x₀ the row with the column (and its other levels) set. statsmodels' get_margeff, with
dummy=True, gives the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels
from logloss.bernoulli import sigmoid
from logloss.inference.distributions import quantile, two_sided

if TYPE_CHECKING:
    from logloss.evidence import Evidence

Array = NDArray[np.float64]

_STEP = 1e-4  # of a standard error, in the derivatives of the delta method


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows over which effects are averaged: all of the data, or one that is their mean.

    Attributes
    ----------
    evidence : Evidence
    coef : ndarray of shape (d,)
        0 where aliased.
    intercept : float
    """

    evidence: Evidence
    coef: Array
    intercept: float

    @property
    def total(self) -> float:
        return self.evidence.rows.total()

    def linear(self, coef: Array, intercept: float = 0.0, offset: bool = False) -> Array:
        """X coef + intercept, and the offset where asked for; one read."""
        e = self.evidence
        o = e.rows.offset if offset else None
        return e.design.predict(coef, intercept, o, e.n_threads)

    def sums(self, u: Array) -> tuple[Array, float]:
        """Σ s u x and Σ s u; one read."""
        e = self.evidence
        su = u if e.rows.weight is None else e.rows.weight * u
        zeros = np.zeros(e.design.n_columns)
        first, _ = _kernels.moments(e.design.kernel, su, zeros, e.n_threads)
        return first, e.rows.total(u)

    def binary(self) -> NDArray[np.bool_]:
        """Columns that are 0 or 1 on every row; a read, and one for each that may be."""
        e = self.evidence
        zeros = np.zeros(e.design.n_columns)
        first, second = _kernels.moments(e.design.kernel, None, zeros, e.n_threads)
        found = np.abs(first - second) <= 1e-9 * np.abs(second)
        for j in np.flatnonzero(found):
            unit = zeros.copy()
            unit[j] = 1.0
            x = self.linear(unit)
            found[j] = bool(((x == 0.0) | (x == 1.0)).all())
        return found


@dataclass(frozen=True, eq=False)
class Mean(Rows):
    """One row: the weighted mean of all."""

    @property
    def total(self) -> float:
        return 1.0

    def linear(self, coef: Array, intercept: float = 0.0, offset: bool = False) -> Array:
        o = self.evidence.rows.offset
        shift = 0.0 if o is None or not offset else self.evidence.rows.total(o) / super().total
        return np.array([float(self.mean @ coef) + intercept + shift])

    def sums(self, u: Array) -> tuple[Array, float]:
        return u[0] * self.mean, float(u[0])

    @cached_property
    def mean(self) -> Array:
        sums, total = super().sums(np.ones(self.evidence.design.n_rows))
        mean: Array = sums / total
        return mean


AT: Mapping[str, type[Rows]] = {"average": Rows, "mean": Mean}


@dataclass(frozen=True)
class Effect:
    """How the probability changes with one column or level, and its gradient by the coefficients.

    `gradient` has the intercept last, where there is one.
    """

    name: str
    change: str
    value: float
    gradient: Array


def effects(rows: Rows, terms: Sequence[tuple[str, ...]]) -> list[Effect]:
    """The effect of each coefficient. Reads: two, and two for each column of zeros and ones.

    Parameters
    ----------
    rows : Rows
    terms : sequence of tuples of coefficient names
        Those of one column of the table together.
    """
    place = {name: j for j, name in enumerate(rows.evidence.names)}
    binary = Rows(rows.evidence, rows.coef, rows.intercept).binary()
    p = np.asarray(sigmoid(rows.linear(rows.coef, rows.intercept, True)))
    q = p * (1.0 - p)
    slope = float(rows.sums(q)[1])
    bent, bent_ones = rows.sums(q * (1.0 - 2.0 * p))
    found = []
    for term in terms:
        at = np.array([place[name] for name in term])
        for name, j in zip(term, at, strict=True):
            if binary[j]:
                found.append(_discrete(rows, name, int(j), at))
                continue
            gradient = np.append(bent, bent_ones) * rows.coef[j]
            gradient[j] += slope
            value = slope * rows.coef[j] / rows.total
            found.append(Effect(name, "slope", value, gradient / rows.total))
    return found


def _discrete(rows: Rows, name: str, j: int, term: NDArray[np.int64]) -> Effect:
    others = rows.coef.copy()
    others[term] = 0.0
    base = rows.linear(others, rows.intercept, True)
    p0 = np.asarray(sigmoid(base))
    p1 = np.asarray(sigmoid(base + rows.coef[j]))
    q0, q1 = p0 * (1.0 - p0), p1 * (1.0 - p1)
    sums, ones = rows.sums(q1 - q0)
    value = rows.sums(p1 - p0)[1] / rows.total
    gradient = np.append(sums, ones)
    gradient[term] = 0.0
    gradient[j] = rows.sums(q1)[1]
    return Effect(name, "0 to 1", value, gradient / rows.total)


def effects_table(found: Sequence[Effect], covariance: Array, level: float) -> Any:
    """A pyarrow.Table of name, change, effect, standard_error, z, p_value, lower, upper.

    `covariance` has the order of the gradients, and zeros for aliases: their effects are null.
    """
    import pyarrow as pa

    n, reach = len(covariance), quantile(level)
    value = np.array([one.value for one in found])
    variance = np.array([one.gradient[:n] @ covariance @ one.gradient[:n] for one in found])
    known = variance > 0.0
    error = np.sqrt(np.where(known, variance, math.nan))
    value = np.where(known, value, math.nan)
    parts = {
        "effect": value,
        "standard_error": error,
        "z": value / error,
        "p_value": np.array([two_sided(z) for z in value / error]),
        "lower": value - reach * error,
        "upper": value + reach * error,
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
