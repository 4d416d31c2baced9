"""Tables become typed columns: against pyarrow's own reading of them, and for any cut into batches.

The values are compared with `to_pylist`, which shares no code with the encoder; the types with the
definition of "narrowest": no narrower NumPy type holds all values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typed_tables import STORAGES, arrays, cut, same, tables, values

from logloss.errors import DataError
from logloss.table import Source, learn
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable
from logloss.table.encoding import text
from logloss.table.encoding.encode import columns_of, encode
from logloss.table.encoding.grow import Storage
from logloss.table.encoding.scratch import Spilling


def one(data: Any, type_: Any = None, *, storage: Storage | None = None, **options: Any) -> Column:
    """A single column, encoded in one batch."""
    array = data if isinstance(data, pa.Array) else pa.array(data, type_)
    table = pa.table({"x": array})
    return encode(table.to_batches(), ["x"], storage=storage, **options).by_name["x"]


# ---- any table, any cut


@given(
    table=tables(),
    lengths=st.lists(st.integers(1, 25), min_size=1, max_size=4),
    storage=st.sampled_from(STORAGES),
    numbers=st.booleans(),
)
@settings(max_examples=400)
def test_the_columns_do_not_depend_on_batches_or_storage(
    table: pa.Table, lengths: list[int], storage: Storage, numbers: bool
) -> None:
    options = {"na": ("?",), "parse_numbers": numbers}
    whole = encode(table.combine_chunks().to_batches(), table.column_names, **options)
    parts = encode(cut(table, lengths), table.column_names, storage=storage, **options)
    same(whole, parts)


def expected(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return None if value.strip() in ("", "?") else value.strip()
    return value


@given(table=tables(), lengths=st.lists(st.integers(1, 25), min_size=1, max_size=4))
@settings(max_examples=300)
def test_the_values_are_those_of_the_table(table: pa.Table, lengths: list[int]) -> None:
    streamed = encode(cut(table, lengths), table.column_names, na=("?",))
    in_place = columns_of(table, na=("?",))
    for name in table.column_names:
        raw = [expected(value) for value in table.column(name).to_pylist()]
        for columns in (streamed, in_place):
            column = columns.by_name[name]
            if isinstance(column, Unusable):
                levels = set(raw) - {None}
                n_valid = sum(value is not None for value in raw)
                assert n_valid == 0 or (n_valid > 20 and 2 * len(levels) > n_valid)
            else:
                assert values(column, table.num_rows) == raw


@given(data=st.data())
@settings(max_examples=200)
def test_numbers_are_as_narrow_as_can_be(data: Any) -> None:
    array = data.draw(arrays(data.draw(st.integers(1, 40))))
    column = one(array)
    if not isinstance(column, Numbers):
        return
    source = np.dtype(array.type.to_pandas_dtype())
    kept = np.array([v for v in array.to_pylist() if v is not None and v == v], object)
    there = np.ones(len(array), bool)
    if column.valid is not None:
        there = np.unpackbits(column.valid, bitorder="little")[: len(array)].astype(bool)
    assert len(kept) == there.sum()
    for narrower in (np.uint8, np.int8, np.int16, np.int32):
        dtype = np.dtype(narrower)
        if source.itemsize == 1 or dtype.itemsize >= column.values.dtype.itemsize:
            continue
        limits = np.iinfo(dtype)
        holds = all(limits.min <= v <= limits.max and v == int(v) for v in kept.tolist())
        assert not holds, f"{dtype} holds all of them"


# ---- numbers


@pytest.mark.parametrize(
    ("data", "type_", "dtype"),
    [
        ([True, False], pa.bool_(), np.uint8),
        ([-1, 5], pa.int8(), np.int8),
        ([1, 5], pa.int8(), np.int8),
        ([0, 255], pa.int64(), np.uint8),
        ([-1, 127], pa.int64(), np.int8),
        ([-1, 128], pa.int64(), np.int16),
        ([0, 256], pa.int16(), np.int16),
        ([0, 40_000], pa.uint16(), np.int32),
        ([2**31], pa.int64(), np.float64),
        ([2**53, -(2**53)], pa.int64(), np.float64),
        ([2**53 + 1], pa.int64(), np.int64),
        ([-(2**63)], pa.int64(), np.int64),
        ([2**32 - 1], pa.uint32(), np.float64),
        ([2**64 - 2048], pa.uint64(), np.float64),
        ([1.0, 200.0], pa.float64(), np.uint8),
        ([1.0, 70_000.0], pa.float64(), np.int32),
        ([1.0, 70_000.0], pa.float32(), np.float32),
        ([2.0**31], pa.float64(), np.float64),
        ([0.5], pa.float64(), np.float64),
        ([0.5], pa.float32(), np.float32),
        ([1.0, 2.0], pa.float16(), np.uint8),
        ([0.5, 2.0], pa.float16(), np.float32),
        ([math.inf, 1.0], pa.float64(), np.float64),
        ([Decimal("1.50"), Decimal("2.25")], pa.decimal128(10, 2), np.float64),
        ([Decimal("1.00"), Decimal("2.00")], pa.decimal128(10, 2), np.uint8),
    ],
)
def test_types_of_numbers(data: list[Any], type_: Any, dtype: Any) -> None:
    column = one(data, type_)
    assert isinstance(column, Numbers)
    assert column.values.dtype == dtype
    assert column.values.tolist() == [float(v) if isinstance(v, Decimal) else v for v in data]
    assert column.valid is None
    assert column.type == str(type_)
    assert not column.values.flags.writeable


def test_each_widening_converts_what_is_there() -> None:
    steps = [200, -1, 300, 70_000, 2**31, 2**53 + 1]
    batches = [pa.record_batch([pa.array([step], pa.int64())], names=["x"]) for step in steps]
    for storage in STORAGES:
        for n in range(1, len(steps) + 1):
            column = encode(batches[:n], ["x"], storage=storage).by_name["x"]
            assert values(column, n) == steps[:n]


def test_integers_and_then_floats_become_floats() -> None:
    batches = [
        pa.record_batch([pa.array([1, 300], pa.int64())], names=["x"]),
        pa.record_batch([pa.array([None, 0.5], pa.float64())], names=["x"]),
    ]
    column = encode(batches, ["x"]).by_name["x"]
    assert values(column, 4) == [1.0, 300.0, None, 0.5]
    assert column.type == "double"


def test_a_type_that_changes_to_text_is_an_error_that_names_the_column() -> None:
    batches = [
        pa.record_batch([pa.array([1])], names=["age"]),
        pa.record_batch([pa.array(["x"])], names=["age"]),
    ]
    with pytest.raises(DataError, match="'age' changes its type, from int64 to string"):
        encode(batches, ["age"])


def test_rows_of_no_type_come_first_and_last() -> None:
    nothing = pa.record_batch([pa.nulls(3)], names=["x"])
    for array, kept in ((pa.array([7]), 7), (pa.array(["a"]), "a")):
        batches = [nothing, pa.record_batch([array], names=["x"]), nothing]
        column = encode(batches, ["x"]).by_name["x"]
        assert values(column, 7) == [None] * 3 + [kept] + [None] * 3


# ---- text


def test_levels_are_in_the_order_of_their_rows_whatever_the_dictionary_says() -> None:
    plain = pa.array(["b", None, "a", "b"])
    enum = pa.DictionaryArray.from_arrays(
        pa.array([2, None, 1, 2], pa.int8()), pa.array(["unused", "a", "b"])
    )
    for array in (plain, enum):
        column = one(array)
        assert isinstance(column, Codes)
        assert column.levels == ("b", None, "a")
        assert column.codes.tolist() == [0, 1, 2, 0]


def test_categories_that_are_no_text() -> None:
    for data, levels in (([3, 1, 3], ("3", "1")), ([1.5, math.nan, 1.5], ("1.5", None))):
        column = one(pa.array(data).dictionary_encode())
        assert isinstance(column, Codes)
        assert column.levels == levels
    assert isinstance(one(pa.array([b"x"]).dictionary_encode()), Unusable)


@pytest.mark.parametrize(("n_levels", "dtype"), [(256, "u1"), (257, "u2"), (65_537, "i4")])
def test_codes_are_as_narrow_as_can_be(n_levels: int, dtype: str) -> None:
    data = [f"v{i}" for i in range(n_levels)] * 2
    table = pa.table({"x": data})
    for storage in STORAGES:
        column = encode(table.to_batches(1000), ["x"], storage=storage).by_name["x"]
        assert isinstance(column, Codes)
        assert column.codes.dtype == dtype
        assert values(column, len(data)) == data


NUMBER_WORDS = ["1", "-2.5", " 12 ", "1e3", "+.5", "007", "5."]


def test_text_of_numbers_is_numbers_in_a_csv_file_only() -> None:
    data = [*NUMBER_WORDS, None, "", "?"]
    column = one(data, na=("?",), parse_numbers=True)
    assert isinstance(column, Numbers)
    assert values(column, 10) == [*(float(word) for word in NUMBER_WORDS), None, None, None]
    assert isinstance(one(data, na=("?",)), Codes)


@pytest.mark.parametrize("word", ["1_000", "1 2", "١", "1e", ".", "true", "2020-01-01", "1,5"])
def test_what_is_no_number(word: str) -> None:
    column = one(["1", "2", word], parse_numbers=True)
    assert isinstance(column, Codes)
    assert column.levels == ("1", "2", word)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_python_reads_them(number: float) -> None:
    column = one([repr(number), "0.5"], parse_numbers=True)
    assert values(column, 2) == [number, 0.5]


def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let twelve levels be too many."""
    monkeypatch.setattr(text, "MOST_LEVELS", 12)


