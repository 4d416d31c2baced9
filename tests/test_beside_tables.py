"""What lies beside a table: frames of one or two columns, and indexes that name the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import statsmodels.api as sm

import logloss
from logloss.errors import DataError, UsageError

N = 40
RNG = np.random.default_rng(5)
X = pd.DataFrame({"x": RNG.normal(size=N), "z": RNG.normal(size=N)})
Y = pd.Series((X["x"] + RNG.logistic(size=N) > 0).astype(int), name="y")
W = pd.Series(RNG.integers(1, 4, N).astype(float), name="w")
O = pd.Series(RNG.normal(size=N) / 3, name="o")  # noqa: E741
G = pd.Series(np.arange(N) % 7, name="g")
MIXED = RNG.permutation(N)


def coefficients(*arguments: Any, **options: Any) -> dict[str, float]:
    return dict(logloss.fit(*arguments, C=2.0, **options).coefficients)


PLAIN = coefficients(X, Y, sample_weight=W, offset=O)

# ---- the index


def wrong(role: str, model: logloss.Model, one: Any) -> Callable[[], Any]:
    """A call in which one thing has its rows in another order than the rest."""
    estimator = logloss.LogisticRegression()
    search = logloss.LogisticRegressionCV(Cs=[1.0], cv=2)
    calls: dict[str, Callable[[], Any]] = {
        "fit y": lambda: logloss.fit(X, one(Y), C=1.0),
        "fit sample_weight": lambda: logloss.fit(X, Y, sample_weight=one(W), C=1.0),
        "fit offset": lambda: logloss.fit(X, Y, offset=one(O), C=1.0),
        "fit frame of one column": lambda: logloss.fit(X, one(Y.to_frame()), C=1.0),
        "fit counts": lambda: logloss.fit(X, one(pd.DataFrame({"a": Y, "b": 1 - Y})), C=1.0),
        "fit an array with weights": lambda: logloss.fit(
            X.to_numpy(), Y, sample_weight=one(W), C=1.0
        ),
        "fit a table with text": lambda: logloss.fit(X.assign(t="a"), one(Y), C=1.0),
        "path": lambda: logloss.path(X, one(Y), n_lambdas=2),
        "race": lambda: logloss.race(X, one(Y), C=1.0, solvers=["auto"]),
        "predict offset": lambda: model.predict_proba(X, offset=one(O)),
        "evaluate y": lambda: model.evaluate(X, one(Y), offset=O),
        "evaluate sample_weight": lambda: model.evaluate(X, Y, sample_weight=one(W), offset=O),
        "attach": lambda: model.attach(X, one(Y), offset=O),
        "groups": lambda: logloss.fit(X, Y).covariance(groups=one(G)),
        "estimator y": lambda: estimator.fit(X, one(Y)),
        "estimator offset": lambda: estimator.fit(X, Y, offset=one(O)),
        "estimator score": lambda: estimator.fit(X, Y).score(X, one(Y)),
        "estimator auto": lambda: logloss.LogisticRegression(missing="auto").fit(X, one(Y)),
        "search": lambda: search.fit(X, Y, sample_weight=one(W)),
        "search score": lambda: search.fit(X, Y).score(X, one(Y)),
    }
    return calls[role]


ROLES = [
    "fit y",
    "fit sample_weight",
    "fit offset",
    "fit frame of one column",
    "fit counts",
    "fit an array with weights",
    "fit a table with text",
    "path",
    "race",
    "predict offset",
    "evaluate y",
    "evaluate sample_weight",
    "attach",
    "groups",
    "estimator y",
    "estimator offset",
    "estimator score",
    "estimator auto",
    "search",
    "search score",
]


@pytest.fixture(scope="module")
def model() -> logloss.Model:
    return logloss.fit(X, Y, offset=O, C=1.0)


@pytest.mark.parametrize("role", ROLES)
def test_rows_in_another_order_are_refused(role: str, model: logloss.Model) -> None:
    with pytest.raises(DataError, match="has another index than") as error:
        wrong(role, model, lambda column: column.iloc[MIXED])()
    assert ".loc[" in str(error.value.hint)
    wrong(role, model, lambda column: column)()


def test_what_pandas_users_mean_by_an_index() -> None:
    """Other names are refused; a mere count of the rows goes by position."""
    named = X.set_axis([f"r{k}" for k in range(N)], axis=0)
    like = Y.set_axis(named.index)
    assert coefficients(named, like) == coefficients(X, Y)
    assert coefficients(named, Y) == coefficients(X, Y)  # Y counts its rows
    assert coefficients(X, like) == coefficients(X, Y)
    assert coefficients(X, Y.set_axis(range(100, 100 + N))) == coefficients(X, Y)
    assert coefficients(named, like.to_numpy()[:]) == coefficients(X, Y)
    drawn = X.sample(N, replace=True, random_state=0)
    assert coefficients(drawn, Y.loc[drawn.index]) == coefficients(
        drawn.reset_index(drop=True), Y.loc[drawn.index].to_numpy()
    )
    other: Any
    for other in (like[::-1], Y.set_axis([f"s{k}" for k in range(N)])):
        with pytest.raises(DataError, match="has another index than X"):
            logloss.fit(named, other)
        with pytest.raises(ValueError, match="not aligned"):
            sm.Logit(other, sm.add_constant(named)).fit(disp=0)


# ---- one column

ONE = {
    "pandas": lambda v: pd.DataFrame({"c": v}),
    "polars": lambda v: pl.DataFrame({"c": np.asarray(v)}),
    "arrow": lambda v: pa.table({"c": np.asarray(v)}),
    "array": lambda v: np.asarray(v)[:, None],
    "lists": lambda v: [[one] for one in np.asarray(v).tolist()],
    "nullable": lambda v: pd.DataFrame({"c": v}).convert_dtypes(),
    "sparse": lambda v: sp.csr_array(np.asarray(v)[:, None]),
}


@pytest.mark.parametrize("kind", ONE)
def test_frames_of_one_column_are_columns(kind: str) -> None:
    one = ONE[kind]
    assert coefficients(X, one(Y), sample_weight=one(W), offset=one(O)) == PLAIN
    model = logloss.fit(X, Y, offset=O)
    p = model.predict_proba(X, offset=O)
    np.testing.assert_array_equal(model.predict_proba(X, offset=one(O)), p)
    there = model.evaluate(X, one(Y), sample_weight=one(W), offset=one(O))
    assert there.log_loss == model.evaluate(X, Y, sample_weight=W, offset=O).log_loss
    if kind not in ("sparse", "lists"):
        np.testing.assert_array_equal(
            model.covariance(groups=one(G)).matrix, model.covariance(groups=G).matrix
        )


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_frames_of_text_labels(kind: str) -> None:
    labels = np.array(["no", "yes"])[Y]
    table = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}[kind]({"c": labels})
    assert coefficients(X, table) == coefficients(X, labels)


@pytest.mark.parametrize("role", ["y", "sample_weight", "offset"])
@pytest.mark.parametrize("width", [2, 3])
def test_frames_of_several_columns_are_refused(role: str, width: int) -> None:
    given: dict[str, Any] = {"y": Y, role: pd.DataFrame({str(k): W for k in range(width)})}
    if (role, width) == ("y", 2):
        given["y"] = pd.DataFrame({"0": W, "1": -W})  # counts are not negative
    with pytest.raises(DataError, match=f"{role} has {width} columns|shape|is -"):
        logloss.fit(X, **given, C=1.0)


# ---- successes and failures

TWO = {
    "pandas": lambda a, b: pd.DataFrame({"s": a, "f": b}),
    "polars": lambda a, b: pl.DataFrame({"s": a, "f": b}),
    "arrow": lambda a, b: pa.table({"s": a, "f": b}),
    "array": lambda a, b: np.c_[a, b],
    "float32": lambda a, b: np.c_[a, b].astype(np.float32),
    "lists": lambda a, b: np.c_[a, b].tolist(),
}


def counts() -> tuple[Any, Any]:
    rng = np.random.default_rng(8)
    trials = rng.integers(0, 6, N)
    trials[0] = 0
    successes = rng.binomial(trials, 0.4)
    return successes, trials - successes


@pytest.mark.parametrize("kind", TWO)
def test_successes_and_failures_are_those_of_a_binomial_model(kind: str) -> None:
    successes, failures = counts()
    y = TWO[kind](successes, failures)
    model = logloss.fit(X, y, tol=1e-12)
    some = successes + failures > 0
    glm = sm.GLM(
        np.c_[successes, failures][some], sm.add_constant(X)[some], sm.families.Binomial()
    ).fit(tol=1e-14, tol_criterion="params")
    np.testing.assert_allclose(list(model.coefficients.values()), glm.params.iloc[1:], atol=1e-6)
    np.testing.assert_allclose(model.covariance().matrix, glm.cov_params(), rtol=1e-5)
    rows = X.loc[np.repeat(np.arange(N), successes + failures)]
    labels = np.concatenate([[1] * s + [0] * f for s, f in zip(successes, failures, strict=True)])
    assert dict(model.coefficients) == pytest.approx(
        dict(logloss.fit(rows, labels, tol=1e-12).coefficients), abs=1e-6
    )
    assert "cbind(successes, failures)" in model.notes[-1]
    e = model.evaluate(X, y)
    assert e.log_loss == pytest.approx(model.fitted.loss, rel=1e-9)
    assert model.attach(X, y) is model
    path = logloss.path(X, y, lambdas=[0.1])
    assert dict(path.model(0).coefficients) == pytest.approx(
        dict(logloss.path(rows, labels, lambdas=[0.1]).model(0).coefficients), abs=1e-6
    )


def test_weights_multiply_trials() -> None:
    successes, failures = counts()
    twice = logloss.fit(X, np.c_[2 * successes, 2 * failures], C=1.0)
    weighed = logloss.fit(X, np.c_[successes, failures], sample_weight=np.full(N, 2.0), C=1.0)
    assert dict(weighed.coefficients) == pytest.approx(dict(twice.coefficients), rel=1e-6)


def test_one_trial_a_row_is_a_label_a_row() -> None:
    assert coefficients(X, np.c_[Y, 1 - Y]) == coefficients(X, Y)
    assert logloss.fit(X, np.c_[Y, 1 - Y], C=1.0).classes == (0, 1)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.c_[-np.ones(N), np.ones(N)], "y: column 0 is -1 in row 0"),
        (np.c_[np.ones(N), np.full(N, np.nan)], "y: column 1 is nan in row 0"),
        (np.zeros((N, 2)), "no successes and no failures"),
        (np.full((N, 2), "a"), "numbers are needed"),
        (np.c_[np.ones(N), np.zeros(N)], "one class only"),
        (np.ones((N - 1, 2)), f"{N - 1} values"),
        (pd.DataFrame({"s": Y.iloc[MIXED], "f": Y.iloc[MIXED]}), "another index"),
        (np.eye(N)[:, :3], "shape"),
    ],
)
def test_counts_that_cannot_be(y: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        logloss.fit(X, y)


# ---- frames as pandas has them


def test_sparse_columns_and_intervals_of_pandas() -> None:
    dummies = pd.get_dummies(pd.Series(list("abcd") * 10), sparse=True)
    with pytest.raises(DataError, match="cannot be read") as error:
        logloss.fit(dummies, Y)
    assert "sparse.to_dense()" in str(error.value.hint)
    cut = pd.cut(X["x"], [-9, 0, 9])
    model = logloss.fit(pd.DataFrame({"c": cut}), Y, C=1.0)
    assert list(model.coefficients) == ["c=(-9, 0]", "c=(0, 9]"]
    assert logloss.fit(X[["z"]], cut, C=1.0).classes == ("(-9, 0]", "(0, 9]")
    assert model.predict_proba(pd.DataFrame({"c": cut[:3]})).shape == (3,)


def test_a_row_of_a_frame_is_no_table() -> None:
    with pytest.raises((DataError, UsageError), match=r"iloc\[\[0\]\]"):
        logloss.fit(X, Y).predict_proba(X.iloc[0])
