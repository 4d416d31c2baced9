"""Which Arrow types are numbers, which are text, and words for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as kind

from logloss.table.columns.typed import Codes, Unusable

_READ_AS: dict[Any, type[np.generic]] = {
    pa.bool_(): np.uint8,
    pa.int8(): np.int8,
    pa.int16(): np.int16,
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.uint8(): np.uint8,
    pa.uint16(): np.int32,
    pa.uint32(): np.int64,
    pa.uint64(): np.float64,
    pa.float16(): np.float32,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}
_STRINGS: tuple[Callable[[Any], bool], ...] = (
    kind.is_string,
    kind.is_large_string,
    kind.is_string_view,
)
_BYTES: tuple[Callable[[Any], bool], ...] = (
    kind.is_binary,
    kind.is_large_binary,
    kind.is_binary_view,
    kind.is_fixed_size_binary,
)


def number_type(type_: Any) -> np.dtype[Any] | None:
    """The NumPy type that holds the numbers of an Arrow type, None where they are no numbers."""
    if kind.is_decimal(type_):
        return np.dtype(np.float64)
    found = _READ_AS.get(type_)
    return None if found is None else np.dtype(found)


def is_string(type_: Any) -> bool:
    """Whether the type is one of Arrow's text types."""
    return any(test(type_) for test in _STRINGS)


def is_text(type_: Any) -> bool:
    """Whether the values are text, or a dictionary of values that can be printed."""
    if not kind.is_dictionary(type_):
        return is_string(type_)
    inner = type_.value_type
    return not (kind.is_nested(inner) or kind.is_dictionary(inner) or _is_bytes(inner))


def refused(type_: Any) -> Unusable:
    """What a column becomes whose values are neither numbers nor text."""
    inner = type_.value_type if kind.is_dictionary(type_) else type_
    reason, hint = "holds values", "turn them into numbers or text"
    if _is_bytes(inner):
        reason, hint = "holds bytes, or text that is not UTF-8", "save the text as UTF-8"
    elif kind.is_temporal(inner):
        reason = "holds dates or times"
        hint = "turn them into numbers (days since the first), or into text with few values"
    elif kind.is_nested(inner):
        reason, hint = "holds nested values", "make a column of each part"
    return Unusable(f"{reason} ({type_})", hint, True, str(type_))


def no_value(n_rows: int, type_: Any) -> Codes:
    """What a column becomes that has no value, nor a type that it would have."""
    return Codes(np.zeros(n_rows, np.uint8), (None,), str(type_))


def _is_bytes(type_: Any) -> bool:
    return any(test(type_) for test in _BYTES)
