"""CSV files as streams: their form is found out, their types hold, their faults have a place."""

from __future__ import annotations

import _thread
import bz2
import csv
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from streaming import drained, stream_of, values, write

from logloss.errors import DataError, UsageError
from logloss.table.columns.source import column_at
from logloss.table.reading.options import Dialect

ROWS = {"a": [1, 3, 5], "b": [2.5, -4.0, 0.0], "y": ["no", "yes, well", "no"]}


def dialect_text(delimiter: str, quote: str, end: str) -> str:
    lines = ["a,b,y", "1,2.5,no", f"3,-4,{quote}yes{{}} well{quote}", "5,0,no"]
    return (end.join(lines) + end).replace(",", delimiter).format(",")


# ---- how a file is written


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt.gz", "t.data"])
def test_delimiter_and_quote_are_found(
    tmp_path: Path, name: str, delimiter: str, quote: str, end: str
) -> None:
    path = write(tmp_path / name, dialect_text(delimiter, quote, end))
    assert values(path) == ROWS
    assert values(path, dialect=Dialect(delimiter, quote, True)) == ROWS


def test_runs_of_blanks_stand_between_values_of_a_data_file(tmp_path: Path) -> None:
    path = write(tmp_path / "german.data", " A11  6 A34\t1\nA12 48   A32 2 \n")
    assert values(path) == {"c0": ["A11", "A12"], "c1": [6, 48], "c2": ["A34", "A32"], "c3": [1, 2]}


