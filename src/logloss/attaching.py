"""Data for a model that has lost it: the table again, and the proof that it is the same.

The columns are found by the schema and the names that the record holds. What proves the table is
the loss at the coefficients: it must be that of the fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.backends.coordinates import coordinates, spread
from logloss.backends.memory import MemoryLikelihood, RowData
from logloss.errors import DataError, UsageError
from logloss.evidence import Evidence
from logloss.objective import Objective
from logloss.strength import Strength
from logloss.table import encode_target, read, split
from logloss.table.class_weight import class_weights
from logloss.table.design import design_of, threads
from logloss.table.treatment import table_options

if TYPE_CHECKING:
    from logloss.fitted import Fitted
    from logloss.table import Split

Array = NDArray[np.float64]

_SAME = 1e-9  # relative difference of two losses that are equal


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
        y, sample_weight, offset: arrays, column names, or None for what the record remembers.

    Raises
    ------
    UsageError
        An array of the fit is not given.
    DataError
        It is another table.
    """
    parts = _parts(fitted, table, given)
    weight, y = _labels(fitted, parts, class_weight)
    rows, features = RowData(y, weight, parts.offset), parts.features
    design, n_threads = design_of(fitted.schema.encode(features, new=False)), threads(None)
    names, intercept = fitted.schema.coefficient_names, bool(fitted.options["fit_intercept"])
    measured, strength = spread(design, weight, n_threads), _strength(fitted.options)
    weights = strength.weights(names, rows.total(), measured.deviation)
    mean = rows.total(y) / rows.total()
    where = coordinates(measured, weights[0], max(mean * (1.0 - mean), 1e-6), intercept)
    likelihood = MemoryLikelihood(design, rows, where, n_threads)
    objective = Objective(likelihood, strength.penalty(weights, names, where.scale, intercept))
    beta = where.inner(fitted.coefficients, fitted.intercept)
    _check(fitted, objective, beta, features.where, parts.n_left_out)
    return Evidence(objective, where, beta, names, intercept, design, rows, features, n_threads)


def _labels(
    fitted: Fitted, parts: Split, class_weight: Mapping[Any, float] | str | None
) -> tuple[Array | None, Array]:
    """Weights and labels, the positive one as in the fit."""
    other, positive = fitted.classes
    against_all = positive if other == f"not {positive}" else None
    target = encode_target(
        parts.y_values, positive=against_all, where=parts.y_where, weights=parts.weights
    )
    if not target.soft and target.classes[1] != positive:
        target = encode_target(parts.y_values, positive=positive, where=parts.y_where)
    return class_weights(target, parts.weights, class_weight), target.y


def _strength(options: Mapping[str, Any]) -> Strength:
    """The penalty that the options of a record ask for."""
    size = options.get("C")
    return Strength(
        C=size if isinstance(size, int | float) else math.inf,
        l1_ratio=options.get("l1_ratio") or 0.0,
        l1=options.get("l1"),
        l2=options.get("l2"),
        factors=None,
        bounds=None,
        standardize=bool(options.get("standardize")),
    )


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
    columns = [*fitted.schema.column_names, *(v for v in roles.values() if isinstance(v, str))]
    schema, missing = fitted.schema, fitted.options.get("missing") or "auto"
    source = read(table, columns=columns, na=schema.na, text=schema.text_names)
    return split(source, options=table_options(missing, schema.na), **roles)


def _check(fitted: Fitted, objective: Objective, beta: Any, where: str, n_left_out: int) -> None:
    """The loss at the coefficients, and the objective, are those of the fit."""
    n_rows = objective.n_rows - n_left_out
    if n_rows != fitted.n_rows:
        raise DataError(
            f"{where} is another table than that of the fit: it has {n_rows:,} rows, the fit had"
            f" {fitted.n_rows:,}",
            "attach the table that the model was fitted to",
        )
    with np.errstate(invalid="ignore", over="ignore"):
        loss = objective.likelihood.loss_gradient(beta)[0]
    if not math.isclose(loss, fitted.loss, rel_tol=_SAME, abs_tol=1e-300):
        raise DataError(
            f"{where} is another table than that of the fit: the loss at the coefficients is"
            f" {loss:.12g}, the fit had {fitted.loss:.12g}",
            "attach the same rows, with the same weights, offset and class_weight",
        )
    value = loss + objective.penalty.value(beta)
    if not math.isclose(value, fitted.objective, rel_tol=_SAME, abs_tol=1e-300):
        raise UsageError(
            "the penalty of the fit is not known: a model does not remember penalty factors",
            "fit again",
        )
