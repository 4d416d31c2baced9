"""A level is the same level in every type: learned in one, scored in any other.

Truth: the share of each level (a saturated fit), and the predictions of the type that was fitted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import logloss

CODES = np.repeat([1, 2, 3], 20)
Y = np.r_[[1] * 4 + [0] * 16, [1] * 10 + [0] * 10, [1] * 16 + [0] * 4]
SHARES = [0.2, 0.5, 0.8]
FLAGS = np.repeat([False, True], 20)
Y_OF_FLAGS = np.r_[[1] * 4 + [0] * 16, [1] * 15 + [0] * 5]

Make = Callable[[Any], Any]


def pandas(type_: Any, first: Any = None) -> Make:
    """A column of pandas, by way of another type where Python's ints are not taken."""
    return lambda v: pd.DataFrame(
        {"z": (pd.Series(v) if first is None else pd.Series(v).astype(first)).astype(type_)}
    )


def arrow(type_: Any, first: Any = lambda v: v) -> Make:
    return lambda v: pa.table({"z": pa.array([first(x) for x in v], type_)})


def arrow_dictionary(type_: Any, first: Any = lambda v: v) -> Make:
    return lambda v: pa.table({"z": pa.array([first(x) for x in v], type_).dictionary_encode()})


def of_polars(type_: Any, first: Any = lambda v: v) -> Make:
    return lambda v: pl.DataFrame({"z": pl.Series([first(x) for x in v]).cast(type_)})


def of_text(v: Any) -> str:
    return str(v)


def of_float(v: Any) -> float:
    return float(v)


def of_decimal(v: Any) -> Decimal:
    return Decimal(int(v))


