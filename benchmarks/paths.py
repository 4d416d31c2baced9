"""A path of 100 strengths of an L1 penalty on BRFSS: ``python -m benchmarks.paths --help``.

The strengths fall from λ_max, the smallest that makes every coefficient zero, to λ_max/10⁴, evenly
in their logarithm, and are given to everybody; the columns stay as they are.  A path counts if
*every* strength is within a relative gap of 1e-6 of its optimum (reference_l1.py, warm-started
along the path and kept in the cache); each solver is timed at its default tolerance and at the
loosest that gives that, all in turn. ``--at`` gives tolerances that are known, and spares the
search. logloss-alo and glmnet-cv also choose a strength: by leave-one-out, and by five folds.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import datasets, layouts, objective, reference_l1
from benchmarks.peers.base import PeerMissing
from benchmarks.peers.paths import PATH_PEERS, PATHS, PathPeer
from benchmarks.plot import seconds
from benchmarks.problems import PROBLEMS, Task, load
from benchmarks.search import TARGET

_RATIO = 1e-4  # of the smallest strength to the largest
_PROOF = 1e-10  # relative: to which the optima are known
_PAUSE = 0.3  # seconds: idle threads of some libraries spin for up to 0.2 s after a fit


@dataclass(frozen=True)
class Entry:
    """A peer at one tolerance."""

    peer: PathPeer
    tolerance: float

    def timed(self) -> float:
        """Seconds of one fit: the peer's own, where it keeps a clock."""
        start = time.perf_counter()
        own = self.peer.fit(self.tolerance)
        elapsed = time.perf_counter() - start
        return elapsed if own is None else own


@dataclass(frozen=True)
class Run:
    """One tolerance of one peer."""

    peer: str
    tolerance: float
    seconds: tuple[float, ...]
    worst: float  # relative gap over all strengths
    reached: int  # strengths


def main() -> None:
    warnings.simplefilter("ignore")
    options = _options()
    task = load(PROBLEMS[options.problem], options.cache)
    task = replace(task, X=layouts.convert(task.X, "csr" if task.is_sparse else "c"))
    lambdas = grid(task, options.strengths)
    optima = _optima(task, lambdas, options)
    entries: list[Entry] = []
    for name in options.peers:
        entries += _entries(name, task, lambdas, optima, options)
    runs = [_run(entry, task, optima) for entry in entries]  # warms up
    times: list[list[float]] = [[] for _ in entries]
    for _ in range(options.repeats):
        for entry, spent in zip(entries, times, strict=True):
            time.sleep(_PAUSE)
            spent.append(entry.timed())
    found = [replace(run, seconds=tuple(s)) for run, s in zip(runs, times, strict=True)]
    print(markdown(found, lambdas))


def grid(task: Task, strengths: int) -> np.ndarray:
    """From λ_max downwards.  At λ_max only the intercept differs from zero: p = mean y."""
    mean = float(task.y.mean()) if task.fit_intercept else 0.5
    slope = task.X.T @ (mean - task.y) / len(task.y)
    return np.geomspace(1.0, _RATIO, strengths) * float(np.abs(slope).max())


def at(task: Task, strength: float) -> Task:
    """The same data with 1/(C n) = strength."""
    return replace(task, C=1.0 / (strength * len(task.y)), l1_ratio=1.0)


def _optima(task: Task, lambdas: np.ndarray, options: argparse.Namespace) -> np.ndarray:
    place = datasets.folder(PROBLEMS[options.problem].dataset, options.cache)
    kept = place / f"path-{options.problem}-{len(lambdas)}.npy"
    if not kept.exists():
        values, beta = [], None
        for strength in lambdas:
            found = reference_l1.solve(at(task, float(strength)), beta, _PROOF)
            beta = found.beta
            values.append(found.value)
        np.save(kept, np.array(values))
    return np.asarray(np.load(kept))


def gaps(task: Task, lambdas: np.ndarray, optima: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Relative gaps of the rows of ``found``, shape (strengths reached, d + 1), intercept last."""
    reached = slice(len(found))
    values = [
        objective.value(at(task, float(strength)), beta[:-1], beta[-1])
        for strength, beta in zip(lambdas[reached], found, strict=True)
    ]
    return (np.array(values) - optima[reached]) / optima[reached]


def _entries(
    name: str, task: Task, lambdas: np.ndarray, optima: np.ndarray, options: argparse.Namespace
) -> list[Entry]:
    """The default tolerance, and the loosest that reaches the gap everywhere; or the one given."""
    peer = PATH_PEERS[name]()
    try:
        peer.prepare(replace(task, X=layouts.convert(task.X, peer.layout)), lambdas)
    except PeerMissing as reason:
        print(f"{name}: left out: {reason}", flush=True)
        return []
    if name in options.at:
        return [Entry(peer, options.at[name])]
    tolerances = [peer.default]
    for tolerance in peer.ladder:
        found = _run(Entry(peer, tolerance), task, optima)
        print(f"{name}: {tolerance:.0e}: {found.worst:.1e}", flush=True)
        if found.worst <= TARGET and found.reached == len(lambdas):
            tolerances.append(tolerance)
            break
    return [Entry(peer, tolerance) for tolerance in dict.fromkeys(tolerances)]


def _run(entry: Entry, task: Task, optima: np.ndarray) -> Run:
    seconds = entry.timed()
    found = entry.peer.solutions()
    worst = float(gaps(task, entry.peer.lambdas, optima, found).max())
    return Run(entry.peer.name, entry.tolerance, (seconds,), worst, len(found))


def markdown(runs: Sequence[Run], lambdas: np.ndarray) -> str:
    """One line per run, fastest first."""
    text = (
        f"# {len(lambdas)} strengths from {lambdas[0]:.4g} to {lambdas[-1]:.4g}\n\n"
        "| solver | tolerance | strengths | worst gap | median | minimum |\n"
        "|---|---|---|---|---|---|\n"
    )
    for run in sorted(runs, key=lambda run: statistics.median(run.seconds)):
        text += (
            f"| {run.peer} | {run.tolerance:.0e} | {run.reached} | {run.worst:.0e} | "
            f"{seconds(statistics.median(run.seconds))} | {seconds(min(run.seconds))} |\n"
        )
    return text


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paths", description=__doc__)
    parser.add_argument("--problem", choices=list(PROBLEMS), default="brfss_l1")
    parser.add_argument("--peers", nargs="+", choices=list(PATH_PEERS), default=list(PATHS))
    parser.add_argument("--at", nargs="+", type=_at, default=[], metavar="PEER=TOLERANCE")
    parser.add_argument("--strengths", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=datasets.default_cache())
    options = parser.parse_args()
    options.at = dict(options.at)
    return options


def _at(text: str) -> tuple[str, float]:
    name, _, tolerance = text.partition("=")
    return name, float(tolerance)


if __name__ == "__main__":
    main()
