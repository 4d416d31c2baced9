"""What columns become: levels, references, means, indicators; what is left out and said."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import logloss
from logloss.errors import DataError, ModelFileError, UsageError
from logloss.table import learn, read
from logloss.table.encoding.stream import encoded
from logloss.table.schema.saved import schema_from_json
from logloss.table.spool.spool import write_spool

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
    assert schema_from_json(record) == model.fitted.schema
    for column in record["columns"]:
        for key in set(column) - {"rare", "mean", "indicated", "reference"}:
            damaged = {**column, key: None}
            with pytest.raises(ModelFileError):
                schema_from_json({"columns": [damaged]})


# ---- frames whose numbers lie in one block, which are read as a matrix where they can be


def block(order: str = "F", n_rows: int = N) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame of one block, and labels."""
    rng = np.random.default_rng(8)
    values = np.asarray(rng.normal(size=(n_rows, 4)), order=order)  # type: ignore[call-overload]
    y = values @ [1.0, -1.0, 0.5, 0.0] + rng.logistic(size=n_rows) > 0.0
    return pd.DataFrame(values, columns=list("abcd")), y


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_sound_block_is_read_as_it_lies(order: str) -> None:
    table, y = block(order)
    source = read(table)
    assert source.matrix is not None
    schema = learn(source)
    assert schema.encode(source).matrix is source.matrix
    assert [k.mean for k in schema.columns] == pytest.approx(table.mean().tolist(), abs=1e-12)  # type: ignore[union-attr]
    model = logloss.fit(table, y, C=1.0)
    plain = logloss.fit(table.to_numpy(), y, C=1.0)
    assert list(model.coefficients) == list("abcd")
    assert list(model.coefficients.values()) == list(plain.coefficients.values())
    assert model.notes == ()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_rows", [N, 30_000])
def test_missing_values_in_a_block(order: str, n_rows: int) -> None:
    table, y = block(order, n_rows)
    table.iloc[5:25, 1] = np.nan
    assert read(table).matrix is not None
    model = logloss.fit(table, y, C=1.0, tol=1e-10)
    apart = logloss.fit(table.assign(d=table.d.astype("Float64")), y, C=1.0, tol=1e-10)
    assert list(model.coefficients) == ["a", "b", "b=<missing>", "c", "d"]
    assert dict(model.coefficients) == dict(apart.coefficients)
    assert model.predict_proba(table).tobytes() == apart.predict_proba(table).tobytes()
    whole = model.predict_proba(table.iloc[30:60])  # a block without holes
    np.testing.assert_array_equal(whole, model.predict_proba(table)[30:60])
    with pytest.raises(DataError, match=rf"'b' \(20 of {n_rows}, the first in row 5\)"):
        logloss.fit(table, y, missing="error")
    dropped = logloss.fit(table, y, missing="drop", C=1.0, tol=1e-10)
    rows = table.notna().all(axis=1).to_numpy()
    expected = logloss.fit(table[rows], y[rows], C=1.0, tol=1e-10)
    assert dropped.fitted.n_rows == n_rows - 20
    assert dict(dropped.coefficients) == pytest.approx(dict(expected.coefficients), abs=1e-6)


def test_a_block_with_its_first_missing_value_counts_as_the_mean() -> None:
    table, y = block()
    model = logloss.fit(table, y, C=1.0)
    hole, mean = table.head(2).copy(), table.head(2).copy()
    hole.iloc[0, 2], mean.iloc[0, 2] = np.nan, table.c.mean()
    with pytest.warns(UserWarning, match="'c' in 1 of 2 rows"):
        z = model.decision_function(hole)
    np.testing.assert_allclose(z, model.decision_function(mean), atol=1e-12)
    hole.iloc[1, 3] = np.inf
    with pytest.raises(DataError, match="the value inf in row 1, column 'd'"):
        model.predict(hole)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "bool"])
