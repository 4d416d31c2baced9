"""A table as a stream of Arrow batches: how everything that need not fit in memory comes in.

Every batch has the same columns with the same types. Text comes as dictionaries of strings; each
batch has a dictionary of its own. The types of a CSV file are learned from its beginning; where a
later value does not fit them, `TypesChanged` carries the stream to start again with. It comes once
at most: before it is raised, the rest has been searched for all that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from logloss.errors import DataError


@dataclass(frozen=True)
class Stream:
    """Columns with names that come in batches.

    Attributes
    ----------
    names : tuple of str
        The columns of every batch, in order.
    where : str
        What messages call it: ``"heart2020.csv.gz"``.
    batches : callable
        Gives an iterator of pyarrow.RecordBatch, from the first row; may be called again unless
        `once`. Raises TypesChanged, and DataError with the place of what is wrong.
    n_rows : int or None
        Where it is known before all is read.
    once : bool
        The batches can be had only once.
    place : callable
        The number of a row in the stream → ``"row 7"``, or ``"row 7 of part-2.csv"``: rows count
        from 0 in every file. It knows the files that have been read.
    progress : callable
        The share of the input that has been read, 0 to 1; None where that is not known.
    notes : tuple of str
        What the user should know: ``"no header line: columns are named c0 … c14"``.
    untyped : frozenset of str
        Columns that have no type of their own: text that reads as numbers throughout is numbers.
    """

    names: tuple[str, ...]
    where: str
    batches: Callable[[], Iterator[Any]]  # pyarrow has no types
    n_rows: int | None
    once: bool
    place: Callable[[int], str]
    progress: Callable[[], float | None]
    notes: tuple[str, ...] = ()
    untyped: frozenset[str] = frozenset()

    def select(self, keep: Sequence[str]) -> Stream:
        """The columns `keep`, in that order."""
        if tuple(keep) == self.names:
            return self

        def batches() -> Iterator[Any]:
            try:
                for batch in self.batches():
                    yield batch.select(list(keep))
            except TypesChanged as changed:
                raise TypesChanged(changed.stream.select(keep)) from changed

        return replace(self, names=tuple(keep), batches=batches)

    def read_all(self) -> Any:
        """Everything, as one pyarrow.Table."""
        try:
            batches = list(self.batches())
        except TypesChanged as changed:
            return changed.stream.read_all()
        return pa.Table.from_batches(batches)


class TypesChanged(Exception):
    """A value does not fit the types of the stream; take `stream` instead, from the first row."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream.where)
        self.stream = stream


def row_of(row: int) -> str:
    """The place of a row in a table that is no set of files."""
    return f"row {row}"


def never_empty(batches: Iterator[Any], where: str) -> Iterator[Any]:
    """The batches that have rows; DataError where none has."""
    empty = True
    for batch in batches:
        if batch.num_rows:
            empty = False
            yield batch
    if empty:
        raise DataError(f"{where} has column names but no rows")
