"""A table as it came in: a matrix or typed columns, with names and a place for messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from logloss.errors import UsageError, nearest
from logloss.table.columns.typed import Column, Columns


@dataclass(frozen=True)
class Source:
    """Columns with names, not copied and not yet encoded.

    Exactly one of `matrix`, `columns` and `stream` is set.

    Attributes
    ----------
    names : tuple of str
        Column names, in order. The columns of an array are named x0, x1, …
    where : str
        What a message calls it: ``"brfss2015.csv.gz"``, ``"X"``.
    matrix : ndarray of shape (n_rows, n_columns), or scipy.sparse CSR or CSC; or None
        Numbers or bools, as they were given.
    columns : Columns or None
        Typed columns.
    n_rows : int
    named : bool
        True where the names came with the data, so that columns are found by name; else by
        position.
    plain : bool
        Each column of the matrix is one coefficient: nothing may be missing or is left out.
    at : callable
        The number of a row → where that row is, for messages: see `place`.
    notes : tuple of str
        What the reader found out and the user should know.
    index : pandas.Index or None
        What a pandas frame calls its rows.
    stream : Stream or None
        A table that comes in batches and has not been read. `n_rows` is -1 where it is not known.
    excluded : tuple of str
        Columns that were asked to be left out when it was opened.
    """

    names: tuple[str, ...]
    where: str
    matrix: Any  # SciPy has no types
    columns: Columns | None
    n_rows: int
    named: bool = True
    plain: bool = False
    at: Callable[[int], str] = "row {}".format
    notes: tuple[str, ...] = ()
    stream: Any = None  # a Stream; it is above this module
    index: Any = None
    excluded: tuple[str, ...] = ()

    def place(self, row: int) -> str:
        """Say where a row is: ``"row 7"``, or ``"row 7 of part-2.csv"``. The first row is row 0."""
        return self.at(row)

    def select(self, keep: Sequence[str]) -> Source:
        """The columns `keep`, in that order.

        A view, but for a matrix in which they do not lie side by side.
        """
        if tuple(keep) == self.names:
            return self
        if self.columns is not None:
            return replace(self, names=tuple(keep), columns=self.columns.select(keep))
        if self.stream is not None:
            return replace(self, names=tuple(keep), stream=self.stream.select(keep))
        position = {name: j for j, name in enumerate(self.names)}
        chosen = np.array([position[name] for name in keep], dtype=np.intp)
        return replace(self, names=tuple(keep), matrix=_columns_of(self.matrix, chosen))

    def column(self, name: str) -> Column | np.ndarray[Any, Any]:
        """A column: typed, or of a matrix, dense.

        Raises
        ------
        UsageError
            There is none of this name.
        """
        if name not in self.names:
            raise unknown_column(name, self.names, self.where)
        if self.columns is not None:
            return self.columns.by_name[name]
        matrix = self.select([name]).matrix
        dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
        column: np.ndarray[Any, Any] = dense[:, 0]
        return column

    def values(self, row: int) -> dict[str, Any]:
        """A row, column by column, in plain values; None where one is missing."""
        if self.columns is not None:
            return {name: self.columns.by_name[name].value(row) for name in self.names}
        matrix = self.matrix
        line = matrix[row] if isinstance(matrix, np.ndarray) else matrix[[row]].toarray()[0]
        return dict(zip(self.names, line.tolist(), strict=True))

    def projected(self, columns: Collection[str] | None, exclude: Collection[str]) -> Source:
        """Those of `columns` that are there, where names came with the data, without `exclude`.

        Raises
        ------
        UsageError
            A column of `exclude` is not there.
        """
        for name in exclude:
            if name not in self.names:
                raise unknown_column(name, self.names, self.where)
        source = self
        if columns is not None and self.named:
            wanted = frozenset(columns)
            source = self.select([name for name in self.names if name in wanted])
        return source.without(list(exclude)) if exclude else source

    def without(self, names: Sequence[str]) -> Source:
        """All columns but `names`."""
        left_out = frozenset(names)
        return self.select([name for name in self.names if name not in left_out])


def _columns_of(matrix: Any, chosen: np.ndarray[Any, Any]) -> Any:
    in_a_row = chosen.size > 0 and bool((np.diff(chosen) == 1).all())
    return matrix[:, chosen[0] : chosen[-1] + 1] if in_a_row else matrix[:, chosen]


def column_at(name: str, names: Sequence[str], where: str) -> str:
    """The column of this name, or at this position ("0", or "-1" for the last).

    Raises
    ------
    UsageError
        There is none.
    """
    if name in names:
        return name
    try:
        return names[int(name)]
    except (ValueError, IndexError):
        raise unknown_column(name, names, where) from None


def left_out_names(exclude: Any) -> tuple[str, ...]:
    """The columns that `exclude` names: one name, or several; a frame's labels as text."""
    if exclude is None or isinstance(exclude, str):
        return () if exclude is None else (exclude,)
    try:
        return tuple(map(str, exclude))
    except TypeError:
        raise UsageError(
            f"exclude must be names of columns, not {exclude!r}", "such as exclude=['id']"
        ) from None


def unknown_column(name: str, names: Iterable[str], where: str) -> UsageError:
    """The error for a column that is not there; the hint is the nearest name, or all names."""
    names = tuple(names)
    near = nearest(name, names)
    if near is not None:
        hint = f"did you mean {near!r}?"
    else:
        shown = ", ".join(map(repr, names[:20]))
        hint = f"the columns are {shown}{', …' if len(names) > 20 else ''}"
    return UsageError(f"{where} has no column {name!r}", hint)
