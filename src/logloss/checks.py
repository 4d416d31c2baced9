"""Checks of options: the error names the option, what was given, and what is possible."""

from __future__ import annotations

import numbers
import sys
from typing import Any

from logloss.errors import UsageError


def number(name: str, value: Any, low: float, high: float, *, open_low: bool = False) -> float:
    """A real number in [low, high], or in (low, high]."""
    if _is_a(numbers.Real, value) and low <= value <= high and not (open_low and value == low):
        return float(value)
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


def _is_a(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)  # a bool is a number to Python
