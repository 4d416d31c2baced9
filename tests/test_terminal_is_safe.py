"""Names out of files reach a terminal spelled out, never raw; data reach files as they are."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import logloss
from logloss.cli import main

# ESC, CSI as one byte, OSC, BEL, carriage return, line break, backspace, tab, bidi, line separator
EVIL = "a\x1b[2J\x9b31m\x1b]0;t\x07\r\nb\x08\t\u202eabc\u2066\u2028\u200f\x85z"
LIMIT = 60


def hostile_table() -> pa.Table:
    rng = np.random.default_rng(3)
    n = 200
    x = rng.normal(size=n)
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-x)), f"yes{EVIL}", f"no{EVIL}")
    level = np.array([f"l{EVIL}", f"m{EVIL}", f"n{EVIL}"])[rng.integers(0, 3, n)]
    weight = rng.integers(1, 3, n).astype(float)
    columns = {"x": x, "g": level, "c": np.zeros(n), "y": y, "w": weight}
    return pa.table({f"{name}{EVIL}": values for name, values in columns.items()})


def harmful(text: str) -> set[str]:
    """Characters that a terminal obeys, or that reorder what is read."""
    kinds = {c: unicodedata.category(c) for c in text if c != "\n"}
    return {c for c, kind in kinds.items() if kind in ("Cc", "Cf", "Zl", "Zp")}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("t") / f"folder{EVIL}".replace("/", "")
    folder.mkdir()
    table = hostile_table()
    pq.write_table(table, folder / "t.parquet")
    pq.write_table(table.drop_columns([table.column_names[0]]), folder / "lacks.parquet")
    words = ["--target", f"y{EVIL}", "--C", "1", "--weights", f"w{EVIL}"]
    model = str(folder / "m.json")
    assert main(["fit", str(folder / "t.parquet"), *words, "--model", model, "-q"]) == 0
    return folder


COMMANDS: dict[str, list[str]] = {
    "fit": ["fit", "{t}", "--target", "y", "--weights", "w", "--C", "1", "--influence", "3"],
    "unpenalised": ["fit", "{t}", "--target", "y", "--model", "{folder}/again.json"],
    "no target": ["fit", "{t}", "--target", "q"],
    "json": ["fit", "{t}", "--target", "y", "--C", "1", "--json"],
    "show": ["show", "{m}"],
    "show json": ["show", "{m}", "--json"],
    "evaluate": ["evaluate", "{m}", "{t}", "--threshold", "0.5"],
    "evaluate json": ["evaluate", "{m}", "{t}", "--json"],
    "encode": ["encode", "{t}", "-o", "{folder}/t.spool"],
    "path": ["path", "{t}", "--target", "y", "--n-lambdas", "4"],
    "path json": ["path", "{t}", "--target", "y", "--n-lambdas", "4", "--json"],
    "race": ["race", "{t}", "--target", "y", "--time-budget", "0.2", "--solvers", "gd,lbfgs"],
    "lacks": ["predict", "{m}", "{folder}/lacks.parquet"],
    "no file": ["fit", "{folder}/no.csv", "--target", "y"],
    "no model": ["show", "{folder}/no.json"],
    "predict": ["predict", "{m}", "{t}", "-o", "{folder}/scored.csv"],
    "bad option": ["fit", "{t}", "--target", "y", "--solver", f"s{EVIL}"],
    "bad words": ["fit", "{t}", f"--{EVIL}"],
    "unknown": [f"w{EVIL}"],
}  # fmt: skip


def spelled(words: list[str], folder: Path) -> list[str]:
    names = {"t": folder / "t.parquet", "m": folder / "m.json", "folder": folder}
    hostile = {"y", "w", "q"}
    return [f"{w}{EVIL}" if w in hostile else w.format(**names) if "{" in w else w for w in words]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_printed_is_spelled_out(
    files: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    main(spelled(COMMANDS[command], files))
    out, err = capfd.readouterr()
    assert not harmful(out)
    assert not harmful(err)
    assert out + err
    if command.endswith("json"):
        assert EVIL in "".join(strings(json.loads(out)))  # it is all there for a program


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("command", ["fit", "predict", "show json"])
def test_on_a_terminal(files: Path, command: str) -> None:
    """The progress line and predictions too, which are shown raw to nobody but a program."""
    words = ["predict", "{m}", "{t}"] if command == "predict" else COMMANDS[command]
    screen, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "logloss.cli", *spelled(words, files)],
        stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"},
    ) as child:  # fmt: skip
        os.close(theirs)
        shown = b""
        while chunk := read_some(screen):
            shown += chunk
        assert child.wait(LIMIT) == 0
    os.close(screen)
    text = shown.decode()
    for part in ("\x1b[2J", "\x9b", "\x1b]0", "\x07", "\x08", "\u202e", "\u2066", "\u2028"):
        assert part not in text
    assert r"\x1b[2J" in text or r"\u001b[2J" in text


def read_some(screen: int) -> bytes:
    try:
        return os.read(screen, 4096)
    except OSError:  # what Linux says when the other end closes
        return b""


def test_text_in_python_is_spelled_out() -> None:
    table = hostile_table()
    model = logloss.fit(table, f"y{EVIL}")
    shown = [str(model.summary()), model.evaluate(table).text(100), str(model.influence()),
             repr(model), repr(model.summary()), str(model.separation.text)]  # fmt: skip
    assert not set().union(*map(harmful, shown[:5]))


def test_files_hold_the_names_as_they_are(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.parquet"
    assert main(["predict", str(files / "m.json"), str(files / "t.parquet"), "-o", str(out)]) == 0
    labels = set(pq.read_table(out).column("prediction").to_pylist())
    assert labels == {f"yes{EVIL}", f"no{EVIL}"}
    model = json.loads((files / "m.json").read_text())
    assert model["target"] == f"y{EVIL}"
