"""What --sql may do: read. Whatever else a query holds is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from logloss.cli import main
from logloss.errors import DataError, UsageError
from logloss.table import read
from logloss.table.encoding import encoded
from logloss.table.reading.options import Sql

FIRST = [
    "copy (select 1 as a) to '{out}'",
    "create table t as select 1 as a",
    "export database '{out}'",
    "attach '{out}' as n (type duckdb)",
    "attach '{out}' as n (read_write)",
    "install httpfs",
    "load httpfs",
    "set threads = 1",
    "set file_search_path = '/'",
    "pragma enable_profiling",
    "select 1 as a",
    "insert into v values (2.5)",
    "call checkpoint()",
    "prepare p as select 1",
    "begin transaction",
]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "t.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table v as select 1.5 as x, 0 as y union all select 2.5, 1")
    return path


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("with_database", [False, True])
def test_one_statement(database: Path, tmp_path: Path, first: str, with_database: bool) -> None:
    before = left(tmp_path)
    query = f"{first.format(out=tmp_path / 'out')}; select 1 as a"
    with pytest.raises(UsageError, match="another statement than a SELECT"):
        read(Sql(query, str(database) if with_database else None))
    assert left(tmp_path) == before


@pytest.mark.parametrize(
    "query",
    [
        "with x as (copy (select 1 as a) to '{out}') select 1 as a",
        "with x as (copy (select 1 as a) to '{out}') select * from x",
        "select * from checkpoint()",
        "with x as (insert into v values (3.5, 1) returning *) select * from x",
        "copy (select 1 as a) to '{out}'",
        "select 1 as a; copy (select 1 as a) to '{out}'",
        "attach '{out}' as n; select 1 as a",  # it is not there: attached for reading, not made
        "",
        " ; ",
    ],
)
@pytest.mark.parametrize("with_database", [False, True])
def test_nothing_is_written(
    database: Path, tmp_path: Path, query: str, with_database: bool
) -> None:
    before, content = left(tmp_path), database.read_bytes()
    source = Sql(query.format(out=tmp_path / "out"), str(database) if with_database else None)
    with pytest.raises((UsageError, DataError)):
        encoded(read(source))
    assert left(tmp_path) == before
    assert database.read_bytes() == content


def test_a_database_that_is_attached_stays_as_it_is(database: Path) -> None:
    content = database.read_bytes()
    for words in ("", " (read_only)", "(READ_ONLY true)"):
        query = f"ATTACH '{database}' AS o{words}; select x from o.v order by x"
        columns: Any = encoded(read(Sql(query))).columns
        assert columns.by_name["x"].values.tolist() == [1.5, 2.5]
    query = f"attach '{database}' as o; with n as (insert into o.v values (1, 1)) select 1 as a"
    with pytest.raises((UsageError, DataError)):
        encoded(read(Sql(query)))
    assert database.read_bytes() == content


def test_no_variable_of_the_program_is_a_table() -> None:
    """DuckDB looks for tables among the variables of those who call it."""
    import pyarrow as pa

    source = pa.table({"secret": [1]})
    assert source.num_rows == 1
    for name in ("source", "reader", "batch", "names"):
        with pytest.raises(DataError, match="does not exist"):
            read(Sql(f"select * from {name}"))


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.csv"
    query = f"copy (select 1 as a) to '{out}'; select * from range(9)"
    assert main(["fit", "-", "--sql", query, "--target", "range"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: the query holds another statement than a SELECT: ")
    assert "hint: give one SELECT" in err
    assert left(tmp_path) == set()
