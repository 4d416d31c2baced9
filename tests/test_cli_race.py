"""`logloss race` as a user meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import logloss
from logloss.cli import main


@pytest.fixture
def table(tmp_path: Path) -> Path:
    random = np.random.default_rng(9)
    X = random.normal(size=(300, 3))
    y = X @ [1.0, -2.0, 0.0] + random.logistic(size=300) > 0.0
    path = tmp_path / "t.csv"
    np.savetxt(path, np.column_stack([X, y]), delimiter=",", header="a,b,c,y", comments="")
    return path


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], table: Path) -> Any:
    def run(*words: object) -> tuple[int, str, str]:
        status = main(["race", str(table), "--target", "y", *map(str, words)])
        return status, *capfd.readouterr()

    return run


def test_the_chart_and_the_standings(run: Any) -> None:
    status, out, err = run("--solvers", "gd, lbfgs,newton", "--C", 1)
    assert (status, err) == (0, "")
    for words in ("o gd", "x lbfgs", "+ newton", "reads of the data", "seconds", "gap proven"):
        assert words in out
    assert out.count("proven\n") == 3
    assert all(len(line) <= 110 for line in out.splitlines())


def test_json_has_every_step(run: Any, table: Path) -> None:
    status, out, err = run("--solvers", "newton,gd", "--C", 1, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    race = logloss.race(table, "y", solvers=["newton", "gd"], C=1.0)
    assert found["optimum"] == race.optimum
    assert [one["solver"] for one in found["solvers"]] == ["newton", "gd"]
    assert [one["excess"] for one in found["steps"]] == race.table["excess"].to_pylist()
    assert found["steps"][-1]["excess"] <= 1e-6 * found["optimum"]


def test_a_picture(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "race.png"
    status, _, err = run("--solvers", "newton,gd", "--C", 1, "-o", path)
    assert status == 0
    assert err == f"race drawn to {path}\n"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert run("--solvers", "newton", "--quiet", "-o", path) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--solvers", "gd,lbfgs", "--l1", "0.1"], 2, ["lbfgs cannot take", "prox-newton"]),
        (["--solvers", "gd,,newton"], 2, ["empty name"]),
        (["--solvers", "gd,newtno"], 2, ["newtno", "did you mean 'newton'"]),
        (["-o", "race.gif"], 2, ["race.gif", ".svg"]),
        (["-o", "nowhere/race.png"], 1, ["nowhere"]),
        (["--time-budget", "0"], 2, ["time_budget"]),
        (["--quiet", "--json"], 2, ["contradict"]),
        (["--bound", "d=0:"], 2, ["'d'"]),
    ],
)
def test_wrong_use(
    run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    status: int,
    said: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(*words)
    assert (found, out) == (status, "")
    assert err.startswith("error: ")
    assert "\nhint: " in err
    assert all(one in err for one in said), err
    assert os.listdir(tmp_path) == ["t.csv"]


def test_penalty_and_bounds_reach_the_objective(run: Any, table: Path) -> None:
    words = ["--l1", "0.01", "--bound", "a=:0.5", "--penalty-factor", "b=0", "--json"]
    found = json.loads(run("--solvers", "auto", *words)[1])
    model = logloss.fit(table, "y", l1=0.01, bounds={"a": (None, 0.5)}, penalty_factors={"b": 0.0})
    assert found["optimum"] == pytest.approx(model.fitted.objective, rel=2e-6)
    assert found["optimum"] > logloss.fit(table, "y").fitted.objective
