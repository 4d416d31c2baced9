"""A table that has not been read, batch by batch: for predicting, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from logloss.table.source import Source


def batches_of(source: Source) -> Iterator[Source]:
    """The batches of a stream, each as a table in memory; rows keep the places they have in it."""
    import pyarrow as pa

    from logloss.table.streams import Stream, TypesChanged
    from logloss.table.whole import columns_of

    stream: Stream = source.stream
    done = 0
    while True:
        at = 0
        try:
            for batch in stream.batches():
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
                    columns_of(rows),
                    rows.num_rows,
                    at=_after(first, stream.place),
                )
            return
        except TypesChanged as changed:  # once at most
            stream = changed.stream


def _after(first: int, place: Callable[[int], str]) -> Callable[[int], str]:
    """Where the rows are of a batch whose first row is `first`."""
    return lambda row: place(first + row)
