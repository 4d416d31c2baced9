"""Arrow batches → typed columns, in memory or beyond a bound in a scratch file; and spools."""

from __future__ import annotations

from collections.abc import Collection

from logloss.files.memory import free_memory
from logloss.table.columns.source import Source


def encoded(
    source: Source, na: Collection[str] = (), memory: int | None = None, spool: str | None = None
) -> Source:
    """Read the stream of a source, once.

    Parameters
    ----------
    source : Source
    na : collection of str
        Texts that stand for a missing value.
    memory : int, optional
        Bytes that the columns may take in memory; by default half of what is free.
    spool : str, optional
        The folder of the scratch file.

    Raises
    ------
    DataError
        What is wrong with the table, and where.
    """
    from logloss.table.encoding.stream import encoded_within  # pyarrow: not for arrays

    bound = free_memory() // 2 if memory is None else memory
    return encoded_within(source, na, bound, spool)
