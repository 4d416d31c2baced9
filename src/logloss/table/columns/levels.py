"""How a level is spelled, in whatever type it comes.

Tables that belong together hold the same codes as text, as integers, as floats where one is missing
(pandas), as categories or as bools. A level keeps the spelling of the training table; numbers and
bools have one spelling each, and where a level is not found as it is spelled, 1, 1.0, "1" and "1.0"
are one, and so are True, "true" and "TRUE". "01", "1.00" and "1e0" are no spelling of a number that
a program would choose: they stay text.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import numpy as np

from logloss.table.columns.typed import Codes

MISSING = "<missing>"  # the level of rows without a value
RARE = "<rare>"  # the level of all levels that too few rows have

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?", re.ASCII)
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00:00(\.0+)?", re.ASCII)
_BOOLS = {"true": "True", "TRUE": "True", "false": "False", "FALSE": "False"}
_AS_NUMBER = {"True": "1", "False": "0"}
_AS_BOOL = {number: word for word, number in _AS_NUMBER.items()}
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
