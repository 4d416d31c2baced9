"""One path, from a task to a `Path`: the null model, the grid, the walk, and what is kept of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.existence.causes import explained
from logloss.existence.separation import Judge, closing
from logloss.paths.follow import Place
from logloss.paths.leave_one_out import LeaveOneOut, Minimum, left_out
from logloss.paths.result import Path
from logloss.paths.track import Track, grid
from logloss.paths.walk import FOLLOWED, Found, Walking, walk
from logloss.record.fitted import Fitted
from logloss.record.proof import Status
from logloss.solvers.choose import choose
from logloss.table.design.bad_values import check_finite

if TYPE_CHECKING:
    from logloss.fitting.problem import Problem
    from logloss.fitting.task import Task
    from logloss.record.request import Request
    from logloss.record.separation import Separation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PathStep:
    """A fit of the path, as callbacks are told of it.

    Attributes
    ----------
    index, total : int
        Which fit, of how many.
    strength : float
        λ.
    nonzeros : int
        Coefficients that are not 0.
    loss, relative_gap, seconds : float
    data_reads : int
    """

    index: int
    total: int
    strength: float
    nonzeros: int
    loss: float
    relative_gap: float
    seconds: float
    data_reads: int


Callback = Callable[[PathStep], Any]  # a true result ends the path


@dataclass(frozen=True)
class Plan:
    """Which λ, and what to do at each.

    Attributes
    ----------
    l1_ratio : float
    lambdas : ndarray, or None
        Decreasing; None: `n_lambdas` of them from λ_max down to `ratio` times it.
    n_lambdas, ratio : int, float or None
        The default of `ratio` is that of `logloss.path`.
    leave_one_out : bool
    callbacks : sequence of functions
    keep : bool
        Ctrl-C keeps the fits so far; else it passes through.
    """

    l1_ratio: float
    lambdas: Array | None = None
    n_lambdas: int = 100
    ratio: float | None = None
    leave_one_out: bool = False
    callbacks: Sequence[Callback] = ()
    keep: bool = True


def run(problem: Problem, plan: Plan, begun: float) -> Path:
    """Walk down a path.

    The limits of the request are those of each λ, but for the time: that is for all of them, and
    counts from `begun`, a reading of `time.perf_counter`.
    """
    task, solver = problem.task, problem.request.solver
    track = Track.of(task, problem.request.penalty, plan.l1_ratio)
    size = track.likelihood.shape.size
    chosen = choose(solver.asked, task.design.n_rows, size, track.smooth).seeded(solver.seed)
    follow = solver.automatic and size <= FOLLOWED
    walking = Walking(chosen, follow, problem.stop(begun))
    start, largest = _start(track, follow)
    values = plan.lambdas
    if values is None:
        values = grid(largest, plan.n_lambdas, _ratio(task, plan.ratio))
    gathered = _Gathered(track, walking, plan)
    complete = gathered.walk(values, start)
    return gathered.path(values, complete, problem.request.penalised_by())


def _ratio(task: Task, given: float | None) -> float:
    few = task.design.n_rows < task.design.n_columns
    return given if given is not None else (1e-2 if few else 1e-4)


def _start(track: Track, follow: bool) -> tuple[Place | Array, float]:
    """The null model, and λ_max."""
    with np.errstate(invalid="ignore", over="ignore"):
        null = track.null()
        largest, gradient = track.largest(null)
        if not np.isfinite(gradient).all():
            check_finite(track.task.design.encoded, track.task.parts.features)
            raise DataError(
                "the values are too large: their sums overflow",
                "express the columns in larger units",
            )
        if not follow:
            return null, largest or 1.0
        return Place(null, gradient, track.likelihood.hessian(null)), largest or 1.0


class _Gathered:
    """The fits of a path as they come."""

    def __init__(self, track: Track, walking: Walking, plan: Plan) -> None:
        self.track = track
        self.walking = walking
        self.plan = plan
        self.found: list[Found] = []
        self.left_out: list[tuple[float, int]] = []
        self.separation: Separation | None = None

    def walk(self, values: Array, start: Place | Array) -> bool:
        """Walk to the end, or until a budget, a callback or Ctrl-C ends it; whether all is done."""
        try:
            for found in walk(self.track, values, self.walking, start):
                self._keep(found)
                step = self._step(found, values)
                ended = [callback(step) for callback in self.plan.callbacks]
                if found.certificate.status is Status.INTERRUPTED and not self.plan.keep:
                    raise KeyboardInterrupt
                stop = self.walking.stop
                late = time.perf_counter() - stop.begun >= stop.seconds
                if any(ended) or late or found.certificate.status is Status.INTERRUPTED:
                    break
        except KeyboardInterrupt:
            if not (self.found and self.plan.keep):
                raise
        return len(self.found) == len(values)

    def _keep(self, found: Found) -> None:
        if found.certificate.status is Status.FAILED:
            raise DataError(
                "the loss is not finite: products of the values and the coefficients overflow",
                "express the columns in larger units",
            )
        if self.plan.leave_one_out:
            minimum = Minimum(
                found.objective, self.track.likelihood, found.beta, found.loss, found.hessian
            )
            counts = self.track.task.weighting.rule.counts
            self.left_out.append(left_out(minimum, self.walking.chosen.solver, counts))
        self.found.append(found)

    def _step(self, found: Found, values: Array) -> PathStep:
        certificate, index = found.certificate, len(self.found) - 1
        return PathStep(
            index,
            len(values),
            float(values[index]),
            int(np.count_nonzero(self.track.likelihood.coordinates.raw(found.beta)[0])),
            found.loss,
            certificate.relative_gap,
            certificate.seconds,
            certificate.data_reads,
        )

    def _judge(self) -> None:
        """Where it looks as if coefficients without a penalty were infinite: a verdict.

        It is the same for each λ, as no penalty has a part in it.
        """
        suspected = Status.SEPARATED_SUSPECTED
        first = next((f for f in self.found if f.certificate.status is suspected), None)
        if first is None:
            return
        objective, schema = first.objective.until(math.inf), self.track.task.schema
        stop = self.walking.stop
        judge = Judge(objective, stop.tol, stop.seconds == math.inf)
        if not judge.able:
            return
        verdict = closing(judge, first.beta, schema.coefficient_names)
        verdict = explained(verdict, judge.found, schema, patient=judge.patient)
        if verdict.exists is None:
            return
        # the limits of the others differ from λ to λ
        self.separation = replace(verdict, estimates={}, standard_errors={}, covariance=None)
        status = Status.CERTIFIED if verdict.exists else Status.SEPARATED
        self.found = [
            replace(f, certificate=replace(f.certificate, status=status))
            if f.certificate.status is suspected
            else f
            for f in self.found
        ]

    def path(self, values: Array, complete: bool, request: Request) -> Path:
        """Lay out what was found."""
        self._judge()
        raw = [self.track.likelihood.coordinates.raw(one.beta) for one in self.found]
        first = self.found[0]
        task, likelihood = self.track.task, self.track.likelihood
        template = Fitted(
            schema=task.schema,
            coefficients=raw[0][0],
            intercept=raw[0][1],
            classes=task.target.classes,
            certificate=first.certificate,
            history=(),
            n_rows=task.n_rows,
            weight_sum=likelihood.weight_sum,
            positive_share=task.rows.total(task.rows.y) / likelihood.weight_sum,
            loss=first.loss,
            objective=first.value,
            null_loss=likelihood.null_fit()[1],
            notes=task.notes,
            separation=self.separation,
            weighting=task.weighting,
            request=request,
        )
        left = None
        if self.left_out:
            losses, refitted = zip(*self.left_out, strict=True)
            left = LeaveOneOut(np.array(losses), np.array(refitted, dtype=np.int64))
        return Path(
            lambdas=values[: len(raw)],
            l1_ratio=self.track.l1_ratio,
            coefficients=np.array([coef for coef, _ in raw]),
            intercepts=np.array([intercept for _, intercept in raw]),
            losses=np.array([one.loss for one in self.found]),
            objectives=np.array([one.value for one in self.found]),
            certificates=tuple(one.certificate for one in self.found),
            leave_one_out=left,
            steps=np.array([one.steps for one in self.found], dtype=np.int64),
            complete=complete,
            template=template,
        )
