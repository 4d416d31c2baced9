"""One form of a column as another: numbers as levels, and text that reads as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.levels import spelled
from logloss.table.columns.typed import Codes, Column, Numbers

_OWN: dict[str, type[np.generic]] = {"bool": np.bool_, "halffloat": np.float16}


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
