"""Tables through the command line: bad ones through every reader, and every real file."""

from __future__ import annotations

import contextlib
import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from logloss.cli import main
from logloss.model.model import load

SAYS_NO, WRONG_USE = 1, 2
N = 60
COMMAND = [sys.executable, "-m", "logloss.cli"]


def good(**changed: Any) -> pa.Table:
    rng = np.random.default_rng(4)
    age = rng.integers(20, 80, N)
    columns = {
        "age": age,
        "town": pa.array([["Ulm", "Bonn", "Kiel"][i % 3] for i in rng.integers(0, 3, N)]),
        "sick": (age + rng.normal(0, 30, N) > 50).astype(int),
    }
    return pa.table(columns | changed)


# ---- the ways into the program


def as_csv(table: pa.Table, folder: Path) -> list[str]:
    pyarrow.csv.write_csv(table, folder / "t.csv")
    return [str(folder / "t.csv")]


def as_gzip(table: pa.Table, folder: Path) -> list[str]:
    plain = Path(*as_csv(table, folder))
    path = folder / "t.csv.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    return [str(path)]


def as_parquet(table: pa.Table, folder: Path) -> list[str]:
    pq.write_table(table, folder / "t.parquet")
    return [str(folder / "t.parquet")]


def as_arrow(table: pa.Table, folder: Path) -> list[str]:
    pyarrow.feather.write_feather(table, folder / "t.arrow")
    return [str(folder / "t.arrow")]


