"""A path of 100 strengths of an L1 penalty on BRFSS: ``python -m benchmarks.paths --help``.

The strengths fall from λ_max, the smallest that makes every coefficient zero, to λ_max/10⁴, evenly
in their logarithm, and are given to everybody; the columns stay as they are.  A path counts if
*every* strength is within a relative gap of 1e-6 of its optimum (reference_l1.py, warm-started
along the path and kept in the cache); each solver is timed at the loosest tolerance that gives
that, and at its default too.
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
from benchmarks.peers.paths import PATH_PEERS, PathPeer
from benchmarks.plot import seconds
from benchmarks.problems import PROBLEMS, Task, load
from benchmarks.search import TARGET

_RATIO = 1e-4  # of the smallest strength to the largest
_PROOF = 1e-10  # relative: to which the optima are known


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
    runs = [run for name in options.peers for run in _measure(name, task, lambdas, optima, options)]
    print(markdown(runs, lambdas))


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


def _measure(
    name: str, task: Task, lambdas: np.ndarray, optima: np.ndarray, options: argparse.Namespace
) -> list[Run]:
    """At the default tolerance, and at the loosest that reaches the gap everywhere."""
    peer = PATH_PEERS[name]()
    try:
        peer.prepare(replace(task, X=layouts.convert(task.X, peer.layout)), lambdas)
    except PeerMissing as reason:
        print(f"{name}: left out: {reason}", flush=True)
        return []
    default = _run(peer, peer.default, task, optima, options)
    for tolerance in peer.ladder:
        found = _run(peer, tolerance, task, optima, _once(options))
        if found.worst <= TARGET and found.reached == len(lambdas):
            return [default, _run(peer, tolerance, task, optima, options)]
    return [default]


def _once(options: argparse.Namespace) -> argparse.Namespace:
    return argparse.Namespace(**(vars(options) | {"repeats": 1}))


def _run(
    peer: PathPeer, tolerance: float, task: Task, optima: np.ndarray, options: argparse.Namespace
) -> Run:
    times = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        own = peer.fit(tolerance)
        elapsed = time.perf_counter() - start
        times.append(elapsed if own is None else own)
    found = peer.solutions()
    worst = float(gaps(task, peer.lambdas, optima, found).max())
    return Run(peer.name, tolerance, tuple(times), worst, len(found))


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
    parser.add_argument("--peers", nargs="+", choices=list(PATH_PEERS), default=list(PATH_PEERS))
    parser.add_argument("--strengths", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=datasets.default_cache())
    return parser.parse_args()


if __name__ == "__main__":
    main()
