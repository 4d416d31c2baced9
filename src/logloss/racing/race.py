"""A race: several solvers on one objective, and how far above the optimum each is over time.

Every solver minimises the same F(β) over the same rows, from the intercept alone, and is charged
for each read of the data, those of its certificates and of its start too. Excess is F − F*. F*
comes from a fit of its own, by the solver that `auto` takes, to a relative gap of 1e-10, or from
the best point that any solver saw, if that is lower: F* is known to `optimum_gap`, and an excess
below that is noise.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from logloss.errors import DataError, UsageError, counted
from logloss.fitting.problem import Problem, problem
from logloss.fitting.solve import solve
from logloss.record.fitted import Fitted
from logloss.record.interface import PYTHON, Interface
from logloss.record.penalty_options import PenaltyOptions
from logloss.record.proof import Certificate, Status, Step
from logloss.record.request import Limits, Request, Roles, SolverChoice
from logloss.report.curves import Curve, Panel, draw, terminal_chart
from logloss.report.figures import aligned, columns, figure, visible
from logloss.report.text import penalty_text
from logloss.solvers.base import Callback, Solver, Stop
from logloss.solvers.choose import Choice, choose, seed_of
from logloss.solvers.pointwise import Perceptron
from logloss.table.treatment import table_options

if TYPE_CHECKING:
    from logloss.record.separation import Separation
    from logloss.table import Label

DEFAULT = ("gd", "adam", "saga", "lbfgs", "auto")
DEFAULT_NONSMOOTH = ("gd", "nesterov", "saga", "auto")
_TIGHT = 1e-10  # relative gap of the optimum that all are measured from
_LOOSE = 1e-6  # what it must reach at least
_ENDS = {
    Status.CERTIFIED: "proven",
    Status.BUDGET: "out of time or steps",
    Status.STALLED: "stalled at rounding",
    Status.INTERRUPTED: "interrupted",
    Status.SEPARATED: "separated",
    Status.SEPARATED_SUSPECTED: "looks separated",
}

Announce = Callable[[str], Any]


class Separated(DataError):
    """The data are separated, so there is no optimum; `separation` says what separates them."""

    separation: Separation


def no_optimum(separation: Separation, interface: Interface = PYTHON) -> Separated:
    """The error of a race on separated data, in the words of an interface."""
    error = Separated(
        f"there is no optimum to measure from. {separation.finding.rstrip('.')}",
        separation.remedy_in(interface, firth=False),
    )
    error.separation = separation
    return error


@dataclass(frozen=True)
class Run:
    """One solver's way: its label, its steps, and what was proven at the end."""

    label: str
    history: tuple[Step, ...]
    certificate: Certificate


