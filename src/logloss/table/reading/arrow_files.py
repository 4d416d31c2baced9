"""Arrow (Feather) files: the file format and the stream format, mapped into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from logloss.errors import DataError
from logloss.table.reading.arrow_tables import check_names
from logloss.table.reading.damage import damaged_errors
from logloss.table.reading.inputs import Input
from logloss.table.reading.typed import delivered, typed

MAGIC = b"ARROW1"
STREAM_MAGIC = b"\xff\xff\xff\xff"
_OLD_FEATHER = b"FEA1"


@dataclass(frozen=True)
class ArrowFile:
    """An Arrow file whose schema has been read; see `parts.Part`."""

    file: Input
    schema: Any
    na: tuple[str, ...]
    n_rows: int | None = None
    settled: bool = True
    notes: tuple[str, ...] = ()
    untyped: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.file.name

    @property
    def n_bytes(self) -> int:
        """Its size."""
        return self.file.n_bytes

    def check(self) -> None:
        """Raise DataError where the file has changed since it was first looked at."""
        self.file.check()

    def read(self, target: Any, told: Callable[[int], None]) -> Iterator[Any]:
        """The columns of `target`, with its types."""
        with damaged_errors(self.name), self.file.open() as raw:
            for batch in _batches(_reader(raw, self.file.magic)):
                batch.validate(full=True)  # a damaged file would else be read out of bounds
                told(raw.tell())
                yield typed(batch, target, self.na, self.name)

    def scan(self, names: Sequence[str]) -> Any:
        """The schema of these columns."""
        return pa.schema([self.schema.field(name) for name in names])


def open_arrow(file: Input, na: tuple[str, ...]) -> ArrowFile:
    """Read the schema of an Arrow file.

    Raises
    ------
    DataError
        It is empty, damaged, or no Arrow file; two columns have one name.
    """
    if not file.magic:
        raise DataError(f"{file.name} is empty")
    if file.magic.startswith(_OLD_FEATHER):
        raise DataError(f"{file.name} is a Feather file of version 1", "write it as version 2")
    if not file.magic.startswith((MAGIC, STREAM_MAGIC)):
        raise DataError(f"{file.name} is not an Arrow file: its first bytes differ")
    with damaged_errors(file.name), file.open() as raw:
        schema = _reader(raw, file.magic).schema
        str(schema)  # UnicodeDecodeError where a name or a time zone is damaged
        check_names(schema.names, file.name)
    return ArrowFile(file, delivered(schema), na)


def _reader(raw: Any, magic: bytes) -> Any:
    opener = pa.ipc.open_file if magic.startswith(MAGIC) else pa.ipc.open_stream
    return opener(raw)


def _batches(reader: Any) -> Iterator[Any]:
    if hasattr(reader, "num_record_batches"):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)
