"""Columns that are read as what the others leave of them, and the way back.

    x̃_j = 2^e (x_j − c_j − Σ_k T_jk x_k)

A time stamp in milliseconds and another a moment later have nearly all in common; what tells them
apart is lost in the squares of a Gram matrix and in products with coefficients that cancel. In
these columns it is not: they are formed from the rows with 106 bits (numerics/double_double.py).
The factors are what is written here, exactly, so that the span of the columns is the same, and

    z = Σ w̃ x̃ + b̃ = Σ w x + b,   w_k = ω_k − Σ_j T_jk ω_j,   b = b̃ − Σ_j c_j ω_j,   ω_j = 2^e w̃_j

(ω_k = w̃_k for a column that is read as it came) is computed in whole fractions and rounded once. A
column of which nothing is left but rounding is an alias: its x̃ is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.double_double import combination, pair
from logloss.table.design.design import Design

Array = NDArray[np.float64]


def _times(factor: float, name: str) -> str:
    sign, size = "−" if factor < 0.0 else "+", f"{abs(factor):.6g}"
    if not name:
        return f"{sign} {size}"
    return f"{sign} {name}" if size == "1" else f"{sign} {size}·{name}"


def settled(value: Fraction, unit: float = 1.0, by: float = 1.0) -> Fraction:
    """What a pair of float64 holds of it, times `unit`/`by`: powers of two."""
    ratio = Fraction(unit) / Fraction(by)
    high, low = pair(value * ratio)
    return (Fraction(high) + Fraction(low)) / ratio


@dataclass(frozen=True, eq=False)
class OwnPart:
    """One such column.

    Attributes
    ----------
    unit : float
        2^e.
    parts : mapping of column to Fraction
        T_jk.
    constant : Fraction
        c_j.
    alias : bool
    """

    unit: float
    parts: Mapping[int, Fraction]
    constant: Fraction
    alias: bool = False

    def formula(self, names: Sequence[str], most: int = 4) -> str:
        """What the column is a combination of, in words."""
        parts = [(rounded(factor), names[k]) for k, factor in self.parts.items()]
        words = [_times(factor, name) for factor, name in parts[:most]]
        if len(parts) > most:
            words.append(f"+ {len(parts) - most} columns more")
        if self.constant or not parts:
            words.append(_times(rounded(self.constant), ""))
        return " ".join(words).removeprefix("+ ")

    def terms(self, j: int, units: Mapping[int, float]) -> dict[int, Fraction]:
        """What the columns, each by its own power of two, are multiplied by to give x̃_j."""
        unit = Fraction(self.unit)
        others = {k: -unit * T / Fraction(units.get(k, 1.0)) for k, T in self.parts.items()}
        return {j: unit / Fraction(units.get(j, 1.0)), **others}

    def values(self, j: int, units: Mapping[int, float], column: Callable[[int], Array]) -> Array:
        """x̃_j of each row, shape (n_rows,).

        Parameters
        ----------
        units : mapping of column to float
            Powers of two, of columns whose numbers are far from 1.
        column : function
            The numbers of a column as they came.
        """
        terms = self.terms(j, units).items()
        scaled = [(factor, column(k) * units.get(k, 1.0)) for k, factor in terms]
        return combination(scaled, -Fraction(self.unit) * self.constant)


@dataclass(frozen=True, eq=False)
class OwnParts:
    """The columns that are read as own parts, by their numbers: none has parts of later ones.

    `means`: of the columns as they came, about, in few digits: differences from them are mostly
    exact. Shape (n_columns,).
    """

    columns: Mapping[int, OwnPart]
    means: Array

    def design(self, design: Design) -> Design:
        """The design with these columns in place of those as they came. A read for each of them."""
        units = {j: own.unit for j, own in self.columns.items()}
        read = cache(design.column)
        values = {
            j: np.zeros(design.n_rows) if own.alias else own.values(j, units, read)
            for j, own in self.columns.items()
        }
        return design.replaced(values)

    @property
    def taken(self) -> NDArray[np.int64]:
        """Columns that are part of others."""
        taken = {k for own in self.columns.values() for k in own.parts}
        return np.array(sorted(taken), np.int64)

    def combination(self, j: int) -> tuple[Array, float] | None:
        """x_j = Σ a_k x_k + constant of an alias, a of shape (n_columns,); else None."""
        own = self.columns.get(j)
        if own is None or not own.alias:
            return None
        parts = np.zeros(len(self.means))
        for k, factor in own.parts.items():
            parts[k] = rounded(factor)
        return parts, rounded(own.constant)

    def raw(self, coef: Array, intercept: float) -> tuple[Array, Fraction]:
        """w and b of w̃ and b̃; b is not rounded, and right at the means for w as rounded."""
        raw, constant = coef.copy(), Fraction(intercept)
        exact: dict[int, Fraction] = {}
        for j, own in self.columns.items():
            w = Fraction(own.unit) * Fraction(float(coef[j]))
            exact[j] = exact.get(j, Fraction(0)) + w - Fraction(float(coef[j]))
            constant -= own.constant * w
            for k, factor in own.parts.items():
                exact[k] = exact.get(k, Fraction(0)) - factor * w
        for k, change in exact.items():
            exactly = Fraction(float(coef[k])) + change
            raw[k] = rounded(exactly)
            if np.isfinite(raw[k]) and np.isfinite(self.means[k]):
                constant += (exactly - Fraction(float(raw[k]))) * Fraction(float(self.means[k]))
        return raw, constant

    def inner(self, coef: Array, intercept: Fraction) -> tuple[Array, float]:
        """The inverse of `raw`."""
        changes: dict[int, Fraction] = {}
        constant = intercept
        for j, own in reversed(
            list(self.columns.items())
        ):  # a part may have parts: of earlier ones
            omega = changes[j] = changes.get(j, Fraction(0)) + Fraction(float(coef[j]))
            constant += own.constant * omega
            for k, factor in own.parts.items():
                changes[k] = changes.get(k, Fraction(0)) + factor * omega
        inner = coef.copy()
        for k, change in changes.items():
            if k in self.columns:
                inner[k] = rounded(change / Fraction(self.columns[k].unit))
            else:
                inner[k] = rounded(Fraction(float(coef[k])) + change)
        return inner, rounded(constant)

    def matrix(self, n_columns: int, intercept: bool) -> Array:
        """A with (w, b) = A (w̃, b̃), rounded; shape (n_columns + intercept,) * 2."""
        n = n_columns + intercept
        matrix = np.eye(n)
        for j, own in self.columns.items():
            matrix[j, j] = own.unit
            for k, factor in own.parts.items():
                matrix[k, j] -= rounded(factor * Fraction(own.unit))
            if intercept:
                matrix[-1, j] = -rounded(own.constant * Fraction(own.unit))
        return matrix


def rounded(value: Fraction) -> float:
    """The nearest float64; ±inf beyond them."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
