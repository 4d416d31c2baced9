"""Arrays, sparse matrices and frames of one block of numbers → Source, nothing copied."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from logloss.errors import DataError
from logloss.table.columns.matrix import in_rows
from logloss.table.columns.source import Source

_NUMBER_KINDS = "biuf"  # NumPy's kinds of bools, integers and floats
_LABEL_KINDS = "OUST"  # of objects and text
_READABLE = ("csr", "csc")


def in_place(source: Any, where: str) -> Source | None:
    """What has been read, and matrices; None for what only Arrow may know."""
    if isinstance(source, Source):
        return source
    if _is_sparse(source):
        return _from_sparse(source, where)
    if isinstance(source, (np.ndarray, list, tuple)):
        return from_array(source, where)
    return None


def from_array(values: Any, where: str) -> Source:
    """An array, or what NumPy makes one of; a DataError where it is no table of numbers."""
    if np.ma.isMaskedArray(values):
        raise DataError(
            f"{where} is a masked array, and missing values cannot be fitted",
            "fill them, for example with X.filled(0), or leave out their rows",
        )
    try:
        matrix = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where} is not a table: its rows differ in length") from error
    _check_shape(matrix.shape, where)
    if matrix.dtype.kind not in _NUMBER_KINDS:
        raise DataError(
            f"{where} has the type {matrix.dtype}, and only numbers and bools can be fitted",
            "convert it (X.astype(float)), or give a table with named columns"
            if matrix.dtype.kind in _LABEL_KINDS
            else None,
        )
    return Source(_names(matrix.shape[1]), where, matrix, None, matrix.shape[0], named=False)


def _from_sparse(matrix: Any, where: str) -> Source:
    _check_shape(matrix.shape, where)
    if matrix.dtype.kind not in _NUMBER_KINDS:
        raise DataError(
            f"{where} has the type {matrix.dtype}, and only numbers and bools can be fitted"
        )
    if matrix.format not in _READABLE:
        matrix = in_rows(matrix, where)
    return Source(_names(matrix.shape[1]), where, matrix, None, matrix.shape[0], named=False)


def _check_shape(shape: Sequence[int], where: str) -> None:
    if len(shape) != 2:
        raise DataError(
            f"{where} must have two dimensions, rows and columns, but has {len(shape)}",
            "X.reshape(-1, 1) makes one column, X.reshape(1, -1) one row"
            if len(shape) == 1
            else None,
        )
    if 0 in shape:
        raise DataError(f"{where} is empty: {shape[0]} rows × {shape[1]} columns")


@lru_cache(maxsize=8)
def _names(n_columns: int) -> tuple[str, ...]:
    return tuple(f"x{j}" for j in range(n_columns))


def _is_sparse(source: Any) -> bool:
    # whoever holds a sparse matrix has imported scipy.sparse, so that there is no need to
    module = sys.modules.get("scipy.sparse")
    return module is not None and bool(module.issparse(source))


def _is_pandas(source: Any) -> bool:
    module = sys.modules.get("pandas")
    return module is not None and isinstance(source, module.DataFrame)


def in_one_block(frame: Any, columns: Collection[str] | None, where: str) -> Source | None:
    """A pandas frame whose numbers lie in one block, as a matrix, not copied; None for others."""
    if not _is_pandas(frame):
        return None
    names = tuple(map(str, frame.columns))
    if len(set(names)) < len(names) or 0 in frame.shape:
        return None
    if columns is not None and not frozenset(names) <= frozenset(columns):
        return None
    types = set(frame.dtypes)
    type_ = types.pop()
    if types or not isinstance(type_, np.dtype) or type_.kind not in _NUMBER_KINDS:
        return None  # pandas' own types hold missing values in a way of their own
    head = frame.iloc[
        :1
    ]  # a view, so that two blocks of one type show without copying them together
    if not np.shares_memory(head.to_numpy(), head.iloc[:, 0].to_numpy()):
        return None
    return Source(names, where, frame.to_numpy(), None, len(frame), index=frame.index)
