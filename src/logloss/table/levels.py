"""How a level is spelled, in whatever type it comes.

Tables that belong together hold the same codes as text, as integers, as floats where one is missing
(pandas), as categories or as bools. A level keeps the spelling of the training table; numbers and
bools have one spelling each, and where a level is not found as it is spelled, 1, 1.0, "1" and "1.0"
are one, and so are True, "true" and "TRUE". "01", "1.00" and "1e0" are no spelling of a number that
a program would choose: they stay text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns import Codes, Column, Numbers

MISSING = "<missing>"  # the level of rows without a value
RARE = "<rare>"  # the level of all levels that too few rows have

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?", re.ASCII)
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00:00(\.0+)?", re.ASCII)
_BOOLS = {"true": "True", "TRUE": "True", "false": "False", "FALSE": "False"}
_AS_NUMBER = {"True": "1", "False": "0"}
_AS_BOOL = {number: word for word, number in _AS_NUMBER.items()}
_OWN: dict[str, type[np.generic]] = {"bool": np.bool_, "halffloat": np.float16}
_WHOLE = 1e22  # up to here floats hold all powers of ten


def word_of(level: str | None) -> str:
    """The level of a value, or of none."""
    return MISSING if level is None else level


def spelled(value: Any) -> str:
    """A number, a bool or another value as text; whole floats as integers."""
    if isinstance(value, float | np.floating):
        whole = float(value).is_integer() and abs(float(value)) < _WHOLE
        return str(int(value)) if whole else str(value)  # the shortest that reads as it
    return str(value)


def order_of(column: Codes) -> tuple[str, ...] | None:
    """The levels in the order that the table declares, those without a row too; None: none."""
    return None if column.declared is None else tuple(map(spelled, column.declared))


def key_of(level: str) -> str:
    """What is the same for all spellings of a level."""
    if level in _BOOLS:
        return _BOOLS[level]
    if _INTEGER.fullmatch(level):
        return str(int(level))  # no -0
    if _FLOAT.fullmatch(level) and str(float(level)) == level:
        return spelled(float(level) + 0.0)  # no -0
    midnight = _MIDNIGHT.fullmatch(level)
    return midnight[1] if midnight else level


class Places:
    """Finds levels by their spelling, or else by their key, where that leaves no doubt.

    Parameters
    ----------
    of : mapping of str to int
        Level → its place.
    """

    def __init__(self, of: dict[str, int]) -> None:
        self._of = of

    @cached_property
    def _by_key(self) -> dict[str, int]:
        found: dict[str, int] = {}
        unclear = set()
        for level, place in self._of.items():
            key = key_of(level)
            if found.setdefault(key, place) != place:
                unclear.add(key)
        return {key: place for key, place in found.items() if key not in unclear}

    @cached_property
    def _other(self) -> dict[str, str]:
        """Numbers for bools where all levels are 0 and 1, and the other way round."""
        values = set(map(key_of, self._of)) - {MISSING}
        if values <= _AS_BOOL.keys():
            return _AS_NUMBER
        return _AS_BOOL if values <= _AS_NUMBER.keys() else {}

    def find(self, level: str | None) -> int | None:
        """The place of a level; None where it is none of them."""
        word = word_of(level)
        found = self._of.get(word)
        if found is not None or level is None:
            return found
        key = key_of(word)
        return self._by_key.get(self._other.get(key, key))


# ---- one form of a column as another


def as_text(column: Numbers) -> Codes:
    """Numbers and bools as levels; NaN is missing."""
    values, codes = np.unique(column.values, return_inverse=True)
    levels: list[str | None] = [None if v != v else spelled(v) for v in _as_typed(values, column)]  # noqa: PLR0124
    if column.valid is not None:
        there = np.unpackbits(column.valid, count=len(column), bitorder="little").view(np.bool_)
        if None not in levels:
            levels.append(None)
        codes = np.where(there, codes, levels.index(None))
    return Codes(codes.astype(np.int32), tuple(levels), column.type)


def _as_typed(values: NDArray[Any], column: Numbers) -> NDArray[Any]:
    """Values in the type of the table, which has its own shortest spelling."""
    return values.astype(_OWN.get(column.type, values.dtype), copy=False)


def as_numbers(column: Codes) -> Column:
    """Text that reads as numbers or bools throughout, as in a file without types, as numbers."""
    meaning = _meaning(column.levels)
    if meaning is None or meaning.temporal:
        return column
    there = meaning.there[column.codes]
    valid = None if there.all() else np.packbits(there, bitorder="little")
    return Numbers(meaning.values[column.codes], valid, column.type)


def reads_as_number(level: str | None) -> bool:
    """Whether text is a number, a bool, or a word for a missing one."""
    meaning = _meaning((level,))
    return meaning is not None and not meaning.temporal


def _meaning(levels: Sequence[str | None]) -> Any:
    from logloss.table.encoding.text_numbers import meaning_of  # pyarrow: not for arrays

    return meaning_of(levels)
