"""One line on a terminal while a fit runs: reads of the data, gap so far, time left where known."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from logloss.cli import interrupt
from logloss.cli.terminal import spelled_out
from logloss.errors import counted

if TYPE_CHECKING:
    from logloss.record.proof import Step
    from logloss.table import Source
    from logloss.table.reading.streams import Stream

_LOOK_BACK = 6  # steps from which the speed of convergence is taken


class Progress:
    """A callback for `logloss.fit` that shows each step; silent where stderr is no terminal.

    Parameters
    ----------
    what : str
        What is being read, shown until the first step.
    tol : float
        The relative gap at which the fit ends.
    time_budget : float, optional
        Seconds after which the fit ends.
    quiet : bool
        Show nothing.
    """

    def __init__(
        self, what: str, tol: float, time_budget: float | None = None, quiet: bool = False
    ) -> None:
        self._what = what
        self._tol = tol
        self._time_budget = time_budget
        self._shown = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._steps: list[Step] = []
        self._name = ""
        self._status: Any = None

    def __enter__(self) -> Progress:
        if self._shown:
            from rich.console import Console

            self._status = Console(stderr=True).status(_literal(f"reading {self._what}"))
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        interrupt.keep(False)
        if self._status is not None:
            self._status.stop()

    def begin(self, what: str) -> None:
        """Forget the steps so far: others follow, of a fit with this name."""
        self._steps, self._name = [], f"{what}: "
        if self._status is not None:
            self._status.update(_literal(f"{self._name}starting"))

    def show(self, words: str) -> None:
        """Show a line of other words."""
        if self._status is not None:
            self._status.update(_literal(words))

    def reading(self, source: Source) -> Source:
        """The same table, which shows how much of it has been read while it is."""
        if source.stream is None or self._status is None:
            return source
        return replace(source, stream=self._watched(source.stream))

    def _watched(self, stream: Stream) -> Stream:
        from logloss.table.reading.streams import TypesChanged

        begun = time.monotonic()

        def batches() -> Iterator[Any]:
            n_rows = 0
            try:
                for batch in stream.batches():
                    n_rows += batch.num_rows
                    self.show(_reading(stream, n_rows, time.monotonic() - begun))
                    yield batch
            except TypesChanged as changed:
                raise TypesChanged(self._watched(changed.stream)) from changed

        return replace(stream, batches=batches)

    def __call__(self, step: Step) -> bool:
        """Show one step; True: stop, since a signal came. From now on there is a result."""
        interrupt.keep(True)
        self._steps = [*self._steps[1 - _LOOK_BACK :], step]
        if self._status is not None:
            left = seconds_left(self._steps, self._tol, self._time_budget)
            self._status.update(_literal(self._name + step_text(step, left)))
        return interrupt.asked_to_stop()


def _reading(stream: Stream, n_rows: int, seconds: float) -> str:
    """Such as "reading visits.csv: 1,048,576 rows, 42 %, about 3 s left"."""
    words = f"reading {stream.where}: {counted(n_rows, 'row')}"
    share = stream.progress()
    if not share:
        return words
    left = seconds * (1.0 - share) / share
    return f"{words}, {share:.0%}, about {max(1, round(left)):,} s left"


def step_text(step: Step, left: float | None) -> str:
    """Return the line for one step, such as "7 reads of the data, gap 3.1e-05, about 2 s left"."""
    parts = [f"{counted(step.data_reads, 'read')} of the data"]
    if math.isfinite(step.gap) and step.loss > 0:
        parts.append(f"gap {step.gap / step.loss:.1e} (relative)")
    else:
        parts.append(f"objective {step.loss:.6g}")
    if left is not None:
        parts.append(f"about {max(1, round(left)):,} s left")
    return ", ".join(parts)


def seconds_left(
    steps: Sequence[Step], tol: float, time_budget: float | None = None
) -> float | None:
    """Return the time to the tolerance if the gap goes on to shrink by the same factor a second.

    None where no gap is known yet or it does not shrink; never more than what `time_budget` leaves.
    """
    budget_left = None
    if time_budget is not None and steps:
        budget_left = max(0.0, time_budget - steps[-1].seconds)
    known = [one for one in steps if math.isfinite(one.gap) and one.gap > 0 and one.loss > 0]
    if len(known) < 2 or tol <= 0:
        return budget_left
    first, last = known[0], known[-1]
    shrunk = math.log(first.gap / last.gap)
    if shrunk <= 0 or last.seconds <= first.seconds:
        return budget_left
    to_go = max(0.0, math.log(last.gap / (tol * last.loss)))
    left = to_go * (last.seconds - first.seconds) / shrunk
    return left if budget_left is None else min(left, budget_left)


def _literal(words: str) -> Any:
    from rich.text import Text

    return Text(spelled_out(words))  # not markup: a file may be called [bold].csv
