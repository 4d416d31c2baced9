"""Text that reads as numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Decimal numbers as all CSV readers know them: no hexadecimals, 1_000, inf or nan.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


def parsed(levels: Sequence[str | None]) -> NDArray[np.float64] | None:
    """The numbers that levels read as, 0 for None; None where one is no finite number."""
    # in Python: handing a list to Arrow imports pandas where that is installed
    values = np.zeros(len(levels))
    for k, level in enumerate(levels):
        if level is None:
            continue
        if _NUMBER.fullmatch(level) is None:
            return None
        values[k] = float(level)
    return values + 0.0 if np.isfinite(values).all() else None  # no -0.0
