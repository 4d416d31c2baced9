"""Sums, means, products and gradients: within the bounds that the docstrings prove."""

from __future__ import annotations

import math
from fractions import Fraction

import bernoulli_oracle as oracle
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from sklearn.metrics import log_loss

import logloss
from logloss import bernoulli
from logloss.bernoulli import residual

U = 2.0**-53
RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def every_flag_is_an_error():
    with np.errstate(all="raise"):
        yield


@np.errstate(all="ignore")  # as in all public functions
def _sum(values: np.ndarray) -> float:
    return bernoulli._sum(values)


@np.errstate(all="ignore")
def _product(values: np.ndarray) -> float:
    return bernoulli._product(values)


def exact_sum(values) -> Fraction:
    return sum(map(Fraction, np.ravel(values).tolist()), Fraction(0))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 1000, 8191, 8192, 8193, 30_000])
def test_a_sum_is_rounded_once(n) -> None:
    """Also where plain summation has no correct digit: 2^±60 that cancel."""
    big = np.ldexp(RNG.uniform(-1, 1, n), RNG.integers(-60, 60, n))
    for values in (
        RNG.uniform(0, 1, n),
        big,
        np.concatenate([big, 1e-9 * RNG.uniform(size=n), -big]),
    ):
        exact = exact_sum(values)
        additions = values.size / 8192 + 14
        slack = (2.1 * additions * U) ** 2 * math.fsum(np.abs(values))
        assert abs(Fraction(_sum(values)) - exact) <= U * abs(exact) * (1 + 1e-9) + slack


@given(st.lists(st.floats(0, 1e300), max_size=50))
def test_a_sum_of_losses_is_rounded_once(values) -> None:
    exact = exact_sum(values)
    assert abs(Fraction(_sum(np.array(values))) - exact) <= Fraction(1.01 * U) * exact


def test_a_sum_sees_every_element_once() -> None:
    for n in (1, 5, 8192, 8200, 20_000):
        assert _sum(np.ones((n, 3))) == 3 * n
    assert _sum(np.array([1.0, np.inf])) == np.inf
    assert np.isnan(_sum(np.array([np.inf, np.nan])))
    assert _sum(np.arange(12.0).reshape(3, 4).T[::2]) == np.arange(12.0).reshape(3, 4).T[::2].sum()


def test_sum_and_mean_against_800_digits() -> None:
    z = oracle.log_odds()
    z = z[np.abs(z) < 1e4]
    y = np.resize(oracle.soft_labels(), z.size)
    s = np.resize([1.0, 0.0, 2.5, 1e-3, 7.0], z.size)
    losses = [oracle.loss_of_logit(a, b) for a, b in zip(y.tolist(), z.tolist(), strict=True)]
    weighted = sum((mpf(a) * b for a, b in zip(s.tolist(), losses, strict=True)), mpf(0))
    weights = sum(map(mpf, s.tolist()))
    bound = 10.1 * U

    def error(got, exact):
        return float(abs(mpf(float(got)) / exact - 1))

    loss = logloss.bce_with_logits
    assert error(loss(y, z, reduction="sum"), sum(losses, mpf(0))) <= bound
    assert error(loss(y, z), sum(losses, mpf(0)) / z.size) <= bound
    assert error(loss(y, z, s, "sum"), weighted) <= bound
    assert error(loss(y, z, s), weighted / weights) <= bound
    assert error(-logloss.log_likelihood(y, z), sum(losses, mpf(0))) <= bound


def test_float32_sums_in_float64() -> None:
    p = RNG.uniform(0.1, 0.9, 100_000).astype(np.float32)
    y = RNG.integers(0, 2, p.size)
    assert logloss.bce(y, p) == logloss.bce(y, p.astype(np.float64))
    assert logloss.bce(y, p) == pytest.approx(log_loss(y, p.astype(np.float64)), rel=1e-13)


def test_reductions_agree() -> None:
    y, p, s = RNG.uniform(size=(3, 4, 5))
    each = logloss.bce(y, p, s, "none")
    assert each.shape == (4, 5)
    assert np.array_equal(each, s * logloss.bce(y, p, reduction="none"))
    assert logloss.bce(y, p, s, "sum") == pytest.approx(math.fsum(each.ravel()), rel=2 * U)
    assert logloss.bce(y, p, s) == pytest.approx(
        math.fsum(each.ravel()) / math.fsum(s.ravel()), rel=4 * U
    )
    assert isinstance(logloss.bce(y, p), float)


def test_against_scikit_learn() -> None:
    y = RNG.integers(0, 2, 500)
    p = RNG.uniform(0.001, 0.999, 500)
    s = RNG.uniform(0, 3, 500)
    assert logloss.bce(y, p, s) == pytest.approx(log_loss(y, p, sample_weight=s), rel=1e-13)
    assert logloss.bce_with_logits(y, logloss.logit(p), s) == pytest.approx(
        logloss.bce(y, p, s), rel=1e-12
    )


def test_weights_are_repetitions() -> None:
    y, z = RNG.uniform(size=20), RNG.normal(0, 5, 20)
    counts = RNG.integers(0, 4, 20)
    repeated = logloss.bce_with_logits(np.repeat(y, counts), np.repeat(z, counts))
    assert logloss.bce_with_logits(y, z, counts) == pytest.approx(repeated, rel=6 * U)


