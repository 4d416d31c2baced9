"""What goes in and what comes out: shapes, types, errors, and nothing on the way."""

from __future__ import annotations

import math
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import logloss
from logloss.bernoulli import residual

ANY_FLOAT = st.floats(allow_nan=False, allow_infinity=True)
LABEL = st.floats(0, 1)


@pytest.fixture(autouse=True)
def every_flag_is_an_error():
    with np.errstate(all="raise"):
        yield


ONE = {
    "sigmoid": logloss.sigmoid,
    "log_sigmoid": logloss.log_sigmoid,
    "sigmoid_derivative": logloss.sigmoid_derivative,
    "logit": logloss.logit,
}
TWO = {
    "bce": lambda y, p: logloss.bce(y, p, reduction="none"),
    "bce_with_logits": lambda y, z: logloss.bce_with_logits(y, z, reduction="none"),
    "residual": residual,
}
one_argument = pytest.mark.parametrize("name", ONE)
two_arguments = pytest.mark.parametrize("name", TWO)


@np.errstate(under="ignore")
def assert_close(got, want) -> None:
    """Equal up to two ulp: NumPy's vector loops may round otherwise than its scalar ones."""
    np.testing.assert_allclose(got, want, rtol=1e-15, atol=1e-323)


@given(ANY_FLOAT)
def test_symmetries(z) -> None:
    assert logloss.sigmoid_derivative(z) == logloss.sigmoid_derivative(-z)
    assert residual(1, z) == -logloss.sigmoid(-z)
    assert residual(0, z) == logloss.sigmoid(z)
    assert logloss.log_sigmoid(z) == logloss.log_likelihood(1, z)
    each = logloss.bce_with_logits([0, 1], [z, -z], reduction="none")
    assert each[0] == each[1]
    assert 0 <= logloss.sigmoid(z) <= 1
    assert logloss.sigmoid(z) + logloss.sigmoid(-z) == pytest.approx(1, abs=1e-15)


@given(LABEL)
def test_logit_and_sigmoid_are_inverse(p) -> None:
    """Both ways: to the ulp of p, times the condition of σ, which is at most |z| (1 − σ)."""
    z = logloss.logit(p)
    assert logloss.logit(1 - p) == -z or p < 0.5  # 1 − p is rounded for p < 1/2
    with np.errstate(under="ignore"):
        slack = (6 + 6 * abs(z)) * np.spacing(p) if np.isfinite(z) else 0.0
        assert abs(logloss.sigmoid(z) - p) <= slack


@given(LABEL, ANY_FLOAT)
def test_losses_are_not_negative_and_least_at_the_truth(y, z) -> None:
    loss = logloss.bce_with_logits(y, z)
    least = logloss.bce(y, y)
    assert loss >= 0
    assert loss >= least * (1 - 1e-14)
    assert not np.isnan(loss)


@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=4), elements=ANY_FLOAT))
def test_any_shape_and_layout(z) -> None:
    """Strided, Fortran-ordered and read-only arrays give what their copies give, and stay as is."""
    kept = z.copy()
    z.setflags(write=False)
    for view in (z, z.T, z[..., ::-1], np.asfortranarray(z)):
        for function in (logloss.sigmoid, logloss.log_sigmoid, logloss.sigmoid_derivative):
            got = function(view)
            assert got.shape == view.shape
            assert_close(got, function(view.copy(order="C")))
    np.testing.assert_array_equal(z, kept)


