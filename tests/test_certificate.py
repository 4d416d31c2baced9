"""The gap is an upper bound wherever it is asked for, and each status means what it says."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from penalties import PENALTIES
from problems import PROBLEMS, Problem
from sklearn.datasets import load_svmlight_file
from test_solvers import SOLVERS, TABLE, assert_certified, assert_proven, fit
from truth import best as best_of
from truth import solved

import logloss
from logloss.backends.memory import MemoryLikelihood
from logloss.objective import certificate
from logloss.objective.base import Objective
from logloss.objective.certificate import duality_gap
from logloss.objective.coordinates import Coordinates
from logloss.objective.row_data import RowData
from logloss.objective.separable import Separable
from logloss.record.proof import Status, Step
from logloss.solvers import Newton, base
from logloss.table import learn, read
from logloss.table.design.design import design_of

Array = NDArray[np.float64]


def objective(problem: Problem, shrinkage: str) -> Objective:
    """The objective on the columns as they are, neither centred nor scaled."""
    source = read(problem.X)
    design = design_of(learn(source).encode(source))
    d = design.n_columns
    plain = Coordinates(np.zeros(d), np.ones(d), problem.intercept)
    rows = RowData(problem.y, problem.weight, problem.offset)
    parts = PENALTIES[shrinkage].weights(problem)
    if problem.intercept:
        ends = (0.0, 0.0, -math.inf, math.inf)
        l2, l1, lower, upper = (np.append(p, e) for p, e in zip(parts, ends, strict=True))
        parts = (l2, l1, lower, upper)
    return Objective(MemoryLikelihood(design, rows, plain, 1), Separable(*parts))


def best(name: str, shrinkage: str) -> Array:
    return np.array([float(b) for b in best_of(name, shrinkage)[1]])


BEST = {key: best(*key) for key in [("well", "C=1"), ("soft", "C=100"), ("wide", "C=1")]}


def true_gap(name: str, shrinkage: str, beta: Array) -> tuple[float, float]:
    """F and F − min F at a point, intercept last."""
    task, least = solved(name, shrinkage)
    d = PROBLEMS[name].X.shape[1]
    value = task.value(beta[:d].tolist(), beta[d] if PROBLEMS[name].intercept else 0.0)
    return float(value), float(value - least)


# ---- the bound


@settings(max_examples=400)
@example(("two_rows", "C=1"), 56521354, 0.0, 0.0, "of another point")  # a step of 1e237
@given(
    key=st.sampled_from(TABLE),
    seed=st.integers(0, 2**31),
    away=st.floats(-9.0, 1.5),
    off=st.floats(-14.0, 0.5),
    kind=st.sampled_from(["scaled", "shaken", "of another point", "none"]),
)
def test_the_gap_bounds_the_distance_at_any_point(
    key: tuple[str, str], seed: int, away: float, off: float, kind: str
) -> None:
    """Any point, and any step for δ: near Newton's, a part of it, that of another point, none."""
    name, shrinkage = key
    task = objective(PROBLEMS[name], shrinkage)
    rng = np.random.default_rng(seed)
    unit = np.append(1.0 / np.maximum(PROBLEMS[name].deviation(), 1e-3), 1.0)[: task.n_coefficients]
    beta = 10.0**away * rng.standard_normal(task.n_coefficients) * unit
    if away < 0.0:
        start = fit(PROBLEMS[name], shrinkage, tol=1e-12)
        beta += np.append(start.fitted.coefficients, start.intercept)[: len(beta)]
    _, gradient = task.value_gradient(beta)
    where = beta if kind != "of another point" else beta + 10.0**off * unit
    delta = certificate.solve(task.hessian(where), gradient)[0]
    if kind == "scaled":
        delta = delta * (1.0 + 10.0**off)
    if kind == "shaken":
        delta = delta * (1.0 + 10.0**off * rng.standard_normal(len(beta)))
    if kind == "none":
        delta = np.zeros_like(delta)
    value, true = true_gap(name, shrinkage, beta)
    # The equations of unpenalised columns hold to rounding; the bound covers that but nearly.
    rounding = 1e-13 * value if task.free_columns else 1e-16 * value
    with np.errstate(all="ignore"):  # as in a fit: a step that overflows is no dual point
        gap = duality_gap(task, beta, delta)
    assert true <= gap * (1.0 + 1e-9) + rounding


