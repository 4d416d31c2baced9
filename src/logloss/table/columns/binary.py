"""Which columns are zeros and ones, by the rows that count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_FEW = 4096  # rows that tell most columns


def zeros_and_ones(
    values: NDArray[Any], valid: NDArray[np.uint8] | None, counted: Mask | None
) -> bool:
    """Whether each value is 0 or 1, of those that are there in rows that count.

    Parameters
    ----------
    values : ndarray of shape (n,)
    valid : ndarray of uint8, or None
        Arrow's bitmap of the values that are there.
    counted : ndarray of bool, shape (n,), or None
    """
    n = len(values)
    for end in (min(_FEW, n), n):
        x = values[:end]
        sound = (x == 0) | (x == 1)
        if valid is not None:
            there = np.unpackbits(valid, count=end, bitorder="little").view(np.bool_)
            sound |= ~there
        if counted is not None:
            sound |= ~counted[:end]
        if not sound.all():
            return False
    return True
