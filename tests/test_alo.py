"""Leave-one-out along a path: the kernels against NumPy, the estimate against n exact fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from problems import STORAGES
from sklearn.datasets import load_breast_cancer

import logloss
import logloss._kernels as _kernels
from logloss.bernoulli import bce_with_logits, sigmoid
from logloss.numerics.algebra import inverse_factor
from logloss.table import learn, read
from logloss.table.design.design import design_of

Array = NDArray[np.float64]

# ---- the kernels, against their naive twins


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13, 15, 16, 17, 40, 67, 131])
def test_the_inverse_of_the_factor(n: int) -> None:
    rng = np.random.default_rng(n)
    A = rng.standard_normal((n + 3, n)) * np.exp(3.0 * rng.standard_normal(n))
    H = A.T @ A
    T, rank = inverse_factor(H)
    assert rank == n
    assert not np.triu(T, 1).any()
    np.testing.assert_allclose(T @ H @ T.T, np.eye(n), atol=1e-8)


def test_a_column_that_is_a_combination_of_others_gets_zeros() -> None:
    A = np.random.default_rng(0).standard_normal((9, 4))
    A[:, 2] = A[:, 0] - A[:, 1]
    T, rank = inverse_factor(A.T @ A)
    assert rank == 3
    assert not T[2].any()
    assert not T[:, 2].any()
    kept = [0, 1, 3]
    np.testing.assert_allclose(
        (T.T @ T)[np.ix_(kept, kept)], np.linalg.inv((A.T @ A)[np.ix_(kept, kept)])
    )


@pytest.mark.parametrize("n", [37, 64])
def test_combinations_anywhere_get_zeros(n: int) -> None:
    rng = np.random.default_rng(n)
    A = rng.standard_normal((n + 5, n))
    aliases = [3, 16, 20, 21, n - 1]
    for j in aliases:
        A[:, j] = A[:, :j] @ rng.standard_normal(j)
    H = A.T @ A
    T, rank = inverse_factor(H)
    assert rank == n - len(aliases)
    assert not T[aliases].any()
    assert not T[:, aliases].any()
    kept = np.setdiff1d(np.arange(n), aliases)
    own = T[np.ix_(kept, kept)]
    np.testing.assert_allclose(own @ H[np.ix_(kept, kept)] @ own.T, np.eye(len(kept)), atol=1e-8)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("columns", [(), (2,), (0, 3, 4), tuple(range(30))])
def test_leverages(storage: str, columns: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    X = np.round(rng.standard_normal((333, 30)) * 64.0) / 64.0
    X[rng.random(X.shape) < 0.3] = 0.0
    subset, k = np.array(columns, dtype=np.int64), len(columns)
    source = read(STORAGES[storage](X))
    design = design_of(learn(source).encode(source))
    center = np.where(design.sparse, 0.0, rng.standard_normal(30))
    triangle = np.triu(rng.standard_normal((k + 1, k + 1)))
    triangle[-1] = rng.standard_normal(k + 1)
    naive = ((np.c_[(X - center)[:, subset], np.ones(333)] @ triangle) ** 2).sum(axis=1)
    found = [_kernels.leverages(design.kernel, center, subset, triangle, n) for n in (1, 2, 7)]
    np.testing.assert_allclose(found[0], naive, rtol=1e-12)
    assert np.array_equal(found[1], found[0])
    assert np.array_equal(found[2], found[0])


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("moved", [True, False])
def test_the_move_of_each_row(whole: bool, moved: bool) -> None:
    rng = np.random.default_rng(2)
    n = 20_011
    y, s = np.round(rng.random(n), 1), rng.integers(0, 3, n).astype(float)
    z, h = 3.0 * rng.standard_normal(n), 2.0 * rng.random(n) ** 2
    xi = rng.standard_normal(n) if moved else None
    rows, found = _kernels.Observations(y, s, None), []
    for threads in (1, 2, 5):
        shift = np.empty(n)
        found.append((_kernels.leave_one_out(rows, z, xi, h, whole, 0.5, shift, threads), shift))
    z = z if xi is None else z - xi
    k, p = s if whole else np.ones(n), sigmoid(z)
    naive = k * h * (p - y) / (1.0 - k * h * p * (1.0 - p))
    (loss, far), shift = found[0]
    np.testing.assert_allclose(shift, naive, rtol=1e-10, atol=1e-14)
    assert loss == pytest.approx((s * bce_with_logits(y, z + naive, reduction="none")).sum())
    assert far == np.count_nonzero((s > 0.0) & (np.abs(naive) > 0.5))
    for sums, again in found[1:]:
        assert sums == (loss, far)
        assert np.array_equal(again, shift)


def test_a_row_that_holds_the_fit_alone_has_no_bound() -> None:
    rows, shift = _kernels.Observations(np.array([0.0, 1.0]), None, None), np.empty(2)
    sums = _kernels.leave_one_out(rows, np.zeros(2), None, np.full(2, 5.0), True, 0.1, shift, 1)
    assert sums == (math.inf, 2)
    assert shift.tolist() == [math.inf, -math.inf]


# ---- the estimate, against fits of all rows but one


def exact(X: Array, y: Array, Cs: Array, l1_ratio: float) -> Array:
    """The leave-one-out loss of each C, by n paths."""
    z = np.empty((len(Cs), len(y)))
    for i in range(len(y)):
        kept = np.arange(len(y)) != i
        fits = logloss.path(
            X[kept], y[kept], lambdas=1.0 / (Cs * kept.sum()), l1_ratio=l1_ratio, tol=1e-7
        )
        z[:, i] = fits.coefficients @ X[i] + fits.intercepts
    return np.array([bce_with_logits(y, row) for row in z])


def estimate(X: Array, y: Array, Cs: Array, l1_ratio: float) -> Any:
    fits = logloss.path(X, y, lambdas=1.0 / (Cs * len(y)), l1_ratio=l1_ratio, leave_one_out=True)
    return fits.leave_one_out


def birthwt(data_file: Callable[[str], Path]) -> tuple[Array, Array]:
    rows = np.loadtxt(data_file("birthwt.csv"), delimiter=",", skiprows=1)
    return rows[:, 2:-1], rows[:, 1]


def pima(data_file: Callable[[str], Path]) -> tuple[Array, Array]:
    rows = np.loadtxt(data_file("pima.csv"), delimiter=",", usecols=range(9))
    return rows[:, :-1], rows[:, -1]


def breast_cancer(_: Callable[[str], Path]) -> tuple[Array, Array]:
    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y.astype(float)


CS = np.array([0.003, 0.03, 0.3, 1.0])


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("data", [birthwt, pima, breast_cancer])
def test_within_one_percent_and_the_same_choice(
    data: Callable[[Any], tuple[Array, Array]], l1_ratio: float, data_file: Any
) -> None:
    X, y = data(data_file)
    truth, found = exact(X, y, CS, l1_ratio), estimate(X, y, CS, l1_ratio)
    np.testing.assert_allclose(found.losses, truth, rtol=0.004)
    assert found.best == np.argmin(truth)
    assert found.refitted.max() <= 32


def test_without_refits_the_estimate_is_off_where_rows_have_much_to_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y = breast_cancer(Path)
    Cs = np.array([1.0])
    with_refits = estimate(X, y, Cs, 1.0).losses
    monkeypatch.setattr("logloss.paths.leave_one_out._MOST", 0)
    without = estimate(X, y, Cs, 1.0)
    assert without.refitted.tolist() == [0]
    assert without.losses[0] > 1.05 * with_refits[0]


def test_ten_more_rows_of_each_kind() -> None:
    """Whole weights count equal rows: one of them is left out, as if they stood in the table."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((60, 3))
    y = (rng.random(60) < sigmoid(X[:, 0])).astype(float)
    times = rng.integers(1, 4, 60)
    lambdas = [0.03, 0.003]
    weighted = logloss.path(
        X, y, sample_weight=times.astype(float), lambdas=lambdas, leave_one_out=True
    )
    repeated = logloss.path(
        np.repeat(X, times, axis=0), np.repeat(y, times), lambdas=lambdas, leave_one_out=True
    )
    assert weighted.leave_one_out is not None
    assert repeated.leave_one_out is not None
    np.testing.assert_allclose(
        weighted.leave_one_out.losses, repeated.leave_one_out.losses, rtol=1e-6
    )


