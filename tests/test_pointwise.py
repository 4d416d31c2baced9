"""Before the loss: the perceptron and the naive sigmoid update, as the note tells them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import PROBLEMS, STORAGES

import logloss
from logloss.record.proof import Status
from logloss.solvers import SGD, Constant, Perceptron, SigmoidUpdate


def separable(n: int = 200, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows on both sides of a plane through 0, none nearer to it than 0.2."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((4 * n, d))
    side = X @ np.full(d, 1.0 / math.sqrt(d))
    keep = np.flatnonzero(np.abs(side) >= 0.2)[:n]
    return X[keep], (side[keep] > 0.0).astype(float)


def noisy(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((500, 3))
    return X, (rng.random(500) < 1.0 / (1.0 + np.exp(-2.0 * X[:, 0]))).astype(float)


def moves(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[int, np.ndarray]:
    """How often the perceptron moves before it rests, from weights of 0, on the raw rows."""
    import logloss._kernels as _kernels

    n, d = X.shape
    kernel = _kernels.Design(n)
    kernel.add_dense(X)
    kernel.finish()
    observations = _kernels.Observations(y, None, None)
    rows = _kernels.Rows(kernel, observations, np.zeros(d), np.ones(d), False)
    w, pocket, total, rng = np.zeros(d), np.zeros(d), 0, np.random.default_rng(seed)
    while True:
        *_, mistakes, _ = rows.perceptron(rng.permutation(n), 1.0, w, pocket, math.inf, 0, 0)
        total += mistakes
        if mistakes == 0:
            return total, w


@pytest.mark.parametrize("seed", range(10))
def test_novikoff(seed: int) -> None:
    """Separable by a margin γ: at most (R/γ)² moves, and all rows told rightly."""
    X, y = separable(seed=seed)
    total, w = moves(X, y, seed)
    radius = np.sqrt((X**2).sum(axis=1)).max()
    margin = np.abs(X @ np.full(3, 1.0 / math.sqrt(3.0))).min()
    assert 0 < total <= (radius / margin) ** 2
    assert ((X @ w > 0.0) == (y > 0.5)).all()


@pytest.mark.parametrize("storage", STORAGES)
def test_separable_data_are_told_apart(storage: str) -> None:
    X, y = separable()
    X, name = STORAGES[storage](X.astype(np.float32).astype(float)), "perceptron"
    model = logloss.fit(X, y, solver=name)
    assert (model.predict(X) == y).all()
    assert model.history[-1].loss == 0.0
    assert len(model.history) < 60


def test_the_pocket_never_gets_worse() -> None:
    X, y = noisy()
    weight = np.random.default_rng(1).random(500)
    model = logloss.fit(X, y, sample_weight=weight, solver="perceptron", max_iter=30)
    errors = [step.loss for step in model.history]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.7 * errors[0]
    wrong = model.predict(X) != y
    assert weight[wrong].sum() / weight.sum() == pytest.approx(errors[-1], rel=1e-12)


def test_the_pocket_beats_the_last_weights() -> None:
    """Where nothing separates the rows the perceptron ends anywhere; the pocket does not."""
    from logloss.fitting.problem import problem
    from logloss.record.request import Request, Roles

    X, y = noisy()
    found = problem(Request(roles=Roles(y)), X)
    objective, _ = found.task.objective(found.request.penalty, True, True)
    solver, worse = Perceptron(), 0
    state = solver.start(objective, np.zeros(4))
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(500)])
    for _ in range(20):
        state = solver.advance(objective, state)
        last, best = (((Z @ w > 0.0) != (y > 0.5)).mean() for w in (state.point, state.beta))
        assert best == pytest.approx(state.value)
        assert best <= last
        worse += best < last
    assert worse > 10


def test_no_loss_no_certificate_no_probability(tmp_path: Path) -> None:
    X, y = noisy()
    model = logloss.fit(X, y, solver="perceptron", max_iter=5)
    certificate = model.certificate
    assert certificate.status is Status.NO_LOSS
    assert "no loss" in certificate.status.value
    assert math.isnan(certificate.gap)
    assert math.isnan(certificate.relative_gap)
    assert math.isnan(certificate.coefficient_error)
    assert math.isnan(model.fitted.loss)
    assert set(model.predict(X)) <= {0.0, 1.0}
    with pytest.raises(logloss.UsageError, match="no probabilities"):
        model.predict_proba(X)
    assert "no loss" in str(model.summary()).replace("\n  ", " ")
    model.save(tmp_path / "model.json")
    again = logloss.load(tmp_path / "model.json")
    assert again.certificate.status is Status.NO_LOSS
    assert (again.predict(X) == model.predict(X)).all()
    assert json.loads((tmp_path / "model.json").read_text())["certificate"]["gap"] == "nan"


def test_the_estimator_has_no_predict_proba() -> None:
    X, y = noisy()
    estimator = logloss.LogisticRegression(solver="perceptron", max_iter=5, random_state=3)
    assert hasattr(estimator, "predict_proba")
    estimator.fit(X, y)  # and warns of nothing
    assert not hasattr(estimator, "predict_proba")
    assert not hasattr(estimator, "predict_log_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        estimator.predict_proba(X)
    assert estimator.score(X, y) > 0.7


@pytest.mark.parametrize("name", ["perceptron", "sigmoid-update"])
def test_l1_is_refused(name: str) -> None:
    X, y = noisy()
    with pytest.raises(logloss.UsageError, match=f"{name} cannot take an L1"):
        logloss.fit(X, y, l1=0.1, solver=name)


def test_no_callback_is_told_of_a_gap() -> None:
    X, y = noisy()
    gaps: list[float] = []
    logloss.fit(X, y, solver="perceptron", max_iter=3, callbacks=[lambda s: gaps.append(s.gap)])
    assert len(gaps) == 4
    assert all(map(math.isnan, gaps))


def test_soft_labels_count_as_positive_above_a_half() -> None:
    X, y = separable()
    soft = np.where(y == 1.0, 0.6, 0.4)
    model = logloss.fit(X, soft, solver="perceptron")
    assert (model.predict(X) == (soft > 0.5)).all()


# ---- the naive sigmoid update


def test_the_sigmoid_update_by_hand() -> None:
    """Row by row w ← w + η (y − σ(z)) x, in the order of the seed."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((30, 2))
    y = (rng.random(30) < 0.5).astype(float)
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(30)])
    w = np.array([0.0, 0.0, np.log(y.mean() / (1.0 - y.mean()))])
    start = w.copy()
    for i in np.random.default_rng([7, 0]).permutation(30):
        w = w + 0.1 * (y[i] - 1.0 / (1.0 + np.exp(-Z[i] @ w))) * Z[i]
    model = logloss.fit(X, y, solver=SigmoidUpdate(0.1, seed=7), max_iter=1, tol=1e-14)
    reached = np.append(np.array(list(model.coefficients.values())) * X.std(axis=0), 0.0)[:2]
    z = Z @ w
    loss = np.mean(np.logaddexp(0.0, z) - y * z)
    assert model.history[1].loss == pytest.approx(loss, rel=1e-12)
    kept = w if loss < model.history[0].loss else start
    np.testing.assert_allclose(reached, kept[:2], atol=1e-12)