@pytest.mark.parametrize(("name", "shrinkage"), list(BEST))
@pytest.mark.parametrize("exponent", range(2, 15))
def test_the_gap_is_right_down_to_1e_minus_28(name: str, shrinkage: str, exponent: int) -> None:
    """Near the optimum D of a Newton step is min F to third order: the gap is F − min F."""
    scale = 10.0**-exponent
    task = objective(PROBLEMS[name], shrinkage)
    direction = np.random.default_rng(exponent).standard_normal(task.n_coefficients)
    beta = BEST[name, shrinkage] + scale * direction
    _, gradient = task.value_gradient(beta)
    gap = duality_gap(task, beta, certificate.solve(task.hessian(beta), gradient)[0])
    _, true = true_gap(name, shrinkage, beta)
    assert true > 0.01 * scale**2
    assert gap == pytest.approx(true, rel=3.0 * scale + 1e-14 / scale + 1e-6)


def test_no_dual_point_is_no_bound() -> None:
    task = objective(PROBLEMS["well"], "C=1")
    beta = BEST["well", "C=1"] + 0.1
    _, gradient = task.value_gradient(beta)
    step = certificate.solve(task.hessian(beta), gradient)[0]
    assert math.isfinite(duality_gap(task, beta, step))
    assert duality_gap(task, beta, 100.0 * step) == math.inf  # y + r' leaves [0, 1]
    assert duality_gap(task, beta, np.nan * step) == math.inf


def test_unpenalised_coefficients_are_corrected_exactly() -> None:
    """X_UᵀSr' = 0 is solved for; where too many are free for that, a poor δ is no bound at all."""
    name = "well"  # of an alias no bound is asked: the test below
    for shrinkage in ("none", "factors"):
        task = objective(PROBLEMS[name], shrinkage)
        model = fit(PROBLEMS[name], shrinkage)
        beta = np.append(model.fitted.coefficients, model.intercept) + 0.02
        _, gradient = task.value_gradient(beta)
        step = certificate.solve(task.hessian(beta), gradient)[0]
        _, true = true_gap(name, shrinkage, beta)
        exact = duality_gap(task, beta, step)
        assert true <= exact <= 1.5 * true
        assert true <= duality_gap(task, beta, 0.9 * step) <= 2.0 * true
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificate, "_MOST_FREE", 0)
            patch.setattr(certificate, "LARGEST_HESSIAN", 0)
            assert duality_gap(task, beta, 0.9 * step) == math.inf


def test_an_alias_that_nobody_knows_of_gives_no_bound() -> None:
    """Whether so small an own part is rounding, the columns as they came do not tell."""
    name = "rank_deficient"
    task, model = objective(PROBLEMS[name], "none"), fit(PROBLEMS[name], "none")
    beta = np.append(model.fitted.coefficients, model.intercept) + 0.02
    _, gradient = task.value_gradient(beta)
    step = certificate.solve(task.hessian(beta), gradient)[0]
    assert duality_gap(task, beta, step) == math.inf
    assert model.certificate.status is Status.CERTIFIED  # whose columns were looked at
    end = np.append(model.fitted.coefficients, model.intercept)
    value, true = true_gap(name, "none", end)
    assert true <= model.certificate.gap + 1e-15 * value
    assert any("to rounding" in note for note in model.notes)


