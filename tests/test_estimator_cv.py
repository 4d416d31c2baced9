"""LogisticRegressionCV: scikit-learn's checks and results, and what it has beyond them."""

from __future__ import annotations

import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV as Peer
from sklearn.metrics import get_scorer, make_scorer, roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import logloss
from logloss import DataError, LogisticRegressionCV, UsageError

Array = NDArray[np.float64]

VARIANTS = [
    LogisticRegressionCV(Cs=3, cv=3),
    LogisticRegressionCV(Cs=[0.1, 1.0], cv=3, l1_ratios=(0.0, 1.0), refit=False),
    LogisticRegressionCV(Cs=[0.01, 1.0], cv="alo", standardize=True),
]


@parametrize_with_checks(VARIANTS)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def cancer() -> tuple[Array, Array]:
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def peer(**options: Any) -> Any:
    options = {"scoring": "neg_log_loss", "l1_ratios": (0.0,), "cv": 5, **options}
    solver, tol = ("saga", 1e-6) if max(options["l1_ratios"]) > 0.0 else ("newton-cholesky", 1e-8)
    return Peer(solver=solver, tol=tol, max_iter=20_000, use_legacy_attributes=False, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"Cs": [1.0, 0.01, 30.0]},
        {"scoring": "roc_auc", "cv": 3},
        {"scoring": "accuracy", "refit": False},
        {"scoring": None, "Cs": 4, "class_weight": "balanced"},
        {"cv": StratifiedKFold(4, shuffle=True, random_state=0), "fit_intercept": False},
        {"cv": [(np.arange(0, 400), np.arange(400, 569)), (np.arange(200, 569), np.arange(200))]},
    ],
)
def test_scikit_learn_agrees(options: dict[str, Any], cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    one, other = LogisticRegressionCV(tol=1e-10, **options).fit(X, y), peer(**options).fit(X, y)
    assert other.C_ == one.C_
    assert one.l1_ratio_ == other.l1_ratio_ == 0.0
    for name in ("Cs_", "l1_ratios_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.n_iter_.shape == other.n_iter_.shape
    assert one.scores_.shape == other.scores_.shape
    np.testing.assert_allclose(one.scores_, other.scores_, rtol=1e-4, atol=1e-5)
    assert one.coefs_paths_.shape == other.coefs_paths_.shape
    moderate = np.asarray(one.Cs_) <= 1.0
    np.testing.assert_allclose(
        one.coefs_paths_[:, :, moderate], other.coefs_paths_[:, :, moderate], atol=1e-4
    )
    if one.C_ <= 10.0:
        np.testing.assert_allclose(one.coef_, other.coef_, atol=1e-3)
        np.testing.assert_allclose(one.intercept_, other.intercept_, atol=1e-3)
    assert one.score(X, y) == pytest.approx(other.score(X, y), rel=1e-3)


def test_the_elastic_net_and_weights_as_in_scikit_learn(cancer: tuple[Array, Array]) -> None:
    X, y = cancer[0][:, :6], cancer[1]
    s = np.random.default_rng(0).random(len(y)) + 0.5
    options: dict[str, Any] = {"Cs": [0.05, 0.5], "l1_ratios": (0.0, 0.5, 1.0), "cv": 3}
    one = LogisticRegressionCV(**options).fit(X, y, sample_weight=s)
    other = peer(**options).fit(X, y, sample_weight=s)
    assert (one.C_, one.l1_ratio_) == (other.C_, other.l1_ratio_)
    np.testing.assert_allclose(one.scores_, other.scores_, rtol=1e-3)
    np.testing.assert_allclose(one.coefs_paths_, other.coefs_paths_, atol=0.02)
    assert one.model_.certificate.relative_gap <= 1e-6
    assert one.model_.fitted.options["C"] == one.C_


def test_refit_is_the_fit_with_the_chosen_penalty(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    chosen = LogisticRegressionCV(l1_ratios=(0.0, 1.0), Cs=4, tol=1e-9).fit(X, y)
    again = logloss.LogisticRegression(C=chosen.C_, l1_ratio=chosen.l1_ratio_, tol=1e-9)
    np.testing.assert_allclose(chosen.coef_, again.fit(X, y).coef_, atol=1e-4)
    assert chosen.n_iter_.shape == (5, 2, 4)


def test_without_refit_the_folds_are_averaged(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    mean = LogisticRegressionCV(Cs=4, cv=3, refit=False).fit(X, y)
    best = mean.scores_[:, 0].argmax(axis=1)
    rows = mean.coefs_paths_[np.arange(3), 0, best, 0]
    np.testing.assert_allclose(np.append(mean.coef_[0], mean.intercept_), rows.mean(axis=0))
    assert pytest.approx(mean.Cs_[best].mean()) == mean.C_
    assert math.isnan(mean.model_.certificate.gap)
    assert mean.predict(X).shape == y.shape


# ---- leave-one-out


def test_leave_one_out_needs_one_path_and_no_refit(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    found = LogisticRegressionCV(Cs=[0.01, 0.1, 1.0], l1_ratios=(0.0, 1.0), cv="alo").fit(X, y)
    fits = logloss.path(X, y, lambdas=1.0 / (found.Cs_ * len(y)), l1_ratio=1.0, leave_one_out=True)
    assert fits.leave_one_out is not None
    np.testing.assert_allclose(-found.scores_[0, 1], fits.leave_one_out.losses)
    assert found.refitted_[1].tolist() == fits.leave_one_out.refitted.tolist()
    assert found.scores_.shape == (1, 2, 3)
    assert found.model_.certificate.relative_gap <= 1e-6
    by_folds = LogisticRegressionCV(Cs=found.Cs_, cv=30).fit(X, y)
    assert found.C_ == by_folds.C_


def test_leave_one_out_is_of_the_log_loss_only(cancer: tuple[Array, Array]) -> None:
    with pytest.raises(UsageError, match="log loss only"):
        LogisticRegressionCV(cv="alo", scoring="accuracy").fit(*cancer)
    with pytest.raises(UsageError, match="no cv 'loo'"):
        LogisticRegressionCV(cv="loo").fit(*cancer)


# ---- soft labels, offsets, storages, workflow


@pytest.mark.parametrize("cv", [3, "alo"])
def test_soft_labels_and_an_offset(cv: Any, cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    soft = np.round(0.8 * y + 0.1, 2)
    shift = np.where(y > 0, 0.3, -0.3)
    found = LogisticRegressionCV(Cs=3, cv=cv).fit(X, soft, offset=shift)
    assert np.isfinite(found.scores_).all()
    z = found.decision_function(X, offset=shift)
    expected = -logloss.bce_with_logits(soft, z)
    assert found.score(X, soft, offset=shift) == pytest.approx(expected)
    with pytest.raises(UsageError, match="was fitted with an offset"):
        found.predict(X)
    with pytest.raises(UsageError, match="log loss only"):
        LogisticRegressionCV(Cs=3, cv=3, scoring="roc_auc").fit(X, y, offset=shift)


def test_scores_of_an_offset_are_those_of_scikit_learn(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    plain = LogisticRegressionCV(Cs=[0.1, 1.0]).fit(X, y)
    zero = LogisticRegressionCV(Cs=[0.1, 1.0]).fit(X, y, offset=np.zeros(len(y)))
    np.testing.assert_allclose(zero.scores_, plain.scores_, rtol=1e-6)


def test_sparse_frames_names_and_strings(cancer: tuple[Array, Array]) -> None:
    import pandas as pd

    X, y = cancer[0][:, :5], np.where(cancer[1] > 0, "benign", "malignant")
    options: dict[str, Any] = {"Cs": 3, "cv": 3}
    dense = LogisticRegressionCV(**options).fit(X, y)
    sparse = LogisticRegressionCV(**options).fit(sp.csr_array(X), y)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, atol=0.02)
    frame = pd.DataFrame(X, columns=list("abcde"))
    named = LogisticRegressionCV(penalty_factors={"b": 2.0}, **options).fit(frame, y)
    assert named.feature_names_in_.tolist() == list("abcde")
    assert set(named.model_.coefficients) == set("abcde")
    assert set(named.predict(frame)) == {"benign", "malignant"}


def test_pipeline_clone_and_pickle(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    pipe = make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=3, cv="alo")).fit(X, y)
    again = pickle.loads(pickle.dumps(pipe))
    np.testing.assert_array_equal(again.predict_proba(X), pipe.predict_proba(X))
    assert clone(pipe[-1]).get_params() == pipe[-1].get_params()


def test_any_scorer(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    scorer = make_scorer(roc_auc_score, response_method="decision_function")
    one = LogisticRegressionCV(Cs=3, cv=3, scoring=scorer).fit(X, y)
    other = LogisticRegressionCV(Cs=3, cv=3, scoring="roc_auc").fit(X, y)
    np.testing.assert_allclose(one.scores_, other.scores_)
    assert one.score(X, y) == get_scorer("roc_auc")(one, X, y)


def test_metadata_routing_reaches_the_splitter(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    groups = np.arange(len(y)) % 7
    expected = LogisticRegressionCV(Cs=3, cv=list(GroupKFold(3).split(X, y, groups))).fit(X, y)
    with sklearn.config_context(enable_metadata_routing=True):
        found = LogisticRegressionCV(Cs=3, cv=GroupKFold(3)).fit(X, y, groups=groups)
    np.testing.assert_array_equal(found.scores_, expected.scores_)
    with pytest.raises(ValueError, match="groups"):
        LogisticRegressionCV(Cs=3, cv=GroupKFold(3)).fit(X, y, groups=groups)


# ---- bad input, limits


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"Cs": 0}, "Cs must be"),
        ({"Cs": [1.0, -1.0]}, "Cs must be positive"),
        ({"Cs": []}, "Cs must be positive"),
        ({"l1_ratios": (2.0,)}, "l1_ratios must be"),
        ({"l1_ratios": ()}, "l1_ratios must be"),
        ({"tol": -1.0}, "tol must be"),
        ({"solver": "lbfgs", "l1_ratios": (0.5,)}, "lbfgs cannot"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str, cancer: tuple[Array, Array]) -> None:
    with pytest.raises(UsageError, match=words):
        LogisticRegressionCV(**options).fit(*cancer)


def test_a_fold_of_one_class_is_named() -> None:
    X, y = np.arange(8.0)[:, np.newaxis], np.array([0, 0, 0, 0, 1, 1, 1, 1])
    with pytest.raises(DataError, match="fold 0 hold only one class"):
        LogisticRegressionCV(cv=KFold(2)).fit(X, y)


def test_an_unproven_fit_is_a_warning(cancer: tuple[Array, Array]) -> None:
    with pytest.warns(ConvergenceWarning, match="without a proof"):
        LogisticRegressionCV(Cs=2, cv=2, solver="gd", max_iter=1).fit(*cancer)


def test_out_of_time_leaves_gaps_in_the_scores(cancer: tuple[Array, Array]) -> None:
    X, y = cancer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = LogisticRegressionCV(Cs=5, cv=2, time_budget=1e-9).fit(X, y)
    assert np.isfinite(found.scores_[:, 0, 0]).all()
    assert np.isnan(found.scores_[:, 0, 1:]).all()
    assert found.Cs_[0] == found.C_
    assert np.isnan(found.coefs_paths_[0, 0, 1]).all()


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_fold_of_one_class_has_a_log_loss_and_no_ranking() -> None:
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.zeros(60, int)
    y[:3] = 1
    Cs = [0.1, 1.0]
    found = LogisticRegressionCV(Cs=Cs, cv=5).fit(X, y)
    truth = Peer(
        Cs=Cs, cv=5, l1_ratios=(0,), use_legacy_attributes=False, scoring="neg_log_loss", tol=1e-10
    ).fit(X, y)
    assert truth.C_ == found.C_
    np.testing.assert_allclose(found.scores_[:, 0], truth.scores_.reshape(5, 2), rtol=1e-3)
    with pytest.raises(DataError, match=r"fold 3 are all of one class, .*0.*'roc_auc'"):
        LogisticRegressionCV(Cs=Cs, cv=5, scoring="roc_auc").fit(X, y)
