"""Any table → features, target, weights and offset, as the engine reads them.

The only place that looks at types.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError, UsageError
from logloss.table.read import column_values, read
from logloss.table.schema import Encoded, NumericColumn, Schema, learn
from logloss.table.source import Source, unknown_column
from logloss.table.target import Label, Labels, Target, encode_target

__all__ = [
    "Encoded",
    "Label",
    "Labels",
    "NumericColumn",
    "Schema",
    "Source",
    "Split",
    "Target",
    "encode_target",
    "learn",
    "offset_values",
    "read",
    "split",
    "weight_values",
]

_NUMBER_KINDS = "biuf"  # NumPy's kinds of bools, integers and floats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """A table taken apart.

    Attributes
    ----------
    features : Source
        The columns that are left.
    y_values : ndarray or Labels
        The target as it came, for `encode_target`; None where there is none.
    y_where : str
        What messages call it.
    weights, offset : ndarray of float64, shape (n_rows,), or None
    target_name, weights_name, offset_name : str or None
        The names of these columns; None where they were given as arrays, or not at all.
    """

    features: Source
    y_values: npt.NDArray[Any] | Labels | None
    y_where: str
    weights: Floats | None
    offset: Floats | None
    target_name: str | None
    weights_name: str | None
    offset_name: str | None


def split(
    source: Any,
    *,
    y: Any = None,
    sample_weight: Any = None,
    offset: Any = None,
    exclude: Collection[str] = (),
) -> Split:
    """Take the target, the weights and the offset out of a table, or put them beside it.

    Parameters
    ----------
    source : Source, or anything that `read` reads
    y, sample_weight, offset : array-like of shape (n_rows,), or the name of a column; or None
        None for y where a table comes to be predicted. A named column is not a feature. Weights
        are finite, not negative and not all zero; offsets finite.
    exclude : collection of str
        Columns to leave out.

    Raises
    ------
    DataError
        Lengths differ; values are missing, not numbers, or out of range; anything `read` raises.
    UsageError
        An unknown column name (with the nearest one); a column with two roles.
    """
    named = {
        role: value for role, value in _roles(y, sample_weight, offset) if isinstance(value, str)
    }
    _check_roles(named, exclude)
    table = read(source, exclude=exclude, by_column=bool(named))
    for name in named.values():
        if name not in table.names:
            raise unknown_column(name, table.names, table.where)
    y_where = _where("y", y, table)
    y_values = None if y is None else _values(y, table, y_where)
    if y_values is not None:
        _check_length(len(y_values), table, y_where)
    return Split(
        features=table.without(list(named.values())) if named else table,
        y_values=y_values,
        y_where=y_where,
        weights=weight_values(table, sample_weight),
        offset=offset_values(table, offset),
        target_name=named.get("y"),
        weights_name=named.get("sample_weight"),
        offset_name=named.get("offset"),
    )


def weight_values(source: Source, weights: Any) -> Floats | None:
    """Weights as checked float64: finite, none negative, not all zero.

    `weights` is an array or the name of a column.
    """
    if weights is None:
        return None
    where = _where("sample_weight", weights, source)
    values = _numbers(weights, source, where)
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


def offset_values(source: Source, offset: Any) -> Floats | None:
    """An offset, an array or the name of a column, as float64, checked: finite."""
    return None if offset is None else _numbers(offset, source, _where("offset", offset, source))


def _roles(y: Any, sample_weight: Any, offset: Any) -> tuple[tuple[str, Any], ...]:
    return ("y", y), ("sample_weight", sample_weight), ("offset", offset)


def _check_roles(named: dict[str, str], exclude: Collection[str]) -> None:
    taken: dict[str, str] = dict.fromkeys(exclude, "exclude")
    for role, name in named.items():
        other = taken.setdefault(name, role)
        if other != role:
            raise UsageError(f"column {name!r} cannot be both {other} and {role}")


def _where(role: str, value: Any, source: Source) -> str:
    return f"{source.where}: column {value!r}" if isinstance(value, str) else role


def _values(value: Any, source: Source, where: str) -> npt.NDArray[Any] | Labels:
    if not isinstance(value, str):
        values = column_values(value, where)
        if getattr(values, "shape", None) == ():
            raise UsageError(
                f"{where} is a single value: {value!r}",
                "give one value a row, or the name of a column as text",
            )
        return values
    if value not in source.names:
        raise unknown_column(value, source.names, source.where)
    if source.table is not None:
        from logloss.table import arrow

        return arrow.values_of(source.table.column(value), where, source.place)
    column = source.select([value]).matrix
    dense = column if isinstance(column, np.ndarray) else column.toarray()
    return np.ascontiguousarray(dense[:, 0])


def _numbers(value: Any, source: Source, where: str) -> Floats:
    values = _values(value, source, where)
    if isinstance(values, Labels) or values.dtype.kind not in _NUMBER_KINDS:
        what = getattr(values, "dtype", "text")
        raise DataError(f"{where} holds values of the type {what}, where numbers are needed")
    numbers = np.ascontiguousarray(values, dtype=np.float64)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(f"{where} must have one value a row, but has shape {numbers.shape}")
    _check_length(len(numbers), source, where)
    finite = np.isfinite(numbers)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DataError(
            f"{where} is {numbers[row]:g} in {source.place(row)}", "finite numbers are needed"
        )
    return numbers


def _check_length(length: int, source: Source, where: str) -> None:
    if length != source.n_rows:
        raise DataError(
            f"{where} has {length} values, but {source.where} has {source.n_rows} rows",
            "one value a row is needed",
        )
