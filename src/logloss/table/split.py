"""A table read and taken apart: features, target, weights and offset."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from logloss.table.columns.source import Source, unknown_column
from logloss.table.encoding import encoded
from logloss.table.read import read
from logloss.table.roles.take import Roles, Split, take
from logloss.table.treatment import TableOptions


def split(
    source: Any,
    *,
    y: Any = None,
    sample_weight: Any = None,
    offset: Any = None,
    exclude: Collection[str] = (),
    options: TableOptions | None = None,
    groups: Any = None,
) -> Split:
    """Read a table, and take the target, the weights and the offset out, or put them beside it.

    Parameters
    ----------
    source : Source, or anything that `read` reads
    y, sample_weight, offset : array-like of shape (n_rows,), or the name of a column; or None
        None for y where a table comes to be predicted; it may also be two columns (see `counts`).
        A named column is not a feature; y may also be its position as text ("0", "-1" for the
        last). Weights are finite, not negative and not all zero; offsets finite.
    exclude : collection of column names, or one
        Columns to leave out.
    options : TableOptions, optional
    groups : optional
        The name of a column that is read even where it is excluded.

    Raises
    ------
    DataError
        Lengths differ; values are missing, not numbers, or out of range; anything `read` raises.
    UsageError
        An unknown column name (with the nearest one); a column with two roles.
    """
    options = options or TableOptions()
    asked = Roles.of(y, sample_weight, offset, groups, exclude)
    table = read(source, exclude=asked.unread, by_column=bool(asked.named), na=options.na)
    roles = asked.found(table.names, table.where)
    if options.formula is not None:
        table = _needed(table, [*options.formula.columns], [*roles.named.values(), *roles.beside])
    if table.stream is not None:
        table = encoded(table, options.na, options.memory, options.spool)
    return take(table, roles, options, None if isinstance(source, Source) else source)


def _needed(table: Source, features: Collection[str], others: Collection[str]) -> Source:
    """The columns of a formula, and of roles."""
    for name in features:
        if name not in table.names:
            raise unknown_column(name, table.names, table.where)
    names = {*features, *others}
    return table.select([name for name in table.names if name in names])
