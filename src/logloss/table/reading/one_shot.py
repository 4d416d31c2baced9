"""Readers, datasets and queries that other libraries hold, as streams: they may exceed memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from logloss.errors import DataError
from logloss.table.reading.arrow_tables import check_names, first_line
from logloss.table.reading.options import Projection
from logloss.table.reading.streams import Stream, never_empty, row_of
from logloss.table.reading.typed import delivered, typed


def stream_of(
    source: Any, where: str, projection: Projection, na: tuple[str, ...]
) -> Stream | None:
    """A pyarrow reader, dataset or scanner, or a DuckDB relation, as a stream; None for others.

    Readers give their batches once, datasets and relations any number of times.

    Raises
    ------
    DataError
        Two columns of one name; the source failed while it was read.
    UsageError
        An unknown column in `exclude`.
    """
    opened = _opener(source)
    if opened is None:
        return None
    names, batches_of, once, n_rows = opened
    check_names(names, where)
    keep = projection.keep(names, where)

    def batches() -> Iterator[Any]:
        try:
            for batch in batches_of(keep):
                chosen = batch.select(keep)
                yield typed(chosen, delivered(chosen.schema.remove_metadata()), na, where)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{where} failed while it was read: {first_line(error)}") from error

    return Stream(
        names=tuple(keep),
        where=where,
        batches=lambda: never_empty(batches(), where),
        n_rows=n_rows,
        once=once,
        place=row_of,
        progress=lambda: None,
    )


_Opened = tuple[list[str], Callable[[list[str]], Iterator[Any]], bool, int | None]


def _opener(source: Any) -> _Opened | None:
    if isinstance(source, pa.RecordBatchReader):
        return source.schema.names, lambda _: iter(source), True, None
    if hasattr(source, "to_batches") and hasattr(source, "scanner"):  # a pyarrow dataset
        return source.schema.names, lambda keep: source.to_batches(columns=keep), False, None
    if hasattr(source, "projected_schema"):  # a pyarrow scanner
        return source.projected_schema.names, lambda _: source.to_batches(), False, None
    export = getattr(source, "to_arrow_reader", getattr(source, "fetch_arrow_reader", None))
    if export is not None and hasattr(source, "columns"):  # a DuckDB relation
        return list(source.columns), lambda _: iter(export(1 << 16)), False, None
    return None
