"""Tables as files: CSV and Parquet, whole or batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from logloss.errors import UsageError

# Of a schema and a file: what has a method `write` for tables and batches.
Writer: TypeAlias = Callable[[Any, BinaryIO], AbstractContextManager[Any]]


def prepare_arrow() -> None:
    """Let Arrow give memory back at once, and leave the signals to us.

    Its own allocators keep what they had for the next batch: a third of a small process's memory.
    And while it reads it has handlers of its own.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    pa.enable_signal_handlers(False)


def writer(output: Path | None) -> Writer:
    """How to write Arrow data, by the ending of the file; CSV where there is none."""
    if output is None:
        return _csv
    try:
        return _WRITERS[output.suffix.lower()]
    except KeyError:
        known = " or ".join(_WRITERS)
        raise UsageError(
            f"cannot tell the format of {output} from its name", f"let it end in {known}"
        ) from None


def _csv(schema: Any, file: BinaryIO) -> Any:
    from pyarrow import csv

    return csv.CSVWriter(file, schema)


def _parquet(schema: Any, file: BinaryIO) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    # a probability hardly comes twice: no dictionary is tried
    few = [column.name for column in schema if not pa.types.is_floating(column.type)]
    return parquet.ParquetWriter(file, schema, use_dictionary=few)


_WRITERS: dict[str, Writer] = {".csv": _csv, ".parquet": _parquet}
