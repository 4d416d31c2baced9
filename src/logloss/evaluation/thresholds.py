"""Where to draw the line between the classes: by what mistakes cost, or by what must hold.

Where the probabilities are right, calling a row positive costs less than not to exactly where
p ≥ A/(A + B), for a cost of A a false positive and B a false negative (Elkan, IJCAI 2001, eq. 2).
The threshold of least cost on given rows is near it where they are many and calibrated.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.checks import number
from logloss.errors import DataError, UsageError
from logloss.evaluation.ranking import Curves

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """A threshold, and what it does on the rows that were evaluated.

    Attributes
    ----------
    reason : str
        How it was chosen.
    threshold : float
        Rows with a probability of at least this are called positive; inf: none.
    log_odds : float
        The same for log odds, which tell apart what rounds to a probability of 1.
    true_positives, false_positives, false_negatives, true_negatives : float
        Weight of the rows.
    cost : float
        Per row, where costs were given; else nan.
    """

    reason: str
    threshold: float
    log_odds: float
    true_positives: float
    false_positives: float
    false_negatives: float
    true_negatives: float
    cost: float = math.nan

    @property
    def precision(self) -> float:
        """Share of the rows called positive that is positive; nan where there are none."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the positive rows that is called positive."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_positive_rate(self) -> float:
        """Share of the negative rows that is called positive."""
        return _ratio(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def accuracy(self) -> float:
        """Share of the rows that is called right."""
        right = self.true_positives + self.true_negatives
        return _ratio(right, right + self.false_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        double = 2.0 * self.true_positives
        return _ratio(double, double + self.false_positives + self.false_negatives)

    def to_json(self) -> dict[str, Any]:
        """Plain values; null for what is not known or infinite."""
        names = [
            "threshold",
            "log_odds",
            "true_positives",
            "false_positives",
            "false_negatives",
            "true_negatives",
            "precision",
            "recall",
            "false_positive_rate",
            "accuracy",
            "f1",
            "cost",
        ]
        values = {name: getattr(self, name) for name in names}
        known = {name: v if math.isfinite(v) else None for name, v in values.items()}
        return {"reason": self.reason, **known}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan


def at_threshold(curves: Curves, threshold: float) -> Decision:
    """The decision of a given threshold in [0, 1]."""
    threshold = number("threshold", threshold, 0.0, 1.0)
    k = int(np.searchsorted(-curves.probability, -threshold, side="right")) - 1
    return _decision(curves, k, f"threshold {threshold:g}, as given", threshold)


def by_cost(
    curves: Curves, false_positive: float, false_negative: float
) -> tuple[Decision, Decision]:
    """The threshold that is best where the probabilities are right, and the best on these rows.

    Parameters
    ----------
    false_positive, false_negative : float
        What a mistake costs, beyond what the right call would have cost.
    """
    most = sys.float_info.max
    a = number("the cost of a false positive", false_positive, 0.0, most)
    b = number("the cost of a false negative", false_negative, 0.0, most)
    if a + b == 0.0:
        raise UsageError("one of the two costs must be positive")
    costs = a * curves.false_positives + b * (curves.positives - curves.true_positives)
    total = curves.positives + curves.negatives
    best = int(np.argmin(costs))
    if b * curves.positives <= costs[best]:
        best = -1

    def cost(k: int) -> float:
        return float(b * curves.positives if k < 0 else costs[k]) / total

    threshold = a / (a + b)
    k = int(np.searchsorted(-curves.probability, -threshold, side="right")) - 1
    words = f"a false positive costs {a:g}, a false negative {b:g}"
    return (
        _decision(curves, k, f"{words}: best where probabilities are right", threshold, cost(k)),
        _decision(curves, best, f"{words}: best on these rows", None, cost(best)),
    )


def by_constraint(
    curves: Curves,
    min_precision: float | None = None,
    min_recall: float | None = None,
    max_fpr: float | None = None,
) -> Decision:
    """The best threshold under one constraint.

    The largest recall with a precision of at least `min_precision`; the largest precision with a
    recall of at least `min_recall`; or the largest recall with a false positive rate of at most
    `max_fpr`.

    Raises
    ------
    UsageError
        Not exactly one constraint is given, or it is out of range.
    DataError
        No threshold meets it, or there is one class only.
    """
    given = {"min_precision": min_precision, "min_recall": min_recall, "max_fpr": max_fpr}
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise UsageError(f"give exactly one of {', '.join(given)}")
    if curves.positives == 0.0 or curves.negatives == 0.0:
        raise DataError("a threshold is chosen by both classes, and there is one only")
    name, value = chosen[0]
    rule = _RULES[name]
    limit = number(name, value, 0.0, 1.0)
    met = rule.meets(rule.limited(curves), limit)
    if not met.any():
        if rule.always:  # calling nothing positive meets it
            return _decision(curves, -1, rule.reason.format(limit), None)
        best = float(rule.limited(curves).max())
        raise DataError(
            f"no threshold reaches {name} = {limit:g} on these rows: the most is {best:.6g}",
            "lower the constraint",
        )
    goal = np.where(met, rule.goal(curves), -math.inf)
    ties = np.flatnonzero(goal == goal.max())
    k = int(ties[np.argmax(curves.precision[ties])] if rule.precise else ties[-1])
    return _decision(curves, k, rule.reason.format(limit), None)


@dataclass(frozen=True)
class _Rule:
    """What is limited, how, and what is made as large as possible then.

    `precise`: of thresholds that are equally good the one of the best precision; else the lowest.
    """

    limited: Callable[[Curves], Array]
    meets: Callable[[Array, float], NDArray[np.bool_]]
    goal: Callable[[Curves], Array]
    reason: str
    precise: bool
    always: bool = False


def _at_least(values: Array, limit: float) -> NDArray[np.bool_]:
    return values >= limit


def _at_most(values: Array, limit: float) -> NDArray[np.bool_]:
    return values <= limit


_RULES = {
    "min_precision": _Rule(
        lambda c: c.precision,
        _at_least,
        lambda c: c.recall,
        "the largest recall with a precision of at least {:g}",
        precise=True,
    ),
    "min_recall": _Rule(
        lambda c: c.recall,
        _at_least,
        lambda c: c.precision,
        "the largest precision with a recall of at least {:g}",
        precise=False,
    ),
    "max_fpr": _Rule(
        lambda c: c.false_positive_rate,
        _at_most,
        lambda c: c.recall,
        "the largest recall with a false positive rate of at most {:g}",
        precise=True,
        always=True,
    ),
}


def _decision(
    curves: Curves, k: int, reason: str, threshold: float | None, cost: float = math.nan
) -> Decision:
    """What the thresholds down to the k-th call positive; −1: nothing."""
    hits = float(curves.true_positives[k]) if k >= 0 else 0.0
    alarms = float(curves.false_positives[k]) if k >= 0 else 0.0
    if threshold is None:
        threshold = float(curves.probability[k]) if k >= 0 else math.inf
        log_odds = float(curves.log_odds[k]) if k >= 0 else math.inf
    else:
        log_odds = _logit(threshold)
    return Decision(
        reason,
        threshold,
        log_odds,
        hits,
        alarms,
        curves.positives - hits,
        curves.negatives - alarms,
        cost,
    )


def _logit(p: float) -> float:
    if p in (0.0, 1.0):
        return math.inf if p else -math.inf
    return math.log(p) - math.log1p(-p)
