"""pandas, polars, pyarrow and anything else that speaks Arrow."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typed_tables import arrays_of, in_memory, values

from logloss.errors import DataError, UsageError
from logloss.table import NumericColumn, Policy, encode_target, learn, read, split
from logloss.table.encoding.stream import encoded

DATA: dict[str, Any] = {
    "a": [1.5, -2.0, 3.25, 0.0],
    "b": [1, 2, 3, -4],
    "flag": [True, False, True, True],
    "label": ["no", "yes", "yes", "no"],
}


class OnlyStream:
    """A stranger: it has the Arrow stream and nothing else."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


class OnlyArray:
    """A record batch in disguise."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._batch.__arrow_c_array__(requested_schema)


def generator(table: Any) -> Any:
    def batches() -> Iterator[Any]:
        for start in range(table.num_rows):
            yield from table.slice(start, 1).to_batches()

    return pa.RecordBatchReader.from_batches(table.schema, batches())


FRAMES: dict[str, Callable[[Any], Any]] = {
    "pyarrow": pa.table,
    "batch": pa.record_batch,
    "pandas": lambda d: pd.DataFrame(d, index=[7, 5, 3, 1]),
    "pandas-arrow": lambda d: pa.table(d).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.DataFrame,
    "stream": lambda d: OnlyStream(pa.table(d)),
    "array": lambda d: OnlyArray(pa.record_batch(d)),
    "generator": lambda d: generator(pa.table(d)),
    "chunks": lambda d: pa.concat_tables([pa.table(d).slice(0, 1), pa.table(d).slice(1)]),
}


def columns_of(source: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays that the kernels read: all columns are numbers, and all rows have a value."""
    source = in_memory(source)
    return arrays_of(learn(source), source)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_every_frame_gives_the_same(frame: Callable[[Any], Any]) -> None:
    parts = split(frame(DATA), y="label")
    assert parts.features.names == ("a", "b", "flag")
    assert parts.features.n_rows == 4
    schema = learn(parts.features)
    assert [column.type for column in schema.columns] == ["double", "int64", "bool"]
    columns = arrays_of(schema, parts.features)
    assert [column.tolist() for column in columns] == [DATA["a"], DATA["b"], [1, 0, 1, 1]]
    narrow = "int8" if frame is FRAMES["generator"] else "int64"  # what comes in batches is copied
    assert [column.dtype for column in columns] == ["float64", narrow, "uint8"]
    target = encode_target(parts.y_values, where=parts.y_where)
    assert target.classes == ("no", "yes")
    assert target.y.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_every_frame_is_predicted_by_name(frame: Callable[[Any], Any]) -> None:
    schema = learn(read(pa.table({"b": [1, 2], "a": [1.0, 3.0]})))
    columns = arrays_of(schema, in_memory(frame(DATA), columns=schema.column_names))
    assert [column.tolist() for column in columns] == [DATA["b"], DATA["a"]]


@pytest.mark.parametrize("kind", [kind for kind in FRAMES if "array" not in kind])
@pytest.mark.parametrize("name", ["b", "flag", "label"])
def test_a_target_keeps_the_type_of_its_labels(kind: str, name: str) -> None:
    frame = FRAMES[kind]
    data = DATA | {"b": [3, 5, 5, 3]}
    classes = encode_target(split(frame(data), y=name).y_values).classes
    assert [type(label) for label in classes] == [type(data[name][0])] * 2


TYPES = {
    pa.int8(): "int8",
    pa.int16(): "int16",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.uint8(): "uint8",
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.uint16(): "int32",
    pa.uint32(): "int64",
    pa.uint64(): "float64",
    pa.float16(): "float32",
    pa.bool_(): "uint8",
    pa.decimal128(10, 3): "float64",
    pa.decimal256(50, 3): "float64",
}
IN_PLACE = list(TYPES)[:7]


@pytest.mark.parametrize(("type_", "dtype"), TYPES.items(), ids=str)
@pytest.mark.parametrize("chunks", [1, 3])
def test_arrow_types(type_: Any, dtype: str, chunks: int) -> None:
    values = [0, 1, 1, 0, 1, 0, 1, 1, 0]
    array = pa.array(values).cast(pa.int8()).cast(type_)
    size = len(values) // chunks
    column = pa.chunked_array([array.slice(start, size) for start in range(0, 9, size)])
    (out,) = columns_of(pa.table({"a": column}))
    assert out.dtype == dtype
    assert out.flags.c_contiguous
    assert out.tolist() == values


@pytest.mark.parametrize("type_", IN_PLACE, ids=str)
def test_arrow_buffers_are_read_in_place(type_: Any) -> None:
    array = pa.array([3, 1, 2], type=type_)
    (out,) = columns_of(pa.table({"a": array.slice(1)}))
    assert np.shares_memory(out, array.to_numpy())
    assert out.tolist() == [1, 2]


