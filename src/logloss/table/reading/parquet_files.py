"""Parquet files, batch by batch, with the columns that are asked for and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from logloss.errors import DataError
from logloss.table.reading.arrow_tables import check_names
from logloss.table.reading.damage import damaged_errors
from logloss.table.reading.inputs import Input
from logloss.table.reading.missing import is_text
from logloss.table.reading.typed import delivered, typed

MAGIC = b"PAR1"
_BATCH = 32 << 20  # bytes in a batch, or a little more
_MOST_ROWS, _LEAST_ROWS = 1 << 16, 1 << 10
# Bytes read ahead, so that not all of a row group is held: in all columns, and in each.
_AHEAD, _MOST_AHEAD, _LEAST_AHEAD = 64 << 20, 1 << 19, 1 << 14


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file whose footer has been read; see `parts.Part`."""

    file: Input
    schema: Any
    n_rows: int
    na: tuple[str, ...]
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
        texts = [c.name for c in self.schema if is_text(c.type) and c.name in set(target.names)]
        done, n_columns = 0, max(1, len(target))
        ahead = min(_MOST_AHEAD, max(_LEAST_AHEAD, _AHEAD // n_columns))
        rows = min(_MOST_ROWS, max(_LEAST_ROWS, _BATCH // (8 * n_columns)))
        with damaged_errors(self.name), self.file.open() as raw:
            parquet = pa.parquet.ParquetFile(
                raw, read_dictionary=texts, pre_buffer=False, buffer_size=ahead
            )
            for batch in parquet.iter_batches(rows, columns=target.names):
                batch.validate(
                    full=True
                )  # codes beyond their dictionary would be read out of bounds
                done += batch.num_rows
                if done > self.n_rows:
                    raise self._rows_differ()
                told(self.n_bytes * done // max(1, self.n_rows))
                yield typed(batch, target, self.na, self.name)
            if done < self.n_rows:
                raise self._rows_differ()

    def _rows_differ(self) -> DataError:
        return DataError(
            f"{self.name} is damaged: it has not the {self.n_rows:,} rows that it says it has",
            "write or copy it again",
        )

    def scan(self, names: Sequence[str]) -> Any:
        """The schema of these columns."""
        return pa.schema([self.schema.field(name) for name in names])


def open_parquet(file: Input, na: tuple[str, ...]) -> ParquetFile:
    """Read the footer of a Parquet file.

    Raises
    ------
    DataError
        It is empty, damaged, or no Parquet file; two columns have one name.
    """
    if not file.magic:
        raise DataError(f"{file.name} is empty")
    if not file.magic.startswith(MAGIC):
        raise DataError(f"{file.name} is not a Parquet file: its first bytes differ")
    with damaged_errors(file.name), file.open() as raw:
        parquet = pa.parquet.ParquetFile(raw)
        schema, n_rows = parquet.schema_arrow, parquet.metadata.num_rows
        str(schema)  # UnicodeDecodeError where a name or a time zone is damaged
        check_names(schema.names, file.name)
    return ParquetFile(file, delivered(schema), n_rows, na)
