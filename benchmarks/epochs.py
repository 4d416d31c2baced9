"""SAG and SAGA: seconds per epoch, and epochs to 1e-4: ``python -m benchmarks.epochs --help``.

An epoch is n single-row steps.  Every solver is run from zero for a given number of epochs with
its stop rule switched off; F of what it returns is computed by the harness.  Seconds per epoch
are the slope between two numbers of epochs, so that set-up does not count.  The number of epochs
to a relative gap of 1e-4 is found by doubling, then halving the interval; the median over seeds is
given.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import datasets, layouts
from benchmarks.peers.base import PeerMissing
from benchmarks.peers.epochs import EPOCH_PEERS, EpochPeer
from benchmarks.plot import seconds
from benchmarks.problems import PROBLEMS, Task, load
from benchmarks.reference import reference
from benchmarks.search import relative_gap

_TARGET = 1e-4
_MOST = 1024  # epochs
_DEFAULT = ("brfss_scaled", "a9a", "imdb", "brfss_scaled_l1", "a9a_l1", "imdb_l1")


@dataclass(frozen=True)
class Line:
    """One solver on one problem."""

    problem: str
    peer: str
    per_epoch: float
    epochs: tuple[int, ...]  # one per seed; _MOST + 1 where more would be needed


def main() -> None:
    warnings.simplefilter("ignore")
    options = _options()
    lines = []
    for name in options.problems:
        problem = PROBLEMS[name]
        task = load(problem, options.cache, options.scale)
        optimum = reference(problem, options.cache, options.scale).value
        task = replace(task, X=layouts.convert(task.X, "csr" if task.is_sparse else "c"))
        for peer_name in options.peers:
            try:
                lines.append(_measure(name, peer_name, task, optimum, options))
            except PeerMissing as reason:
                print(f"{name}: {peer_name} left out: {reason}", flush=True)
            else:
                print(markdown(lines[-1:]), flush=True)
    print(markdown(lines))


def _measure(
    problem: str, name: str, task: Task, optimum: float, options: argparse.Namespace
) -> Line:
    peer = EPOCH_PEERS[name]()
    reason = peer.skip(task)
    if reason is not None:
        raise PeerMissing(reason)
    peer.prepare(task)
    counts = tuple(
        0 if options.stage == "seconds" else epochs_to(peer, task, optimum, seed)
        for seed in range(options.seeds)
    )
    return Line(problem, name, _seconds_per_epoch(peer, options.repeats), counts)


def epochs_to(peer: EpochPeer, task: Task, optimum: float, seed: int) -> int:
    """The fewest epochs with a gap of 1e-4 or less, taking the gap to fall with their number."""

    def reached(epochs: int) -> bool:
        peer.fit(epochs, seed)
        return relative_gap(task, optimum, peer.solution()) <= _TARGET

    high = 1
    while not reached(high):
        high *= 2
        if high > _MOST:
            return _MOST + 1
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if reached(middle):
            high = middle
        else:
            low = middle
    return high


def _seconds_per_epoch(peer: EpochPeer, repeats: int) -> float:
    def timed(epochs: int) -> float:
        start = time.perf_counter()
        peer.fit(epochs, 0)
        return time.perf_counter() - start

    few, many = 2, 12
    timed(few)
    slopes = [(timed(many) - timed(few)) / (many - few) for _ in range(repeats)]
    return statistics.median(slopes)


def markdown(lines: list[Line]) -> str:
    """One row per solver and problem."""
    text = (
        "| problem | solver | seconds per epoch | epochs to 1e-4 | seconds to 1e-4 |\n"
        "|---|---|---|---|---|\n"
    )
    for line in lines:
        epochs = statistics.median(line.epochs)
        shown = f"{epochs:g}" if epochs <= _MOST else f"more than {_MOST}"
        total = seconds(epochs * line.per_epoch) if epochs <= _MOST else "–"
        text += (
            f"| {line.problem} | {line.peer} | {seconds(line.per_epoch)} | {shown} | {total} |\n"
        )
    return text


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.epochs", description=__doc__)
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=list(_DEFAULT))
    parser.add_argument("--peers", nargs="+", choices=list(EPOCH_PEERS), default=list(EPOCH_PEERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--stage", choices=("seconds", "all"), default="all")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the generated rows")
    parser.add_argument("--cache", type=Path, default=datasets.default_cache())
    return parser.parse_args()


if __name__ == "__main__":
    main()