@given(
    st.lists(st.decimals(-10_000, 10_000, places=3), min_size=1),
    st.integers(0, 2**64 - 1),
    st.lists(st.floats(width=16, allow_nan=False), min_size=1),
)
def test_widened_values(decimals: list[decimal.Decimal], big: int, halves: list[float]) -> None:
    table = pa.table({"a": pa.array(decimals, pa.decimal128(10, 3))})
    out = values(in_memory(table).columns.by_name["a"], len(decimals))
    np.testing.assert_allclose(out, list(map(float, decimals)), rtol=1e-15)
    table = pa.table({"a": pa.array([big], pa.uint64())})
    assert values(in_memory(table).columns.by_name["a"], 1) == [float(big)]
    table = pa.table({"a": pa.array(np.array(halves, dtype=np.float16))})
    assert values(in_memory(table).columns.by_name["a"], len(halves)) == halves


# ---- pandas


def test_a_pandas_frame_of_one_block_stays_a_matrix() -> None:
    values = np.arange(12.0).reshape(4, 3)
    for order in ("C", "F"):
        frame = pd.DataFrame(np.array(values, order=order), columns=["a", "b", "c"])
        source = read(frame)
        assert source.named
        assert source.names == ("a", "b", "c")
        assert np.shares_memory(source.matrix, frame.to_numpy())


def test_such_a_frame_is_still_predicted_by_name() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 6.0]})
    schema = learn(read(frame[["b", "a"]].copy()))
    np.testing.assert_array_equal(
        np.column_stack(arrays_of(schema, read(frame))), frame[["b", "a"]].to_numpy()
    )
    with pytest.raises(DataError, match=r"X lacks a column of the model: 'a'"):
        schema.encode(read(frame[["b", "c"]]))


def test_a_target_by_name_reads_a_frame_column_by_column_without_a_copy() -> None:
    frame = pd.DataFrame(np.asfortranarray(np.arange(12.0).reshape(4, 3)), columns=list("ayb"))
    parts = split(frame, y="y")
    columns = arrays_of(learn(parts.features), parts.features)
    assert len(columns) == 2
    assert all(np.shares_memory(column, frame.to_numpy()) for column in columns)


def test_pandas_names_become_text_and_the_index_no_column() -> None:
    frame = pd.DataFrame({0: [1.0, 2.0], 1: ["a", "b"]}, index=pd.Index([5, 9], name="id"))
    assert split(frame, y="1").features.names == ("0",)


@pytest.mark.parametrize(
    "values",
    [[1j, 2j], [object(), 1], [1, "x"], pd.arrays.SparseArray([0, 1])],
    ids=["complex", "object", "mixed", "sparse"],
)
def test_pandas_columns_that_arrow_cannot_hold(values: Any) -> None:
    frame = pd.DataFrame({"a": [1, 2], "odd": values, "c": ["x", "y"]})
    with pytest.raises(
        DataError, match=r"^X has columns that cannot be read: 'odd' has the type"
    ) as info:
        read(frame)
    assert "'c'" not in info.value.message
    assert info.value.hint is not None
    assert info.value.hint.endswith("leave it out with --exclude odd (in Python exclude=['odd'])")
    assert read(frame, exclude=["odd"]).names == ("a", "c")
    assert read(frame, columns=["c"]).names == ("c",)


# ---- bad tables


def test_columns_that_cannot_be_features_are_all_named() -> None:
    table = pa.table(
        {
            "ok": [1, 2],
            "the day": [dt.date(2020, 1, 1)] * 2,
            "time": [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)] * 2,
            "while": pa.array([1, 2], pa.duration("s")),
            "list": [[1], [2, 3]],
            "level": pa.array([dt.date(2020, 1, 1)] * 2).dictionary_encode(),
            "raw": [b"x", b"y"],
        }
    )
    with pytest.raises(DataError) as info:
        learn(read(table))
    for words in (
        "'the day' holds dates or times (date32[day])",
        "'time' holds dates or times (timestamp",
        "'while' holds dates or times (duration[s])",
        "'list' holds nested values (list<",
        "'raw' holds bytes, or text that is not UTF-8 (binary)",
    ):
        assert words in info.value.message
    assert info.value.hint is not None
    assert "--exclude 'the day' --exclude time" in info.value.hint
    assert "'ok'" not in str(info.value)
    assert "'level'" not in str(info.value)  # whoever made levels of days meant levels


