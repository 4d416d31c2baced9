"""Formulas: what they make of columns, what a model remembers of it, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import logloss
from logloss.cli import main
from logloss.errors import DataError, MissingExtra, ModelFileError, UsageError
from logloss.table.formula.language import parse_factor

FORMULAS = [
    "age",
    "age + race",
    "race * age",
    "0 + race + age",
    "race:town + age",
    "C(town, Treatment(3)) + C(race, Sum)",
    "C(race, Helmert) + C(town, Diff)",
    "bs(age, df=5) + cr(bmi, df=4) + cc(bmi, df=3)",
    'bs(age, knots=[40, 50], degree=2, extrapolation="clip")',
    'cr(age, df=4, constraints="center")',
    "poly(age, 3) + center(bmi) + scale(age)",
    "poly(age, 2, raw=True)",
    "bs(log(bmi), 4) + log1p(age):race",
    "I(age**2 / 100) + sqrt(bmi) + abs(40 - age) + {age * bmi - 3}",
    "(age + bmi + race)**2",
    "scale(center(age)) + `blood pressure`:age",
]


def frame(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, bmi = rng.normal(50, 10, n).round(1), rng.normal(26, 3, n).round(2)
    race = rng.choice(["asian", "black", "white"], n, p=[0.2, 0.3, 0.5])
    z = 0.05 * (age - 50) + (race == "black")
    return pd.DataFrame(
        {
            "age": age,
            "bmi": bmi,
            "race": race,
            "town": rng.integers(1, 5, n),
            "blood pressure": rng.normal(120, 9, n),
            "ill": (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int),
        }
    )


def fit(formula: str, data: Any = None, **options: Any) -> logloss.Model:
    return logloss.fit(frame() if data is None else data, "ill", formula=formula, **options)


@pytest.mark.parametrize("formula", FORMULAS)
def test_as_formulaics_own_matrix(formula: str) -> None:
    """The same names, and the coefficients of formulaic's matrix fitted as an array."""
    data = frame()
    model = fit(formula, data, tol=1e-12)
    more = {"log1p": np.log1p, "sqrt": np.sqrt, "abs": np.abs}
    matrix = formulaic.model_matrix(formula, data, output="pandas", context=more)
    assert list(model.coefficients) == [name for name in matrix.columns if name != "Intercept"]
    intercept = "Intercept" in matrix.columns
    X = matrix.drop(columns="Intercept", errors="ignore").to_numpy(float)
    plain = logloss.fit(X, data["ill"], tol=1e-12, fit_intercept=intercept)
    np.testing.assert_allclose(
        model.predict_proba(data), plain.predict_proba(X), rtol=1e-6, atol=1e-9
    )
    assert model.certificate.relative_gap <= 1e-12


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_row_scores_the_same_in_any_table_and_from_the_file(formula: str, tmp_path: Path) -> None:
    data = frame()
    model = fit(formula, data)
    model.save(tmp_path / "model.json")
    loaded = logloss.load(tmp_path / "model.json")
    whole = model.predict_proba(data)
    assert np.array_equal(loaded.predict_proba(data), whole)
    for rows in (slice(0, 5), slice(17, 90), [3, 299, 12]):
        some = data.iloc[rows]
        assert np.array_equal(loaded.predict_proba(some), whole[rows])
    shuffled = data[data.columns[::-1]].assign(other=1.0)
    assert np.array_equal(loaded.predict_proba(pa.Table.from_pandas(shuffled)), whole)
    assert loaded.dumps() == model.dumps()


def test_a_penalty_keeps_all_levels() -> None:
    model = fit("age + race + C(town)", l2=0.01)
    assert list(model.coefficients) == [
        "age", "race[asian]", "race[black]", "race[white]",
        "C(town)[1]", "C(town)[2]", "C(town)[3]", "C(town)[4]",
    ]  # fmt: skip
    assert model.certificate.relative_gap <= 1e-6


def test_names_of_terms_mean_all_of_their_coefficients() -> None:
    free = fit("bs(age, df=4) + bmi", l2=10.0, penalty_factors={"bs(age, df=4)": 0.0})
    tied = fit("bs(age, df=4) + bmi", l2=10.0)
    assert abs(free.coefficients["bs(age, df=4)[2]"]) > 10 * abs(
        tied.coefficients["bs(age, df=4)[2]"]
    )
    assert abs(free.coefficients["bmi"] - tied.coefficients["bmi"]) < 0.02


