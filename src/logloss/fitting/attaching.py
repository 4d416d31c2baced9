"""Data for a model that has lost it: the table again, and the proof that it is the same.

The record says all that was asked of the fit, so that the same request on the same table makes the
same objective (`task_again`). The columns are found by the schema and by the names that the record
holds. What proves the table is the loss at the coefficients: it must be that of the fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, UsageError
from logloss.fitting.task import Task, task_again
from logloss.numerics.algebra import inverse_factor
from logloss.objective.base import Objective
from logloss.record.evidence import Evidence
from logloss.record.prior import uncorrected_intercept
from logloss.record.proof import Status
from logloss.record.same_rows import marks_of
from logloss.record.strength import Strength
from logloss.table import read, split
from logloss.table.roles.class_weight import class_weight_recorded
from logloss.table.treatment import Missing, table_options

if TYPE_CHECKING:
    from logloss.record.fitted import Fitted
    from logloss.table import Split

Array = NDArray[np.float64]

_SAME = 1e-9  # relative difference of two losses that are equal
_SURPLUS = 10.0  # what is to gain beyond the gap that was proven, times it: there were bounds


def evidence_of(
    fitted: Fitted,
    table: Any,
    given: Mapping[str, Any],
    class_weight: Mapping[Any, float] | str | None,
) -> Evidence:
    """Read the table of a fit again.

    Parameters
    ----------
    given : mapping
        y, sample_weight, offset, groups: arrays, column names, or None for what the record
        remembers.
    class_weight
        None: as the record remembers.

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
    if class_weight is None:
        class_weight = class_weight_recorded(fitted.options.get("class_weight"))
    parts = _parts(fitted, table, given)
    parts = replace(parts, origin=replace(parts.origin, given=table))
    task = task_again(parts, fitted, class_weight)
    groups = given.get("groups")
    task = task.with_groups(groups if groups is not None else fitted.options.get("groups") or None)
    with np.errstate(invalid="ignore", over="ignore"):  # the file may hold any numbers
        objective, where = task.objective(Strength.recorded(fitted.options), exact=True)
        beta = where.inner(fitted.coefficients, uncorrected_intercept(fitted))
        _check(fitted, task, objective, beta)
        _check_labels(fitted, task)
    return task.evidence(objective, where, beta)


def _parts(fitted: Fitted, table: Any, given: Mapping[str, Any]) -> Split:
    remembered = {"y": fitted.target, "sample_weight": fitted.weights, "offset": fitted.offset}
    roles: dict[str, Any] = {}
    for role, name in remembered.items():
        value = given[role]
        if value is None and (name == "" or (role == "y" and name is None)):
            raise UsageError(
                f"the model was fitted with an array as {role}, and none is given",
                f"give the same: attach(table, {role}=...)",
            )
        roles[role] = name if value is None else value
    schema = fitted.schema
    options = table_options(fitted.options.get("missing") or "auto", schema.na)
    columns = [*schema.column_names, *(v for v in roles.values() if isinstance(v, str))]
    if options.missing is Missing.DROP:  # a row went for any value that it lacked
        columns += [out.name for out in schema.left_out]
    source = read(table, columns=columns, na=schema.na, text=schema.text_names)
    return split(source, options=options, **roles)


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
    if fitted.options.get("firth"):
        return  # nothing else is penalised then, and what Firth's penalty was is known
    value = loss + objective.penalty.value(beta)
    same = math.isclose(value, fitted.objective, rel_tol=_SAME, abs_tol=1e-300)
    if not same or (_of_before(fitted) and _can_fall(fitted, objective, beta)):
        raise UsageError(
            "the penalty of the fit is not known: a model file of before does not remember penalty"
            " factors and bounds",
            "fit again",
        )


def _of_before(fitted: Fitted) -> bool:
    """Whether the record is of a version that did not remember factors and bounds."""
    return "bounds" not in fitted.options


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
