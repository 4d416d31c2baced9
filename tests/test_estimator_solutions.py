"""The estimator's optimum against scikit-learn's, and what must not change it."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression as Peer

from logloss import LogisticRegression

Array = NDArray[np.float64]

TIGHT = 1e-15


def problem(n: int = 400, d: int = 6, seed: int = 0) -> tuple[Array, NDArray[np.int64]]:
    """Correlated columns of different size and centre, labels that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    z = X @ rng.normal(size=d) / d - 0.5
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(-z))).astype(np.int64)


def ours(**options: Any) -> LogisticRegression:
    return LogisticRegression(tol=TIGHT, **options)


def peer(**options: Any) -> Any:
    return Peer(solver="newton-cholesky", tol=1e-12, max_iter=1000, **options)


def assert_same(first: Any, second: Any, rtol: float = 1e-6, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(first.coef_, second.coef_, rtol=rtol, atol=atol)
    np.testing.assert_allclose(first.intercept_, second.intercept_, rtol=rtol, atol=atol)


def weights(n: int) -> Array:
    return np.random.default_rng(9).integers(0, 5, n).astype(np.float64)


@pytest.mark.parametrize(
    ("options", "weighted"),
    [
        ({}, False),
        ({}, True),
        ({"C": 0.01}, False),
        ({"C": 1e4}, True),
        ({"C": math.inf}, False),
        ({"C": math.inf, "fit_intercept": False}, True),
        ({"fit_intercept": False}, False),
        ({"class_weight": "balanced"}, False),
        ({"class_weight": "balanced"}, True),
        ({"class_weight": {0: 3.0, 1: 0.5}}, False),
        ({"class_weight": {1: 7.0}}, True),
    ],
)
def test_same_optimum_as_scikit_learn(options: dict[str, Any], weighted: bool) -> None:
    X, y = problem()
    s = weights(len(y)) if weighted else None
    assert_same(ours(**options).fit(X, y, s), peer(**options).fit(X, y, s))


@pytest.mark.parametrize("solver", ["newton", "newton-cg", "lbfgs", "newton-cholesky", "liblinear"])
def test_every_solver_ends_at_the_same_optimum(solver: str) -> None:
    X, y = problem()
    reference = peer(C=0.5).fit(X, y)
    mine = LogisticRegression(C=0.5, solver=solver, tol=1e-12).fit(X, y)
    assert_same(mine, reference, rtol=1e-4, atol=1e-6)


def _read_only(X: Array) -> Array:
    X = X.copy()
    X.setflags(write=False)
    return X


def _wide(X: Any) -> Any:
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


STORAGES = {
    "fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: X[::-1].copy()[::-1],
    "read-only": _read_only,
    "list": lambda X: X.tolist(),
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "csr matrix": sp.csr_matrix,
    "csr, int64 indices": lambda X: _wide(sp.csr_array(X)),
    "csc, int64 indices": lambda X: _wide(sp.csc_array(X)),
}


@pytest.mark.parametrize("storage", STORAGES)
def test_storage_does_not_change_the_result(storage: str) -> None:
    X, y = problem()
    X[np.abs(X) < 0.5] = 0.0
    stored = STORAGES[storage](X)
    mine = ours().fit(stored, y)
    assert_same(mine, peer().fit(X, y))
    np.testing.assert_allclose(
        mine.decision_function(stored), mine.decision_function(X), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int32", "uint16", "bool"])
def test_numbers_of_any_type_count_as_their_values(dtype: str) -> None:
    X, y = problem()
    stored = np.rint(3.0 * np.abs(X)).astype(dtype)
    mine = ours().fit(stored, y)
    assert mine.coef_.dtype == mine.intercept_.dtype == np.float64
    assert_same(mine, peer().fit(stored.astype(np.float64), y))


@pytest.mark.parametrize(
    "make",
    [
        lambda X: X.astype(np.float32),
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: _wide(sp.csr_array(X)),
    ],
    ids=["float32", "fortran", "strided", "csr, int64 indices"],
)
@pytest.mark.alone
def test_fitting_copies_no_matrix(make: Any) -> None:
    X, y = problem(n=30_000, d=60)
    stored = make(X)
    size = stored.data.nbytes if sp.issparse(stored) else stored.nbytes
    LogisticRegression().fit(stored[:100], y[:100])  # what is imported on first use
    tracemalloc.start()
    try:
        LogisticRegression().fit(stored, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * size


@pytest.mark.parametrize("C", [1.0, math.inf])
@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array])
def test_a_weight_is_a_repeated_row(C: float, storage: Any) -> None:
    # scikit-learn issue 21305: with sag the two differ
    X, y = problem()
    s = weights(len(y))
    often = s.astype(int)
    repeated = ours(C=C).fit(storage(X.repeat(often, axis=0)), y.repeat(often))
    assert_same(ours(C=C).fit(storage(X), y, s), repeated, rtol=1e-8)


def test_balanced_classes_weigh_the_same_when_rows_have_weights() -> None:
    X, y = problem()
    s = weights(len(y))
    often = s.astype(int)
    repeated = ours(class_weight="balanced").fit(X.repeat(often, axis=0), y.repeat(often))
    assert_same(ours(class_weight="balanced").fit(X, y, s), repeated, rtol=1e-8)


def test_a_row_without_weight_is_no_row() -> None:
    X, y = problem()
    s = np.ones(len(y))
    s[::3] = 0.0
    assert_same(ours().fit(X, y, s), ours().fit(X[s > 0], y[s > 0]), rtol=1e-8)


def test_swapped_labels_change_the_sign() -> None:
    X, y = problem()
    first, second = ours().fit(X, y), ours().fit(X, 1 - y)
    np.testing.assert_allclose(first.coef_, -second.coef_, rtol=1e-8)
    np.testing.assert_allclose(first.intercept_, -second.intercept_, rtol=1e-8)


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    X, y = problem()
    rows = np.random.default_rng(1).permutation(len(y))
    columns = np.random.default_rng(2).permutation(X.shape[1])
    shuffled = ours().fit(X[rows][:, columns], y[rows])
    np.testing.assert_allclose(shuffled.coef_, ours().fit(X, y).coef_[:, columns], rtol=1e-8)


def test_soft_labels_are_split_rows() -> None:
    X, y = problem()
    soft = np.random.default_rng(5).random(len(y))
    split = ours().fit(
        np.vstack([X, X]), np.repeat([1, 0], len(y)), np.concatenate([soft, 1.0 - soft])
    )
    np.testing.assert_allclose(ours(C=1.0).fit(X, soft).coef_, split.coef_, rtol=1e-7)


def test_an_offset_is_a_column_with_coefficient_one() -> None:
    X, y = problem()
    offset = np.random.default_rng(3).normal(size=len(y))
    mine = ours(C=math.inf).fit(X, y, offset=offset)
    z = mine.decision_function(X, offset=offset)
    np.testing.assert_allclose(z, X @ mine.coef_[0] + mine.intercept_ + offset, rtol=1e-10)
    columns = np.column_stack([X, np.ones(len(y))])
    score = columns.T @ (1.0 / (1.0 + np.exp(-z)) - y)
    # zero at the optimum; g²/(2L) ≤ F − min F, where L ≤ mean x²/4 bounds the curvature
    gap = mine.model_.certificate.gap
    assert gap < 1e-13
    assert (np.abs(score) <= len(y) * np.sqrt(0.5 * np.mean(columns**2, axis=0) * gap)).all()


def test_penalty_factors_by_position_and_by_name() -> None:
    X, y = problem()
    factors = np.array([0.0, 1.0, 4.0, 1.0, 0.25, 1.0])
    scaled = peer().fit(X[:, 1:] / np.sqrt(factors[1:]), y)  # the penalised columns, rescaled
    mine = ours(penalty_factors=factors).fit(X, y)
    by_name = ours(penalty_factors={"x0": 0.0, "x2": 4.0, "x4": 0.25}).fit(X, y)
    assert_same(mine, by_name, rtol=1e-12)
    without = ours(penalty_factors=factors[1:]).fit(X[:, 1:], y)
    np.testing.assert_allclose(
        without.coef_ * np.sqrt(factors[1:]), scaled.coef_, rtol=1e-6, atol=1e-9
    )
    r = mine.predict_proba(X)[:, 1] - y
    # not penalised: its score is zero at the optimum; g²/(2L) ≤ F − min F near it, L ≤ mean x²/4
    gap = mine.model_.certificate.gap
    assert gap < 1e-14
    assert abs(X[:, 0] @ r) <= len(y) * np.sqrt(0.5 * np.mean(X[:, 0] ** 2) * gap)


def test_standardize_penalises_per_standard_deviation() -> None:
    X, y = problem()
    deviation = X.std(axis=0)
    reference = peer().fit(X / deviation, y)
    mine = ours(standardize=True).fit(X, y)
    np.testing.assert_allclose(mine.coef_ * deviation, reference.coef_, rtol=1e-6)
    np.testing.assert_allclose(mine.intercept_, reference.intercept_, rtol=1e-6)


# ---- what has gone wrong elsewhere


def test_badly_scaled_columns_do_no_harm() -> None:
    # scikit-learn issues 15556 and 15583: lbfgs stops at 14.289 where 12.354 can be had
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 60)), rng.integers(0, 2, 100)
    scale = np.ones(60)
    scale[[7, 33]] = 1e4, 1e-4
    mine = ours(C=1.0).fit(X * scale, y)
    rescaled = ours(C=1.0, penalty_factors=1.0 / scale**2).fit(X, y)
    np.testing.assert_allclose(mine.coef_ * scale, rescaled.coef_, rtol=1e-4, atol=1e-7)


