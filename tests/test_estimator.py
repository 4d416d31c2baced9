"""The face of the estimator: labels, names, attributes, warnings, errors."""

from __future__ import annotations

import doctest
import math
import sys
import time
import warnings
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.utils import get_tags

import logloss.estimators.logistic
from logloss import DataError, LogisticRegression, UsageError, load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Z = X @ [1.0, -2.0, 0.5] + 0.3
Y = (RNG.random(200) < 1.0 / (1.0 + np.exp(-Z))).astype(int)


def test_the_example_in_its_words_works() -> None:
    assert doctest.testmod(logloss.estimators.logistic).attempted >= 5


# ---- labels


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([-1, 1], dtype=np.int8),
        np.array([2.0, 7.0]),
        np.array([False, True]),
        np.array([0.0, 1.0], dtype=np.float32),
    ],
    ids=lambda labels: labels.dtype.str,
)
def test_labels_keep_their_type_and_order(labels: Any) -> None:
    y = labels[Y]
    model = LogisticRegression().fit(X, y)
    assert model.classes_.dtype == y.dtype
    assert model.classes_.tolist() == labels.tolist()
    predicted = model.predict(X)
    assert predicted.dtype == y.dtype
    assert (predicted == labels[(model.decision_function(X) > 0).astype(int)]).all()
    assert model.score(X, y) == np.mean(predicted == y) > 0.7


def test_frames_and_their_labels() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["b"] = frame["b"].astype("float32")
    y = pd.Series(np.array(["no", "yes"])[Y], dtype="string")
    model = LogisticRegression(penalty_factors={"a": 0.0}).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert list(model.model_.coefficients) == ["a", "b", "c"]
    assert model.predict(frame).tolist() == model.model_.predict(frame[["c", "a", "b"]]).tolist()
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["c", "a", "b"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


def test_polars_frames() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(X, schema=["a", "b", "c"])
    model = LogisticRegression().fit(frame, pl.Series(Y))
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(model.coef_, LogisticRegression().fit(X, Y).coef_, rtol=1e-9)


def test_soft_labels_have_the_classes_0_and_1() -> None:
    soft = 1.0 / (1.0 + np.exp(-Z))
    model = LogisticRegression(C=math.inf, tol=1e-12).fit(X, soft)
    assert model.classes_.tolist() == [0, 1]
    np.testing.assert_allclose(model.coef_[0], [1.0, -2.0, 0.5], rtol=1e-5)
    np.testing.assert_allclose(model.intercept_[0], 0.3, rtol=1e-5)
    assert set(model.predict(X)) == {0, 1}


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.linspace(-1.0, 1.0, 200), "^Unknown label type: continuous"),
        (np.where(Y, 1.5, 0.5), "^Unknown label type: continuous"),
        (Y.astype(object), "^Unknown label type: unknown"),
        (
            np.arange(200) % 3,
            r"^Only binary classification is supported\. .*\n.*OneVsRestClassifier",
        ),
        (
            np.array(["a", "b", "c"])[np.arange(200) % 3],
            r"^Only binary classification is supported\.",
        ),
        (np.ones(200), "only one class: 1.0"),
        (["yes"] * 200, "only one class: 'yes'"),
        (np.where(Y, np.nan, 0.0), "Input y contains NaN"),
        (np.column_stack([Y, Y]), "y should be a 1d array"),
        (Y[:-1], "inconsistent numbers of samples"),
        (None, "y cannot be None|requires y to be passed"),
    ],
)
def test_targets_that_cannot_be(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LogisticRegression().fit(X, y)


def test_one_class_by_the_weights() -> None:
    """As in the bootstraps of a bagging, which scikit-learn's fits too."""
    model = LogisticRegression().fit(X, Y, sample_weight=Y)
    assert model.classes_.tolist() == [0, 1]
    assert (model.predict(X) == 1).all()
    peer = Peer().fit(X, Y, sample_weight=Y)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=1e-3)


# ---- what it says of itself


def test_attributes() -> None:
    model = LogisticRegression().fit(X, Y)
    assert model.coef_.shape == (1, 3)
    assert model.intercept_.shape == model.n_iter_.shape == (1,)
    assert model.coef_.dtype == model.intercept_.dtype == np.float64
    assert model.n_features_in_ == 3
    assert not hasattr(model, "feature_names_in_")
    assert 1 <= model.n_iter_[0] <= len(model.model_.history)
    assert model.model_.certificate.relative_gap <= 1e-6
    assert LogisticRegression(fit_intercept=False).fit(X, Y).intercept_.tolist() == [0.0]


