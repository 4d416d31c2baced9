"""Which rows belong together: labels of any type, or a column of the table, fitted or not.

A row that counts must have a label: in any type that is not None, NaN, NaT, pandas' NA, an Arrow
null or a masked value. Rows of weight 0 need none.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, UsageError, counted
from logloss.table.columns.alignment import check_aligned
from logloss.table.columns.beside import one_column
from logloss.table.columns.source import Source, unknown_column
from logloss.table.columns.typed import Codes, Numbers, Unusable
from logloss.table.encoding import encoded
from logloss.table.read import read

Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Origin:
    """A table as it came, for columns that nobody has asked for yet.

    Attributes
    ----------
    given : Any
        What `logloss.fit` was given: a frame, a path, an array.
    table : Source
        What was read of it.
    na : tuple of str
        Texts that stand for a missing value.
    """

    given: Any
    table: Source
    na: tuple[str, ...] = ()

    def groups(self, labels: Any, weight: NDArray[np.float64] | None) -> tuple[Positions, int]:
        """The number of each row's group, and how many there are.

        Parameters
        ----------
        labels : array-like of shape (n,), or the name of a column
        weight : ndarray of shape (n,), or None
            A row of weight 0 may be without a label.

        Raises
        ------
        UsageError
            There is no such column, or it cannot be read again.
        DataError
            A row that counts has no label; there is not one a row.
        """
        if isinstance(labels, str):
            values, where = self._column(labels), f"groups: column {labels!r}"
        else:
            values, where = one_column(labels, "groups"), "groups"
            check_aligned(self.table.index, labels, where, self.table.where)
        codes = _numbered(values, where, frozenset(self.na))
        if codes.shape != (self.table.n_rows,):
            raise DataError(
                f"{where} has the shape {codes.shape}, not ({self.table.n_rows},)",
                "give one label per row",
            )
        without = codes < 0 if weight is None else (codes < 0) & (weight > 0.0)
        if without.any():
            row, n = int(np.argmax(without)), int(without.sum())
            raise DataError(
                f"{where} has no label, or no finite one, in {self.table.place(row)}"
                f" ({counted(n, 'row')} of those that count without one)",
                "give one to every row, or leave the rows without out (a weight of 0)",
            )
        return np.maximum(codes, 0), int(codes.max()) + 1

    def _column(self, name: str) -> Any:
        table = self.table
        if table.columns is not None and name in table.columns.by_name:
            found = table.columns.by_name[name]
            if not isinstance(found, Unusable):
                return found
        elif name in table.names:
            matrix = table.select([name]).matrix
            dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
            return dense[:, 0]
        return self._again(name)

    def _again(self, name: str) -> Any:
        """A column that was not read, or not kept."""
        given = self.given
        if isinstance(given, Source):
            raise _not_kept(name, self.table)
        columns = getattr(given, "columns", None)
        if columns is not None and callable(getattr(given, "__getitem__", None)):
            names = getattr(given, "column_names", columns)  # of an Arrow table: names
            same = [one for one in names if str(one) == name]
            if same:
                return given[same[0]]
        source = read(given, columns=[name], na=self.na, text=[name], by_column=True)
        if source.stream is not None:
            source = encoded(source, self.na)
        if name not in source.names:
            raise unknown_column(name, self.table.names, self.table.where)
        if source.n_rows != self.table.n_rows:
            raise DataError(
                f"{source.where} has changed since the fit: it had {self.table.n_rows:,} rows, now"
                f" {source.n_rows:,}",
                "fit again, and name the column there: fit(..., groups=...)",
            )
        return source.columns.by_name[name] if source.columns is not None else source.matrix[:, 0]


def _not_kept(name: str, table: Source) -> UsageError:
    if name in table.names:
        found = table.columns.by_name[name] if table.columns is not None else None
        reason = found.reason if isinstance(found, Unusable) else "was left out"
        return UsageError(
            f"column {name!r} cannot tell groups apart: it {reason}",
            "give groups as an array of one label per row",
        )
    return UsageError(
        f"{table.where} has no column {name!r} any more: it was left out when the table was read",
        "name it in the fit: fit(..., groups=...)",
    )


def _numbered(values: Any, where: str, na: Collection[str]) -> Positions:
    """A number for each label, from 0; −1 where it is missing."""
    if isinstance(values, Codes):
        lost = [level is None for level in values.levels]
        return np.where(np.array(lost)[values.codes], -1, values.codes.astype(np.int64))
    if isinstance(values, Numbers):
        missing = values.missing()
        return _of_numpy(values.values, missing, where)
    if isinstance(values, Unusable):
        raise DataError(f"{where} {values.reason}", "give groups as an array of labels")
    if np.ma.isMaskedArray(values):
        return _of_numpy(_flat(values.data), _flat(np.ma.getmaskarray(values)), where)
    if not isinstance(getattr(values, "dtype", None), np.dtype):
        values = _objects(values)
    return _of_numpy(_flat(np.asarray(values)), None, where, na)


def _objects(values: Any) -> Any:
    """Lists, and types of others (pandas', polars', Arrow's), as Python's own; None: missing."""
    if isinstance(values, (list, tuple)):
        return np.array([*values, None], dtype=object)[:-1]
    for name in ("to_pylist", "to_list", "tolist"):
        listed = getattr(values, name, None)
        if callable(listed):
            return np.array([*listed(), None], dtype=object)[:-1]
    return values


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _of_numpy(
    array: NDArray[Any], missing: Mask | None, where: str, na: Collection[str] = ()
) -> Positions:
    if array.ndim != 1:
        raise DataError(f"{where} has the shape {array.shape}", "give one label per row")
    if array.dtype.kind in _MISSING:
        lost = _MISSING[array.dtype.kind](array)
        missing = lost if missing is None else missing | lost
    elif array.dtype.kind in "OUS" and (array.dtype.kind in "O" or na):
        return _of_objects(array, missing, where, na)
    codes: Positions = np.unique(array, return_inverse=True)[1].astype(np.int64)
    return codes if missing is None else np.where(missing, -1, codes)


_MISSING: dict[str, Callable[[NDArray[Any]], Mask]] = {
    "f": lambda x: ~np.isfinite(x),
    "c": lambda x: ~np.isfinite(x),
    "M": np.isnat,
    "m": np.isnat,
}


def _of_objects(
    array: NDArray[Any], missing: Mask | None, where: str, na: Collection[str]
) -> Positions:
    numbers: dict[Hashable, int] = {}
    codes = np.empty(len(array), dtype=np.int64)
    try:
        for i, value in enumerate(array.tolist()):
            lost = _is_missing(value) or (isinstance(value, str) and value in na)
            codes[i] = -1 if lost else numbers.setdefault(value, len(numbers))
    except TypeError as error:
        raise DataError(f"{where} holds what is no label: {error}") from None
    return codes if missing is None else np.where(missing, -1, codes)


def _is_missing(value: Any) -> bool:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    if isinstance(value, float):
        return not np.isfinite(value)
    try:
        return value is None or bool(operator.ne(value, value))  # NaN, NaT
    except (TypeError, ValueError):  # pandas.NA has no truth
        return True
