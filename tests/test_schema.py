"""What columns become: levels, references, means, indicators; what is left out and said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import logloss
from logloss.errors import DataError, ModelFileError, UsageError
from logloss.table import Schema

N = 400


def frame() -> pd.DataFrame:
    """Numbers with and without holes, text with rare and missing levels, a bool."""
    rng = np.random.default_rng(3)
    colour = rng.choice(["red", "green", "blue"], N, p=[0.5, 0.3, 0.2]).astype(object)
    colour[:7] = None
    colour[7:9] = "pink"
    colour[9] = "grey"
    age = rng.normal(40.0, 10.0, N)
    age[5:25] = np.nan
    table = pd.DataFrame(
        {
            "age": age,
            "colour": colour,
            "smokes": rng.choice(["no", "yes"], N, p=[0.7, 0.3]),
            "works": rng.random(N) < 0.5,
            "height": rng.normal(170.0, 8.0, N),
        }
    )
    z = 0.03 * np.nan_to_num(age, nan=40.0) + (table.colour == "red") - 1.5
    table["y"] = np.where(rng.random(N) < 1.0 / (1.0 + np.exp(-z)), "sick", "well")
    return table


def one_hot(table: pd.DataFrame, all_levels: bool) -> pd.DataFrame:
    """The same matrix by hand."""
    columns: dict[str, np.ndarray] = {}
    missing = table.age.isna().to_numpy()
    columns["age"] = table.age.fillna(table.age.mean()).to_numpy()
    columns["age=<missing>"] = missing.astype(float)
    colour = table.colour.fillna("<missing>")
    order = [*sorted(set(colour) - {"<missing>"}), "<missing>"]
    for level in order:
        if all_levels or level != colour.value_counts().idxmax():
            columns[f"colour={level}"] = (colour == level).to_numpy(float)
    for level in ("no", "yes"):
        if all_levels or level == "yes":
            columns[f"smokes={level}"] = (table.smokes == level).to_numpy(float)
    columns["works"] = table.works.to_numpy(float)
    columns["height"] = table.height.to_numpy()
    return pd.DataFrame(columns)


@pytest.mark.parametrize("options", [{"l2": 0.0}, {"C": 2.0}, {"C": 0.5, "l1_ratio": 0.5}])
def test_a_table_is_fitted_as_its_one_hot_matrix_is(options: dict[str, float]) -> None:
    table = frame()
    table.loc[7:9, "colour"] = "blue"  # or the levels of one or two rows separate
    matrix = one_hot(table, all_levels="C" in options)
    model = logloss.fit(table, "y", tol=1e-12, **options)
    expected = logloss.fit(matrix.to_numpy(), table.y, tol=1e-12, **options)
    assert list(model.coefficients) == list(matrix.columns)
    assert model.fitted.objective == pytest.approx(expected.fitted.objective, rel=1e-12)
    np.testing.assert_allclose(
        list(model.coefficients.values()), list(expected.coefficients.values()), atol=2e-6
    )
    np.testing.assert_allclose(
        model.predict_proba(table), expected.predict_proba(matrix.to_numpy()), atol=1e-7
    )


def test_the_reference_is_the_most_frequent_level_by_weight() -> None:
    table = frame().drop(columns=["age"])
    weight = np.where(table.colour == "blue", 50.0, 1.0)
    names = logloss.fit(table, "y", sample_weight=weight, tol=1e-3).coefficients
    assert "colour=blue" not in names
    assert "colour=red" in names


def test_rare_levels_are_taken_together() -> None:
    model = logloss.fit(frame(), "y", C=1.0, min_count=5)
    assert "colour=<rare>" in model.coefficients
    assert "colour=pink" not in model.coefficients
    pink = frame().assign(colour="pink")
    grey = frame().assign(colour="grey")
    np.testing.assert_array_equal(model.predict_proba(pink), model.predict_proba(grey))


def test_an_unseen_level_scores_as_the_average_row_and_is_counted() -> None:
    table = frame()
    model = logloss.fit(table, "y", C=1.0)
    new = table.head(3).assign(colour=["mauve", "red", "mauve"])
    with pytest.warns(UserWarning, match=r"'colour' in 2 of 3 rows"):
        z = model.decision_function(new)
    colour = table.colour.fillna("<missing>")
    average = sum(
        (colour == level).mean() * model.coefficients[f"colour={level}"] for level in set(colour)
    )
    red = model.decision_function(table.head(3).assign(colour="red"))
    np.testing.assert_allclose(
        z - red,
        [
            average - model.coefficients["colour=red"],
            0.0,
            average - model.coefficients["colour=red"],
        ],
        atol=1e-12,
    )


def test_a_value_missing_for_the_first_time_counts_as_the_mean() -> None:
    table = frame()
    model = logloss.fit(table, "y", C=1.0)
    hole = table.head(2).assign(height=[np.nan, 170.0])
    with pytest.warns(UserWarning, match="'height' in 1 of 2 rows"):
        z = model.decision_function(hole)
    mean = model.decision_function(table.head(2).assign(height=table.height.mean()))
    assert z[0] == pytest.approx(mean[0], abs=1e-12)


def test_columns_that_say_nothing_are_left_out_and_named() -> None:
    table = frame().assign(
        constant=3.0,
        word="same",
        again=lambda t: t.height,
        twice=lambda t: t.smokes,
        ident=[f"person {i}" for i in range(N)],
        empty=np.nan,
    )
    model = logloss.fit(table, "y", C=1.0)
    notes = "\n".join(model.notes)
    for name, reason in {
        "constant": "is 3 in all rows",
        "word": "is 'same' in all rows",
        "again": "is the same as 'height' in all rows",
        "twice": "is the same as 'smokes' in all rows",
        "ident": "each row",
        "empty": "no value in any row",
    }.items():
        assert name not in "".join(model.coefficients)
        assert f"column {name!r} is left out: it" in notes
        assert reason in notes
    assert notes.splitlines()[0] in str(model.summary())
    without = model.predict_proba(frame().drop(columns=["y"]))
    assert without.tobytes() == model.predict_proba(table).tobytes()


def test_missing_values_can_be_refused() -> None:
    with pytest.raises(DataError, match=r"'age' \(20 of 400, the first in row 5\), 'colour'"):
        logloss.fit(frame(), "y", missing="error")
    with pytest.raises(UsageError, match="missing must be"):
        logloss.fit(frame(), "y", missing="eror")


def test_rows_with_missing_values_can_be_dropped() -> None:
    table = frame()
    model = logloss.fit(table, "y", missing="drop", C=1.0, tol=1e-12)
    whole = table.dropna()
    expected = logloss.fit(whole, "y", C=1.0, tol=1e-12)
    assert model.fitted.n_rows == len(whole)
    assert f"{N - len(whole)} rows with missing values left out" in model.notes
    assert dict(model.coefficients) == pytest.approx(dict(expected.coefficients), abs=1e-6)


def test_rows_without_a_target_are_dropped_and_counted() -> None:
    table = frame()
    table.loc[[3, 50], "y"] = None
    model = logloss.fit(table, "y", C=1.0, tol=1e-12)
    expected = logloss.fit(table.dropna(subset="y"), "y", C=1.0, tol=1e-12)
    assert model.fitted.n_rows == N - 2
    assert "2 rows without a target left out" in model.notes
    assert dict(model.coefficients) == pytest.approx(dict(expected.coefficients), abs=1e-6)


def test_factors_and_bounds_by_column_cover_its_levels() -> None:
    model = logloss.fit(
        frame(), "y", C=0.1, l1_ratio=1.0, penalty_factors={"colour": 50.0}, bounds={"smokes": "+"}
    )
    c = model.coefficients
    assert all(c[name] == 0.0 for name in c if name.startswith("colour="))
    assert all(c[name] >= 0.0 for name in c if name.startswith("smokes="))
    free = logloss.fit(frame(), "y", C=1.0, penalty_factors={"colour": 0.0})
    assert "colour=red" not in free.coefficients  # without a penalty there is a reference


def test_dates_are_refused_with_a_hint() -> None:
    table = frame().assign(day=pd.Timestamp("2026-01-01"))
    with pytest.raises(DataError, match="'day' holds dates or times") as refused:
        logloss.fit(table, "y")
    assert "--exclude day" in str(refused.value)
    logloss.fit(table, "y", exclude=["day"], C=1.0)


def test_one_label_against_all_others() -> None:
    table = frame().assign(y=np.random.default_rng(1).choice(["a", "b", "c"], N))
    with pytest.raises(DataError, match="3 classes"):
        logloss.fit(table, "y")
    model = logloss.fit(table, "y", positive="b", C=1.0)
    assert model.classes == ("not b", "b")
    expected = logloss.fit(table.assign(y=table.y == "b"), "y", C=1.0)
    assert dict(model.coefficients) == dict(expected.coefficients)


def test_the_schema_comes_back_from_its_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    table = frame().assign(constant=1)
    model = logloss.fit(table, "y", C=1.0, min_count=5)
    model.save(tmp_path / "m.json")
    loaded = logloss.load(tmp_path / "m.json")
    assert loaded.fitted.schema == model.fitted.schema
    assert loaded.notes == model.notes
    assert loaded.predict_proba(table).tobytes() == model.predict_proba(table).tobytes()
    record = json.loads((tmp_path / "m.json").read_text())["schema"]
    assert Schema.from_json(record) == model.fitted.schema
    for column in record["columns"]:
        for key in set(column) - {"rare", "mean", "indicated", "reference"}:
            damaged = {**column, key: None}
            with pytest.raises(ModelFileError):
                Schema.from_json({"columns": [damaged]})
