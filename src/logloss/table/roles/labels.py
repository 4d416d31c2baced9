"""A column as labels: codes into distinct values, of their own type and in their declared order.

Text that people typed spells one label in several ways. Where there are more than two spellings,
those that differ in capitals or in the blanks around them only are one label, called what most rows
call it. Two spellings are two labels: there is no other way to fit them. The words that mean "no
value" in a column of numbers mean it in a target of text too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from logloss.table.columns.typed import Codes
from logloss.table.spelling import MISSING_NUMBERS, folded, spelled
from logloss.table.words import SHOWN, listed

Label: TypeAlias = str | int | float | bool

Mask: TypeAlias = npt.NDArray[np.bool_]

MISSING_WORDS = frozenset(MISSING_NUMBERS) - {""}


@dataclass(frozen=True)
class Labels:
    """A column as codes into its distinct values.

    Attributes
    ----------
    values : tuple
        The distinct values, each of them in use.
    codes : ndarray of int, shape (n,)
        −1: there is no value.
    ordered : bool
        The table has declared the order of the values: that of `values`.
    notes : tuple of str
        What was taken for one label.
    """

    values: tuple[Any, ...]
    codes: npt.NDArray[Any]
    ordered: bool = False
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.codes)

    def missing(self) -> Mask | None:
        """Which rows have no value; None where all have one."""
        rows: Mask = self.codes < 0
        return rows if rows.any() else None

    @property
    def key(self) -> Callable[[Any], Any] | None:
        """What labels are sorted by: where some have several spellings, without their capitals."""
        return folded if self.notes else None


def labels_of(column: Codes) -> Labels:
    """The levels that some row has."""
    used = np.bincount(column.codes, minlength=len(column.levels)) > 0
    there = [k for k, level in enumerate(column.levels) if used[k] and level is not None]
    typed = {spelled(value): value for value in column.declared or ()}
    values = [typed.get(spelled(column.levels[k]), column.levels[k]) for k in there]
    if column.declared is not None:
        position = {spelled(value): at for at, value in enumerate(column.declared)}
        ranks = [position.get(spelled(value), len(position)) for value in values]
        order = sorted(range(len(there)), key=ranks.__getitem__)
        there, values = [there[k] for k in order], [values[k] for k in order]
    place = np.full(len(column.levels), -1, np.min_scalar_type(-len(column.levels) - 1))
    place[there] = np.arange(len(there))
    return Labels(tuple(map(_label, values)), place[column.codes], column.declared is not None)


def _label(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else str(value)  # dates


def without_missing_words(
    column: Codes, words_for_none: frozenset[str] = MISSING_WORDS
) -> tuple[Codes, list[str]]:
    """The column in which words such as NA are missing, and those words."""
    words = [level for level in column.levels if level in words_for_none]
    if not words:
        return column, []
    levels = [None if level in words_for_none else level for level in column.levels]
    first = levels.index(None)
    kept = [k for k, level in enumerate(levels) if level is not None or k == first]
    place = np.full(len(levels), kept.index(first), column.codes.dtype)
    place[kept] = np.arange(len(kept))
    used = np.bincount(column.codes, minlength=len(column.levels)) > 0
    in_use = [level for level, there in zip(column.levels, used, strict=True) if there]
    found = replace(column, codes=place[column.codes], levels=tuple(levels[k] for k in kept))
    return found, [word for word in words if word in in_use]


def merged(labels: Labels) -> Labels:
    """Labels in which spellings that differ in capitals or blanks only are one, with a note."""
    if len(labels.values) <= 2 or not any(isinstance(value, str) for value in labels.values):
        return labels
    counts = np.bincount(labels.codes[labels.codes >= 0], minlength=len(labels.values))
    groups: dict[str, list[int]] = {}
    for k, value in enumerate(labels.values):
        groups.setdefault(folded(value), []).append(k)
    if len(groups) == len(labels.values):
        return labels
    place = np.full(len(labels.values) + 1, -1, np.intp)  # the last: no value
    names, notes = [], []
    for at, group in enumerate(groups.values()):
        best = min(group, key=lambda k: (-counts[k], str(labels.values[k])))
        others = [labels.values[k] for k in group if k != best]
        place[group] = at
        names.append(labels.values[best])
        if others:
            notes.append(f"{listed(list(map(repr, others)))} as {names[-1]!r}")
    note = f"labels that differ in capitals or blanks only are one: {_read(notes)}"
    return Labels(tuple(names), place[labels.codes], labels.ordered, (note,))


def _read(notes: Sequence[str]) -> str:
    return f"{listed(notes[:SHOWN], len(notes))}"


def label_array(classes: Sequence[Label]) -> npt.NDArray[Any]:
    """The classes as an array in which each keeps its type."""
    kinds = {bool if isinstance(c, bool) else str if isinstance(c, str) else float for c in classes}
    if len(kinds) == 1:
        return np.array(classes)
    array = np.empty(len(classes), object)
    array[:] = classes
    return array
