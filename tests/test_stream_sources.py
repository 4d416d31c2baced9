"""Parquet, Arrow, SQL, standard input, readers and datasets as streams."""

from __future__ import annotations

import builtins
import datetime as dt
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from streaming import drained, stream_of, values, write

from logloss.errors import DataError, MissingExtra, UsageError
from logloss.table.reading.opening import held_stream
from logloss.table.reading.options import Projection, Sql
from logloss.table.reading.streams import TypesChanged

ROWS = {"a": [1, 3, 5], "b": [2.5, None, -9.0], "t": ["no", None, "yes"]}
TABLE = pa.table(ROWS)
BIG = pa.table(
    {
        "i": np.arange(200_000),
        "x": np.random.default_rng(1).normal(size=200_000),
        "t": [f"level {i % 7}" for i in range(200_000)],
    }
)


def arrow_file(path: Path, table: Any) -> None:
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=10_000)


def arrow_stream(path: Path, table: Any) -> None:
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=10_000)


WRITERS: dict[str, Callable[[Path, Any], Any]] = {
    "t.parquet": lambda path, table: pq.write_table(table, path, row_group_size=30_000),
    "t.pq": lambda path, table: pq.write_table(table, path, use_dictionary=False),
    "t.arrow": arrow_file,
    "t.ipc": arrow_stream,
    "t.feather": lambda path, table: pyarrow.feather.write_feather(table, str(path)),
}


# ---- formats


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path, TABLE)
    assert values(path) == ROWS
    assert values(path, columns=["t", "a"]) == {"a": ROWS["a"], "t": ROWS["t"]}
    assert values(path, exclude=["a"], na=("yes", "-9")) == {
        "b": [2.5, None, None],
        "t": ["no", None, None],
    }
    WRITERS[name](path, BIG)
    stream = stream_of(path)
    table, _ = drained(stream)
    assert table.column("t").to_pylist() == BIG.column("t").to_pylist()
    assert np.array_equal(table.column("x").to_numpy(), BIG.column("x").to_numpy())
    assert stream.progress() == pytest.approx(1, abs=0.01)
    assert stream.n_rows in (None, 200_000)
    assert stream.names == ("i", "x", "t")


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_cut_short_or_damaged(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path, BIG)
    good = path.read_bytes()
    for share in (0.0, 1e-5, 0.001, 0.3, 0.5, 0.9, 0.999):
        path.write_bytes(good[: int(len(good) * share)])
        try:
            rows = drained(stream_of(path))[0].num_rows
        except DataError as error:
            assert name in str(error)
        else:  # an Arrow stream may end after any batch
            assert name == "t.ipc"
            assert rows < 200_000
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match=rf"{name} is not an? (Parquet|Arrow) file"):
        stream_of(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=f"{name} is empty"):
        stream_of(path)


@pytest.mark.parametrize("name", WRITERS)
def test_no_rows_and_two_columns_of_one_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path, TABLE.slice(0, 0))
    with pytest.raises(DataError, match=f"{name} has column names but no rows"):
        drained(stream_of(path))
    if "feather" not in name:
        WRITERS[name](path, pa.table([[1], [2]], names=["a", "a"]))
        with pytest.raises(DataError, match="two columns named 'a'"):
            stream_of(path)


def test_text_of_every_kind_comes_as_one(tmp_path: Path) -> None:
    words = ["x", None, "", " ? ", "x"]
    kinds = [pa.string(), pa.large_string(), pa.string_view()]
    columns = [pa.array(words, kind) for kind in kinds]
    columns.append(pa.array(words).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())))
    arrow_file(tmp_path / "t.arrow", pa.table(columns, names=list("abcd")))
    found = values(tmp_path / "t.arrow", na=("?",))
    assert list(found.values()) == [["x", None, None, None, "x"]] * 4


def test_names_with_dots_in_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "a.b": [2], "c": [3]}), tmp_path / "t.parquet")
    assert values(tmp_path / "t.parquet", columns=["a"]) == {"a": [1]}
    assert values(tmp_path / "t.parquet", exclude=["a"]) == {"a.b": [2], "c": [3]}


