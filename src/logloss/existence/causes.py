"""What tells the rows of a separated table apart: the columns that do so by themselves.

The direction of separation has mostly many entries: once a column that repeats the outcome is in a
table, no row is left to estimate the others from, and every coefficient may go anywhere. So the
columns are asked one by one, over the rows that are told apart (T) and those that are not (R):

numbers  all labels of T are 1 above a threshold and 0 below it, or the other way round, and R is at
         the threshold
levels   all rows of a level have one label, and none of them is in R

The column that explains most rows comes first; its rows are then done with, and the others are
asked for those that are left. That is a direction too: d₁ + ε d₂ + … with small ε. Where columns
do it only together, a sparse direction is found by a linear program (least Σ|b_j| in units of the
columns' spread), and then as many of its columns are left out as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from logloss.existence.alone import Unit, units_of
from logloss.existence.sparsest import sparsest
from logloss.record.estimates import INTERCEPT
from logloss.record.separation import Cause, Separation

if TYPE_CHECKING:
    from logloss.existence.limit import Separated
    from logloss.table import Schema

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

_ROUNDS = 50


def explained(
    separation: Separation, found: Separated | None, schema: Schema, *, patient: bool = True
) -> Separation:
    """The verdict with its causes, where there is separation.

    Parameters
    ----------
    schema : Schema
        Of the design that was judged: which coefficients are of which column.
    patient : bool
        A linear program may take a few seconds.
    """
    if found is None or separation.exists is not False:
        return separation
    told = np.flatnonzero(found.direction.moved)
    left = np.flatnonzero(found.cone.counted & ~found.direction.moved)
    sign = found.cone.sign[told]
    if not len(left) and found.cone.likelihood.shape.has_intercept and (sign == sign[0]).all():
        return replace(separation, causes=(Cause((INTERCEPT,), (), len(told)),))
    units = units_of(found.cone, schema, left)
    causes, rest = _alone(found, units, told)
    if len(rest):
        causes = _together(found, units, schema, told, patient)
    return replace(separation, causes=tuple(sorted(causes, key=lambda cause: -cause.rows)))


def _alone(found: Separated, units: Sequence[Unit], rows: Indices) -> tuple[list[Cause], Indices]:
    """The columns that explain rows by themselves, and the rows that none of them does."""
    cone = found.cone
    free_intercept = (
        cone.likelihood.shape.has_intercept and not (cone.counted & ~found.direction.moved).any()
    )
    positive = cone.sign[rows] > 0.0
    causes: list[Cause] = []
    for _ in range(_ROUNDS):
        if causes and free_intercept and positive.all() | ~positive.any():
            causes[-1] = replace(causes[-1], rows=causes[-1].rows + len(rows))
            return causes, rows[:0]
        moves = [unit.moves(rows, positive) for unit in units]
        sizes = [0 if mask is None else int(mask.sum()) for mask in moves]
        best = int(np.argmax(sizes)) if sizes else 0
        if not sizes or sizes[best] == 0:
            break
        mask = moves[best]
        assert mask is not None
        alike = [
            unit
            for unit, other in zip(units, moves, strict=True)
            if other is not None and np.array_equal(other, mask)
        ]
        causes += _causes(alike, rows, mask)
        rows, positive = rows[~mask], positive[~mask]
        if not len(rows):
            break
    return causes, rows


def _causes(units: Sequence[Unit], rows: Indices, mask: Mask) -> list[Cause]:
    """Of columns that explain the same rows, each alone."""
    parts = [unit.parts(rows, mask) for unit in units]
    if all(len(part) == 1 for part in parts):
        names = [name for part in parts for name in part]
        columns = dict.fromkeys(unit.column for unit in units)
        return [Cause(tuple(dict.fromkeys(names)), tuple(columns), int(mask.sum()))]
    few = min(range(len(parts)), key=lambda k: len(parts[k]))
    return [Cause((name,), (units[few].column,), n) for name, n in parts[few].items()]


def _together(
    found: Separated, units: Sequence[Unit], schema: Schema, told: Indices, patient: bool
) -> list[Cause]:
    """Where columns explain the rows only together: as few as can be."""
    place = {name: j for j, name in enumerate(schema.coefficient_names)}
    groups = {name: [place[one] for one in own] for name, own in schema.groups.items()}
    used = sparsest(found, groups, patient)
    causes, rest = _alone(found, [unit for unit in units if unit.column in used], told)
    if not len(rest):
        return causes
    alone = {name for cause in causes for name in cause.columns}
    others = [name for name in used if name not in alone] or list(used)
    return [*causes, Cause(tuple(others), tuple(others), len(rest), len(others) > 1)]
