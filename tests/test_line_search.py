"""Line searches on functions of one variable whose answers are known, and on log loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from problems import PROBLEMS
from test_certificate import objective

from logloss.objective.base import Objective
from logloss.solvers.line_search import Trial, backtrack, strong_wolfe

Array = NDArray[np.float64]
Curve = Callable[[float], tuple[float, float]]  # t → f(t), f'(t)


@dataclass
class Line:
    """A function of the first coordinate in place of an objective; lists where it was asked."""

    curve: Curve
    reads: list[float] = field(default_factory=list)

    def value_gradient(self, beta: Array) -> tuple[float, Array]:
        self.reads.append(float(beta[0]))
        value, slope = self.curve(float(beta[0]))
        return value, np.array([slope])

    def values(self, beta: Array, direction: Array, steps: Array) -> Array:
        self.reads.append(math.nan)
        return np.array([self.curve(float(beta[0] + t * direction[0]))[0] for t in steps])


def quadratic(t: float) -> tuple[float, float]:
    return (t - 3.0) ** 2, 2.0 * (t - 3.0)


def flat(t: float) -> tuple[float, float]:
    """Like log(1 + e^(−t)): falls for ever."""
    return math.log1p(math.exp(-t)), -math.exp(-t) / (1.0 + math.exp(-t))


def wall(t: float) -> tuple[float, float]:
    """Infinite from 1 on."""
    return (-t, -1.0) if t < 1.0 else (math.inf, math.nan)


def wiggly(t: float) -> tuple[float, float]:
    return -t * math.exp(-t) + 0.01 * math.cos(20.0 * t), (t - 1.0) * math.exp(-t) - 0.2 * math.sin(
        20.0 * t
    )


def search(curve: Curve, first: float, **options: Any) -> tuple[Trial | None, Line, Trial]:
    line = Line(curve)
    value, slope = curve(0.0)
    origin = Trial(0.0, value, slope, np.zeros(1), np.array([slope]))
    found = strong_wolfe(line, origin, np.ones(1), first, **options)  # type: ignore[arg-type]
    return found, line, origin


def assert_strong_wolfe(found: Trial, origin: Trial, decrease: float, curvature: float) -> None:
    assert found.value <= origin.value + decrease * found.step * origin.slope
    assert abs(found.slope) <= curvature * abs(origin.slope)


@pytest.mark.parametrize("first", [1e-6, 1e-3, 1.0, 30.0, 1e6])
@pytest.mark.parametrize("curve", [quadratic, flat, wiggly])
def test_strong_wolfe_holds_from_any_first_step(curve: Curve, first: float) -> None:
    found, line, origin = search(curve, first)
    assert found is not None
    assert_strong_wolfe(found, origin, 1e-4, 0.9)
    assert len(line.reads) <= 30
    value, slope = curve(found.step)
    assert (found.value, found.slope) == (value, slope)
    assert found.beta == pytest.approx(found.step)


def test_a_good_first_step_costs_one_read() -> None:
    found, line, _ = search(quadratic, 3.0)
    assert found is not None
    assert found.step == 3.0
    assert line.reads == [3.0]


def test_the_cubic_finds_the_bottom_of_a_quadratic_at_once() -> None:
    found, line, _ = search(quadratic, 7.0, curvature=1e-6)
    assert found is not None
    assert found.step == pytest.approx(3.0, rel=1e-9)
    assert len(line.reads) == 2


def test_a_tight_curvature_condition() -> None:
    found, _, origin = search(wiggly, 1.0, curvature=0.1)
    assert found is not None
    assert_strong_wolfe(found, origin, 1e-4, 0.1)


@pytest.mark.parametrize("first", [0.5, 1.0, 1e3])
def test_values_that_are_not_finite_are_too_far(first: float) -> None:
    """No flat point exists before the wall: the best one before it is taken."""
    found, line, _ = search(wall, first)
    assert found is not None
    assert 0.0 < found.step < 1.0
    assert math.isfinite(found.value)
    assert len(line.reads) <= 30


def test_no_step_where_none_is_better() -> None:
    """A slope that promises what the values do not keep, as rounding makes it."""
    found, _, _ = search(lambda t: (abs(t), 1.0 if t > 0.0 else -1.0), 1.0)
    assert found is None


@given(
    name=st.sampled_from(["well", "weighted", "soft", "nearly_separated", "no_intercept"]),
    seed=st.integers(0, 10_000),
    exponent=st.floats(-4.0, 4.0),
)
def test_strong_wolfe_on_log_loss(name: str, seed: int, exponent: float) -> None:
    task = objective(PROBLEMS[name], "C=1")
    rng = np.random.default_rng(seed)
    beta = rng.standard_normal(task.n_coefficients)
    value, gradient = task.value_gradient(beta)
    direction = -gradient * rng.exponential(1.0, len(beta))
    slope = float(direction @ gradient)
    origin = Trial(0.0, value, slope, beta, gradient)
    found = strong_wolfe(task, origin, direction, 10.0**exponent)
    assert found is not None
    assert_strong_wolfe(found, origin, 1e-4, 0.9)
    np.testing.assert_allclose(found.beta, beta + found.step * direction, rtol=1e-14)
    there, slopes = task.value_gradient(found.beta)
    assert found.value == there
    np.testing.assert_array_equal(found.gradient, slopes)


def halved(task: Objective, seed: int) -> tuple[Array, Array, float, float]:
    rng = np.random.default_rng(seed)
    beta = rng.standard_normal(task.n_coefficients)
    value, gradient = task.value_gradient(beta)
    direction = -30.0 * gradient * rng.exponential(1.0, len(beta))
    return beta, direction, value, -float(direction @ gradient)


@given(
    name=st.sampled_from(["well", "weighted", "soft", "offset", "no_intercept"]),
    seed=st.integers(0, 10_000),
)
def test_backtracking_takes_the_best_half_in_one_read(name: str, seed: int) -> None:
    task = objective(PROBLEMS[name], "C=100")
    beta, direction, value, slope = halved(task, seed)
    before = task.reads
    step = backtrack(task, beta, direction, value, slope)
    assert task.reads - before == 1
    assert step is not None
    assert math.log2(step) == round(math.log2(step)) < 0
    best = task.value_gradient(beta + step * direction)[0]
    assert best <= value - 1e-4 * step * slope
    for k in range(1, 25):
        other = task.value_gradient(beta + 0.5**k * direction)[0]
        assert best <= other + 1e-12 or other > value - 1e-4 * 0.5**k * slope


def test_backtracking_gives_up_where_nothing_is_better() -> None:
    task = objective(PROBLEMS["well"], "C=1")
    beta, direction, value, slope = halved(task, 0)
    assert backtrack(task, beta, -direction, value, slope) is None
    line = Line(lambda _: (math.nan, math.nan))
    assert backtrack(line, np.zeros(1), np.ones(1), 0.0, 1.0) is None  # type: ignore[arg-type]


def test_backtracking_steps_over_values_that_are_not_finite() -> None:
    """Infinite down to 1/4, better from 1/8 on."""
    line = Line(lambda t: (math.inf if t > 0.2 else -t, -1.0))
    step = backtrack(line, np.zeros(1), np.ones(1), 0.0, 1.0)  # type: ignore[arg-type]
    assert step == 0.125
