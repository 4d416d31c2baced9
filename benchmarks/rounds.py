"""Timing in rounds (A B C A B C …): a slow minute of the machine meets everybody."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from benchmarks.peers.base import Solution
from benchmarks.problems import Task
from benchmarks.search import Setting, is_slow, relative_gap
from benchmarks.worker import Job, PeerFailed, Worker

_AT_LEAST = 0.1  # seconds of fitting per turn: small problems are fitted several times
_PAUSE = 0.3  # idle threads of some libraries spin for up to 0.2 s after a fit


@dataclass(frozen=True)
class Turn:
    """The fits of one peer in one round."""

    setting: Setting
    round: int
    seconds: tuple[float, ...]
    gap: float
    solution: Solution


@dataclass(frozen=True)
class Plan:
    """How long to go on: rounds, and seconds after which a peer sits out the remaining ones."""

    repeats: int
    budget: float
    limit: float


def run(
    job: Job, task: Task, optimum: float, settings: Sequence[Setting], plan: Plan
) -> list[Turn]:
    """Every setting once per round, after one fit that is not timed (slow ones go without)."""
    turns: list[Turn] = []
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(replace(job, peer=s.peer, layout=s.layout), plan.limit))
            for s in settings
        ]
        spent = [0.0] * len(settings)
        for index in range(plan.repeats + 1):
            for place, (setting, worker) in enumerate(zip(settings, workers, strict=True)):
                if index == 0 and is_slow(setting):
                    continue
                if index > 1 and spent[place] > plan.budget:
                    continue
                turn = _turn(worker, setting, index, task, optimum)
                if index > 0 and turn is not None:
                    spent[place] += sum(turn.seconds)
                    turns.append(turn)
    return turns


def _turn(worker: Worker, setting: Setting, index: int, task: Task, optimum: float) -> Turn | None:
    if setting.tolerance is None:
        return None
    time.sleep(_PAUSE)
    try:
        timed = worker.fit(setting.tolerance, _AT_LEAST)
    except PeerFailed as failure:
        print(f"    {setting.peer}: {failure}", flush=True)
        return None
    gap = relative_gap(task, optimum, timed.solution)
    return Turn(setting, index, timed.seconds, gap, timed.solution)
