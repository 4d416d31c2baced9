"""Checks of options: the error names the option, what was given, and what is possible."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from logloss.errors import UsageError, nearest

T = TypeVar("T")


def number(name: str, value: Any, low: float, high: float, *, open_low: bool = False) -> float:
    """A real number in [low, high], or in (low, high]."""
    found = _float_of(value) if _is_a(numbers.Real, value) else math.nan
    if low <= found <= high and not (open_low and found == low):
        return found
    positive = open_low and low == 0.0
    least = "positive" if positive else f"a number {'above' if open_low else 'from'} {low:g}"
    most = "" if high >= sys.float_info.max else f" and at most {high:g}"
    raise UsageError(f"{name} must be {least}{most}, not {value!r}")


def whole(name: str, value: Any) -> int:
    """A whole number from 1 on."""
    if _is_a(numbers.Integral, value) and value >= 1:
        return int(value)
    raise UsageError(f"{name} must be a whole number from 1 on, not {value!r}")


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if value in (True, False):
        return bool(value)
    raise UsageError(f"{name} must be True or False, not {value!r}")


def one_of(name: str, value: Any, table: Mapping[str, T]) -> T:
    """What stands under a word in a table."""
    if isinstance(value, str) and value in table:
        return table[value]
    near = nearest(str(value), table)
    raise UsageError(
        f"{name} must be one of {', '.join(map(repr, table))}, not {value!r}",
        f"did you mean {near!r}?" if near else None,
    )


def confidence(level: Any) -> float:
    """A confidence level between 0 and 1."""
    found = number("level", level, 0.0, 1.0, open_low=True)
    if found < 1.0:
        return found
    raise UsageError("level must be below 1", "such as 0.95")


def _float_of(value: Any) -> float:
    """As float64: NumPy compares its narrower floats in their own range, with a warning."""
    try:
        return float(value)
    except OverflowError:  # of a whole number
        return math.nan


def _is_a(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)  # a bool is a number to Python
