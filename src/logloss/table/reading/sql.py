"""The result of an SQL query as a table, by DuckDB.

A query is one SELECT, before which database files may be attached. It changes nothing: databases
are opened for reading only, and whatever writes is refused before anything runs, by the kind of the
statement and by the operators of its plan (a SELECT may hold a COPY). It reads the files that it
names, and no variables of this program; DuckDB fetches no extensions for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from logloss.errors import DataError, MissingExtra, UsageError
from logloss.table.reading.arrow_tables import check_names, first_line
from logloss.table.reading.options import Projection, Sql
from logloss.table.reading.streams import Stream, never_empty, row_of
from logloss.table.reading.typed import delivered, typed
from logloss.table.words import shortened

_ROWS = 1 << 16  # in a batch
_SETTINGS = {"python_enable_replacements": False, "autoinstall_known_extensions": False}
_ATTACH = re.compile(
    r"""\s*attach\s+(?:database\s+)?(?P<path>'(?:[^']|'')*')(?:\s+as\s+(?P<name>\w+|"[^"]+"))?
    \s*(?:\(\s*read_only\s*(?:true\s*)?\))?\s*;?\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_WRITES = re.compile(
    "COPY_TO|INSERT|DELETE|UPDATE|MERGE|CREATE|DROP|ALTER|EXPORT|ATTACH|CHECKPOINT|VACUUM|TRUNCATE"
)
_HOW = "give one SELECT; it may stand behind ATTACH 'file.db' AS name"


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
        connection = _connected(source.database)
    except duckdb.Error as error:
        raise _refused(error) from error
    try:
        query = _only_select(connection, source.query)
        _check_plan(connection, query)
        return connection, connection.sql(query)
    except duckdb.Error as error:
        connection.close()
        raise _refused(error) from error
    except UsageError:
        connection.close()
        raise


def _connected(database: str | None) -> Any:
    return _duckdb().connect(
        database or ":memory:", read_only=database is not None, config=_SETTINGS
    )


def _only_select(connection: Any, query: str) -> str:
    """Attach what the query attaches, for reading only; its SELECT.

    Raises
    ------
    UsageError
        There are other statements.
    """
    duckdb = _duckdb()
    *before, last = connection.extract_statements(query) or [None]
    if last is None or last.type != duckdb.StatementType.SELECT:
        raise UsageError("the query gives no table", _HOW)
    attached = [_ATTACH.fullmatch(statement.query) for statement in before]
    for statement, match in zip(before, attached, strict=True):
        if match is None:
            raise UsageError(
                f"the query holds another statement than a SELECT: {_start(statement.query)}", _HOW
            )
    for match in filter(None, attached):
        name = f" as {match['name']}" if match["name"] else ""
        connection.execute(f"attach {match['path']}{name} (read_only)")
    return str(last.query)


def _check_plan(connection: Any, query: str) -> None:
    """Raise UsageError where the plan of a SELECT writes."""
    rows = connection.execute(f"explain (format json) {query}").fetchall()
    nodes = [node for _, plan in rows for node in json.loads(plan)]
    while nodes:
        node = nodes.pop()
        if _WRITES.search(node["name"].upper()):
            raise UsageError("the query writes, and may only read", _HOW)
        nodes += node.get("children", ())


def _start(statement: str) -> str:
    return shortened(" ".join(statement.split()))


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
