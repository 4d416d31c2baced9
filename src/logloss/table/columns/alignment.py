"""Rows that have names: what lies beside a pandas frame must have its rows in the same order.

pandas matches by index, arrays go by position. A Series whose index is that of the frame in another
order could mean either, so it is refused, as by statsmodels. An index that only counts the rows
from 0 says nothing, unless the other one holds the same numbers in another order.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from logloss.errors import DataError


def index_of(values: Any) -> Any:
    """The index of a pandas frame or Series; None for anything else."""
    module = sys.modules.get("pandas")  # whoever holds one of its objects has imported it
    if module is None or not isinstance(values, (module.DataFrame, module.Series)):
        return None
    return values.index


def check_aligned(index: Any, values: Any, where: str, table: str) -> None:
    """Raise a DataError where `values` has an index that names other rows than `index`."""
    other = index_of(values)
    if index is None or other is None or len(index) != len(other) or index.equals(other):
        return
    if (_counts(index) or _counts(other)) and not _same_set(index, other):
        return
    row = int(np.argmax([a != b for a, b in zip(index, other, strict=True)]))
    raise DataError(
        f"{where} has another index than {table}: the first difference is in row {row}, which is"
        f" {_name(index[row])} in {table} and {_name(other[row])} in {where}",
        f"{where}.loc[{table}.index] brings its rows into order; {where}.to_numpy() takes them by"
        " position",
    )


def check_all_aligned(**given: Any) -> None:
    """The same for all of these, by name, each against the first that has an index."""
    first, index = "", None
    for name, values in given.items():
        check_aligned(index, values, name, first)
        if index is None:
            first, index = name, index_of(values)


def _counts(index: Any) -> bool:
    """Whether it numbers the rows from 0, as an index that nobody chose does."""
    return (
        isinstance(index, sys.modules["pandas"].RangeIndex) and index.start == 0 and index.step == 1
    )


def _same_set(index: Any, other: Any) -> bool:
    return bool(other.is_unique and index.is_unique and other.isin(index).all())


def _name(label: Any) -> str:
    return repr(getattr(label, "item", lambda: label)())[:60]