def test_the_sigmoid_update_is_sgd_by_a_constant_step() -> None:
    X, y = noisy()
    same = [
        [step.loss for step in logloss.fit(X, y, C=1.0, solver=s, max_iter=5, tol=1e-14).history]
        for s in (SigmoidUpdate(0.05), SGD(0.05, Constant(), average=False))
    ]
    assert same[0] == same[1]


def test_it_keeps_wandering() -> None:
    """The nearer the shorter its step, but for ever. SAGA comes to rest."""
    X, y = noisy()
    least = logloss.fit(X, y, C=1.0, tol=1e-10).fitted.objective

    def far(solver: Any) -> float:
        steps = logloss.fit(X, y, C=1.0, solver=solver, max_iter=60, tol=1e-13).history[-5:]
        return float(np.mean([step.loss for step in steps]) - least)

    large, small = far(SigmoidUpdate(0.1)), far(SigmoidUpdate(0.01))
    assert large > 1e-3
    assert 1e-6 < small < 0.1 * large
    assert far("saga") < 1e-6 * large


@pytest.mark.parametrize("name", ["soft", "offset", "weighted", "wide"])
def test_gaps_of_the_wanderer_are_true(name: str) -> None:
    problem = PROBLEMS[name]
    options = {**problem.options(), "C": 1.0}
    model = logloss.fit(problem.X, problem.y, solver="sigmoid-update", max_iter=20, **options)
    best = logloss.fit(problem.X, problem.y, tol=1e-10, **options)
    above = model.fitted.objective - best.fitted.objective
    assert -1e-12 <= above <= model.certificate.gap + 1e-12
