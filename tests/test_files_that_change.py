"""Files that others cut short, write to or replace while they are read: never a result."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import logloss
from logloss.cli import main
from logloss.errors import DataError
from logloss.files.held import check_held, mapped
from logloss.table import read
from logloss.table.encoding import encoded

N_ROWS = 60_000
LIMIT = 120


def rows(n: int = N_ROWS) -> pa.Table:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(4, n))
    y = (rng.random(n) < 1 / (1 + np.exp(-x[0]))).astype(np.int8)
    columns = {f"x{j}": values for j, values in enumerate(x)}
    return pa.table(columns | {"t": np.array(list("abc"))[rng.integers(0, 3, n)], "y": y})


# ---- a spool, which is mapped into memory


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spool")
    pq.write_table(rows(), folder / "t.parquet")
    assert main(["encode", str(folder / "t.parquet"), "-o", str(folder / "t.spool"), "-q"]) == 0
    (folder / "t.parquet").unlink()
    return folder / "t.spool"


FIT = """
import os, sys
import logloss
path, change, options = sys.argv[1], sys.argv[2], eval(sys.argv[3])
changes = {
    "cut": lambda: os.truncate(path, os.path.getsize(path) // 3),
    "cut to nothing": lambda: os.truncate(path, 0),
    "written to": lambda: open(path, "r+b").write(b"x"),
    "grown": lambda: open(path, "ab").write(b"x"),
}
steps = []
def at_step(step):
    steps.append(step)
    if len(steps) == 1:
        changes[change]()
try:
    logloss.fit(path, "y", callbacks=[at_step], **options)
except logloss.DataError as error:
    print(error)
else:
    print("a result")
"""


@pytest.mark.parametrize("change", ["cut", "cut to nothing", "written to", "grown"])
@pytest.mark.parametrize(
    "options",
    [{"solver": "newton"}, {"solver": "gd", "C": 1}, {"solver": "saga", "C": 1}, {"l1": 1e-3},
     {"solver": "newton-cg", "n_threads": 2}],
)  # fmt: skip
def test_a_spool_that_changes_during_a_fit(
    whole: Path, tmp_path: Path, change: str, options: dict[str, object]
) -> None:
    """A mapping that is cut short kills the process by SIGBUS where nobody takes care."""
    path = tmp_path / "t.spool"
    path.write_bytes(whole.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", FIT, str(path), change, repr(options)],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    if options.get("solver") == "saga":  # it has a copy of the rows, and reads the file no more
        assert "changed while it was read" in done.stdout or done.stdout == "a result\n"
        return
    assert "t.spool changed while it was read" in done.stdout
    assert "hint: " in done.stdout


CUT = """
import os, sys
from logloss.files.held import check_held, mapped
path = sys.argv[1]
view = mapped(path)
os.truncate(path, 5000)
print(sum(view[4096:5000]), sum(view[8192:]), sum(view[-3:]))
try:
    check_held()
except Exception as error:
    print(type(error).__name__)
del view
check_held()
"""


def test_pages_that_are_gone_are_zeros(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"\x01" * 50_000)
    done = subprocess.run(
        [sys.executable, "-c", CUT, str(path)],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "904 0 0\nDataError\n"


def test_a_spool_that_is_replaced_or_gone_is_read_to_its_end(whole: Path, tmp_path: Path) -> None:
    """The name leads elsewhere; the file that is mapped stays."""
    expected = logloss.fit(str(whole), "y").coefficients
    path, other = tmp_path / "t.spool", tmp_path / "other.spool"
    for change in (lambda: os.replace(other, path), path.unlink):
        path.write_bytes(whole.read_bytes())
        other.write_bytes(b"another")
        done: list[int] = []

        def at_step(_: object, change: Callable[[], None] = change, done: list[int] = done) -> None:
            if not done:
                change()
            done.append(1)

        assert logloss.fit(str(path), "y", callbacks=[at_step]).coefficients == expected


def test_what_is_mapped_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    for size in range(1, 600):  # more than can be held at once
        path.write_bytes(b"x" * size)
        assert len(mapped(path)) == size
    check_held()


# ---- files that are read once


def write_csv(table: pa.Table, path: Path) -> None:
    pyarrow.csv.write_csv(table, path)


def write_gz(table: pa.Table, path: Path) -> None:
    with pa.CompressedOutputStream(str(path), "gzip") as file:
        pyarrow.csv.write_csv(table, file)


def write_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table, max_chunksize=5000)


KINDS: dict[str, Callable[[pa.Table, Path], None]] = {
    "t.csv": write_csv,
    "t.csv.gz": write_gz,
    "t.parquet": lambda table, path: pq.write_table(table, path, row_group_size=5000),
    "t.arrow": write_arrow,
}
CHANGES: dict[str, Callable[[Path], None]] = {
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut at a line": lambda path: os.truncate(path, path.read_bytes().rfind(b"\n", 0, 9000) + 1),
    "grown": lambda path: path.write_bytes(path.read_bytes() + b"1,2,3,4,a,1\n"),
    "replaced": lambda path: (
        path.with_name("new").write_bytes(path.read_bytes())
        and os.replace(path.with_name("new"), path)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("when", ["before the rows", "between them"])
def test_a_file_that_changes(tmp_path: Path, name: str, change: str, when: str) -> None:
    path = tmp_path / name
    KINDS[name](rows(), path)
    source = read(str(path))
    if when == "before the rows":
        CHANGES[change](path)
        with pytest.raises(DataError, match=f"{name} changed while it was read"):
            encoded(source)
        return
    batches = source.stream.batches()
    next(batches)
    CHANGES[change](path)
    with pytest.raises(DataError, match=f"{name} changed while it was read"):
        list(batches)


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                             capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Fit, predict and evaluate; what would have been written is not there."""
    path, model, out = tmp_path / "t.csv", tmp_path / "m.json", tmp_path / "p.csv"
    write_csv(rows(), path)
    assert main(["fit", str(path), "--target", "y", "--C", "1", "--model", str(model), "-q"]) == 0
    content = path.read_bytes()
    usual = pa.csv.read_csv
    for words in (
        ["fit", path, "--target", "y", "--model", tmp_path / "n.json"],
        ["predict", model, path, "-o", out],
        ["evaluate", model, path],
    ):
        path.write_bytes(content)
        calls: list[int] = []

        def cut(*given: object, calls: list[int] = calls, **named: object) -> object:
            calls.append(1)
            if len(calls) == 2:  # the first is that of the first rows
                os.truncate(path, len(content) // 2)
            return usual(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(pa.csv, "read_csv", cut)
            assert main(list(map(str, words))) == 1
        assert "error: t.csv changed while it was read" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["m.json", "t.csv"]
