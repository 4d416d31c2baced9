"""Columns that are nearly combinations of others, far from 0, or in extreme units: the same fit as
in a basis that is not. See also `tests/search`, against exact minima.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import statsmodels.api as sm

import logloss
from logloss.numerics.double_double import combination, pair
from logloss.objective.own_parts import OwnPart, OwnParts
from logloss.record.proof import Status
from logloss.table import learn, read
from logloss.table.design.design import design_of

Array = np.ndarray
STORED: dict[str, Any] = {
    "C": lambda X: X,
    "F": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "pandas": lambda X: pd.DataFrame(X).set_axis([f"x{j}" for j in range(X.shape[1])], axis=1),
}


def time_stamps(share: float = 1.0) -> tuple[Array, Array, Array]:
    """Start and end in ms, the same span in good units, and labels by the difference."""
    n = 400
    rng = np.random.default_rng(3)
    start = 1_600_000_000_000 + np.floor(1e10 * rng.random(n))
    lasted = np.floor(1e4 * share * rng.random(n)) + 10
    X = np.column_stack([start, start + lasted])
    good = np.column_stack([(start - start.mean()) / 1e10, (lasted - lasted.mean()) / lasted.std()])
    y = (rng.random(n) < 1 / (1 + np.exp(-good[:, 1]))).astype(float)
    return X, good, y


def minimum(good: Array, y: Array) -> Any:
    return sm.GLM(y, sm.add_constant(good), family=sm.families.Binomial()).fit(tol=1e-14)


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "newton-cg", "gd", "nesterov"])
@pytest.mark.parametrize("share", [1.0, 1e-2])
def test_two_time_stamps(solver: str, share: float) -> None:
    X, good, y = time_stamps(share)
    truth = minimum(good, y)
    model = logloss.fit(X, y, solver=solver)
    assert model.certificate.status is Status.CERTIFIED
    excess = model.fitted.loss + truth.llf / len(y)
    assert excess <= model.certificate.gap + 1e-14
    slope = truth.params[2] / (X[:, 1] - X[:, 0]).std()
    assert model.coefficients["x1"] == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("storage", list(STORED))
def test_storages_and_the_way_back(storage: str, tmp_path: Path) -> None:
    """Standard errors, tests, limits, predictions; saved, loaded, attached."""
    X, good, y = time_stamps()
    truth, table = minimum(good, y), STORED[storage](X)
    model = logloss.fit(table, y)
    unit = (X[:, 1] - X[:, 0]).std()
    rows = {row["name"]: row for row in model.summary().table.to_pylist()}
    assert rows["x1"]["standard_error"] == pytest.approx(truth.bse[2] / unit, rel=1e-6)
    assert rows["x1"]["p_value"] == pytest.approx(truth.pvalues[2], rel=1e-4)
    p = model.predict_proba(table)
    np.testing.assert_allclose(p, truth.fittedvalues, atol=1e-5)
    model.save(tmp_path / "m.json")
    again = logloss.load(tmp_path / "m.json")
    assert np.array_equal(again.predict_proba(table), p)
    again.attach(table, y)
    back = {row["name"]: row for row in again.summary().table.to_pylist()}
    assert back["x1"]["standard_error"] == pytest.approx(rows["x1"]["standard_error"], rel=1e-6)


def test_likelihood_ratio_and_profile_of_coefficients_that_are_combinations() -> None:
    X, good, y = time_stamps()
    model = logloss.fit(X, y)
    full = minimum(good, y).llf
    by_term = {row["term"]: row for row in model.test().to_pylist()}
    for name, kept in (("x0", 1), ("x1", 0)):  # the fit with the other column alone
        only = (X[:, kept] - X[:, kept].mean()) / X[:, kept].std()
        expected = 2.0 * (full - minimum(only[:, np.newaxis], y).llf)
        assert by_term[name]["statistic"] == pytest.approx(expected, rel=1e-6)
    limits = model.confidence_intervals(method="profile").to_pylist()
    easy = logloss.fit(good, y).confidence_intervals(method="profile").to_pylist()
    unit = (X[:, 1] - X[:, 0]).std()
    assert limits[2]["lower"] == pytest.approx(easy[2]["lower"] / unit, rel=1e-5)
    assert limits[2]["upper"] == pytest.approx(easy[2]["upper"] / unit, rel=1e-5)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_powers_of_a_year(degree: int, intercept: bool) -> None:
    rng = np.random.default_rng(1)
    year = rng.integers(1990, 2021, 2000).astype(float)
    u = (year - 2005) / 15
    y = (3 * u**degree + rng.logistic(size=2000) > 0) * 1.0
    first = 1 if intercept else 0
    X = np.column_stack([year**k for k in range(first, degree + 1)])
    good = np.polynomial.legendre.legvander(u, degree)[:, 1:]
    model = logloss.fit(X, y, fit_intercept=intercept)
    excess = model.fitted.loss + minimum(good, y).llf / len(y)
    assert -1e-12 <= excess <= model.certificate.gap + 1e-14
    assert model.certificate.relative_gap <= 1e-6


@pytest.mark.parametrize("unit", [1e-200, 1e-170, 1e160, 1e200])
@pytest.mark.parametrize("storage", ["C", "csr", "csc"])
def test_units_whose_squares_leave_float64(unit: float, storage: str) -> None:
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 300))
    y = (rng.random(300) < 1 / (1 + np.exp(-x - other))).astype(float)
    plain = logloss.fit(np.column_stack([x, other]), y)
    scaled = logloss.fit(STORED[storage](np.column_stack([x * unit, other])), y)
    assert scaled.certificate.status is Status.CERTIFIED
    assert scaled.fitted.loss == pytest.approx(plain.fitted.loss, rel=1e-9)
    assert scaled.coefficients["x0"] * unit == pytest.approx(plain.coefficients["x0"], rel=1e-4)


@pytest.mark.parametrize("options", [{}, {"C": 1.0}, {"l1": 1e-3}])
@pytest.mark.parametrize("span", [1e5, 1e2])
def test_a_sparse_column_far_from_zero(options: dict[str, float], span: float) -> None:
    rng = np.random.default_rng(0)
    t = rng.random(1000)
    y = (4 * t - 2 + rng.logistic(size=1000) > 0) * 1.0
    X = np.column_stack([1.7e9 + np.round(span * t), rng.random(1000) < 0.1])
    dense = logloss.fit(X, y, **options)
    near = logloss.fit(X - [1.7e9, 0.0], y, **options)
    for storage in ("csr", "csc"):
        found = logloss.fit(STORED[storage](X), y, **options)
        assert found.certificate.status is Status.CERTIFIED
        assert found.fitted.objective == pytest.approx(near.fitted.objective, rel=2e-6)
    assert dense.fitted.objective == pytest.approx(near.fitted.objective, rel=2e-6)


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "gd"])
def test_an_alias_is_named_and_gets_no_coefficient(solver: str) -> None:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(300, 3))
    y = (A[:, 0] + rng.logistic(size=300) > 0) * 1.0
    X = np.column_stack([A, A[:, 0] + 2 * A[:, 1] + 3, A[:, 2]])
    model = logloss.fit(X, y, solver=solver)
    assert model.coefficients["x3"] == model.coefficients["x4"] == 0.0
    said = " ".join(model.notes)
    assert "'x3' is x0 + 2·x1 + 3" in said
    assert "'x4' is x2 to rounding" in said
    assert "x3 = x0 + 2·x1 + 3" in str(model.summary())
    assert model.certificate.status is Status.CERTIFIED
    assert {row["df"] for row in model.test().to_pylist()} == {0}  # each is made up of the others


def test_ordinary_columns_are_read_as_they_came() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(50.0, 1.0, (300, 4))
    model = logloss.fit(X, rng.random(300) < 0.5)
    assert model._evidence.coordinates.own is None
    assert model.fitted.centers is None
    assert "centers" not in model.fitted.to_json()


def test_sums_of_products_with_twice_the_digits() -> None:
    """Against whole fractions."""
    rng = np.random.default_rng(0)
    a, b = 1e12 + rng.normal(size=(2, 50))
    factors = Fraction(1, 3), Fraction(-1, 3) + Fraction(1, 10**20)
    found = combination([(factors[0], a), (factors[1], b)], Fraction(1, 7))
    for x, y, z in zip(a.tolist(), b.tolist(), found.tolist(), strict=True):
        exact = factors[0] * Fraction(x) + factors[1] * Fraction(y) + Fraction(1, 7)
        assert abs(Fraction(z) - exact) <= abs(exact) * Fraction(1, 2**52) + Fraction(1, 2**60)
    high, low = pair(Fraction(1, 3))
    assert abs(Fraction(high) + Fraction(low) - Fraction(1, 3)) < Fraction(1, 2**106)


def test_the_way_there_and_back_is_exact() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4))
    columns = {
        1: OwnPart(0.25, {0: Fraction(3, 4)}, Fraction(5)),
        3: OwnPart(8.0, {0: Fraction(1, 8), 1: Fraction(-2)}, Fraction(0)),
    }
    own = OwnParts(columns, np.zeros(4))
    coef, intercept = rng.normal(size=4), 0.25
    raw, b = own.raw(coef, intercept)
    again, c = own.inner(raw, b)
    np.testing.assert_allclose(again, coef, rtol=1e-12)
    assert c == pytest.approx(intercept, rel=1e-12)
    matrix = own.matrix(4, True)
    np.testing.assert_allclose(
        matrix @ np.append(coef, intercept), np.append(raw, float(b)), atol=1e-9
    )
    design = design_of(learn(read(X)).encode(read(X)))
    np.testing.assert_allclose(
        own.design(design).predict(coef, intercept), design.predict(raw, float(b)), rtol=1e-7
    )


@pytest.mark.parametrize("unit", [1e160, 1e250, 1e-170, 1e-290])
@pytest.mark.parametrize("far", [0.0, 5.0, 2000.0])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"weights": True}])
def test_units_whose_squares_leave_float64_give_the_same_model_without_a_warning(
    unit: float, far: float, options: dict[str, Any]
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=40) + far
    y = (x - far + rng.normal(size=40) > 0.0) * 1.0
    given: dict[str, Any] = {"fit_intercept": options.get("fit_intercept", True), "tol": 1e-10}
    if "weights" in options:
        given["sample_weight"] = rng.integers(0, 3, 40)
    plain, scaled = (logloss.fit((x * s)[:, np.newaxis], y, **given) for s in (1.0, unit))
    assert scaled.certificate.status is plain.certificate.status
    assert scaled.fitted.objective == pytest.approx(plain.fitted.objective, rel=1e-9)
    assert scaled.fitted.coefficients[0] * unit == pytest.approx(
        plain.fitted.coefficients[0], rel=1e-4, abs=1e-9
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("constant", [1.0, 0.1, 1e12])
def test_a_constant_column_is_no_part_of_others(seed: int, solver: str, constant: float) -> None:
    """Weighted, its centred values are rounding; another column was taken for 1e25 times them."""
    rng = np.random.default_rng(seed)
    year = rng.integers(1950, 2024, 160).astype(float)
    u = (year - 1987.0) / 37.0
    y = (3.0 * u**3 - u + rng.logistic(size=160) > 0.0) * 1.0
    weight = rng.exponential(1.0, 160)
    powers = np.column_stack([np.full(160, constant), *(year**k for k in range(1, 4))])
    good = np.polynomial.legendre.legvander(u, 3)[:, 1:]
    model = logloss.fit(powers, y, sample_weight=weight, solver=solver)
    truth = logloss.fit(good, y, sample_weight=weight)
    assert model.certificate.status is Status.CERTIFIED
    assert model.fitted.objective == pytest.approx(truth.fitted.objective, rel=1e-6)


def test_no_bound_by_a_null_model_that_the_bounds_exclude() -> None:
    """F(0) bounds min F where 0 is allowed; a gap by it was negative."""
    X = np.array(
        [[433819463.0, 419.7], [433819463.0, 420.7], [433819463.0, 419.7], [433819462.0, 419.7]]
    )
    model = logloss.fit(
        X,
        np.array([0.0, 0.0, 1.0, 0.0]),
        l1=5e-6,
        fit_intercept=False,
        bounds=[None, (-5.7, -2.8)],
        solver="gd",
        max_iter=5,
    )
    assert model.certificate.gap >= 0.0
    assert model.certificate.status is not Status.CERTIFIED


def test_an_alias_is_named_by_all_of_its_parts() -> None:
    """2·end − start, where end is read as what start leaves of it: a part of next to no size."""
    rng = np.random.default_rng(0)
    start = np.rint(rng.uniform(1.6e15, 1.9e15, 60))
    end = start + np.rint(rng.exponential(20.0, 60))
    X = pd.DataFrame({"start": start, "end": end, "after": 2.0 * end - start})
    model = logloss.fit(X, (rng.random(60) < 0.5) * 1.0)
    named = next(note for note in model.notes if "no coefficient of its own" in note)
    assert "'after' is − start + 2·end" in named or "'after' is 2·end − start" in named
