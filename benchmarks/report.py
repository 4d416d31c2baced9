"""What was measured, as Parquet (one row per timed fit), a Markdown table, and a plot."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from benchmarks import plot
from benchmarks.peers import OURS, PEERS
from benchmarks.plot import seconds
from benchmarks.problems import Problem, Task
from benchmarks.reference import Reference
from benchmarks.rounds import Turn
from benchmarks.search import TARGET, Setting

_OURS = tuple(peer.name for peer in OURS)


@dataclass(frozen=True)
class Outcome:
    """All that was found out about one problem."""

    problem: Problem
    task: Task
    optimum: Reference
    settings: Sequence[Setting]
    turns: Sequence[Turn]


@dataclass(frozen=True)
class Line:
    """One peer on one problem, all its turns together."""

    setting: Setting
    seconds: tuple[float, ...]
    gap: float  # the worst of all turns
    last: Turn

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def best(self) -> float:
        return min(self.seconds)


def write(outcomes: Sequence[Outcome], out: Path) -> None:
    """results.parquet, results.md and results.png in the folder ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    _parquet(outcomes, out / "results.parquet")
    (out / "results.md").write_text(markdown(outcomes))
    bars = {
        outcome.problem.name: [(s.setting.peer, s.median, s.best) for s in lines(outcome)]
        for outcome in outcomes
    }
    plot.save(bars, _OURS, out / "results.png")


def lines(outcome: Outcome) -> list[Line]:
    """The peers that reached the gap, fastest first."""
    found = []
    for setting in outcome.settings:
        turns = [turn for turn in outcome.turns if turn.setting is setting]
        if turns:
            times = tuple(s for turn in turns for s in turn.seconds)
            found.append(Line(setting, times, max(turn.gap for turn in turns), turns[-1]))
    return sorted(found, key=lambda line: line.median)


def _parquet(outcomes: Sequence[Outcome], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [row for outcome in outcomes for row in _rows(outcome)]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table.replace_schema_metadata(machine()), path)


def _rows(outcome: Outcome) -> list[dict[str, Any]]:
    X, task = outcome.task.X, outcome.task
    base = {
        "problem": outcome.problem.name,
        "rows": X.shape[0],
        "columns": X.shape[1],
        "stored": int(X.nnz) if sp.issparse(X) else int(X.size),
        "C": task.C,
        "l1_ratio": task.l1_ratio,
        "fit_intercept": task.fit_intercept,
        "optimum": outcome.optimum.value,
        "optimum_uncertainty": outcome.optimum.uncertainty,
    }
    return [
        base
        | {
            "peer": turn.setting.peer,
            "version": PEERS[turn.setting.peer].version(),
            "layout": turn.setting.layout,
            "tolerance": turn.setting.tolerance,
            "round": turn.round,
            "seconds": time,
            "relative_gap": turn.gap,
            "iterations": turn.solution.iterations,
            "data_reads": turn.solution.data_reads,
            "certified_gap": turn.solution.certified_gap,
            "engine_seconds": turn.solution.engine_seconds,
        }
        for turn in outcome.turns
        for time in turn.seconds
    ]


def markdown(outcomes: Sequence[Outcome]) -> str:
    """A summary over problems, then one table per problem."""
    facts = "\n".join(f"- {key}: {value}" for key, value in machine().items())
    parts = [
        f"# Time to a relative gap of {TARGET:g}\n\n{facts}\n",
        "![results](results.png)\n",
        _summary(outcomes),
        *(_detail(outcome) for outcome in outcomes),
    ]
    return "\n".join(parts)


def _summary(outcomes: Sequence[Outcome]) -> str:
    """Ours against the fastest of the others; the ratio of medians, and that of minima."""
    head = (
        "| problem | rows × columns | logloss | data reads | fastest other | its time | ratio | "
        "ratio of minima |\n|---|---|---|---|---|---|---|---|\n"
    )
    return "## Summary\n\n" + head + "".join(_summary_line(outcome) for outcome in outcomes)


def _summary_line(outcome: Outcome) -> str:
    found = lines(outcome)
    ours = [line for line in found if line.setting.peer == _OURS[0]]
    others = [line for line in found if line.setting.peer not in _OURS and line.gap <= TARGET]
    n, d = outcome.task.X.shape
    cells = [outcome.problem.name, f"{n:,} × {d:,}"]
    if ours:
        cells += [seconds(ours[0].median), str(ours[0].last.solution.data_reads)]
    else:
        cells += ["–", "–"]
    cells += [others[0].setting.peer, seconds(others[0].median)] if others else ["–", "–"]
    if ours and others:
        fastest = min(other.best for other in others)
        cells.append(f"{others[0].median / ours[0].median:.1f}")
        cells.append(f"{fastest / ours[0].best:.1f}")
    else:
        cells += ["–", "–"]
    return "| " + " | ".join(cells) + " |\n"


def _detail(outcome: Outcome) -> str:
    found = lines(outcome)
    base = next((s.median for s in found if s.setting.peer == _OURS[0]), None)
    problem = outcome.problem
    intercept = "with" if problem.fit_intercept else "without"
    text = (
        f"\n## {problem.name}: C = {problem.C:g}, l1_ratio = {problem.l1_ratio:g}, "
        f"{intercept} intercept\n\n"
        f"F* = {outcome.optimum.value:.15g}, known to "
        f"{outcome.optimum.uncertainty:.0e} of itself\n\n"
        "| solver | layout | tolerance | gap reached | median | minimum | fits | × logloss |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    for line in found:
        s = line.setting
        ratio = f"{line.median / base:.1f}" if base else "–"
        text += (
            f"| {s.peer} | {s.layout} | {s.tolerance:.0e} | {_gap(line.gap)} | "
            f"{seconds(line.median)} | {seconds(line.best)} | {len(line.seconds)} | {ratio} |\n"
        )
    for s in outcome.settings:
        if s.tolerance is None:
            nearest = f"; nearest gap {s.gap:.0e}" if s.gap == s.gap else ""
            text += f"| {s.peer} | – | – | {s.note}{nearest} | – | – | – | – |\n"
    return text


def _gap(gap: float) -> str:
    return f"{gap:.0e}" if gap <= TARGET else f"**{gap:.0e}, missed**"


def machine() -> dict[str, str]:
    """What the figures depend on."""
    packages = {peer.distribution: peer.version() for peer in PEERS.values()}
    packages |= {name: metadata.version(name) for name in ("numpy", "scipy")}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items() if version),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = info.read_text().splitlines() if info.exists() else []
    named = (line.split(":", 1)[1].strip() for line in names if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
