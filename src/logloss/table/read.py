"""Anything that holds a table → Source.

NumPy arrays and SciPy sparse matrices are read in `columns.arrays`, without importing pyarrow or
SciPy; frames, Arrow data, files and queries in `foreign`, which is imported when the first comes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from logloss.table.columns.arrays import from_array, in_one_block, in_place
from logloss.table.columns.source import Source
from logloss.table.reading.options import Dialect, ReadOptions

__all__ = ["Source", "read"]


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
    found = in_place(source, where)
    if found is not None:
        return found.projected(columns, exclude)
    block = None if by_column or exclude else in_one_block(source, columns, where)
    if block is not None:
        return block
    from logloss.table.foreign import foreign

    held = foreign(source, where, options)
    return from_array(source, where).projected(columns, exclude) if held is None else held
