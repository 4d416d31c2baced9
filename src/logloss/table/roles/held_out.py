"""The labels of rows that a model has not seen, read as its classes; rows may lack one.

Tables that were written apart spell labels apart: the test part of the adult table ends each label
in a full stop. Blanks around a label, one at its end, and capitals are overlooked where that leaves
no doubt, and it is said so.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, nearest
from logloss.table.columns.alignment import check_aligned
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Codes, Numbers, Unusable
from logloss.table.read import one_column
from logloss.table.roles.labels import MISSING_WORDS, Label
from logloss.table.spelling import spelled

Array = NDArray[np.float64]
Classes = tuple[Label, Label]

_NUMBER_KINDS = "biuf"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Labels as numbers.

    Attributes
    ----------
    y : ndarray of shape (n,)
        In [0, 1]; nan where there is none.
    notes : tuple of str
        What was overlooked to recognise them.
    """

    y: Array
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have a label."""
        known: NDArray[np.bool_] = ~np.isnan(self.y)
        return known


def held_out_labels(source: Source, target: Any, classes: Classes) -> HeldOut:
    """Read a column, or values that came on their own, as the classes of a model.

    Parameters
    ----------
    source : Source
    target : str, or array_like of shape (n_rows,)
    classes : tuple of two labels
        The negative and the positive one. Where they are the numbers 0 and 1, numbers between them
        are soft labels.

    Raises
    ------
    DataError
        There is no such column, a label is no class of the model, lengths differ, or no row has a
        label.
    """
    column: Any
    if isinstance(target, str):
        where = f"{source.where}: column {target!r}"
        column = _column(source, target)
    else:
        where, column = "y", one_column(target, "y")
        check_aligned(source.index, target, "y", source.where)
    levels, codes = _levels(column, where)
    if len(codes) != source.n_rows:
        raise DataError(
            f"{where} has {len(codes)} values, but {source.where} has {source.n_rows} rows",
            "one value a row is needed",
        )
    codes = _without_words(levels, codes, classes)
    if not (codes >= 0).any():
        raise DataError(f"{where} has no labels: all values are missing")
    if _soft(levels, classes):
        return HeldOut(np.append(np.array(levels, dtype=np.float64), np.nan)[codes])
    return _matched(levels, codes, classes, where, source.place)


def _column(source: Source, name: str) -> Any:
    if name not in source.names:
        raise DataError(
            f"{source.where} has no column {name!r}, which holds the labels of the model",
            "say which column holds them",
        )
    if source.columns is not None:
        return source.columns.by_name[name]
    column = source.select([name]).matrix
    return (column if isinstance(column, np.ndarray) else column.toarray())[:, 0]


def _levels(column: Any, where: str) -> tuple[list[Any], NDArray[np.int64]]:
    """The distinct values, and of each row which it is; −1: missing."""
    if isinstance(column, Codes):
        return _code_levels(column)
    if isinstance(column, Numbers):
        return _typed_levels(column)
    if isinstance(column, Unusable):
        raise DataError(f"{where} {column.reason}", "labels are numbers or text")
    of_numpy = isinstance(getattr(column, "dtype", None), np.dtype)
    if not of_numpy and hasattr(column, "__arrow_c_stream__"):
        from logloss.table.encoding.whole import column_of

        return _levels(column_of(column, where), where)
    values = np.asarray(column)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"{where} must have one value a row, but has shape {values.shape}")
    if values.dtype.kind in _NUMBER_KINDS:
        return _number_levels(values)
    seen: dict[Any, int] = {}
    codes = np.array(
        [-1 if _missing(value) else seen.setdefault(value, len(seen)) for value in values.tolist()],
        dtype=np.int64,
    )
    return list(seen), codes


def _number_levels(values: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    if values.size:  # two values, as mostly, need no sort
        low, high = values.min(), values.max()
        is_high = values == high
        if low < high and (is_high | (values == low)).all():
            return [low.item(), high.item()], is_high.astype(np.int64)
    levels, codes = np.unique(values, return_inverse=True)
    if len(levels) and np.isnan(levels[-1]):  # it sorts last
        codes = np.where(codes == len(levels) - 1, -1, codes)
        levels = levels[:-1]
    return levels.tolist(), codes.astype(np.int64)


def _typed_levels(column: Numbers) -> tuple[list[Any], NDArray[np.int64]]:
    levels, codes = _number_levels(column.values)
    if column.valid is not None:
        valid = np.unpackbits(column.valid, count=len(codes), bitorder="little")
        codes = np.where(valid, codes, -1)
    used = np.unique(codes[codes >= 0])  # what stands for a missing value is no level
    return [levels[int(k)] for k in used], np.where(codes < 0, -1, np.searchsorted(used, codes))


def _code_levels(column: Codes) -> tuple[list[Any], NDArray[np.int64]]:
    used = np.bincount(column.codes, minlength=len(column.levels)) > 0
    place = np.full(len(column.levels), -1, dtype=np.int64)
    levels: list[Any] = []
    for code, level in enumerate(column.levels):
        if used[code] and not _missing(level):
            place[code] = len(levels)
            levels.append(level)
    return levels, place[column.codes]


def _missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    try:
        return value is None or bool(operator.ne(value, value))  # nan
    except (TypeError, ValueError):  # pandas.NA has no truth
        return True


def _without_words(
    levels: list[Any], codes: NDArray[np.int64], classes: Classes
) -> NDArray[np.int64]:
    """−1 also where a word such as NA says that there is no label."""
    words = [
        k
        for k, level in enumerate(levels)
        if isinstance(level, str) and level.strip() in MISSING_WORDS and level not in classes
    ]
    return np.where(np.isin(codes, words), -1, codes) if words else codes


def _soft(levels: list[Any], classes: Classes) -> bool:
    if isinstance(classes[0], str) or tuple(classes) != (0, 1):
        return False
    numbers = all(isinstance(level, int | float) and 0.0 <= level <= 1.0 for level in levels)
    return numbers and any(level not in (0, 1) for level in levels)


def _matched(
    levels: list[Any],
    codes: NDArray[np.int64],
    classes: Classes,
    where: str,
    place: Callable[[int], str],
) -> HeldOut:
    y, notes = np.full(len(levels) + 1, np.nan), []
    all_others = classes[0] == f"not {classes[1]}"
    for code, level in enumerate(levels):
        if not (codes == code).any():
            continue
        found = next((k for same in _EXACT for k in (0, 1) if same(level, classes[k])), None)
        if found is None:
            alike = [k for k in (0, 1) if _plain(level) == _plain(classes[k])]
            if all_others and not alike:
                y[code] = 0
                continue
            if len(alike) != 1:
                row = int(np.argmax(codes == code))
                raise _unknown(level, classes, where, place(row))
            found = alike[0]
            notes.append(f"{level!r} was read as {classes[found]!r}")
        y[code] = found
    return HeldOut(y[codes], (f"{where}: {', '.join(notes)}",) if notes else ())


def _same(level: Any, label: Label) -> bool:
    return bool(level == label) and isinstance(level, str) == isinstance(label, str)


def _same_number(level: Any, label: Label) -> bool:
    try:
        return float(level) == float(label)
    except (TypeError, ValueError):
        return False


def _same_spelling(level: Any, label: Label) -> bool:
    return spelled(level) == spelled(label)


_EXACT = (_same, _same_spelling, _same_number)


def _plain(label: Any) -> str:
    return str(label).strip().removesuffix(".").rstrip().casefold()


def _unknown(level: Any, classes: Classes, where: str, place: str) -> DataError:
    near = nearest(str(level), map(str, classes))
    return DataError(
        f"{where} holds {level!r} in {place}, which is no class of the model:"
        f" {classes[0]!r} and {classes[1]!r}",
        f"is it {near!r} spelled otherwise?"
        if near
        else "evaluate on labels such as the model was fitted to",
    )
