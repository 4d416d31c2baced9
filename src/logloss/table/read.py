"""Anything that holds a table → Source.

NumPy arrays and SciPy sparse matrices are read here, without importing pyarrow or SciPy; frames,
Arrow data, files and queries in `foreign`, which is imported when the first one comes along.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from logloss.errors import DataError
from logloss.table.columns.matrix import in_rows
from logloss.table.columns.source import Source, unknown_column
from logloss.table.reading.options import Dialect, ReadOptions, Sql

__all__ = ["Source", "read"]

_NUMBER_KINDS = "biuf"  # NumPy's kinds of bools, integers and floats
_LABEL_KINDS = "OUST"  # of objects and text
_READABLE = ("csr", "csc")


def read(
    source: Any,
    *,
    columns: Collection[str] | None = None,
    exclude: Collection[str] = (),
    by_column: bool = False,
    where: str = "X",
    dialect: Dialect | None = None,
    na: tuple[str, ...] = (),
    text: Collection[str] = (),
) -> Source:
    """Read a table, copying nothing that can stay where it is.

    Files, queries, datasets and readers give a Source with a `stream`, of which nothing but the
    head has been read: `encoding.encoded` reads it.

    Parameters
    ----------
    source : array, scipy.sparse matrix, table, path, or Source
        2-D ndarray or nested lists; pandas, polars, pyarrow, DuckDB or anything with
        ``__arrow_c_stream__``; the path of a CSV, Parquet or Arrow file, of a folder of them, a
        glob, or ``"-"`` for standard input; a spool; an `Sql` query.
    columns : collection of str, optional
        Read only these, where the data has names. Those that are not there are left to the schema
        to miss.
    exclude : collection of str
        Columns to leave out. Unknown ones are an error.
    by_column : bool
        Columns will be taken out of the table by name. A frame whose numbers lie in one block is
        then read column by column, where it would be taken as a matrix otherwise.
    where : str
        What messages call data that is no file.
    dialect : Dialect, optional
        How CSV files are written, where that is not to be found out.
    na : tuple of str
        Texts that mean a missing value, beside the usual ones (see `reading.missing`). Not used for
        spools, in which they are settled.
    text : collection of str
        Columns of CSV files that are text even where they look like numbers.

    Raises
    ------
    DataError
        The data cannot be read, or is empty, or has two columns of one name, or a shape or type
        that is no table of numbers.
    UsageError
        There is no such file, or column in `exclude`, or reader for this type.
    """
    options = ReadOptions.of(columns, exclude, dialect, na, text)
    if isinstance(source, (str, os.PathLike, Sql)):
        from logloss.table.foreign import of_name

        named = of_name(source, options)
        return named if named.columns is None else _project(named, columns, exclude)
    found = _in_place(source, where)
    if found is not None:
        return _project(found, columns, exclude)
    if _is_pandas(source):
        block = None if by_column or exclude else _block(source, columns, where)
        if block is not None:
            return replace(block, index=source.index)
    from logloss.table.foreign import of_object

    held = of_object(source, where, options)
    return _project(_from_array(source, where), columns, exclude) if held is None else held


def _in_place(source: Any, where: str) -> Source | None:
    """What has been read, and matrices; None for what only Arrow may know."""
    if isinstance(source, Source):
        return source
    if _is_sparse(source):
        return _from_sparse(source, where)
    if isinstance(source, (np.ndarray, list, tuple)):
        return _from_array(source, where)
    return None


def _project(source: Source, columns: Collection[str] | None, exclude: Collection[str]) -> Source:
    for name in exclude:
        if name not in source.names:
            raise unknown_column(name, source.names, source.where)
    if columns is not None and source.named:
        wanted = frozenset(columns)
        source = source.select([name for name in source.names if name in wanted])
    return source.without(list(exclude)) if exclude else source


def _from_array(values: Any, where: str) -> Source:
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


def _block(frame: Any, columns: Collection[str] | None, where: str) -> Source | None:
    """A pandas frame whose numbers lie in one block, as a matrix, not copied; None for others."""
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
    return Source(names, where, frame.to_numpy(), None, len(frame))
