"""A table in memory → typed columns, in place where they can stay.

A column of numbers that lies in one chunk, in a type that the kernels know, is Arrow's own buffer,
and its bitmap Arrow's own bitmap. Other columns are copied, one at a time: many chunks become one,
half floats and large unsigned integers wider, bits bytes. Text becomes codes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow.types as kind
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.table.columns.nan import packed, without_nan
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Column, Columns, Numbers
from logloss.table.encoding.grow import Array, InMemory
from logloss.table.encoding.kinds import is_text, no_value, number_type, refused
from logloss.table.encoding.narrow import chunk_values, values_in_place
from logloss.table.encoding.text import Reading, TextColumn
from logloss.table.reading.arrow_tables import check_names, table_of_column
from logloss.table.reading.orders import declares


def columns_of(table: Any, na: Collection[str] = (), nan_is_missing: bool = True) -> Columns:
    """Typed columns over a table in memory.

    Parameters
    ----------
    table : pyarrow.Table
        Not to be changed while the columns are in use. The names of its columns differ.
    na : collection of str
        Text that means a missing value, besides empty text.
    nan_is_missing : bool
        False where NaN is looked for later, by `nan_missing`: it costs a read of the numbers.

    Returns
    -------
    Columns
        Text that reads as numbers stays text.
    """
    reading = Reading(frozenset(value.strip() for value in na))
    return Columns(
        {
            field.name: _column_of(table.column(j), reading, nan_is_missing, declares(field))
            for j, field in enumerate(table.schema)
        },
        table.num_rows,
    )


def source_of(table: Any, where: str, na: Collection[str] = ()) -> Source:
    """A checked Source over a table.

    Raises
    ------
    DataError
        Two columns of one name, no rows, no columns.
    """
    names = tuple(table.column_names)
    check_names(names, where)
    if table.num_rows == 0:
        raise DataError(f"{where} has column names but no rows" if names else f"{where} is empty")
    return Source(names, where, None, columns_of(table, na), table.num_rows)


def column_of(values: Any, where: str) -> Column:
    """A pandas, polars or Arrow column as a typed column; a DataError where it cannot be read."""
    return columns_of(table_of_column(values, where)).by_name[where]


def _column_of(column: Any, reading: Reading, nan_is_missing: bool, ordered: bool) -> Column:
    if kind.is_null(column.type):
        return no_value(len(column), column.type)
    dtype = number_type(column.type)
    if dtype is not None:
        return _numbers(column, dtype, nan_is_missing)
    if is_text(column.type):
        return _codes(column, reading, ordered)
    return refused(column.type)


def _codes(column: Any, reading: Reading, ordered: bool) -> Column:
    room = InMemory().room(1)
    codes = TextColumn(room, column.type, reading, ordered)
    for chunk in column.chunks:
        codes.append(chunk)
    codes.close()
    room.seal()
    return codes.column()


def _numbers(column: Any, dtype: np.dtype[Any], nan_is_missing: bool) -> Column:
    in_place = column.num_chunks == 1 and column.type.to_pandas_dtype() is dtype.type
    values, valid = _in_place(column.chunk(0)) if in_place else _joined(column, dtype)
    if nan_is_missing:
        valid = without_nan(values, valid)
    return Numbers(values, valid, str(column.type))


def _in_place(chunk: Any) -> tuple[Array, NDArray[np.uint8] | None]:
    values = values_in_place(chunk)
    if chunk.null_count == 0:
        return values, None
    bitmap = np.frombuffer(chunk.buffers()[0], np.uint8)
    first, shift = divmod(chunk.offset, 8)
    if shift == 0:
        return values, bitmap[first : first + -(-len(chunk) // 8)]
    return values, packed(np.asarray(chunk.is_valid().to_numpy(zero_copy_only=False)))


def _joined(column: Any, dtype: np.dtype[Any]) -> tuple[Array, NDArray[np.uint8] | None]:
    """A copy of all chunks."""
    values = np.empty(len(column), dtype)
    valid = np.ones(len(column), np.bool_) if column.null_count else None
    start = 0
    for chunk in column.chunks:
        stop = start + len(chunk)
        values[start:stop] = chunk_values(chunk)
        if valid is not None and chunk.null_count:
            valid[start:stop] = chunk.is_valid().to_numpy(zero_copy_only=False)
        start = stop
    return values, None if valid is None else packed(valid)
