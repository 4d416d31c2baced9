"""Every problem by every solver, stored in every way, against the optimum to 50 digits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from penalties import PENALTIES, SHRINKAGES
from problems import PROBLEMS, STORAGES, Problem
from truth import rounding_of, solved

import logloss
from logloss.record.proof import Status
from logloss.solvers import LBFGS, GradientDescent, Nesterov, Newton, NewtonCG

Array = NDArray[np.float64]

SOLVERS = ("gd", "nesterov", "lbfgs", "newton", "newton-cg")
FIRST_ORDER = ("gd", "nesterov")
TABLE = [(p, s) for p in PROBLEMS for s in SHRINKAGES if SHRINKAGES[s].suits(PROBLEMS[p])]


def fit(problem: Problem, shrinkage: str, X: Any = None, **options: Any) -> logloss.Model:
    given = {"n_threads": 1, **problem.options(), **PENALTIES[shrinkage].options(problem)}
    return logloss.fit(problem.X if X is None else X, problem.y, **(given | options))


def excess(model: logloss.Model, name: str, shrinkage: str) -> float:
    """F − min F, from coefficients as they are reported; nothing of it is rounded."""
    task, least = solved(name, shrinkage)
    return float(task.value(list(model.coefficients.values()), model.intercept) - least)


def assert_proven(model: logloss.Model, name: str, shrinkage: str) -> None:
    """The gap that is reported covers the true one, but for what rounds when F itself is summed."""
    fitted = model.fitted
    rounding = rounding_of(fitted.objective, PROBLEMS[name].X, fitted.coefficients)
    assert excess(model, name, shrinkage) <= model.certificate.gap + rounding


def assert_certified(model: logloss.Model, name: str, shrinkage: str, tol: float) -> None:
    certificate = model.certificate
    assert certificate.status is Status.CERTIFIED, certificate
    assert 0.0 <= certificate.gap <= tol * model.fitted.objective
    assert certificate.relative_gap == pytest.approx(certificate.gap / model.fitted.objective)
    assert_proven(model, name, shrinkage)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("name", "shrinkage"), TABLE)
def test_every_solver_proves_its_optimum(name: str, shrinkage: str, solver: str) -> None:
    problem = PROBLEMS[name]
    if problem.slow and solver in FIRST_ORDER:
        model = fit(problem, shrinkage, solver=solver, tol=1e-3, max_iter=2000)
        assert model.certificate.status in (Status.CERTIFIED, Status.BUDGET)
        assert math.isfinite(model.certificate.gap)
        assert_proven(model, name, shrinkage)
        return
    model = fit(problem, shrinkage, solver=solver, tol=1e-6)
    assert_certified(model, name, shrinkage, 1e-6)
    assert model.certificate.solver == solver


# Tables leave out columns that are constant or repeated: see test_schema.
NAMED_LEAVE_OUT = ("constant_column", "duplicates", "two_rows")


def stored() -> Iterator[tuple[str, str]]:
    """The storages that hold a problem's values exactly."""
    for name, problem in PROBLEMS.items():
        for storage in STORAGES:
            if storage in ("pandas", "arrow") and name in NAMED_LEAVE_OUT:
                continue
            if "float32" not in storage or (problem.X.astype(np.float32) == problem.X).all():
                yield name, storage


@pytest.mark.parametrize("shrinkage", ["none", "C=1", "standardize"])
@pytest.mark.parametrize(("name", "storage"), list(stored()))
def test_every_storage_has_the_same_optimum(name: str, storage: str, shrinkage: str) -> None:
    problem = PROBLEMS[name]
    if not SHRINKAGES[shrinkage].suits(problem):
        shrinkage = "C=100"
    model = fit(problem, shrinkage, STORAGES[storage](problem.X), solver="newton", tol=1e-9)
    assert_certified(model, name, shrinkage, 1e-9)


