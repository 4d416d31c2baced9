"""Time to a relative gap of 1e-6: ``python -m benchmarks.run --help``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import datasets, report, rounds
from benchmarks.datasets import DataMissing
from benchmarks.peers import PEERS
from benchmarks.problems import PROBLEMS, Problem, load
from benchmarks.reference import reference
from benchmarks.report import Outcome
from benchmarks.search import Setting, fastest, settings
from benchmarks.worker import Job, PeerFailed


def main() -> None:
    options = _options()
    peers = [name for name in options.peers if PEERS[name].version() is not None]
    for name in set(options.peers) - set(peers):
        print(f"{name}: {PEERS[name].distribution} is not installed", flush=True)
    outcomes: list[Outcome] = []
    for name in options.problems:
        try:
            outcomes.append(_measure(PROBLEMS[name], peers, options))
        except (DataMissing, PeerFailed) as reason:
            print(f"{name}: left out: {reason}", flush=True)
            continue
        if options.stage == "time":  # after each problem: an interrupted run leaves its results
            report.write(outcomes, options.out)
    if options.stage == "time" and outcomes:
        print((options.out / "results.md").read_text())


def _measure(problem: Problem, peers: Sequence[str], options: argparse.Namespace) -> Outcome:
    print(f"{problem.name}", flush=True)
    task = load(problem, options.cache, options.scale)
    optimum = reference(problem, options.cache, options.scale)
    print(f"  F* = {optimum.value!r} ± {optimum.uncertainty:.0e} (relative)", flush=True)
    chosen: list[Setting] = []
    turns: list[rounds.Turn] = []
    job = Job(problem, "", "", options.cache, options.scale, options.threads)
    if options.stage != "data":
        for peer in peers:
            one = replace(job, peer=peer)
            found = settings(one, task, optimum.value, options.limit, options.fresh)
            best = fastest(one, found, options.limit) if options.stage == "time" else found[0]
            chosen.append(best)
            print(f"  {_describe(best)}", flush=True)
    if options.stage == "time":
        plan = rounds.Plan(options.repeats, options.budget, options.limit)
        able = [setting for setting in chosen if setting.tolerance is not None]
        turns = rounds.run(job, task, optimum.value, able, plan)
    return Outcome(problem, task, optimum, chosen, turns)


def _describe(s: Setting) -> str:
    if s.tolerance is None:
        return f"{s.peer:24} left out: {s.note} (best gap {s.gap:.1e})"
    return f"{s.peer:24} {s.layout:4} tol {s.tolerance:.0e}  gap {s.gap:.1e}  {s.seconds:.4g} s"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--problems", type=_names_of(PROBLEMS), default=list(PROBLEMS))
    parser.add_argument("--peers", type=_names_of(PEERS), default=list(PEERS))
    parser.add_argument("--repeats", type=int, default=7, help="rounds")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--cache", type=Path, default=datasets.default_cache())
    parser.add_argument("--scale", type=float, default=1.0, help="share of the generated rows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds one fit may take")
    parser.add_argument("--budget", type=float, default=60.0, help="timed seconds per peer")
    parser.add_argument("--fresh", action="store_true", help="search the tolerances anew")
    parser.add_argument(
        "--stage",
        choices=("data", "search", "time"),
        default="time",
        help="stop after building matrices and optima, or after finding tolerances",
    )
    return parser.parse_args()


def _names_of(known: Collection[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    main()
