"""The loosest tolerance at which a peer reaches the gap, and the layout in which it is fastest."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import layouts, objective
from benchmarks.peers import PEERS
from benchmarks.peers.base import Solution
from benchmarks.problems import Task
from benchmarks.worker import Job, PeerFailed, TooSlow, Worker

TARGET = 1e-6  # (F − F*) / F*
HALF_DECADE = 3.0
_MOST_DECADES = 8  # above the first rung
_SLOW = 5.0  # seconds: such fits are not repeated to find a setting that is a little better
_BEATEN = 1e-9  # relative: a value that far below the optimum shows that it is none


@dataclass(frozen=True)
class Setting:
    """How to run a peer on a problem; or, with no tolerance, why it does not take part."""

    peer: str
    layout: str
    tolerance: float | None
    seconds: float  # of a warm fit in this setting
    gap: float  # reached; the best one seen where there is no tolerance
    note: str = ""


class NotOptimal(Exception):
    """A peer went below what was taken for the optimum: an error of this harness."""


def relative_gap(task: Task, optimum: float, solution: Solution) -> float:
    """(F − F*) / F*, infinite where the coefficients are not finite."""
    if not (np.isfinite(solution.coef).all() and math.isfinite(solution.intercept)):
        return math.inf
    value = objective.value(task, solution.coef, solution.intercept)
    if value < optimum * (1.0 - _BEATEN):
        raise NotOptimal(f"F = {value!r} is below the reference {optimum!r}")
    return (value - optimum) / optimum if math.isfinite(value) else math.inf


def settings(job: Job, task: Task, optimum: float, limit: float, fresh: bool) -> list[Setting]:
    """One setting for each layout of the peer, the fastest first; none with a tolerance: it fails.

    They are remembered in the cache by version of the peer; those of a peer with a single
    tolerance are not, as they cost two fits.
    """
    peer = PEERS[job.peer]
    shapes = [layout for layout in layouts.sensible(task.X) if layout in peer.layouts]
    reason = peer.skip(task) if shapes else "reads no layout that fits in memory"
    if reason is not None:
        return [Setting(job.peer, "", None, math.nan, math.nan, reason)]
    memory = _Memory(job, limit)
    known = None if fresh or len(peer.tolerances) == 1 else memory.recall()
    if known is not None:
        return [_within(setting, limit) for setting in known]
    found: list[Setting] = []
    start = 0
    for layout in shapes:
        setting = _climb(replace(job, layout=layout), task, optimum, limit, start)
        found.append(setting)
        if setting.tolerance is not None:
            start = sum(rung > 2 * setting.tolerance for rung in peer.tolerances)
        elif setting.note.startswith(TooSlow.note):
            break  # the other layouts would take as long to fail
    found.sort(key=lambda s: (s.tolerance is None, s.seconds))
    if len(peer.tolerances) > 1:
        memory.keep(found)
    return found


def _within(setting: Setting, limit: float) -> Setting:
    """A setting found under a more patient limit may be too slow for this one."""
    if setting.tolerance is None or setting.seconds <= limit:
        return setting
    return replace(setting, tolerance=None, note=f"{TooSlow.note} {limit:.0f} s")


def is_slow(setting: Setting) -> bool:
    return setting.seconds >= _SLOW


def fastest(job: Job, found: Sequence[Setting], limit: float) -> Setting:
    """The setting to be timed: layouts that came within a factor of four are compared again, now.

    The search may have run on a busy machine.
    """
    close = [s for s in found if s.tolerance is not None and s.seconds < 4 * found[0].seconds]
    if len(close) < 2 or is_slow(found[0]):
        return found[0]
    again = []
    for setting in close:
        with Worker(replace(job, layout=setting.layout), limit) as worker:
            seconds = [*_warm(worker, setting, 0.0), *_warm(worker, setting, 0.1)]
            again.append(replace(setting, seconds=min(seconds)))
    return min(again, key=lambda s: s.seconds)


def _warm(worker: Worker, setting: Setting, at_least: float) -> tuple[float, ...]:
    if setting.tolerance is None:
        return ()
    return worker.fit(setting.tolerance, at_least).seconds


def _climb(job: Job, task: Task, optimum: float, limit: float, start: int) -> Setting:
    """Tighten the tolerance, from the rung ``start`` of the ladder, until the gap is reached."""
    gaps: list[float] = []
    failed = Setting(job.peer, job.layout, None, math.nan, math.nan)
    try:
        with Worker(job, limit) as worker:
            for tolerance in PEERS[job.peer].tolerances[start:]:
                timed = worker.fit(tolerance)
                gaps.append(relative_gap(task, optimum, timed.solution))
                if gaps[-1] <= TARGET:
                    reached = Setting(job.peer, job.layout, tolerance, min(timed.seconds), gaps[-1])
                    return _loosest(job, task, optimum, worker, reached)
                # The loosest rungs may all stop where the solver starts.
                if len(gaps) > 4 and gaps[-1] >= gaps[-5] and gaps[-1] != gaps[0]:
                    break
    except PeerFailed as failure:
        return replace(failed, gap=min(gaps, default=math.nan), note=str(failure))
    return replace(failed, gap=min(gaps), note="does not get nearer")


def _loosest(job: Job, task: Task, optimum: float, worker: Worker, first: Setting) -> Setting:
    """From a rung that was reached: half a decade looser if that does; decades, if it is the first.

    What a tolerance means differs between libraries by as much as the number of rows.
    """

    def tried(tolerance: float) -> Setting:
        timed = worker.fit(tolerance)
        gap = relative_gap(task, optimum, timed.solution)
        return Setting(job.peer, job.layout, tolerance, min(timed.seconds), gap)

    rungs = PEERS[job.peer].tolerances
    rung = first.tolerance or rungs[0]
    reached = first if is_slow(first) else tried(rung)  # warm now
    if len(rungs) == 1:
        return reached
    decades = _MOST_DECADES if rung == rungs[0] else 0
    for decade in range(1, decades + 1):
        looser = tried(rung * 10.0**decade)
        if looser.gap > TARGET:
            break
        reached = looser
    if is_slow(reached):
        return reached
    looser = tried(HALF_DECADE * (reached.tolerance or rung))
    return looser if looser.gap <= TARGET else reached


class _Memory:
    """Settings found before: one small JSON file each."""

    def __init__(self, job: Job, limit: float) -> None:
        version = PEERS[job.peer].version()
        name = f"{job.problem.name}-scale{job.scale:g}-{job.peer}-{version}-{job.threads}t.json"
        self._path: Path = job.cache / "settings" / name
        self._limit = limit

    def recall(self) -> list[Setting] | None:
        if not self._path.exists():
            return None
        stored = json.loads(self._path.read_text())
        found = [Setting(**setting) for setting in stored["settings"]]
        if stored["limit"] < self._limit and found[0].tolerance is None:
            return None  # it may get there in the time that it has now
        return found

    def keep(self, found: Sequence[Setting]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stored = {"limit": self._limit, "settings": [asdict(setting) for setting in found]}
        self._path.write_text(json.dumps(stored, indent=1))
