"""What the caller says about a table that is to be read. Nothing here needs pyarrow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from logloss.errors import DataError, UsageError
from logloss.table.columns.source import unknown_column


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written; None: find out.

    Attributes
    ----------
    delimiter : str, optional
        One character between values. A blank means any number of blanks and tabs.
    quote : str, optional
        One character around values; "" for none: a quote is then a letter like any other.
    header : bool, optional
        Whether the first line holds names. Without one columns are named c0, c1, …

    Raises
    ------
    UsageError
        More than one character, or a letter, digit or line break.
    """

    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None

    def __post_init__(self) -> None:
        for role, mark in (("delimiter", self.delimiter), ("quote", self.quote or None)):
            if mark is None:
                continue
            if len(mark) != 1 or mark.isalnum() or mark in "\r\n\0" or not mark.isascii():
                raise UsageError(
                    f"the {role} must be one ASCII character that is no letter or digit,"
                    f" not {mark!r}",
                    "a tab is '\\t' in Python and $'\\t' in a shell",
                )
        if self.delimiter and self.delimiter in ("\"'" if self.quote is None else self.quote):
            raise UsageError(f"{self.delimiter!r} cannot be both delimiter and quote")


@dataclass(frozen=True)
class Sql:
    """A query, for DuckDB to run where a table is asked for.

    Attributes
    ----------
    query : str
        One SELECT. Files are tables: ``select * from 'visits.parquet' where year = 2020``.
    database : str, optional
        The path of a database file, opened for reading only. Others can be attached in front of
        the SELECT, for reading too: ``attach 'other.db' as o; select * from o.visits``. Nothing
        else may stand there, and nothing may write.
    """

    query: str
    database: str | None = None


@dataclass(frozen=True)
class Projection:
    """Which columns to read: `columns` where they are there (None: all), without `exclude`."""

    columns: frozenset[str] | None = None
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Collection[str] | None, exclude: Collection[str]) -> Projection:
        """From the options of `read`."""
        return cls(None if columns is None else frozenset(columns), tuple(exclude))

    def keep(self, names: Sequence[str], where: str) -> list[str]:
        """The names to read; where none of `columns` is there, all, for the schema to miss some."""
        there = frozenset(names)
        for name in self.exclude:
            if name not in there:
                raise unknown_column(name, names, where)
        left_out = frozenset(self.exclude)
        left = [name for name in names if name not in left_out]
        if names and not left:
            raise DataError(f"{where}: all columns are excluded")
        if self.columns is None:
            return left
        return [name for name in left if name in self.columns] or left


@dataclass(frozen=True)
class ReadOptions:
    """All of it.

    Attributes
    ----------
    projection : Projection
    dialect : Dialect
    na : tuple of str
        Texts that mean a missing value, beside the usual ones.
    text : frozenset of str
        Columns of CSV files that are text even where they look like numbers.
    """

    projection: Projection = Projection()
    dialect: Dialect = Dialect()
    na: tuple[str, ...] = ()
    text: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        columns: Collection[str] | None,
        exclude: Collection[str],
        dialect: Dialect | None,
        na: tuple[str, ...],
        text: Collection[str] = (),
    ) -> ReadOptions:
        """From the options of `read`."""
        projection = Projection.of(columns, exclude)
        return cls(projection, dialect or Dialect(), tuple(na), frozenset(text))
