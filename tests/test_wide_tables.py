"""Thousands of coefficients: levels, rare and frequent, beside amounts that nearly repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import logloss
from logloss.backends import conditioning
from logloss.numerics.algebra import conjugate_gradients
from logloss.record.proof import Status

AMOUNTS = [f"a{j}" for j in range(7)]
NEAR = ["funded", "installment", "total"]


def table(n: int, levels: tuple[int, ...], each: int) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Levels of Zipf's law, `each` rows of a level at least; amounts of spreads from 1 to 1e6."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    z = np.zeros(n)
    for k, m in enumerate(levels):
        share = 1.0 / np.arange(1, m + 1)
        code = rng.choice(m, n, p=share / share.sum())
        code[: m * each] = np.repeat(np.arange(m), each)
        rng.shuffle(code)
        z += rng.normal(0.0, 0.5, m)[code]
        columns[f"t{k}"] = np.array([f"L{i}" for i in range(m)])[code]
    for j, name in enumerate(AMOUNTS):
        columns[name] = 10.0**j * np.exp(rng.normal(0.0, 1.2, n))
        z += 0.3 * np.log(columns[name] / 10.0**j) * (-1) ** j
    near = 1.0 + 1e-3 * rng.standard_normal((3, n))
    columns["funded"] = columns["a4"] * near[0]
    columns["installment"] = columns["a4"] * 0.03 * near[1]
    columns["total"] = (columns["a5"] + columns["a6"] + columns["funded"]) * near[2]
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-z))).astype(np.int64)
    return pd.DataFrame(columns), y


@pytest.fixture(scope="module")
def rare() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    return table(20_000, (1500, 600, 300, 40), 4)


@pytest.mark.parametrize("C", [100.0, 1.0, 0.01])
def test_few_reads_without_standardising(
    rare: tuple[pd.DataFrame, NDArray[np.int64]], C: float
) -> None:
    """Plain conjugate gradients took 10,880 reads at C = 1, and `standardize` 119."""
    model = logloss.fit(*rare, C=C)
    assert len(model.coefficients) == 2450
    assert model.certificate.solver == "newton-cg"
    assert model.certificate.status is Status.CERTIFIED
    assert model.certificate.data_reads <= 500


def test_units_cost_nothing(rare: tuple[pd.DataFrame, NDArray[np.int64]]) -> None:
    """A column in other units with the penalty of its old ones: the same fit, as many reads."""
    features, y = rare
    scaled = features.assign(**{name: features[name] * 1e4 for name in [*AMOUNTS, *NEAR]})
    factors = dict.fromkeys([*AMOUNTS, *NEAR], 100000000.0)
    plain = logloss.fit(features, y, C=1.0, tol=1e-9)
    other = logloss.fit(scaled, y, C=1.0, tol=1e-9, penalty_factors=factors)
    assert other.fitted.objective == pytest.approx(plain.fitted.objective, rel=2e-9)
    assert other.certificate.data_reads <= 1.5 * plain.certificate.data_reads


def with_a_leak(
    table: tuple[pd.DataFrame, NDArray[np.int64]],
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """And what was paid back of six in ten of one label, and an amount in other units."""
    features, y = table
    rng = np.random.default_rng(1)
    paid = np.where((y == 1) & (rng.random(len(y)) < 0.6), np.exp(rng.normal(6.5, 1.2, len(y))), 0)
    few = features.drop(columns=["a5", "a6", "total"])
    return few.assign(recovered=paid.round(2), cents=features["a2"].round(2) * 100.0), y


@pytest.mark.parametrize("C", [1.0, 100.0])
def test_a_leak_of_some_rows_is_certified_under_a_penalty(
    rare: tuple[pd.DataFrame, NDArray[np.int64]], C: float
) -> None:
    """Its rows end where p(1 − p) is 0, and penalties of large amounts are next to nothing."""
    model = logloss.fit(*with_a_leak(rare), C=C)
    assert model.certificate.status is Status.CERTIFIED
    assert model.certificate.data_reads <= 500


def test_without_a_penalty() -> None:
    """Certified, where levels are frequent enough for an estimate to exist."""
    model = logloss.fit(*table(60_000, (1200, 700, 200), 20))
    assert len(model.coefficients) == 2107
    assert model.certificate.status is Status.CERTIFIED
    assert model.certificate.coefficient_error < 0.02
    assert model.certificate.data_reads <= 500


def test_an_amount_in_two_parts_beside_too_many_levels_to_look_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An alias to rounding: the certificate failed, after a hundred seconds."""
    monkeypatch.setattr(conditioning, "WIDEST", 400)
    features, y = table(20_000, (300, 150, 80), 20)
    first = (features["a4"] * np.random.default_rng(1).uniform(0.5, 1.0, len(y))).round(2)
    whole = features["a4"].round(2)
    parts = {"whole": whole, "first": first, "second": (whole - first).round(2)}
    model = logloss.fit(features.drop(columns="a4").assign(**parts), y)
    assert len(model.coefficients) > 400
    assert model.certificate.status is Status.CERTIFIED
    assert model.separation.exists is True
    assert any("'second' is" in note for note in model.notes)
    assert model.certificate.data_reads <= 500


def test_preconditioned_conjugate_gradients() -> None:
    """Of a diagonal that spans twelve orders: one iteration with its inverse, and the solution."""
    rng = np.random.default_rng(1)
    scale = np.logspace(-6.0, 6.0, 50)
    rotation = np.linalg.qr(rng.standard_normal((50, 50)))[0]
    matrix = np.diag(scale) + 1e-7 * rotation @ rotation.T
    right = rng.standard_normal(50)
    iterates = conjugate_gradients(lambda v: matrix @ v, right, lambda r: r / np.diag(matrix))
    for count, (x, residual, _) in enumerate(iterates, start=1):  # noqa: B007
        if np.abs(residual).max() < 1e-9:
            break
    assert count <= 3
    np.testing.assert_allclose(x, np.linalg.solve(matrix, right), rtol=1e-8)
