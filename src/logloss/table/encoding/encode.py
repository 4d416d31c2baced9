"""Arrow batches → typed columns, in one read; and a table in memory → typed columns, in place.

Each column is encoded on its own, the columns of a batch on a few threads (Arrow and NumPy let
others run meanwhile). Nothing depends on the threads, nor on how rows are cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.types as kind

from logloss.errors import DataError
from logloss.table.columns.typed import Column, Columns, Unusable
from logloss.table.encoding.grow import InMemory, Room, Storage
from logloss.table.encoding.kinds import is_text, no_value, number_type, refused
from logloss.table.encoding.narrow import NumberColumn
from logloss.table.encoding.text import Reading, TextColumn
from logloss.table.encoding.whole import columns_of
from logloss.table.encoding.workers import worker_count
from logloss.table.reading.threads import Pool

__all__ = ["Progress", "columns_of", "encode"]

Progress: TypeAlias = Callable[[int], object]

_TASKS_PER_THREAD = 4
_STEP = 1 << 20  # missing rows added at a time
_FEW_VALUES = 1 << 15  # in a batch: not worth waking threads for


def encode(
    batches: Iterable[Any],
    names: Sequence[str],
    *,
    na: Collection[str] = (),
    storage: Storage | None = None,
    parse_numbers: bool | Collection[str] = False,
    progress: Progress | None = None,
) -> Columns:
    """Encode a stream of batches.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Read once. The type of a column stays; it may be null at first, and a narrower number.
    names : sequence of str
        The names of the columns, in order.
    na : collection of str
        Text that means a missing value, besides empty text.
    storage : Storage, optional
        Where the columns grow; in memory by default.
    parse_numbers : bool or collection of str
        Whether a column of text that reads as numbers throughout is numbers, or which: for CSV.
    progress : callable, optional
        Called after each batch with the number of rows so far.

    Returns
    -------
    Columns
        Numbers in the narrowest exact type, text as codes; the same whatever the batches.

    Raises
    ------
    DataError
        A column changes between numbers and text; a full disk or too many columns where columns
        are kept in files.
    """
    room = (storage or InMemory()).room(len(names))
    words = frozenset(value.strip() for value in na)
    untyped = names if parse_numbers is True else parse_numbers or ()
    columns = [_Growing(name, room, Reading(words, name in untyped)) for name in names]
    n_rows = 0
    with Pool(worker_count()) as pool:
        for batch in batches:
            _append(pool, columns, batch)
            room.settle()
            n_rows += batch.num_rows
            if progress is not None:
                progress(n_rows)
        for _ in pool.map(_Growing.close, columns):
            pass
    room.seal()
    return Columns({column.name: column.column() for column in columns}, n_rows)


def _append(pool: Pool, columns: list[_Growing], batch: Any) -> None:
    """Add a batch; the columns are dealt to tasks like cards."""
    if batch.num_columns != len(columns):
        raise DataError(
            f"a block of the table has {batch.num_columns} columns, not {len(columns)}",
            "all parts of a table need the same columns",
        )
    chunks = batch.columns
    few = batch.num_rows * len(columns) < _FEW_VALUES
    n_tasks = 1 if few else min(_TASKS_PER_THREAD * worker_count(), len(columns))
    if n_tasks == 1:
        _append_each(columns, chunks)
        return

    def append_share(first: int) -> None:
        _append_each(columns[first::n_tasks], chunks[first::n_tasks])

    for _ in pool.map(append_share, range(n_tasks)):
        pass


def _append_each(columns: list[_Growing], chunks: list[Any]) -> None:
    for column, chunk in zip(columns, chunks, strict=True):
        column.append(chunk)


class _Growing:
    """A column whose type is not known before the first batch that has one."""

    def __init__(self, name: str, room: Room, reading: Reading) -> None:
        self.name = name
        self._room = room
        self._reading = reading
        self._n_missing = 0  # rows before the type is known
        self._grown: NumberColumn | TextColumn | None = None
        self._type: Any = pa.null()
        self._unusable: Unusable | None = None

    def append(self, chunk: Any) -> None:
        """Add a pyarrow.Array."""
        if kind.is_null(chunk.type):
            self._append_missing(len(chunk))
        elif self._grown is not None:
            if not self._grown.accepts(chunk.type):
                raise self._changed(chunk.type)
            self._grown.append(chunk)
        elif self._unusable is None:
            self._begin(chunk.type)
            self.append(chunk)

    def close(self) -> None:
        """No more batches follow."""
        if self._grown is not None:
            self._grown.close()

    def column(self) -> Column:
        """The finished column; the room is sealed."""
        if self._grown is not None:
            return self._grown.column()
        return self._unusable or no_value(self._n_missing, self._type)

    def _begin(self, type_: Any) -> None:
        self._type = type_
        if number_type(type_) is not None:
            self._grown = NumberColumn(self._room, type_)
        elif is_text(type_):
            self._grown = TextColumn(self._room, type_, self._reading, _ordered(type_))
        else:
            self._unusable = refused(type_)
        n_missing, self._n_missing = self._n_missing, 0
        self._append_missing(n_missing)

    def _append_missing(self, n_rows: int) -> None:
        if self._grown is None:
            self._n_missing += n_rows
            return
        for start in range(0, n_rows, _STEP):
            self._grown.append_missing(min(_STEP, n_rows - start))

    def _changed(self, type_: Any) -> DataError:
        return DataError(
            f"column {self.name!r} changes its type, from {self._type} to {type_}",
            "give all parts of the table the same types",
        )


def _ordered(type_: Any) -> bool:
    """Whether the dictionaries of a stream declare an order: those that are marked do."""
    return bool(kind.is_dictionary(type_) and type_.ordered)
