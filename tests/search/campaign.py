"""Many seeds in all processes, and what came out as a table."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from search.draw import draw
from search.judge import Verdict, judge

_AT_A_TIME = 20  # seeds that a process takes at once


def verdict_of(seed: int) -> Verdict:
    return judge(draw(seed))


def verdicts_of(seeds: Sequence[int]) -> list[Verdict]:
    return [verdict_of(seed) for seed in seeds]


def verdicts(seeds: Sequence[int], processes: int | None = None) -> Iterator[Verdict]:
    """One for each seed, in any order. Processes begin afresh: a fork may not follow a fit."""
    processes = processes or os.cpu_count() or 1
    if processes == 1:
        yield from map(verdict_of, seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        parts = [seeds[k : k + _AT_A_TIME] for k in range(0, len(seeds), _AT_A_TIME)]
        for done in as_completed([pool.submit(verdicts_of, part) for part in parts]):
            yield from done.result()


def with_progress(found: Iterable[Verdict], total: int) -> Iterator[Verdict]:
    """The same, and a line on standard error every few seconds."""
    begun = told = time.monotonic()
    false = 0
    for done, verdict in enumerate(found, 1):
        false += verdict.false
        yield verdict
        now = time.monotonic()
        if now - told > 5.0 or done == total:
            told = now
            rate = done / (now - begun)
            left = (total - done) / rate
            print(
                f"{done:,} of {total:,} problems, {false} false; {rate:.0f} a second,"
                f" {left:.0f} s to go",
                file=sys.stderr,
                flush=True,
            )


def covered(of: Sequence[Verdict]) -> str:
    """Those whose gap is proven to be 1e-6 of F, of those that should be."""
    due = [v for v in of if v.due]
    if not due:
        return "-"
    return f"{100.0 * sum(v.proven for v in due) / len(due):.1f} % of {len(due)}"


COLUMNS: Sequence[tuple[str, Callable[[list[Verdict]], str]]] = (
    ("problems", lambda of: str(len(of))),
    ("optimum", lambda of: str(sum(v.exists for v in of))),
    ("certified", lambda of: str(sum(v.certified for v in of))),
    ("FALSE", lambda of: str(sum(v.false and v.certified for v in of))),
    ("bound false", lambda of: str(sum(v.false and not v.certified for v in of))),
    ("as saved", lambda of: str(sum(v.false_as_saved for v in of))),
    ("lost", lambda of: str(sum(v.lost for v in of))),
    ("worst ratio", lambda of: f"{max(v.excess for v in of):.2g}"),
    ("value off", lambda of: str(sum(v.value > 1e-12 and v.certified for v in of))),
    ("refused", lambda of: str(sum(v.status == "refused" for v in of))),
    ("crashed", lambda of: str(sum(v.status == "crashed" for v in of))),
    ("verdict", lambda of: str(sum(v.wrong_verdict for v in of))),
    ("covered", covered),
)
LEGEND = """
FALSE: CERTIFIED, and F − min F is more than the gap. bound false: so of another status that names
a gap. as saved: the coefficients as they are reported are farther off than the gap; lost: than the
tolerance of a certified fit too. value off: the objective of a certified fit is not F by more than
1e-12 of it. verdict: SEPARATED, with an optimum. covered: of fits by the second-order solvers with
an optimum and own parts of 1e-11 and more, the share with a gap proven to be 1e-6 of F."""


def table(found: Sequence[Verdict]) -> str:
    """By family, by penalty, by solver, by storage."""
    parts = []
    for by in ("family", "penalty", "solver", "storage"):
        groups: dict[str, list[Verdict]] = {}
        for verdict in found:
            groups.setdefault(getattr(verdict, by), []).append(verdict)
        rows = [[by, *(name for name, _ in COLUMNS)]]
        rows += [[name, *(show(of) for _, show in COLUMNS)] for name, of in sorted(groups.items())]
        parts.append(_aligned(rows))
    total = [["all", *(name for name, _ in COLUMNS)], ["", *(f(list(found)) for _, f in COLUMNS)]]
    return "\n\n".join([*parts, _aligned(total)]) + "\n" + LEGEND


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def wrong(found: Iterable[Verdict]) -> list[Verdict]:
    """What may not be: false claims, crashes, and a search that itself found no answer."""
    failed = ("crashed", "no oracle")
    bad = [v for v in found if v.false or v.lost or v.status in failed]
    return sorted(bad, key=lambda v: v.seed)
