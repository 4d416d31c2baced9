"""Whatever is to be read as a stream → Stream, and a stream → Source."""

from __future__ import annotations

import os
from collections.abc import Collection

from logloss.table.encoding.encode import Progress, encode
from logloss.table.encoding.grow import Storage
from logloss.table.reading.files import file_stream
from logloss.table.reading.one_shot import stream_of as held_stream
from logloss.table.reading.options import ReadOptions, Sql
from logloss.table.reading.sql import sql_stream
from logloss.table.reading.streams import Stream, TypesChanged
from logloss.table.source import Source

__all__ = ["encoded", "held_stream", "named_stream", "source_of"]


def named_stream(source: str | os.PathLike[str] | Sql, options: ReadOptions) -> Stream:
    """The stream of a path, a glob, "-" or a query; raises what each of them raises."""
    if isinstance(source, Sql):
        return sql_stream(source, options.projection, options.na)
    return file_stream(os.fspath(source), options)


def source_of(stream: Stream) -> Source:
    """A stream as a Source that has not been read."""
    n_rows = -1 if stream.n_rows is None else stream.n_rows
    return Source(
        stream.names,
        stream.where,
        None,
        None,
        n_rows,
        at=stream.place,
        notes=stream.notes,
        stream=stream,
    )


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
