"""The result of an SQL query as a table, by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from logloss.errors import DataError, MissingExtra, UsageError
from logloss.table.arrow import check_names, first_line
from logloss.table.reading.options import Projection, Sql
from logloss.table.reading.streams import Stream, never_empty, row_of
from logloss.table.reading.typed import delivered, typed

_ROWS = 1 << 16  # in a batch


def sql_stream(source: Sql, projection: Projection, na: tuple[str, ...]) -> Stream:
    """The rows of a query; it runs anew each time that the batches are asked for.

    Raises
    ------
    DataError
        DuckDB refuses the query or fails.
    MissingExtra
        DuckDB is not installed.
    UsageError
        The query gives no table; an unknown column in `exclude`.
    """
    where = "the query"
    connection, relation = _relation(source)
    try:
        names = list(relation.columns)
    finally:
        connection.close()
    check_names(names, where)
    keep = projection.keep(names, where)
    return Stream(
        names=tuple(keep),
        where=where,
        batches=lambda: never_empty(_batches(source, keep, na, where), where),
        n_rows=None,
        once=False,
        place=row_of,
        progress=lambda: None,
    )


def _batches(source: Sql, keep: list[str], na: tuple[str, ...], where: str) -> Iterator[Any]:
    duckdb = _duckdb()
    connection, relation = _relation(source)
    try:
        chosen = relation.project(", ".join(map(_quoted, keep)))
        export = getattr(chosen, "to_arrow_reader", None) or chosen.fetch_arrow_reader
        reader = export(_ROWS)
        target = delivered(reader.schema)
        for batch in reader:
            yield typed(batch, target, na, where)
    except duckdb.Error as error:
        raise _refused(error) from error
    finally:
        connection.close()


def _relation(source: Sql) -> tuple[Any, Any]:
    """The query, bound but not run, and the connection that it lives by."""
    duckdb = _duckdb()
    try:
        database = source.database
        connection = duckdb.connect(database or ":memory:", read_only=database is not None)
    except duckdb.Error as error:
        raise _refused(error) from error
    try:
        statements = connection.extract_statements(source.query)
        if not statements or statements[-1].type != duckdb.StatementType.SELECT:
            raise UsageError("the query gives no table", "end it with a SELECT")
        return connection, connection.sql(source.query)
    except duckdb.Error as error:
        connection.close()
        raise _refused(error) from error
    except UsageError:
        connection.close()
        raise


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _refused(error: Exception) -> DataError:
    return DataError(f"DuckDB refuses the query: {first_line(error)}")


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra(
            "SQL queries need DuckDB, which is not installed", "pip install 'logloss[sql]'"
        ) from error
    return duckdb
