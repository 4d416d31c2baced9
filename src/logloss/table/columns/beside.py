"""A column that came on its own, beside a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from logloss.errors import DataError


def one_column(values: Any, where: str) -> Any:
    """The column of a frame or sparse matrix that has one, as it is; anything else unchanged.

    Raises
    ------
    DataError
        A frame of several columns.
    """
    shape: tuple[int, ...] = getattr(values, "shape", ())
    if len(shape) != 2 or isinstance(values, np.ndarray):
        return values
    if shape[1] != 1:
        raise DataError(
            f"{where} has {shape[1]} columns, and one is needed", "give one value a row"
        )
    for name, take in _ONLY.items():
        if hasattr(values, name):
            return take(values)
    return values


_ONLY: dict[str, Callable[[Any], Any]] = {
    "iloc": lambda frame: frame.iloc[:, 0],
    "to_series": lambda frame: frame.to_series(0),
    "column_names": lambda table: table.column(0),
    "tocsr": lambda matrix: matrix.toarray()[:, 0],
}
