"""Which texts mean that a value is missing.

In a column of numbers the usual words do (``NA``, ``NaN``, ``null``, …, and the empty text), and
those that the caller names. In a column of text only the empty text and the named ones: ``NA`` may
be Namibia and ``None`` a level like any other (it is, in the table diabetes130). Blanks around a
word do not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logloss.table.reading.arrow_tables import is_number
from logloss.table.spelling import MISSING_NUMBERS

TEXT = pa.dictionary(pa.int32(), pa.string())  # how the streams deliver text
ORDERED = pa.dictionary(pa.int32(), pa.string(), ordered=True)  # of which the order is declared


def is_text(type_: Any) -> bool:
    """Whether a column of this type holds text, plain or as a dictionary."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_string_view(type_)
    )


def spelled(na: Iterable[str]) -> list[str]:
    """What stands for a missing number in a CSV file, for a reader that does not trim blanks."""
    named = [word.strip() for word in na]
    padded = [
        before + word + after for word in named for before in ("", " ") for after in ("", " ")
    ]
    return [*MISSING_NUMBERS, " ", *padded]


def without_missing(column: Any, na: tuple[str, ...]) -> Any:
    """An Arrow array in which the values that mean "missing" are null.

    Text comes back as a dictionary of strings with int32 codes; numbers equal to a number in `na`
    become null too, so that ``-9`` means the same in a Parquet file as in a CSV file.
    """
    if is_text(column.type):
        return _text(column, na)
    if na and _is_number(column.type):
        return _number(column, na)
    return column


def _text(column: Any, na: tuple[str, ...]) -> Any:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if column.type != TEXT:
        column = column.cast(TEXT)
    levels = column.dictionary
    gone = pc.or_(
        pc.is_in(pc.ascii_trim_whitespace(levels), value_set=_words(na)), pc.is_null(levels)
    )
    if not pc.any(gone).as_py():
        return column
    there = pc.invert(gone).buffers()[1]
    same = pa.py_buffer(np.arange(len(levels), dtype=np.int32))
    kept = pa.Array.from_buffers(pa.int32(), len(levels), [there, same]).take(column.indices)
    return pa.DictionaryArray.from_arrays(kept, levels)


def _is_number(type_: Any) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_))


def _number(column: Any, na: tuple[str, ...]) -> Any:
    named = _numbers(na)
    if not len(named):
        return column
    values = named.cast(column.type, safe=False)  # one that the type does not hold is in no row
    there = pc.equal(values.cast(pa.float64(), safe=False), named)
    return pc.if_else(
        pc.is_in(column, value_set=values.filter(there)), pa.nulls(1, column.type)[0], column
    )


# Built from buffers: pa.array and pa.scalar import pandas where that is installed, for 0.2 s.


@lru_cache(maxsize=8)
def _words(na: tuple[str, ...]) -> Any:
    words = [b"", *(word.strip().encode() for word in na)]
    ends = np.cumsum([0, *map(len, words)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(words), pa.py_buffer(ends), pa.py_buffer(b"".join(words))
    )


@lru_cache(maxsize=8)
def _numbers(na: tuple[str, ...]) -> Any:
    numbers = np.array([float(word) for word in na if is_number(word.strip())], np.float64)
    return pa.Array.from_buffers(pa.float64(), len(numbers), [None, pa.py_buffer(numbers)])
