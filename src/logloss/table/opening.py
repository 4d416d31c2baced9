"""Whatever is to be read as a stream → Stream, and a stream → Source."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from logloss.table import arrow
from logloss.table.files import file_stream
from logloss.table.one_shot import stream_of as held_stream
from logloss.table.options import ReadOptions, Sql
from logloss.table.source import Source
from logloss.table.sql import sql_stream
from logloss.table.streams import Stream

__all__ = ["held_stream", "named_stream", "source_of"]


def named_stream(source: str | os.PathLike[str] | Sql, options: ReadOptions) -> Stream:
    """The stream of a path, a glob, "-" or a query; raises what each of them raises."""
    if isinstance(source, Sql):
        return sql_stream(source, options.projection, options.na)
    return file_stream(os.fspath(source), options)


def source_of(stream: Stream, as_stream: bool) -> Source:
    """A stream as a Source: as it is, or read into memory."""
    if as_stream:
        n_rows = -1 if stream.n_rows is None else stream.n_rows
        return Source(
            stream.names, stream.where, None, None, n_rows, at=stream.place, stream=stream
        )
    return arrow.source_of(_joined_chunks(stream.read_all()), stream.where, stream.place)


def _joined_chunks(table: Any) -> Any:
    """Numbers in one chunk a column, so that the kernels read them in place.

    One column at a time: the table is never there twice.
    """
    schema, columns = table.schema, table.columns
    del table
    for j, column in enumerate(columns):
        if column.num_chunks > 1 and pa.types.is_primitive(column.type):
            columns[j] = column.combine_chunks()
    return pa.table(columns, schema=schema)
