"""The target: two labels, or numbers in [0, 1], become y.

Two labels a < b (in the order that the table declares, as a pandas Categorical does; else in their
own: numbers by size, text by its letters) become 0 and 1, so the positive class is the larger one
unless `positive` names it. One of more than two labels that
`positive` names stands against all others. Numbers with a decimal fraction that
all lie in [0, 1] are *soft labels*, the probability of the positive class, and stay as they are.
"""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError, UsageError, nearest
from logloss.table.roles.labels import MISSING_WORDS, Label, Labels, merged
from logloss.table.spelling import folded, spelled

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_SHOWN = 10  # labels listed in a message
_LABEL_KINDS = "OUST"  # NumPy's kinds of object and text
_NUMBER_KINDS = "biuf"


@dataclass(frozen=True)
class Target:
    """The target as the engine sees it.

    Attributes
    ----------
    y : ndarray of float64, shape (n,)
        In [0, 1]; 0 and 1 only, unless `soft`.
    classes : tuple of two labels
        (negative, positive), plain Python values.
    soft : bool
    notes : tuple of str
        What was taken for one label.
    """

    y: Floats
    classes: tuple[Label, Label]
    soft: bool
    notes: tuple[str, ...] = ()


def encode_target(
    values: Any, *, positive: Label | None = None, where: str = "y", kept: Mask | None = None
) -> Target:
    """Turn a column of labels, or of probabilities, into y.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, 1), or Labels
    positive : label, optional
        The class whose probability is modelled; also as text ("1" finds 1.0, "YES" finds "Yes").
        Default: the later one where the table declares an order, else the larger of the two. Where
        there are more than two, it stands against all others.
    where : str
        How messages name the column.
    kept : ndarray of bool, shape (n,), optional
        The rows that take part: both classes need one. (Its weight may be 0, as in a bootstrap.)

    Raises
    ------
    DataError
        One class, three or more values, missing or infinite values, a type that holds no labels.
    UsageError
        `positive` is not among the classes, or goes with soft labels.
    """
    column = values if isinstance(values, Labels) else _column(values, where)
    if isinstance(column, Labels):
        labels = merged(column)
        target = replace(_from_labels(labels, positive, where), notes=_notes(labels, where))
    else:
        target = _from_numbers(column, positive, where)
    if kept is not None:
        _check_both_kept(target, kept, where)
    return target


def _notes(labels: Labels, where: str) -> tuple[str, ...]:
    return tuple(f"{where}: {note}" for note in labels.notes)


def _column(values: Any, where: str) -> npt.NDArray[Any] | Labels:
    """A 1-D array of numbers or bools, or labels."""
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
    if array.dtype.kind in _LABEL_KINDS:
        return _labels_of(array, where)
    if array.dtype.kind in _NUMBER_KINDS:
        return array
    raise DataError(
        f"{where} has the type {array.dtype}, which holds no labels",
        "labels are numbers, bools or text",
    )


def _labels_of(array: npt.NDArray[Any], where: str) -> npt.NDArray[Any] | Labels:
    values = array.tolist()
    try:
        seen = dict.fromkeys(values)
    except TypeError as error:
        raise DataError(f"{where} holds values that are not labels: {error}") from error
    if any(map(_is_missing, seen)):
        row = next(row for row, value in enumerate(values) if _is_missing(value))
        raise _missing(where, row, values[row])
    if {type(value) for value in seen} <= {int, float}:
        numbers = np.array(values)
        whole = float not in map(type, seen)
        if numbers.dtype.kind in ("iu" if whole else _NUMBER_KINDS):
            return numbers  # else integers that 64 bits do not hold together: labels
    if len(seen) == 2:
        second = np.empty((), array.dtype)  # by itself it would lose a NUL at its end
        second[()] = list(seen)[1]
        codes = np.asarray(array == second, dtype=np.intp)
    else:
        code = {value: number for number, value in enumerate(seen)}
        codes = np.array([code[value] for value in values], dtype=np.intp)
    return Labels(tuple(map(_plain, seen)), codes)


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip() in MISSING_WORDS
    try:
        return value is None or bool(operator.ne(value, value))  # NaN
    except (TypeError, ValueError):  # pandas.NA has no truth
        return True


def _plain(value: Any) -> Any:
    """NumPy's scalars and bytes as plain Python values."""
    value = getattr(value, "item", lambda: value)()
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _missing(where: str, row: int, value: Any = None) -> DataError:
    word = f": {value!r} is a word for it" if isinstance(value, str) else ""
    return DataError(
        f"{where} has a missing value in row {row}{word}", "leave out the rows without a label"
    )


