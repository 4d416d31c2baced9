"""A model as other libraries keep it: pickled, copied, and in plain values that skops loads."""

from __future__ import annotations

import copy
import io
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest

import logloss

X = np.random.default_rng(3).normal(size=(60, 2))
Y = (X[:, 0] + np.sin(17.0 * X[:, 1]) > 0).astype(int)
TABLE = pd.DataFrame({"x": X[:, 0], "c": np.array(list("abc"))[np.arange(60) % 3]})

MODELS: dict[str, Callable[[], Any]] = {
    "estimator": lambda: logloss.LogisticRegression().fit(X, Y),
    "perceptron": lambda: logloss.LogisticRegression(solver="perceptron").fit(X, Y),
    "tables": lambda: logloss.LogisticRegression(missing="auto").fit(TABLE, Y),
    "search": lambda: logloss.LogisticRegressionCV(Cs=2, cv=2).fit(X, Y),
    "plain": lambda: logloss.fit(X, Y),
    "bools": lambda: logloss.fit(TABLE, Y == 1),
    "separated": lambda: logloss.fit(X, X[:, 0] > 0),
    "firth": lambda: logloss.fit(X, X[:, 0] > 0, firth=True),
    "formula": lambda: logloss.fit(TABLE, Y, formula="x + C(c)"),
    "stopped": lambda: logloss.fit(X, Y, max_iter=1, solver="gd"),
}


def rows(of: str) -> Any:
    return TABLE if of in ("tables", "bools", "formula") else X


def through_joblib(model: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model: pickle.loads(cloudpickle.dumps(model)),
    "old pickle": lambda model: pickle.loads(pickle.dumps(model, 2)),
    "joblib": through_joblib,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "twice": lambda model: copy.deepcopy(pickle.loads(pickle.dumps(model))),
}


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    return {name: make() for name, make in MODELS.items()}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("of", MODELS)
def test_copies_are_the_same(fitted: dict[str, Any], of: str, how: str) -> None:
    model = fitted[of]
    written = getattr(model, "model_", model).dumps()  # it keeps the estimates from now on
    other = COPIES[how](model)
    one, two = getattr(model, "model_", model), getattr(other, "model_", other)
    np.testing.assert_array_equal(other.predict(rows(of)), model.predict(rows(of)))
    np.testing.assert_array_equal(two.decision_function(rows(of)), one.decision_function(rows(of)))
    assert two.classes == one.classes
    assert [type(label) for label in two.classes] == [type(label) for label in one.classes]
    assert repr(two.certificate) == repr(one.certificate)
    assert repr(two.history) == repr(one.history)
    assert (two.notes, two.fitted.options) == (one.notes, one.fitted.options)
    if one.fitted.separation is not None:
        np.testing.assert_array_equal(
            two.fitted.separation.covariance, one.fitted.separation.covariance
        )
    assert two.dumps() == written


ESTIMATORS: dict[str, Callable[[], Any]] = {
    "plain": logloss.LogisticRegression,
    "bounded": lambda: logloss.LogisticRegression(bounds=[(0, None), (None, 1)], l1_ratio=0.5),
    "factors": lambda: logloss.LogisticRegression(penalty_factors=[0, 2.0], standardize=True),
    "random": lambda: logloss.LogisticRegression(solver="saga", random_state=0, max_iter=500),
    "classes": lambda: logloss.LogisticRegression(class_weight={"no": 1.0, "yes": 3.0}),
    "folds": lambda: logloss.LogisticRegressionCV(Cs=3, cv=3),
    "leave one out": lambda: logloss.LogisticRegressionCV(Cs=[0.1, 1.0], cv="alo"),
}


@pytest.mark.filterwarnings("ignore:.*converge")
@pytest.mark.parametrize("how", ["pickle", "cloudpickle", "joblib", "deepcopy"])
@pytest.mark.parametrize("of", ESTIMATORS)
def test_estimators_copied_before_and_after_a_fit(of: str, how: str) -> None:
    labels = np.where(Y, "yes", "no")
    made = ESTIMATORS[of]()
    early = COPIES[how](made)
    assert repr(early.get_params()) == repr(made.get_params())
    made.fit(X, labels)
    late = COPIES[how](made)
    for other in (early.fit(X, labels), late, late.fit(X, labels)):
        for what in ("predict", "predict_proba", "decision_function"):
            np.testing.assert_array_equal(getattr(other, what)(X), getattr(made, what)(X))
        assert other.classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize("of", MODELS)
def test_the_state_is_of_plain_values(fitted: dict[str, Any], of: str) -> None:
    """What skops takes without further trust: text, numbers, arrays, and our two classes."""
    state = getattr(fitted[of], "model_", fitted[of]).__getstate__()
    assert set(state) == {"record", "covariance"}
    assert type(state["record"]) is str
    assert state["covariance"] is None or type(state["covariance"]) is np.ndarray
    named = [
        f"{module}.{name}"
        for module, name in names_in(pickle.dumps(fitted[of], protocol=2))
        if module.startswith("logloss")
    ]
    assert set(named) <= {
        "logloss.model.model.Model",
        "logloss.estimators.logistic.LogisticRegression",
        "logloss.estimators.cross_validated.LogisticRegressionCV",
    }


def names_in(data: bytes) -> list[tuple[str, str]]:
    return [
        tuple(argument.split(" ", 1))  # type: ignore[misc]
        for code, argument, _ in pickletools.genops(data)
        if code.name == "GLOBAL"
    ]


def test_a_state_that_is_no_model_is_refused() -> None:
    with pytest.raises(logloss.ModelFileError):
        logloss.Model.__new__(logloss.Model).__setstate__({"record": "{}", "covariance": None})
