"""The race: the same optimum for all, an excess that is right, charts that show it."""

from __future__ import annotations

import importlib.util
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import logloss
from logloss.errors import DataError, MissingExtra, UsageError
from logloss.record.proof import Step
from logloss.report.curves import Curve, Panel, draw, terminal_chart
from logloss.solvers.descent import GradientDescent

RNG = np.random.default_rng(5)
X = RNG.standard_normal((400, 4)) @ np.diag([1.0, 3.0, 0.3, 1.0])
Y = (X @ [1.0, -0.5, 2.0, 0.0] + 0.5 + RNG.logistic(size=400) > 0.0).astype(np.int64)
SMOOTH = ["gd", "nesterov", "lbfgs", "newton-cg", "newton"]


def least(l1: float, l2: float) -> float:
    """min F by SciPy, the coefficients split into positive and negative parts."""
    sign = 2.0 * Y - 1.0

    def objective(parts: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = parts[:4] - parts[4:8], parts[8]
        z = sign * (X @ w + b)
        residual = -sign / (1.0 + np.exp(z)) / len(Y)
        slope = X.T @ residual + l2 * w
        value = np.logaddexp(0.0, -z).mean() + 0.5 * l2 * w @ w + l1 * parts[:8].sum()
        return value, np.concatenate([slope + l1, -slope + l1, [residual.sum()]])

    bounds = [(0.0, None)] * 8 + [(None, None)]
    options = {"maxiter": 10_000, "ftol": 1e-15, "gtol": 1e-11}
    found = minimize(objective, np.zeros(9), jac=True, bounds=bounds, options=options)
    return float(found.fun)


@pytest.mark.parametrize(
    ("solvers", "penalty"),
    [
        (SMOOTH, {"l1": 0.0, "l2": 0.01}),
        (["gd", "nesterov", "prox-newton"], {"l1": 0.05, "l2": 0.0}),
        (["gd", "auto"], {"l1": 0.02, "l2": 0.01}),
    ],
)
def test_all_come_to_the_optimum_that_scipy_finds(
    solvers: list[str], penalty: dict[str, float]
) -> None:
    race = logloss.race(X, Y, solvers=solvers, **penalty)
    assert race.optimum == pytest.approx(least(**penalty), rel=1e-9)
    assert race.optimum_gap <= 1e-9 * race.optimum
    table = race.table
    assert table.column_names == ["solver", "step", "data_reads", "seconds", "excess", "gap"]
    assert len(race.runs) == len(solvers)
    for run in race.runs:
        rows = table.filter(np.array(table["solver"].to_pylist()) == run.label).to_pylist()
        assert [row["step"] for row in rows] == list(range(len(run.history)))
        assert 0.0 <= rows[-1]["excess"] <= 1e-6 * race.optimum
        assert [row["data_reads"] for row in rows] == sorted(row["data_reads"] for row in rows)
        for row, step in zip(rows, run.history, strict=True):
            assert row["excess"] == pytest.approx(step.loss - race.optimum, abs=1e-15)
            assert not row["gap"] < row["excess"] - 1e-12  # what was proven is true


def test_the_same_steps_as_a_fit_of_its_own() -> None:
    race = logloss.race(X, Y, solvers=["lbfgs"], C=1.0)
    alone = logloss.fit(X, Y, solver="lbfgs", C=1.0)
    assert [step.loss for step in race.runs[0].history] == [step.loss for step in alone.history]
    assert race.runs[0].certificate.data_reads == alone.certificate.data_reads


def test_row_by_row_the_seed_decides() -> None:
    solvers = ["saga", "sag", "sgd", "adam", "sigmoid-update"]
    one, two, again = (
        logloss.race(X, Y, solvers=solvers, C=1.0, max_iter=5, random_state=seed)
        for seed in (1, 2, 1)
    )
    for first, other, same in zip(one.runs, two.runs, again.runs, strict=True):
        assert first.history[-1].loss == same.history[-1].loss != other.history[-1].loss
        assert one.excess(first.history[-1]) < one.excess(first.history[0])


def test_solvers_are_told_apart() -> None:
    objects = [GradientDescent(), GradientDescent(step=0.01), "gd", "auto"]
    race = logloss.race(X, Y, solvers=objects, C=1.0, max_iter=3)
    assert [run.label for run in race.runs] == ["gd", "gd #2", "gd #3", "auto (newton)"]
    losses = [run.history[-1].loss for run in race.runs]
    assert losses[1] > losses[0] == losses[2]


def test_the_default_can_take_the_penalty() -> None:
    smooth = logloss.race(X, Y, C=1.0)
    sparse = logloss.race(X, Y, C=1.0, l1_ratio=0.5)
    assert len(smooth.runs) > 2
    assert len(sparse.runs) > 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"solvers": ["gd", "lbfgs"], "l1": 0.1}, "lbfgs cannot take an L1 penalty"),
        ({"solvers": ["gd", "perceptron"]}, "the perceptron has no loss"),
        ({"solvers": ["saga"], "random_state": -1}, "random_state"),
        ({"solvers": ["gd", "newtno"]}, "no solver 'newtno'"),
        ({"solvers": []}, "no race without solvers"),
        ({"solvers": "gd"}, "must be a sequence"),
        ({"time_budget": -1.0}, "time_budget"),
        ({"C": 1.0, "l2": 1.0}, "two ways"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        logloss.race("no such file.csv", "y", **options)  # which would be found missing later


def test_separated_classes_have_no_optimum() -> None:
    with pytest.raises(DataError, match="no optimum to measure from.*separated"):
        logloss.race(X, X[:, 0] > 0.0, solvers=["gd"])


def test_the_time_of_each_solver_is_bounded() -> None:
    race = logloss.race(X, Y, solvers=["gd", "newton"], C=1.0, tol=1e-15, time_budget=0.05)
    assert all(run.certificate.seconds < 1.0 for run in race.runs)
    assert len(race.runs) == 2


def test_ctrl_c_ends_the_race_and_a_callback_only_a_run() -> None:
    def press(step: Step) -> None:
        if begun[-1] == "lbfgs":
            raise KeyboardInterrupt

    begun: list[str] = []
    solvers = ["newton", "lbfgs", "gd"]
    race = logloss.race(X, Y, solvers=solvers, C=1.0, callbacks=[press], announce=begun.append)
    assert begun == ["the optimum", "newton", "lbfgs"]
    assert [run.label for run in race.runs] == ["newton", "lbfgs"]
    assert "interrupted" in str(race)
    short = logloss.race(X, Y, solvers=solvers, C=1.0, callbacks=[lambda _: True])
    assert [len(run.history) for run in short.runs] == [1, 1, 1]


# ---- charts


def cells(chart: str) -> list[tuple[int, int]]:
    """Row (from the bottom) and column of each `o` between the axes."""
    rows = [line.partition("|")[2] for line in chart.splitlines() if "|" in line]
    return [
        (r, c) for r, row in enumerate(reversed(rows)) for c, one in enumerate(row) if one == "o"
    ]


def test_a_power_law_is_a_straight_line_on_the_terminal() -> None:
    x = [10.0**k for k in range(5)]
    curve = Curve("power", x, [1.0 / one**2 for one in x])
    chart = terminal_chart(Panel("reads", "loss", (curve,)), width=49, height=21)
    found = cells(chart)
    assert {c for _, c in found} == set(range(41))
    for r, c in found:
        assert r == pytest.approx(16 - 16 * c / 40, abs=0.6)
    assert max(len(line) for line in chart.splitlines()) <= 49
    assert "o power" in chart
    assert re.search(r"^ *1e-08 \|", chart, re.MULTILINE)
    assert chart.splitlines()[-2].split() == ["1", "10", "100", "1000", "10000"]


def test_one_point_and_equal_points_can_be_drawn() -> None:
    for curve in (Curve("a", [3.0], [0.1]), Curve("a", [3.0, 3.0], [0.1, 0.1])):
        assert len(cells(terminal_chart(Panel("x", "y", (curve,)), 40, 10))) == 1


def test_the_chart_of_a_race_names_all() -> None:
    race = logloss.race(X, Y, solvers=SMOOTH, C=1.0)
    chart = race.chart(100, 15)
    assert len(chart.splitlines()) == 2 * 15 - 2 + 3  # each 15 high but for what it leaves empty
    for run in race.runs:
        assert run.label in chart
        assert run.label in str(race)
    for panel in race.panels():
        for curve in panel.curves:
            assert min(curve.y) >= race.floor
            assert all(math.isfinite(y) for y in curve.y)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_is_the_same_each_time(ending: str, tmp_path: Path) -> None:
    race = logloss.race(X, Y, solvers=["gd", "newton"], C=1.0)
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    race.plot(tmp_path / f"a.{ending}")
    race.plot(tmp_path / f"b.{ending}")
    data = (tmp_path / f"a.{ending}").read_bytes()
    assert data.startswith(magic)
    assert data == (tmp_path / f"b.{ending}").read_bytes()
    if ending == "svg":
        assert b">gd<" in data
        assert b">reads of the data<" in data


def test_a_long_curve_is_thinned_and_a_muted_one_has_no_legend(tmp_path: Path) -> None:
    x = np.arange(1.0, 50_001.0)
    curves = (Curve("long", x.tolist(), (1.0 / x).tolist()), Curve("behind", [1, 9], [1, 1], True))
    draw([Panel("x", "y", curves, "a title")], tmp_path / "a.svg")
    svg = (tmp_path / "a.svg").read_text()
    assert len(svg) < 60_000
    assert svg.count(">long<") == svg.count(">behind<") == svg.count(">a title<") == 1


def test_a_picture_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panels = [Panel("x", "y", (Curve("a", [1.0, 2.0], [1.0, 0.1]),))]
    with pytest.raises(UsageError, match=r"race\.gif.*\n.*\.png"):
        draw(panels, tmp_path / "race.gif")
    with pytest.raises(DataError, match="cannot write"):
        draw(panels, tmp_path / "no folder" / "race.png")
    monkeypatch.setattr("logloss.report.curves.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"matplotlib.*\n.*logloss\[plot\]"):
        draw(panels, tmp_path / "race.png")
    assert not list(tmp_path.iterdir())
    assert importlib.util.find_spec("matplotlib") is not None
