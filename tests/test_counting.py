"""Rare levels and leaks, told apart by counting, and the fit to what is left."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from verdicts.oracle import truth

import logloss
from logloss.record.proof import Status
from logloss.record.separation import Kind

Array = np.ndarray


def one_hot(frame: pd.DataFrame, levels: dict[str, list[str]]) -> Array:
    """The columns of a design: a number or a missing value's mean, an indicator, levels."""
    columns: list[Array] = []
    for name, values in frame.items():
        if name in levels:
            columns += [(values == level).to_numpy(float) for level in levels[str(name)]]
        else:
            columns.append(values.to_numpy(float))
    return np.column_stack(columns)


def drawn(seed: int) -> tuple[pd.DataFrame, Array, Array]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(40, 80))
    frame = pd.DataFrame(
        {
            "a": rng.choice(list("pqrstuvw"), n),
            "b": rng.choice(list("xyz"), n),
            "c": rng.integers(-1, 3, n).astype(float),
        }
    )
    y = (rng.random(n) < rng.choice([0.1, 0.3, 0.5])) * 1.0
    if seed % 3 == 0:
        y = np.where(frame["b"] == "x", 1.0, y)
    weight = rng.choice([0.0, 1.0, 2.5], n, p=[0.2, 0.6, 0.2]) if seed % 4 == 0 else np.ones(n)
    if seed % 5 == 0:
        y[rng.random(n) < 0.1] = 0.5
    for column in ("a", "b"):  # no level of rows without weight alone
        y[:2], weight[:2] = (0.0, 1.0), 1.0
        seen = set(frame[column][weight > 0.0])
        weight[~frame[column].isin(seen)] = 1.0
    return frame, y, weight


@pytest.mark.parametrize("seed", range(60))
def test_verdicts_on_levels_are_those_of_whole_numbers(seed: int) -> None:
    frame, y, weight = drawn(seed)
    model = logloss.fit(frame, y, sample_weight=weight)
    own = {name: [] for name in ("a", "b")}
    for name in model.coefficients:
        if "=" in name:
            own[name.split("=")[0]].append(name.split("=")[1])
    X = np.column_stack([np.ones(len(y)), one_hot(frame, own)])
    sign = [
        None if s == 0.0 else (1 if v == 1.0 else -1 if v == 0.0 else 0)
        for v, s in zip(y, weight, strict=True)
    ]
    right = truth(X, sign, [0] * X.shape[1])
    found = model.separation
    assert found.exists is (not right.moved)
    if not right.moved:
        return
    names = ["(intercept)", *model.coefficients]
    assert model.certificate.status is Status.SEPARATED
    assert found.rows == len(right.moved)
    assert found.first_rows == tuple(sorted(right.moved)[:10])
    assert set(found.columns) == {names[j] for j in right.endless}
    assert model.certificate.gap < 1e-6


def levels(n: int = 20_000, count: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, Array]:
    """A column of many levels, most of them rare."""
    rng = np.random.default_rng(seed)
    rare = 3 + (np.floor((count - 3) * rng.random(n) ** 2)).astype(int)
    level = np.where(rng.random(n) < 0.7, rng.integers(0, 3, n), rare)
    frame = pd.DataFrame({"level": np.char.add("l", level.astype(str)), "x": rng.normal(size=n)})
    return frame, (rng.random(n) < 1 / (1 + np.exp(1.0 - frame["x"].to_numpy()))) * 1.0


def test_thousands_of_levels_are_decided() -> None:
    frame, y = levels()
    model = logloss.fit(frame, y)
    shares = pd.Series(y).groupby(frame["level"]).mean()
    pure = {f"level={name}": 2.0 * s - 1.0 for name, s in shares.items() if s in (0.0, 1.0)}
    assert len(model.coefficients) > 2000
    assert model.certificate.status is Status.SEPARATED
    assert "dual point proves" in model.separation.proof
    signs = {name: math.copysign(1.0, v) for name, v in model.separation.columns.items()}
    assert signs == pure
    mixed = frame["level"].isin(shares.index[(shares > 0.0) & (shares < 1.0)]).to_numpy()
    rest = logloss.fit(frame[mixed], y[mixed])
    assert rest.separation.exists is True
    for name, value in rest.coefficients.items():
        assert model.separation.estimates[name] == pytest.approx(value, rel=1e-4, abs=1e-4)
    assert model.certificate.data_reads < 150


