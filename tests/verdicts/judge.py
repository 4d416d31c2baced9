"""The verdict of a fit beside the truth."""

from __future__ import annotations

import warnings

import numpy as np

import logloss
from logloss import DataError
from logloss.record.proof import Status
from logloss.record.separation import Kind
from verdicts.draw import Table, draw
from verdicts.oracle import Truth, truth


def true_of(table: Table) -> Truth:
    free, n = np.flatnonzero(table.free), len(table.y)
    X, bound = table.X[:, free], [int(b) for b in table.bound[free]]
    if table.intercept:
        X, bound = np.column_stack([np.ones(n), X]), [0, *bound]
    sign = [
        None if s == 0.0 else (1 if y == 1.0 else -1 if y == 0.0 else 0)
        for y, s in zip(table.y, table.weight, strict=True)
    ]
    return truth(X, sign, bound)


def wrong(table: Table) -> str | None:
    """What is wrong about the verdict; None: nothing."""
    right = true_of(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = logloss.fit(table.store(table.X), table.y, **table.options)
        found = model.separation
    status, moved = model.certificate.status, sorted(right.moved)
    if found.exists is not (not moved):
        return f"exists: {found.exists}, and {len(moved)} rows can be told apart ({found.proof})"
    if (status is Status.SEPARATED) is found.exists:
        return f"status {status.name}, and exists: {found.exists}"
    if found.exists:
        return None
    if found.rows != len(moved) or found.first_rows != tuple(moved[:10]):
        return f"rows {found.rows}: {found.first_rows}, not {len(moved)}: {moved[:10]}"
    complete = len(moved) == (table.weight > 0.0).sum()
    if found.kind is not (Kind.COMPLETE if complete else Kind.QUASI):
        return f"kind {found.kind.name}"
    names = ["(intercept)"] * table.intercept + [f"x{j}" for j in np.flatnonzero(table.free)]
    endless = {names[j] for j in right.endless}
    if not table.bound.any() and set(found.columns) != endless:
        return f"columns {sorted(found.columns)}, not {sorted(endless)}"
    return None


def judged(seed: int) -> str | None:
    """The same of a seed; a trace is wrong too."""
    try:
        return wrong(draw(seed))
    except (DataError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001
        return f"trace: {type(error).__name__}: {error}"