def test_a_zero_weight_takes_out_an_infinite_loss() -> None:
    assert logloss.bce([1, 1], [0.0, 0.5], [0, 2]) == np.log(2.0)
    assert logloss.bce([1, 1], [0.0, 0.5], [0, 2], "sum") == 2 * np.log(2.0)
    assert logloss.bce([1, 1], [0.0, 0.5], [0, 2], "none").tolist() == [0.0, 2 * np.log(2.0)]
    assert logloss.bce([1, 1], [0.0, 0.5], [1e-300, 2]) == np.inf


@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1.0, 1e5, 1e305])
def test_only_the_result_may_overflow(scale) -> None:
    z = np.array([1e308, 1.5e308, 0.5e308, 1e308])
    assert logloss.bce_with_logits(0, z) == pytest.approx(1e308, rel=3 * U)
    assert logloss.bce_with_logits(0, z, scale * np.ones(4)) == pytest.approx(1e308, rel=5 * U)
    assert logloss.bce_with_logits(0, z, scale * np.array([1, 0, 0, 1])) == 1e308
    assert logloss.bce_with_logits(0, z, reduction="sum") == np.inf


def test_the_product_keeps_its_exponent_apart() -> None:
    """Factors whose partial products underflow in one order and overflow in none."""
    p = RNG.uniform(0.01, 1, 137)
    y = RNG.integers(0, 2, 137)
    exact = Fraction(1)
    for a, b in zip(y.tolist(), p.tolist(), strict=True):
        exact *= Fraction(b) if a else 1 - Fraction(b)
    assert exact > Fraction(10) ** -307
    assert abs(Fraction(logloss.likelihood(y, p)) / exact - 1) <= 2 * 137 * Fraction(U)
    assert _product(np.array([2.0**-1000, 2.0**-1000, 2.0**1000, 2.0**1000, 3.0])) == 3.0
    assert _product(np.array([])) == 1.0
    assert _product(np.full(2000, 0.5)) == 0.0
    assert _product(np.full(1074, 0.5)) == 5e-324


def test_soft_likelihood() -> None:
    y, p = RNG.uniform(size=(2, 60))
    exact = math.exp(math.fsum(y * np.log(p) + (1 - y) * np.log1p(-p)))
    assert logloss.likelihood(y, p) == pytest.approx(exact, rel=1e-13)
    assert logloss.likelihood(0.5, 0.25) == pytest.approx(math.sqrt(3) / 4, rel=4 * U)


def test_ten_thousand_factors_do_not_underflow_as_logarithms() -> None:
    z = RNG.normal(size=10_000)
    y = RNG.integers(0, 2, 10_000)
    assert logloss.likelihood(y, logloss.sigmoid(z)) == 0.0
    terms = logloss.bce_with_logits(y, z, reduction="none")
    assert logloss.log_likelihood(y, z) == pytest.approx(-math.fsum(terms), rel=2 * U)
    assert -10_000 < logloss.log_likelihood(y, z) < -5_000


def problem(n=40, d=3):
    X = RNG.normal(size=(n, d))
    return X, RNG.uniform(size=n), RNG.normal(size=d), 0.3


def test_gradient_against_fractions() -> None:
    X, y, w, b = problem()
    loss, in_w, in_b = logloss.bce_gradient(X, y, w, b)
    z = X @ w + b
    r = residual(y, z)
    n = y.size
    assert loss == logloss.bce_with_logits(y, z)
    assert abs(Fraction(in_b) * n - exact_sum(r)) <= 3 * Fraction(U) * abs(exact_sum(r))
    for j in range(3):
        exact = (
            sum(
                Fraction(a) * Fraction(c) for a, c in zip(X[:, j].tolist(), r.tolist(), strict=True)
            )
            / n
        )
        bound = (n + 1) * U / (1 - (n + 1) * U) * np.abs(X[:, j] * r).sum() / n
        assert abs(Fraction(in_w[j]) - exact) <= Fraction(bound * (1 + 1e-9))


def test_gradient_is_the_derivative_of_the_loss() -> None:
    X, y, w, b = problem()
    _, in_w, in_b = logloss.bce_gradient(X, y, w, b)
    h = 1e-5

    def loss(dw, db):
        return logloss.bce_gradient(X, y, w + dw, b + db)[0]

    for j in range(3):
        step = h * np.eye(3)[j]
        assert (loss(step, 0) - loss(-step, 0)) / (2 * h) == pytest.approx(in_w[j], abs=1e-9)
    assert (loss(0, h) - loss(0, -h)) / (2 * h) == pytest.approx(in_b, abs=1e-9)


@pytest.mark.parametrize("storage", ["csr", "csc", "coo"])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int8])
def test_sparse_gradient(storage, kind) -> None:
    dense = RNG.integers(-2, 3, (50, 6)).astype(kind)
    y, w = RNG.integers(0, 2, 50), RNG.normal(size=6)
    want = logloss.bce_gradient(dense, y, w, -0.5)
    for family in (scipy.sparse.coo_array, scipy.sparse.coo_matrix):
        got = logloss.bce_gradient(family(dense).asformat(storage), y, w, -0.5)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
            assert type(a) is type(b)


def test_gradient_far_out() -> None:
    """At z = ±1e3 and beyond, right rows weigh nothing and wrong ones count once: no NaN."""
    X = np.array([[1e3], [-1e3], [1e3], [1e300]])
    loss, in_w, in_b = logloss.bce_gradient(X, [1, 0, 0, 1], [1.0], 0.0)
    assert (loss, in_w[0], in_b) == (250.0, 250.0, 0.25)
