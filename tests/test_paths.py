"""Paths: λ_max, each fit against scikit-learn and tight fits of our own, warm starts, bad input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from problems import STORAGES
from sklearn.linear_model import LogisticRegression as Peer

import logloss
from logloss import DataError, UsageError
from logloss.bernoulli import bce_with_logits, sigmoid
from logloss.record.proof import Status

Array = NDArray[np.float64]


def table(n: int = 300, d: int = 8, seed: int = 0) -> tuple[Array, Array]:
    """Columns that are correlated and of different scales, half of them without effect."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) @ (np.eye(d) + 0.4 * rng.standard_normal((d, d)))
    X = X * np.exp(rng.standard_normal(d)) + rng.standard_normal(d)
    w = np.where(np.arange(d) % 2 == 0, rng.standard_normal(d), 0.0) / X.std(axis=0)
    z = (X - X.mean(axis=0)) @ w - 0.4
    return np.round(X, 3), (rng.random(n) < sigmoid(z)).astype(np.float64)


X, Y = table()


def objective(fits: logloss.Path, i: int, X: Array, y: Array) -> float:
    """F_λ by NumPy alone."""
    w, strength, ratio = fits.coefficients[i], fits.lambdas[i], fits.l1_ratio
    loss = float(bce_with_logits(y, X @ w + fits.intercepts[i]))
    return loss + strength * (ratio * np.abs(w).sum() + (1.0 - ratio) * (w @ w) / 2.0)