def test_other_weights_belong_to_a_row_which_is_left_out_whole() -> None:
    rng = np.random.default_rng(6)
    X = rng.standard_normal((70, 3))
    y = (rng.random(70) < sigmoid(X[:, 0])).astype(float)
    s = rng.random(70) + 0.5
    found = logloss.path(
        X, y, sample_weight=s, lambdas=[0.02], l1_ratio=0.0, leave_one_out=True
    ).leave_one_out
    z = np.empty(70)
    for i in range(70):
        kept = np.arange(70) != i
        left = 0.02 * s.sum() / s[kept].sum()
        model = logloss.fit(X[kept], y[kept], sample_weight=s[kept], l2=left)
        z[i] = X[i] @ model.fitted.coefficients + model.intercept
    assert found is not None
    assert found.losses[0] == pytest.approx(bce_with_logits(y, z, sample_weight=s), rel=5e-4)


def test_many_rows_need_one_more_read_for_each_lambda() -> None:
    rng = np.random.default_rng(7)
    X = rng.standard_normal((40_000, 5))
    y = (rng.random(40_000) < sigmoid(X[:, 0])).astype(float)
    plain = logloss.path(X, y, n_lambdas=20)
    with_it = logloss.path(X, y, n_lambdas=20, leave_one_out=True)
    more = with_it.certificates[-1].data_reads - plain.certificates[-1].data_reads
    assert more <= 20
    assert with_it.leave_one_out is not None
    assert with_it.leave_one_out.refitted.sum() == 0
    assert (with_it.leave_one_out.losses > with_it.losses).all()