def test_tags() -> None:
    tags = get_tags(LogisticRegression())
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.sparse
    assert not tags.classifier_tags.multi_class


def test_its_parameters_are_scikit_learns_but_four() -> None:
    gone = {"penalty", "dual", "intercept_scaling", "n_jobs"}
    assert set(Peer().get_params()) - set(LogisticRegression().get_params()) == gone
    for name in ("C", "l1_ratio", "fit_intercept", "class_weight", "warm_start", "verbose"):
        assert LogisticRegression().get_params()[name] == Peer().get_params()[name]


def test_the_model_inside_is_a_whole_one(tmp_path: Any) -> None:
    model = LogisticRegression().fit(X, Y)
    model.model_.save(tmp_path / "model.json")
    again = load(tmp_path / "model.json")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X)[:, 1])


def test_parameters_are_wrong() -> None:
    for options, message in [
        ({"C": 0.0}, "C must be positive"),
        ({"l1_ratio": 0.5, "solver": "lbfgs"}, "cannot take an L1 penalty"),
        ({"solver": "newtn"}, "did you mean 'newton'"),
        ({"tol": 0.0}, "tol must be positive"),
        ({"max_iter": 0}, "max_iter must be a whole number from 1 on"),
        ({"class_weight": {"maybe": 2.0}}, "class_weight names 'maybe'"),
        ({"penalty_factors": {"x7": 2.0}}, "penalty_factors names 'x7'"),
    ]:
        with pytest.raises(UsageError, match=message):
            LogisticRegression(**options).fit(X, Y)


# ---- predictions


def test_not_fitted() -> None:
    with pytest.raises(NotFittedError):
        LogisticRegression().predict(X)


def test_probabilities_keep_their_digits_in_both_tails() -> None:
    model = LogisticRegression().fit(X, Y)
    model.coef_, model.intercept_ = np.array([[1.0, 0.0, 0.0]]), np.array([0.0])
    z = np.array([-1000.0, -700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 700.0, 1000.0])
    rows = np.column_stack([z, np.zeros((9, 2))])
    with mpmath.workdps(800):
        p = [1 / (1 + mpmath.exp(-v)) for v in z]
        exact = [[float(mpmath.log(1 - v)), float(mpmath.log(v))] for v in p]
        exact_proba = [[float(1 - v), float(v)] for v in p]
    np.testing.assert_allclose(model.predict_log_proba(rows), exact, rtol=1e-14)
    np.testing.assert_allclose(model.predict_proba(rows), exact_proba, rtol=1e-14)


def test_a_tie_goes_to_the_first_class_as_in_scikit_learn() -> None:
    mine, theirs = LogisticRegression().fit(X, Y), Peer().fit(X, Y)
    for model in (mine, theirs):
        model.coef_, model.intercept_ = np.zeros((1, 3)), np.zeros(1)
    assert mine.predict(X[:1]).tolist() == theirs.predict(X[:1]).tolist() == [0]


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_an_offset_in_the_fit_is_needed_in_predictions(method: str) -> None:
    offset = np.linspace(-1.0, 1.0, 200)
    model = LogisticRegression().fit(X, Y, offset=offset)
    with pytest.raises(UsageError, match="was fitted with an offset"):
        getattr(model, method)(X)
    with pytest.raises(UsageError, match="was fitted with an offset"):
        model.score(X, Y)
    assert len(getattr(model, method)(X, offset=offset)) == 200


def test_an_offset_may_come_with_predictions_only() -> None:
    model = LogisticRegression().fit(X, Y)
    z = model.decision_function(X)
    np.testing.assert_allclose(model.decision_function(X, offset=np.full(200, 2.0)), z + 2.0)
    with pytest.raises(DataError, match="offset has 3 values"):
        model.predict(X, offset=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array, sp.csc_array])
def test_values_that_are_not_finite_are_found(bad: float, storage: Any) -> None:
    model = LogisticRegression().fit(X, Y)
    spoilt = X.copy()
    spoilt[17, 1] = bad
    for use in (
        lambda: LogisticRegression().fit(storage(spoilt), Y),
        lambda: model.predict(storage(spoilt)),
    ):
        with pytest.raises(DataError, match=rf"{bad} in row 17, column 'x1'"):
            use()


def test_changed_coefficients_count() -> None:
    # federated averaging and prior correction write to coef_ and intercept_
    model = LogisticRegression().fit(X, Y)
    before = model.model_.intercept
    model.intercept_ = model.intercept_ + 1.0
    model.coef_ *= 2.0
    expected = X @ model.coef_[0] + model.intercept_[0]
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-12)
    assert model.model_.intercept == before


