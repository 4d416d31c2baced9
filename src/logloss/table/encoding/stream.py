"""A stream that has not been read → typed columns, in one read."""

from __future__ import annotations

from collections.abc import Collection

from logloss.table.columns.source import Source
from logloss.table.encoding.encode import Progress, encode
from logloss.table.encoding.grow import Storage
from logloss.table.reading.streams import Stream, TypesChanged


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
