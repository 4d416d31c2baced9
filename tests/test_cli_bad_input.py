"""Bad input: one clear message, the right exit status, nothing half-written. A test per kind."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logloss.cli import main

GOOD = "age,dose,sick\n" + "".join(
    f"{20 + i},{(i * 7) % 5},{int((i * i + i // 7) % 3 > 1)}\n" for i in range(40)
)
SAYS_NO, WRONG_USE = 1, 2
NEGATIVE = GOOD.replace("\n20,0,", "\n20,-1,")
WEIGHTS = ["--weights", "dose"]
REFUSED, DROPPED = ["--missing", "error"], ["--missing", "drop"]


class Outcome:
    """The exit status and the streams of one run, checked for what every error must be."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        assert "Traceback" not in err
        assert out == ""
        lines = err.splitlines()
        assert [line.split(":")[0] for line in lines] == ["error", "hint"], err
        assert all(line.split(":", 1)[1].strip() for line in lines), err


@pytest.fixture
def attempt(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run `logloss fit` on some content with `--model`; nothing may be left behind."""

    def run(content: str | bytes, *arguments: str, name: str = "t.csv") -> Outcome:
        data, out = tmp_path / "data", tmp_path / "out"
        data.mkdir()
        out.mkdir()
        (data / name).write_bytes(content.encode() if isinstance(content, str) else content)
        words = [str(data / name), "--model", str(out / "model.json"), *arguments]
        if "--target" not in arguments:
            words += ["--target", "sick"]
        outcome = Outcome(main(["fit", *words]), *capfd.readouterr())
        assert os.listdir(out) == []
        return outcome

    return run


# (content, further arguments, exit status, words that the message must hold)
CASES: dict[str, tuple[str | bytes, list[str], int, list[str]]] = {
    "empty file": ("", [], SAYS_NO, ["t.csv", "empty"]),
    "header only": ("age,sick\n", [], SAYS_NO, ["t.csv", "no rows"]),
    "one class": ("age,sick\n1,1\n2,1\n3,1\n", [], SAYS_NO, ["sick", "one class", "1"]),
    "unknown target": (GOOD, ["--target", "sikc"], WRONG_USE, ["'sikc'", "did you mean 'sick'?"]),
    "three values": ("age,sick\n1,a\n2,b\n3,c\n", [], SAYS_NO, ["'a', 'b', 'c'", "sick"]),
    "ragged rows": ("age,sick\n1,0\n2\n3,1\n", [], SAYS_NO, ["t.csv", "row 1", "1 field"]),
    "duplicate names": ("age,age,sick\n1,2,0\n2,3,1\n", [], SAYS_NO, ["two columns named 'age'"]),
    "nan": ("age,sick\n1,0\nnan,1\n3,1\n4,0\n", REFUSED, SAYS_NO, ["'age'", "row 1"]),
    "inf": ("age,sick\n1,0\n2,1\ninf,1\n4,0\n", [], SAYS_NO, ["'age'", "row 2"]),
    "missing value": ("age,sick\n1,0\n2,1\n,1\n4,0\n", REFUSED, SAYS_NO, ["'age'", "row 2"]),
    "missing text": ("c,sick\nx,0\ny,1\n,1\nx,0\n", REFUSED, SAYS_NO, ["'c'", "--exclude c"]),
    "missing so": (GOOD, ["--missing", "eror"], WRONG_USE, ["missing", "did you mean 'error'?"]),
    "missing in each": ("a,b,sick\n1,,0\n,2,1\n", DROPPED, SAYS_NO, ["each row", "emptiest"]),
    "no label": ("age,sick\n1,\n2,\n3,\n", [], SAYS_NO, ["'sick'", "no value in any row"]),
    "no weight": ("dose,age,sick\n1,1,0\n,2,1\n", WEIGHTS, SAYS_NO, ["'dose'", "row 1"]),
    "all rows alike": ("age,sick\n1,0\n1,1\n1,1\n", [], SAYS_NO, ["'age' is 1 in all rows"]),
    "date column": ("day,sick\n2020-01-01,0\n2020-01-02,1\n", [], SAYS_NO, ["'day'", "--exclude"]),
    "not UTF-8": (b"age,sick\n1,\xff\n2,a\n", [], SAYS_NO, ["t.csv"]),
    "negative weights": (NEGATIVE, WEIGHTS, SAYS_NO, ["'dose'", "negative", "row 0"]),
    "all-zero weights": ("dose,age,sick\n0,1,0\n0,2,1\n", WEIGHTS, SAYS_NO, ["'dose'", "zero"]),
    "weights of text": ("dose,age,sick\na,1,0\nb,2,1\n", WEIGHTS, SAYS_NO, ["'dose'", "text"]),
    "infinite offset": ("o,age,sick\ninf,1,0\n1,2,1\n", ["--offset", "o"], SAYS_NO, ["'o'", "inf"]),
    "unknown weights": (GOOD, ["--weights", "agee"], WRONG_USE, ["did you mean 'age'?"]),
    "unknown exclude": (GOOD, ["--exclude", "agee"], WRONG_USE, ["did you mean 'age'?"]),
    "unknown positive": (GOOD, ["--positive", "2"], WRONG_USE, ["'2'"]),
    "no column left": ("age,sick\n1,0\n2,1\n", ["--exclude", "age"], SAYS_NO, ["no columns"]),
    "unknown solver": (GOOD, ["--solver", "newtno"], WRONG_USE, ["newtno", "newton"]),
    "l1 by lbfgs": (GOOD, ["--l1", "0.1", "--solver", "lbfgs"], WRONG_USE, ["L1", "prox-newton"]),
    "bound of nothing": (GOOD, ["--bound", "agee=0:"], WRONG_USE, ["'agee'", "did you mean 'age'"]),
    "bound without ends": (GOOD, ["--bound", "age=:"], WRONG_USE, ["age=:", "age=0:2"]),
    "bound without name": (GOOD, ["--bound", "0:1"], WRONG_USE, ["'0:1'", "age=0:2"]),
    "bound of text": (GOOD, ["--bound", "age=a:b"], WRONG_USE, ["age=a:b", "age=0:2"]),
    "bounds crossed": (GOOD, ["--bound", "age=2:1"], WRONG_USE, ["'age'", "2 to 1"]),
    "bound twice": (GOOD, ["--bound", "age=0:", "--bound", "age=:1"], WRONG_USE, ["twice", "age"]),
    "factor of text": (GOOD, ["--penalty-factor", "age=x"], WRONG_USE, ["age=x", "age=0"]),
    "factor below 0": (GOOD, ["--C", "1", "--penalty-factor", "age=-1"], WRONG_USE, ["negative"]),
    "factor of nothing": (GOOD, ["--penalty-factor", "b=1"], WRONG_USE, ["'b'"]),
    "no start": (GOOD, ["--start", "nowhere.json"], WRONG_USE, ["nowhere.json"]),
    "C and l2": (GOOD, ["--C", "1", "--l2", "0.1"], WRONG_USE, ["C", "l2"]),
    "negative C": (GOOD, ["--C", "-1"], WRONG_USE, ["C"]),
    "C that is no number": (GOOD, ["--C", "nan"], WRONG_USE, ["C"]),
    "C of text": (GOOD, ["--C", "big"], WRONG_USE, ["--C", "number"]),
    "negative tol": (GOOD, ["--tol", "-1"], WRONG_USE, ["tol"]),
    "no steps": (GOOD, ["--max-iter", "0"], WRONG_USE, ["max_iter"]),
    "no time": (GOOD, ["--time-budget", "-1"], WRONG_USE, ["time_budget"]),
    "no threads": (GOOD, ["--n-threads", "0"], WRONG_USE, ["n-threads"]),
    "two outputs": (GOOD, ["--quiet", "--json"], WRONG_USE, ["--quiet", "--json"]),
    "unknown option": (GOOD, ["--slover", "newton"], WRONG_USE, ["--slover", "--solver"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_fit_says_no(attempt: Any, case: str) -> None:
    content, arguments, status, words = CASES[case]
    outcome = attempt(content, *arguments)
    assert outcome.status == status, outcome.err
    assert all(word in outcome.err for word in words), outcome.err


def test_a_damaged_gzip_file(attempt: Any) -> None:
    whole = gzip.compress(GOOD.encode())
    assert attempt(whole[: len(whole) // 2], name="t.csv.gz").status == SAYS_NO


def test_a_damaged_parquet_file(attempt: Any) -> None:
    assert attempt(b"PAR1 and then nothing", name="t.parquet").status == SAYS_NO


def test_an_unknown_kind_of_file(attempt: Any) -> None:
    outcome = attempt(GOOD, name="t.xlsx")
    assert outcome.status == WRONG_USE
    assert ".parquet" in outcome.err


def test_a_nested_column(attempt: Any) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [[1], [2]], "sick": [0, 1]}), sink)
    outcome = attempt(sink.getvalue().to_pybytes(), name="t.parquet")
    assert outcome.status == SAYS_NO
    assert "'a'" in outcome.err


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    return path


@pytest.fixture
def model_file(good: Path) -> Path:
    path = good.with_name("good.json")
    assert main(["fit", str(good), "--target", "sick", "--model", str(path), "--quiet"]) == 0
    return path


@pytest.fixture
def ends(capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Outcome:
        return Outcome(main([str(one) for one in arguments]), *capfd.readouterr())

    return run


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["{good}"],
        ["--target", "sick"],
        ["{good}", "--target"],
        ["{good}", "{good}", "--target", "sick"],
    ],
)
def test_incomplete_commands(ends: Any, good: Path, words: list[str]) -> None:
    outcome = ends("fit", *(word.format(good=good) for word in words))
    assert outcome.status == WRONG_USE
    assert "logloss fit --help" in outcome.err


def test_an_unknown_command(ends: Any) -> None:
    outcome = ends("fitt")
    assert outcome.status == WRONG_USE
    assert "fit" in outcome.err


def test_a_table_that_is_not_there(ends: Any, good: Path) -> None:
    outcome = ends("fit", good.with_name("goood.csv"), "--target", "sick")
    assert outcome.status == WRONG_USE
    assert "did you mean 'good.csv'?" in outcome.err


@pytest.mark.parametrize("where", ["table", "target"])
def test_control_characters_in_a_name_do_not_reach_the_terminal(
    ends: Any, good: Path, where: str
) -> None:
    words = {"table": good, "target": "sick"} | {where: "\x1b[2J\r.csv"}
    outcome = ends("fit", words["table"], "--target", words["target"])
    assert outcome.status == WRONG_USE
    assert "\x1b" not in outcome.err
    assert "\r" not in outcome.err


# ---- outputs that cannot be written


def commands(good: Path, model_file: Path, out: Path) -> list[list[object]]:
    return [
        ["fit", good, "--target", "sick", "--model", out / "m.json"],
        ["predict", model_file, good, "-o", out / "p.csv"],
        ["predict", model_file, good, "-o", out / "p.parquet"],
    ]


@pytest.mark.parametrize("which", range(3))
def test_a_folder_that_is_not_there(ends: Any, good: Path, model_file: Path, which: int) -> None:
    outcome = ends(*commands(good, model_file, good.parent / "nowhere")[which])
    assert outcome.status == SAYS_NO
    assert "the folder does not exist" in outcome.err


def test_an_output_of_an_unknown_kind(ends: Any, good: Path, model_file: Path) -> None:
    outcome = ends("predict", model_file, good, "-o", good.with_name("p.xlsx"))
    assert outcome.status == WRONG_USE
    assert ".csv or .parquet" in outcome.err


@pytest.mark.parametrize("which", range(3))
def test_a_full_disk(
    capfd: pytest.CaptureFixture[str],
    good: Path,
    model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    which: int,
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = good.parent / "out"
    out.mkdir()
    words = commands(good, model_file, out)[which]
    monkeypatch.setattr(os, "fsync", full)
    status = main([str(one) for one in words])
    printed, err = capfd.readouterr()
    assert status == SAYS_NO
    assert "error: cannot write" in err
    assert "the disk is full" in err
    assert "hint: free some space" in err
    assert os.listdir(out) == []
    if words[0] == "fit":  # a long fit is not lost: its result is printed
        assert "certificate: within" in printed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_device_that_is_full(ends: Any, good: Path, model_file: Path, suffix: str) -> None:
    link = good.with_name(f"full{suffix}")
    link.symlink_to("/dev/full")
    outcome = ends("predict", model_file, good, "-o", link)
    assert outcome.status == SAYS_NO
    assert "the disk is full" in outcome.err


# ---- model files


def test_predict_with_a_missing_column(ends: Any, good: Path, model_file: Path) -> None:
    other = good.with_name("other.csv")
    other.write_text("age,dosis\n1,2\n")
    outcome = ends("predict", model_file, other)
    assert outcome.status == SAYS_NO
    assert "'dose'" in outcome.err


def test_predict_with_text_where_numbers_were(ends: Any, good: Path, model_file: Path) -> None:
    other = good.with_name("other.csv")
    other.write_text("age,dose\n1,much\n2,3\n")
    outcome = ends("predict", model_file, other)
    assert outcome.status == SAYS_NO
    assert "'dose'" in outcome.err


@pytest.mark.parametrize("command", ["show", "predict"])
def test_a_model_file_that_is_not_there(ends: Any, good: Path, command: str) -> None:
    table = [good] if command == "predict" else []
    outcome = ends(command, good.with_name("no.json"), *table)
    assert outcome.status == WRONG_USE
    assert "no.json" in outcome.err


@pytest.mark.parametrize("command", ["show", "predict"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "logloss.model/99"}'])
def test_a_damaged_model_file(ends: Any, good: Path, command: str, content: str) -> None:
    bad = good.with_name("bad.json")
    bad.write_text(content)
    outcome = ends(command, bad, *([good] if command == "predict" else []))
    assert outcome.status == SAYS_NO
    assert "bad.json" in outcome.err


def test_a_table_where_the_model_should_be(ends: Any, good: Path, model_file: Path) -> None:
    outcome = ends("predict", good, model_file)
    assert outcome.status == SAYS_NO
    assert "good.csv is not a model file" in outcome.err
