"""How a fit ends before its goal: the best point, its gap, and in the time that was given."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import logloss
from logloss.backends.memory import MemoryLikelihood
from logloss.objective.base import Objective
from logloss.record.proof import Status, Step
from logloss.solvers.base import State
from logloss.solvers.proving import PlainState

RNG = np.random.default_rng(11)
X = RNG.standard_normal((3000, 40)) @ np.diag(np.logspace(0, -2, 40))
Y = (X @ RNG.standard_normal(40) + RNG.logistic(size=3000) > 0.0).astype(np.int64)
BEST = logloss.fit(X, Y, C=1.0, tol=1e-13).fitted.objective
SLOW = 0.02  # seconds that a read takes where it is made slow


@dataclass(frozen=True)
class Wanderer:
    """Goes down for three steps, then away: what a stochastic solver may do."""

    name: str = "wanderer"
    most_steps: int = 6
    affine_invariant: bool = False
    nonsmooth: bool = True

    def start(self, objective: Objective, beta: np.ndarray) -> State:
        return PlainState(beta, *objective.value_gradient(beta))

    def advance(self, objective: Objective, state: State) -> State:
        sign = -1.0 if objective.reads < 6 else 3.0
        beta = state.beta + sign * state.gradient
        return PlainState(beta, *objective.value_gradient(beta))


def test_the_best_point_is_returned_not_the_last() -> None:
    model = logloss.fit(X, Y, C=1.0, solver=Wanderer())
    losses = [step.loss for step in model.history]
    assert losses[-1] > min(losses)
    assert model.fitted.objective == min(losses)
    assert model.certificate.status is Status.BUDGET
    assert model.fitted.objective - BEST <= model.certificate.gap
    for step in model.history:
        assert not step.loss - step.gap > BEST  # a gap of another point than its own would be


def test_ctrl_c_keeps_the_best_point_of_a_wanderer_and_the_gap_known_by_then() -> None:
    def press(step: Step) -> None:
        if len(seen) == 5:
            raise KeyboardInterrupt
        seen.append(step)

    seen: list[Step] = []
    model = logloss.fit(X, Y, C=1.0, solver=Wanderer(), callbacks=[press])
    assert model.certificate.status is Status.INTERRUPTED
    assert model.fitted.objective == min(step.loss for step in model.history)
    assert model.fitted.objective - BEST <= model.certificate.gap

    def late(step: Step) -> None:
        if step.gap < 1e-2:
            raise KeyboardInterrupt

    near = logloss.fit(X, Y, C=1.0, solver="newton", tol=1e-13, callbacks=[late])
    assert near.certificate.status is Status.INTERRUPTED
    assert near.fitted.objective - BEST <= near.certificate.gap < 1e-2


@pytest.fixture
def slow_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read of the data takes as long as one of a large table would."""
    for method in ("loss_gradient", "hessian", "hessian_product", "dual"):
        original = getattr(MemoryLikelihood, method)

        def slowly(self: Any, *given: Any, _original: Any = original, **named: Any) -> Any:
            time.sleep(SLOW)
            return _original(self, *given, **named)

        monkeypatch.setattr(MemoryLikelihood, method, slowly)


@pytest.mark.usefixtures("slow_reads")
@pytest.mark.parametrize("solver", ["gd", "nesterov", "lbfgs", "newton", "newton-cg"])
@pytest.mark.parametrize("budget", [0.1, 0.25])
def test_the_time_holds_inside_a_step(solver: str, budget: float) -> None:
    """In a start that measures the curvature, in the inner iterations of newton-cg, anywhere."""
    begin = time.perf_counter()
    model = logloss.fit(X, Y, C=1.0, solver=solver, tol=1e-13, time_budget=budget)
    seconds = time.perf_counter() - begin
    assert model.certificate.status is Status.BUDGET
    assert seconds <= 1.1 * budget + 12 * SLOW  # a few reads for the certificate
    assert model.fitted.objective - BEST <= model.certificate.gap <= model.fitted.objective
    assert model.fitted.objective <= model.fitted.null_loss * (1 + 1e-12)
    assert model.history


@pytest.mark.usefixtures("slow_reads")
def test_a_longer_budget_brings_a_smaller_gap() -> None:
    gaps = [
        logloss.fit(X, Y, C=1.0, solver="newton-cg", tol=1e-13, time_budget=budget).certificate.gap
        for budget in (0.1, 1.0)
    ]
    assert gaps[1] < 0.1 * gaps[0]


@dataclass(frozen=True)
class Endless(Wanderer):
    """A start that never ends."""

    def start(self, objective: Objective, beta: np.ndarray) -> State:
        while True:
            objective.value_gradient(beta)


@pytest.mark.usefixtures("slow_reads")
def test_out_of_time_before_there_is_a_point() -> None:
    """Where it started from is the best that there is, a warm start too."""
    cold = logloss.fit(X, Y, C=1.0, solver=Endless(), time_budget=0.2)
    assert cold.certificate.status is Status.BUDGET
    assert cold.fitted.objective == pytest.approx(cold.fitted.null_loss)
    near = logloss.fit(X, Y, C=1.0, tol=1e-3)
    warm = logloss.fit(X, Y, C=1.0, solver=Endless(), time_budget=0.2, start=near, tol=1e-13)
    assert warm.fitted.objective == pytest.approx(near.fitted.objective, rel=1e-12)
    assert warm.certificate.gap < cold.certificate.gap


def test_a_budget_that_is_not_reached_changes_nothing() -> None:
    free = logloss.fit(X, Y, C=1.0)
    timed = logloss.fit(X, Y, C=1.0, time_budget=1e6)
    assert timed.certificate.status is Status.CERTIFIED
    assert timed.fitted.coefficients.tobytes() == free.fitted.coefficients.tobytes()
    assert replace(timed.certificate, seconds=0.0) == replace(free.certificate, seconds=0.0)


def test_no_time_to_form_a_hessian(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate then comes by conjugate gradients, and holds."""
    monkeypatch.setattr("logloss.solvers.ending._COLUMNS_A_READ", 1e-9)
    model = logloss.fit(X, Y, C=1.0, solver="lbfgs", tol=1e-13, max_iter=8, time_budget=1e3)
    assert model.certificate.status is Status.BUDGET
    gap = model.certificate.gap
    assert math.isfinite(gap)
    assert 0.0 <= model.fitted.objective - BEST <= gap < 0.1 * model.fitted.objective
