"""Files that others cut short, write to or replace while they are read: never a result."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from logloss.cli import main
from logloss.errors import DataError
from logloss.table import read
from logloss.table.encoding import encoded

N_ROWS = 60_000


def rows(n: int = N_ROWS) -> pa.Table:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(4, n))
    y = (rng.random(n) < 1 / (1 + np.exp(-x[0]))).astype(np.int8)
    columns = {f"x{j}": values for j, values in enumerate(x)}
    return pa.table(columns | {"t": np.array(list("abc"))[rng.integers(0, 3, n)], "y": y})


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
