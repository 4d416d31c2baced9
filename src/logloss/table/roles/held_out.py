"""The labels of rows that a model has not seen, read as its classes; rows may lack one.

Tables that were written apart spell labels apart: the test part of the adult table ends each label
in a full stop. Blanks around a label, one at its end, and capitals are overlooked where that leaves
no doubt, and it is said so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, nearest
from logloss.table.columns.source import Source
from logloss.table.roles.classes import alike, place_of
from logloss.table.roles.given import given
from logloss.table.roles.labelled import are_soft, distinct, labelled
from logloss.table.roles.labels import MISSING_WORDS, Label, Labels

Array = NDArray[np.float64]
Classes = tuple[Label, Label]

_NONE = MISSING_WORDS | {""}


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
    if isinstance(target, str) and target not in source.names:
        raise DataError(
            f"{source.where} has no column {target!r}, which holds the labels of the model",
            "say which column holds them",
        )
    found = given(source, target, "y")
    found.check_length(source)
    where = found.where
    column, missing = labelled(found.values, where, _NONE.difference(map(str, classes)))
    if missing is not None and missing.all():
        raise DataError(f"{where} has no labels: all values are missing")
    if isinstance(column, Labels):
        labels = column
    elif tuple(classes) == (0, 1) and not isinstance(classes[0], str) and are_soft(column):
        y = column.astype(np.float64)
        return HeldOut(y if missing is None else np.where(missing, np.nan, y))
    else:
        labels = distinct(column, missing)
    return _matched(labels, classes, where, source.place)


def _matched(labels: Labels, classes: Classes, where: str, place: Callable[[int], str]) -> HeldOut:
    y, notes = np.full(len(labels.values) + 1, np.nan), []  # the last: no label
    all_others = classes[0] == f"not {classes[1]}"
    for code, label in enumerate(labels.values):
        found = place_of(label, classes)
        if found is None:
            near = alike(label, classes)
            if all_others and not near:
                y[code] = 0
                continue
            if len(near) != 1:
                row = int(np.argmax(labels.codes == code))
                raise _unknown(label, classes, where, place(row))
            found = near[0]
            notes.append(f"{label!r} was read as {classes[found]!r}")
        y[code] = found
    return HeldOut(y[labels.codes], (f"{where}: {', '.join(notes)}",) if notes else ())


def _unknown(label: Any, classes: Classes, where: str, place: str) -> DataError:
    near = nearest(str(label), map(str, classes))
    return DataError(
        f"{where} holds {label!r} in {place}, which is no class of the model:"
        f" {classes[0]!r} and {classes[1]!r}",
        f"is it {near!r} spelled otherwise?"
        if near
        else "evaluate on labels such as the model was fitted to",
    )
