"""Too little memory: words, whatever library it is that gets none."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

COMMAND = [sys.executable, "-m", "logloss.cli"]
LIMIT = 120  # seconds


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(2)
    n = 30_000
    columns: dict[str, Any] = {f"x{j}": rng.normal(size=n).round(4) for j in range(6)}
    columns["town"] = pa.array([f"t{i}" for i in range(40)]).take(pa.array(rng.integers(0, 40, n)))
    columns["y"] = rng.integers(0, 2, n)
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    pyarrow.csv.write_csv(pa.table(columns), path)
    return path


def limited(megabytes: int | None, *words: object, **options: Any) -> Any:
    def limit() -> None:
        if megabytes is not None:
            resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*COMMAND, *map(str, words)], preexec_fn=limit, **(streams | options))  # noqa: PLW1509


@pytest.mark.parametrize("megabytes", [*range(100, 700, 40)])
def test_too_little_memory_is_told(table: Path, tmp_path: Path, megabytes: int) -> None:
    """From too little to import NumPy to nearly enough; OpenBLAS and Arrow abort, Python traces."""
    model = tmp_path / "m.json"
    with limited(megabytes, "fit", table, "--target", "y", "--C", "1", "--model", model) as child:
        out, err = child.communicate(timeout=LIMIT)
    assert "Traceback" not in err
    assert "terminate called" not in err
    if child.returncode == 0:
        assert "Logistic regression" in out
        assert model.exists()
        return
    assert child.returncode == 1
    assert "error: " in err
    assert "memory" in err
    assert "hint: " in err
    assert os.listdir(tmp_path) == []


def test_a_limit_that_is_large_changes_nothing(table: Path, tmp_path: Path) -> None:
    """The same output and status as without, for what goes well and for what does not."""
    for words in (["fit", table, "--target", "y", "--C", "1"], ["fit", table, "--target", "q"]):
        outcomes = []
        for megabytes in (None, 64_000):
            with limited(megabytes, *words) as child:
                out, err = child.communicate(timeout=LIMIT)
            lines = [line for line in out.splitlines() if not line.startswith("  time")]
            outcomes.append((child.returncode, lines, err))
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_passed_on(table: Path, number: int) -> None:
    """To a command that waits for its input, under a limit."""
    words = ["fit", "-", "--target", "y", "--C", "1"]
    with limited(64_000, *words, stdin=subprocess.PIPE) as child:
        child.stdin.write(table.read_text()[:20_000])
        child.stdin.flush()
        try:
            child.wait(2.0)
        except subprocess.TimeoutExpired:
            child.send_signal(number)
        _, err = child.communicate(timeout=LIMIT)
    assert child.returncode == 128 + number
    assert err.startswith("error: interrupted before there was a result")
    assert err.count("error:") == 1
