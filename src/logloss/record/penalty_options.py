"""How to ask for a penalty: C and l1_ratio, or l1 and l2; factors, bounds and signs by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import UsageError, nearest
from logloss.objective.penalty import Neglected, Penalty
from logloss.objective.separable import Separable
from logloss.objective.shape import Shape
from logloss.record.options import check_part

Array = NDArray[np.float64]
Ends = tuple[float | None, float | None]  # lower and upper bound; None: none

SIGNS: dict[Any, tuple[float, float]] = {"+": (0.0, math.inf), "-": (-math.inf, 0.0)}
_NO_L2 = 1e-17  # a penalty per squared deviation that is below the rounding of the loss
_NO_L1 = 1e-14  # one per deviation that is below the rounding of scores


@dataclass(frozen=True)
class PenaltyOptions:
    """What was asked for, in the units of the columns; see `logloss.fit` for the meaning."""

    C: float = math.inf
    l1_ratio: float = 0.0
    l1: float | None = None
    l2: float | None = None
    factors: Any = None
    bounds: Any = None
    standardize: bool = False

    def check(self) -> None:
        """Raise a UsageError where the options contradict each other or cannot be."""
        check_part("penalty", self)
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if value is not None and math.isfinite(self.C):
                raise UsageError(
                    f"C and {name} are two ways to say the same thing",
                    "give either C and l1_ratio, or l1 and l2",
                )

    def check_none(self, beside: str) -> None:
        """Raise a UsageError where there is any penalty or bound beside what goes with none."""
        given = {
            "C": math.isfinite(self.C),
            "l1": self.l1 is not None,
            "l2": self.l2 is not None,
            "penalty_factors": self.factors is not None,
            "bounds": self.bounds is not None,
            "standardize": self.standardize,
        }
        for name, there in given.items():
            if there:
                raise UsageError(f"{beside} takes no {name}", f"leave {name} out")

    @property
    def smooth(self) -> bool:
        """Nothing that a gradient alone could not handle: no L1 penalty, no bound."""
        shrinks = bool(self.l1) or (self.l1_ratio > 0.0 and math.isfinite(self.C))
        return not shrinks and self.bounds is None

    def penalises(self, column: str) -> bool:
        """Whether the coefficients of a column of the table have a penalty."""
        factors = self.factors
        free = isinstance(factors, Mapping) and factors.get(column, 1.0) == 0.0
        return not free and bool(self.l1 or self.l2 or math.isfinite(self.C))

    def unpenalised(self, names: Sequence[str]) -> bool:
        """Whether no coefficient has a penalty or a bound, whatever was said of others."""
        pair = _bounds(self.bounds, names)
        weights = self.weights(names, 1.0, np.ones(len(names)))
        return not (any(np.isfinite(ends).any() for ends in pair) or any(w.any() for w in weights))

    def by_name(self, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> PenaltyOptions:
        """The same as plain values: factors and bounds stand by the names of their coefficients.

        A factor of 1 and no bound are left out. `groups` has the coefficients of each column: its
        name means all of them, unless it is also that of a coefficient, which is then meant.
        """
        return PenaltyOptions(
            C=float(self.C),
            l1_ratio=float(self.l1_ratio),
            l1=None if self.l1 is None else float(self.l1),
            l2=None if self.l2 is None else float(self.l2),
            factors=_factors_by_name(_spread_out(self.factors, groups), names),
            bounds=_bounds_by_name(_spread_out(self.bounds, groups), names),
            standardize=bool(self.standardize),
        )

    def weights(
        self, names: Sequence[str], weight_sum: float, deviation: Array
    ) -> tuple[Array, Array]:
        """√l_j and a_j in the units of the columns, each of shape (n_columns,)."""
        l1, l2 = self.l1 or 0.0, self.l2 or 0.0
        if math.isfinite(self.C):
            total = 1.0 / (self.C * weight_sum)
            l1, l2 = self.l1_ratio * total, (1.0 - self.l1_ratio) * total
        factors = _factors(self.factors, names)
        unit = deviation if self.standardize else np.ones(len(names))
        return np.sqrt(l2 * factors) * unit, l1 * factors * unit

    def penalty(
        self,
        weights: tuple[Array, Array],
        names: Sequence[str],
        scale: Array,
        shape: Shape,
        left_out: NDArray[np.bool_] | None = None,
    ) -> Penalty:
        """The same on the coefficients θ = w·scale of a solver; an intercept is free.

        `left_out`: coefficients whose penalties are too small for a solver, shape (n_columns,).
        """
        l2, l1 = (weights[0] / scale) ** 2, weights[1] / scale
        neglected = None
        if left_out is not None:
            small = Neglected(*(np.where(left_out, weight, 0.0) for weight in weights))
            neglected = small if small.where.any() else None
            l2[left_out], l1[left_out] = 0.0, 0.0
        lower, upper = _bounds(self.bounds, names)
        parts = [l2, l1, lower * scale, upper * scale]
        ends = (0.0, 0.0, -math.inf, math.inf)
        parts = [shape.joined(part, end) for part, end in zip(parts, ends, strict=True)]
        return Separable(parts[0], parts[1], parts[2], parts[3], neglected)

    def free(
        self, weights: tuple[Array, Array], names: Sequence[str], deviation: Array
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which coefficients have neither a penalty nor a bound, and which have a bound alone.

        Each of shape (n_columns,), bool.
        """
        lower, upper = _bounds(self.bounds, names)
        none = small(weights, deviation)
        unbounded = np.isinf(lower) & np.isinf(upper)
        return none & unbounded, none & ~unbounded

    def within_bounds(self, coef: Array, names: Sequence[str]) -> Array:
        """Coefficients that the way back from a solver's units has left beside a bound, on it."""
        if self.bounds is None:
            return coef
        lower, upper = _bounds(self.bounds, names)
        for bound in (lower, upper):
            far = np.where(np.isfinite(bound), bound, 0.0)
            near = np.isfinite(bound) & (np.abs(coef - far) <= 1e-15 * np.abs(far))
            coef = np.where(near, far, coef)
        clipped: Array = np.clip(coef, lower, upper)
        return clipped


