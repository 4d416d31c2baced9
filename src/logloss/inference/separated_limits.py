"""Profile limits where the data are separated: which are infinite, and those that are not.

The likelihood never falls along a direction d with (2y − 1) x·d ≥ 0 on all rows (x·d = 0 where the
label is soft). So the limit of a coefficient c·β on one side is infinite if some such d has c·d on
that side, which a linear program tells, all coefficients by the same rows; no read of the data is
spent on a search that has no end. If none has, the likelihood falls without end on that side, and
the limit is finite. The search for it (profile_limits.py) begins far out, where nothing bends, and
may not get there; then the likelihood is maximised with the coefficient held, x_j times it as an
offset, until what is held is between two that are near enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective
from logloss.solvers.base import Stop, minimise
from logloss.solvers.newton import Newton

if TYPE_CHECKING:
    from logloss.inference.optimum import Optimum

Array = NDArray[np.float64]
IsInfinite = Callable[[Array, float], bool | None]

_MOST_ENTRIES = 200_000
_SURE = 1e-4  # of the columns' scale: c·d beyond this is no rounding
_NONE = 1e-8
_DOUBLINGS = 40


def infinite_limits(optimum: Optimum) -> IsInfinite:
    """Whether the limit of c·β is infinite on a side; None where that is not known."""
    likelihood = optimum.objective.likelihood.sums()
    if likelihood is None:
        return lambda contrast, sign: None  # noqa: ARG005
    free = optimum.curvature.kept
    rows = np.flatnonzero(likelihood.rows.counted)
    if len(rows) * len(free) > _MOST_ENTRIES:
        return lambda contrast, sign: None  # noqa: ARG005
    where, n = likelihood.coordinates, len(likelihood.coordinates.center)
    columns = free[free < n]
    x = np.ones((len(rows), len(free)))
    raw = likelihood.entries(rows, columns)
    x[:, : len(columns)] = (raw - where.center[columns]) / where.scale[columns]
    y = likelihood.rows.y[rows]
    hard = (y == 0.0) | (y == 1.0)
    signed = np.unique((2.0 * y - 1.0)[hard, np.newaxis] * x[hard], axis=0)
    return partial(_is_infinite, signed, np.unique(x[~hard], axis=0), free)


def _is_infinite(
    signed: Array, soft: Array, free: NDArray[np.int64], c: Array, sign: float
) -> bool | None:
    from scipy.optimize import linprog

    size = float(np.abs(c[free]).max())
    done = linprog(
        -sign * c[free] / size,
        A_ub=-signed if len(signed) else None,
        b_ub=np.zeros(len(signed)) if len(signed) else None,
        A_eq=soft if len(soft) else None,
        b_eq=np.zeros(len(soft)) if len(soft) else None,
        bounds=(-1.0, 1.0),
        method="highs",
    )
    if done.status != 0:
        return None
    return True if -done.fun > _SURE else (False if -done.fun < _NONE else None)


def limit_by_fits(optimum: Optimum, j: int, sign: float, target: float) -> float:
    """The limit of coefficient j as it is reported, at which F with it held is `target`.

    Each value that is tried is a fit.
    """
    from scipy.optimize import brentq

    where, n = optimum.coordinates, len(optimum.coordinates.center)
    coef, intercept = where.raw(optimum.beta)
    held = partial(_held, optimum.objective, j)
    value = float(intercept if j == n else coef[j])
    width = 1.0 if j == n else 1.0 / float(where.scale[j])
    ends = _bracket(held, value, sign * width, target)
    if ends is None:
        return math.nan

    def height(t: float) -> float:
        return math.sqrt(held(t)) - math.sqrt(target)

    if not height(ends[0]) <= 0.0 <= height(ends[1]):
        return math.nan
    return float(brentq(height, *ends, xtol=1e-12, rtol=1e-11))


def _bracket(
    held: Callable[[float], float], value: float, step: float, target: float
) -> tuple[float, float] | None:
    """Two values with the limit between them, in steps that double; None: it is too far away."""
    ahead = math.copysign(1.0, step) * value > 0.0
    if not ahead and not held(0.0) < target:
        return value, 0.0
    inside = value if ahead else 0.0
    for _ in range(_DOUBLINGS):
        outside = inside + step
        if held(outside) > target:
            return inside, outside
        inside, step = outside, 2.0 * step
    return None


def _held(objective: Objective, j: int, t: float) -> float:
    """min F with coefficient j held at t."""
    like = objective.sums("a limit on separated data")
    every, x = np.arange(like.n_rows), np.ones(like.n_rows)
    if j < like.shape.columns:
        x = like.entries(every, np.array([j]))[:, 0]
    rest = like.without(j, like.rows.offsets + t * x)
    which = np.flatnonzero(np.arange(like.shape.size) != j)
    fewer = replace(objective, likelihood=rest, penalty=objective.penalty.of(which))
    return minimise(fewer, Newton(), np.zeros(len(which)), Stop(tol=1e-11)).value
