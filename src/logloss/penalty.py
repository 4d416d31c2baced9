"""The penalty: separable, one weight per coefficient, none for the intercept; how to ask for it.

    pen(w) = Σ_j (l_j / 2) w_j²,   l_j ≥ 0

Its conjugate pen*(−v) = Σ_j v_j² / (2 l_j) enters the duality gap, where the three terms of a
coefficient join to a square, which cannot cancel:

    pen(w) + pen*(−v) + v w = Σ_j (l_j w_j + v_j)² / (2 l_j)      (over l_j > 0)

A coefficient with l_j = 0 is unpenalised: its pen*(−v) is 0 at v = 0 and infinite elsewhere.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.algebra import dot
from logloss.checks import flag, number
from logloss.errors import UsageError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Penalty:
    """Attributes: `l2`, shape (n_coefficients,), on the mean loss; 0 for the intercept."""

    l2: Array

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """Which coefficients are unpenalised, shape (n_coefficients,), bool."""
        free: NDArray[np.bool_] = self.l2 == 0.0
        return free

    def value(self, beta: Array) -> float:
        """pen(w)."""
        return 0.5 * dot(self.l2 * beta, beta)

    def gradient(self, beta: Array) -> Array:
        """l_j w_j, shape (n_coefficients,)."""
        return self.l2 * beta

    def shortfall(self, residual: Array, accuracy: float = 1.0) -> float:
        """What a residual ρ of the Newton system adds to the gap: Σ ρ_j² / (2 l_j) over l_j > 0.

        Of unpenalised coefficients it must be rounding; here it counts as if l_j were `accuracy`.
        """
        l2 = np.where(self.free, max(accuracy, 1e-300), self.l2)
        return 0.5 * float((residual**2 / l2).sum())

    def gap(self, beta: Array, score: Array) -> float:
        """Σ_j [pen_j(w_j) + pen_j*(−v_j) + v_j w_j] over the penalised coefficients.

        Parameters
        ----------
        beta, score : ndarray of shape (n_coefficients,)
            w, and v = XᵀSr'/Σs of a dual point.
        """
        l2 = np.where(self.free, np.inf, self.l2)
        return 0.5 * float(((self.l2 * beta + score) ** 2 / l2).sum())


@dataclass(frozen=True)
class Strength:
    """How much to penalise: `l2` on the mean loss for a factor of 1, per unit or per deviation."""

    C: float = math.inf
    l1_ratio: float = 0.0
    l1: float | None = None
    l2: float | None = None
    factors: Any = None
    standardize: bool = False

    def check(self) -> None:
        """Raise a UsageError where the options contradict each other or cannot be."""
        number("C", self.C, 0.0, math.inf, open_low=True)
        number("l1_ratio", self.l1_ratio, 0.0, 1.0)
        flag("standardize", self.standardize)
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if value is None:
                continue
            number(name, value, 0.0, sys.float_info.max)
            if math.isfinite(self.C):
                raise UsageError(
                    f"C and {name} are two ways to say the same thing",
                    "give either C and l1_ratio, or l1 and l2",
                )
        if self.l1 or (self.l1_ratio > 0.0 and math.isfinite(self.C)):
            raise UsageError(
                "L1 penalties are not available in this version",
                "leave out l1 and l1_ratio for an L2 penalty",
            )

    def l2_of(self, names: Sequence[str], weight_sum: float, deviation: Array) -> Array:
        """l_j in the units of the columns, shape (n_columns,)."""
        l2 = self.l2 or 0.0
        if math.isfinite(self.C):
            l2 = (1.0 - self.l1_ratio) / (self.C * weight_sum)
        factors = _factors(self.factors, names)
        return l2 * factors * (deviation**2 if self.standardize else 1.0)


def _factors(factors: Any, names: Sequence[str]) -> Array:
    """Penalty factors by position or by name; 1 where none is given."""
    if factors is None:
        return np.ones(len(names))
    if isinstance(factors, Mapping):
        unknown = [name for name in factors if name not in names]
        if unknown:
            raise UsageError(f"penalty_factors names {unknown[0]!r}, which is no coefficient")
        factors = [factors.get(name, 1.0) for name in names]
    values = np.asarray(factors, dtype=np.float64)
    if values.shape != (len(names),):
        raise UsageError(f"penalty_factors has shape {values.shape}, not ({len(names)},)")
    if not (np.isfinite(values) & (values >= 0.0)).all():
        raise UsageError("penalty_factors must be finite and not negative")
    return values