def test_columns_of_a_block_that_say_nothing_are_left_out(order: str, dtype: str) -> None:
    table, y = block()
    values = np.asarray(np.sign(table.to_numpy()) > 0, order=order)  # type: ignore[call-overload]
    values[:, 1], values[:, 3] = True, values[:, 0]
    odd = pd.DataFrame(values.astype(dtype, order=order), columns=list("abcd"))  # type: ignore[call-overload]
    assert read(odd).matrix is not None
    model = logloss.fit(odd, y, C=1.0)
    assert list(model.coefficients) == ["a", "c"]
    assert model.notes == (
        "column 'b' is left out: it is 1 in all rows",
        "column 'd' is left out: it is the same as 'a' in all rows",
    )
    expected = logloss.fit(odd[["a", "c"]], y, C=1.0)
    assert dict(model.coefficients) == pytest.approx(dict(expected.coefficients), abs=1e-12)
    np.testing.assert_allclose(model.predict_proba(odd), expected.predict_proba(odd), atol=1e-12)


def test_a_block_that_is_constant_where_rows_have_weight() -> None:
    table, y = block()
    table["d"] = np.where(np.arange(N) < 300, 2.0, table.d)
    table = pd.DataFrame(table.to_numpy(), columns=list("abcd"))
    weight = (np.arange(N) < 300).astype(float)
    assert logloss.fit(table, y, C=1.0).notes == ()
    model = logloss.fit(table, y, sample_weight=weight, C=1.0)
    assert model.notes == ("column 'd' is left out: it is 2 in all rows",)


def test_columns_of_equal_sums_are_no_repeats() -> None:
    table, y = block()
    values = np.column_stack([table.a, table.a[::-1], np.arange(N) % 2, 1.0 - np.arange(N) % 2])
    values[-1, 0] = values[0, 0] = 0.5  # the first row too
    values[[-1, 0], 1] = 0.5
    model = logloss.fit(pd.DataFrame(values, columns=list("abcd")), y, C=1.0)
    assert list(model.coefficients) == list("abcd")


# ---- what else a column may be


def test_columns_without_a_value_are_left_out_whatever_their_type() -> None:
    table = pa.Table.from_pandas(frame()).append_column("null", pa.nulls(N))
    for name, type_ in (("text", pa.string()), ("number", pa.float64()), ("flag", pa.bool_())):
        table = table.append_column(name, pa.nulls(N, type_))
    model = logloss.fit(table, "y", C=1.0)
    left_out = {out.name: out.reason for out in model.fitted.schema.left_out}
    assert left_out == dict.fromkeys(["null", "text", "number", "flag"], "has no value in any row")
    alone = pa.table({"a": pa.nulls(3), "y": [0, 1, 0]})
    with pytest.raises(DataError, match="no column that could explain anything: 'a' has no value"):
        logloss.fit(alone, "y")


def test_bools_and_decimals_are_numbers() -> None:
    table = frame()[["height", "works", "y"]].round(2)
    decimals = [Decimal(f"{value:.2f}") for value in table.height]
    typed = pa.table(
        {
            "height": pa.array(decimals, pa.decimal128(6, 2)),
            "works": pa.array([None if k == 3 else v for k, v in enumerate(table.works)]),
            "y": pa.array(table.y),
        }
    )
    model = logloss.fit(typed, "y", C=1.0, tol=1e-12)
    by_hand = table.assign(works=table.works.astype(float).where(table.index != 3))
    expected = logloss.fit(by_hand, "y", C=1.0, tol=1e-12)
    assert list(model.coefficients) == ["height", "works", "works=<missing>"]
    assert [k.type for k in model.fitted.schema.columns] == ["decimal128(6, 2)", "bool"]
    assert dict(model.coefficients) == pytest.approx(dict(expected.coefficients), abs=1e-9)
    np.testing.assert_allclose(model.predict_proba(typed), expected.predict_proba(by_hand))


def test_a_target_by_position() -> None:
    table = frame()
    named = logloss.fit(table, "y", C=1.0)
    by_position = logloss.fit(table, "-1", C=1.0)
    assert by_position.fitted.target == "y"
    assert dict(by_position.coefficients) == dict(named.coefficients)
    table = table[["y", *table.columns[:-1]]]
    assert dict(logloss.fit(table, "0", C=1.0).coefficients) == dict(named.coefficients)
    with pytest.raises(UsageError, match="no column '9'"):
        logloss.fit(table, "9")


