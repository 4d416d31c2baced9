"""One way to write a value, whatever type a table gives it; and the words that mean there is none.

A column of 0 and 1 comes as integers from one table, as floats from another (a hole makes them so),
as text or bools from a third. What was learned from one must be found in the others.
"""

from __future__ import annotations

import math
import numbers
import re
from typing import Any

# In a column of numbers, and in a target: no value.
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

# Not "1": whether a column is bool or int must not depend on the row at which one looks.
TRUE = ["true", "True", "TRUE"]
FALSE = ["false", "False", "FALSE"]

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_DIGITS = 300  # of a whole number; longer text is text
_BOOLS = {word: word.capitalize() for word in ("true", "false", "TRUE", "FALSE")}


def spelled(value: Any) -> str:
    """The one spelling of a value: "1" for 1, 1.0, "1", " 1.0 "; "True" for True, "true", "TRUE".

    Text that is neither a number nor a bool is itself without the blanks around it.
    """
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text) is None:
            return _BOOLS.get(text, text)
        if text.lstrip("+-").isdigit() and len(text) <= _DIGITS:
            return str(int(text))
        read = float(text)
        return spelled(read) if math.isfinite(read) else text
    value = getattr(value, "item", lambda: value)()  # NumPy's scalars
    if isinstance(value, int) or not isinstance(value, numbers.Real):
        return str(value).strip()
    number = float(value)
    return str(int(number)) if number.is_integer() else str(value)


def folded(value: Any) -> str:
    """The same where capitals do not count either."""
    return spelled(value).casefold()
