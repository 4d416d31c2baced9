"""Tables of all kinds, at random, and what typed columns of them hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from logloss.table import Schema, Source, read
from logloss.table.columns.typed import Codes, Column, Columns, Numbers
from logloss.table.design.pieces import NumberPiece
from logloss.table.encoding.grow import InMemory
from logloss.table.encoding.scratch import Spilling
from logloss.table.encoding.stream import encoded


def in_memory(source: Any, **options: Any) -> Source:
    """A table, read."""
    found = read(source, **options)
    return found if found.stream is None else encoded(found)


def arrays_of(schema: Schema, source: Source) -> list[np.ndarray[Any, Any]]:
    """The columns as the kernels read them, where all are numbers without missing values."""
    pieces = schema.encode(source)
    if pieces.columns is None:
        return list(pieces.matrix.T)
    numbers = [piece for piece in pieces.columns if isinstance(piece, NumberPiece)]
    assert len(numbers) == len(pieces.columns)
    return [piece.values for piece in numbers]


STORAGES = (InMemory(), Spilling(0), Spilling(200))


def values(column: Column, n_rows: int) -> list[Any]:
    """The rows of a column, None where missing."""
    if isinstance(column, Codes):
        return [column.levels[code] for code in column.codes]
    assert isinstance(column, Numbers)
    if column.valid is None:
        return column.values.tolist()
    assert len(column.valid) == (n_rows + 7) // 8
    there = np.unpackbits(column.valid, bitorder="little")[:n_rows]
    assert not there.all()
    return [v if bit else None for v, bit in zip(column.values.tolist(), there, strict=True)]


def bits(column: Column) -> tuple[Any, ...]:
    """All that a column is, down to the bits."""
    if isinstance(column, Codes):
        return "codes", column.codes.dtype, column.codes.tobytes(), column.levels, column.type
    if isinstance(column, Numbers):
        valid = None if column.valid is None else column.valid.tobytes()
        return "numbers", column.values.dtype, column.values.tobytes(), valid, column.type
    return "unusable", column.reason, column.hint, column.fatal, column.type


def same(one: Columns, other: Columns) -> None:
    assert one.names == other.names
    assert one.n_rows == other.n_rows
    for name in one.names:
        assert bits(one.by_name[name]) == bits(other.by_name[name]), name


def cut(table: pa.Table, lengths: list[int]) -> list[pa.RecordBatch]:
    """The table in batches of these lengths, again and again."""
    batches, start, k = [], 0, 0
    while start < table.num_rows:
        length = lengths[k % len(lengths)]
        batches += table.slice(start, length).combine_chunks().to_batches()
        start, k = start + length, k + 1
    return batches


INTEGERS = {
    pa.int8(): st.integers(-128, 127),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.uint16(): st.integers(0, 2**16 - 1),
    pa.uint32(): st.integers(0, 2**32 - 1),
}
FLOATS = {
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
}
WORDS = st.sampled_from(["a", " a", "b ", "", "?", "1", " 12 ", "1e3", "no", "ß", "0x10", "-.5"])
TEXTS = (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()))


@st.composite
def arrays(draw: Any, n_rows: int) -> pa.Array:
    kind = draw(st.integers(0, 4))
    if kind == 0:
        type_ = draw(st.sampled_from(sorted(INTEGERS, key=str)))
        value = st.one_of(st.integers(0, 100), INTEGERS[type_])
    elif kind == 1:
        type_ = draw(st.sampled_from(sorted(FLOATS, key=str)))
        whole = st.integers(-300, 70_000).map(float)
        value = st.one_of(whole, FLOATS[type_]) if draw(st.booleans()) else whole
    elif kind == 2:
        type_, value = pa.bool_(), st.booleans()
    elif kind == 3:
        type_, value = draw(st.sampled_from(TEXTS)), WORDS
    else:
        type_, value = pa.null(), st.none()
    if draw(st.booleans()):
        value = st.one_of(st.none(), value)
    return pa.array(draw(st.lists(value, min_size=n_rows, max_size=n_rows)), type_)


@st.composite
def tables(draw: Any) -> pa.Table:
    n_rows = draw(st.integers(1, 60))
    columns = draw(st.lists(arrays(n_rows), min_size=1, max_size=4))
    return pa.table(columns, names=[f"x{j}" for j in range(len(columns))])
