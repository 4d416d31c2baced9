"""Tables as files: CSV and Parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from logloss.errors import UsageError

Writer: TypeAlias = Callable[[Any, BinaryIO], None]


def writer(output: Path | None) -> Writer:
    """How to write a pyarrow.Table, by the ending of the file; CSV where there is none."""
    if output is None:
        return _write_csv
    try:
        return _WRITERS[output.suffix.lower()]
    except KeyError:
        known = " or ".join(_WRITERS)
        raise UsageError(
            f"cannot tell the format of {output} from its name", f"let it end in {known}"
        ) from None


def _write_csv(table: Any, file: BinaryIO) -> None:
    from pyarrow import csv

    csv.write_csv(table, file)


def _write_parquet(table: Any, file: BinaryIO) -> None:
    from pyarrow import parquet

    parquet.write_table(table, file)


_WRITERS: dict[str, Writer] = {".csv": _write_csv, ".parquet": _write_parquet}
