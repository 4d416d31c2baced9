"""Line searches along a direction: shrinking steps in one read, and strong Wolfe.

Backtracking tries all its steps at once, as F at many steps along one direction costs one read.
Strong Wolfe is Algorithms 3.5 and 3.6 of Nocedal & Wright (2006) with cubic interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import dot
from logloss.objective.base import Objective
from logloss.solvers.base import State

Array = NDArray[np.float64]

_SHRINK: Array = 0.5 ** np.arange(1.0, 25.0)


def backtrack(
    objective: Objective, beta: Array, direction: Array, value: float, slope: float
) -> float | None:
    """The best of the steps 1/2, 1/4, … that decreases F enough (Armijo); None if none does.

    `slope` is −∇F·direction > 0. One read.
    """
    values = objective.values(beta, direction, _SHRINK)
    enough = values <= value - 1e-4 * _SHRINK * slope
    if not enough.any():
        return None
    return float(_SHRINK[np.argmin(np.where(enough, values, np.inf))])


def damped(objective: Objective, state: State, slope: float) -> tuple[Array, float, Array] | None:
    """The point after the state's step, or a part of it; F and ∇F there; None where none is lower.

    `slope` is that of F, or of its model where F has none, along the step; > 0.
    """
    assert state.step is not None
    rounding = 1e-15 * abs(state.value)
    beta = objective.penalty.settle(state.beta - state.step)
    value, gradient = objective.value_gradient(beta)
    if value <= state.value - 1e-4 * slope or (slope <= rounding and value <= state.value):
        return beta, value, gradient
    found = backtrack(objective, state.beta, -state.step, state.value, slope)
    if found is None:
        return None
    beta = state.beta - found * state.step
    value, gradient = objective.value_gradient(beta)
    return (beta, value, gradient) if value < state.value else None


@dataclass(frozen=True, eq=False)
class Trial:
    """F at a step along a direction: its value, slope, and gradient there."""

    step: float
    value: float
    slope: float
    beta: Array
    gradient: Array


def strong_wolfe(
    objective: Objective,
    origin: Trial,
    direction: Array,
    first: float,
    most: int = 30,
    decrease: float = 1e-4,
    curvature: float = 0.9,
) -> Trial | None:
    """A step with F ≤ F₀ + c₁ t F'₀ and |F'| ≤ c₂ |F'₀|; None where rounding leaves none.

    Parameters
    ----------
    origin : Trial
        At step 0, with a negative slope.
    first : float
        The step to try first. Each trial is one read.
    """
    low, high = origin, None
    step = first
    for _ in range(most):
        trial = _try(objective, origin.beta, direction, step)
        if not trial.value <= origin.value + decrease * step * origin.slope or (
            high is not None and trial.value >= low.value
        ):
            high = trial
        elif abs(trial.slope) <= -curvature * origin.slope:
            return trial
        elif trial.slope * ((high.step if high else np.inf) - low.step) >= 0.0:
            low, high = trial, low
        else:
            low = trial
        if high is None:
            step *= 4.0
            continue
        if abs(high.step - low.step) <= 1e-12 * max(high.step, low.step):
            break
        step = _interpolate(low, high)
    return low if low.value < origin.value else None


def _try(objective: Objective, beta: Array, direction: Array, step: float) -> Trial:
    point = beta + step * direction
    value, gradient = objective.value_gradient(point)
    return Trial(step, value, dot(gradient, direction), point, gradient)


def _interpolate(a: Trial, b: Trial) -> float:
    """The minimum of the cubic through both, kept inside the middle of the interval."""
    low, high = min(a.step, b.step), max(a.step, b.step)
    margin = 0.1 * (high - low)
    middle = 0.5 * (low + high)
    if not np.isfinite([a.value, a.slope, b.value, b.slope]).all():
        return middle
    d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if square < 0.0:
        return middle
    d2 = float(np.sign(b.step - a.step)) * float(np.sqrt(square))
    bottom = b.slope - a.slope + 2.0 * d2
    if bottom == 0.0:
        return middle
    step = b.step - (b.step - a.step) * (b.slope + d2 - d1) / bottom
    return float(min(max(step, low + margin), high - margin))