def test_no_intercept_from_the_formula_or_the_option() -> None:
    assert fit("0 + age").intercept == 0.0
    assert fit("age - 1").intercept == 0.0
    by_option = fit("age + race", fit_intercept=False)
    assert by_option.intercept == 0.0
    assert "race[asian]" in by_option.coefficients  # full rank without the intercept


def test_many_levels_make_a_sparse_matrix_of_the_same_fit(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    n = 4000
    street = rng.integers(0, 230, n)
    data = pd.DataFrame({"street": street.astype(str), "x": rng.normal(size=n)})
    data["ill"] = rng.random(n) < 0.4
    model = fit("street + x", data, l2=0.01, tol=1e-12)
    assert model.fitted.schema.sparse  # type: ignore[attr-defined]
    by_columns = logloss.fit(data, "ill", l2=0.01, tol=1e-12)
    np.testing.assert_allclose(model.predict_proba(data), by_columns.predict_proba(data), rtol=1e-6)
    model.save(tmp_path / "m.json")
    assert np.array_equal(
        logloss.load(tmp_path / "m.json").predict_proba(data), model.predict_proba(data)
    )


def test_small_integers_do_not_overflow() -> None:
    data = frame().assign(age=frame()["age"].astype(np.int8))
    wide = data.assign(age=data["age"].astype(float))
    square = fit("I(age**2)", data)
    assert np.array_equal(square.predict_proba(data), fit("I(age**2)", wide).predict_proba(wide))


def test_arrays_have_their_usual_names() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3))
    y = rng.random(200) < 0.5
    model = logloss.fit(X, y, formula="x0 + x1:x2")
    assert list(model.coefficients) == ["x0", "x1:x2"]
    twin = logloss.fit(np.column_stack([X[:, 0], X[:, 1] * X[:, 2]]), y)
    np.testing.assert_allclose(
        list(model.coefficients.values()), list(twin.coefficients.values()), rtol=1e-6
    )


# ---- missing values, weights, rows that are left out


def test_missing_numbers_count_as_their_weighted_mean() -> None:
    data = frame()
    weight = np.arange(1.0, 301.0)
    data.loc[5:20, "age"] = np.nan
    model = fit("age + bmi", data, sample_weight=weight)
    there = data["age"].notna()
    mean = np.average(data["age"][there], weights=weight[there])
    twin = fit("age + bmi", data.fillna({"age": mean}), sample_weight=weight)
    np.testing.assert_allclose(list(model.coefficients.values()), list(twin.coefficients.values()))
    assert any("'age' misses values" in note for note in model.notes)
    with pytest.raises(DataError, match="missing values in 'age'"):
        fit("age + bmi", data, missing="error")
    assert fit("bmi", data, missing="error")  # 'age' is not of the formula


def test_rows_that_are_left_out_teach_nothing() -> None:
    """Neither knots, nor levels, nor means: as if they were not there."""
    data = frame()
    data.loc[3, ["age", "race"]] = [500.0, "martian"]
    data.loc[3, "bmi"] = np.nan
    data.loc[9, "ill"] = np.nan
    data.loc[9, "age"] = -500.0
    formula = "bs(age, df=5) + race + bmi"
    model = fit(formula, data, missing="drop", tol=1e-12)
    twin = fit(formula, data.drop([3, 9]), tol=1e-12)
    assert list(model.coefficients) == list(twin.coefficients)
    assert model.fitted.schema.state == twin.fitted.schema.state  # type: ignore[attr-defined]
    np.testing.assert_allclose(
        list(model.coefficients.values()), list(twin.coefficients.values()), rtol=1e-5
    )
    assert model.fitted.n_rows == 298


def test_missing_text_is_a_level() -> None:
    data = frame()
    data.loc[10:40, "race"] = None
    model = fit("race", data)
    assert "race[T.<missing>]" in model.coefficients or "race[<missing>]" in model.coefficients
    assert np.isfinite(model.predict_proba(data)).all()


