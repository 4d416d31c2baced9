"""Any column → numbers or labels, and which rows have none."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.table.columns.typed import Codes, Numbers
from logloss.table.roles.given import Given
from logloss.table.roles.labels import MISSING_WORDS, Labels, Mask, labels_of, without_missing_words

_LABEL_KINDS = "OUST"  # NumPy's kinds of object and text
_NUMBER_KINDS = "biuf"
_FRACTIONS = frozenset(("double", "float", "halffloat"))


def labelled(
    values: Any, where: str, words: frozenset[str] = MISSING_WORDS
) -> tuple[NDArray[Any] | Labels, Mask | None]:
    """A column as numbers or bools, or as labels; and the rows without a value, None: none.

    Where numbers have no value, what stands in their place is one of the others.

    Parameters
    ----------
    values : Labels, Codes, Numbers, or array-like of shape (n,) or (n, 1)
    where : str
        How messages name the column.
    words : frozenset of str
        Text that means that there is no value.

    Raises
    ------
    DataError
        It is no column, or of a type that holds no labels.
    """
    if isinstance(values, Labels):
        return values, values.missing()
    if isinstance(values, Codes):
        labels = labels_of(without_missing_words(values, words)[0])
        return labels, labels.missing()
    if isinstance(values, Numbers):
        return _of_typed(values)
    array = _one_dimension(values, where)
    if array.dtype.kind in _LABEL_KINDS:
        return _of_objects(array, where, words)
    if array.dtype.kind not in _NUMBER_KINDS:
        raise DataError(
            f"{where} has the type {array.dtype}, which holds no labels",
            "labels are numbers, bools or text",
        )
    return _without_nan(array)


def plain(found: Given, out: Mask | None = None) -> NDArray[Any] | Labels:
    """What was given, without holes: typed columns as numbers or labels, arrays as they came.

    Values of rows that are left `out` mean nothing; a DataError where another row has none.
    """
    if isinstance(found.values, np.ndarray):
        return found.values
    values, missing = labelled(found.values, found.where)
    if missing is not None and (out is None or (missing & ~out).any()):
        raise DataError(
            f"{found.where} has a missing value in {found.place(int(np.argmax(missing)))}"
            f" ({int(missing.sum())} of {len(values)} are missing)",
            "leave out the rows without a value",
        )
    return values


def distinct(numbers: NDArray[Any], missing: Mask | None = None) -> Labels:
    """Numbers or bools as labels, in order."""
    if missing is not None:
        there = distinct(numbers[~missing])
        codes = np.full(len(numbers), -1, np.intp)
        codes[~missing] = there.codes
        return Labels(there.values, codes)
    if numbers.size:  # two values, as mostly, need no sort
        low, high = numbers.min(), numbers.max()
        is_high = numbers == high
        if low < high and (is_high | (numbers == low)).all():
            return Labels((low.item(), high.item()), is_high.view(np.int8))
    values, codes = np.unique(numbers, return_inverse=True)
    return Labels(tuple(values.tolist()), codes)


def are_soft(numbers: NDArray[Any]) -> bool:
    """Whether numbers are probabilities: fractions that lie in [0, 1], not 0 and 1 alone."""
    if numbers.dtype.kind != "f" or not (numbers.min() >= 0.0 and numbers.max() <= 1.0):
        return False
    return not bool(((numbers == 0.0) | (numbers == 1.0)).all())


def _one_dimension(values: Any, where: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where} is not a column: its entries differ in length") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{where} must be one column of labels, but has shape {array.shape}",
            "give one label a row, or the name of a column of the table",
        )
    if array.size == 0:
        raise DataError(f"{where} has no values")
    return array


def _of_typed(column: Numbers) -> tuple[NDArray[Any], Mask | None]:
    values, missing = column.values, column.missing()
    if column.type == "bool":
        values = values.view(np.bool_)
    elif column.type in _FRACTIONS and values.dtype.kind != "f":
        values = values.astype(np.float64)  # whole numbers that the table had as 1.0
    return _filled(values, missing), missing


def _without_nan(array: NDArray[Any]) -> tuple[NDArray[Any], Mask | None]:
    if array.dtype.kind != "f" or not np.isnan(array.min()):
        return array, None
    missing: Mask = np.isnan(array)
    return _filled(array, missing), missing


def _filled(values: NDArray[Any], missing: Mask | None) -> NDArray[Any]:
    return values if missing is None else np.where(missing, values[np.argmin(missing)], values)


def _of_objects(
    array: NDArray[Any], where: str, words: frozenset[str]
) -> tuple[NDArray[Any] | Labels, Mask | None]:
    values = array.tolist()
    try:
        seen = dict.fromkeys(values)
    except TypeError as error:
        raise DataError(f"{where} holds values that are not labels: {error}") from error
    known = [value for value in seen if not is_missing(value, words)]
    code = {value: number for number, value in enumerate(known)}
    codes = np.array([code.get(value, -1) for value in values], dtype=np.intp)
    missing: Mask | None = codes < 0 if len(known) < len(seen) else None
    if known and {type(value) for value in known} <= {int, float}:
        numbers = np.array(known)
        whole = float not in map(type, known)
        if numbers.dtype.kind in ("iu" if whole else _NUMBER_KINDS):
            return numbers[codes], missing  # else integers that 64 bits do not hold: labels
    return Labels(tuple(map(_plain, known)), codes), missing


def is_missing(value: Any, words: frozenset[str] = MISSING_WORDS) -> bool:
    """Whether a value says that there is none: None, NaN, NaT, pandas' NA, or one of the words."""
    if isinstance(value, str):
        return value.strip() in words
    try:
        return value is None or bool(operator.ne(value, value))  # NaN
    except (TypeError, ValueError):  # pandas.NA has no truth
        return True


def _plain(value: Any) -> Any:
    """NumPy's scalars and bytes as plain Python values."""
    value = getattr(value, "item", lambda: value)()
    return value.decode(errors="replace") if isinstance(value, bytes) else value
