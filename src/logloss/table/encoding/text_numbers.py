"""What text without a type means once all of it is known: numbers, true or false, dates, nothing.

pyarrow finds the types of a CSV file piece by piece. Where that left a column as text (its first
rows have no value, or two pieces differ), its distinct values are read here once more, all
together and by the same reader. So the rows' order and the pieces' bounds decide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.types as kind
from numpy.typing import NDArray

from logloss.table.encoding.narrow import numbers_of
from logloss.table.spelling import FALSE, MISSING_NUMBERS, TRUE

_WORDS = frozenset(MISSING_NUMBERS)
# What numbers, dates and times begin with, and what they are made of.
_FIRST = re.compile(r"[0-9+.-]|(?i:inf|nan)|true|True|TRUE|false|False|FALSE", re.ASCII)
_PLAIN = re.compile(r"[0-9A-Za-z+.:() -]+", re.ASCII)
_READ = pa.csv.ReadOptions(column_names=["level"], use_threads=False)
_PARSE = pa.csv.ParseOptions(delimiter="\x01", quote_char=False, ignore_empty_lines=False)
_CONVERT = pa.csv.ConvertOptions(null_values=[""], true_values=TRUE, false_values=FALSE)


@dataclass(frozen=True, eq=False)
class Meaning:
    """What levels mean.

    Attributes
    ----------
    type : pyarrow.DataType
        That of numbers, of bools, of dates or times; null where no level is a value.
    values : ndarray of int64, float64 or uint8, shape (n_levels,)
        The numbers and bools, 0 where there is none.
    there : ndarray of bool, shape (n_levels,)
        Which levels are values.
    """

    type: Any
    values: NDArray[Any]
    there: NDArray[np.bool_]

    @property
    def numeric(self) -> bool:
        """Whether they are numbers."""
        return bool(kind.is_integer(self.type) or kind.is_floating(self.type))

    @property
    def temporal(self) -> bool:
        """Whether they are dates or times."""
        return bool(kind.is_temporal(self.type))


def meaning_of(levels: Sequence[str | None]) -> Meaning | None:
    """What trimmed levels mean; None where they are text."""
    words = ["" if level is None or level in _WORDS else level for level in levels]
    there = np.array([word != "" for word in words], np.bool_)
    values = [word for word in words if word]
    if not values:
        return Meaning(pa.null(), np.zeros(len(words), np.uint8), there)
    if not all(_FIRST.match(value) and _PLAIN.fullmatch(value) for value in values):
        return None
    content = "\n".join(values).encode()
    read = pa.csv.read_csv(pa.BufferReader(content), _READ, _PARSE, _CONVERT).column(0)
    if kind.is_string(read.type):
        return None
    found = np.zeros(len(words), np.uint8)
    if not kind.is_temporal(read.type):
        numbers, valid = numbers_of(read.combine_chunks())
        found = np.zeros(len(words), numbers.dtype)
        found[there] = numbers + numbers.dtype.type(0)  # no -0.0
        if valid is not None:  # NAN and nan(1) are numbers to the reader
            there[there] = valid
    return Meaning(read.type, found, there)