@pytest.mark.parametrize("length", [1, 5, 12, 13, 100])
@pytest.mark.parametrize("storage", STORAGES)
def test_more_levels_than_text_may_have(
    monkeypatch: pytest.MonkeyPatch, length: int, storage: Storage
) -> None:
    many(monkeypatch)
    numbers = [str(i) for i in range(90)] + [None, " "]
    table = pa.table({"n": numbers, "w": [*numbers[:-1], "x"], "t": [f"v{i}" for i in range(92)]})
    columns = encode(
        table.to_batches(length), table.column_names, storage=storage, parse_numbers=True
    )
    assert values(columns.by_name["n"], 92) == [*range(90), None, None]
    for name in "wt":
        column = columns.by_name[name]
        assert isinstance(column, Unusable)
        assert not column.fatal
        assert column.reason.startswith("holds more than ")


@pytest.mark.parametrize("source", ["table", "stream"])
def test_identifiers_are_encoded_and_left_out_by_the_schema(source: str) -> None:
    """Which rows count is not known while they are read; that each is a row is then."""
    names = [f"passenger {i}" for i in range(29)] + ["passenger 0", None]
    x = np.arange(31.0)

    def reason(texts: list[str | None], n_rows: int = 31) -> str | None:
        table = pa.table({"name": texts[:n_rows], "x": x[:n_rows]})
        if source == "stream":
            read_in = encode(table.to_batches(7), table.column_names)
        else:
            read_in = columns_of(table)
        assert isinstance(read_in.by_name["name"], Codes)
        schema = learn(Source(read_in.names, "X", None, read_in, read_in.n_rows))
        left_out = {out.name: out.reason for out in schema.left_out}
        assert schema.column_names == ("x",) if left_out else ("name", "x")
        return left_out.get("name")

    assert reason(names) == "has a value of its own in nearly each row (29 of 30)"
    assert reason(names, 20) is None  # so few rows say nothing
    assert reason((names[:15] * 3)[:31]) is None
    assert reason(names[:21] + names[:10]) == "has a value of its own in nearly each row (21 of 31)"
    assert reason([*names[:20], *names[:11]]) is None  # twenty levels are as many as may be