def test_decimal_commas_are_no_delimiter(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a;b\n1,5;x\n2,5;y\n")
    assert values(path) == {"a": ["1,5", "2,5"], "b": ["x", "y"]}


def test_quotes_that_are_letters(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tsv", 'a\tb\n1\t"so what\n2\t5" pipe\n3\tit\'s\n')
    assert values(path)["b"] == ['"so what', '5" pipe', "it's"]
    path = write(tmp_path / "t.csv", "a,b\n1,'tis\n2,x\n")
    assert values(path)["b"] == ["'tis", "x"]


HEADERS = {
    "names": ("a,b\n1,2\n", True),
    "names over text": ("a,b\nx,y\nz,y\n", True),
    "numbers over numbers": ("1,2\n3,4\n", False),
    "twice the same number": ("1,1,0\n3,4,1\n", False),
    "one row of numbers": ("1,2\n", False),
    "counted names": ("0,1,target\n5,6,7\n8,9,10\n", True),
    "a text that is missing": ("1,?\n2,3\n", False),
    "letters that come again": ("p,x\nx,x\np,y\n", False),
    "german": ("A11,6,A34,1\nA12,48,A32,2\n", False),
    "an index without a name": (',a\n"1",2\n', True),
}


@pytest.mark.parametrize(("text", "expected"), HEADERS.values(), ids=HEADERS)
def test_a_header_is_told_from_data(tmp_path: Path, text: str, expected: bool) -> None:
    stream = stream_of(write(tmp_path / "t.csv", text))
    assert (stream.names[0] != "c0") is expected
    assert drained(stream)[0].num_rows == text.count("\n") - expected
    width = len(stream.names)
    assert stream.notes == (
        () if expected else (f"no header line: columns are named c0 … c{width - 1}",)
    )
    turned = stream_of(tmp_path / "t.csv", dialect=Dialect(header=False))
    assert turned.names == tuple(f"c{j}" for j in range(width))
    assert drained(turned)[0].num_rows == text.count("\n")


def test_names_are_trimmed_and_blank_lines_and_marks_of_byte_order_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"\xef\xbb\xbf\r\n a , b\r\n1, x\r\n\r\n2 ,x \r\n")
    assert values(path) == {"a": [1, 2], "b": [" x", "x "]}


def test_compressions(tmp_path: Path) -> None:
    raw = dialect_text(",", '"', "\n").encode()
    (tmp_path / "t.csv.bz2").write_bytes(bz2.compress(raw))
    with pa.CompressedOutputStream(str(tmp_path / "t.csv.zst"), "zstd") as stream:
        stream.write(raw)
    for suffix in ("bz2", "zst"):
        assert values(tmp_path / f"t.csv.{suffix}") == ROWS
    (tmp_path / "t.csv.bz2").write_bytes(bz2.compress(raw * 1000)[:-200])
    with pytest.raises(DataError, match=r"t.csv.bz2"):
        values(tmp_path / "t.csv.bz2")


@pytest.mark.parametrize("options", [("",), (",,",), ("a",), ("\n",), (None, "ab"), ("é",)])
def test_marks_that_are_none(options: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match=r"must be one ASCII character"):
        Dialect(*options)


def test_columns_by_position() -> None:
    names = ["c0", "7", "c2"]
    assert [column_at(text, names, "t.csv") for text in ("c2", "-1", "2")] == ["c2"] * 3
    assert column_at("7", names, "t.csv") == "7"
    for wrong in ("3", "-4", "c", "1.0", ""):
        with pytest.raises(UsageError, match=r"t.csv has no column"):
            column_at(wrong, names, "t.csv")


# ---- what is missing


def test_missing_values_of_numbers_and_of_text(tmp_path: Path) -> None:
    text = 'n,t\n1,NA\nNA,\n, \nnull,None\n?,?\n -9,x\n4, ? \n5,""\n'
    path = write(tmp_path / "t.csv", text)
    assert values(path, na=("?", "-9")) == {
        "n": [1, None, None, None, None, None, 4, 5],
        "t": ["NA", None, None, "None", None, "x", None, None],
    }
    assert values(path)["n"] == ["1", "NA", None, "null", "?", " -9", "4", "5"]


def test_a_column_all_missing(tmp_path: Path) -> None:
    stream = stream_of(write(tmp_path / "t.csv", "a,b,c\n1,,x\n2,NA,y\n"))
    table, _ = drained(stream)
    assert table.schema.field("b").type == pa.null()
    assert table.column("b").null_count == 2
    big = write(tmp_path / "big.csv", "a,b\n" + "123456,\n" * 300_000)
    table, changes = drained(stream_of(big))
    assert (table.column("b").null_count, changes) == (300_000, 0)


# ---- types that change


def test_a_number_column_turns_to_text_or_fractions_late(tmp_path: Path) -> None:
    n = 300_000
    rows = [f"{i},{i},{i % 2 == 0},2020-01-01,{i % 7}" for i in range(n)]
    rows[n - 2] = "1.5,7,1,2020-01-01,abc"
    rows[n - 1] = "2,8,True,never,3"
    text = "half,whole,bool,day,text\n" + "\n".join(rows) + "\n"
    stream = stream_of(write(tmp_path / "t.csv.gz", text))
    table, changes = drained(stream)
    assert changes == 1
    assert [str(type_).split("<")[0] for type_ in table.schema.types] == [
        "double",
        "int64",
        *["dictionary"] * 3,
    ]
    assert table.slice(n - 3).to_pydict() == {
        "half": [n - 3, 1.5, 2],
        "whole": [n - 3, 7, 8],
        "bool": ["False", "1", "True"],
        "day": ["2020-01-01", "2020-01-01", "never"],
        "text": [str((n - 3) % 7), "abc", "3"],
    }
    assert stream.read_all().to_pydict() == table.to_pydict()


def test_types_do_not_depend_on_the_row_at_which_they_change(tmp_path: Path) -> None:
    n = 400_000
    for late in (10, n - 10):
        rows = ["1"] * n
        rows[late] = "true"
        path = write(tmp_path / "t.csv", "a\n" + "\n".join(rows))
        table, _ = drained(stream_of(path))
        assert pa.types.is_dictionary(table.schema.types[0])


def test_types_that_change_between_files(tmp_path: Path) -> None:
    write(tmp_path / "p1.csv", "a,b\n1,\n2,\n")
    write(tmp_path / "p2.csv", "b,a\n1,2.5\n")
    stream = stream_of(tmp_path)
    assert drained(stream)[0].to_pydict() == {"a": [1.0, 2.0, 2.5], "b": [None, None, 1]}
    assert stream.notes == ("column 'a' is int64 in p1.csv, double in p2.csv: read as double",)
    assert stream.place(2) == "row 0 of p2.csv"
    write(tmp_path / "p2.csv", "b,a\n1,text\n")
    with pytest.raises(DataError, match=r"'a' is int64 in p1.csv, but string in p2.csv\nhint: "):
        stream_of(tmp_path)
    late = "a,b\n" + "1,2\n" * 400_000
    write(tmp_path / "p1.csv", late)
    write(tmp_path / "p2.csv", late + "x,2\n")
    with pytest.raises(DataError, match=r"'a' is int64 in p1.csv, but string in p2.csv\nhint: "):
        drained(stream_of(tmp_path))


# ---- rows that are cut, and how far one is


def test_pieces_are_cut_between_rows_only(tmp_path: Path) -> None:
    """Line breaks within quotes at all distances from the end of a piece, as csv writes them."""
    rows = [(str(i), 'a\n"b",\r\n' * (i % 50), "z" * (i % 31)) for i in range(30_000)]
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("i", "t", "z"), *rows])
    assert path.stat().st_size > 5 << 20
    found = values(path)
    assert found["i"] == list(range(30_000))
    assert found["t"] == [t or None for _, t, _ in rows]
    assert found["z"] == [z or None for _, _, z in rows]


