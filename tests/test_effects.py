"""What a column of the table does to the probability: it moves, and all that hangs on it.

The truth: statsmodels' get_margeff where each column has coefficients of its own; where not, finite
differences of predicted means, with the table's column and then the coefficients moved. Golden
values of the Python package marginaleffects: golden/effects.py made them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import statsmodels.api as sm

import logloss
from logloss.errors import DataError, UsageError
from logloss.model.model import Model


def frame(n: int = 400, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, bmi = rng.normal(50.0, 10.0, n), rng.gamma(9.0, 3.0, n)
    t, times = rng.integers(0, 2, n), rng.integers(0, 4, n)
    race = np.array(["a", "b", "c"])[rng.integers(0, 3, n)]
    z = -2 + 0.04 * age + 0.5 * t + 0.03 * t * (age - 50) + 0.4 * (race == "b") - 0.02 * bmi
    return pd.DataFrame(
        {
            "age": age,
            "bmi": bmi,
            "t": t,
            "times": times,
            "race": race,
            "w": rng.integers(0, 3, n).astype(float),
            "o": 0.3 * rng.normal(size=n),
            "y": (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int),
        }
    )


def effects(model: Model, **options: Any) -> pd.DataFrame:
    return model.marginal_effects(**options).to_pandas().set_index("name")


Mean = Callable[[Model], float]


def by_differences(model: Model, mean: Mean) -> tuple[float, float]:
    """A mean of predictions, and its standard error by moving each coefficient; no other code."""
    found = model.covariance()
    base = np.nan_to_num(model._results.estimates().values)  # 0 where it is a combination of others
    matrix = np.nan_to_num(found.matrix)

    def at(beta: np.ndarray) -> float:
        by_name = dict(zip(found.names, beta.tolist(), strict=True))
        coef = np.array([by_name[name] for name in model.coefficients])
        moved = model.fitted.with_coefficients(coef, by_name.get("(intercept)", 0.0))
        return mean(Model(moved))

    steps = 1e-4 * np.where(np.diag(matrix) > 0.0, np.sqrt(np.diag(matrix)), 1.0)
    gradient = [
        (at(base + h * e) - at(base - h * e)) / (2 * h)
        for h, e in zip(steps, np.eye(len(base)), strict=True)
    ]
    return at(base), float(np.sqrt(gradient @ matrix @ gradient))


def slope(table: pd.DataFrame, name: str, weight: Any = None, h: float = 2e-4) -> Mean:
    """Of the predicted mean, of fourth order."""

    def mean(model: Model) -> float:
        p = [
            model.predict_proba(table.assign(**{name: table[name] + k * h})) for k in (-2, -1, 1, 2)
        ]
        return float(np.average((p[0] - 8 * p[1] + 8 * p[2] - p[3]) / (12 * h), weights=weight))

    return mean


def step(table: pd.DataFrame, name: str, low: Any, high: Any, weight: Any = None) -> Mean:
    def mean(model: Model) -> float:
        p = [model.predict_proba(table.assign(**{name: x})) for x in (low, high)]
        return float(np.average(p[1] - p[0], weights=weight))

    return mean


def check(found: pd.DataFrame, name: str, model: Model, mean: Mean, rtol: float = 2e-7) -> None:
    effect, error = by_differences(model, mean)
    assert found.loc[name, "effect"] == pytest.approx(effect, rel=rtol)
    assert found.loc[name, "standard_error"] == pytest.approx(error, rel=10 * rtol)


FORMULAS: dict[str, tuple[str, dict[str, Any]]] = {
    "interaction": ("age * t", {}),
    "polynomial": ("age + I(age**2) + t", {}),
    "poly": ("poly(age, degree=3) + t", {}),
    "raw poly": ("poly(age, degree=2, raw=True)", {}),
    "spline": ("bs(age, df=5) + t", {}),
    "natural": ("cr(age, df=4) * t", {}),
    "cyclic": ("cc(bmi, df=4) + age", {}),
    "within": ('bs(age, df=4, extrapolation="clip") + t', {}),
    "functions": ("sqrt(age) * exp(-bmi / 20) + abs(t - 3)", {}),
    "logs": ("log2(bmi) + log10(age) * t", {}),
    "a fraction": ("log1p(bmi) + I(age / bmi)", {}),
    "nested": ("scale(log(bmi)) : age + center(age) + I(-(age * bmi) / 100)", {}),
    "levels": ("race * age", {}),
    "numbers as levels": ("C(times) : t + age", {}),
    "reference": ('C(race, Treatment("c")) + age:race', {}),
    "sum contrasts": ("C(race, Sum) * age", {}),
    "helmert": ("C(times, Helmert) + age", {}),
    "number and levels": ("times + C(times) + age", {}),
    "weights, offset": ("age * t + race", {"sample_weight": "w", "offset": "o"}),
    "no intercept": ("0 + race + age:t", {}),
    "prior": ("age * t", {"prior": 0.1}),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_effects_of_a_formula_are_those_of_moved_tables(name: str) -> None:
    formula, options = FORMULAS[name]
    table = frame()
    model = logloss.fit(table, "y", formula=formula, tol=1e-10, **options)
    found, plain = effects(model), model.with_prior(None)
    weight = table["w"] if "sample_weight" in options else None
    columns = {"age": False, "bmi": False, "t": (0, 1)}
    used = model.fitted.schema.column_names
    expected = 0
    for column, ends in columns.items():
        if column in used:
            mean = step(table, column, *ends, weight) if ends else slope(table, column, weight)
            check(found, column, plain, mean)
            assert found.loc[column, "change"] == ("0 to 1" if ends else "slope")
            expected += 1
    if "race" in used:
        reference = "c" if name == "reference" else "a"
        for level in {"a", "b", "c"} - {reference}:
            mean = step(table, "race", reference, level, weight)
            check(found, f"race={level}", plain, mean)
        expected += 2
    if "times" in used:
        for level in (1, 2, 3):
            check(found, f"times={level}", plain, step(table, "times", 0, level, weight))
        expected += 3
    assert len(found) == expected


def test_a_mean_of_the_table_is_where_its_numbers_are_at_their_means() -> None:
    table = frame()
    model = logloss.fit(table, "y", formula="age * t + I(age**2) + log(bmi)", tol=1e-10)
    at = table.assign(**{name: table[name].mean() for name in ("age", "t", "bmi")}).iloc[:1]
    found = effects(model, at="mean")
    check(found, "age", model, slope(at, "age"))
    check(found, "bmi", model, slope(at, "bmi"))
    check(found, "t", model, step(at, "t", 0, 1))


@pytest.mark.parametrize("at", ["average", "mean"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_formula_without_interactions_has_the_effects_of_its_columns(
    at: str, weighted: bool
) -> None:
    table = frame()
    options: dict[str, Any] = {"sample_weight": "w", "offset": "o"} if weighted else {}
    left = ["w", "o"] if not weighted else []
    plain = logloss.fit(table, "y", exclude=[*left, "times"], **options)
    terms = logloss.fit(table, "y", formula="age + bmi + t + race", **options)
    one, other = effects(plain, at=at), effects(terms, at=at)
    reference = set("abc") - {name[-1] for name in one.index if name.startswith("race")}
    shared = ["age", "bmi", "t"] if reference != {"a"} else list(one.index)
    assert len(one) == len(other) == 5
    columns = ["effect", "standard_error", "lower", "upper", "p_value"]
    np.testing.assert_allclose(
        one.loc[shared, columns].to_numpy(), other.loc[shared, columns].to_numpy(), rtol=1e-7
    )


@pytest.mark.parametrize("kind", ["HC1", "cluster"])
def test_robust_errors_of_effects(kind: str) -> None:
    table = frame()
    groups = {"groups": np.arange(len(table)) // 10} if kind == "cluster" else {}
    model = logloss.fit(table, "y", formula="age * t", tol=1e-10)
    covariance = model.covariance(kind=kind, **groups)
    found = effects(model, covariance=kind, **groups)
    usual = model._fitted.estimates
    assert usual is not None
    model._results.fitted = replace(
        model._fitted, estimates=replace(usual, covariance=covariance.matrix)
    )
    check(found, "age", model, slope(table, "age"))
    check(found, "t", model, step(table, "t", 0, 1))


# ---- columns with coefficients of their own


@pytest.mark.parametrize("at", ["average", "mean"])
def test_whether_a_value_is_missing_is_a_change_of_its_own(at: str) -> None:
    rng = np.random.default_rng(3)
    n = 400
    lab, miss = 150 + 10 * rng.normal(size=n), rng.random(n) < 0.3
    y = (rng.random(n) < 1 / (1 + np.exp(-((lab - 150) / 10 + 1.0 * miss)))).astype(int)
    flag = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 2, n))
    table = pd.DataFrame({"lab": np.where(miss, np.nan, lab), "flag": flag, "y": y})
    model = logloss.fit(table[["lab", "y"]], "y")
    X = sm.add_constant(
        pd.DataFrame({"lab": table["lab"].fillna(table["lab"].mean()), "m": miss * 1.0})
    )
    places = {"average": "overall", "mean": "mean"}
    peer = sm.Logit(y, X).fit(disp=0, tol=1e-12).get_margeff(at=places[at], dummy=True)
    found = effects(model, at=at)
    assert found.index.tolist() == ["lab", "lab=<missing>"]
    np.testing.assert_allclose(found["effect"], peer.margeff, rtol=1e-7)
    np.testing.assert_allclose(found["standard_error"], peer.margeff_se, rtol=1e-6)
    both = effects(logloss.fit(table, "y"))  # 0 or 1 where it is known
    assert both.loc["flag", "change"] == "0 to 1"
    assert both.loc["flag=<missing>", "change"] == "0 to 1"


ROWS_OF_NO_WEIGHT: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda t: t,
    "polars": pl.from_pandas,
    "arrow": pa.Table.from_pandas,
    "array": lambda t: t[["d", "x"]].to_numpy(),
    "csr": lambda t: sp.csr_array(t[["d", "x"]].to_numpy()),
    "csc": lambda t: sp.csc_array(t[["d", "x"]].to_numpy()),
}


@pytest.mark.parametrize("how", ROWS_OF_NO_WEIGHT)
@pytest.mark.parametrize("formula", [None, "d * x"])
def test_rows_without_weight_do_not_decide(how: str, formula: str | None) -> None:
    if how in ("array", "csr", "csc") and formula is not None:
        return
    d = np.tile([0.0, 1.0], 20)
    y = np.r_[np.tile([0, 1], 12), np.tile([1, 0, 0, 0], 4)]
    table = pd.DataFrame({"d": d, "x": np.arange(40) % 7 * 1.0, "y": y, "w": 1.0})
    more = pd.DataFrame({"d": [2.0, -5.0], "x": [0.0, 90.0], "y": [0, 1], "w": [0.0, 0.0]})
    found = []
    for rows in (table, pd.concat([table, more], ignore_index=True)):
        options: dict[str, Any] = {} if formula is None else {"formula": formula}
        named = how in ("pandas", "polars", "arrow")
        y_, w_ = ("y", "w") if named else (rows["y"].to_numpy(), rows["w"].to_numpy())
        model = logloss.fit(ROWS_OF_NO_WEIGHT[how](rows), y_, sample_weight=w_, **options)
        assert model.fitted.n_rows == 40
        found.append(effects(model))
        found.append(effects(model, at="mean"))
    for one, other in ((found[0], found[2]), (found[1], found[3])):
        assert one["change"].tolist() == other["change"].tolist() == ["0 to 1", "slope"]
        np.testing.assert_allclose(
            one.iloc[:, 1:].to_numpy(float), other.iloc[:, 1:].to_numpy(float), rtol=1e-7
        )


def test_rows_without_a_label_do_not_decide() -> None:
    table = frame().astype({"t": float, "y": float})
    more = table.iloc[:2].assign(t=7.0, y=np.nan)
    for options in ({"exclude": ["w", "o"]}, {"formula": "age * t"}):
        one = effects(logloss.fit(table, "y", **options))
        other = effects(logloss.fit(pd.concat([table, more]), "y", **options))
        pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_all_levels_with_a_coefficient_are_compared_with_the_most_frequent() -> None:
    table = frame()[["race", "age", "y"]]
    model = logloss.fit(table, "y", fit_intercept=False, formula="0 + race + age", tol=1e-10)
    plain = logloss.fit(table, "y", fit_intercept=False)
    for one in (model, plain):
        found = effects(one)
        levels = [name for name in found.index if name.startswith("race=")]
        assert len(levels) == 2
        (reference,) = set("abc") - {name[-1] for name in levels}
        for name in levels:
            check(found, name, one, step(table, "race", reference, name[-1]), rtol=1e-5)


# ---- ways in, and refusals


def test_every_way_to_the_data_has_the_same_effects(tmp_path: Path) -> None:
    table = frame()
    pq.write_table(pa.Table.from_pandas(table), tmp_path / "t.parquet")
    table.to_csv(tmp_path / "t.csv", index=False)
    formula = "age * race + bs(bmi, df=4) + C(times)"
    model = logloss.fit(table, "y", formula=formula)
    expected = effects(model)
    model.save(tmp_path / "m.json")
    attached = logloss.load(tmp_path / "m.json").attach(table)
    pd.testing.assert_frame_equal(effects(attached), expected, rtol=1e-6)
    for source in (tmp_path / "t.csv", tmp_path / "t.parquet", pl.from_pandas(table)):
        found = effects(logloss.fit(source, "y", formula=formula))
        pd.testing.assert_frame_equal(found, expected, rtol=1e-7)


def test_many_rows_and_a_sparse_matrix_go_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from logloss.table.schema import moves

    table = frame()
    whole = logloss.fit(table, "y", formula="age * race + bs(bmi, df=4)")
    expected = effects(whole)
    monkeypatch.setattr(moves, "_ENTRIES", 0)  # 256 rows at a time
    pd.testing.assert_frame_equal(effects(whole), expected, rtol=1e-9)
    at_mean = effects(whole, at="mean")
    assert np.isfinite(at_mean["effect"]).all()
    rng = np.random.default_rng(0)
    n = 4500
    codes = {name: rng.integers(0, 15, n).astype(float) for name in ("g", "h")}
    wide = pd.DataFrame({**codes, "x": rng.normal(size=n)})
    wide["y"] = (rng.random(n) < logloss.sigmoid(0.02 * wide["g"] + 0.4 * wide["x"])).astype(int)
    model = logloss.fit(wide, "y", formula="C(g) : C(h) + x + I(x**2)")
    assert sp.issparse(model._evidence.design.encoded.matrix)  # type: ignore[union-attr]
    model._results.fitted = replace(
        model.fitted, coefficients=model._results.estimates().values[1:]
    )
    assert effects(model).loc["x", "effect"] == pytest.approx(slope(wide, "x")(model), rel=1e-3)


def test_what_the_data_do_not_tell_apart_has_no_effect() -> None:
    table = frame().assign(double=lambda t: 2.0 * t["age"], twice=lambda t: 2 * t["t"])
    plain = effects(logloss.fit(table, "y", formula="age * t"))
    same = effects(logloss.fit(table, "y", formula="age * t + I(2 * age) + I(age + t)"))
    pd.testing.assert_frame_equal(plain, same, rtol=1e-6)  # all terms move together
    other = effects(logloss.fit(table, "y", formula="age + double + t + double:t"))
    assert np.isnan(other.loc["double", "effect"])
    assert np.isnan(other.loc["double", "p_value"])


def test_an_effect_that_is_infinite_is_refused() -> None:
    table = frame().assign(zero=lambda t: np.maximum(t["bmi"] - 20.0, 0.0))
    model = logloss.fit(table, "y", formula="sqrt(zero) + age")
    with pytest.raises(DataError, match="'zero' has no effect that can be computed"):
        model.marginal_effects()


def test_effects_are_those_of_marginaleffects() -> None:
    golden = json.loads((Path(__file__).parent / "golden" / "effects.json").read_text())
    table = frame()
    for formula, rows in golden.items():
        found = effects(logloss.fit(table, "y", formula=formula, tol=1e-10))
        assert set(found.index) == {row["name"] for row in rows}
        for row in rows:
            # it takes finite differences, also for the errors: those are rough
            assert found.loc[row["name"], "effect"] == pytest.approx(row["effect"], rel=2e-6)
            assert found.loc[row["name"], "standard_error"] == pytest.approx(
                row["standard_error"], rel=5e-3
            )


def test_a_reference_is_found_however_it_is_spelled() -> None:
    table = frame().assign(place=lambda t: t["times"].astype(str))
    for column in ("times", "place"):
        for reference in ("2", "2.0", "'2'"):
            formula = f"C({column}, Treatment({reference})) * age"
            try:
                model = logloss.fit(table, "y", formula=formula, tol=1e-10)
            except (DataError, UsageError):
                continue  # it is refused, not taken for another
            found = effects(model)
            ends = (2, 3) if column == "times" else ("2", "3")
            check(found, f"{column}=3", model, step(table, column, *ends))
            assert f"{column}=2" not in found.index