def test_texts_are_no_categories() -> None:
    column = one(["a", "b", "c" * 5000, "a"])
    assert isinstance(column, Unusable)
    assert "4,096" in column.reason


def test_text_that_is_not_utf8_is_refused() -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff")]
    )
    column = one(bad)
    assert isinstance(column, Unusable)
    assert column.fatal


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (pa.array([0], pa.timestamp("us")), r"holds dates or times \(timestamp\[us\]\)"),
        (pa.array([[1]]), "holds nested values"),
        (pa.array([b"x"]), "holds bytes"),
        (pa.array([{"a": 1}]), "holds nested values"),
    ],
)
def test_types_that_are_refused(array: pa.Array, words: str) -> None:
    table = pa.table({"x": array})
    for columns in (encode(table.to_batches(), ["x"]), columns_of(table)):
        column = columns.by_name["x"]
        assert isinstance(column, Unusable)
        assert column.fatal
        assert re.match(words, column.reason)


@pytest.mark.parametrize(
    "array",
    [
        pa.nulls(3),
        pa.nulls(3, pa.int64()),
        pa.nulls(3, pa.string()),
        pa.array([math.nan] * 3),
        pa.array(["", " ", None]),
    ],
)
def test_columns_without_a_value(array: pa.Array) -> None:
    table = pa.table({"x": array})
    kinds = set()
    for columns in (encode(table.to_batches(), ["x"], parse_numbers=True), columns_of(table)):
        column = columns.by_name["x"]
        missing = column.missing()
        assert missing is not None
        assert missing.all()
        assert len(missing) == 3
        assert [column.value(row) for row in range(3)] == [None] * 3
        if isinstance(column, Codes):
            assert column.levels == (None,)
        else:
            assert isinstance(column, Numbers)
        kinds.add(type(column))
    assert len(kinds) == 1
    assert kinds == {Numbers if pa.types.is_primitive(array.type) else Codes}


