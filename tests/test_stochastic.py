"""SGD and Adam: the paper's steps by hand, schedules, averages, and how near they come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from problems import PROBLEMS, STORAGES

import logloss
from logloss.record.proof import Status
from logloss.solvers import SGD, Adam, Constant, InverseScaling, InverseTime
from logloss.solvers.base import Stop, minimise


def noisy(n: int = 3000, d: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * np.linspace(0.5, 2.0, d) + 1.0
    y = rng.random(n) < 1.0 / (1.0 + np.exp(-X @ np.linspace(-1.0, 1.0, d)))
    return X, y.astype(float)


def inner(X: np.ndarray) -> np.ndarray:
    """Columns as a solver sees them where nothing is penalised."""
    return np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(X))])


def raw(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    coef = w[:-1] / X.std(axis=0)
    return np.append(coef, w[-1] - X.mean(axis=0) @ coef)


def found(model: logloss.Model) -> np.ndarray:
    return np.array([*model.coefficients.values(), model.intercept])


def null(y: np.ndarray, d: int) -> np.ndarray:
    return np.append(np.zeros(d), np.log(y.mean() / (1.0 - y.mean())))


def test_adam_is_the_algorithm_of_the_paper() -> None:
    """Kingma & Ba, Algorithm 1, three steps by hand: the rows of a step are all of them."""
    X, y = noisy(50, 3)
    Z, w = inner(X), null(y, 3)
    alpha, beta1, beta2, epsilon = 0.01, 0.8, 0.95, 1e-6
    m, v = np.zeros(4), np.zeros(4)
    for t in (1, 2, 3):
        g = Z.T @ (1.0 / (1.0 + np.exp(-Z @ w)) - y) / 50.0
        m = beta1 * m + (1.0 - beta1) * g
        v = beta2 * v + (1.0 - beta2) * g * g
        w = w - alpha * (m / (1.0 - beta1**t)) / (np.sqrt(v / (1.0 - beta2**t)) + epsilon)
    solver = Adam(alpha, beta1, beta2, epsilon, batch_size=50, decay=Constant())
    model = logloss.fit(X, y, solver=solver, max_iter=3, tol=1e-15)
    np.testing.assert_allclose(found(model), raw(X, w), rtol=1e-9)


def test_adams_first_step_is_alpha_along_each_coefficient() -> None:
    X, y = noisy(40, 3)
    model = logloss.fit(X, y, solver=Adam(0.125, batch_size=40), max_iter=1, tol=1e-15)
    w = np.append(np.array(list(model.coefficients.values())) * X.std(axis=0), 0.0)
    np.testing.assert_allclose(np.abs(w[:-1]), 0.125, rtol=1e-5)


def test_gradient_descent_is_sgd_on_all_rows() -> None:
    X, y = noisy(30, 3)
    Z, w = inner(X), null(y, 3)
    for _ in range(4):
        w = w - 0.3 * Z.T @ (1.0 / (1.0 + np.exp(-Z @ w)) - y) / 30.0
    solver = SGD(0.3, Constant(), batch_size=30, average=False)
    model = logloss.fit(X, y, solver=solver, max_iter=4, tol=1e-15)
    np.testing.assert_allclose(found(model), raw(X, w), rtol=1e-10)


def test_schedules() -> None:
    epochs = np.array([0.0, 0.5, 3.0])
    assert Constant()(epochs).tolist() == [1.0, 1.0, 1.0]
    assert InverseScaling(0.5)(epochs) == pytest.approx([1.0, 1.5**-0.5, 0.5])
    assert InverseScaling(1.0, 2.0)(epochs) == pytest.approx([1.0, 0.8, 0.4])
    assert InverseTime(2.0)(epochs) == pytest.approx([1.0, 0.5, 1.0 / 7.0])


def test_a_schedule_may_be_any_function() -> None:
    X, y = noisy(500)
    asked: list[float] = []

    def halves(epochs: np.ndarray) -> np.ndarray:
        asked.extend(epochs)
        return np.asarray(0.5**epochs)

    logloss.fit(X, y, C=1.0, solver=SGD(0.05, halves, batch_size=100), max_iter=2, tol=1e-14)
    assert asked == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("storage", STORAGES)
def test_the_default_comes_near(storage: str, solver: str) -> None:
    """A certified gap below 1e-3 (relative) after 50 epochs, in every storage."""
    X, y = noisy()
    model = logloss.fit(STORAGES[storage](X), y, C=1.0, solver=solver, max_iter=50)
    assert model.certificate.relative_gap <= 1e-3
    best = logloss.fit(STORAGES[storage](X), y, C=1.0)
    assert model.fitted.objective - best.fitted.objective <= model.certificate.gap


def test_the_average_is_nearer() -> None:
    X, y = noisy()
    gaps = [
        logloss.fit(X, y, C=1.0, solver=SGD(average=average), max_iter=30).certificate.gap
        for average in (True, False)
    ]
    assert gaps[0] < 0.2 * gaps[1]


def test_the_mean_of_sparse_rows_is_taken_now_and_then() -> None:
    """Dense and sparse rows, the same data: their means differ by which points enter."""
    X, y = noisy(2000, 12)
    X[np.random.default_rng(1).random(X.shape) < 0.9] = 0.0
    dense, sparse = (
        logloss.fit(Z, y, C=1.0, solver="sgd", max_iter=40) for Z in (X, sp.csr_array(X))
    )
    assert dense.certificate.relative_gap <= 1e-3
    assert sparse.certificate.relative_gap <= 1e-3


def test_sgd_under_l1_finds_zeros_by_many_rows_a_step() -> None:
    X, y = noisy()
    X[:, 0] = np.random.default_rng(5).standard_normal(len(y))
    options: dict[str, Any] = {"l1": 0.05, "max_iter": 60}
    solver = SGD(0.5, average=False, batch_size=300)
    model = logloss.fit(X, y, solver=solver, **options)
    best = logloss.fit(X, y, l1=0.05)
    for name in ("x0", "x2"):
        assert best.coefficients[name] == model.coefficients[name] == 0.0
    assert model.fitted.objective <= best.fitted.objective * (1.0 + 1e-3)


def test_sgd_within_bounds() -> None:
    X, y = noisy()
    bounds = ["+", (-0.1, 0.2), None, "-", (0.05, 0.1), None]
    model = logloss.fit(X, y, solver="sgd", bounds=bounds, max_iter=60)
    best = logloss.fit(X, y, bounds=bounds)
    assert model.coefficients["x0"] >= 0.0 >= model.coefficients["x3"]
    assert 0.05 <= model.coefficients["x4"] <= 0.1
    assert model.fitted.objective <= best.fitted.objective * (1.0 + 1e-2)


def test_adam_refuses_l1_before_any_work() -> None:
    X, y = noisy(20)
    with pytest.raises(logloss.UsageError, match="adam cannot take an L1") as error:
        logloss.fit(X, y, l1=0.1, solver="adam")
    assert "saga" in str(error.value)
    assert "sgd" in str(error.value)


@pytest.mark.parametrize("solver", ["sgd", "adam", "sigmoid-update"])
def test_same_seed_same_bits(solver: str) -> None:
    X, y = noisy(300)
    weight = np.random.default_rng(0).random(300)

    def once(**options: Any) -> list[float]:
        options = {"C": 1.0, "sample_weight": weight, "max_iter": 2, "tol": 1e-12, **options}
        return found(logloss.fit(X, y, solver=solver, **options)).tolist()

    assert once() == once(n_threads=1) == once(n_threads=3) == once(random_state=0)
    assert once(random_state=1) != once()


def test_weights_are_repeated_rows_in_the_mean() -> None:
    """Weighted rows come as often as their weights say: both end at the same optimum."""
    X, y = noisy(400)
    weight = np.random.default_rng(0).integers(0, 6, 400).astype(float)
    model = logloss.fit(X, y, sample_weight=weight, C=1.0, solver="sgd", max_iter=150)
    best = logloss.fit(X, y, sample_weight=weight, C=1.0)
    assert model.fitted.objective <= best.fitted.objective * (1.0 + 3e-4)


@pytest.mark.parametrize("name", ["soft", "offset", "zero_weights", "no_intercept", "wide"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_gaps_are_true(name: str, solver: str) -> None:
    problem = PROBLEMS[name]
    model = logloss.fit(
        problem.X, problem.y, C=1.0, solver=solver, max_iter=30, **problem.options()
    )
    best = logloss.fit(problem.X, problem.y, C=1.0, tol=1e-10, **problem.options())
    above = model.fitted.objective - best.fitted.objective
    assert -1e-12 <= above <= model.certificate.gap + 1e-12
    assert model.certificate.status in (Status.BUDGET, Status.CERTIFIED)


class Elsewhere:
    """An objective whose rows are not in memory."""

    place = "a cluster"

    def by_row(self) -> None:
        return None


@pytest.mark.parametrize("name", ["saga", "sag", "sgd", "adam", "sigmoid-update", "perceptron"])
def test_rows_elsewhere_are_refused_before_any_work(name: str) -> None:
    from logloss.objective.base import Objective
    from logloss.objective.separable import Separable
    from logloss.solvers.choose import NAMED

    objective = Objective(Elsewhere(), Separable.ridge(np.zeros(2)))  # type: ignore[arg-type]
    with pytest.raises(logloss.UsageError, match=f"{name} reads row by row.* in a cluster"):
        minimise(objective, NAMED[name](), np.zeros(2), Stop())


def test_fields_are_the_parameters() -> None:
    assert Adam() == Adam(1e-3, 0.9, 0.999, 1e-8)
    assert SGD().average
    assert math.isclose(SGD().schedule(np.array([3.0]))[0], 0.5)
