"""Which texts mean that a value is missing.

In a column of numbers the usual words do (``NA``, ``NaN``, ``null``, …, and the empty text), and
those that the caller names. In a column of text only the empty text and the named ones: ``NA`` may
be Namibia and ``None`` a level like any other (it is, in the table diabetes130). Blanks around a
word do not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MISSING_NUMBERS = (
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "n/a",
    "nan",
    "null",
)

TEXT = pa.dictionary(pa.int32(), pa.string())  # how the streams deliver text


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
    words = pa.array(["", *(word.strip() for word in na)], pa.string())
    gone = pc.or_(pc.is_in(pc.utf8_trim_whitespace(levels), value_set=words), pc.is_null(levels))
    if not pc.any(gone).as_py():
        return column
    codes = column.indices
    kept = pc.if_else(gone.take(codes), pa.scalar(None, codes.type), codes)
    return pa.DictionaryArray.from_arrays(kept, levels)


def _is_number(type_: Any) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_))


def _number(column: Any, na: tuple[str, ...]) -> Any:
    named = []
    for word in na:
        try:
            named.append(pa.scalar(float(word)).cast(column.type))
        except (ValueError, pa.ArrowInvalid):
            continue  # no number, or none of this type: no row has it
    if not named:
        return column
    values = pa.array([value.as_py() for value in named], column.type)
    return pc.if_else(pc.is_in(column, value_set=values), pa.scalar(None, column.type), column)
