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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError, UsageError, nearest
from logloss.table.roles.classes import place_folded
from logloss.table.roles.labelled import are_soft, distinct, labelled
from logloss.table.roles.labels import Label, Labels, merged

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_SHOWN = 10  # labels listed in a message


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
    column, missing = labelled(values, where)
    if missing is not None and (kept is None or (missing & kept).any()):
        raise _missing(where, int(np.argmax(missing)), values)
    if isinstance(column, Labels):
        labels = merged(column)
        target = replace(_from_labels(labels, positive, where), notes=_notes(labels, where))
    elif are_soft(column):
        target = _soft(column, positive, where)
    else:
        _check_finite(column, where)
        target = _from_labels(distinct(column), positive, where)
    if kept is not None:
        _check_both_kept(target, kept, where)
    return target


def _notes(labels: Labels, where: str) -> tuple[str, ...]:
    return tuple(f"{where}: {note}" for note in labels.notes)


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


def _soft(column: npt.NDArray[Any], positive: Label | None, where: str) -> Target:
    if positive is not None:
        raise UsageError(
            f"{where} holds soft labels (probabilities), so no class can be named positive",
            "leave positive out, or give 1 - y",
        )
    return Target(np.ascontiguousarray(column, dtype=np.float64), (0, 1), soft=True)


def _missing(where: str, row: int, values: Any) -> DataError:
    value = None if isinstance(values, Labels) else np.asarray(values).ravel().tolist()[row]
    word = f": {value!r} is a word for it" if isinstance(value, str) else ""
    return DataError(
        f"{where} has a missing value in row {row}{word}", "leave out the rows without a label"
    )


def _check_finite(column: npt.NDArray[Any], where: str) -> None:
    if not (math.isfinite(column.min()) and math.isfinite(column.max())):
        row = int(np.argmin(np.isfinite(column)))
        raise DataError(f"{where} is infinite in row {row}", "labels are finite")


def _class_named(name: Label, classes: Sequence[Label], where: str) -> int:
    """The position of the class that `name` means."""
    found = place_folded(name, classes)
    if found is not None:
        return found
    near = nearest(str(name), map(str, classes))
    shown = ", ".join(map(repr, classes[:_SHOWN]))
    more = f", … and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    shown = f"{classes[0]!r} and {classes[1]!r}" if len(classes) == 2 else shown + more
    raise UsageError(
        f"{where} has no class {name!r}; its classes are {shown}",
        f"did you mean {near!r}?" if near else None,
    )


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


def _check_both_kept(target: Target, kept: Mask, where: str) -> None:
    y = target.y[kept]
    if y.size and y.min() == y.max() and y[0] in (0.0, 1.0):
        raise _one_class(target.classes[int(y[0])], where, " among the rows that are kept")


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