def test_raw_measurements_reach_the_optimum_of_the_same_objective() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    mine = LogisticRegression().fit(X, y)
    reference = peer().fit(X, y)

    def objective(model: Any) -> float:
        z = X @ model.coef_[0] + model.intercept_
        return float(np.logaddexp(0.0, z).sum() - y @ z + 0.5 * (model.coef_**2).sum())

    assert objective(mine) <= objective(reference) * (1.0 + 1e-6)


def test_columns_far_from_zero_keep_their_intercept() -> None:
    # Spark 34448: scaling without centring gave a wrong intercept
    X, y = problem()
    near, far = ours(C=math.inf).fit(X, y), ours(C=math.inf).fit(X + 1000.0, y)
    np.testing.assert_allclose(far.coef_, near.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        far.decision_function(X + 1000.0), near.decision_function(X), atol=1e-5
    )


def test_the_intercept_is_not_penalised() -> None:
    # scikit-learn issue 10626: liblinear penalises it, which hurts where one class is rare
    y = np.zeros(1000, dtype=int)
    y[:10] = 1
    X = np.zeros((1000, 1))
    for solver in ("auto", "liblinear"):
        mine = LogisticRegression(C=1e-3, solver=solver, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(mine.intercept_, math.log(10 / 990), rtol=1e-5)


def test_the_stop_rule_does_not_loosen_with_the_number_of_columns() -> None:
    # cuml issue 3645
    X, y = problem(n=300, d=4)
    wide = np.hstack([X] * 40) / math.sqrt(40)  # the same problem, split among forty copies
    one, many = LogisticRegression().fit(X, y), LogisticRegression().fit(wide, y)
    assert many.model_.certificate.relative_gap <= 1e-6
    np.testing.assert_allclose(many.decision_function(wide), one.decision_function(X), atol=2e-2)


def test_centred_iris_converges() -> None:
    # scikit-learn issue 18264
    X, label = load_iris(return_X_y=True)
    X, y = X[label > 0], label[label > 0]
    assert_same(ours().fit(X - X.mean(axis=0), y), peer().fit(X - X.mean(axis=0), y))


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
def test_same_bits_for_any_number_of_threads_and_any_seed(n_threads: int) -> None:
    # scikit-learn issues 24615 and 18824
    X, y = problem(n=5000)
    reference = LogisticRegression(n_threads=1, random_state=0).fit(X, y)
    mine = LogisticRegression(n_threads=n_threads, random_state=n_threads).fit(X, y)
    assert np.array_equal(mine.coef_, reference.coef_)
    assert np.array_equal(mine.intercept_, reference.intercept_)
