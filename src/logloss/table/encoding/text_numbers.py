"""Text that reads as numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Decimal numbers as all CSV readers know them: no hexadecimals, 1_000, inf or nan.
_NUMBER = r"\A[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z"
_LIKELY_NUMBER = re.compile(r"[+-]?\.?[0-9]")


def parsed(levels: Sequence[str | None]) -> NDArray[np.float64] | None:
    """The numbers that levels read as, 0 for None; None where one is no finite number."""
    first = next((level for level in levels if level is not None), None)
    if first is not None and not _LIKELY_NUMBER.match(first):
        return None
    texts = pa.array(list(levels), pa.large_string())
    if pc.any(pc.invert(pc.match_substring_regex(texts, _NUMBER))).as_py():
        return None
    values = texts.cast(pa.float64()).fill_null(0.0).to_numpy() + 0.0  # no -0.0
    return values if np.isfinite(values).all() else None
