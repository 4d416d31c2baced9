"""Spools: encoded tables in files, to be fitted again and again.

A spool is an Arrow IPC file that any Arrow tool reads as a table: one record batch, not compressed,
each buffer at a multiple of 64 bytes. Numbers are columns of numbers, codes dictionaries of text,
missing values Arrow's bitmaps (the code of a missing value stands below its bitmap; its entry in
the dictionary is empty). The schema's metadata holds, as JSON, the version of the format, the
columns that cannot be used, what the table was made from, and a CRC-32 of each buffer.

Opening maps the file; nothing is copied. All checksums are compared, on a few threads: that reads
the file once, at 2.4 GB/s a thread where it was measured, faster than most disks, and a fit reads
it several times. What is not covered by a checksum does not reach the columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from logloss.errors import DataError, ModelFileError
from logloss.files.atomic import replacing
from logloss.files.held import check_held, mapped
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Column, Columns
from logloss.table.encoding.workers import worker_count
from logloss.table.reading.arrow_tables import first_line
from logloss.table.reading.threads import Pool
from logloss.table.spool.columns import READERS, Packed, check, pack
from logloss.table.spool.fingerprint import Fingerprint
from logloss.table.spool.header import Header, read_header

__all__ = ["check_source", "open_spool", "write_spool"]

_MAGIC = b"ARROW1"
_ALIGN = 64
_MAKE_ONE = "'logloss encode TABLE -o table.spool' makes one"
_AGAIN = "encode the table again: 'logloss encode TABLE -o table.spool'"


def write_spool(
    path: str | os.PathLike[str], columns: Columns, source: Fingerprint | None = None
) -> None:
    """Write columns to a spool. The file is whole, or is not there.

    Parameters
    ----------
    path : path
    columns : Columns
    source : Fingerprint, optional
        What they were made from.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    with Pool(worker_count()) as pool:
        packed = dict(zip(columns.names, pool.map(pack, columns.by_name.values()), strict=True))
    arrays = {name: one.array for name, one in packed.items() if one.array is not None}
    header = Header(
        columns.n_rows,
        [{"name": name, **one.record} for name, one in packed.items()],
        source or Fingerprint(),
    )
    measured = _Measure(_first_address(packed))
    _write(measured, arrays, header, 0)
    padding = -measured.found % _ALIGN
    with replacing(path) as file:
        _write(file, arrays, header, padding)


def open_spool(path: str | os.PathLike[str]) -> Columns:
    """Map the columns of a spool into memory.

    Raises
    ------
    DataError
        No spool; one of a newer version; damaged, or cut short.
    """
    header, batch = _opened(path)
    with _damage(path):
        arrays = iter(batch.columns)
        columns: dict[str, Column] = {}
        for record in header.columns:
            columns[record["name"]] = READERS[record["kind"]](record, arrays, header.n_rows)
        names = [record["name"] for record in header.columns if record["kind"] in _STORED]
        if names != batch.schema.names or len(columns) < len(header.columns):
            raise _damaged(path, "its columns have other names than they had")
        with Pool(worker_count()) as pool:
            sound = pool.map(check, columns.values(), header.columns)
            for name, is_sound in zip(columns, sound, strict=True):
                check_held()
                if not is_sound:
                    raise _damaged(path, f"the checksum of column {name!r} is not that of its data")
    return Columns(columns, header.n_rows)


def spool_source(path: str) -> Source:
    """A spool as a table; an error where what it was made from has changed since."""
    check_source(path)
    columns = open_spool(path)
    return Source(columns.names, os.path.basename(path), None, columns, columns.n_rows)  # noqa: PTH119


_STORED = frozenset(("numbers", "codes"))


def check_source(path: str | os.PathLike[str]) -> Fingerprint:
    """What a spool was made from; an error where that has changed since.

    A source that is gone has not changed.

    Raises
    ------
    DataError
        A file has another size or time now; whatever `open_spool` raises about its structure.
    """
    source = _opened(path)[0].source
    changed = source.changed()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise DataError(
            f"{changed[0]}{more} has changed since {os.fspath(path)} was made from it", _AGAIN
        )
    return source


def _opened(path: str | os.PathLike[str]) -> tuple[Header, Any]:
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}", _MAKE_ONE) from error
    if magic != _MAGIC:
        raise DataError(f"{name} is not a spool: its first bytes differ", _MAKE_ONE)
    with _damage(path):
        reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped(name))))
        header = read_header(reader.schema.metadata, name)
        if reader.num_record_batches != 1:
            raise _damaged(path, f"it has {reader.num_record_batches} blocks of rows, not 1")
        batch = reader.get_batch(0)
        batch.validate()
        if batch.num_columns and batch.num_rows != header.n_rows:
            raise _damaged(path, f"it has {batch.num_rows:,} rows, not {header.n_rows:,}")
    return header, batch


@contextmanager
def _damage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever is raised on the way is damage."""
    try:
        yield
    except DataError:
        raise
    except ModelFileError as error:
        raise _damaged(path, error.message) from error
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
        raise _damaged(path, first_line(error)) from error


def _damaged(path: str | os.PathLike[str], why: str) -> DataError:
    return DataError(f"{os.fspath(path)} is damaged or cut short: {why}", _AGAIN)


# ---- where the buffers lie


class _Measure:
    """A file that keeps nothing but the place at which a certain buffer would lie."""

    closed = False

    def __init__(self, address: int) -> None:
        self._address = address
        self._at = 0
        self.found = 0

    def write(self, data: Any) -> int:
        if isinstance(data, pa.Buffer) and data.address == self._address:
            self.found = self._at
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def _write(file: Any, arrays: dict[str, Any], header: Header, padding: int) -> None:
    schema = pa.schema(
        [pa.field(name, array.type) for name, array in arrays.items()],
        metadata=header.to_metadata(padding),
    )
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema)
    with pa.ipc.new_file(pa.PythonFile(file, "w"), schema) as writer:
        writer.write_batch(batch)


def _first_address(packed: dict[str, Packed]) -> int:
    buffers = (buffer for one in packed.values() for buffer in one.buffers)
    return next((buffer.address for buffer in buffers if buffer is not None), 0)
