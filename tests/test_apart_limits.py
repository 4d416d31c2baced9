"""Profile limits of separated data: infinite ones by a linear program, the others by fits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

import logloss

Array = np.ndarray

HALF = 3.841458820694124 / 2.0  # of the quantile of χ²₁ at 0.95


def table() -> tuple[Array, Array]:
    """76 rows and 22 columns, as logistf's issue 47 has them; all rows can be told apart."""
    rng = np.random.default_rng(20)
    X = rng.normal(size=(76, 22))
    return X, (X[:, :4].sum(1) > 0.0) * 1.0


def least(X: Array, y: Array, j: int, t: float) -> float:
    """The least Σ bce with coefficient j (0: the intercept) held at t, by SciPy."""
    Z = np.column_stack([np.ones(len(y)), X])
    others = np.delete(Z, j, axis=1)

    def loss(b: Array) -> tuple[float, Array]:
        z = others @ b + t * Z[:, j]
        r = 1.0 / (1.0 + np.exp(-np.clip(z, -700.0, 700.0))) - y
        return float(np.logaddexp(0.0, np.where(y == 1.0, -z, z)).sum()), others.T @ r

    found = minimize(
        loss, np.zeros(others.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9}
    )
    return float(found.fun)


def test_the_limits_of_separated_rows_take_few_reads() -> None:
    X, y = table()
    model = logloss.fit(X, y)
    likelihood = model._evidence.objective.likelihood
    before = likelihood.reads
    limits = model.confidence_intervals()
    assert likelihood.reads - before < 1000
    lower, upper = np.array(limits["lower"]), np.array(limits["upper"])
    assert not (np.isnan(lower) | np.isnan(upper)).any()
    assert np.isfinite(lower).sum() + np.isfinite(upper).sum() > 1
    for j in range(len(lower)):
        for side, end in ((-1.0, lower[j]), (1.0, upper[j])):
            if math.isinf(end):
                assert least(X, y, j, side * 30.0) < HALF
            else:
                assert least(X, y, j, end) == pytest.approx(HALF, rel=1e-5)


@pytest.mark.parametrize("intercept", [True, False])
def test_a_limit_in_closed_form(intercept: bool) -> None:
    """Ones that are all positive: 12 log(1 + e^−(b+w)) = 1.92, where b is known from the zeros."""
    x = np.repeat([0.0, 1.0], [20, 12])
    y = np.where(x == 1.0, 1.0, np.arange(32) % 2)
    limits = logloss.fit(x[:, np.newaxis], y, fit_intercept=intercept).confidence_intervals()
    lower, upper = limits["lower"].to_pylist()[-1], limits["upper"].to_pylist()[-1]
    assert upper == math.inf
    if not intercept:
        assert lower == pytest.approx(-math.log(math.expm1(HALF / 12.0)), rel=1e-9)
    assert least(x[:, np.newaxis], y, 1, lower) - 20.0 * math.log(2.0) < HALF + 1e-6


def test_soft_rows_hold_a_direction() -> None:
    """A row with a label of a half: x cannot move it, so only the other column is endless."""
    X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    y = np.array([0.5, 0.5, 1.0, 1.0, 1.0, 0.0])
    limits = logloss.fit(X, y, fit_intercept=False).confidence_intervals()
    assert limits["upper"].to_pylist()[1] == math.inf
    assert all(
        math.isfinite(v) for v in (limits["lower"].to_pylist()[0], limits["upper"].to_pylist()[0])
    )