@given(st.data())
def test_broadcasting(data) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=1, max_side=3))
    pairs = (shapes.input_shapes[:2], shapes.input_shapes)
    if any(math.prod(np.broadcast_shapes(*s)) > max(map(math.prod, s)) for s in pairs):
        pair_up = [np.full(shape, 0.5) for shape in shapes.input_shapes]
        with pytest.raises(ValueError, match="shapes do not fit"):
            logloss.bce(*pair_up)
        return
    y, z, s = (data.draw(hnp.arrays(np.float64, n, elements=LABEL)) for n in shapes.input_shapes)
    wide = [np.broadcast_to(a, shapes.result_shape).copy() for a in (y, z, s)]
    for function in (logloss.bce, logloss.bce_with_logits):
        got = function(y, z, s, "none")
        assert np.shape(got) == shapes.result_shape
        assert_close(got, function(*wide, "none"))
        if s.any():
            assert function(y, z, s) == pytest.approx(function(*wide), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize("sides", [((90, 200), (200,)), ((20_000,), ()), ((1,), (8193,))])
def test_large_arrays_are_worked_through_to_the_end(sides) -> None:
    """They are computed block by block; so each element is compared with itself alone."""
    rng = np.random.default_rng(4)
    y, x = rng.uniform(size=sides[0]), rng.uniform(size=sides[1])
    for function in TWO.values():
        got = function(y, x)
        wide = np.broadcast_arrays(y, x)
        assert got.shape == wide[0].shape
        for i in (0, 1, 8191, 8192, 8193, got.size - 1):
            if i < got.size:
                assert_close(got.flat[i], function(*(a.flat[i] for a in wide)))


@one_argument
def test_scalars_in_scalars_out(name) -> None:
    function = ONE[name]
    for value in (0.25, 1, True, np.float64(0.25), np.array(0.25)):
        assert type(function(value)) is np.float64
    assert type(function(np.float32(0.25))) is np.float32
    assert function([[0.25, 0.5]]).shape == (1, 2)
    assert function([]).shape == (0,)
    assert function(np.empty((2, 0))).shape == (2, 0)


@one_argument
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "g", "i1", "u8", "?", ">f8", ">f4"])
def test_precision_of_one(name, kind) -> None:
    got = ONE[name](np.array([0, 1], kind))
    assert got.dtype == {"f2": np.float16, "f4": np.float32, ">f4": np.float32}.get(
        kind, np.float64
    )
    np.testing.assert_allclose(got, ONE[name](np.array([0.0, 1.0])), rtol=1e-3)


@two_arguments
@pytest.mark.parametrize(
    ("y", "x", "kind"),
    [
        (np.float32([1]), np.float32([0.5]), np.float32),
        (np.int64([1]), np.float32([0.5]), np.float32),
        (np.bool_([1]), np.float32([0.5]), np.float32),
        (1, np.float32([0.5]), np.float32),
        (0.5, np.float32([0.5]), np.float32),  # a Python number is weak, as in NumPy 2
        (np.float32([1]), 0.5, np.float32),
        (np.float64([1]), np.float32([0.5]), np.float64),
        (np.float32([1]), np.float64(0.5), np.float64),
        ([1.0], np.float32([0.5]), np.float64),
        (np.int8([1]), [1], np.float64),
    ],
)
def test_precision_of_two(name, y, x, kind) -> None:
    assert TWO[name](y, x).dtype == kind


def test_float32_is_float64_rounded_once() -> None:
    z = np.random.default_rng(0).normal(0, 30, 2000).astype(np.float32)
    with np.errstate(all="ignore"):
        for name in ("sigmoid", "log_sigmoid", "sigmoid_derivative"):
            want = ONE[name](z.astype(np.float64)).astype(np.float32)
            assert np.array_equal(ONE[name](z), want)


def test_series_are_arrays() -> None:
    z = pd.Series([0.0, 1.0], index=[7, 3])
    assert type(logloss.sigmoid(z)) is np.ndarray
    assert logloss.bce_with_logits(pd.Series([False, True]), z) == logloss.bce_with_logits(
        [0, 1], z
    )


