"""Class weights, multiplied into the weights of the rows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.checks import number
from logloss.errors import UsageError
from logloss.table.roles.classes import place_of
from logloss.table.roles.labels import Label
from logloss.table.roles.target import Target

Array = NDArray[np.float64]


def class_weights(
    target: Target, weight: Array | None, class_weight: Mapping[Any, float] | str | None
) -> Array | None:
    """Weights of the rows with those of their classes multiplied in, shape (n,).

    "balanced" gives each class the weight Σs/(2 Σ_class s), as scikit-learn does with weights s, so
    that a weight still means a repeated row. A class that a mapping does not name keeps the
    weight 1.

    Raises
    ------
    UsageError
        The target is not of labels; a label or weight cannot be.
    """
    if class_weight is None:
        return weight
    if target.soft:
        raise UsageError("class_weight needs a target of labels, not of probabilities")
    positive = target.y == 1.0
    s = np.ones(len(target.y)) if weight is None else weight
    negative_factor, positive_factor = _factors(target, s, positive, class_weight)
    return s * np.where(positive, positive_factor, negative_factor)


def class_weight_plain(
    class_weight: Mapping[Any, float] | str | None,
) -> dict[Label, float] | str | None:
    """The same in Python's own types."""
    if class_weight is None or isinstance(class_weight, str):
        return class_weight
    return {_plain(label): float(value) for label, value in class_weight.items()}


def _plain(label: Any) -> Any:
    return getattr(label, "item", lambda: label)()


def _factors(
    target: Target, s: Array, positive: NDArray[np.bool_], class_weight: Mapping[Any, float] | str
) -> tuple[float, float]:
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise UsageError(
                f"class_weight must be 'balanced' or a mapping of labels, not {class_weight!r}"
            )
        total, share = float(s.sum()), float(s[positive].sum())
        return _balanced(total, float(s[~positive].sum())), _balanced(total, share)
    if not isinstance(class_weight, Mapping):
        raise UsageError(
            f"class_weight must be 'balanced' or a mapping of labels, not {class_weight!r}"
        )
    factors = [1.0, 1.0]
    for label, value in class_weight.items():
        factor = number(f"the class weight of {label!r}", value, 0.0, sys.float_info.max)
        factors[_place(label, target.classes)] = factor
    if not any(factors):
        raise UsageError("both class weights are zero", "at least one class must count")
    return factors[0], factors[1]


def _balanced(total: float, share: float) -> float:
    return total / (2.0 * share) if share > 0.0 else 1.0


def _place(label: Any, classes: tuple[Any, Any]) -> int:
    """Which class a label is: as it is, or by its spelling ("1" is 1)."""
    found = place_of(label, classes)
    if found is not None:
        return found
    raise UsageError(
        f"class_weight names {label!r}, but the classes are {classes[0]!r} and {classes[1]!r}",
        "with positive, one label stands against all others: weigh rows by sample_weight"
        if classes[0] == f"not {classes[1]}"
        else None,
    )
