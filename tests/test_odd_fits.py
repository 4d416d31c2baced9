"""Fits with little to hold on to: tables of zeros, values that are none, starts from nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import logloss
from logloss import DataError, UsageError
from logloss.model.model import Model

SOLVERS = (
    "perceptron",
    "sigmoid-update",
    "gd",
    "nesterov",
    "sgd",
    "adam",
    "sag",
    "saga",
    "lbfgs",
    "newton",
    "newton-cg",
    "prox-newton",
    "auto",
)
BY_ROW = ("sigmoid-update", "sgd", "adam", "sag", "saga")
N = 40
Y = (np.arange(N) % 3 == 0).astype(int)
STORES = {
    "dense": np.array,
    "fortran": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "frame": lambda X: pd.DataFrame(X, columns=["a", "b"]),
}


@pytest.mark.parametrize("store", ["dense", "csr", "csc"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("options", [{}, {"C": 1.0}, {"fit_intercept": False}])
def test_a_table_of_zeros(store: str, solver: str, options: dict[str, Any]) -> None:
    model = logloss.fit(STORES[store](np.zeros((N, 2))), Y, solver=solver, **options)
    assert dict(model.coefficients) == {"x0": 0.0, "x1": 0.0}
    if solver != "perceptron":
        assert model.certificate.status.name == "CERTIFIED"
        share = 0.5 if "fit_intercept" in options else Y.mean()
        assert model.predict_proba(np.zeros((1, 2)))[0] == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("solver", SOLVERS)
def test_what_is_no_number_is_refused_by_all_solvers(solver: str, value: float, store: str) -> None:
    X = np.random.default_rng(0).normal(size=(N, 2))
    X[7, 1] = value
    missing = {"missing": "error"} if store == "frame" else {}
    with pytest.raises(DataError, match="row 7"):
        logloss.fit(STORES[store](X), Y, solver=solver, **missing)


@pytest.mark.parametrize("solver", ["gd", "nesterov", *BY_ROW])
@pytest.mark.parametrize("columns", ["text", "number"])
def test_solvers_without_newtons_step_see_a_separation(solver: str, columns: str) -> None:
    """They used to go on to the last of thousands of epochs."""
    letters = np.array(list("abc"))[np.random.default_rng(0).integers(0, 3, 3000)]
    y = (np.random.default_rng(1).random(3000) < 0.4).astype(int)
    y[letters == "a"] = 0
    table = pd.DataFrame({"c": letters})
    if columns == "number":
        table = pd.DataFrame({"c": (letters == "a") * 1.0, "d": (letters == "b") * 1.0})
    model = logloss.fit(table, y, solver=solver)
    assert model.certificate.status.name == "SEPARATED"
    assert len(model.history) < 300
    separation = model.separation
    assert separation is not None
    assert separation.exists is False


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["coef_", "intercept_"])
def test_a_warm_start_from_no_number_says_so(value: float, where: str) -> None:
    X = np.random.default_rng(0).normal(size=(N, 2))
    model = logloss.LogisticRegression(warm_start=True).fit(X, Y)
    getattr(model, where).flat[0] = value
    name = "'x0'" if where == "coef_" else r"'\(intercept\)'"
    with pytest.raises(UsageError, match=f"start has the coefficient {name} = {value:g}"):
        model.fit(X, Y)


def test_a_start_too_far_away_says_so() -> None:
    X = 1e10 * np.random.default_rng(0).normal(size=(N, 2))
    model = logloss.LogisticRegression(warm_start=True).fit(X, Y)
    model.coef_[:] = 1e305
    with pytest.raises(UsageError, match="the loss at the start is no finite number"):
        model.fit(X, Y)


def test_a_start_that_is_a_model_of_no_numbers() -> None:
    X = np.random.default_rng(0).normal(size=(N, 2))
    fitted = logloss.fit(X, Y, C=1.0).fitted
    from dataclasses import replace

    start = Model(replace(fitted, coefficients=np.array([np.nan, 1.0])))
    with pytest.raises(UsageError, match="start has the coefficient 'x0' = nan"):
        logloss.fit(X, Y, start=start)


@pytest.mark.parametrize("weighed", [0, 1])
@pytest.mark.parametrize("penalty", [{"C": 1.0}, {"C": 1.0, "l1_ratio": 1.0}, {"l2": 1e-3}])
def test_all_weight_on_one_class(penalty: dict[str, float], weighed: int) -> None:
    """The optimum is 0, at no finite intercept: where F is 1e-300, a gap of 1e-300 is nothing."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    weight = np.where(y == weighed, 1.0, 0.0)
    model = logloss.fit(X, y, sample_weight=weight, **penalty)
    certificate = model.certificate
    assert certificate.status.name == "CERTIFIED"
    assert 0.0 <= model.fitted.objective <= certificate.gap <= 1e-290  # the infimum is 0
    assert certificate.relative_gap <= 1e-6
    np.testing.assert_allclose(model.predict_proba(X), weighed, atol=1e-290)
    assert not any(model.coefficients.values())
    solvers = ["prox-newton"] if "l1_ratio" in penalty else ["newton", "lbfgs"]
    raced = logloss.race(X, y, sample_weight=weight, solvers=solvers, **penalty)
    assert {run.certificate.status.name for run in raced.runs} == {"CERTIFIED"}