# ---- the fits


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_every_fit_is_within_its_gap_of_a_tight_fit(l1_ratio: float) -> None:
    fits = logloss.path(X, Y, n_lambdas=12, l1_ratio=l1_ratio)
    assert fits.complete
    assert all(one.status is Status.CERTIFIED for one in fits.certificates)
    for i, strength in enumerate(fits.lambdas):
        tight = logloss.fit(
            X, Y, l1=strength * l1_ratio, l2=strength * (1.0 - l1_ratio), tol=1e-10
        ).fitted
        above = fits.objectives[i] - (tight.objective - tight.certificate.gap)
        assert above >= -1e-13
        assert above <= fits.gaps[i] + 1e-10 * tight.objective
        assert fits.gaps[i] <= 1e-6 * fits.objectives[i]


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_scikit_learn_agrees(l1_ratio: float) -> None:
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    fits = logloss.path(scaled, Y, lambdas=[0.1, 0.02, 0.003], l1_ratio=l1_ratio, tol=1e-10)
    for i, strength in enumerate(fits.lambdas):
        C = 1.0 / (strength * len(Y))
        peer = Peer(C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=50_000)
        peer.fit(scaled, Y)
        np.testing.assert_allclose(fits.coefficients[i], peer.coef_[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(fits.intercepts[i], peer.intercept_[0], rtol=1e-4, atol=1e-5)
        assert np.array_equal(fits.coefficients[i] == 0.0, peer.coef_[0] == 0.0)


def test_what_is_reported_is_the_loss_and_the_objective_of_the_coefficients() -> None:
    fits = logloss.path(X, Y, n_lambdas=7, l1_ratio=0.4)
    for i in range(len(fits)):
        assert math.isclose(fits.objectives[i], objective(fits, i, X, Y), rel_tol=1e-12)
        z = X @ fits.coefficients[i] + fits.intercepts[i]
        assert math.isclose(fits.losses[i], bce_with_logits(Y, z), rel_tol=1e-12)
    assert (np.diff(fits.losses) < 0.0).all()
    assert fits.deviance_ratios[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("storage", STORAGES)
def test_every_storage_gives_the_same_path(storage: str) -> None:
    rounded = np.round(X * 64.0) / 64.0
    one = logloss.path(rounded, Y, n_lambdas=5, tol=1e-9)
    other = logloss.path(STORAGES[storage](rounded), Y, n_lambdas=5, tol=1e-9)
    np.testing.assert_allclose(other.lambdas, one.lambdas, rtol=1e-6)
    np.testing.assert_allclose(other.objectives, one.objectives, rtol=1e-8)


def test_threads_do_not_change_a_bit() -> None:
    big, labels = table(40_000, 5)
    paths = [
        logloss.path(big, labels, n_lambdas=8, leave_one_out=True, n_threads=n) for n in (1, 2, 3)
    ]
    for one in paths[1:]:
        assert np.array_equal(one.coefficients, paths[0].coefficients)
        assert np.array_equal(one.gaps, paths[0].gaps)
        assert one.leave_one_out is not None
        assert paths[0].leave_one_out is not None
        assert np.array_equal(one.leave_one_out.losses, paths[0].leave_one_out.losses)


def test_few_reads_are_enough_where_there_are_many_rows() -> None:
    big, labels = table(40_000, 6)
    for l1_ratio, most in ((0.0, 2.2), (0.5, 3.0), (1.0, 4.0)):
        fits = logloss.path(big, labels, l1_ratio=l1_ratio)
        assert fits.certificates[-1].data_reads <= most * len(fits)
        assert {one.solver for one in fits.certificates} == {"newton along the path"}


@pytest.mark.parametrize("solver", ["prox-newton", "nesterov", "saga"])
def test_solvers_by_name_walk_the_same_path(solver: str) -> None:
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    one = logloss.path(scaled, Y, n_lambdas=4, lambda_min_ratio=0.05, tol=1e-7)
    other = logloss.path(
        scaled, Y, n_lambdas=4, lambda_min_ratio=0.05, tol=1e-7, solver=solver, random_state=0
    )
    assert {c.solver for c in other.certificates} == {solver}
    assert all(c.status is Status.CERTIFIED for c in other.certificates)
    np.testing.assert_allclose(other.objectives, one.objectives, rtol=3e-7)


def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(3)
    wide = rng.standard_normal((40, 700))
    labels = (wide[:, 0] + 0.5 * rng.standard_normal(40) > 0.0).astype(float)
    for given in (wide, sp.csr_array(np.where(np.abs(wide) > 1.0, wide, 0.0))):
        fits = logloss.path(given, labels, n_lambdas=10)
        assert fits.lambdas[-1] == pytest.approx(0.01 * fits.lambdas[0])
        assert all(one.status is Status.CERTIFIED for one in fits.certificates)
        assert fits.degrees[0] == 0
        assert 0 < fits.degrees[-1] < 40


def test_weights_offset_soft_labels_factors_bounds() -> None:
    rng = np.random.default_rng(4)
    soft = np.round(np.clip(0.8 * Y + 0.1 * rng.random(len(Y)), 0.0, 1.0), 3)
    given: dict[str, Any] = {
        "sample_weight": rng.integers(0, 4, len(Y)).astype(float),
        "offset": rng.standard_normal(len(Y)),
        "penalty_factors": {"x1": 0.0, "x2": 3.0},
        "bounds": {"x0": "+", "x3": (-0.1, 0.1)},
        "standardize": True,
    }
    fits = logloss.path(X, soft, n_lambdas=6, l1_ratio=0.7, **given)
    assert all(one.status is Status.CERTIFIED for one in fits.certificates)
    assert (fits.by_name["x1"] != 0.0).all()
    assert np.count_nonzero(fits.coefficients[0]) == 1
    for i in (1, 3, 5):
        model = logloss.fit(
            X, soft, l1=0.7 * fits.lambdas[i], l2=0.3 * fits.lambdas[i], tol=1e-9, **given
        )
        assert fits.objectives[i] == pytest.approx(model.fitted.objective, rel=2e-6)


def test_without_an_intercept() -> None:
    fits = logloss.path(X, Y, n_lambdas=5, fit_intercept=False)
    assert not fits.intercepts.any()
    assert fits.lambdas[0] == pytest.approx(np.abs(X.T @ (0.5 - Y)).max() / len(Y))
    assert all(one.status is Status.CERTIFIED for one in fits.certificates)


# ---- λ_max and the grid


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.05])
@pytest.mark.parametrize("free", [(), (1,)])
def test_the_largest_lambda_is_where_the_last_coefficient_leaves(
    l1_ratio: float, free: tuple[int, ...]
) -> None:
    """By bisection on whether a tight fit has any (just below λ_max it gains nothing yet)."""
    factors = np.linspace(0.5, 2.0, X.shape[1])
    factors[list(free)] = 0.0
    fits = logloss.path(X, Y, n_lambdas=2, l1_ratio=l1_ratio, penalty_factors=factors)

    def leaves(strength: float) -> bool:
        fitted = logloss.fit(
            X, Y, penalty_factors=factors, tol=1e-12,
            l1=strength * l1_ratio, l2=strength * (1.0 - l1_ratio),
        ).fitted  # fmt: skip
        return bool(fitted.coefficients[factors > 0.0].any())

    low, high = 0.1 * fits.lambdas[0], 10.0 * fits.lambdas[0]
    assert leaves(low)
    assert not leaves(high)
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if leaves(middle) else (low, middle)
    assert fits.lambdas[0] == pytest.approx(high, rel=2e-5)
    assert not fits.coefficients[0][factors > 0.0].any()


def test_glmnets_grid() -> None:
    fits = logloss.path(X, Y)
    steps = np.diff(np.log(fits.lambdas))
    assert len(fits) == 100
    np.testing.assert_allclose(steps, math.log(1e-4) / 99.0)
    slope = X.T @ (Y.mean() - Y) / len(Y)
    centred = slope - X.mean(axis=0) * (Y.mean() - Y).mean()
    assert fits.lambdas[0] == pytest.approx(np.abs(centred).max(), rel=1e-9)
    ridge = logloss.path(X, Y, l1_ratio=0.0, n_lambdas=1)
    assert ridge.lambdas[0] == pytest.approx(1000.0 * fits.lambdas[0], rel=1e-9)
    lasso_like = logloss.path(X, Y, l1_ratio=1e-3, n_lambdas=1)
    assert lasso_like.lambdas[0] == pytest.approx(ridge.lambdas[0], rel=1e-9)


def test_given_lambdas_are_fitted_from_the_largest() -> None:
    fits = logloss.path(X, Y, lambdas=[1e-4, 0.1, 1e-2])
    assert fits.lambdas.tolist() == [0.1, 1e-2, 1e-4]
    assert fits.certificates[0].data_reads < fits.certificates[2].data_reads


def test_columns_that_say_nothing() -> None:
    fits = logloss.path(np.ones((20, 2)), np.arange(20) % 2, n_lambdas=3)
    assert not fits.coefficients.any()
    assert all(one.status is Status.CERTIFIED for one in fits.certificates)


# ---- the face


def test_a_fit_of_the_path_as_a_model(tmp_path: Any) -> None:
    fits = logloss.path(X, np.where(Y > 0.0, "ill", "well"), n_lambdas=6, positive="ill")
    model = fits.model(4)
    assert model.intercept == fits.intercepts[4]
    assert list(model.coefficients.values()) == fits.coefficients[4].tolist()
    assert model.classes == ("well", "ill")
    assert model.certificate is fits.certificates[4]
    assert model.fitted.options["l1"] == fits.lambdas[4]
    np.testing.assert_array_equal(fits.predict_proba(X, at=4), model.predict_proba(X))
    np.testing.assert_array_equal(
        fits.predict_proba(X, at=float(fits.lambdas[4]) * 1.01), model.predict_proba(X)
    )
    model.save(tmp_path / "model.json")
    again = logloss.load(tmp_path / "model.json")
    assert again.coefficients == model.coefficients
    assert "l1 = " in str(model.summary())


def test_the_table_has_a_row_for_each_lambda() -> None:
    fits = logloss.path(X, Y, n_lambdas=4, leave_one_out=True)
    names = [f"x{j}" for j in range(8)]
    first = ["lambda", "C", "nonzeros", "loss", "gap", "leave_one_out", "(intercept)"]
    assert fits.table.column_names == [*first, *names]
    assert fits.table.num_rows == 4
    assert fits.table["x3"].to_pylist() == fits.coefficients[:, 3].tolist()
    np.testing.assert_allclose(fits.table["C"].to_numpy() * fits.lambdas * len(Y), 1.0)


@pytest.mark.parametrize("at", [4, -5, 1e9, 1e-9, None])
def test_a_fit_that_is_not_there(at: Any) -> None:
    fits = logloss.path(X, Y, n_lambdas=4)
    with pytest.raises(UsageError) as caught:
        fits.model(at)
    assert caught.value.hint or "fits, and none at" in caught.value.message


def test_callbacks_budgets_and_interruption_end_a_path_early() -> None:
    seen: list[Any] = []

    def second(step: Any) -> bool:
        seen.append(step)
        return len(seen) == 2

    fits = logloss.path(X, Y, n_lambdas=9, callbacks=[second])
    assert len(fits) == 2
    assert not fits.complete
    assert [one.index for one in seen] == [0, 1]
    assert seen[1].nonzeros == fits.degrees[1]
    assert len(logloss.path(X, Y, n_lambdas=9, time_budget=1e-9)) == 1

    def interrupt(step: Any) -> None:
        if step.index == 3:
            raise KeyboardInterrupt

    fits = logloss.path(X, Y, n_lambdas=9, callbacks=[interrupt])
    assert len(fits) == 4
    assert not fits.complete


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lambdas": [0.1, 0.0]}, "lambdas must be positive"),
        ({"lambdas": []}, "lambdas must be positive"),
        ({"n_lambdas": 0}, "n_lambdas must be"),
        ({"lambda_min_ratio": 0.0}, "lambda_min_ratio must be"),
        ({"l1_ratio": 1.5}, "l1_ratio must be"),
        ({"solver": "lbfgs"}, "lbfgs cannot take an L1"),
        ({"leave_one_out": 3}, "leave_one_out must be"),
    ],
)
def test_wrong_options(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        logloss.path(X, Y, **given)


def test_values_that_are_not_finite_are_found() -> None:
    broken = X.copy()
    broken[17, 3] = np.nan
    with pytest.raises(DataError, match="x3"):
        logloss.path(broken, Y)


# ---- real data


def test_brfss_one_read_or_two_for_each_lambda(data_file: Any) -> None:
    import gzip

    with gzip.open(data_file("brfss2015.csv.gz"), "rt") as lines:
        names = lines.readline().strip().split(",")
        rows = np.loadtxt(lines, delimiter=",", max_rows=60_000)
    at = names.index("Diabetes_binary")
    fits = logloss.path(np.delete(rows, at, axis=1), rows[:, at])
    assert all(one.relative_gap <= 1e-6 for one in fits.certificates)
    assert fits.certificates[-1].data_reads <= 400
    assert fits.degrees[0] == 0
    assert fits.degrees[-1] >= 19
