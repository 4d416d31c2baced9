"""The estimator in scikit-learn's place: pipelines, searches, ensembles, calibration, routing."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from logloss import LogisticRegression, UsageError


@pytest.fixture(scope="module")
def cancer() -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X)[:, :8], np.array(["bad", "good"])[y]


def ours() -> LogisticRegression:
    return LogisticRegression(tol=1e-15)


def peer() -> Any:
    return Peer(solver="newton-cholesky", tol=1e-12)


SWAPS = {
    "pipeline": lambda m: make_pipeline(StandardScaler(), m),
    "sigmoid calibration": lambda m: CalibratedClassifierCV(m, method="sigmoid", cv=3),
    "isotonic calibration": lambda m: CalibratedClassifierCV(m, method="isotonic", cv=3),
    "soft voting": lambda m: VotingClassifier(
        [("a", m), ("b", DecisionTreeClassifier(max_depth=2, random_state=0))], voting="soft"
    ),
    "stacking": lambda m: StackingClassifier([("a", m)], final_estimator=clone(m), cv=3),
    "bagging": lambda m: BaggingClassifier(m, n_estimators=3, random_state=0),
    "one against the rest": OneVsRestClassifier,
    "elimination": lambda m: RFE(m, n_features_to_select=4),
    "grid search": lambda m: GridSearchCV(
        m, {"C": [0.01, 1.0, 100.0]}, cv=3, scoring="neg_log_loss"
    ),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_same_forecasts_as_with_scikit_learns_own(swap: str, cancer: Any) -> None:
    X, y = cancer
    mine, theirs = SWAPS[swap](ours()).fit(X, y), SWAPS[swap](peer()).fit(X, y)
    assert mine.predict(X).tolist() == theirs.predict(X).tolist()
    np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


def test_grid_search_finds_the_same_scores(cancer: Any) -> None:
    X, y = cancer
    searches = [SWAPS["grid search"](m).fit(X, y) for m in (ours(), peer())]
    assert searches[0].best_params_ == searches[1].best_params_
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_cross_validation(cancer: Any) -> None:
    X, y = cancer
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        mine, theirs = (cross_val_predict(m, X, y, cv=3, method=method) for m in (ours(), peer()))
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    scores = [cross_val_score(m, X, y, cv=3, scoring="roc_auc") for m in (ours(), peer())]
    np.testing.assert_allclose(*scores, rtol=1e-9)


def test_select_from_model_reads_the_coefficients(cancer: Any) -> None:
    X, y = cancer
    kept = [SelectFromModel(m).fit(X, y).get_support() for m in (ours(), peer())]
    assert kept[0].tolist() == kept[1].tolist()


def test_threshold_tuning_and_permutation_importance(cancer: Any) -> None:
    X, y = cancer
    tuned = [
        TunedThresholdClassifierCV(m, cv=3, scoring="balanced_accuracy").fit(X, y)
        for m in (ours(), peer())
    ]
    assert tuned[0].best_threshold_ == pytest.approx(tuned[1].best_threshold_, abs=1e-5)
    importance = [
        permutation_importance(m.fit(X, y), X, y, n_repeats=2, random_state=0).importances_mean
        for m in (ours(), peer())
    ]
    np.testing.assert_allclose(*importance, atol=1e-12)


@pytest.mark.parametrize("wrapper", [OneVsRestClassifier, OneVsOneClassifier])
def test_three_classes_by_a_wrapper(wrapper: Any) -> None:
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    mine, theirs = (wrapper(m).fit(X, names) for m in (ours(), peer()))
    assert mine.predict(X).tolist() == theirs.predict(X).tolist()


def test_frame_through_a_column_transformer() -> None:
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=200), "kind": rng.choice(["a", "b", "c"], 200)})
    y = (frame["size"] + (frame["kind"] == "a") + rng.normal(size=200) > 0).astype(int)

    def forecast(model: Any) -> NDArray[np.float64]:
        columns = make_column_transformer(
            (OneHotEncoder(), ["kind"]), (StandardScaler(), ["size"]), sparse_threshold=1.0
        )
        proba: NDArray[np.float64] = (
            make_pipeline(columns, model).fit(frame, y).predict_proba(frame)
        )
        return proba

    np.testing.assert_allclose(forecast(ours()), forecast(peer()), atol=1e-6)


def test_pickle_and_clone_keep_what_they_should(cancer: Any) -> None:
    X, y = cancer
    model = LogisticRegression(C=0.3, penalty_factors={"x0": 0.5}).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.model_.certificate == model.model_.certificate
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "coef_")


def test_weights_and_offsets_are_routed(cancer: Any) -> None:
    X, y = cancer
    rng = np.random.default_rng(0)
    s, offset = rng.integers(1, 4, len(y)).astype(float), rng.normal(size=len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        step = (
            ours()
            .set_fit_request(sample_weight=True, offset=True)
            .set_predict_proba_request(offset=True)
            .set_score_request(sample_weight=True, offset=True)
        )
        routed = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), step)
        routed.fit(X, y, sample_weight=s, offset=offset)
        proba = routed.predict_proba(X, offset=offset)
        accuracy = routed.score(X, y, offset=offset)
        scores = cross_val_score(
            step, X, y, cv=3, params={"sample_weight": s, "offset": offset}, error_score="raise"
        )
    direct = ours().fit(StandardScaler().fit_transform(X), y, s, offset)
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(proba, direct.predict_proba(scaled, offset), rtol=1e-9)
    assert accuracy == direct.score(scaled, y, offset=offset)
    assert len(scores) == 3


def test_weights_that_nobody_asked_for_are_an_error_under_routing(cancer: Any) -> None:
    X, y = cancer
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"),
    ):
        make_pipeline(ours()).fit(X, y, sample_weight=np.ones(len(y)))


def test_a_search_over_a_wrong_parameter_says_so(cancer: Any) -> None:
    X, y = cancer
    search = GridSearchCV(ours(), {"C": [-1.0]}, cv=2, error_score="raise")
    with pytest.raises(UsageError, match="C must be positive"):
        search.fit(X, y)
