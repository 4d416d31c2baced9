"""Ways to penalise and to bound the problems of the table.

SHRINKAGES leave F smooth: none, and L2. CORNERS do not: L1, elastic net, bounds and signs. Bounds
are given per standard deviation of a column, so that they mean the same to all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from problems import Problem

Array = NDArray[np.float64]
Weights = tuple[Array, Array, Array, Array]  # l2, l1, lower, upper: each of shape (d,)
Pair = tuple[float | None, float | None]


@dataclass(frozen=True)
class Shrinkage:
    """A way to penalise; `leave` leaves the problem's free columns without a penalty.

    Attributes
    ----------
    bounds : function or None
        Of the position of a column: its bounds, per standard deviation.
    """

    C: float = math.inf
    leave: bool = False
    standardize: bool = False
    l1_ratio: float = 0.0
    l1: float | None = None
    l2: float | None = None
    bounds: Callable[[int], Pair | str | None] | None = None

    def factors(self, problem: Problem) -> Array | None:
        """Penalty factors, shape (d,); None for 1 everywhere."""
        if not self.leave:
            return None
        factors = np.linspace(0.5, 2.0, problem.X.shape[1])
        factors[list(problem.free)] = 0.0
        return factors

    def limits(self, problem: Problem) -> list[Pair | str | None] | None:
        """Bounds as `logloss.fit` takes them."""
        if self.bounds is None:
            return None
        deviation = problem.deviation()
        unit = 1.0 / np.where(deviation > 0.0, deviation, 1.0)
        given = [self.bounds(j) for j in range(len(unit))]
        return [
            tuple(None if end is None else end * unit[j] for end in pair)
            if isinstance(pair, tuple)
            else pair
            for j, pair in enumerate(given)
        ]

    def options(self, problem: Problem) -> dict[str, Any]:
        """Keywords of `logloss.fit`."""
        return {
            "C": self.C,
            "l1_ratio": self.l1_ratio,
            "l1": self.l1,
            "l2": self.l2,
            "penalty_factors": self.factors(problem),
            "bounds": self.limits(problem),
            "standardize": self.standardize,
        }

    def weights(self, problem: Problem) -> Weights:
        """What DESIGN's objective says: l_j = (1 − ratio) f_j/(C Σs), a_j = ratio f_j/(C Σs).

        On scaled columns l_j is by σ_j² more, and a_j by σ_j.
        """
        d = problem.X.shape[1]
        total = 1.0 / (self.C * problem.s.sum())
        l1 = np.full(d, self.l1_ratio * total if self.l1 is None else self.l1)
        l2 = np.full(d, (1.0 - self.l1_ratio) * total if self.l2 is None else self.l2)
        factors = self.factors(problem)
        if factors is not None:
            l1, l2 = l1 * factors, l2 * factors
        if self.standardize:
            l1, l2 = l1 * problem.deviation(), l2 * problem.deviation() ** 2
        lower, upper = np.full(d, -math.inf), np.full(d, math.inf)
        signs = {"+": (0.0, None), "-": (None, 0.0), None: (None, None)}
        for j, given in enumerate(self.limits(problem) or []):
            low, high = given if isinstance(given, tuple) else signs[given]
            lower[j] = -math.inf if low is None else low
            upper[j] = math.inf if high is None else high
        return l2, l1, lower, upper

    def suits(self, problem: Problem) -> bool:
        """Is there a minimum? Columns without a penalty need labels that overlap."""
        if self.leave:
            return bool(problem.free)
        limits = self.limits(problem) or [None]
        closed = all(isinstance(pair, tuple) and None not in pair for pair in limits)
        return problem.minimum or closed or math.isfinite(self.C) or bool(self.l1)


SHRINKAGES: Mapping[str, Shrinkage] = {
    "none": Shrinkage(),
    "C=1": Shrinkage(1.0),
    "C=100": Shrinkage(100.0),
    "factors": Shrinkage(2.0, leave=True),
    "standardize": Shrinkage(0.5, standardize=True),
}


def _away(j: int) -> Pair:
    """0 is outside: two-sided, from below and from above in turn."""
    return [(0.05, 0.4), (0.1, None), (None, -0.1)][j % 3]


def _one_held(j: int) -> Pair | None:
    return (0.5, 0.5) if j == 1 else None


CORNERS: Mapping[str, Shrinkage] = {
    "L1": Shrinkage(1.0, l1_ratio=1.0),
    "L1, weak": Shrinkage(1e3, l1_ratio=1.0),
    "L1, all zero": Shrinkage(1e-9, l1_ratio=1.0),
    "L1, factors": Shrinkage(1.0, leave=True, l1_ratio=1.0),
    "L1, standardize": Shrinkage(0.5, l1_ratio=1.0, standardize=True),
    "elastic": Shrinkage(0.7, l1_ratio=0.5),
    "elastic, standardize": Shrinkage(0.3, l1_ratio=0.7, standardize=True),
    "elastic, factors": Shrinkage(2.0, leave=True, l1_ratio=0.3),
    "l1 and l2": Shrinkage(l1=0.02, l2=0.003),
    "box": Shrinkage(bounds=lambda j: (-0.3, 0.2 + 0.1 * j)),
    "box, L2": Shrinkage(5.0, bounds=lambda _: (-0.3, 0.3)),
    "box, L1": Shrinkage(5.0, l1_ratio=1.0, bounds=lambda _: (-0.2, 0.5)),
    "signs": Shrinkage(bounds=lambda j: "+-"[j % 2]),
    "signs, L1": Shrinkage(1.0, l1_ratio=1.0, bounds=lambda j: ["+", "-", None][j % 3]),
    "away from 0": Shrinkage(bounds=_away),
    "away from 0, elastic": Shrinkage(1.0, l1_ratio=0.5, bounds=_away),
    "all held": Shrinkage(1.0, l1_ratio=0.5, bounds=lambda _: (0.3, 0.3)),
    "one held": Shrinkage(1.0, l1_ratio=1.0, bounds=_one_held),
}
PENALTIES: Mapping[str, Shrinkage] = {**SHRINKAGES, **CORNERS}