@pytest.mark.parametrize("store", [sp.csr_array, sp.csc_array])
def test_levels_of_a_sparse_matrix(store: Callable[[Any], Any]) -> None:
    frame, y = levels(n=4000, count=60)
    codes = pd.Categorical(frame["level"]).codes
    X = sp.csr_array((np.ones(len(y)), (np.arange(len(y)), codes)))[:, 1:]
    shares = pd.Series(y).groupby(codes - 1).mean()
    found = logloss.fit(store(X), y).separation
    if 0.0 < shares[-1] < 1.0:
        assert set(found.columns) == {f"x{j}" for j in shares.index[shares.isin([0.0, 1.0])]}
    y[codes == 0] = 1.0  # the level that the others are compared with
    found = logloss.fit(store(X), y).separation
    assert set(found.columns) == {"(intercept)", *(f"x{j}" for j in range(X.shape[1]))}


def test_a_leak_leaves_nothing_to_fit() -> None:
    frame, y = levels()
    frame["outcome"] = np.where(y == 1.0, "default", "paid")
    model = logloss.fit(frame, y)
    assert model.separation.kind is Kind.COMPLETE
    assert model.certificate.data_reads < 20
    assert logloss.bce(y, np.asarray(model.predict_proba(frame)), reduction="mean") < 1e-6


def test_a_number_that_only_one_label_has() -> None:
    """What was paid back after a default: 0 for all others, and for some who did default."""
    frame, y = levels(count=4)
    rng = np.random.default_rng(5)
    there = (y == 1.0) & (rng.random(len(y)) < 0.4)
    frame["paid_back"] = np.where(there, rng.lognormal(size=len(y)), 0.0)
    found = logloss.fit(frame, y).separation
    assert found.columns == {"paid_back": math.inf}
    assert found.rows == there.sum()
    rest = logloss.fit(frame[~there].drop(columns="paid_back"), y[~there])
    for name, value in rest.coefficients.items():
        assert found.estimates[name] == pytest.approx(value, rel=1e-5)


def test_missing_values_of_one_label() -> None:
    frame, y = levels(count=4)
    frame["income"] = np.where((y == 0.0) & (frame["x"] > 1.0), np.nan, frame["x"] ** 2)
    found = logloss.fit(frame, y).separation
    assert found.columns == {"income=<missing>": -math.inf}


def test_a_bound_holds_a_level() -> None:
    frame, y = levels(n=3000, count=5)
    y[frame["level"] == "l3"] = 1.0
    held = logloss.fit(frame, y, bounds={"level=l3": (None, 2.0)})
    assert held.separation.exists is True
    free = logloss.fit(frame, y, bounds={"level=l3": (0.0, None)})
    assert free.separation.columns == {"level=l3": math.inf}


def test_levels_beside_a_penalty() -> None:
    """A penalised level is finite; the others are fitted with the same penalty."""
    frame, y = levels(n=3000, count=5)
    y[frame["level"] == "l3"] = 1.0
    factors = {"level": 0.0}
    model = logloss.fit(frame, y, l2=0.1, penalty_factors=factors)
    assert "level=l3" in model.separation.columns
    some = (frame["level"] != "l3").to_numpy()
    rest = logloss.fit(
        frame[some], y[some], l2=0.1 * len(y) / some.sum(), penalty_factors=factors, tol=1e-12
    )
    assert model.separation.estimates["x"] == pytest.approx(rest.coefficients["x"], rel=1e-6)
    assert logloss.fit(frame, y, l2=0.1).separation.exists is True


def test_a_fit_that_is_stopped_has_its_verdict() -> None:
    frame, y = levels()
    model = logloss.fit(frame, y, max_iter=1)
    assert model.certificate.status is Status.BUDGET
    assert model.separation.exists is False
    assert model.certificate.gap > 0.0


def test_diabetes(data_file: Callable[[str], Path]) -> None:
    """2,434 coefficients, a thousand of them of diagnoses that few have."""
    table = pd.read_csv(data_file("diabetes130.csv.gz"), na_values="?", low_memory=False)
    y = (table["readmitted"] == "<30").to_numpy(float)
    frame = table[["diag_1", "diag_2", "diag_3", "medical_specialty", "time_in_hospital"]]
    model = logloss.fit(frame, y)
    assert model.certificate.status is Status.SEPARATED
    for name in ("diag_1", "medical_specialty"):
        text = frame[name].fillna("<missing>")
        shares = pd.Series(y).groupby(text.astype(str).to_numpy()).mean()
        pure = {f"{name}={level}" for level in shares.index[shares.isin([0.0, 1.0])]}
        assert pure <= set(model.separation.columns)