def test_what_text_becomes() -> None:
    """In a frame text is levels, even where all of it reads as numbers: frames have types."""
    table = pa.table(
        {
            "city": ["Ulm", "Bonn", "Ulm", "Ulm"],
            "blank": ["3.5", " ", None, "3.5"],
            "digits": ["1", "2", "2", "2"],
            "level": pa.array(["b", "a", "b", "c"]).dictionary_encode(),
            "where": pa.array(["Ulm ", "Berne", "Ulm", " Ulm"]),
            "none": pa.nulls(4),
        }
    )
    schema = learn(read(table))
    assert schema.coefficient_names == (
        *("city=Bonn", "city=Ulm", "blank=3.5", "blank=<missing>"),
        *("digits=1", "digits=2", "level=b", "level=a", "level=c"),  # a dictionary has an order
    )
    assert [(out.name, out.reason) for out in schema.left_out] == [
        ("where", "is the same as 'city' in all rows"),  # by other names
        ("none", "has no value in any row"),
    ]


def test_many_bad_columns_are_cut_short() -> None:
    table = pa.table({f"t{j}": [[1]] for j in range(14)})
    with pytest.raises(DataError, match=r"'t9' holds nested values .*, and 4 more"):
        learn(read(table))


def test_text_columns_can_be_excluded() -> None:
    parts = split(pl.DataFrame(DATA | {"t": ["x"] * 4}), y="label", exclude=["t", "a"])
    assert learn(parts.features).coefficient_names == ("b", "flag")


def test_missing_values_are_counted_and_placed() -> None:
    column = pa.chunked_array([[1.0], [2.0, None], [None, 5.0]])
    table = pa.table({"age": column, "ok": range(5), "bmi": [None, 1, 2, 3, 4]})
    with pytest.raises(DataError) as info:
        learn(read(table), policy=Policy(missing=False))
    assert info.value.message == (
        "X has missing values in 'age' (2 of 5, the first in row 2),"
        " 'bmi' (1 of 5, the first in row 0)"
    )
    assert "--exclude age --exclude bmi" in str(info.value.hint)


def test_nan_in_pandas_counts_as_missing() -> None:
    for other in ([1, 2, 4], [1.0, 2.0, 4.0]):  # two blocks, or one
        source = read(pd.DataFrame({"a": [1.0, np.nan, 5.0], "b": other}))
        with pytest.raises(DataError, match=r"'a' \(1 of 3, the first in row 1\)"):
            learn(source, policy=Policy(missing=False))
        schema = learn(source)
        assert schema.coefficient_names == ("a", "a=<missing>", "b")
        assert schema.columns[0] == NumericColumn("a", "double", 3.0, True)


@pytest.mark.parametrize("frame", [FRAMES["pyarrow"], FRAMES["pandas"], FRAMES["polars"]])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"y": "label", "sample_weight": "w"}, "X: column 'w' has a negative weight in row 3: -4"),
        ({"y": "label", "sample_weight": "hole"}, "X: column 'hole' has a missing value in row 2"),
        ({"y": "label", "offset": "hole"}, "X: column 'hole' has a missing value in row 2"),
        ({"y": "none"}, "X: column 'none', the target, has no value in any row"),
        (
            {"y": "b", "offset": "label"},
            "X: column 'label' holds values of the type text, where numbers are needed",
        ),
        ({"y": "day"}, "X: column 'day' holds dates or times"),
    ],
)
def test_bad_columns_of_a_frame(
    frame: Callable[[Any], Any], options: dict[str, str], words: str
) -> None:
    extra = {
        "w": DATA["b"],
        "hole": [1.0, 0.0, None, 1.0],
        "day": [dt.date(2020, 1, 1)] * 4,
        "none": [None] * 4,
    }
    with pytest.raises(DataError, match=words):
        split(frame(DATA | extra), **options)


@pytest.mark.parametrize("frame", [FRAMES["pyarrow"], FRAMES["pandas"], FRAMES["polars"]])
def test_rows_without_a_target_count_for_nothing(frame: Callable[[Any], Any]) -> None:
    data = DATA | {"hole": [1.0, 0.0, None, 1.0], "name": ["x", None, "z", "x"]}
    for y, row in (("hole", 2), ("name", 1)):
        parts = split(frame(data), y=y, sample_weight=np.arange(1.0, 5.0))
        weights = [1.0, 2.0, 3.0, 4.0]
        weights[row] = 0.0
        assert parts.weights is not None
        assert parts.weights.tolist() == weights
        assert parts.n_left_out == 1
        assert parts.notes == ("1 row without a target left out",)
        classes = encode_target(parts.y_values, kept=parts.kept).classes
        assert classes == ((0.0, 1.0) if y == "hole" else ("x", "z"))


def test_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"X has no column 'Lable'\nhint: did you mean 'label'"):
        split(pl.DataFrame(DATA), y="Lable")
    with pytest.raises(UsageError, match=r"X has no column 'flg'\nhint: did you mean 'flag'"):
        split(pl.DataFrame(DATA), y="label", exclude=["flg"])


