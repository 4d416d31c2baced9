"""CSV and Parquet files, folders, globs: read right, and each damage told in plain words."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streaming import write
from typed_tables import arrays_of, in_memory, values

from logloss.errors import DataError, UsageError
from logloss.table import NumericColumn, Policy, Source, encode_target, learn, read, split

CSV = "a,b,y\n1,2.5,no\n3,-4,yes\n5,0,no\n"
TABLE = pa.table({"a": [1, 3, 5], "b": [2.5, -4.0, 0.0], "y": ["no", "yes", "no"]})


def column(source: Source, name: str) -> list[Any]:
    assert source.columns is not None
    return values(source.columns.by_name[name], source.n_rows)


def rows_of(path: Path) -> dict[str, list[Any]]:
    source = in_memory(path)
    return {name: column(source, name) for name in source.names}


def write_parquet(path: Path, table: Any = TABLE, **options: Any) -> Path:
    pq.write_table(table, path, **options)
    return path


# ---- good files


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "T.CSV", "t.tsv", "t.tsv.gz", "t.parquet"])
@pytest.mark.parametrize("kind", [str, Path])
def test_every_format_gives_the_same(
    tmp_path: Path, name: str, kind: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        write_parquet(path)
    else:
        write(path, CSV.replace(",", "\t") if "tsv" in name else CSV)
    parts = split(kind(path), y="y")
    assert parts.features.names == ("a", "b")
    assert parts.features.where == name
    columns = arrays_of(learn(parts.features), parts.features)
    assert [column.tolist() for column in columns] == [[1, 3, 5], [2.5, -4, 0]]
    assert [column.dtype for column in columns] == ["uint8", "float64"]  # as narrow as can be
    assert encode_target(parts.y_values).classes == ("no", "yes")
    assert parts.y_where == f"{name}: column 'y'"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + CSV,
        CSV.replace("\n", "\r\n"),
        "\n\n" + CSV,
        CSV.replace("\n", "\n\n"),
        CSV.rstrip("\n"),
        CSV.replace("no", '"no"').replace("a,b,y", '"a","b","y"'),
        CSV.replace("a,b", "a, b").replace(", b", ",b"),
    ],
    ids=["bom", "crlf", "blank lines first", "blank lines", "no last newline", "quotes", "plain"],
)
def test_csv_dialects(tmp_path: Path, text: str) -> None:
    assert rows_of(write(tmp_path / "t.csv", text)) == TABLE.to_pydict()


def test_gzip_of_several_members_and_gzip_without_the_suffix(tmp_path: Path) -> None:
    head, tail = CSV[:20].encode(), CSV[20:].encode()
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(head) + gzip.compress(tail))
    assert rows_of(path) == TABLE.to_pydict()
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(CSV.encode()))
    assert rows_of(path) == TABLE.to_pydict()


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    for path in (write(tmp_path / "t.csv", CSV), write_parquet(tmp_path / "t.parquet")):
        assert read(path, columns=["b", "nowhere"]).names == ("b",)
        assert read(path, exclude=["y"]).names == ("a", "b")
        assert read(path, columns=["a", "b"], exclude=["b"]).names == ("a",)
        # for the schema to say what is missing
        assert in_memory(path, columns=["nowhere"]).names == ("a", "b", "y")
        with pytest.raises(
            UsageError, match=f"{path.name} has no column 'Y'\nhint: did you mean 'y'"
        ):
            read(path, exclude=["Y"])
        with pytest.raises(DataError, match=r"all columns are excluded"):
            read(path, exclude=["a", "b", "y"])


def test_names_with_dots_in_parquet(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", pa.table({"a": [1], "a.b": [2], "c": [3]}))
    assert read(path, columns=["a"]).names == ("a",)
    assert read(path, exclude=["a"]).names == ("a.b", "c")


def test_a_large_file_ends_up_in_one_piece_a_column(tmp_path: Path) -> None:
    n = 200_000
    text = "i,half\n" + "".join(f"{i},{i / 2}\n" for i in range(n))
    for path in (
        write(tmp_path / "t.csv", text),
        write_parquet(
            tmp_path / "t.parquet",
            pa.table({"i": range(n), "half": [i / 2 for i in range(n)]}),
            row_group_size=7_000,
        ),
    ):
        source = in_memory(path)
        assert source.n_rows == n
        columns = arrays_of(learn(source), source)
        assert [column.dtype for column in columns] == ["int32", "float64"]
        assert np.array_equal(columns[0], np.arange(n))
        assert np.array_equal(columns[1], np.arange(n) / 2)
        again = arrays_of(learn(source), source)
        assert all(np.shares_memory(a, b) for a, b in zip(columns, again, strict=True))


def test_a_column_may_become_fractional_late(tmp_path: Path) -> None:
    text = "a,b\n" + "1,2\n" * 400_000 + "1.5,2\n"
    source = in_memory(write(tmp_path / "t.csv", text))
    schema = learn(source)
    assert schema.columns == (NumericColumn("a", "double", (400_000 + 1.5) / 400_001),)
    assert [out.name for out in schema.left_out] == ["b"]


def test_line_breaks_in_quotes_and_rows_longer_than_a_block(tmp_path: Path) -> None:
    text = "a,t\n" + '1,"x\ny"\n' * 200_000 + f'2,"{"z" * 3_000_000}"\n'
    source = in_memory(write(tmp_path / "t.csv", text), exclude=["t"])
    assert source.n_rows == 200_001


@pytest.mark.parametrize("pattern", ["parts", "parts/*.csv*", "parts/p[0-9].*"])
def test_folders_and_globs(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    write(folder / "p1.csv", "a,b\n1,2\n3,4\n")
    write(folder / "p2.csv.gz", "b,a\n6,5.5\n")
    if pattern == "parts":
        write(folder / "_SUCCESS", "")
        write(folder / ".hidden.csv", "x\n1\n")
        write(folder / "notes.txt", "mine")
        write_parquet(folder / "p3.parquet", pa.table({"a": [7], "b": [8]}))
    source = in_memory(str(tmp_path / pattern))
    assert column(source, "a")[:3] == [1, 3, 5.5]
    assert column(source, "b")[:3] == [2, 4, 6]
    assert source.n_rows == (4 if pattern == "parts" else 3)
    assert source.place(1) == "row 1 of p1.csv"
    assert source.place(2) == "row 0 of p2.csv.gz"
    assert "files)" in source.where


def test_a_real_file(data_file: Callable[[str], Path]) -> None:
    parts = split(data_file("birthwt.csv"), y="low", exclude=["rownames", "bwt"])
    assert parts.features.n_rows == 189
    target = encode_target(parts.y_values)
    assert target.classes == (0, 1)
    assert target.y.mean() == pytest.approx(0.312, abs=5e-4)


def test_brfss(data_file: Callable[[str], Path]) -> None:
    parts = split(data_file("brfss2015.csv.gz"), y="Diabetes_binary")
    assert parts.features.n_rows == 253_680
    columns = arrays_of(learn(parts.features), parts.features)
    assert len(columns) == 21
    assert {column.dtype.name for column in columns} == {"uint8"}  # 1.0 and 98.0 in the file
    assert {column.type for column in learn(parts.features).columns} == {"double"}
    assert encode_target(parts.y_values).y.sum() == 35_346


# ---- bad files: DataError


BAD_CSV = {
    "empty": ("", "t.csv is empty"),
    "blank": ("\n\n", "t.csv is empty"),
    "header only": ("a,b\n", "t.csv has a header but no rows"),
    "header without newline": ("a,b", "t.csv has a header but no rows"),
    "short row": ("a,b\n1,2\n3\n", "t.csv, row 1 has 1 field, the header has 2: '3'"),
    "short row of bad utf-8": (b"a,b\n1,2\n\xff\n", "t.csv, row 1 has 1 field, the header has 2"),
    "long row": ("a,b\n1,2\n3,4\n5,6,7\n", "t.csv, row 2 has 3 fields, the header has 2: '5,6,7'"),
    "duplicate": ("a,b,a\n1,2,3\n", "t.csv has two columns named 'a': columns 1 and 3"),
    "bad utf-8 header": (b"a,\xff\n1,2\n", "t.csv, header: not UTF-8 text"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "t.csv, header: not UTF-8 text"),
    "parquet inside": (b"PAR1xxxxPAR1", r"t.csv is a Parquet file by its first bytes"),
}


@pytest.mark.parametrize(("content", "words"), BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        in_memory(write(tmp_path / "t.csv", content))


def test_bad_utf8_in_a_value(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"a,b\n1,x\n2,\xff\n")
    with pytest.raises(DataError, match=r"t.csv, row 1, column 'b': not UTF-8 text\nhint: save"):
        in_memory(path)
    assert in_memory(path, exclude=["b"]).n_rows == 2


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_the_row_of_a_ragged_row_deep_in_the_file(tmp_path: Path, suffix: str) -> None:
    lines = ["a,b,c", *(f"{i},{i},{i}" for i in range(300_000))]
    lines[200_001 + 1] = "1,2"
    path = write(tmp_path / f"t{suffix}", "\n".join(lines))
    words = f"t{suffix}, row 200001 has 2 fields, the header has 3: '1,2'"
    with pytest.raises(DataError, match=words):
        in_memory(path)


def test_a_missing_value_in_a_file(tmp_path: Path) -> None:
    source = in_memory(write(tmp_path / "t.csv", "age,b\n1,2\n,4\nNA,5\n 3 ,7\n"))
    words = r"t.csv has missing values in 'age' \(2 of 4, the first in row 1\)"
    with pytest.raises(DataError, match=words):
        learn(source, policy=Policy(missing=False))
    assert learn(source).columns[0] == NumericColumn("age", "int64", 2.0, True)


def test_a_missing_target_in_a_file(tmp_path: Path) -> None:
    parts = split(write(tmp_path / "t.csv", "a,y\n1,no\n2,\n3,yes\n"), y="y")
    assert parts.weights is not None
    assert parts.weights.tolist() == [1.0, 0.0, 1.0]
    assert parts.notes == ("1 row without a target left out",)
    path = write(tmp_path / "none.csv", "a,y\n1,\n2, \n3,\n")
    with pytest.raises(DataError, match=r"none.csv: column 'y', the target, has no value in any"):
        split(path, y="y")
    path = write(tmp_path / "w.csv", "a,y,w\n1,no,1\n2,no,\n3,yes,2\n")
    with pytest.raises(DataError, match=r"w.csv: column 'w' has a missing value in row 1 \(1 of 3"):
        split(path, y="y", sample_weight="w")


def test_a_missing_value_in_one_of_several_files(tmp_path: Path) -> None:
    write(tmp_path / "p1.csv", "a\n1\n2\n")
    write(tmp_path / "p2.csv", "a\n3\nNA\n")
    source = in_memory(tmp_path)
    with pytest.raises(DataError, match=r"the first in row 1 of p2.csv"):
        learn(source, policy=Policy(missing=False))


def cut(raw: bytes, at: float) -> bytes:
    return raw[: int(len(raw) * at)]


def flipped(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 0xFF]) + raw[middle + 1 :]


BIG = gzip.compress(("a,b\n" + "".join(f"{i},{i * i % 977}\n" for i in range(50_000))).encode())


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (cut(BIG, 0.0), "t.csv.gz is empty"),
        (gzip.compress(b""), "t.csv.gz is empty"),
        (BIG[:12], "t.csv.gz is damaged or cut short"),
        (cut(BIG, 0.5), "t.csv.gz is damaged or cut short"),
        (BIG[:-4], "t.csv.gz is damaged or cut short"),
        (flipped(BIG), r"t.csv.gz (is damaged|cannot be read|, row)"),
        (b"a,b\n1,2\n", "t.csv.gz is not compressed by gzip"),
    ],
    ids=["empty", "of nothing", "head", "half", "tail", "flipped", "plain"],
)
def test_damaged_gzip(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=words):
        in_memory(path)


def test_damaged_parquet(tmp_path: Path) -> None:
    table = pa.table({"a": np.arange(5000), "b": np.random.default_rng(0).normal(size=5000)})
    good = write_parquet(tmp_path / "good.parquet", table).read_bytes()
    path = tmp_path / "t.parquet"
    for raw, words in (
        (b"", "t.parquet is empty"),
        (b"a,b\n1,2\n", "t.parquet is not a Parquet file"),
        (b"PAR1", "t.parquet is damaged or cut short"),
        (cut(good, 0.5), "t.parquet is damaged or cut short"),
        (good[:-100], "t.parquet is damaged or cut short"),
        (good[:200] + bytes(5000) + good[5200:], "t.parquet is damaged or cut short"),
    ):
        path.write_bytes(raw)
        with pytest.raises(DataError, match=words):
            in_memory(path)


def test_parquet_without_rows_or_with_two_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t.parquet has column names but no rows"):
        in_memory(write_parquet(tmp_path / "t.parquet", TABLE.slice(0, 0)))
    twice = pa.table([[1], [2]], names=["a", "a"])
    with pytest.raises(DataError, match=r"t.parquet has two columns named 'a'"):
        in_memory(write_parquet(tmp_path / "t.parquet", twice))


def test_files_that_differ(tmp_path: Path) -> None:
    write(tmp_path / "p1.csv", "a,b\n1,2\n")
    second = write(tmp_path / "p2.csv", "a,c\n1,2\n")
    with pytest.raises(DataError, match=r"p2.csv lacks columns that p1.csv has: 'b'"):
        in_memory(tmp_path)
    write(second, "a,b,c\n1,2,3\n")
    with pytest.raises(DataError, match=r"p1.csv lacks columns that p2.csv has: 'c'"):
        in_memory(tmp_path)
    write(second, "a,b\n1,text\n")
    with pytest.raises(DataError, match=r"column 'b' is int64 in p1.csv, but string in p2.csv"):
        in_memory(tmp_path)
    write(second, "a,b\n")
    with pytest.raises(DataError, match=r"p2.csv has a header but no rows"):
        in_memory(tmp_path)


def test_a_folder_without_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no table\nhint: files end in .csv"):
        read(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.csv", CSV)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # root may read all, so chmod proves nothing
    with pytest.raises(DataError, match=r"t.csv cannot be read: permission denied"):
        read(path)


# ---- wrong use: UsageError


def test_no_such_file(tmp_path: Path) -> None:
    write(tmp_path / "brfss2015.csv.gz", CSV)
    with pytest.raises(
        UsageError, match=r"brfs2015.csv does not exist\nhint: .*'brfss2015.csv.gz'"
    ):
        read(tmp_path / "brfs2015.csv")
    with pytest.raises(UsageError, match=r"other.csv does not exist$"):
        read(tmp_path / "other.csv")
    with pytest.raises(UsageError, match=r"no file matches .*/x.*csv"):
        read(str(tmp_path / "x*.csv"))
    with pytest.raises(UsageError, match=r"does not exist: there is no folder"):
        read(tmp_path / "nowhere" / "t.csv")


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.csv.xz"])
def test_unknown_kind_of_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UsageError, match=f"{name}: no reader for this kind of file\nhint: files end"
    ):
        read(write(tmp_path / name, CSV))


def test_unknown_target_in_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "Diabetes_binary,b\n1,2\n")
    with pytest.raises(UsageError, match=r"t.csv has no column 'diabetes'\nhint: did you mean"):
        split(path, y="diabetes")


def test_a_file_is_never_held_twice(tmp_path: Path) -> None:
    """By the operating system's count, in fresh processes: a row more costs its columns once."""
    code = """
import sys
from logloss.table import read
from logloss.table.encoding.stream import encoded

def peak():
    with open("/proc/self/status") as lines:
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10

source = read(sys.argv[1])
before = peak()
source = encoded(source)
print(peak() - before, sum(column.values.nbytes for column in source.columns.by_name.values()))
"""
    peaks, sizes = [], []
    for n_rows in (200_000, 800_000):
        table = pa.table({f"c{j}": np.random.default_rng(j).random(n_rows) for j in range(16)})
        path = write_parquet(
            tmp_path / "t.parquet", table, row_group_size=20_000, use_dictionary=False
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        )
        peak, size = map(int, done.stdout.split())
        assert size == 16 * 8 * n_rows
        peaks.append(peak)
        sizes.append(size)
    assert peaks[1] - peaks[0] <= 1.3 * (sizes[1] - sizes[0])
