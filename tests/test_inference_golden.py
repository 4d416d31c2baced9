"""Agreement with R to eight significant digits and more: golden/inference.R made the values."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

import logloss
from logloss.model.model import Model

Find = Callable[[str], Path]

DIGITS = 1e-8
GOLDEN: dict[str, dict[str, np.ndarray]] = {}
for line in (Path(__file__).parent / "golden" / "inference.txt").read_text().splitlines():
    name, key, *numbers = line.split()
    GOLDEN.setdefault(name, {})[key] = np.array(numbers, dtype=np.float64)

BIRTHWT = ("age", "lwt", "smoke", "ptl", "ht", "ui", "ftv")


def close(found: Any, expected: Any, rtol: float = DIGITS) -> None:
    np.testing.assert_allclose(np.asarray(found, dtype=np.float64), expected, rtol=rtol)


def birthwt(find: Find, **options: Any) -> Model:
    table = pc.read_csv(find("birthwt.csv"))
    return logloss.fit(table.select([*BIRTHWT, "low"]), "low", **options)


def pima(find: Find) -> Model:
    table = pc.read_csv(
        find("pima.csv"), read_options=pc.ReadOptions(column_names=[f"V{k}" for k in range(1, 10)])
    )
    return logloss.fit(table, "V9")


def heart2020(find: Find) -> Model:
    table = pc.read_csv(find("heart2020.csv.gz"))
    flags = {"Smoking": "Yes", "Stroke": "Yes", "Sex": "Male"}
    numbers = ["BMI", "PhysicalHealth", "MentalHealth", "SleepTime"]
    columns = {name: table[name] for name in numbers}
    for name, word in flags.items():
        columns[name] = pa.array(np.asarray(table[name]) == word)
    return logloss.fit(pa.table(columns), np.asarray(table["HeartDisease"]) == "Yes")


def heart2020_factors(find: Find) -> Model:
    return logloss.fit(find("heart2020.csv.gz"), "HeartDisease")


FITS = {
    "birthwt": birthwt,
    "pima": pima,
    "heart2020": heart2020,
    "heart2020_factors": heart2020_factors,
}


@pytest.mark.parametrize("name", FITS)
def test_summary_and_tests_of_terms_are_those_of_r(name: str, data_file: Find) -> None:
    model, golden = FITS[name](data_file), GOLDEN[name]
    summary = model.summary()
    table, figures = summary.table, summary.to_dict()
    close(table["estimate"], golden["estimate"])
    close(table["standard_error"], golden["standard_error"])
    close(table["z"], golden["estimate"] / golden["standard_error"])
    for key in ("deviance", "null_deviance", "aic", "bic"):
        close(figures[key], golden[key][0], 1e-11)
    tests = model.test()
    # R's drop1 subtracts deviances that it iterates to 1e-15 of themselves
    rounding = 1e-13 * golden["deviance"][0]
    np.testing.assert_allclose(tests["statistic"], golden["lr"], rtol=DIGITS, atol=rounding)
    np.testing.assert_allclose(tests["p_value"], golden["lr_p"], rtol=1e-7, atol=1e-300)
    terms = [column.coefficient_names for column in model.fitted.schema.columns]
    assert tests["df"].to_pylist() == [len(names) for names in terms]


@pytest.mark.parametrize("name", FITS)
def test_robust_standard_errors_are_those_of_r(name: str, data_file: Find) -> None:
    model = FITS[name](data_file)
    for kind in ("HC0", "HC1"):
        close(model.covariance(kind=kind).standard_errors, GOLDEN[name][kind])


@pytest.mark.parametrize("name", ["birthwt", "pima"])
def test_profile_limits_are_the_roots(name: str, data_file: Find) -> None:
    found = FITS[name](data_file).confidence_intervals(method="profile")
    # uniroot finds the root of a deviance, which is known to 1e-13
    close(found["lower"], GOLDEN[name]["lower"], 2e-9)
    close(found["upper"], GOLDEN[name]["upper"], 2e-9)


def test_clusters_and_the_meanings_of_weights(data_file: Find) -> None:
    golden, table = GOLDEN["birthwt"], pc.read_csv(data_file("birthwt.csv"))
    race, age = table["race"].to_numpy(), table["age"].to_numpy()
    plain = birthwt(data_file)
    clustered = plain.covariance(kind="cluster", groups=race * 100 + age)
    close(clustered.standard_errors, golden["cluster"])
    named = [f"{r}, {a}" for r, a in zip(race, age, strict=True)]
    assert np.array_equal(plain.covariance(groups=named).matrix, clustered.matrix) or np.allclose(
        plain.covariance(groups=named).matrix, clustered.matrix, rtol=1e-12
    )
    model = birthwt(data_file, sample_weight=race)
    close(model.summary().table["estimate"], golden["weighted"])
    close(model.covariance().standard_errors, golden["weighted_error"])
    close(model.covariance(weights="sampling").standard_errors, golden["sampling_HC1"])
    close(model.covariance(kind="HC1").standard_errors, golden["frequency_HC1"])


def test_the_limit_on_separated_data_is_the_fit_to_the_other_rows(data_file: Find) -> None:
    golden = GOLDEN["endometrial"]
    model = logloss.fit(data_file("endometrial.csv"), "HG", exclude=["rownames"])
    summary = model.summary()
    table, finite = summary.table, [0, 2, 3]
    assert table["name"].to_pylist() == ["(intercept)", "NV", "PI", "EH"]
    assert table["estimate"][1].as_py() == math.inf
    for column in ("standard_error", "z", "p_value", "lower", "upper"):
        assert table[column][1].as_py() is None
    close(table["estimate"].take(finite), golden["estimate"])
    close(table["standard_error"].take(finite), golden["standard_error"])
    close(summary.to_dict()["deviance"], golden["deviance"][0])
    limits = model.confidence_intervals()
    assert limits.equals(model.confidence_intervals(method="profile"))
    close(limits["lower"].take(finite), golden["lower"])
    close(limits["upper"].take(finite), golden["upper"])
    close(limits["lower"][1].as_py(), golden["lower_NV"][0])
    assert limits["upper"][1].as_py() == math.inf
    close(model.test()["statistic"], golden["lr"])
