"""Every function of the note, element by element: against 800 digits, and at ±0, ±inf, NaN."""

from __future__ import annotations

from collections.abc import Callable

import bernoulli_oracle as oracle
import numpy as np
import pytest
from mpmath import mp, mpf

import logloss
from logloss.bernoulli import residual

Z = oracle.log_odds()
# All that exp can tell from 0, for functions of two arguments.
Z_NEAR = np.concatenate([Z[::3], [-np.log(2.0), 0.0, 1e308, -1e308, 745.13, -745.13]])
Y = oracle.soft_labels()
P = [5e-324, 1e-310, 1e-300, 1e-17, 0.1, 0.2499, 0.25, 0.2501, 0.3, 0.49999, 0.5 - 2.0**-54]
P += [0.5, 0.5 + 2.0**-53, 0.500001, 0.7, 0.7499, 0.75, 0.7501, 0.9, 0.999999, 1 - 2.0**-53]
P += list(np.random.default_rng(3).uniform(0, 1, 100))
INF = np.inf

ONE_ARGUMENT: dict[str, tuple[Callable, Callable, float]] = {
    "sigmoid": (logloss.sigmoid, oracle.sigma, 3),
    "log_sigmoid": (logloss.log_sigmoid, lambda z: -oracle.softplus(-z), 3),
    "sigmoid_derivative": (logloss.sigmoid_derivative, oracle.derivative, 5),
}
one_argument = pytest.mark.parametrize("name", ONE_ARGUMENT)
precisions = pytest.mark.parametrize("kind", [np.float64, np.float32])


@pytest.fixture(autouse=True)
def every_flag_is_an_error():
    with np.errstate(all="raise"):
        yield


def loss_of_logit(y, z):
    return logloss.bce_with_logits(y, z, reduction="none")


def loss_of_probability(y, p):
    return logloss.bce(y, p, reduction="none")


def rounded(values, kind) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(values).astype(kind)


def worst(got: np.ndarray, exact: list[mpf], of: list[mpf] | None = None) -> float:
    scales = of or [None] * len(exact)
    return max(oracle.ulps(*one) for one in zip(got, exact, scales, strict=True))


def test_the_oracle_counts_ulps() -> None:
    """A yardstick that always said 0 would pass everything."""
    one = np.float64(1.0)
    assert oracle.ulps(np.nextafter(one, 2), mpf(1)) == 1
    assert oracle.ulps(one, mpf(1) + mpf(2) ** -53) == 0.5
    assert oracle.ulps(np.float32(1) + np.spacing(np.float32(1)), mpf(1)) == 1
    assert oracle.ulps(np.float64(0), mpf(10) ** -400) < 1e-70
    assert oracle.ulps(np.float64(np.inf), mpf(1)) == np.inf
    assert oracle.ulps(np.float64(oracle.LARGEST), mpf(10) ** 400) == np.inf


@precisions
@one_argument
def test_functions_of_z(name, kind) -> None:
    function, exact, bound = ONE_ARGUMENT[name]
    z = rounded(Z, kind)
    z = z[np.isfinite(z)]
    got = function(z)
    assert got.dtype == kind
    assert worst(got, [exact(float(v)) for v in z]) <= bound


@precisions
def test_logit(kind) -> None:
    p = rounded(P, kind)
    p = p[(p > 0) & (p < 1)]
    got = logloss.logit(p)
    assert got.dtype == kind
    assert worst(got, [oracle.log_odds_of(float(v)) for v in p]) <= 3


@precisions
@pytest.mark.parametrize("y", Y)
def test_loss_of_logits(y, kind) -> None:
    y = float(rounded(y, kind))
    z = rounded(Z_NEAR, kind)
    z = z[np.isfinite(z)]
    got = loss_of_logit(np.full(z.shape, y, kind), z)
    assert got.dtype == kind
    assert worst(got, [oracle.loss_of_logit(y, float(v)) for v in z]) <= 3


@precisions
@pytest.mark.parametrize("y", Y)
def test_loss_of_probabilities(y, kind) -> None:
    y = float(rounded(y, kind))
    p = rounded(P, kind)
    p = p[(p > 0) & (p < 1)]
    got = loss_of_probability(np.full(p.shape, y, kind), p)
    assert got.dtype == kind
    assert worst(got, [oracle.loss_of_probability(y, float(v)) for v in p]) <= 3


@precisions
@pytest.mark.parametrize("y", Y)
def test_residual(y, kind) -> None:
    y = float(rounded(y, kind))
    z = rounded(Z_NEAR, kind)
    z = z[np.isfinite(z)]
    got = residual(np.full(z.shape, y, kind), z)
    exact = [oracle.difference(y, float(v)) for v in z]
    larger = [max(oracle.sigma(float(v)), mpf(y)) for v in z]
    assert got.dtype == kind
    assert worst(got, exact, larger) <= 3
    if y in {0.0, 1.0}:  # then nothing cancels at all
        assert worst(got, exact) <= 3


def test_residual_is_what_the_gradient_uses() -> None:
    """For one example with x = 1 both derivatives are ŷ − y, also where ŷ is rounded to y."""
    for z in (-745.0, -40.0, -1e-3, 0.0, 2.5, 40.0, 700.0):
        for y in (0.0, 0.3, 1.0):
            _, in_w, in_b = logloss.bce_gradient([1.0], y, [z], 0.0)
            assert in_w[0] == in_b == residual(y, z)
    assert logloss.bce_gradient([1.0], 1, [700.0], 0.0)[2] == pytest.approx(-np.exp(-700.0))