def test_columns_that_the_model_needs() -> None:
    schema = learn(read(pa.table({"a": [1, 1, 2], "b": [2, 3, 4], "c": [3, 5, 3]})))
    with pytest.raises(DataError) as info:
        schema.encode(read(pa.table({"B": [1], "extra": [2], "c": [3]})))
    assert info.value.message == "X lacks 2 columns of the model: 'a', 'b'"
    with pytest.raises(DataError, match=r"lacks a column of the model: 'b'\nhint: is 'B' meant"):
        schema.encode(read(pa.table({"a": [1], "B": [1], "c": [3]})))


@pytest.mark.parametrize(
    "table",
    [
        pa.table([[1], [2]], names=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    ],
)
def test_duplicate_names(table: Any) -> None:
    with pytest.raises(DataError, match=r"X has two columns named 'a': columns 1 and 2"):
        read(table)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pa.table({"a": pa.array([], pa.int64())}), "X has column names but no rows"),
        (pd.DataFrame({"a": []}), "X has column names but no rows"),
        (pl.DataFrame({"a": []}), "X has column names but no rows"),
        (pa.table({}), "X is empty"),
    ],
)
def test_empty_tables(table: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(table)


def test_what_is_almost_a_table() -> None:
    with pytest.raises(UsageError, match=r"(?s)polars.*LazyFrame.*hint: collect it first"):
        read(pl.LazyFrame(DATA))
    with pytest.raises(DataError, match=r"(?s)polars.*Series.*a single column is not a table"):
        read(pl.Series("a", [1, 2]))
    with pytest.raises(DataError, match=r"but has 1|a single column is not a table"):
        read(pd.Series([1, 2]))


def failing() -> Any:
    def batches() -> Iterator[Any]:
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("the line went dead")

    return pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())


def test_a_stream_that_fails_half_way() -> None:
    source = read(failing())  # of which nothing is read
    assert source.names == ("a",)
    with pytest.raises((DataError, RuntimeError), match=r"the line went dead"):
        encoded(source)
    with pytest.raises(DataError, match=r"OnlyStream\) failed while it was read: .*went dead"):
        read(OnlyStream(failing()))


def test_columns_beside_a_frame() -> None:
    frame = pl.DataFrame(DATA).drop("label")
    for y in (pl.Series(DATA["label"]), pa.array(DATA["label"]), pa.chunked_array([DATA["label"]])):
        assert encode_target(split(frame, y=y).y_values).classes == ("no", "yes")
    with pytest.raises(DataError, match=r"y has 3 values, but X has 4 rows"):
        split(frame, y=pl.Series(["a", "b", "a"]))
    with pytest.raises(DataError, match=r"sample_weight has a missing value in row 1"):
        split(frame, y=DATA["label"], sample_weight=pl.Series([1, None, 2, 3]))
    with pytest.raises(DataError, match=r"sample_weight holds values of the type text"):
        split(frame, y=DATA["label"], sample_weight=pl.Series(DATA["label"]))


def test_levels_that_no_row_has_are_no_classes() -> None:
    column = pl.Series("y", ["b", "c", "b"], dtype=pl.Enum(["a", "b", "c"]))
    target = encode_target(split(pl.DataFrame({"a": [1, 2, 3], "y": column}), y="y").y_values)
    assert target.classes == ("b", "c")
    assert target.y.tolist() == [0, 1, 0]


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=3), st.integers(1, 4))
def test_arrow_and_numpy_read_labels_alike(labels: list[str], size: int) -> None:
    chunks = [labels[start : start + size] for start in range(0, len(labels), size)]
    table = pa.table({"y": pa.chunked_array(chunks), "a": range(len(labels))})
    answers = []
    for column in (split(table, y="y").y_values, np.array(labels, dtype=object)):
        try:
            target = encode_target(column)
            answers.append((target.classes, target.y.tolist()))
        except DataError as error:
            answers.append(((), [str(error)]))  # type: ignore[arg-type]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("exclude", [[0], (0,), "0", ["0"], np.array([0])])
def test_a_frame_with_numbers_for_names_leaves_columns_out(exclude: Any) -> None:
    frame = pd.DataFrame({0: [1.0, 2, 3, 4], 1: [0.0, 1, 1, 0], 2: [0, 1, 0, 1]})
    assert split(frame, y="2", exclude=exclude).features.names == ("1",)
    with pytest.raises(UsageError, match="no column '7'"):
        split(frame, y="2", exclude=[7])
    with pytest.raises(UsageError, match="exclude must be names of columns, not 3"):
        split(frame, y="2", exclude=3)