def test_against_scipy() -> None:
    z = np.random.default_rng(1).normal(0, 20, 1000)
    p = np.random.default_rng(1).uniform(size=1000)
    np.testing.assert_allclose(logloss.sigmoid(z), scipy.special.expit(z), rtol=1e-15)
    np.testing.assert_allclose(logloss.log_sigmoid(z), scipy.special.log_expit(z), rtol=1e-15)
    np.testing.assert_allclose(logloss.logit(p), scipy.special.logit(p), rtol=2e-13)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: logloss.bce([0, 2], [0.5, 0.5]), ["y must lie in [0, 1]", "2", "[1]"]),
        (lambda: logloss.bce([-1, 1], [0.5, 0.5]), ["y must lie in [0, 1]", "-1", "[0]"]),
        (lambda: logloss.bce([0, 1], [0.5, 1.5]), ["p must lie in [0, 1]", "1.5", "[1]"]),
        (lambda: logloss.bce([0, 1], [-1e-300, 1.0]), ["p must lie in [0, 1]", "-1e-300"]),
        (lambda: logloss.bce_with_logits(np.inf, 0.0), ["y must lie in [0, 1], but inf does not"]),
        (lambda: logloss.bce_with_logits([[0], [1.0000000000000002]], 0.0), ["[1, 0]"]),
        (lambda: logloss.log_likelihood(-1, 0.0), ["y must lie in [0, 1]"]),
        (lambda: logloss.likelihood(0, 1.1), ["p must lie in [0, 1]"]),
        (lambda: logloss.likelihood(2, 1.0), ["y must lie in [0, 1]"]),
        (lambda: logloss.logit([0.5, 2.0]), ["p must lie in [0, 1]", "2.0", "[1]"]),
        (lambda: residual(3, 0.0), ["y must lie in [0, 1]"]),
        (lambda: logloss.bce_gradient([[1.0]], [2], [1.0], 0.0), ["y must lie in [0, 1]"]),
        (lambda: logloss.bce([1], [0.5], [-1]), ["sample_weight", "not negative", "-1.0"]),
        (lambda: logloss.bce([1], [0.5], [np.nan]), ["sample_weight", "finite"]),
        (lambda: logloss.bce([1], [0.5], [np.inf], "sum"), ["sample_weight", "finite"]),
        (lambda: logloss.bce([1, 1], [0.5, 1], [0, 0]), ["no mean", "all weights are 0"]),
        (lambda: logloss.bce([], []), ["no mean", "no rows"]),
        (lambda: logloss.bce([1], [0.5], reduction="avg"), ["'mean', 'sum' or 'none'", "'avg'"]),
        (lambda: logloss.bce([1, 0, 1], [0.5, 0.5]), ["broadcast"]),
        (lambda: logloss.bce([1, 0], [[0.5], [0.5]]), ["'y': (2,)", "'p': (2, 1)", "(2, 2)"]),
        (lambda: logloss.bce([[1], [0]], [0.5, 0.5], reduction="none"), ["(2, 2)"]),
        (lambda: logloss.bce_with_logits([1, 0], [[0.5], [0.5]]), ["'z': (2, 1)"]),
        (lambda: logloss.bce([1, 0], [0.5, 0.5], [[1], [1]]), ["'sample_weight': (2, 1)"]),
        (lambda: logloss.log_likelihood([1, 0], [[0.5], [0.5]]), ["do not fit"]),
        (lambda: logloss.likelihood([[1], [0]], [0.5, 0.5]), ["do not fit"]),
        (lambda: residual([1, 0], [[0.5], [0.5]]), ["do not fit"]),
        (lambda: logloss.bce_gradient([[1.0, 2]], [1], [1.0], 0), ["(1, 2)", "(n, d)"]),
        (lambda: logloss.bce_gradient([[1.0], [2]], [1], [1.0], 0), ["(2, 1)", "(1,)"]),
        (lambda: logloss.bce_gradient([[1.0], [2]], [[1], [0]], [1.0], 0), ["(2, 1)"]),
        (lambda: logloss.bce_gradient(np.empty((0, 2)), [], [1.0, 2], 0), ["no rows"]),
    ],
)
def test_wrong_values(call, words) -> None:
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    "wrong", ["yes", ["a", "b"], 1j, None, np.array(["2020"], "M8[D]"), [1, None]]
)
def test_wrong_types(wrong) -> None:
    for call in (logloss.sigmoid, logloss.logit, lambda y: logloss.bce(y, 0.5)):
        with pytest.raises(TypeError, match="must be real numbers"):
            call(wrong)


def test_an_empty_sum_is_zero_and_an_empty_product_one() -> None:
    assert logloss.bce([], [], reduction="sum") == 0.0
    assert logloss.bce([], [], reduction="none").shape == (0,)
    assert logloss.log_likelihood([], []) == 0.0
    assert logloss.likelihood([], []) == 1.0


def test_the_callers_error_state_is_left_alone() -> None:
    assert np.geterr()["under"] == "raise"
    logloss.sigmoid(-1e3)
    assert np.geterr()["under"] == "raise"


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_public_names_are_complete_and_lazy() -> None:
    """What `dir` shows is there, and only what is touched is loaded."""
    seen = set(python("import logloss; print(*dir(logloss))").split())
    assert set(logloss.__all__) <= seen
    assert len(logloss.__all__) <= 25  # each name is a promise to keep: one more is a decision
    loaded = set(python("import sys, logloss; logloss.DataError; print(*sys.modules)").split())
    ours = {name for name in loaded if name.startswith("logloss.")}
    assert ours == {"logloss.bernoulli", "logloss.errors"}


def test_every_public_name_can_be_touched() -> None:
    for name in logloss.__all__:
        value = getattr(logloss, name)
        assert value is getattr(logloss, name)
        assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sigmiod'") as error:
        logloss.sigmiod  # noqa: B018
    assert error.value.name == "sigmiod"
    assert not hasattr(logloss, "__path_of_nothing__")


def test_the_version_is_the_packages() -> None:
    pyproject = Path(__file__).parent.parent / "pyproject.toml"
    assert logloss.__version__ == tomllib.loads(pyproject.read_text("utf-8"))["project"]["version"]
