"""A table that has not been read, batch by batch: for predicting, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from logloss.errors import DataError, UsageError
from logloss.files.held import check_held
from logloss.table.columns.block import in_columns
from logloss.table.columns.source import Source
from logloss.table.roles.numbers import Floats, offset_values
from logloss.table.schema.schema import Schema
from logloss.table.split import split

_AHEAD = 2  # batches that are read while others are predicted


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
    elif offset is None or isinstance(offset, str):
        for batch in batches_of(source):
            yield _with_offset(batch, offset)
    else:
        at = 0
        for batch in batches_of(source):
            yield batch, offset_values(batch, offset[at : at + batch.n_rows])
            at += batch.n_rows
        if at != len(offset):
            raise DataError(f"offset has {len(offset)} values, but the table has {at} rows")


def _with_offset(source: Source, offset: Any) -> tuple[Source, Floats | None]:
    if not isinstance(offset, str):
        return source, offset_values(source, offset)
    parts = split(source, offset=offset)
    return parts.features, parts.offset


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


def batches_of(source: Source) -> Iterator[Source]:
    """The batches of a stream, each as a table in memory; rows keep the places they have in it.

    NaN is not missing yet: see `encoding.whole.with_nan_missing`.
    """
    import pyarrow as pa

    from logloss.table.encoding.whole import columns_of
    from logloss.table.reading.read_ahead import ahead
    from logloss.table.reading.streams import Stream, TypesChanged

    stream: Stream = source.stream
    done = 0
    while True:
        at = 0
        try:
            for batch in ahead(stream.batches(), _AHEAD):
                skipped, at = max(done - at, 0), at + batch.num_rows
                if skipped >= batch.num_rows:  # it came before the types changed
                    continue
                rows = pa.Table.from_batches([batch.slice(skipped)])
                first = done
                done += rows.num_rows
                yield Source(
                    stream.names,
                    stream.where,
                    None,
                    columns_of(rows, nan_is_missing=False),
                    rows.num_rows,
                    at=_after(first, stream.place),
                )
            return
        except TypesChanged as changed:  # once at most
            stream = changed.stream


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
    from logloss.table.encoding.whole import with_nan_missing

    return replace(source, columns=with_nan_missing(source.columns))


def _after(first: int, place: Callable[[int], str]) -> Callable[[int], str]:
    """Where the rows are of a batch whose first row is `first`."""
    return lambda row: place(first + row)