def test_dates_and_nested_values_come_as_they_are(tmp_path: Path) -> None:
    table = pa.table({"d": [dt.date(2020, 1, 1)], "n": [[1, 2]], "s": [{"q": 1}]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert values(tmp_path / "t.parquet") == table.to_pydict()


# ---- many files


def test_files_of_several_kinds_and_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([1], pa.int8()), "t": ["x"]}), tmp_path / "1.parquet")
    arrow_file(tmp_path / "2.arrow", pa.table({"t": ["y"], "a": pa.array([2.5], pa.float32())}))
    write(tmp_path / "3.csv.gz", "a,t\n7,z\n")
    stream = stream_of(tmp_path)
    assert values(tmp_path) == {"a": [1, 2.5, 7], "t": ["x", "y", "z"]}
    assert stream.notes == (
        "column 'a' is int8 in 1.parquet, float in 2.arrow, int64 in 3.csv.gz: read as double",
    )
    drained(stream)
    assert [stream.place(row) for row in (0, 1, 2)] == [
        "row 0 of 1.parquet",
        "row 0 of 2.arrow",
        "row 0 of 3.csv.gz",
    ]


def test_files_that_have_nothing_in_common(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"'a' is int64 in 1.parquet, but string in 2.parquet"):
        stream_of(tmp_path)
    pq.write_table(pa.table({"b": [1]}), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"2.parquet lacks columns that 1.parquet has: 'a'"):
        stream_of(tmp_path)


def test_an_integer_that_its_wider_type_does_not_hold(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [2**53 + 1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [0.5]}), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"1.parquet: column 'a' cannot be read as double"):
        drained(stream_of(tmp_path))


def test_files_of_one_name_in_two_folders(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "t.csv", "a\n1\n")
    stream = stream_of(f"{tmp_path}/*/t.csv")
    drained(stream)
    assert stream.place(1) == f"row 0 of {tmp_path}/y/t.csv"


# ---- SQL


def test_sql_over_files_and_databases(tmp_path: Path) -> None:
    pq.write_table(BIG, tmp_path / "t.parquet")
    query = f"select i, x, t from '{tmp_path}/t.parquet' where i < 150000 order by i"
    stream = stream_of(Sql(query), exclude=["x"])
    assert stream.names == ("i", "t")
    for _ in range(2):
        table, _ = drained(stream)
        assert table.column("i").to_pylist() == list(range(150_000))
        assert table.column("t").to_pylist() == BIG.column("t").to_pylist()[:150_000]
    path = str(tmp_path / "t.db")
    with duckdb.connect(path) as connection:
        connection.execute('create table visits as select 1.5 as "a ""b", null as t')
    assert values(Sql("select * from visits", path)) == {'a "b': [1.5], "t": [None]}
    attached = f"attach '{path}' as o (read_only); select * from o.visits"
    assert values(Sql(attached)) == {'a "b': [1.5], "t": [None]}


@pytest.mark.parametrize(
    ("query", "database", "words"),
    [
        ("selec 1", None, r"DuckDB refuses the query: Parser Error: syntax error"),
        ("select * from nowhere", None, r"Table with name nowhere does not exist"),
        ("select * from 'no.parquet'", None, r"No files found that match"),
        ("select 1", "nowhere.db", r"DuckDB refuses the query: .*nowhere.db"),
        ("select 1 a, 2 a", None, r"two columns named 'a'"),
        ("select 1 as a where false", None, r"the query has column names but no rows"),
        ("select cast(t as int) a from (values ('1'), ('x')) v(t)", None, r"Conversion Error"),
    ],
)
def test_queries_that_fail(query: str, database: str | None, words: str) -> None:
    with pytest.raises(DataError, match=words):
        drained(stream_of(Sql(query, database)))


def test_a_query_without_a_table() -> None:
    with pytest.raises(UsageError, match=r"gives no table"):
        stream_of(Sql("create table t (a int)"))
    with pytest.raises(UsageError, match=r"the query has no column 'b'"):
        stream_of(Sql("select 1 as a"), exclude=["b"])


