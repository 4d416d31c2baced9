"""Values that are not finite, or too large to multiply: found at no extra read, and named."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

import logloss
from logloss.errors import DataError
from logloss.record.proof import Status

Array = NDArray[np.float64]

FEW, MANY = 500, 30_000  # with many rows columns are measured on some of them only

STORAGES: Mapping[str, Callable[[Any], Any]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "pandas": lambda X: pd.DataFrame({f"x{j}": column for j, column in enumerate(X.T)}),
    "arrow": lambda X: pa.table({f"x{j}": np.ascontiguousarray(c) for j, c in enumerate(X.T)}),
}
FRAMES = ("pandas", "arrow")
SOLVERS = ("gd", "nesterov", "lbfgs", "newton", "newton-cg")


def draw(n: int, dtype: type = np.float64) -> tuple[Any, NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 4))
    X[rng.random(X.shape) < 0.3] = 0.0
    y = (X @ [1.0, -1.0, 0.5, 0.0] + rng.logistic(size=n) > 0.2).astype(np.int64)
    return X.astype(dtype), y


def assert_named(X: Any, y: Any, row: int, column: int, value: float, **options: Any) -> None:
    """The message names value, row and column."""
    with pytest.raises(DataError) as caught:
        logloss.fit(X, y, **options)
    message = str(caught.value)
    assert f"'x{column}'" in message, message
    assert f"row {row}" in message, message
    if not math.isnan(value):
        assert str(value) in message, message
    assert "hint:" in message


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("n", [FEW, MANY])
@pytest.mark.parametrize("storage", [name for name in STORAGES if name not in FRAMES])
def test_a_bad_value_is_named(storage: str, n: int, value: float, dtype: type) -> None:
    """In a row of either label: an infinite logit of the right sign has no loss at all."""
    X, y = draw(n, dtype)
    for row in (int(np.flatnonzero(y == label)[-5]) for label in (0, 1)):
        bad = X.copy()
        bad[row, 2] = value
        assert_named(STORAGES[storage](bad), y, row, 2, value, C=1.0)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.parametrize("n", [FEW, MANY])
@pytest.mark.parametrize("storage", FRAMES)
def test_a_bad_value_of_a_frame_is_named(storage: str, n: int, value: float) -> None:
    X, y = draw(n)
    row = n - 7
    X[row, 1] = value
    assert_named(STORAGES[storage](X), y, row, 1, value, C=1.0)


@pytest.mark.parametrize("storage", FRAMES)
def test_a_missing_value_of_a_frame_is_named(storage: str) -> None:
    """NaN in pandas, a null in Arrow."""
    X, y = draw(FEW)
    X[77, 3] = math.nan
    table = STORAGES["pandas"](X)
    if storage == "arrow":
        table = pa.Table.from_pandas(table, preserve_index=False)
        assert table.column(3).null_count == 1
    with pytest.raises(DataError, match="'x3'") as caught:
        logloss.fit(table, y, missing="error")
    assert "77" in str(caught.value)
    model = logloss.fit(table, y, C=1.0)  # by default it is a value of its own
    assert list(model.coefficients) == ["x0", "x1", "x2", "x3", "x3=<missing>"]
    assert np.isfinite(model.predict_proba(table)).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("n", [FEW, MANY])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_ends_at_a_bad_value(solver: str, n: int, value: float) -> None:
    X, y = draw(n)
    for row in (0, n // 2, n - 1):
        bad = X.copy()
        bad[row, 0] = value
        assert_named(bad, y, row, 0, value, solver=solver, C=1.0)


@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"C": 1.0, "standardize": True}])
@pytest.mark.parametrize("storage", ["C", "csr", "csc"])
def test_a_bad_value_under_other_options(storage: str, options: dict[str, Any]) -> None:
    X, y = draw(FEW)
    X[3, 1] = math.inf
    assert_named(STORAGES[storage](X), y, 3, 1, math.inf, **options)


def test_a_bad_value_on_a_row_without_weight_is_an_error_too() -> None:
    """0 · NaN is NaN: better to say so than to guess."""
    X, y = draw(FEW)
    weight = np.ones(FEW)
    weight[9], X[9, 1] = 0.0, math.nan
    assert_named(X, y, 9, 1, math.nan, sample_weight=weight)


def test_the_first_of_many_bad_values_is_named() -> None:
    X, y = draw(FEW)
    X[[20, 30, 40], [3, 0, 1]] = math.nan
    assert_named(X, y, 20, 3, math.nan)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("role", ["y", "sample_weight", "offset"])
def test_bad_values_beside_the_matrix(role: str, value: float) -> None:
    X, y = draw(FEW)
    values = np.ones(FEW)
    values[11] = value
    given = {"y": y.astype(np.float64)} | {role: values}
    with pytest.raises(DataError, match=r"11|inf|nan"):
        logloss.fit(X, **given)


# ---- finite, but very large or very small


@pytest.mark.parametrize("C", [1.0, math.inf])
@pytest.mark.parametrize("storage", ["C", "csr"])
@pytest.mark.parametrize("value", [1e150, 1e200, -1e300])
@pytest.mark.parametrize("n", [FEW, MANY])
def test_one_huge_value_is_no_proof_of_anything(
    n: int, value: float, storage: str, C: float
) -> None:
    """Squares overflow. What is called certified must be no worse than without the column."""
    X, y = draw(n)
    X[3, 1] = value
    rest = logloss.fit(np.delete(X, 1, axis=1), y, C=C)
    try:
        model = logloss.fit(STORAGES[storage](X), y, C=C)
    except DataError as error:
        assert "too large" in error.message
        return
    assert np.isfinite(model.fitted.coefficients).all()
    assert 0.0 <= model.certificate.gap <= model.fitted.objective
    lower = model.fitted.objective - model.certificate.gap
    assert lower <= rest.fitted.objective
    if model.certificate.status is Status.CERTIFIED:
        assert model.fitted.objective <= rest.fitted.objective * (1.0 + 1e-6)


@pytest.mark.parametrize("unit", [1e-150, 1e-100, 1e100, 1e140])
def test_units_of_any_size_without_a_penalty(unit: float) -> None:
    X, y = draw(FEW)
    plain, model = logloss.fit(X, y), logloss.fit(X * unit, y)
    assert model.certificate.status is Status.CERTIFIED
    assert model.fitted.objective == pytest.approx(plain.fitted.objective, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-300, 5e-324])
def test_columns_too_small_to_matter(unit: float) -> None:
    """Their coefficients would overflow: the optimum is that of the intercept alone."""
    X, y = draw(FEW)
    model = logloss.fit(X * unit, y, C=1.0)
    assert model.certificate.status is Status.CERTIFIED
    assert model.fitted.objective == pytest.approx(model.fitted.null_loss, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-300, 1e-12, 1e12, 1e300])
@pytest.mark.parametrize("n", [FEW, MANY])
def test_weights_of_any_size(n: int, unit: float) -> None:
    """Only their ratios matter without a penalty."""
    X, y = draw(n)
    weight = np.random.default_rng(1).random(n)
    plain = logloss.fit(X, y, sample_weight=weight)
    model = logloss.fit(X, y, sample_weight=weight * unit)
    assert model.certificate.status in (Status.CERTIFIED, Status.STALLED)
    assert model.certificate.relative_gap <= 1e-6
    assert model.fitted.objective == pytest.approx(plain.fitted.objective, rel=1e-6)


@pytest.mark.parametrize("C", [1e-300, 1e-10, 1e10, 1e12, 1e16, 1e30, 1e300])
def test_penalties_of_any_size(C: float) -> None:
    """A penalty too weak to see is none."""
    X, y = draw(FEW)
    model = logloss.fit(X, y, C=C)
    assert model.certificate.status is Status.CERTIFIED
    if C >= 1e10:
        assert model.fitted.objective == pytest.approx(logloss.fit(X, y).fitted.objective, rel=1e-6)
    else:
        assert np.abs(model.fitted.coefficients).max() < 1e-6


def test_few_rows_with_weight_among_many() -> None:
    """The sample that Newton starts from must find them."""
    X, y = draw(100_000)
    weight = np.zeros(len(y))
    kept = np.random.default_rng(2).choice(len(y), 30, replace=False)
    weight[kept] = 1.0
    model = logloss.fit(X, y, sample_weight=weight, C=1.0)
    alone = logloss.fit(X[kept], y[kept], C=1.0)
    assert model.certificate.status is Status.CERTIFIED
    assert model.fitted.objective == pytest.approx(alone.fitted.objective, rel=2e-6)


def test_one_row_that_outweighs_all_others() -> None:
    X, y = draw(MANY)
    weight = np.ones(MANY)
    weight[7] = 1e9
    model = logloss.fit(X, y, sample_weight=weight, C=1.0)
    assert model.certificate.status is Status.CERTIFIED
    assert abs(float(model.predict_proba(X[7:8])[0]) - y[7]) < 1e-3


@pytest.mark.parametrize("size", [800.0, 1e300])
@pytest.mark.parametrize("n", [FEW, MANY])
def test_offsets_that_are_certain(n: int, size: float) -> None:
    """All right: nothing is left to fit. Where one is wrong the loss is as large as it is."""
    X, y = draw(n)
    offset = np.where(y == 1, size, -size)
    model = logloss.fit(X, y, offset=offset, C=1.0)
    assert model.fitted.objective == 0.0
    offset[5] *= -1.0
    wrong = logloss.fit(X, y, offset=offset, C=1.0)
    assert wrong.fitted.objective <= size / n * (1.0 + 1e-9)
    assert wrong.certificate.gap <= wrong.fitted.objective


def test_columns_without_information() -> None:
    """All rows equal, or empty: the intercept alone is the optimum, and nothing is separated."""
    y = np.arange(50) % 2
    for X in (np.ones((50, 3)), np.zeros((50, 3)), sp.csr_array((50, 3))):
        for intercept in (True, False):
            model = logloss.fit(X, y, fit_intercept=intercept)
            assert model.certificate.status is Status.CERTIFIED
            assert model.fitted.objective == pytest.approx(math.log(2.0), rel=1e-12)
