"""What comes first: a model that is no better than the intercept, and the time a command has."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import logloss
import logloss.files.clock as clock
from logloss.cli import main
from logloss.record.proof import Status

NO_BETTER = "This model is no better than the intercept alone"
N = 300


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: Any) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def rows() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, 2))
    return X, (X[:, 0] + rng.logistic(size=N) > 0.0) * 1


def text() -> str:
    X, y = rows()
    return "\n".join(
        ["a,b,y", *(f"{a!r},{b!r},{c}" for (a, b), c in zip(X.tolist(), y, strict=True))]
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(text() + "\n")
    return path


def test_a_penalty_that_is_too_strong_is_told_first() -> None:
    model = logloss.fit(*rows(), l1=10.0)
    assert model.certificate.status is Status.CERTIFIED
    assert str(model.summary()).startswith(f"{NO_BETTER}: its log loss is")
    assert "A weaker penalty" in str(model.summary())
    assert str(logloss.fit(*rows(), l1=1e-3).summary()).startswith("Logistic regression")
    assert str(logloss.fit(*rows()).summary()).startswith("Logistic regression")


def test_columns_that_say_nothing() -> None:
    """Each value as often with either label: the optimum is the intercept."""
    x = np.tile([0.0, 1.0, 2.0], 20)
    y = np.repeat([0, 1], 30)
    text = str(logloss.fit(x[:, np.newaxis], y).summary())
    assert text.startswith(NO_BETTER)
    assert "penalty may" not in text


def test_the_command_line_says_it_first(
    run: Callable[..., tuple[int, str, str]], table: Path, tmp_path: Path
) -> None:
    model = tmp_path / "m.json"
    words = ("fit", table, "--target", "y", "--l1", "10", "--model", model)
    status, out, _ = run(*words)
    assert status == 0
    assert out.startswith(NO_BETTER)
    assert run("show", model)[1].startswith(NO_BETTER)
    assert f"note: {NO_BETTER}" in run(*words, "--json")[2]
    assert f"note: {NO_BETTER}" in run("predict", model, table, "-o", tmp_path / "p.csv")[2]
    assert f"note: {NO_BETTER}" in run("evaluate", model, table)[2]
    status, out, err = run("fit", table, "--target", "y", "--time-budget", "1e-9")
    assert status == 1
    first = " ".join(out.split("\n\n")[0].split())
    assert first.startswith(NO_BETTER)
    assert "raise --time-budget or --max-iter" in first
    assert "start=model" not in out
    assert err.startswith("error: the fit is not certified: stopped at")
    assert (
        f"note: {NO_BETTER}" in run("fit", table, "--target", "y", "--time-budget", "1e-9", "-q")[2]
    )


def test_in_python_the_call_begins_it() -> None:
    model = logloss.fit(*rows(), time_budget=1e-9)
    assert model.certificate.status is Status.BUDGET
    assert "raise time_budget or max_iter" in " ".join(str(model.summary()).split())
    assert logloss.fit(*rows(), time_budget=60.0).certificate.status is Status.CERTIFIED


@pytest.mark.parametrize("command", ["fit", "path"])
def test_the_time_that_reading_takes_counts(command: str) -> None:
    """The table comes through a pipe, and its end only after the budget is over."""
    words = [sys.executable, "-m", "logloss.cli", command, "-", "--target", "y", "--json"]
    with subprocess.Popen(
        [*words, "--time-budget", "1.5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        head, _, tail = text().partition("\n")
        process.stdin.write(head + "\n")
        process.stdin.flush()
        time.sleep(1.6)
        out, err = process.communicate(tail + "\n")
    assert process.returncode == 1, err
    found = json.loads(out)
    if command == "path":
        assert found["complete"] is False
        assert len(found["fits"]) == 1
        return
    assert found["certificate"]["status"] == "budget"
    assert found["certificate"]["seconds"] >= 1.6
    assert "stopped at" in err


def test_when_a_process_started() -> None:
    script = (
        "import time; time.sleep(0.5); import logloss.files.clock as clock;"
        "print(time.perf_counter() - clock.process_start())"
    )
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert 0.49 <= float(done.stdout) <= time.perf_counter() - begun + 0.02


def test_a_budget_counts_from_the_command_and_no_other() -> None:
    back = time.perf_counter() - 100.0
    with clock.counting_from(back):
        assert logloss.fit(*rows(), time_budget=50.0).certificate.status is Status.BUDGET
        plain = logloss.fit(*rows()).certificate
        assert plain.status is Status.CERTIFIED
        assert plain.seconds < 50.0
    assert logloss.fit(*rows(), time_budget=50.0).certificate.status is Status.CERTIFIED
