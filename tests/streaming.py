"""Shared by the tests of streams: files to read, and reading them as the encoder does."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa

from logloss.table.reading.opening import held_stream, named_stream
from logloss.table.reading.options import Dialect, ReadOptions, Sql
from logloss.table.reading.streams import Stream, TypesChanged


def write(path: Path, content: str | bytes) -> Path:
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw, compresslevel=1) if path.name.endswith(".gz") else raw)
    return path


def stream_of(
    source: Any,
    *,
    columns: Any = None,
    exclude: Any = (),
    dialect: Dialect | None = None,
    na: tuple[str, ...] = (),
) -> Stream:
    options = ReadOptions.of(columns, exclude, dialect, na)
    if isinstance(source, (str, Path, Sql)):
        return named_stream(source, options)
    found = held_stream(source, "X", options.projection, na)
    assert found is not None
    return found


def drained(stream: Stream) -> tuple[Any, int]:
    """All rows as a table, and how often the types changed; checks what every stream promises."""
    changes = 0
    while True:
        batches: list[Any] = []
        try:
            for batch in stream.batches():
                assert tuple(batch.schema.names) == stream.names
                assert not batches or batch.schema == batches[0].schema
                assert batch.num_rows > 0
                assert not any(pa.types.is_string(type_) for type_ in batch.schema.types)
                batches.append(batch)
        except TypesChanged as changed:
            stream, changes = changed.stream, changes + 1
            continue
        table = pa.Table.from_batches(batches)
        table.validate(full=True)
        assert stream.n_rows in (None, table.num_rows)
        return table, changes


def values(source: Any, **options: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = drained(stream_of(source, **options))[0].to_pydict()
    return found