# ---- in place


def test_numbers_in_one_chunk_stay_where_they_are() -> None:
    for type_ in ("int8", "uint8", "int16", "int32", "int64", "float32", "float64"):
        array = pa.array(np.arange(100).astype(type_))
        column = columns_of(pa.table({"x": array.slice(8)})).by_name["x"]
        assert isinstance(column, Numbers)
        assert column.values.dtype == type_
        assert column.values.ctypes.data == array.buffers()[1].address + 8 * array.type.byte_width
        assert column.valid is None


@pytest.mark.parametrize("offset", [0, 8, 3])
def test_bitmaps_stay_where_bytes_begin(offset: int) -> None:
    data = [None if i % 5 == 0 else i for i in range(50)]
    array = pa.array(data, pa.int64()).slice(offset)
    column = columns_of(pa.table({"x": array})).by_name["x"]
    assert isinstance(column, Numbers)
    assert values(column, 50 - offset) == data[offset:]
    assert column.valid is not None
    in_place = column.valid.ctypes.data == array.buffers()[0].address + offset // 8
    assert in_place == (offset % 8 == 0)


def test_nan_is_missing_and_opposite_infinities_are_not() -> None:
    table = pa.table(
        {
            "nan": pa.array([1.0, math.nan, None, 2.0]),
            "inf": pa.array([math.inf, -math.inf, None, 2.0]),
            "huge": pa.array([1e308, 1e308, 1e308, 1e308]),
        }
    )
    columns = columns_of(table)
    assert values(columns.by_name["nan"], 4) == [1.0, None, None, 2.0]
    assert values(columns.by_name["inf"], 4) == [math.inf, -math.inf, None, 2.0]
    assert columns.by_name["huge"].valid is None


def test_chunks_are_joined() -> None:
    chunked = pa.chunked_array([[1, None], [3], []], pa.int64())
    column = columns_of(pa.table({"x": chunked})).by_name["x"]
    assert values(column, 3) == [1, None, 3]


def test_a_wrong_number_of_columns() -> None:
    with pytest.raises(DataError, match="2 columns, not 1"):
        encode(pa.table({"a": [1], "b": [1]}).to_batches(), ["a"])


def test_rows_are_reported() -> None:
    seen: list[int] = []
    encode(pa.table({"a": range(10)}).to_batches(4), ["a"], progress=seen.append)
    assert seen == [4, 8, 10]


# ---- real tables


@pytest.mark.parametrize("name", ["titanic.csv", "heart2020.csv.gz", "diabetes130.csv.gz"])
def test_real_tables(name: str, data_file: Callable[[str], Path]) -> None:
    table = pa.csv.read_csv(
        data_file(name), convert_options=pa.csv.ConvertOptions(strings_can_be_null=True)
    )
    options = {"na": ("?",), "parse_numbers": True}
    columns = encode(table.to_batches(), table.column_names, **options)
    again = encode(table.to_batches(9999), table.column_names, storage=Spilling(1 << 20), **options)
    same(columns, again)
    for column_name, column in columns.by_name.items():
        if not isinstance(column, Unusable):
            raw = [expected(value) for value in table.column(column_name).to_pylist()]
            assert values(column, table.num_rows) == raw