def test_progress_and_the_end_of_the_threads(tmp_path: Path) -> None:
    write(tmp_path / "p1.csv", "a,b\n" + "1,2\n" * 2_000_000)
    write(tmp_path / "p2.csv.gz", "a,b\n" + "1,2\n" * 2_000_000)
    stream = stream_of(tmp_path)
    before = _thread._count()
    assert stream.progress() == 0
    seen: list[float] = []
    for _ in stream.batches():
        share = stream.progress()
        assert share is not None
        seen.append(share)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert 0 < seen[0] < 0.9
    batches = stream.batches()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert _thread._count() == before


@pytest.mark.alone
def test_a_stream_holds_a_few_pieces_at_a_time(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n" + "123456,some text\n" * 4_000_000)
    pool = pa.default_memory_pool()
    before, most = pool.bytes_allocated(), 0
    tracemalloc.start()
    for _ in stream_of(path).batches():
        most = max(most, pool.bytes_allocated() - before)
    assert most + tracemalloc.get_traced_memory()[1] < 40 << 20 < path.stat().st_size
    tracemalloc.stop()


# ---- faults


FAULTS = {
    "NUL": (b"a,b\n1,2\n3,\x00\n", "row 1 holds a NUL byte"),
    "NUL in text": (b"a,b\n1,x\n\n3,y\n5,\x00\n", "row 2 holds a NUL byte"),
    "text is not UTF-8": (b"a,b\n1,x\n3,\xe9\n", "row 1, column 'b': not UTF-8 text\nhint: save"),
    "unclosed quote": (b'a,b\n1,x\n3,"y\n5,z\n', "row 1 has a quote that is not closed"),
    "unclosed at the end": (b'a,b\n1,x\n3,"', "row 1 has a quote that is not closed"),
    "ragged": (b"a;b\n1;2\n3\n", "row 1 has 1 field, the header has 2: '3'"),
    "ragged without header": (b"1,2\n3\n", "row 1 has 1 field, the first row has 2: '3'"),
    "header of bytes": (b"a,\xff\n1,2\n", "header: not UTF-8 text"),
    "twice the name": (b"a, a\n1,2\n", "two columns named 'a'"),
    "empty": (b"", "t.csv is empty"),
    "blank": (b" \n\n", "t.csv"),
    "header only": (b"a,b\n", "a header but no rows"),
    "mark only": (b"\xef\xbb\xbf", "t.csv is empty"),
}


@pytest.mark.parametrize(("content", "words"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("rows_before", [0, 300_000])
def test_a_fault_has_a_place(tmp_path: Path, content: bytes, words: str, rows_before: int) -> None:
    if rows_before:
        lines = content.split(b"\n", 1)
        if "row 1" not in words or "first row" in words:
            return
        content = lines[0] + b"\n" + b"11,22\n".replace(b",", content[1:2]) * rows_before + lines[1]
        words = words.replace("row 1", f"row {rows_before + 1}")
    with pytest.raises(DataError, match=words):
        drained(stream_of(write(tmp_path / "t.csv", content)))


def test_a_wrong_delimiter(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a;b\n1;2\n")
    words = r"read with ',' between values, but its first line holds ';' instead\nhint: .*';'"
    for header in (None, False):
        with pytest.raises(DataError, match=words):
            stream_of(path, dialect=Dialect(delimiter=",", header=header))
    with pytest.raises(UsageError, match=r"cannot be both delimiter and quote"):
        Dialect("'")
    with pytest.raises(UsageError, match=r"cannot be both delimiter and quote"):
        Dialect("#", "#")


def test_a_column_of_bytes_can_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"a,b\n1,x\n3,\xe9\n")
    assert values(path, exclude=["b"]) == {"a": [1, 3]}


def test_ten_thousand_and_one_columns(tmp_path: Path) -> None:
    names = ",".join(f"column{j}" for j in range(10_001))
    row = ",".join(map(str, range(10_001)))
    stream = stream_of(write(tmp_path / "t.csv", f"{names}\n{row}\n{row}\n"))
    assert len(stream.names) == 10_001
    table, _ = drained(stream)
    assert table.num_rows == 2
    assert table.column("column10000").to_pylist() == [10_000, 10_000]
    words = r"row 1 has 10000 fields, the header has 10001"
    with pytest.raises(DataError, match=words):
        short = row.rpartition(",")[0]
        stream_of(write(tmp_path / "t.csv", f"{names}\n{row}\n{short}\n"))


def test_a_huge_cell(tmp_path: Path) -> None:
    """20 MB are read; a cell of 200 MB (or a quote that never closes) is told, not gathered."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,x\n2," + b"z" * 20_000_000 + b"\n3,y\n")
    assert [len(text) for text in values(path)["b"]] == [1, 20_000_000, 1]
    with path.open("wb") as file:
        file.write(b"a,b\n1,x\n2,")
        for _ in range(200):
            file.write(b"z" * 1_000_000)
    with pytest.raises(DataError, match=r"t.csv, row 1 is longer than 64 MiB\nhint: look for a q"):
        drained(stream_of(path))
    path.write_bytes(b"z" * 1_000_000 + b",b\n1,2\n")
    with pytest.raises(DataError, match=r"t.csv: its first row holds a value of more than 128 KiB"):
        stream_of(path)


# ---- the real files


SHAPES = {
    "endometrial.csv": (79, 5, True),
    "birthwt.csv": (189, 11, True),
    "pima.csv": (768, 9, False),
    "german.csv": (1000, 21, False),
    "titanic.csv": (1309, 14, True),
    "telco-churn.csv.gz": (7043, 21, True),
    "adult-train.csv.gz": (32_561, 15, False),
    "adult-test.csv.gz": (16_281, 15, False),
    "bank-additional-full.csv.gz": (41_188, 21, True),
    "diabetes130.csv.gz": (101_766, 50, True),
    "heart2020.csv.gz": (319_795, 18, True),
    "brfss2015.csv.gz": (253_680, 22, True),
    "kddcup99-10pct.csv.gz": (494_021, 42, False),
    "spambase.tsv.gz": (4601, 58, True),
    "imdb.tsv.gz": (50_000, 5, True),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_real_file_streams(data_file: Callable[[str], Path], name: str) -> None:
    rows, columns, header = SHAPES[name]
    stream = stream_of(data_file(name))
    assert len(stream.names) == columns
    assert (stream.notes == ()) is header
    total, changes = drained(stream)
    assert total.num_rows == rows
    assert changes <= 1


def test_what_stands_in_the_real_files(data_file: Callable[[str], Path]) -> None:
    telco = values(data_file("telco-churn.csv.gz"), columns=["TotalCharges", "Churn"])
    assert telco["TotalCharges"].count(None) == 11
    assert {type(value) for value in telco["TotalCharges"]} == {float, type(None)}
    assert set(telco["Churn"]) == {"Yes", "No"}
    adult = stream_of(data_file("adult-train.csv.gz"), na=("?",))
    table, _ = drained(adult)
    assert [table.column(f"c{j}").null_count for j in (1, 6, 13)] == [1836, 1843, 583]
    assert (
        table.column(column_at("-1", adult.names, adult.where)).to_pylist().count(" >50K") == 7841
    )
    diabetes, _ = drained(stream_of(data_file("diabetes130.csv.gz"), na=("?",)))
    assert sum(column.null_count for column in diabetes.columns) == 192_849
    assert diabetes.column("max_glu_serum").to_pylist().count("None") == 96_420