@pytest.mark.parametrize("solver", [solver for solver in SOLVERS if solver != "newton"])
@pytest.mark.parametrize("storage", ["F", "float32", "strided", "csr", "csc, int64", "arrow"])
@pytest.mark.parametrize("name", ["empty_rows", "soft", "no_intercept"])
def test_every_solver_on_every_storage(name: str, storage: str, solver: str) -> None:
    X = PROBLEMS[name].X
    if name == "soft":
        assert (X.astype(np.float32) == X).all()
    model = fit(PROBLEMS[name], "factors", STORAGES[storage](X), solver=solver, tol=1e-5)
    assert_certified(model, name, "factors", 1e-5)


@pytest.mark.parametrize("solver", ["newton", "newton-cg", "lbfgs"])
@pytest.mark.parametrize("name", ["well", "unscaled", "timestamps", "weighted", "rank_deficient"])
def test_tight_tolerances(name: str, solver: str) -> None:
    """Coefficients agree with the truth to nine digits, whatever their units."""
    problem = PROBLEMS[name]
    model = fit(problem, "standardize", solver=solver, tol=1e-13)
    assert model.certificate.status in (Status.CERTIFIED, Status.STALLED)
    assert_proven(model, name, "standardize")
    best = [float(b) for b in solved(name, "standardize")[0].minimum()[0]]
    found = np.array([*model.coefficients.values(), model.intercept])
    scale = np.append(1.0 / problem.deviation(), 1.0)
    if name == "timestamps":
        scale[-1] = 1e4  # the intercept is the value at the year 1970
    np.testing.assert_allclose(found / scale, best / scale, rtol=0, atol=3e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["unscaled", "timestamps"])
def test_units_cost_no_solver_anything(name: str, solver: str) -> None:
    """Scale and centre are taken out: about as many reads as for columns in good units."""
    problem = PROBLEMS[name]
    X = (problem.X - problem.X.mean(axis=0)) / problem.deviation()
    ill = fit(problem, "none", solver=solver)
    good = logloss.fit(X, problem.y, solver=solver, n_threads=1)
    assert ill.certificate.status is Status.CERTIFIED
    assert ill.certificate.data_reads <= 2 * good.certificate.data_reads + 5
    assert ill.fitted.objective == pytest.approx(good.fitted.objective, rel=1e-6)


# ---- the same bits


def bits(model: logloss.Model) -> tuple[Any, ...]:
    history = [(step.data_reads, step.loss, step.gap) for step in model.history]
    certificate = model.certificate
    return (
        model.fitted.coefficients.tobytes(),
        model.intercept,
        certificate.gap,
        certificate.data_reads,
        certificate.status,
        repr(history),
    )


def large(n: int = 24_000, d: int = 9) -> tuple[Array, Array, Array, Array]:
    """Several tiles and lanes, and rows enough for Newton to solve a sample first."""
    rng = np.random.default_rng(20)
    X = np.round(rng.standard_normal((n, d)) * 64.0) / 64.0
    X[rng.random((n, d)) < 0.5] = 0.0
    offset = rng.standard_normal(n)
    z = X @ rng.standard_normal(d) + offset
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-z))).astype(np.float64)
    return X, y, rng.integers(1, 4, n).astype(np.float64), offset


LARGE = large()


