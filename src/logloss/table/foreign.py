"""Tables that are no arrays → Source: files, queries, frames and all that speaks Arrow.

Apart from `read`, as all of it needs pyarrow, which takes longer to load than a fit of an array.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from logloss.errors import UsageError
from logloss.table.columns.alignment import index_of
from logloss.table.columns.source import Source
from logloss.table.encoding.whole import source_of
from logloss.table.reading.arrow_tables import table_of
from logloss.table.reading.opening import held_stream, named_stream, unread
from logloss.table.reading.options import ReadOptions, Sql
from logloss.table.spool.spool import spool_source

_SPOOL = ".spool"
_ACCEPTED = (
    "give a NumPy array, a SciPy sparse matrix, a pandas, polars or Arrow table,"
    " or the path of a CSV, Parquet or Arrow file"
)


def foreign(source: Any, where: str, options: ReadOptions) -> Source | None:
    """A table that is no array; of what comes in batches the head only is read.

    None for what only NumPy may know.

    Raises
    ------
    DataError
        The data cannot be read, or is empty.
    UsageError
        There is no such file or column; `na` is given for a spool.
    """
    if isinstance(source, Sql):
        return unread(named_stream(source, options))
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return (
            _spool(path, options) if path.endswith(_SPOOL) else unread(named_stream(path, options))
        )
    stream = held_stream(source, where, options.projection, options.na)
    if stream is not None:
        return unread(stream)
    table = table_of(source, where, _ACCEPTED, options.projection)
    if table is None:
        return None
    return replace(source_of(table, where, options.na), index=index_of(source))


def _spool(path: str, options: ReadOptions) -> Source:
    if options.na:
        raise UsageError(
            "na has no effect on a spool: what is missing was settled when it was encoded",
            "give na to 'logloss encode'",
        )
    projection = options.projection
    return spool_source(path).projected(projection.columns, projection.exclude)
