"""Whatever is to be read as a stream → Stream, and a stream → Source."""

from __future__ import annotations

import os

from logloss.table.columns.source import Source
from logloss.table.reading.files import file_stream
from logloss.table.reading.one_shot import stream_of as held_stream
from logloss.table.reading.options import ReadOptions, Sql
from logloss.table.reading.sql import sql_stream
from logloss.table.reading.streams import Stream

__all__ = ["held_stream", "named_stream", "unread"]


def named_stream(source: str | os.PathLike[str] | Sql, options: ReadOptions) -> Stream:
    """The stream of a path, a glob, "-" or a query; raises what each of them raises."""
    if isinstance(source, Sql):
        return sql_stream(source, options.projection, options.na)
    return file_stream(os.fspath(source), options)


def unread(stream: Stream) -> Source:
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
