"""A table that has not been read, batch by batch: for predicting, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from logloss.errors import DataError, UsageError, counted
from logloss.files.held import check_held
from logloss.table.columns.block import in_columns
from logloss.table.columns.nan import nan_as_missing
from logloss.table.columns.source import Source, column_at
from logloss.table.roles.numbers import Floats, offset_values
from logloss.table.schema.schema import Schema


def batches_with_offset(
    source: Source, offset: Any, schema: Schema
) -> Iterator[tuple[Source, Floats | None]]:
    """The batches of a table with their parts of an offset: a column's name, an array, or None.

    A table in memory is one batch.
    """
    if source.stream is None:
        features, values = _with_offset(source, offset)
        yield _looked_at(features, schema), values
        check_held()
        return
    from logloss.table.encoding.stream import batches_of  # pyarrow: not for arrays

    if offset is None or isinstance(offset, str):
        for batch in batches_of(source):
            yield _with_offset(batch, offset)
    else:
        at = 0
        for batch in batches_of(source):
            yield batch, offset_values(batch, offset[at : at + batch.n_rows])
            at += batch.n_rows
        if at != len(offset):
            found = counted(len(offset), "value")
            raise DataError(f"offset has {found}, but the table has {counted(at, 'row')}")


def _with_offset(source: Source, offset: Any) -> tuple[Source, Floats | None]:
    if not isinstance(offset, str):
        return source, offset_values(source, offset)
    name = column_at(offset, source.names, source.where)
    return source.without([name]), offset_values(source, name)


def offset_missing(what: str) -> UsageError:
    """The error where the fit had an offset, and the prediction has none."""
    return UsageError(
        f"the model was fitted with {what}, and none is given",
        "give offset=, one number per row or the name of a column; zeros mean none",
    )


def unknown_note(counts: Mapping[str, int], n_rows: int) -> str:
    """What to say of values that the model has never seen."""
    named = ", ".join(f"{name!r} in {count:,}" for name, count in list(counts.items())[:10])
    more = f", and {len(counts) - 10} more columns" if len(counts) > 10 else ""
    return (
        f"values that no row had when the model was fitted: {named}{more} of {n_rows:,} rows;"
        " they score as the average row of the column does"
    )


def nan_may_be_missing(source: Source) -> bool:
    """Whether NaN in the table would be a missing value."""
    return source.columns is not None or (source.named and isinstance(source.matrix, np.ndarray))


def _looked_at(source: Source, schema: Schema) -> Source:
    """The same table in typed columns where the schema looks values up: some may be new to it."""
    dense = source.named and isinstance(source.matrix, np.ndarray)
    if not (dense and schema.looks_up):
        return source
    there = [name for name in schema.column_names if name in source.names]
    return in_columns(source.select(there))


def nan_missing(source: Source) -> Source:
    """The same table in typed columns in which NaN is missing."""
    if source.columns is None:
        return in_columns(source)
    return replace(source, columns=nan_as_missing(source.columns))
