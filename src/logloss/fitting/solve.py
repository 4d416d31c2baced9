"""From a task to a certified point: objective → solver → verdict → record and evidence."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, UsageError
from logloss.existence.causes import explained
from logloss.existence.narrowed import Narrowed
from logloss.existence.separation import Judge, judged_fit, settled
from logloss.firth.firth import FirthChoice
from logloss.fitting.small_penalties import with_small_penalties
from logloss.fitting.writing import written
from logloss.objective.base import Objective
from logloss.record.evidence import Evidence
from logloss.record.fitted import Fitted
from logloss.record.prior import with_prior
from logloss.record.proof import Certificate, Status, relative
from logloss.solvers.base import Result, Stop
from logloss.solvers.choose import Choice
from logloss.table.design.bad_values import check_finite

if TYPE_CHECKING:
    from logloss.fitting.problem import Problem
    from logloss.fitting.task import Task
    from logloss.record.separation import Separation
    from logloss.table import Schema

Array = NDArray[np.float64]

_ONE_CLASS = 1e-290  # the loss of the intercept alone where all weight is on one class


def solve(
    problem: Problem, chosen: Choice | FirthChoice, start: Fitted | None, stop: Stop
) -> tuple[Fitted, Evidence]:
    """Minimise, and put into a record what was asked for and what was found."""
    task, penalty = problem.task, problem.request.penalty
    exact = penalty.standardize or not chosen.solver.affine_invariant
    by_row = getattr(chosen.solver, "by_row", False)
    objective, where = task.objective(penalty, exact, by_row)
    first = task.first(objective, where, start)
    with np.errstate(invalid="ignore", over="ignore"):
        result, loss, separation, chosen = _solved(objective, first, chosen, stop, task.schema)
    if result.status is Status.FAILED:
        check_finite(task.design.encoded, task.parts.features, task.schema.column_names)
        if start is not None:
            raise UsageError(
                "the loss at the start is no finite number: its coefficients are too large",
                "leave start (warm_start) out",
            )
        raise DataError(
            "the values are too large: their products with any coefficients overflow",
            "express the columns in larger units",
        )
    likelihood = objective.likelihood
    ended = result
    result = with_small_penalties(objective, where, ended, stop.tol)
    if result.beta is not ended.beta:
        left_out = objective.penalty.neglect(where.exact(result.beta)[0])
        loss = result.value - left_out - objective.penalty.value(result.beta)
    point = written(task.design, task.rows, where, result.beta, task.names)
    if result is not ended or point.lost > 0.0:
        result = _as_written(result, point.lost, stop.tol)
    coef = penalty.within_bounds(point.coef, task.names)
    said = _notes_on_classes(task, objective)
    fitted = Fitted(
        schema=task.schema,
        coefficients=coef,
        intercept=point.intercept,
        classes=task.target.classes,
        certificate=_certificate(result, objective, chosen, time.perf_counter() - stop.begun),
        history=result.history,
        n_rows=task.n_rows,
        weight_sum=likelihood.weight_sum,
        positive_share=task.rows.total(task.rows.y) / likelihood.weight_sum,
        loss=loss,
        objective=math.nan if result.status is Status.NO_LOSS else result.value,
        null_loss=objective.value_of_null(),
        request=replace(problem.request, prior=None),
        notes=(*task.notes, *said, *task.aliases(where), *point.notes),
        separation=separation,
        weighting=task.weighting,
        centers=point.centers,
    )
    evidence = task.evidence(objective, where, result.beta)
    prior = problem.request.prior
    return fitted if prior is None else with_prior(fitted, prior), evidence


def _notes_on_classes(task: Task, objective: Objective) -> tuple[str, ...]:
    if not _one_class(objective):
        return ()
    label = task.target.classes[int(task.rows.total(task.rows.y) > 0.0)]
    return (f"all rows with weight are {label!r}, so the intercept has no finite best value",)


def _as_written(result: Result, lost: float, tol: float) -> Result:
    """The end of a fit with what writing the coefficients cost, and whether that is certified."""
    gap = result.gap + lost
    status = result.status
    if status in (Status.CERTIFIED, Status.STALLED) and result.value > 0.0:
        enough = gap <= tol * result.value
        status = Status.CERTIFIED if enough else Status.STALLED
    return replace(result, gap=gap, status=status)


def _solved(
    objective: Objective,
    first: Array,
    chosen: Choice | FirthChoice,
    stop: Stop,
    schema: Schema,
) -> tuple[Result, float, Separation | None, Choice | FirthChoice]:
    """The end of the fit, the log loss there, the verdict that came with it, and the solver."""
    if isinstance(chosen, FirthChoice):
        result = chosen.solver.solve(objective, first, stop)
        return result, objective.value_gradient(result.beta)[0], None, chosen
    by_row = getattr(chosen.solver, "by_row", False)
    judge = Judge(objective.until(math.inf), stop.tol, stop.seconds == math.inf)
    all_count = objective.penalty.neglected is None
    narrow = Narrowed.of(judge.objective) if all_count and not by_row else None
    result, chosen = judged_fit(judge, first, chosen, stop, narrow)
    penalty = objective.penalty
    if _one_class(objective) and not (penalty.l1.any() or penalty.l2.any()) and result.gap >= 0.0:
        result = replace(result, status=Status.SEPARATED_SUSPECTED)
    result, separation = settled(judge, result, schema.coefficient_names, stop)
    if separation is not None:
        with contextlib.suppress(KeyboardInterrupt):  # it is a verdict without its causes too
            separation = explained(separation, judge.found, schema, patient=judge.patient)
    value = math.nan if result.status is Status.NO_LOSS else result.value
    return result, value - objective.penalty.value(result.beta), separation, chosen


def _one_class(objective: Objective) -> bool:
    """Whether all rows with weight have one label, so that the intercept would grow without end."""
    return objective.value_of_null() < _ONE_CLASS


def _certificate(
    result: Result, objective: Objective, chosen: Choice | FirthChoice, seconds: float
) -> Certificate:
    gap = result.gap
    error = math.sqrt(2.0 * objective.likelihood.weight_sum * max(gap, 0.0))
    return Certificate(
        gap=gap,
        relative_gap=relative(gap, result.value),
        coefficient_error=result.length if math.isnan(gap) else error,
        data_reads=objective.reads,
        solver=chosen.solver.name,
        reason=chosen.reason,
        status=result.status,
        seconds=seconds,
    )