def test_a_spool_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame().to_csv(path, index=False)
    source = encoded(read(path))
    assert source.columns is not None
    write_spool(tmp_path / "t.spool", source.columns)
    model = logloss.fit(path, "y", C=1.0)
    from_spool = logloss.fit(tmp_path / "t.spool", "y", C=1.0)
    assert dict(from_spool.coefficients) == dict(model.coefficients)
    assert from_spool.fitted.schema == model.fitted.schema
    expected = model.predict_proba(path)
    for table in (path, str(tmp_path / "t.spool"), tmp_path / "t.spool"):
        for fitted in (model, from_spool):
            assert fitted.predict_proba(table).tobytes() == expected.tobytes()
    without = logloss.fit(tmp_path / "t.spool", "y", C=1.0, exclude=["age"])
    assert "age" not in without.coefficients


def test_blanks_in_a_column_of_numbers_of_a_csv_file(tmp_path: Path) -> None:
    """As the total charges of telecom customers who are new."""
    table = frame().drop(columns=["colour"])
    path, blank = tmp_path / "t.csv", tmp_path / "blank.csv"
    table.to_csv(path, index=False)
    lines = [line.split(",") for line in path.read_text().splitlines()]
    for line in lines:
        line[0] = line[0] or " "
    blank.write_text("\n".join(map(",".join, lines)))
    model = logloss.fit(blank, "y", C=1.0)
    assert list(model.coefficients)[:2] == ["age", "age=<missing>"]
    assert dict(model.coefficients) == dict(logloss.fit(path, "y", C=1.0).coefficients)
    np.testing.assert_allclose(
        list(model.coefficients.values()),
        list(logloss.fit(table, "y", C=1.0).coefficients.values()),
        rtol=1e-4,
    )
    assert model.predict_proba(blank).tobytes() == model.predict_proba(path).tobytes()
    np.testing.assert_allclose(model.predict_proba(blank), model.predict_proba(table), rtol=1e-12)


def test_levels_of_digits_stay_levels(tmp_path: Path) -> None:
    """A file in which "012" is a code: it is a level when fitted as text, and when predicted."""
    rng = np.random.default_rng(4)
    code = rng.choice(["012", "12", "7", "x1"], N)
    y = rng.random(N) < np.where(code == "012", 0.8, 0.3)
    path, only = tmp_path / "t.csv", tmp_path / "only.csv"
    table = pd.DataFrame({"code": code, "v": rng.normal(size=N), "y": y.astype(int)})
    table.to_csv(path, index=False)
    model = logloss.fit(path, "y", C=1.0)
    assert list(model.coefficients) == ["code=012", "code=12", "code=7", "code=x1", "v"]
    digits = table[table.code != "x1"]
    digits.to_csv(only, index=False)  # in which all codes read as numbers
    expected = model.predict_proba(path)[(table.code != "x1").to_numpy()]
    np.testing.assert_array_equal(model.predict_proba(only), expected)
    np.testing.assert_array_equal(model.predict_proba(digits), expected)
    fitted = logloss.fit(digits, "y", C=1.0)  # a frame has types: text is levels
    assert list(fitted.coefficients) == ["code=012", "code=12", "code=7", "v"]
    np.testing.assert_array_equal(fitted.predict_proba(only), fitted.predict_proba(digits))


def test_coefficients_of_one_name_are_refused() -> None:
    rng = np.random.default_rng(0)
    table = frame().assign(**{"smokes=yes": rng.normal(size=N)})
    with pytest.raises(DataError, match="'smokes' and 'smokes=yes' would both") as refused:
        logloss.fit(table, "y", C=1.0)
    assert "rename" in str(refused.value)
    logloss.fit(table, "y", C=1.0, exclude=["smokes=yes"])


def test_a_level_spelled_as_ours_is_ours(tmp_path: Path) -> None:
    table = frame()
    table.loc[20:40, "colour"] = "<missing>"
    table.loc[41:60, "colour"] = "<rare>"
    model = logloss.fit(table, "y", C=1.0, min_count=5)
    table["colour"] = table.colour.where(table.colour != "<missing>", None)
    expected = logloss.fit(table, "y", C=1.0, min_count=5)
    # the codes of the two levels are added up apart: other roundings
    assert dict(model.coefficients) == pytest.approx(dict(expected.coefficients), rel=1e-9)
    model.save(tmp_path / "m.json")
    assert dict(logloss.load(tmp_path / "m.json").coefficients) == dict(model.coefficients)