def small(weights: tuple[Array, Array], deviation: Array) -> NDArray[np.bool_]:
    """Penalties that are none, or next to none beside the spread of their columns.

    `weights`: √l_j and a_j. All of shape (n_columns,).
    """
    root, l1 = weights
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        none: NDArray[np.bool_] = (root == 0.0) | ((root / deviation) ** 2 < _NO_L2)
        none &= (l1 == 0.0) | (l1 / deviation < _NO_L1)
    return none


def _factors_by_name(factors: Any, names: Sequence[str]) -> dict[str, float] | None:
    if factors is None:
        return None
    values = _factors(factors, names).tolist()
    return {name: x for name, x in zip(names, values, strict=True) if x != 1.0}


def _bounds_by_name(bounds: Any, names: Sequence[str]) -> dict[str, Ends] | None:
    if bounds is None:
        return None
    pairs = np.column_stack(_bounds(bounds, names)).tolist()
    found = {name: (_end(low), _end(high)) for name, (low, high) in zip(names, pairs, strict=True)}
    return {name: ends for name, ends in found.items() if ends != (None, None)}


def _end(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _spread_out(given: Any, groups: Mapping[str, Sequence[str]]) -> Any:
    if not isinstance(given, Mapping):
        return given
    known = {name for names in groups.values() for name in names}
    whole = {
        name: value
        for column, value in given.items()
        if column not in known
        for name in groups.get(column, (column,))
    }
    return whole | {name: value for name, value in given.items() if name in known}


def _by_name(option: str, given: Mapping[Any, Any], names: Sequence[str], default: Any) -> Any:
    """The value of each coefficient, in order."""
    known = frozenset(names)
    for name in given:
        if name not in known:
            near = nearest(str(name), names)
            raise UsageError(
                f"{option} names {name!r}, which is no coefficient",
                f"did you mean {near!r}?" if near else None,
            )
    return [given.get(name, default) for name in names]


def _factors(factors: Any, names: Sequence[str]) -> Array:
    """Penalty factors by position or by name; 1 where none is given."""
    if factors is None:
        return np.ones(len(names))
    if isinstance(factors, Mapping):
        factors = _by_name("penalty_factors", factors, names, 1.0)
    values = np.asarray(factors, dtype=np.float64)
    if values.shape != (len(names),):
        raise UsageError(f"penalty_factors has shape {values.shape}, not ({len(names)},)")
    if not (np.isfinite(values) & (values >= 0.0)).all():
        raise UsageError("penalty_factors must be finite and not negative")
    return values


def _bounds(bounds: Any, names: Sequence[str]) -> tuple[Array, Array]:
    """Lower and upper bounds by position or by name; none where none is given."""
    none = (-math.inf, math.inf)
    if bounds is None:
        return np.full(len(names), -math.inf), np.full(len(names), math.inf)
    if isinstance(bounds, Mapping):
        bounds = _by_name("bounds", bounds, names, none)
    given = list(bounds)
    if len(given) != len(names):
        raise UsageError(
            f"bounds has {len(given)} entries, not {len(names)}",
            "give a pair (lower, upper) or a sign for each coefficient, or a mapping by name",
        )
    pairs = np.array([_pair(name, entry) for name, entry in zip(names, given, strict=True)])
    pairs = pairs.reshape(len(names), 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _pair(name: str, entry: Any) -> tuple[float, float]:
    """One coefficient's bounds: a pair in which None is none, a sign, or None."""
    if entry is None:
        return -math.inf, math.inf
    if isinstance(entry, str):
        entry = SIGNS.get(entry, ())
    try:
        low, high = entry
        lower = -math.inf if low is None else float(low)
        upper = math.inf if high is None else float(high)
    except (TypeError, ValueError):
        raise UsageError(
            f"the bounds of {name!r} are not a pair of numbers",
            "give (lower, upper), with None where there is no bound, or a sign: '+' or '-'",
        ) from None
    if not lower <= upper or lower == math.inf or upper == -math.inf:
        raise UsageError(f"the bounds of {name!r} leave nothing between: {lower:g} to {upper:g}")
    return lower, upper