def test_levels_that_are_new_are_named() -> None:
    model = fit("race + C(town)")
    with pytest.raises(DataError, match="column 'race' has the level 'green' in row 2"):
        model.predict_proba(frame().assign(race=["white", "black", "green"] * 100))
    with pytest.raises(DataError, match="column 'town' has the level '9' in row 0"):
        model.predict_proba(frame().assign(town=9))
    with pytest.raises(DataError, match="lacks a column of the model: 'town'"):
        model.predict_proba(frame().drop(columns="town"))


def test_values_beyond_the_training_table_are_predicted() -> None:
    model = fit("bs(age, df=4)")
    far = frame().assign(age=120.0)
    assert np.isfinite(model.predict_proba(far)).all()
    clipped = fit('bs(age, df=4, extrapolation="clip")')
    top = frame().assign(age=frame()["age"].max())
    assert np.array_equal(clipped.predict_proba(far), clipped.predict_proba(top))


def test_a_value_without_a_logarithm_is_named() -> None:
    data = frame()
    data.loc[7, "age"] = 0.0
    with pytest.raises(DataError, match=r"term 'log\(age\)' is -inf in row 7"):
        fit("log(age)", data)


# ---- files, streams and the command line


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    table, model = str(tmp_path / "t.csv"), str(tmp_path / "m.json")
    words = ["--formula", "bs(age, df=4) + C(town):bmi", "--model", model, "--json"]
    assert main(["fit", table, "--target", "-1", *words]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert "bs(age, df=4)[1]" in printed["coefficients"]
    assert main(["predict", model, table, "-o", str(tmp_path / "out.csv")]) == 0
    found = pd.read_csv(tmp_path / "out.csv").iloc[:, 0]
    np.testing.assert_allclose(found, logloss.load(model).predict_proba(frame()), rtol=1e-12)
    assert main(["fit", table, "--target", "ill", "--formula", "age.max()"]) == 2
    assert "hint:" in capsys.readouterr().err


def test_standard_errors_tests_and_attached_data_work_on_terms(tmp_path: Path) -> None:
    model = fit("age + race + bs(bmi, df=4)")
    assert "standard errors from the Hessian" in str(model.summary())
    model.save(tmp_path / "m.json")
    again = logloss.load(tmp_path / "m.json").attach(frame())
    assert again.confidence_intervals(method="profile").num_rows == 8


def test_formulaic_is_asked_for_where_it_is_not_installed() -> None:
    code = (
        "import sys; sys.modules['formulaic'] = None\n"
        "import logloss\n"
        "try: logloss.fit('x.csv', 'y', formula='a')\n"
        "except logloss.MissingExtra as e: print(e)\n"
    ).replace("logloss.MissingExtra", f"{MissingExtra.__module__}.MissingExtra")
    code = f"import {MissingExtra.__module__}\n{code}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'logloss[formula]'" in done.stdout


# ---- what is refused


@pytest.mark.parametrize(
    "formula",
    [
        "age.max()", "age[0]", "np.log(age)", "__import__('os')", "open('x')", "eval('1')",
        "I(9**9**9 * age)", "I(age**1000)", "I(age**bmi)", "age +", "", "1", "ill ~ age",
        "age | bmi",
        "2.5:age", "I([age for _ in 1])", "C(race, contr.sum)", "C(age > 3)", "log(bs(age, df=4))",
        "bs(age, df=1000000)", "bs(age, df=bmi)", "bs(age, nonsense=3)", "bs()", "log(age, 2)",
        "I((lambda: 1)())", "I(f'{age}')", "I('text')", "I(age if 1 else 2)", "I(age and bmi)",
        "bs(*age)", "bs(age, **race)", 'poly(age, \'"] + boom + ["\')', "I(3)", "lag(age)",
        "I(" + "(" * 300 + "age" + ")" * 300 + ")", "I(" + "-" * 400 + "age)", "hashed(race)", ".",
        "Q('age')", "I(True * age)", "I(age // 2)", "I(age @ age)", "I(x := age)",
    ],
)  # fmt: skip
def test_what_a_formula_cannot_hold(formula: str) -> None:
    with pytest.raises(UsageError):
        fit(formula)


def test_unknown_columns_and_wrong_types_are_named() -> None:
    with pytest.raises(UsageError, match="no column 'agee'") as caught:
        fit("agee + bmi")
    assert caught.value.hint == "did you mean 'age'?"
    with pytest.raises(DataError, match=r"'race' holds text, and log\(race\) needs numbers"):
        fit("log(race)")
    with pytest.raises(DataError, match="'bmi' is 1 in all rows"):
        fit("bmi + age", frame().assign(bmi=1.0))
    with pytest.raises(UsageError, match="min_count does not go with a formula"):
        fit("race", min_count=3)
    with pytest.raises(UsageError, match="must be text"):
        fit(3)  # type: ignore[arg-type]


def hostile(change: Any) -> str:
    """The text of a model file after a change to its schema."""
    record = json.loads(fit("bs(age, df=4) + C(town):bmi + race").dumps())
    change(record["schema"])
    return json.dumps(record)


FACTORS = [
    "__import__('os').system('touch pwned')",
    "(lambda: open('pwned', 'w'))()",
    "age.__class__",
    "I([x for x in [age]])",
    "I(9**9**9**9)",
    "I(age**99999)",
    'bs(age, df=4, extrapolation=\'"] + open("pwned", "w") + ["\')',
    "bs(age, df=4)" + "()" * 200,
    "I(" + "(" * 400 + "age" + ")" * 400 + ")",
    "age" + "+age" * 10_000,
    "-" * 900 + "age",
    "`age`.x",
    "I(age)\nopen('pwned', 'w')",
    "I(age\x00)",
    "eval(age)",
    "\ud800".encode("utf-8", "replace").decode(),
]


@pytest.mark.parametrize("factor", FACTORS)
def test_hostile_factors_in_a_model_file_are_refused(
    factor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def change(schema: dict[str, Any]) -> None:
        schema["terms"][0] = [factor]

    (tmp_path / "m.json").write_text(hostile(change))
    begun = time.perf_counter()
    with pytest.raises(ModelFileError):
        logloss.load("m.json")
    assert time.perf_counter() - begun < 2.0
    assert not (tmp_path / "pwned").exists()
    with pytest.raises(UsageError):
        parse_factor(factor)


def _set(key: str, value: Any) -> Any:
    return lambda schema: schema.__setitem__(key, value)


@pytest.mark.parametrize(
    "change",
    [
        _set("state", []),
        _set("state", [{}]),
        _set("state", [{"lower_bound": 0.0, "upper_bound": 1.0, "knots": ["a"]}]),
        _set("state", [{"lower_bound": 0.0, "upper_bound": 1.0, "knots": [0.0] * 500}]),
        _set("state", [{"lower_bound": 0.0, "upper_bound": 1.0, "knots": [0.0], "x": 1}]),
        _set("levels", {}),
        _set("levels", {"town": [3, 2, 1]}),
        _set("levels", {"town": ["a"]}),
        _set("levels", {"age": [1.0]}),
        _set("terms", [["age"]] * 3),
        _set("terms", [[]] * 3),
        _set("terms", [[f"I(age + {k})"] for k in range(20_000)]),
        _set("terms", [["race"] * 20] * 3),
        _set("terms", "age"),
        _set("coefficients", []),
        _set("full_rank", 1),
        _set("formula", None),
        _set("more", 1),
        lambda schema: schema.pop("state"),
        lambda schema: schema["columns"].pop(),
    ],
)
def test_damaged_schemas_are_refused(change: Any, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(hostile(change))
    with pytest.raises(ModelFileError):
        logloss.load(tmp_path / "m.json")


def test_a_file_that_lies_about_its_matrix_fails_cleanly(tmp_path: Path) -> None:
    """What is plausible, but does not fit together, shows when it is used."""
    for change in (
        _set("full_rank", False),
        _set("intercept", False),
        _set("state", [{"lower_bound": 0.0, "upper_bound": 1.0, "knots": [0.0]}]),
    ):
        (tmp_path / "m.json").write_text(hostile(change))
        with pytest.raises((ModelFileError, DataError)):
            logloss.load(tmp_path / "m.json").predict_proba(frame())


def test_the_formula_text_of_a_file_is_not_read(tmp_path: Path) -> None:
    """It is for people; what is computed are the terms."""
    text = hostile(_set("formula", "(a + b)**999999999 + __import__('os')"))
    (tmp_path / "m.json").write_text(text)
    loaded = logloss.load(tmp_path / "m.json")
    plain = fit("bs(age, df=4) + C(town):bmi + race")
    assert np.array_equal(loaded.predict_proba(frame()), plain.predict_proba(frame()))
