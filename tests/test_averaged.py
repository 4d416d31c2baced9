"""SAG and SAGA: to the proven optimum on every problem, penalty and storage."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from penalties import PENALTIES
from problems import PROBLEMS, STORAGES, Problem
from truth import rounding_of, solved

import logloss
from logloss.record.proof import Status
from logloss.solvers import SAG, SAGA

SOLVERS = ("sag", "saga")
TABLE = [(p, s) for p in PROBLEMS for s in PENALTIES if PENALTIES[s].suits(PROBLEMS[p])]
# Ill-conditioned, and nothing but the table helps: 2,000 epochs of a few rows are not enough.
ILL = {("correlated", p) for p in ("none", "C=100", "L1", "L1, weak", "L1, standardize", "signs")}
ILL |= {("wide", p) for p in ("C=100", "L1, weak", "box")}
ILL |= {("rank_deficient", p) for p in ("C=100", "L1, weak")} | {("two_rows", "L1, weak")}


def fit(problem: Problem, shrinkage: str, X: Any = None, **options: Any) -> logloss.Model:
    given = {"n_threads": 1, **problem.options(), **PENALTIES[shrinkage].options(problem)}
    return logloss.fit(problem.X if X is None else X, problem.y, **(given | options))


def excess(model: logloss.Model, name: str, shrinkage: str) -> float:
    """F − min F to 50 digits."""
    task, least = solved(name, shrinkage)
    return float(task.value(list(model.coefficients.values()), model.intercept) - least)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("name", "shrinkage"), TABLE)
def test_every_problem(name: str, shrinkage: str, solver: str) -> None:
    model = fit(PROBLEMS[name], shrinkage, solver=solver)
    certificate = model.certificate
    if (name, shrinkage) in ILL:
        assert certificate.status in (Status.BUDGET, Status.CERTIFIED)
    else:
        assert certificate.status is Status.CERTIFIED, certificate
        assert certificate.relative_gap <= 1e-6
    fitted = model.fitted
    rounding = rounding_of(fitted.objective, PROBLEMS[name].X, fitted.coefficients)
    assert excess(model, name, shrinkage) <= certificate.gap + rounding


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("name", ["empty_rows", "soft", "zero_weights"])
def test_every_storage(name: str, storage: str, solver: str) -> None:
    problem = PROBLEMS[name]
    assert "float32" not in storage or (problem.X.astype(np.float32) == problem.X).all()
    model = fit(problem, "C=1", STORAGES[storage](problem.X), solver=solver, tol=1e-9)
    assert model.certificate.status is Status.CERTIFIED
    assert excess(model, name, "C=1") <= 1e-9 * model.fitted.objective


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("storage", ["C", "csr", "csc", "pandas"])
@pytest.mark.parametrize(
    "penalty",
    [
        {"C": 1.0, "l1_ratio": 1.0},
        {"C": 0.3, "l1_ratio": 0.5},
        {"l1": 0.02, "penalty_factors": [0.0, 1.0, 2.0, 1.0]},
        {"l1": 0.03, "l2": 0.01, "bounds": ["+", (-0.2, 0.1), None, (0.05, 0.3)]},
        {"bounds": ["-", "-", (0.1, None), (None, 2.0)]},
    ],
    ids=["l1", "elastic net", "factors", "l1, l2, bounds", "bounds"],
)
def test_nonsmooth(penalty: dict[str, Any], storage: str, solver: str) -> None:
    """The same optimum as prox-Newton's, with its zeros, and bounds hold exactly."""
    problem = PROBLEMS["empty_rows"]
    X = STORAGES[storage](problem.X)
    model = logloss.fit(X, problem.y, solver=solver, tol=1e-9, **penalty)
    best = logloss.fit(X, problem.y, solver="prox-newton", tol=1e-12, **penalty)
    assert model.certificate.status is Status.CERTIFIED
    assert model.fitted.objective == pytest.approx(best.fitted.objective, rel=2e-9)
    found, right = (np.array(list(m.coefficients.values())) for m in (model, best))
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-3)
    assert ((found == 0.0) == (right == 0.0)).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("store", [np.asarray, sp.csr_array])
