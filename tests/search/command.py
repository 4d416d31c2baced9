"""The command line: many problems and a table, or a few in detail."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from search.campaign import table, verdict_of, verdicts, with_progress, wrong
from search.draw import Problem, draw


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 1 where anything is false."""
    parser = argparse.ArgumentParser(prog="search", description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, help="show these problems, and nothing else")
    parser.add_argument("--count", type=int, default=20_000, help="how many problems")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    parser.add_argument("--processes", type=int, help="by default one for each core")
    asked = parser.parse_args(arguments)
    if asked.seeds:
        return max(_show(seed) for seed in asked.seeds)
    seeds = range(asked.first, asked.first + asked.count)
    found = list(with_progress(verdicts(seeds, asked.processes), len(seeds)))
    print(table(found))
    bad = wrong(found)
    if bad:
        print("\nfalse or without an answer; `python -m tests.search SEED` shows one:")
    for v in bad:
        print(
            f"  {v.seed}: {v.status}, {v.family}, {v.penalty}, {v.solver}, {v.storage}:"
            f" claimed {v.claimed:.1e}, real {v.real:.1e}, own part {v.own:.0e} {v.note}"
        )
    sys.stdout.flush()
    return int(bool(bad))


def _show(seed: int) -> int:
    problem = draw(seed)
    print(_described(problem))
    verdict = verdict_of(seed)
    for field in fields(verdict):
        print(f"  {field.name:10} {getattr(verdict, field.name)}")
    print(f"  {'FALSE' if verdict.false else 'true'}\n")
    return int(bool(wrong([verdict])))


def _described(problem: Problem) -> str:
    n, d = problem.X.shape
    lines = [f"seed {problem.seed}: {problem.family}, {n} rows, {d} columns as {problem.storage}"]
    for j, column in enumerate(problem.X.T):
        shown = ", ".join(repr(x) for x in column[:4].tolist())
        lines.append(f"  x{j}: {shown}, …  mean {column.mean():.3g}, spread {_spread(column):.3g}")
    for name in ("y", "weight", "offset"):
        values = getattr(problem, name)
        if values is not None:
            shown = ", ".join(f"{x:g}" for x in values[:8].tolist())
            lines.append(f"  {name}: {shown}, …")
    lines += [f"  {name} = {value}" for name, value in problem.options.items()]
    return "\n".join(lines)


def _spread(column: np.ndarray) -> float:
    largest = float(np.abs(column).max()) or 1.0
    return float((column / largest).std()) * largest