def _from_labels(labels: Labels, positive: Label | None, where: str) -> Target:
    values = labels.values
    if len(values) > 2:
        if positive is None:
            raise _too_many(list(values), where)
        place = _class_named(positive, values, where)
        return Target(np.asarray(labels.codes == place, np.float64), _against(values[place]), False)
    if len(values) < 2:
        raise _one_class(values[0], where)
    try:
        low, high = values if labels.ordered else sorted(values, key=labels.key)
    except TypeError as error:
        raise DataError(
            f"{where} mixes labels of two types: {values[0]!r} and {values[1]!r}"
        ) from error
    return _hard(labels.codes == values.index(high), (low, high), positive, where)


def _from_numbers(column: npt.NDArray[Any], positive: Label | None, where: str) -> Target:
    low, high = column.min(), column.max()
    if not (math.isfinite(low) and math.isfinite(high)):
        row = int(np.argmin(np.isfinite(column)))
        raise _missing(where, row) if np.isnan(column[row]) else _infinite(where, row)
    is_high = column == high
    two_values = bool((is_high | (column == low)).all())
    whole = two_values and {low.item(), high.item()} <= {0, 1}
    if column.dtype.kind == "f" and low >= 0 and high <= 1 and not whole:
        return _soft(column, positive, where)
    if low == high:
        raise _one_class(low.item(), where)
    if not two_values:
        values = np.unique(column).tolist()
        if positive is None:
            raise _too_many(values, where)
        label = values[_class_named(positive, values, where)]
        return Target(np.asarray(column == label, np.float64), _against(label), False)
    return _hard(is_high, (low.item(), high.item()), positive, where)


def _soft(column: npt.NDArray[Any], positive: Label | None, where: str) -> Target:
    if positive is not None:
        raise UsageError(
            f"{where} holds soft labels (probabilities), so no class can be named positive",
            "leave positive out, or give 1 - y",
        )
    return Target(np.ascontiguousarray(column, dtype=np.float64), (0, 1), soft=True)


def _hard(
    is_high: npt.NDArray[np.bool_],
    classes: tuple[Label, Label],
    positive: Label | None,
    where: str,
) -> Target:
    if positive is None or _class_named(positive, classes, where) == 1:
        return Target(is_high.astype(np.float64), classes, soft=False)
    return Target((~is_high).astype(np.float64), classes[::-1], soft=False)


def _against(label: Label) -> tuple[Label, Label]:
    """The classes where one label stands against all others."""
    return f"not {label}", label


def _class_named(name: Label, classes: Sequence[Label], where: str) -> int:
    """The position of the class that `name` means: as it is, as text, as a number."""
    for same in _SAME:
        for position, label in enumerate(classes):
            if same(name, label):
                return position
    near = nearest(str(name), map(str, classes))
    shown = ", ".join(map(repr, classes[:_SHOWN]))
    more = f", … and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    shown = f"{classes[0]!r} and {classes[1]!r}" if len(classes) == 2 else shown + more
    raise UsageError(
        f"{where} has no class {name!r}; its classes are {shown}",
        f"did you mean {near!r}?" if near else None,
    )


def _equal(name: Label, label: Label) -> bool:
    return name == label and isinstance(name, str) == isinstance(label, str)


def _equal_text(name: Label, label: Label) -> bool:
    return spelled(name) == spelled(label)


def _equal_folded(name: Label, label: Label) -> bool:
    return folded(name) == folded(label)


def _equal_number(name: Label, label: Label) -> bool:
    try:
        return float(name) == float(label)
    except ValueError:
        return False


_SAME = (_equal, _equal_text, _equal_folded, _equal_number)


def _check_both_kept(target: Target, kept: Mask, where: str) -> None:
    y = target.y[kept]
    if y.size and y.min() == y.max() and y[0] in (0.0, 1.0):
        raise _one_class(target.classes[int(y[0])], where, " among the rows that are kept")


def _infinite(where: str, row: int) -> DataError:
    return DataError(f"{where} is infinite in row {row}", "labels are finite")


def _one_class(label: Label, where: str, among: str = "") -> DataError:
    return DataError(
        f"{where} has one class only{among}: {label!r}",
        "two classes are needed to tell apart; check which rows were kept",
    )


def _too_many(values: Sequence[Any], where: str) -> DataError:
    with contextlib.suppress(TypeError):  # labels of several types have no order
        values = sorted(values)
    shown = ", ".join(map(repr, values[:_SHOWN]))
    more = f", … and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return DataError(
        "Only binary classification is supported."
        f" {where} has {len(values)} classes: {shown}{more}",
        "name one of them by positive (--positive), to model it against all others, or fit one"
        " model per class, as scikit-learn's OneVsRestClassifier; soft labels must lie in [0, 1]",
    )
