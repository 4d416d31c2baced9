"""What was given for a role: the name of a column of the table, or values of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, UsageError, counted
from logloss.table.columns.alignment import check_aligned
from logloss.table.columns.beside import one_column
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable


@dataclass(frozen=True, eq=False)
class Given:
    """The values of a role, one a row.

    Attributes
    ----------
    values : Numbers, Codes, or ndarray
        An ndarray has not been looked at: its type and shape may be any.
    where : str
        What messages call it.
    place : callable
        The number of a row → where it is, for messages.
    """

    values: Numbers | Codes | NDArray[Any]
    where: str
    place: Callable[[int], str] = "row {}".format

    def check_length(self, source: Source) -> None:
        """Raise a DataError unless there is one value a row."""
        length = len(self.values)
        if length != source.n_rows:
            raise DataError(
                f"{self.where} has {counted(length, 'value')}, but {source.where} has"
                f" {counted(source.n_rows, 'row')}",
                "one value a row is needed",
            )


def where_of(role: str, value: Any, source: Source) -> str:
    """What messages call what was given for a role."""
    return f"{source.where}: column {value!r}" if isinstance(value, str) else role


def given(source: Source, value: Any, role: str) -> Given:
    """Look a column up, or take the values as they come.

    Raises
    ------
    DataError
        The column can hold no values of a role; rows of a frame are in another order; entries
        differ in length.
    UsageError
        There is no such column; it is a single value.
    """
    where = where_of(role, value, source)
    if isinstance(value, str):
        column, place = source.column(value), source.place
    else:
        check_aligned(source.index, value, where, source.where)
        column, place = column_values(value, where), "row {}".format
    if isinstance(column, Unusable):
        raise DataError(f"{where} {column.reason}", "numbers or text are needed")
    if isinstance(column, np.ndarray) and column.shape == ():
        raise UsageError(
            f"{where} is a single value: {value!r}",
            "give one value a row, or the name of a column as text",
        )
    assert isinstance(column, Numbers | Codes | np.ndarray)
    return Given(column, where, place)


def column_values(values: Any, where: str) -> NDArray[Any] | Column:
    """A column that came on its own: array-like, or a pandas, polars or Arrow column.

    Raises
    ------
    DataError
        Its entries differ in length.
    """
    values = one_column(values, where)
    of_numpy = isinstance(getattr(values, "dtype", None), np.dtype)
    if not of_numpy and (
        hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__")
    ):
        from logloss.table.encoding.whole import column_of  # pyarrow: not for arrays

        return column_of(values, where)
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where} is not a column: its entries differ in length") from error
