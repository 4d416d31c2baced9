"""From a fit to the record of its estimates: the polished point, aliases, and losses beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from logloss.inference.covariance import first_to_last, masked
from logloss.inference.optimum import polish, raw_combination, raw_matrix
from logloss.record.estimates import INTERCEPT, Estimates

if TYPE_CHECKING:
    from logloss.inference.optimum import Optimum
    from logloss.record.evidence import Evidence

Array = NDArray[np.float64]


def optimum_of(evidence: Evidence) -> Optimum:
    """The fit, polished."""
    objective = evidence.objective.until(math.inf)
    return polish(objective, evidence.coordinates, evidence.beta)


def estimates_of(evidence: Evidence, optimum: Optimum) -> Estimates:
    """The record of what was found. No read but for p."""
    coef, intercept = evidence.coordinates.raw(optimum.beta)
    n = optimum.objective.n_coefficients
    values = np.append(coef, intercept) if evidence.intercept else coef.copy()
    values[np.setdiff1d(np.arange(n), optimum.curvature.kept)] = math.nan
    weight = evidence.rows.weight
    return Estimates(
        names=shown_names(evidence),
        values=values[first_to_last(evidence.intercept, n)],
        covariance=masked(raw_matrix(evidence.coordinates, optimum.covariance), optimum),
        aliases=_aliases(evidence, optimum),
        loss=optimum.loss,
        null_loss=optimum.objective.value_of_null(),
        entropy=_entropy(evidence),
        tjur=_tjur(evidence, optimum),
        weighted_rows=len(evidence.rows.y) if weight is None else int(np.count_nonzero(weight)),
    )


def shown_names(evidence: Evidence) -> tuple[str, ...]:
    """The intercept first."""
    return (INTERCEPT, *evidence.names) if evidence.intercept else evidence.names


def _aliases(evidence: Evidence, optimum: Optimum) -> dict[str, dict[str, float]]:
    found = {}
    for j, a in optimum.combinations.items():
        parts, constant = raw_combination(evidence.coordinates, j, a)
        named = {evidence.names[k]: float(parts[k]) for k in np.flatnonzero(parts)}
        found[evidence.names[j]] = named | ({INTERCEPT: float(constant)} if constant else {})
    return found


def _entropy(evidence: Evidence) -> float:
    y = evidence.rows.y
    soft = (y > 0.0) & (y < 1.0)
    if not soft.any():
        return 0.0
    h, t = np.zeros_like(y), y[soft]
    h[soft] = -t * np.log(t) - (1.0 - t) * np.log1p(-t)
    return evidence.rows.total(h) / evidence.rows.total()


def _tjur(evidence: Evidence, optimum: Optimum) -> float:
    rows, y = evidence.rows, evidence.rows.y
    z = optimum.objective.sums("Tjur's coefficient").log_odds(optimum.beta)
    p = rows.bernoulli(z)[1] + y
    positive = rows.total(y)
    if not 0.0 < positive < rows.total():
        return math.nan  # one class alone has weight
    both, above = rows.total(p), rows.total(y * p)
    return above / positive - (both - above) / (rows.total() - positive)