@dataclass(frozen=True)
class Race:
    """What `logloss.race` returns; prints as the standings.

    Attributes
    ----------
    optimum : float
        F*, the least value of the objective that is known.
    optimum_gap : float
        How far min F may be below it.
    runs : tuple of Run
        In the order that was asked for.
    n_rows, n_columns : int
    penalty : str
        In words.
    notes : tuple of str
        What was done with the table that its owner should know.
    """

    optimum: float
    optimum_gap: float
    runs: tuple[Run, ...]
    n_rows: int
    n_columns: int
    penalty: str
    notes: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Any:
        """A pyarrow.Table: solver, step, data_reads, seconds, excess, gap; a row per step.

        `excess` is F − F*, at least 0; `gap` what was proven at that step, nan where nothing was.
        """
        import pyarrow as pa

        steps = [(run.label, i, step) for run in self.runs for i, step in enumerate(run.history)]
        return pa.table(
            {
                "solver": pa.array([label for label, _, _ in steps], pa.string()),
                "step": pa.array([i for _, i, _ in steps], pa.int64()),
                "data_reads": pa.array([step.data_reads for _, _, step in steps], pa.int64()),
                "seconds": pa.array([step.seconds for _, _, step in steps], pa.float64()),
                "excess": pa.array([self.excess(step) for _, _, step in steps], pa.float64()),
                "gap": pa.array([step.gap for _, _, step in steps], pa.float64()),
            }
        )

    def excess(self, step: Step) -> float:
        """F − F* at a step."""
        return max(step.loss - self.optimum, 0.0)

    @property
    def floor(self) -> float:
        """The excess below which nothing is told or of interest: a curve ends there."""
        return max(self.optimum_gap, _TIGHT * self.optimum, 1e-300)

    def panels(self) -> tuple[Panel, Panel]:
        """Loss above the optimum against data reads, and against seconds."""
        return (
            self._panel("reads of the data", lambda step: float(step.data_reads)),
            self._panel("seconds", lambda step: step.seconds),
        )

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw both panels as a .png, .svg or .pdf file; needs the extra `plot`.

        Raises
        ------
        MissingExtra
            Where matplotlib is not installed.
        UsageError, DataError
            Where the ending of the name is not known, or the file cannot be written.
        """
        draw(self.panels(), path, self._table())

    def chart(self, width: int = 80, height: int = 20) -> str:
        """Return both panels as lines of characters."""
        return "\n\n".join(terminal_chart(panel, width, height) for panel in self.panels())

    def __str__(self) -> str:
        known = f"F* = {figure(self.optimum, 6)}, known to {figure(self.optimum_gap, 1)}"
        lines = columns(
            ["solver", *(visible(run.label) for run in self.runs)],
            ["reads", *(f"{run.certificate.data_reads:,}" for run in self.runs)],
            ["seconds", *aligned([figure(run.certificate.seconds, 2) for run in self.runs])],
            ["F - F*", *aligned([figure(self.excess(_best(run)), 2) for run in self.runs])],
            ["gap proven", *aligned([figure(run.certificate.gap, 2) for run in self.runs])],
            ["ended", *(_ENDS[run.certificate.status] for run in self.runs)],
        )
        head = f"{self._table()}; {known}"
        notes = [f"note: {visible(note)}" for note in self.notes]
        return "\n".join([head, "", *lines, *([""] if notes else []), *notes])

    def _table(self) -> str:
        """What was fitted."""
        size = f"{counted(self.n_rows, 'row')}, {counted(self.n_columns, 'column')}"
        return f"{size}; penalty: {self.penalty}"

    def _panel(self, label: str, position: Callable[[Step], float]) -> Panel:
        curves = []
        for run in self.runs:
            excess = [(position(step), self.excess(step)) for step in run.history]
            there = next((i for i, (_, y) in enumerate(excess) if y <= self.floor), len(excess))
            shown = [(x, max(y, self.floor)) for x, y in excess[: there + 1]]
            points = [(x, y) for x, y in shown if x > 0.0 and math.isfinite(y)]
            if points:
                curves.append(Curve(run.label, [x for x, _ in points], [y for _, y in points]))
        return Panel(label, "loss above the optimum", tuple(curves))


def race(
    X: Any,
    y: Any,
    *,
    solvers: Sequence[str | Solver] | None = None,
    sample_weight: Any = None,
    offset: Any = None,
    class_weight: Mapping[Any, float] | str | None = None,
    C: float = math.inf,
    l1_ratio: float = 0.0,
    l1: float | None = None,
    l2: float | None = None,
    tol: float = 1e-6,
    max_iter: int | None = None,
    fit_intercept: bool = True,
    penalty_factors: Any = None,
    bounds: Any = None,
    standardize: bool = False,
    missing: str = "auto",
    na: Collection[str] = (),
    min_count: float = 0.0,
    positive: Label | None = None,
    exclude: Collection[str] = (),
    random_state: Any = None,
    n_threads: int | None = None,
    memory: int | str | None = None,
    spool: str | None = None,
    time_budget: float | None = 10.0,
    callbacks: Sequence[Callback] = (),
    announce: Announce | None = None,
) -> Race:
    """Run several solvers on one objective and measure how fast each comes to the optimum.

    Parameters
    ----------
    X, y, sample_weight, offset, class_weight, C, l1_ratio, l1, l2, fit_intercept, \
