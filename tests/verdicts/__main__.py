"""`python tests/verdicts --count 50000`, or one table: `python tests/verdicts SEED`."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from verdicts.draw import draw
from verdicts.judge import judged, true_of


def main() -> int:
    """Exit status: 1 where a verdict is wrong."""
    parser = argparse.ArgumentParser(prog="verdicts", description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, help="show these tables, and nothing else")
    parser.add_argument("--count", type=int, default=50_000, help="how many tables")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    for seed in asked.seeds:
        table = draw(seed)
        print(seed, table.X.tolist(), table.y.tolist(), table.options, table.store.__name__)
        print(true_of(table), judged(seed))
    seeds = [] if asked.seeds else range(asked.first, asked.first + asked.count)
    bad = 0
    context = multiprocessing.get_context("spawn")  # a fork may not follow a fit
    with ProcessPoolExecutor(asked.processes, mp_context=context) as pool:
        for seed, said in zip(seeds, pool.map(judged, seeds, chunksize=50), strict=True):
            bad += said is not None
            if said is not None:
                print(f"{seed}: {said}", flush=True)
            if (seed + 1) % 5000 == 0:
                print(
                    f"{seed + 1 - asked.first} verdicts, {bad} wrong", file=sys.stderr, flush=True
                )
    print(f"{len(seeds)} verdicts, {bad} wrong")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