def as_folder(table: pa.Table, folder: Path) -> list[str]:
    half = max(1, table.num_rows // 2)
    pq.write_table(table.slice(0, half), folder / "part-0.parquet")
    pq.write_table(table.slice(half), folder / "part-1.parquet")
    return [str(folder)]


def as_pipe(table: pa.Table, folder: Path) -> list[str]:
    as_csv(table, folder)
    return ["-"]


def as_query(table: pa.Table, folder: Path) -> list[str]:
    (path,) = as_parquet(table, folder)
    return ["-", "--sql", f"select * from '{path}'"]


def as_spool(table: pa.Table, folder: Path) -> list[str]:
    (path,) = as_parquet(table, folder)
    spool = folder / "t.spool"
    assert main(["encode", path, "-o", str(spool), "--quiet"]) == 0
    return [str(spool)]


WAYS = {
    "csv": as_csv,
    "csv.gz": as_gzip,
    "parquet": as_parquet,
    "arrow": as_arrow,
    "folder": as_folder,
    "-": as_pipe,
    "--sql": as_query,
    "spool": as_spool,
}
ways = pytest.mark.parametrize("way", WAYS)


class Command:
    """Runs commands in this process, and checks what every error must be."""

    def __init__(self, capture: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capture = capture
        self.data, self.out = folder / "data", folder / "out"
        self.data.mkdir()
        self.out.mkdir()
        self.err = ""
        self.files = contextlib.ExitStack()

    def run(self, *words: object) -> tuple[int, str]:
        status = main([str(word) for word in words])
        printed, self.err = self._capture.readouterr()
        assert "Traceback" not in self.err
        return status, printed

    def says_no(self, *words: object) -> str:
        status, printed = self.run(*words)
        lines = [line for line in self.err.splitlines() if not line.startswith("note: ")]
        assert [line.split(":")[0] for line in lines] == ["error", "hint"], self.err
        assert all(line.split(":", 1)[1].strip() for line in lines)
        assert status in (SAYS_NO, WRONG_USE)
        assert printed == ""
        assert os.listdir(self.out) == []
        return f"{status} {' '.join(lines)}"

    def table(self, way: str, table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        words = WAYS[way](table, self.data)
        if words == ["-"]:
            self.read_from(self.data / "t.csv", monkeypatch)
        return words

    def read_from(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let a file be standard input."""
        monkeypatch.setattr(sys, "stdin", self.files.enter_context(path.open()))


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Command]:
    command = Command(capfd, tmp_path)
    with command.files:
        yield command


@ways
def test_every_way_leads_to_the_same_model(
    command: Command, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    words = command.table(way, good(), monkeypatch)
    path = command.out / "m.json"
    assert command.run("fit", *words, "--target", "sick", "--C", "1", "--model", path)[0] == 0
    (plain,) = as_csv(good(), command.out)
    other = command.out / "other.json"
    assert command.run("fit", plain, "--target", "sick", "--C", "1", "--model", other)[0] == 0
    assert load(path).coefficients == load(other).coefficients


EMPTY = pa.array([None] * N, pa.float64())
# (what is changed in the table, options of `fit`, words of the error)
BAD: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "one class": ({"sick": [1] * N}, [], ["1 ", "sick", "one class"]),
    "three labels": ({"sick": [0, 1, 2] * (N // 3)}, [], ["1 ", "sick", "--positive"]),
    "unknown target": ({}, ["--target", "sikc"], ["2 ", "did you mean 'sick'?"]),
    "unknown weights": ({}, ["--weights", "agee"], ["2 ", "did you mean 'age'?"]),
    "unknown exclude": ({}, ["--exclude", "agee"], ["2 ", "did you mean 'age'?"]),
    "target is excluded": ({}, ["--exclude", "sick"], ["2 ", "--exclude and --target"]),
    "no label": ({"sick": EMPTY}, [], ["1 ", "'sick'"]),
    "missing number": (
        {"age": [None, *range(1, N)]}, ["--missing", "error"], ["1 ", "'age'", "row 0"]
    ),
    "infinite": ({"age": [np.inf, *range(1, N)]}, [], ["1 ", "'age'", "row 0"]),
    "negative weights": ({"w": [-1.0] * N}, ["--weights", "w"], ["1 ", "'w'", "negative"]),
    "zero weights": ({"w": [0.0] * N}, ["--weights", "w"], ["1 ", "'w'", "zero"]),
    "text as weights": ({}, ["--weights", "town"], ["1 ", "'town'", "text"]),
    "infinite offset": ({"o": [np.inf] * N}, ["--offset", "o"], ["1 ", "'o'"]),
    "a column of dates": (
        {"day": pa.array([1, 2, 3] * (N // 3), pa.date32())}, [], ["1 ", "'day'", "--exclude day"]
    ),
    "nothing is left": ({}, ["--exclude", "age", "--exclude", "town"], ["1 ", "no columns"]),
    "unknown positive": ({}, ["--positive", "7"], ["2 ", "'7'"]),
}  # fmt: skip


@ways
@pytest.mark.parametrize("case", BAD)
def test_bad_tables_by_every_way(
    command: Command, monkeypatch: pytest.MonkeyPatch, way: str, case: str
) -> None:
    changed, options, expected = BAD[case]
    words = command.table(way, good(**changed), monkeypatch)
    target = [] if "--target" in options else ["--target", "sick"]
    said = command.says_no("fit", *words, *target, *options, "--model", command.out / "m.json")
    assert all(word in said for word in expected), said


@ways
def test_what_is_left_out_is_said(
    command: Command, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    labels = [None if i % 10 == 0 else v for i, v in enumerate(good()["sick"].to_pylist())]
    table = good(sick=labels, empty=EMPTY, same=[3] * N)
    words = command.table(way, table, monkeypatch)
    status, printed = command.run("fit", *words, "--target", "sick", "--C", "1")
    assert status == 0
    printed = " ".join(printed.split())
    assert f"rows {N - N // 10}," in printed
    assert "'empty' is left out: it has no value" in printed
    assert "'same' is left out: it is 3 in all rows" in printed
    assert f"{N // 10} rows" in printed  # that have no label


# ---- files of text

TEXT = "age,town,sick\n" + "".join(f"{20 + i},{'xyz'[i % 3]},{i * i % 3 % 2}\n" for i in range(N))
BAD_TEXT: dict[str, tuple[bytes, list[str], list[str]]] = {
    "NUL": (TEXT.replace("30,y", "30,\0").encode(), [], ["NUL"]),
    "wrong delimiter": (TEXT.encode(), ["--delimiter", ";"], ["--delimiter ','"]),
    "invalid UTF-8": (TEXT.replace("30,y", "30,q").encode().replace(b"q", b"\xff"), [],
                      ["row 10", "'town'", "UTF-8"]),
    "an open quote": (TEXT.replace("30,y", '30,"y').encode(), [], ["quote", "--quote ''"]),
    "ragged": (TEXT.replace("30,y", "30,y,1").encode(), [], ["row 10", "4 fields"]),
    "empty": (b"", [], ["empty"]),
    "header only": (b"age,sick\n", [], ["no rows"]),
    "two columns of a name": (b"age,age,sick\n1,2,0\n2,3,1\n", [], ["two columns named 'age'"]),
    "no such position": (TEXT.encode(), ["--target", "7"], ["'7'"]),
}  # fmt: skip


@pytest.mark.parametrize("way", ["csv", "csv.gz", "-", "folder"])
@pytest.mark.parametrize("case", BAD_TEXT)
def test_bad_text(command: Command, monkeypatch: pytest.MonkeyPatch, way: str, case: str) -> None:
    content, options, expected = BAD_TEXT[case]
    name = "t.csv.gz" if way == "csv.gz" else "t.csv"
    path = command.data / name
    path.write_bytes(gzip.compress(content) if way == "csv.gz" else content)
    table = {"-": "-", "folder": str(command.data)}.get(way, str(path))
    if way == "-":
        command.read_from(path, monkeypatch)
    target = [] if "--target" in options else ["--target", "sick"]
    said = command.says_no("fit", table, *target, *options, "--model", command.out / "m.json")
    assert all(word in said for word in expected), said


def test_targets_by_position_and_files_without_a_header(command: Command) -> None:
    path = command.data / "t.csv"
    path.write_text(TEXT.split("\n", 1)[1])
    models = []
    for target in ("-1", "2", "c2"):
        out = command.out / f"{target}.json"
        words = ["--no-header", "--target", target, "--C", "1", "--model", out]
        assert command.run("fit", path, *words)[0] == 0
        models.append(load(out))
    assert models[0].fitted.target == "c2"
    assert models[0].coefficients == models[1].coefficients == models[2].coefficients


def test_a_target_of_text_with_blanks(command: Command) -> None:
    path = command.data / "t.csv"
    words = ["yes", " no ", "yes ", "no"]
    path.write_text(
        "age,sick\n" + "".join(f"{i * 7 % 23},{words[i * i % 7 % 4]}\n" for i in range(N))
    )
    out = command.out / "m.json"
    assert command.run("fit", path, "--target", "sick", "--C", "1", "--model", out)[0] == 0
    assert load(out).classes == ("no", "yes")


def test_a_pipe_in_a_real_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "fit", "-", "--target", "sick", "--C", "1"],
        input=TEXT, text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "certificate: within" in done.stdout


def test_queries_over_a_database(command: Command) -> None:
    duckdb = pytest.importorskip("duckdb")
    database = command.data / "d.duckdb"
    with duckdb.connect(str(database)) as connection:
        rows = good()
        connection.register("rows", rows)
        connection.execute("create table people as select * from rows")
    query = "select age, sick from people"
    assert command.run("fit", database, "--sql", query, "--target", "sick")[0] == 0
    said = command.says_no("fit", database, "--sql", "select * from nobody", "--target", "sick")
    assert "nobody" in said
    said = command.says_no("fit", "-", "--sql", query, "--target", "sick")
    assert "people" in said


# ---- files that are damaged, or differ


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv.gz", "spool"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_cut_short(command: Command, suffix: str, share: float) -> None:
    (path,) = WAYS[suffix](good(), command.data)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: int(share * len(content))])
    said = command.says_no("fit", path, "--target", "sick", "--model", command.out / "m.json")
    assert f"t.{suffix}" in said


def test_a_column_that_changes_its_type_between_files(command: Command) -> None:
    pq.write_table(good(), command.data / "a.parquet")
    pq.write_table(good(age=["old"] * N), command.data / "b.parquet")
    said = command.says_no("fit", command.data, "--target", "sick")
    assert "'age'" in said
    assert "b.parquet" in said


def test_ten_thousand_and_one_columns(command: Command) -> None:
    values = np.random.default_rng(1).integers(0, 9, (40, 10_000))
    table = pa.table({f"x{j}": values[:, j] for j in range(10_000)} | {"sick": np.arange(40) % 2})
    (path,) = as_csv(table, command.data)
    out = command.out / "m.json"
    assert command.run("fit", path, "--target", "sick", "--C", "1", "--model", out)[0] == 0
    assert len(load(out).coefficients) == 10_000


def test_a_spool_that_is_damaged_or_out_of_date(command: Command) -> None:
    (source,) = as_parquet(good(), command.data)
    spool = command.data / "t.spool"
    assert command.run("encode", source, "-o", spool)[0] == 0
    whole = spool.read_bytes()
    spool.write_bytes(whole.replace(b"Kiel", b"Kies"))
    assert "t.spool" in command.says_no("fit", spool, "--target", "sick")
    spool.write_bytes(whole)
    os.utime(source, ns=(0, 1))
    said = command.says_no("fit", spool, "--target", "sick")
    assert "t.parquet has changed" in said
    assert "logloss encode" in said


@pytest.mark.filterwarnings("default")  # what is a note on the command line
def test_a_model_and_another_table(command: Command) -> None:
    (path,) = as_csv(good(), command.data)
    model, other = command.data / "m.json", command.data / "other.csv"
    assert command.run("fit", path, "--target", "sick", "--C", "1", "--model", model)[0] == 0
    other.write_text("height,weight\n1,2\n")
    said = command.says_no("predict", model, other, "-o", command.out / "p.csv")
    assert "'age'" in said
    assert "'town'" in said
    other.write_text("town,extra,age\nUlm,1,40\nMainz,1,\nBonn,1,30\n")
    assert command.run("predict", model, other, "-o", command.out / "p.csv")[0] == 0
    assert len((command.out / "p.csv").read_text().splitlines()) == 4
    assert "'town'" in command.err  # a level that it does not know
    assert "'age'" in command.err
    (command.out / "p.csv").unlink()
    other.write_text("age,town\nmany,Ulm\n")
    assert "'age'" in command.says_no("predict", model, other, "-o", command.out / "p.csv")


# ---- real files, one command each

REAL: dict[str, tuple[list[str], int, int]] = {  # options, exit status, rows
    "endometrial.csv": (["HG", "--exclude", "rownames"], 0, 79),  # separated: an answer
    "birthwt.csv": (["low", "--exclude", "rownames", "--exclude", "bwt"], 0, 189),
    "pima.csv": (["-1"], 0, 768),
    "german.csv": (["-1"], 0, 1000),
    "titanic.csv": (["survived", "--exclude", "boat", "--exclude", "body", "--C", "1"], 0, 1309),
    "telco-churn.csv.gz": (["Churn", "--C", "1"], 0, 7043),
    "adult-train.csv.gz": (["-1", "--na", "?", "--C", "1"], 0, 32_561),
    "bank-additional-full.csv.gz": (["y", "--exclude", "duration", "--C", "1"], 0, 41_188),
    "diabetes130.csv.gz": (
        ["readmitted", "--exclude", "encounter_id", "--exclude", "patient_nbr",
         "--positive", "<30", "--na", "?", "--C", "1"], 0, 101_766,
    ),
    "heart2020.csv.gz": (["HeartDisease"], 0, 319_795),
    "brfss2015.csv.gz": (["Diabetes_binary"], 0, 253_680),
    "kddcup99-10pct.csv.gz": (["-1", "--positive", "normal.", "--C", "1"], 0, 494_021),
    "spambase.tsv.gz": (["target"], 0, 4601),
    "imdb.tsv.gz": (["label", "--exclude", "rating", "--C", "1"], 0, 50_000),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_a_real_file_by_one_command(
    command: Command, data_file: Callable[[str], Path], name: str
) -> None:
    options, status, n_rows = REAL[name]
    out = command.out / "m.json"
    assert command.run("fit", data_file(name), "--target", *options, "--model", out)[0] == status
    model = load(out)
    assert model.fitted.n_rows == n_rows
    assert model.certificate.relative_gap <= 1e-6
    assert model.fitted.loss < model.fitted.null_loss * (1 + 1e-9)


def test_adult_from_training_to_test(command: Command, data_file: Callable[[str], Path]) -> None:
    """Labels of the second file end in a dot."""
    train, test = data_file("adult-train.csv.gz"), data_file("adult-test.csv.gz")
    model, scored = command.out / "m.json", command.out / "p.parquet"
    words = ["--target", "-1", "--na", "?", "--C", "1", "--model", model]
    assert command.run("fit", train, *words)[0] == 0
    status, printed = command.run("evaluate", model, test)
    assert status == 0
    assert "rows               16,281" in printed
    assert "'>50K.' was read as '>50K'" in " ".join((printed + command.err).split())
    assert command.run("predict", model, test, "-o", scored)[0] == 0
    assert pq.read_table(scored).num_rows == 16_281