@pytest.mark.parametrize("storage", ["C", "F", "strided", "csr", "csc", "arrow"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_same_bits_for_any_number_of_threads(solver: str, storage: str) -> None:
    X, y, weight, offset = LARGE
    matrix = STORAGES[storage](X)

    def once(n_threads: int) -> tuple[Any, ...]:
        options: dict[str, Any] = {"solver": solver, "max_iter": 12, "n_threads": n_threads}
        options["standardize"] = solver == "lbfgs"
        return bits(logloss.fit(matrix, y, sample_weight=weight, offset=offset, C=1.0, **options))

    one = once(1)
    for n_threads in (2, 3, 7):
        assert once(n_threads) == one


@pytest.mark.parametrize("storage", ["C", "csc"])
def test_newton_by_a_sample_finds_the_optimum_of_all_rows(storage: str) -> None:
    """24,000 rows: by a sample first; by all rows; by another solver."""
    X, y, weight, offset = LARGE
    fits = [
        logloss.fit(
            STORAGES[storage](X), y, sample_weight=weight, offset=offset, solver=s, tol=1e-12
        )
        for s in (Newton(share=0.4), Newton(share=0.0), LBFGS())
    ]
    for model in fits:
        assert model.certificate.status is Status.CERTIFIED
        np.testing.assert_allclose(
            model.fitted.coefficients, fits[0].fitted.coefficients, rtol=1e-5, atol=1e-7
        )
    assert len({model.fitted.coefficients.tobytes() for model in fits}) == 3


# ---- solvers as objects


@pytest.mark.parametrize(
    "solver",
    [
        GradientDescent(backtracking=False),
        GradientDescent(step=0.5),
        Nesterov(),
        LBFGS(memory=3),
        Newton(share=0.3),
        NewtonCG(eta=0.5),
    ],
    ids=repr,
)
def test_solvers_with_other_parameters(solver: Any) -> None:
    model = fit(PROBLEMS["well"], "C=1", solver=solver)
    assert_certified(model, "well", "C=1", 1e-6)
    assert model.certificate.solver == solver.name
    assert model.certificate.reason


def test_a_fixed_step_of_one_over_l_never_goes_up() -> None:
    """F(β − ∇F/L) ≤ F(β) where L bounds the curvature, on every step."""
    model = fit(
        PROBLEMS["correlated"], "C=1", solver=GradientDescent(backtracking=False), max_iter=200
    )
    losses = np.array([step.loss for step in model.history])
    assert (np.diff(losses) <= 1e-15).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "newton", "newton-cg"])
def test_solvers_that_search_a_line_never_go_up(solver: str) -> None:
    for name, shrinkage in TABLE:
        if shrinkage in ("none", "factors"):
            model = fit(PROBLEMS[name], shrinkage, solver=solver, max_iter=60)
            losses = np.array([step.loss for step in model.history])
            assert (np.diff(losses) <= 1e-15 * np.abs(losses[1:])).all(), (name, shrinkage)


def test_history_counts_reads_and_seconds_up() -> None:
    model = fit(PROBLEMS["weighted"], "C=1", solver="newton-cg")
    reads = [step.data_reads for step in model.history]
    seconds = [step.seconds for step in model.history]
    assert reads == sorted(reads)
    assert seconds == sorted(seconds)
    assert reads[-1] <= model.certificate.data_reads
    assert model.history[-1].loss == model.fitted.objective
    assert model.history[-1].gap == model.certificate.gap


def test_auto_says_in_one_sentence_why() -> None:
    narrow = fit(PROBLEMS["well"], "C=1")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 2500))
    wide = logloss.fit(X, np.arange(30) % 2, C=1.0)
    assert narrow.certificate.solver == "newton"
    assert wide.certificate.solver == "newton-cg"
    assert wide.certificate.status is Status.CERTIFIED
    assert "2,501 coefficients" in wide.certificate.reason


@pytest.mark.parametrize(
    ("alias", "name"), [("newton-cholesky", "newton"), ("liblinear", "newton-cg")]
)
def test_names_of_scikit_learn_are_aliases_that_say_so(alias: str, name: str) -> None:
    model = fit(PROBLEMS["well"], "C=1", solver=alias)
    assert model.certificate.solver == name
    assert alias in model.certificate.reason


def test_what_a_solver_is_cannot_be_said_otherwise() -> None:
    """A solver's name and what it can take are facts, not options."""
    for name in ("Newton", "LBFGS", "Adam", "ProxNewton"):
        solver = getattr(logloss.solvers, name)
        for fact in ("name", "nonsmooth", "most_steps", "affine_invariant"):
            with pytest.raises(TypeError, match=fact):
                solver(**{fact: getattr(solver, fact)})
