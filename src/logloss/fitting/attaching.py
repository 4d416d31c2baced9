"""Data for a model that has lost it: the table again, and the proof that it is the same.

The record holds the request of the fit, and the same request on the same table makes the same
objective. What proves the table is the loss at the coefficients: it must be that of the fit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, UsageError
from logloss.fitting.problem import problem_again
from logloss.numerics.algebra import inverse_factor
from logloss.objective.base import Objective
from logloss.record.prior import uncorrected_intercept
from logloss.record.proof import Status
from logloss.record.request import ARRAY, Request, Roles
from logloss.record.same_rows import marks_of
from logloss.table.roles.class_weight import class_weight_plain

if TYPE_CHECKING:
    from logloss.fitting.task import Task
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted

Array = NDArray[np.float64]

_SAME = 1e-9  # relative difference of two losses that are equal
_SURPLUS = 10.0  # what is to gain beyond the gap that was proven, times it: there were bounds
_NAMES = {"target": "y", "weights": "sample_weight", "offset": "offset"}  # of roles, in `attach`


def attached(fitted: Fitted, table: Any, given: Roles) -> tuple[Fitted, Evidence]:
    """The record and the evidence of a fit whose table is read again.

    Parameters
    ----------
    given : Roles
        Arrays, column names, class weights; None for what the record remembers.

    Returns
    -------
    Fitted
        As it was; a file of before learns what its weights are.

    Raises
    ------
    UsageError
        An array of the fit is not given; or the fit cannot be told by its loss.
    DataError
        It is another table.
    """
    if fitted.certificate.status is Status.NO_LOSS:
        raise UsageError(
            "a perceptron has no loss by which its table could be known again", "fit again"
        )
    request = _request(fitted, given)
    task = problem_again(request, fitted, table).task
    with np.errstate(invalid="ignore", over="ignore"):  # the file may hold any numbers
        objective, where = task.objective(request.penalty, exact=True)
        beta = where.inner(fitted.coefficients, uncorrected_intercept(fitted))
        _check(fitted, task, objective, beta)
        _check_labels(fitted, task)
    evidence = task.evidence(objective, where, beta)
    told = fitted.request.told(class_weight=class_weight_plain(request.roles.class_weight))
    return replace(fitted, request=told, weighting=evidence.weighting), evidence


def _request(fitted: Fitted, given: Roles) -> Request:
    """What was asked of the fit, with the arrays that a record does not hold."""
    request, roles = fitted.request, {}
    for role, name in _NAMES.items():
        known = getattr(request.roles, role)
        value = getattr(given, role)
        value = known if value is None else value
        if (isinstance(value, str) and value == ARRAY) or (role == "target" and value is None):
            raise UsageError(
                f"the model was fitted with an array as {name}, and none is given",
                f"give the same: attach(table, {name}=...)",
            )
        roles[role] = value
    groups = request.roles.groups or None if given.groups is None else given.groups
    weight = given.class_weight
    class_weight = request.roles.class_weight if weight is None else weight
    return request.in_roles(**roles, groups=groups, class_weight=class_weight)


def _check(fitted: Fitted, task: Task, objective: Objective, beta: Array) -> None:
    """The loss at the coefficients, and the objective, are those of the fit."""
    where = task.parts.features.where
    rows = {task.n_rows}
    if _of_before(fitted):  # counted rows of weight 0, and of a path those that were left out
        rows |= {task.design.n_rows - task.parts.n_left_out, task.design.n_rows}
    if fitted.n_rows not in rows:
        raise DataError(
            f"{where} is another table than that of the fit: it has {task.n_rows:,} rows that"
            f" count, the fit had {fitted.n_rows:,}",
            "attach the table that the model was fitted to",
        )
    loss = objective.likelihood.loss_gradient(beta)[0]
    if not math.isclose(loss, fitted.loss, rel_tol=_SAME, abs_tol=1e-300):
        raise DataError(
            f"{where} is another table than that of the fit: the loss at the coefficients is"
            f" {loss:.12g}, the fit had {fitted.loss:.12g}",
            "attach the same rows, with the same weights, offset and class_weight",
        )
    if fitted.request.firth:
        return  # nothing else is penalised then, and what Firth's penalty was is known
    value = loss + objective.penalty.value(beta) + objective.penalty.neglect(fitted.coefficients)
    same = math.isclose(value, fitted.objective, rel_tol=_SAME, abs_tol=1e-300)
    if not same or (_of_before(fitted) and _can_fall(fitted, objective, beta)):
        raise UsageError(
            "the penalty of the fit is not known: a model file of before does not remember penalty"
            " factors and bounds",
            "fit again",
        )


def _of_before(fitted: Fitted) -> bool:
    """Whether the record is of a version that did not remember factors and bounds."""
    return "bounds" in fitted.request.untold


def _can_fall(fitted: Fitted, objective: Objective, beta: Array) -> bool:
    """Whether a proven minimum is none of this objective: a bound is missing in it. Two reads."""
    proven = fitted.certificate.status is Status.CERTIFIED
    if not (proven and objective.penalty.smooth):
        return False
    factor, _ = inverse_factor(objective.hessian(beta))
    step = factor @ objective.value_gradient(beta)[1]
    surplus = _SURPLUS * (fitted.certificate.gap + _SAME * fitted.objective)
    return bool(0.5 * float(step @ step) > surplus)


def _check_labels(fitted: Fitted, task: Task) -> None:
    """In the order of the fit too, which the loss does not tell: groups are given row by row."""
    rows = task.rows
    if fitted.rows is None:
        return
    if fitted.rows.labels != marks_of(rows.y, rows.weight, rows.offset).labels:
        raise DataError(
            f"{task.parts.features.where} is another table than that of the fit: it has other"
            " labels, or its rows in another order",
            "attach the table that the model was fitted to, as it was",
        )
