"""Weights, offsets and counts: columns of finite numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError
from logloss.table.columns.source import Source
from logloss.table.roles.counts import Counts, counts_of
from logloss.table.roles.given import Given, given
from logloss.table.roles.labelled import plain
from logloss.table.roles.labels import Labels

Floats = npt.NDArray[np.float64]

_NUMBER_KINDS = "biuf"  # NumPy's kinds of bools, integers and floats


def weight_values(source: Source, weights: Any) -> Floats | None:
    """Weights as checked float64: finite, none negative, not all zero.

    `weights` is an array or the name of a column.
    """
    if weights is None:
        return None
    found = given(source, weights, "sample_weight")
    values, where = _numbers(found, source), found.where
    with np.errstate(over="ignore"):
        low, total = values.min(), values.sum()
    if low < 0:
        row = int(np.argmax(values < 0))
        raise DataError(
            f"{where} has a negative weight in {source.place(row)}: {values[row]:g}",
            "a weight says how often a row counts; leave a row out with 0",
        )
    if total == 0:
        raise DataError(f"{where}: all weights are zero", "at least one row must count")
    if not math.isfinite(total):
        raise DataError(
            f"{where}: the sum of the weights is too large for float64", "scale them down"
        )
    return values


def target_counts(source: Source, y: Any) -> Counts | None:
    """Successes and failures, where y is two columns of them."""
    return counts_of(
        y, lambda column, name: _numbers(given(source, column, name), source), source.place
    )


def offset_values(source: Source, offset: Any) -> Floats | None:
    """An offset, an array or the name of a column, as float64, checked: finite."""
    return None if offset is None else _numbers(given(source, offset, "offset"), source)


def _numbers(found: Given, source: Source) -> Floats:
    values, where = plain(found), found.where
    if isinstance(values, Labels) or values.dtype.kind not in _NUMBER_KINDS:
        what = getattr(values, "dtype", "text")
        raise DataError(f"{where} holds values of the type {what}, where numbers are needed")
    numbers = np.ascontiguousarray(values, dtype=np.float64)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(f"{where} must have one value a row, but has shape {numbers.shape}")
    found.check_length(source)
    finite = np.isfinite(numbers)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DataError(
            f"{where} is {numbers[row]:g} in {source.place(row)}", "finite numbers are needed"
        )
    return numbers