def test_sql_without_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refuse(name: str, *rest: Any, **named: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return imported(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtra, match=r"not installed\nhint: pip install 'logloss\[sql\]'"):
        stream_of(Sql("select 1"))


# ---- what other libraries hold


def test_readers_datasets_and_relations(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "t.parquet")
    dataset = pa.dataset.dataset(tmp_path / "t.parquet")
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches())
    sources = {
        "reader": (reader, True),
        "dataset": (dataset, False),
        "scanner": (dataset.scanner(), False),
        "relation": (duckdb.sql("select * from TABLE_", connection=_connection()), False),
    }
    for source, once in sources.values():
        stream = stream_of(source, exclude=["b"])
        assert stream.once is once
        assert stream.place(7) == "row 7"
        for _ in range(1 if once else 2):
            assert drained(stream)[0].to_pydict() == {"a": ROWS["a"], "t": ROWS["t"]}
    assert held_stream(TABLE, "X", Projection(), ()) is None  # it is in memory already


def _connection() -> Any:
    connection = duckdb.connect()
    connection.register("TABLE_", TABLE)
    return connection


def test_a_reader_that_fails_on_its_way() -> None:
    def batches() -> Any:
        yield from TABLE.to_batches()
        raise pa.ArrowInvalid("the line broke")

    reader = pa.RecordBatchReader.from_batches(TABLE.schema, batches())
    with pytest.raises(DataError, match=r"X failed while it was read: .*the line broke"):
        drained(stream_of(reader))


def test_selecting_columns_of_a_stream(tmp_path: Path) -> None:
    n = 400_000
    path = write(tmp_path / "t.csv", "a,b,c\n" + "1,2,3\n" * n + "x,y,4\n")
    chosen = stream_of(path).select(["c", "a"])
    assert chosen.names == ("c", "a")
    with pytest.raises(TypesChanged) as caught:
        list(chosen.batches())
    table = caught.value.stream.read_all()
    assert table.slice(n).to_pydict() == {"c": [4], "a": ["x"]}


# ---- standard input


def run(code: str, given: bytes) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        input=given,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout.decode()


STDIN = """
from logloss.table.reading.opening import named_stream
from logloss.table.reading.options import ReadOptions
stream = named_stream("-", ReadOptions())
print(stream.where, stream.read_all().slice().to_pydict())
"""


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.ipc", "t.csv", "t.csv.gz"])
def test_standard_input(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if "csv" in name:
        write(path, "a;b;t\n1;2.5;no\n3;;\n5;-9;yes\n")
    else:
        WRITERS[name](path, TABLE)
    assert run(STDIN, path.read_bytes()) == f"standard input {ROWS}\n"


def test_standard_input_whose_types_change() -> None:
    code = STDIN.replace("slice()", "slice(400_000)")
    given = b"a,b\n" + b"1,2\n" * 400_000 + b"1.5,x\n"
    assert run(code, given) == "standard input {'a': [1.5], 'b': ['x']}\n"


@pytest.mark.parametrize(
    ("given", "words"),
    [(b"", "standard input is empty"), (b"PAR1", "standard input is damaged or cut short")],
)
def test_standard_input_that_is_no_table(
    monkeypatch: pytest.MonkeyPatch, given: bytes, words: str
) -> None:
    class Stdin:
        buffer = io.BytesIO(given)

    monkeypatch.setattr(sys, "stdin", Stdin())
    with pytest.raises(DataError, match=words):
        stream_of("-")


def test_a_named_pipe_is_read_by_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with subprocess.Popen(["cp", str(tmp_path / "t.csv"), str(path)]):
        assert stream_of(path).read_all().to_pydict() == {"a": [1], "b": [2]}


def test_streams_do_not_import_pandas(tmp_path: Path) -> None:
    """pyarrow imports it (for 0.2 s) where a Python value becomes an array: nobody may ask."""
    write(tmp_path / "t.csv", "a,t\n1,x\n2,\n?,y\n" * 2)
    pq.write_table(TABLE, tmp_path / "t.parquet")
    code = (
        "import sys\n"
        "from logloss.table.reading.opening import named_stream\n"
        "from logloss.table.reading.options import ReadOptions\n"
        f"for name in ('{tmp_path}/t.csv', '{tmp_path}/t.parquet'):\n"
        "    for batch in named_stream(name, ReadOptions(na=('?', '-9'))).batches(): pass\n"
        "print('pandas' in sys.modules)"
    )
    assert run(code, b"") == "False\n"