def test_with_everything_penalised_any_small_step_bounds() -> None:
    """Without an intercept δ = 0 is a dual point everywhere, if a poor one."""
    task = objective(PROBLEMS["no_intercept"], "C=1")
    for scale in (0.0, 1.0, 30.0, 1e3):
        beta = np.full(task.n_coefficients, scale)
        gap = duality_gap(task, beta, np.zeros_like(beta))
        assert true_gap("no_intercept", "C=1", beta)[1] <= gap < math.inf


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "nesterov"])
@pytest.mark.parametrize(("name", "shrinkage"), TABLE)
def test_certificates_by_conjugate_gradients(
    name: str, shrinkage: str, solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with more coefficients than a dense Hessian may have."""
    if PROBLEMS[name].slow and solver == "nesterov":
        return
    monkeypatch.setattr(certificate, "LARGEST_HESSIAN", 0)
    monkeypatch.setattr(base, "LARGEST_HESSIAN", 0, raising=False)
    model = fit(PROBLEMS[name], shrinkage, solver=solver)
    if (name, shrinkage) == ("correlated", "none"):  # 1e-10 of curvature is too little to see
        assert model.certificate.status in (Status.CERTIFIED, Status.STALLED)
        assert_proven(model, name, shrinkage)
    else:
        assert_certified(model, name, shrinkage, 1e-6)


def test_coefficient_error_in_standard_errors() -> None:
    """√(2 Σs gap), against the distance to the truth in the metric of the information."""
    problem = PROBLEMS["soft"]
    for tol in (1e-3, 1e-5, 1e-8):
        model = fit(problem, "C=100", solver="lbfgs", tol=tol)
        found = np.append(model.fitted.coefficients, model.intercept)
        information = problem.s.sum() * objective(problem, "C=100").hessian(found)
        errors = (found - BEST["soft", "C=100"]) / np.sqrt(np.diag(np.linalg.inv(information)))
        assert np.abs(errors).max() <= 1.1 * model.certificate.coefficient_error + 1e-12


# ---- statuses


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("name", "shrinkage"), [("weighted", "C=1"), ("unscaled", "none")])
def test_budget_of_steps(name: str, shrinkage: str, solver: str) -> None:
    model = fit(PROBLEMS[name], shrinkage, solver=solver, max_iter=2)
    assert model.certificate.status is Status.BUDGET
    assert 0.0 < model.certificate.gap <= model.fitted.objective
    assert_proven(model, name, shrinkage)


@pytest.mark.parametrize("solver", SOLVERS)
def test_budget_of_time(solver: str) -> None:
    model = fit(PROBLEMS["weighted"], "C=1", solver=solver, time_budget=1e-9)
    assert model.certificate.status is Status.BUDGET
    assert math.isfinite(model.certificate.gap)
    assert_proven(model, "weighted", "C=1")


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "newton-cg", "gd"])
def test_stalled_where_rounding_allows_no_more(solver: str) -> None:
    """Large means leave z with an error of 1e-12: 1e-25 is out of reach, and soon given up."""
    model = fit(PROBLEMS["timestamps"], "C=100", solver=solver, tol=1e-25)
    assert model.certificate.status is Status.STALLED
    assert model.certificate.gap <= 1e-7
    assert model.certificate.data_reads < 300
    assert_proven(model, "timestamps", "C=100")


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_stops_the_fit(solver: str) -> None:
    seen: list[Step] = []

    def stop_at_third(step: Step) -> bool:
        seen.append(step)
        return len(seen) == 3

    model = fit(PROBLEMS["weighted"], "C=1", solver=solver, tol=1e-14, callbacks=[stop_at_third])
    assert model.certificate.status is Status.INTERRUPTED
    assert model.fitted.objective == seen[-1].loss
    assert len(seen) == 3
    assert [step.loss for step in model.history] == [step.loss for step in seen]
    assert_proven(model, "weighted", "C=1")


def test_callbacks_see_every_step_once() -> None:
    """The start and four steps; the gap at the end is found when all is over."""
    first: list[Step] = []
    second: list[Step] = []
    model = fit(
        PROBLEMS["well"], "C=1", solver="lbfgs", callbacks=[first.append, second.append], max_iter=4
    )
    assert first == second
    assert [step.loss for step in first] == [step.loss for step in model.history]
    assert len({step.loss for step in first}) == len(first) == 5


def test_ctrl_c_keeps_the_best_point() -> None:
    """A real signal, in the middle of the fit."""

    def press(step: Step) -> None:
        if step.loss < 0.54:
            signal.raise_signal(signal.SIGINT)

    model = fit(PROBLEMS["well"], "C=1", solver="gd", callbacks=[press], tol=1e-14)
    assert model.certificate.status is Status.INTERRUPTED
    assert model.fitted.objective < 0.54
    assert len(model.predict_proba(PROBLEMS["well"].X)) == 40


class Interrupted(Newton):
    """Newton's method, and Ctrl-C in its second step."""

    def advance(self, task: Objective, state: Any) -> Any:
        if task.reads > 4:
            raise KeyboardInterrupt
        return super().advance(task, state)


def test_ctrl_c_inside_a_step_keeps_the_point_before() -> None:
    model = fit(PROBLEMS["nearly_separated"], "C=100", solver=Interrupted())
    assert model.certificate.status is Status.INTERRUPTED
    assert model.fitted.objective == model.history[-1].loss < model.fitted.null_loss
    assert not math.isnan(model.certificate.gap)
    assert_proven(model, "nearly_separated", "C=100")


def ctrl_c_at(method: str, call: int, patch: pytest.MonkeyPatch) -> list[int]:
    """Ctrl-C in the given call of a method of the likelihood; the list grows with every call."""
    original: Callable[..., Any] = getattr(MemoryLikelihood, method)
    calls: list[int] = []

    def interrupted(self: MemoryLikelihood, *arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return original(self, *arguments, **named)

    patch.setattr(MemoryLikelihood, method, interrupted)
    return calls


@pytest.mark.parametrize("method", ["loss_gradient", "hessian"])
@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("n", [1000, 40_000])
def test_ctrl_c_is_never_lost(
    n: int, method: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it comes, in the solution of the sample too, the fit ends."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 3))
    y = (X[:, 0] + rng.logistic(size=n) > 0.0).astype(np.int64)
    calls = ctrl_c_at(method, call, monkeypatch)
    try:
        model = logloss.fit(X, y, solver="newton", tol=1e-15, n_threads=1)
    except KeyboardInterrupt:
        return
    assert (model.certificate.status is Status.INTERRUPTED) == (len(calls) >= call)


def test_errors_of_callbacks_pass_through() -> None:
    def broken(step: Step) -> None:
        raise RuntimeError("from the callback")

    with pytest.raises(RuntimeError, match="from the callback"):
        fit(PROBLEMS["well"], "C=1", callbacks=[broken])


# ---- separation


@pytest.mark.parametrize("solver", ["newton", "newton-cg", "lbfgs"])
@pytest.mark.parametrize("intercept", [True, False])
def test_separable_rows(solver: str, intercept: bool) -> None:
    X = np.random.default_rng(0).standard_normal((60, 3))
    y = (X @ [1.0, -2.0, 0.5] > 0.0).astype(np.float64)
    model = logloss.fit(X, y, solver=solver, fit_intercept=intercept)
    assert model.certificate.status is Status.SEPARATED
    assert model.certificate.gap <= model.fitted.objective < 1e-4
    assert logloss.fit(X, y, solver=solver, C=1.0).certificate.status is Status.CERTIFIED


@pytest.mark.parametrize("solver", ["newton", "newton-cg", "lbfgs"])
def test_quasi_separated_rows(solver: str) -> None:
    """All 13 rows with x1 = 1 have y = 1: its coefficient grows without bound, the rest is fine."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((80, 2))
    X[:, 1] = np.arange(80) < 13
    y = (X[:, 0] + rng.logistic(size=80) > 0.0).astype(np.float64)
    y[:13] = 1.0
    model = logloss.fit(X, y, solver=solver)
    assert model.certificate.status is Status.SEPARATED
    y[5] = 0.0
    assert logloss.fit(X, y, solver=solver).certificate.status is Status.CERTIFIED


@pytest.mark.parametrize("solver", ["newton", "newton-cg", "lbfgs"])
@pytest.mark.parametrize("slope", [10.0, 100.0, 1000.0])
def test_steep_is_not_separated(slope: float, solver: str) -> None:
    """Nearly every row is certain, but some overlap: an optimum exists, and is found."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-1.0, 1.0, 20_000)
    y = (slope * x + rng.logistic(size=len(x)) > 0.0).astype(np.int64)
    assert ((x > x[y == 1].min()) & (x < x[y == 0].max())).sum() > 20
    model = logloss.fit(x[:, None], y, solver=solver)
    assert model.certificate.status is Status.CERTIFIED
    assert model.fitted.coefficients[0] == pytest.approx(slope, rel=0.3)


def test_a_rare_level_is_not_separated() -> None:
    """Three rows of 20,000 have it, one of the other label."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((20_000, 2))
    X[:, 1] = 0.0
    X[[5, 50, 500], 1] = 1.0
    y = (rng.random(len(X)) < 0.3).astype(np.float64)
    y[[5, 50, 500]] = 1.0, 1.0, 0.0
    assert logloss.fit(X, y).certificate.status is Status.CERTIFIED
    y[500] = 1.0
    assert logloss.fit(X, y).certificate.status is Status.SEPARATED


@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_agaricus_is_separable(solver: str, data_file: Callable[[str], Path]) -> None:
    X, y = load_svmlight_file(str(data_file("agaricus-train.svm.gz")))
    assert logloss.fit(X, y, solver=solver).certificate.status is Status.SEPARATED
    assert logloss.fit(X, y, solver=solver, C=1.0).certificate.status is Status.CERTIFIED


def test_endometrial_is_quasi_separated(data_file: Callable[[str], Path]) -> None:
    """The textbook case: NV = 1 only where HG = 1 (Heinze & Schemper, Stat. Med. 21, 2002)."""
    model = logloss.fit(data_file("endometrial.csv"), "HG", exclude=["rownames"])
    assert model.certificate.status is Status.SEPARATED
