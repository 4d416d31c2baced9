"""What a column of text becomes: its levels, their order, and which is the reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.levels import MISSING, RARE, order_of
from logloss.table.columns.typed import Codes
from logloss.table.schema.category import CategoricalColumn
from logloss.table.schema.forms import reads_as_number
from logloss.table.schema.policy import Policy
from logloss.table.words import listed

Array = NDArray[np.float64]

_FEW_LEVELS = 20  # up to which text that reads as numbers is taken for codes without a word


def categorical(
    name: str, column: Codes, counts: Array, total: float, policy: Policy, all_levels: bool
) -> CategoricalColumn:
    """The kind of a column.

    Levels stand in the order that the table declares, the first being the reference; else in the
    order of their letters, the most frequent being the reference.

    Parameters
    ----------
    counts : ndarray of shape (n_levels,)
        The weight of each level.
    total : float
        Of all rows.
    all_levels : bool
        Whether each level has a coefficient, so that there is no reference.
    """
    weight_of = {level: float(counts[k]) for k, level in enumerate(column.levels) if counts[k] > 0}
    # a level that is spelled as ours is ours: `said_of` says so
    spelled = tuple(level for level in (MISSING, RARE) if level in weight_of)
    missing = weight_of.pop(None, 0.0) + weight_of.pop(MISSING, 0.0)
    spelled_rare = weight_of.pop(RARE, 0.0)
    rare = sorted(level for level, w in weight_of.items() if w < policy.min_count and level)
    if len(rare) < 2:
        rare = []
    pooled = spelled_rare + sum(weight_of.pop(level) for level in rare)
    declared = order_of(column)
    levels = sorted(level for level in weight_of if level is not None)
    order = levels if declared is None else [v for v in declared if v in weight_of]
    weights = [weight_of[level] for level in order]
    if pooled:
        order, weights = [*order, RARE], [*weights, pooled]
    if missing:
        order, weights = [*order, MISSING], [*weights, missing]
    first = int(np.argmax(weights)) if declared is None else 0
    shares = tuple(w / total for w in weights)
    reference = None if all_levels else first
    return CategoricalColumn(
        name, column.type, tuple(order), shares, reference, tuple(rare), spelled
    )


def said_of(name: str, column: Codes, counts: Array) -> list[str]:
    """What was done with a column of text that its owner should know."""
    weight_of = {level: float(counts[k]) for k, level in enumerate(column.levels) if counts[k] > 0}
    remarks = []
    if MISSING in weight_of:
        remarks.append(f"column {name!r} holds the text {MISSING!r}: it counts as no value")
    if RARE in weight_of:
        remarks.append(
            f"column {name!r} holds the text {RARE!r}: it counts as the levels that few rows have"
        )
    declared = order_of(column)
    unused = [level for level in declared or () if level not in weight_of]
    if unused:
        remarks.append(
            f"column {name!r} declares levels that no row has, which get no coefficient:"
            f" {listed(list(map(repr, unused)))}"
        )
    there = [level for level in weight_of if level is not None]
    if declared is None and len(there) > _FEW_LEVELS and all(map(reads_as_number, there)):
        remarks.append(
            f"column {name!r} is text, and all of it reads as numbers: it has a level for each of"
            f" {len(there):,}; give it as numbers if that is what they are"
        )
    return remarks
