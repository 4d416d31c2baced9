"""A stream that has not been read → typed columns, in one read; or batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pyarrow as pa

from logloss.table.columns.source import Source
from logloss.table.encoding.encode import Progress, encode
from logloss.table.encoding.grow import Storage
from logloss.table.encoding.scratch import Spilling
from logloss.table.encoding.whole import columns_of
from logloss.table.reading.read_ahead import ahead
from logloss.table.reading.streams import Stream, TypesChanged

_AHEAD = 2  # batches that are read while others are predicted


def encoded_within(source: Source, na: Collection[str], memory: int, spool: str | None) -> Source:
    """The same with its stream read; beyond `memory` bytes into a file in the folder `spool`."""
    return encoded(source, na, Spilling(memory, spool))


def encoded(
    source: Source,
    na: Collection[str] = (),
    storage: Storage | None = None,
    progress: Progress | None = None,
) -> Source:
    """The same with its stream read into typed columns, in one read.

    Raises
    ------
    DataError
        What is wrong with the table, and where.
    """
    stream: Stream = source.stream
    while True:
        try:
            columns = encode(
                stream.batches(),
                stream.names,
                na=na,
                storage=storage,
                parse_numbers=stream.untyped,
                progress=progress,
            )
        except TypesChanged as changed:  # once at most
            stream = changed.stream
            continue
        return Source(
            stream.names,
            stream.where,
            None,
            columns,
            columns.n_rows,
            at=stream.place,
            notes=stream.notes,
        )


def batches_of(source: Source) -> Iterator[Source]:
    """The batches of a stream, each as a table in memory; rows keep the places they have in it.

    NaN is not missing yet: see `columns.nan`.
    """
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


def _after(first: int, place: Callable[[int], str]) -> Callable[[int], str]:
    """Where the rows are of a batch whose first row is `first`."""
    return lambda row: place(first + row)