TEXT: dict[str, Make] = {
    "str": pandas(str),
    "object": lambda v: pd.DataFrame({"z": np.array([str(x) for x in v], object)}),
    "string[pyarrow]": pandas("string[pyarrow]"),
    "text of floats": lambda v: pd.DataFrame({"z": [str(float(x)) for x in v]}),
    "category of text": pandas("category", str),
    "category of ints": pandas("category"),
    "category of floats": pandas("category", float),
    "category of Int64": pandas("category", "Int64"),
    "Arrow string": arrow(pa.string(), of_text),
    "Arrow large string": arrow(pa.large_string(), of_text),
    "Arrow string view": arrow(pa.string_view(), of_text),
    "Arrow dictionary": arrow_dictionary(pa.string(), of_text),
    "Arrow dictionary of ints": arrow_dictionary(pa.int16()),
    "Arrow dictionary of floats": arrow_dictionary(pa.float32(), of_float),
    "Arrow dictionary of decimals": arrow_dictionary(pa.decimal128(5, 2), of_decimal),
    "polars text": of_polars(pl.String, of_text),
    "polars Categorical": of_polars(pl.Categorical, of_text),
    "polars Enum": of_polars(pl.Enum(["3", "2", "1"]), of_text),
}
NUMBERS: dict[str, Make] = {
    **{name: pandas(name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint64")},
    **{name: pandas(name) for name in ("float16", "float32", "float64", "Int64", "Float64")},
    "int64[pyarrow]": pandas("int64[pyarrow]"),
    "decimal": arrow(pa.decimal128(6, 3), of_decimal),
    "uint16": arrow(pa.uint16()),
    "polars Int32": of_polars(pl.Int32),
}


def as_csv(make: Make, folder: Path) -> Make:
    def written(v: Any) -> Path:
        made = make(v)
        frame = made if isinstance(made, pd.DataFrame) else made.to_pandas()
        frame.to_csv(folder / "t.csv", index=False)
        return folder / "t.csv"

    return written


def as_parquet(make: Make, folder: Path) -> Make:
    def written(v: Any) -> Path:
        made = make(v)
        table = pa.Table.from_pandas(made) if isinstance(made, pd.DataFrame) else made
        pq.write_table(
            table.to_arrow() if isinstance(table, pl.DataFrame) else table, folder / "t.parquet"
        )
        return folder / "t.parquet"

    return written


def quietly(model: Any, table: Any) -> list[float]:
    """The probabilities; a warning of unknown values is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found: list[float] = model.predict_proba(table).tolist()
    return found


@pytest.mark.parametrize("fitted", TEXT)
def test_levels_learned_in_one_type_are_found_in_any(fitted: str, tmp_path: Path) -> None:
    model = logloss.fit(TEXT[fitted](CODES), Y, tol=1e-12)
    for name, make in (TEXT | NUMBERS).items():
        assert quietly(model, make([1, 2, 3])) == pytest.approx(SHARES, abs=1e-6), name
        assert quietly(model, as_parquet(make, tmp_path)([1, 2, 3])) == pytest.approx(
            SHARES, abs=1e-6
        ), name
    for name in ("str", "text of floats", "int8", "float64", "category of floats"):
        written = as_csv((TEXT | NUMBERS)[name], tmp_path)([1, 2, 3])
        assert quietly(model, written) == pytest.approx(SHARES, abs=1e-6), name


@pytest.mark.parametrize("fitted", ["str", "category of floats", "Arrow dictionary of decimals"])
@pytest.mark.parametrize("hole", [np.nan, None])
def test_a_hole_beside_changes_no_other_row(fitted: str, hole: Any) -> None:
    """pandas makes floats of integers with a hole."""
    model = logloss.fit(TEXT[fitted](CODES), Y, tol=1e-12)
    for made in (
        pd.DataFrame({"z": [1, 2, 3, hole]}),
        pd.DataFrame({"z": pd.array([1, 2, 3, None], "Int64")}),
        pd.DataFrame({"z": [1.0, 2.0, 3.0, hole], "t": list("abcd")}),
        pd.DataFrame({"z": pd.Categorical([1.0, 2.0, 3.0, hole])}),
        pd.DataFrame({"z": ["1", "2", "3", hole]}),
        pl.DataFrame({"z": [1.0, 2.0, 3.0, None]}),
    ):
        with pytest.warns(UserWarning, match="'z' in 1 of 4 rows"):
            p = model.predict_proba(made)
        assert p[:3].tolist() == pytest.approx(SHARES, abs=1e-6)


@pytest.mark.parametrize("made", [TEXT["str"], *NUMBERS.values()], ids=["str", *NUMBERS])
def test_unseen_levels_are_always_told(made: Make) -> None:
    model = logloss.fit(TEXT["str"](CODES), Y)
    with pytest.warns(UserWarning, match="'z' in 2 of 5 rows"):
        model.predict_proba(made([1, 7, 2, 9, 3]))


def test_numbers_that_are_no_whole_numbers() -> None:
    values = CODES / 10  # no float16: it has no 0.2
    kinds = {
        "str": lambda v: pd.DataFrame({"z": [repr(float(x)) for x in v]}),
        "float64": lambda v: pd.DataFrame({"z": v}),
        "float32": lambda v: pd.DataFrame({"z": np.asarray(v, np.float32)}),
        "category": lambda v: pd.DataFrame({"z": pd.Categorical(v)}),
        "category of float32": lambda v: pd.DataFrame(
            {"z": pd.Categorical(np.asarray(v, np.float32))}
        ),
        "decimal": lambda v: pa.table({"z": pa.array([Decimal(f"{x:.2f}") for x in v])}),
        "mixed": lambda v: pd.DataFrame({"z": [*v, 4.0]}).iloc[:3],
    }
    for name in ("str", "category", "category of float32"):
        model = logloss.fit(kinds[name](values), Y, tol=1e-12)
        assert set(model.coefficients) < {"z=0.1", "z=0.2", "z=0.3"}
        for make in kinds.values():
            assert quietly(model, make([0.1, 0.2, 0.3])) == pytest.approx(SHARES, abs=1e-6)


def test_text_that_no_number_is_spelled_as_stays_apart() -> None:
    """ZIP codes, versions, ICD codes: 01 is not 1, and 1.10 is not 1.1."""
    for one, other in (("01", "1"), ("1.10", "1.1"), ("250.0", "250"), ("1E2", "100")):
        z = np.repeat([one, other], 20)
        model = logloss.fit(pd.DataFrame({"z": z}), Y_OF_FLAGS, tol=1e-12, C=1e9)
        assert set(model.coefficients) == {f"z={one}", f"z={other}"}
        p = quietly(model, pd.DataFrame({"z": [one, other]}))
        assert p == pytest.approx([0.2, 0.75], abs=1e-4)
    model = logloss.fit(pd.DataFrame({"z": np.repeat(["01", "02"], 20)}), Y_OF_FLAGS)
    with pytest.warns(UserWarning, match="'z' in 2 of 2 rows"):
        model.predict_proba(pd.DataFrame({"z": [1, 2]}))


def flags(words: dict[bool, Any]) -> Make:
    return lambda v: pd.DataFrame({"z": [words[bool(x)] for x in v]})


BOOLS: dict[str, Make] = {
    "bool": lambda v: pd.DataFrame({"z": np.asarray(v, bool)}),
    "boolean": lambda v: pd.DataFrame({"z": pd.array(v, "boolean")}),
    "object": lambda v: pd.DataFrame({"z": np.array(v, object)}),
    "Arrow bool": lambda v: pa.table({"z": pa.array(v, pa.bool_())}),
    "polars Boolean": lambda v: pl.DataFrame({"z": pl.Series(v, dtype=pl.Boolean)}),
    "0 and 1": lambda v: pd.DataFrame({"z": np.asarray(v, np.int8)}),
    "0.0 and 1.0": lambda v: pd.DataFrame({"z": np.asarray(v, float)}),
    "True": flags({True: "True", False: "False"}),
    "true": flags({True: "true", False: "false"}),
    "TRUE": flags({True: "TRUE", False: "FALSE"}),
    "category": lambda v: pd.DataFrame({"z": pd.Categorical(np.asarray(v, bool))}),
    "category of text": lambda v: pd.DataFrame({"z": pd.Categorical([str(bool(x)) for x in v])}),
    "Arrow dictionary": lambda v: pa.table({"z": pa.array(map(str, v)).dictionary_encode()}),
}


@pytest.mark.parametrize("fitted", BOOLS)
def test_bools_in_every_type(fitted: str, tmp_path: Path) -> None:
    model = logloss.fit(BOOLS[fitted](FLAGS.tolist()), Y_OF_FLAGS, tol=1e-12)
    for name, make in BOOLS.items():
        p = quietly(model, make([False, True]))
        assert p == pytest.approx([0.2, 0.75], abs=1e-6), name
        written = as_csv(make, tmp_path)([False, True])
        assert quietly(model, written) == pytest.approx([0.2, 0.75], abs=1e-6), name


@pytest.mark.parametrize("fitted", [*NUMBERS, "CSV"])
def test_numbers_are_scored_from_text(fitted: str, tmp_path: Path) -> None:
    if fitted == "CSV":
        model = logloss.fit(as_csv(NUMBERS["int8"], tmp_path)(CODES), Y)
    else:
        model = logloss.fit(NUMBERS[fitted](CODES), Y)
    assert list(model.coefficients) == ["z"]
    expected = quietly(model, np.array([[1.0], [2.0], [3.0]]))
    for name, make in (TEXT | NUMBERS).items():
        assert quietly(model, make([1, 2, 3])) == pytest.approx(expected, rel=1e-12), name
    half = quietly(model, np.array([[1.5]]))
    assert quietly(model, pd.DataFrame({"z": ["1.5"]})) == pytest.approx(half, rel=1e-12)
    with pytest.warns(UserWarning, match="'z' in 1 of 2 rows"):
        assert model.predict_proba(pd.DataFrame({"z": ["1.5", "NA"]}))[
            :1
        ].tolist() == pytest.approx(half)
    with pytest.raises(logloss.errors.DataError, match=r"'z' holds text \('x'\)"):
        model.predict_proba(pd.DataFrame({"z": ["1.5", "x"]}))


def test_formulas_find_levels_too() -> None:
    pytest.importorskip("formulaic")
    model = logloss.fit(TEXT["str"](CODES), Y, formula="C(z)", tol=1e-12)
    for name, make in (TEXT | NUMBERS).items():
        assert quietly(model, make([1, 2, 3])) == pytest.approx(SHARES, abs=1e-6), name
    with pytest.raises(logloss.errors.DataError, match="has the level '7' in row 1"):
        model.predict_proba(pd.DataFrame({"z": [1, 7]}))


def test_a_formula_tells_missing_values_of_frames_of_one_type() -> None:
    pytest.importorskip("formulaic")
    table = pd.DataFrame({"z": CODES * 1.0, "w": np.arange(60.0)})
    model = logloss.fit(table, Y, formula="z + w")
    with pytest.warns(UserWarning, match="'z' in 1 of 2 rows"):
        model.predict_proba(pd.DataFrame({"z": [1.0, np.nan], "w": [1.0, 2.0]}))


def test_dates_as_levels() -> None:
    """A category of dates and the text of a date are one level; a column of dates is refused."""
    days = pd.to_datetime(["2020-01-01", "2020-01-02"]).repeat(20)
    model = logloss.fit(pd.DataFrame({"z": pd.Categorical(days)}), Y_OF_FLAGS, tol=1e-12)
    for table in (
        pd.DataFrame({"z": ["2020-01-01", "2020-01-02"]}),
        pd.DataFrame({"z": pd.Categorical(pd.to_datetime(["2020-01-01", "2020-01-02"]))}),
        pa.table({"z": pa.array(days[[0, 20]].date).dictionary_encode()}),
    ):
        assert quietly(model, table) == pytest.approx([0.2, 0.75], abs=1e-6)
    with pytest.raises(logloss.errors.DataError, match="'z' holds dates or times"):
        model.predict_proba(pd.DataFrame({"z": days[[0, 20]]}))


def test_codes_stay_text_where_a_file_is_evaluated_or_attached(tmp_path: Path) -> None:
    """In a CSV file that was fitted as a frame 01 reads as 1: the model knows that it is text."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"code": rng.choice(["01", "02", "1"], 300), "x": rng.normal(size=300)})
    frame["y"] = (rng.random(300) < np.where(frame.code == "01", 0.7, 0.3)).astype(int)
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "folder").mkdir()
    frame[:150].to_csv(tmp_path / "folder" / "1.csv", index=False)
    frame[150:].to_csv(tmp_path / "folder" / "2.csv", index=False)
    model = logloss.fit(frame, "y", tol=1e-10)
    for path in (tmp_path / "t.csv", tmp_path / "folder"):
        assert quietly(model, path) == quietly(model, frame)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert model.evaluate(path).log_loss == pytest.approx(model.fitted.loss, rel=1e-9)
        model.attach(path)


def test_text_of_which_each_reads_as_a_number_but_not_all_together() -> None:
    model = logloss.fit(NUMBERS["int8"](CODES), Y)
    with pytest.raises(logloss.errors.DataError, match="'z' holds text"):
        model.predict_proba(pd.DataFrame({"z": ["1e0", "0x2"]}))


@pytest.mark.parametrize("type_", ["boolean", "Int64", "Float64", "int64[pyarrow]"])
def test_frames_of_one_nullable_type(type_: str) -> None:
    """pandas hands out the values of such a frame as objects."""
    flags = pd.Series(FLAGS).astype(type_)
    model = logloss.fit(pd.DataFrame({"z": flags}), Y_OF_FLAGS, tol=1e-12)
    assert quietly(model, pd.DataFrame({"z": [0, 1]})) == pytest.approx([0.2, 0.75], abs=1e-6)
    with pytest.warns(UserWarning, match="'z' in 1 of 3 rows"):
        model.predict_proba(pd.DataFrame({"z": pd.array([0, 1, None], type_)}))
    holed = logloss.fit(pd.DataFrame({"z": flags.mask(np.arange(40) % 5 == 0)}), Y_OF_FLAGS)
    assert list(holed.coefficients) == ["z", "z=<missing>"]