penalty_factors, bounds, standardize, missing, na, min_count, positive, exclude, random_state, \
n_threads, memory, spool
        As in `logloss.fit`; the table is read once for all solvers.
    solvers : sequence of str or Solver, optional
        Names, or objects of `logloss.solvers` such as two of one kind with other parameters. By
        default a few that can take the penalty.
    tol : float
        A solver is done when this relative gap is proven.
    max_iter : int, optional
        Steps of each solver at most.
    time_budget : float, optional
        Seconds for each solver; None: no limit.
    callbacks : sequence of callables
        Called with a `Step` after each step of each solver; a true result ends that solver's run.
    announce : callable, optional
        Called with the label of a solver before it starts.

    Returns
    -------
    Race
        Ctrl-C ends the race with the runs so far.

    Raises
    ------
    DataError
        The data cannot be fitted, or have no optimum to measure from (separated classes).
    UsageError
        An option is wrong, or a solver cannot take the penalty; found before any work.
    """
    request = Request(
        PenaltyOptions(C, l1_ratio, l1, l2, penalty_factors, bounds, standardize),
        Limits(tol, max_iter, time_budget, n_threads),
        table_options(missing, na, min_count, memory, spool),
        Roles(y, sample_weight, offset, None, exclude, positive, class_weight),
        SolverChoice(seed=seed_of(random_state)),
        fit_intercept=fit_intercept,
    )
    request.check()
    asked = _asked_for(solvers, request.penalty.smooth)
    common = problem(request, X)
    entries = [common.entry(solver) for solver in asked]
    begin = announce or (lambda _: None)
    begin("the optimum")
    best = _reference(common)
    runs = []
    for label, chosen in zip(_labels(asked, entries), entries, strict=True):
        begin(label)
        watch, ended = _watched(callbacks)
        fitted, _ = solve(common, chosen, None, common.stop(time.perf_counter(), (watch,)))
        runs.append(Run(label, fitted.history, fitted.certificate))
        if fitted.certificate.status is Status.INTERRUPTED and not ended:
            break
    least = min([best.objective, *(step.loss for run in runs for step in run.history)])
    unknown = max(best.certificate.gap - (best.objective - least), 0.0)
    task, words = common.task, penalty_text(common.request)
    n_rows = task.design.n_rows - task.parts.n_left_out
    return Race(least, unknown, tuple(runs), n_rows, task.design.n_columns, words, task.notes)


def _asked_for(solvers: Sequence[str | Solver] | None, smooth: bool) -> list[str | Solver]:
    """The solvers, each checked against the penalty."""
    if solvers is None:
        return list(DEFAULT if smooth else DEFAULT_NONSMOOTH)
    if isinstance(solvers, str):
        raise UsageError(
            f"solvers must be a sequence of names or objects, not {solvers!r}",
            f"write solvers=[{solvers!r}]",
        )
    asked = list(solvers)
    if not asked:
        raise UsageError("there is no race without solvers", "name one at least")
    for solver in asked:
        if isinstance(choose(solver, 1, 1, smooth).solver, Perceptron):
            raise UsageError(
                "the perceptron has no loss, so it cannot run a race to the least one",
                "leave it out; sigmoid-update is the same rule with a loss",
            )
    return asked


def _labels(asked: Sequence[str | Solver], entries: Sequence[Choice]) -> list[str]:
    """Each label once: names as given, and numbers for a solver that runs again."""
    labels: list[str] = []
    for solver, chosen in zip(asked, entries, strict=True):
        name = chosen.solver.name
        label = f"{solver} ({name})" if isinstance(solver, str) and solver != name else name
        again = sum(one == label or one.startswith(f"{label} #") for one in labels)
        labels.append(f"{label} #{again + 1}" if again else label)
    return labels


def _reference(common: Problem) -> Fitted:
    """The fit that all are measured from."""
    chosen = common.choice()
    best, _ = solve(common, chosen, None, Stop(tol=_TIGHT))
    certificate = best.certificate
    if certificate.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    if best.separated:
        assert best.separation is not None
        raise no_optimum(best.separation)
    if certificate.status is Status.SEPARATED_SUSPECTED:
        raise DataError(
            "there is no optimum to measure from: the data look separated, so that the best"
            " coefficients are infinite",
            "add a penalty, such as C=1 (--C 1)",
        )
    if not certificate.relative_gap <= _LOOSE:
        raise DataError(
            f"there is no optimum to measure from: {chosen.solver.name} came within"
            f" {figure(certificate.relative_gap, 2)} (relative) only",
            "add a penalty, such as C=1 (--C 1)",
        )
    return best


def _best(run: Run) -> Step:
    return min(run.history, key=lambda step: step.loss)


def _watched(callbacks: Sequence[Callback]) -> tuple[Callback, list[bool]]:
    """The callbacks as one, and a list that is empty until one of them asks for an end.

    That tells the end of one run from Ctrl-C, which is the end of the race.
    """
    asked: list[bool] = []

    def watch(step: Step) -> bool:
        answers = [bool(callback(step)) for callback in callbacks]
        asked.extend(answer for answer in answers if answer)
        return any(answers)

    return watch, asked
