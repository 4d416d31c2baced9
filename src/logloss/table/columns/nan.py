"""NaN as a missing value: rows that hold it are taken out of the bitmap of a column."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.typed import Columns


def nan_as_missing(columns: Columns) -> Columns:
    """The same columns, in which NaN is missing."""
    found = {
        name: replace(column, valid=without_nan(column.values, column.valid))
        for name, column in columns.numbers.items()
    }
    return Columns({**columns.by_name, **found}, columns.n_rows)


def without_nan(values: NDArray[Any], valid: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """The bitmap without rows that are NaN. They are looked for only where the sum is NaN."""
    if values.dtype.kind != "f":
        return valid
    with np.errstate(all="ignore"):
        if not np.isnan(values.sum()):
            return valid
    nan = np.isnan(values)
    if not nan.any():  # the sum of opposite infinities is NaN too
        return valid
    there = packed(~nan)
    return there if valid is None else there & valid


def packed(valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The bitmap of rows that have a value."""
    return np.packbits(valid, bitorder="little")