def test_weights_are_repeated_rows(store: Any, solver: str) -> None:
    """scikit-learn#21305: with integer weights the fit is that of repeated rows."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((60, 3))
    y = (rng.random(60) < 0.4).astype(float)
    weight = rng.integers(0, 9, 60)
    weighted = logloss.fit(store(X), y, sample_weight=weight, C=2.0, solver=solver, tol=1e-11)
    again = np.repeat(np.arange(60), weight)
    repeated = logloss.fit(store(X[again]), y[again], C=2.0, solver=solver, tol=1e-11)
    assert weighted.certificate.status is repeated.certificate.status is Status.CERTIFIED
    a, b = (np.array(list(m.coefficients.values())) for m in (weighted, repeated))
    np.testing.assert_allclose(a, b, rtol=0, atol=3e-5)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=3e-5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_large_weights_do_not_stop_it(solver: str) -> None:
    """The number of epochs depends on how weights differ, never on their size."""
    problem = PROBLEMS["weighted"]
    assert problem.weight is not None
    steps = [
        len(logloss.fit(problem.X, problem.y, sample_weight=s, l2=0.01, solver=solver).history)
        for s in (problem.weight, 1e6 * problem.weight, 1e-6 * problem.weight)
    ]
    assert steps[0] == steps[1] == steps[2]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("storage", ["C", "csr"])
def test_rows_without_weight_do_not_shorten_the_step(storage: str, solver: str) -> None:
    """A row of weight 0, a million times as long as the others, changes next to nothing."""
    problem = PROBLEMS["well"]
    X = np.vstack([problem.X, 1e6 * problem.X[:1]])
    y, weight = np.append(problem.y, 1.0), np.append(np.ones(len(problem.y)), 0.0)
    model = logloss.fit(STORAGES[storage](X), y, sample_weight=weight, C=1.0, solver=solver)
    assert model.certificate.status is Status.CERTIFIED
    assert len(model.history) < 40


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("storage", ["C", "csr"])
def test_same_seed_same_bits(storage: str, solver: str) -> None:
    problem = PROBLEMS["weighted"]
    X = STORAGES[storage](problem.X)

    def once(**options: Any) -> list[float]:
        model = fit(problem, "C=1", X, solver=solver, max_iter=3, **options)
        return list(model.coefficients.values())

    first = once()
    assert once() == first == once(n_threads=2) == once(n_threads=3)
    assert once(random_state=0) == first != once(random_state=1)
    assert once(random_state=1) == once(random_state=np.int64(1))
    assert once(random_state=np.random.default_rng(5)) == once(
        random_state=np.random.default_rng(5)
    )
    assert once(random_state=np.random.RandomState(5)) == once(
        random_state=np.random.RandomState(5)
    )


@pytest.mark.parametrize("wrong", [-1, 1.5, "seed"])
def test_random_state_is_checked(wrong: Any) -> None:
    problem = PROBLEMS["well"]
    with pytest.raises(logloss.UsageError, match="random_state"):
        logloss.fit(problem.X, problem.y, solver="saga", random_state=wrong)


def test_seed_is_a_field() -> None:
    problem = PROBLEMS["well"]
    by_field = fit(problem, "C=1", solver=SAGA(seed=4), max_iter=2)
    by_option = fit(problem, "C=1", solver="saga", random_state=4, max_iter=2)
    assert by_field.coefficients == by_option.coefficients


def test_refreshing_the_table_saves_epochs() -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2000, 5))
    y = (rng.random(2000) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    steps = {
        refresh: len(logloss.fit(X, y, C=1.0, solver=SAGA(refresh=refresh)).history)
        for refresh in (True, False)
    }
    assert steps[True] < steps[False]


def test_sag_is_near_before_it_starts() -> None:
    """From far away its first epochs would swing; after SAGA's they do not."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((5000, 5))
    y = (rng.random(5000) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    highest = {
        warm_up: max(
            step.loss
            for step in logloss.fit(
                X, y, C=1.0, solver=SAG(warm_up=warm_up), max_iter=6, tol=1e-14
            ).history[1:]
        )
        for warm_up in (0, 2)
    }
    assert highest[2] < 0.7 < highest[0]


def test_a_fixed_step() -> None:
    problem = PROBLEMS["well"]
    model = fit(problem, "C=1", solver=SAGA(step=0.05))
    assert model.certificate.status is Status.CERTIFIED
    far = fit(problem, "C=1", solver=SAGA(step=1e-6), max_iter=5)
    assert far.certificate.status is Status.BUDGET
    assert math.isfinite(far.certificate.gap)


def test_reads_are_counted() -> None:
    """An epoch is a read, and so are the pass after it, the copy and the longest row."""
    problem = PROBLEMS["well"]
    counts = [
        [
            step.data_reads
            for step in fit(
                problem, "C=1", STORAGES[storage](problem.X), solver="saga", max_iter=3, tol=1e-14
            ).history
        ]
        for storage in ("C", "F")
    ]
    assert np.diff(counts[0]).tolist()[:2] == [3, 2]  # the longest row is looked for once
    assert counts[1][0] == counts[0][0] + 1