def test_weights_and_offsets_are_arrays_not_names() -> None:
    for extra in ({"sample_weight": "x0"}, {"offset": "x0"}):
        with pytest.raises(ValueError, match="is a single value"):
            LogisticRegression().fit(X, Y, **extra)


def test_bad_weights() -> None:
    for weights, message in [
        (-np.ones(200), "negative weight"),
        (np.zeros(200), "all weights are zero"),
        (np.ones(3), "sample_weight has 3 values"),
        (np.ones((200, 2)), "one value a row"),
    ]:
        with pytest.raises(DataError, match=message):
            LogisticRegression().fit(X, Y, sample_weight=weights)


# ---- how a fit ends


def test_a_fit_without_proof_warns_and_says_how_far_it_came() -> None:
    raw, y = load_breast_cancer(return_X_y=True)
    model = LogisticRegression(solver="newton-cg", max_iter=2)
    with pytest.warns(
        ConvergenceWarning, match=r"ended at step 2.*without a proof of tol=1e-06.*relative gap"
    ):
        model.fit(raw, y)
    assert model.n_iter_ == [2]
    assert model.model_.certificate.status.name == "BUDGET"


def test_the_gap_in_the_warning_is_an_upper_bound() -> None:
    best = LogisticRegression(tol=1e-12).fit(X, Y).model_.fitted.objective
    with pytest.warns(ConvergenceWarning, match="is at most"):
        short = LogisticRegression(solver="gd", max_iter=3).fit(X, Y)
    assert 0.0 < short.model_.fitted.objective - best <= short.model_.certificate.gap


def test_a_time_budget_is_kept() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="limit of steps or time"):
        LogisticRegression(solver="gd", tol=1e-12, time_budget=1e-4).fit(X, y)


def test_separated_data_warn_without_a_penalty_and_not_with_one() -> None:
    separated = X[:, 0] > 0.0
    with pytest.warns(ConvergenceWarning, match="are separated"):
        LogisticRegression(C=math.inf).fit(X, separated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LogisticRegression().fit(X, separated)


def test_a_warm_start_goes_on_from_where_it_was() -> None:
    cold = LogisticRegression(solver="lbfgs", tol=1e-10).fit(X, Y)
    warm = LogisticRegression(solver="lbfgs", tol=1e-10, warm_start=True).fit(X, Y).fit(X, Y)
    assert warm.n_iter_ < cold.n_iter_
    np.testing.assert_allclose(warm.coef_, cold.coef_, atol=1e-4)
    other = warm.set_params(C=0.01).fit(X, Y)
    np.testing.assert_allclose(
        other.coef_, LogisticRegression(C=0.01, tol=1e-12).fit(X, Y).coef_, atol=1e-4
    )


def test_a_warm_start_sees_changed_coefficients() -> None:
    best = LogisticRegression(tol=1e-12).fit(X, Y)
    model = LogisticRegression(solver="gd", max_iter=1, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y)
    model.coef_, model.intercept_ = best.coef_, best.intercept_
    assert model.fit(X, Y).model_.certificate.relative_gap <= 1e-6


def test_without_a_warm_start_the_first_fit_leaves_no_trace() -> None:
    model = LogisticRegression().fit(-X, Y)
    assert np.array_equal(model.fit(X, Y).coef_, LogisticRegression().fit(X, Y).coef_)


def test_verbose_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    model = LogisticRegression(verbose=1).fit(X, Y)
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == len(model.model_.history)
    assert "gap at most" in err


def test_ctrl_c_stops_a_search_and_keeps_the_best_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient:
        def write(self, _: str) -> None:
            raise KeyboardInterrupt

    model = LogisticRegression(verbose=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sys, "stderr", Impatient())
        model.fit(X, Y)
    assert model.model_.certificate.status.name == "INTERRUPTED"
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.alone
def test_a_small_fit_takes_no_longer_than_scikit_learns() -> None:
    raw, y = load_breast_cancer(return_X_y=True)
    scaled = (raw - raw.mean(axis=0)) / raw.std(axis=0)  # as scikit-learn likes it

    def best(model: Any) -> float:
        times = []
        for _ in range(60):
            begun = time.perf_counter()
            model.fit(scaled, y)
            times.append(time.perf_counter() - begun)
        return min(times)

    assert best(LogisticRegression()) <= best(Peer())