@pytest.mark.parametrize(
    ("function", "arguments", "value"),
    [
        (logloss.sigmoid, (INF,), 1.0),
        (logloss.sigmoid, (-INF,), 0.0),
        (logloss.log_sigmoid, (INF,), 0.0),
        (logloss.log_sigmoid, (-INF,), -INF),
        (logloss.sigmoid_derivative, (INF,), 0.0),
        (logloss.sigmoid_derivative, (-INF,), 0.0),
        (logloss.logit, (0.0,), -INF),
        (logloss.logit, (-0.0,), -INF),
        (logloss.logit, (1.0,), INF),
        (logloss.logit, (0.5,), 0.0),
        (residual, (0, INF), 1.0),
        (residual, (1, INF), 0.0),
        (residual, (0, -INF), 0.0),
        (residual, (1, -INF), -1.0),
        (residual, (0.25, -INF), -0.25),
        (residual, (0.25, INF), 0.75),
        # Certain and right costs nothing: 0 · inf = 0.  Certain and wrong costs inf: no clipping.
        (loss_of_logit, (1, INF), 0.0),
        (loss_of_logit, (0, -INF), 0.0),
        (loss_of_logit, (0, INF), INF),
        (loss_of_logit, (1, -INF), INF),
        (loss_of_logit, (0.5, INF), INF),
        (loss_of_logit, (1e-300, INF), INF),
        (loss_of_logit, (0.5, -INF), INF),
        (loss_of_probability, (1, 1.0), 0.0),
        (loss_of_probability, (0, 0.0), 0.0),
        (loss_of_probability, (0, -0.0), 0.0),
        (loss_of_probability, (0, 1.0), INF),
        (loss_of_probability, (1, 0.0), INF),
        (loss_of_probability, (0.5, 1.0), INF),
        (loss_of_probability, (0.5, 0.0), INF),
        (logloss.likelihood, (1, 0.0), 0.0),
        (logloss.likelihood, (0, 0.0), 1.0),
        (logloss.log_likelihood, (1, -INF), -INF),
        (logloss.log_likelihood, (1, INF), 0.0),
    ],
)
def test_values_at_the_ends(function, arguments, value) -> None:
    assert function(*arguments) == value
    assert function(*map(np.atleast_1d, arguments)) == value


@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
def test_a_loss_of_nothing_is_plus_zero(y) -> None:
    """−0.0 would print as "-0.0" in a report."""
    if y != 0.5:
        assert not np.signbit(loss_of_probability(y, y))
        assert not np.signbit(loss_of_logit(y, INF if y else -INF))
        assert not np.signbit(logloss.log_likelihood(y, INF if y else -INF))


@pytest.mark.parametrize(
    "call",
    [
        logloss.sigmoid,
        logloss.log_sigmoid,
        logloss.sigmoid_derivative,
        logloss.logit,
        lambda nan: residual(1, nan),
        lambda nan: residual(nan, 0.3),
        lambda nan: loss_of_logit(1, nan),
        lambda nan: loss_of_logit(0, nan),
        lambda nan: loss_of_logit(nan, 0.3),
        lambda nan: loss_of_logit(nan, INF),
        lambda nan: loss_of_probability(1, nan),
        lambda nan: loss_of_probability(0, nan),
        lambda nan: loss_of_probability(nan, 0.3),
        lambda nan: loss_of_probability(nan, 1.0),
        lambda nan: logloss.bce([0, 1], [0.5, nan]),
        lambda nan: logloss.bce([0, 1], [1.0, nan], reduction="sum"),
        lambda nan: logloss.bce([0, 1], [0.5, nan], sample_weight=[1, 0]),
        lambda nan: logloss.likelihood([0, 1], [0.5, nan]),
        lambda nan: logloss.likelihood([0, nan], [0.5, 0.5]),
        lambda nan: logloss.log_likelihood([0, 1], [0.5, nan]),
        lambda nan: logloss.bce_gradient([[nan]], [1], [1.0], 0.0)[1],
        lambda nan: logloss.bce_gradient([[1.0]], [1], [1.0], nan)[0],
    ],
)
@precisions
def test_nan_in_nan_out(call, kind) -> None:
    assert np.isnan(call(kind(np.nan))).all()


def test_known_values() -> None:
    """Figures that anyone can check by hand."""
    assert logloss.sigmoid(0.0) == 0.5
    assert logloss.sigmoid_derivative(0.0) == 0.25
    assert logloss.bce(1, 0.5) == np.log(2.0)
    assert logloss.bce_with_logits([0, 1], 0.0) == np.log(2.0)
    assert logloss.sigmoid(np.log(3.0)) == pytest.approx(0.75, rel=1e-15)
    assert logloss.logit(0.75) == pytest.approx(np.log(3.0), rel=1e-15)
    assert logloss.likelihood([1, 0, 1], [0.5, 0.75, 0.25]) == 0.5 * 0.25 * 0.25


def test_mpmath_has_the_digits() -> None:
    assert mp.dps == 800
