"""Which covariance the estimates have: the kind that is asked for, or that of the fit."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from logloss.errors import DataError, UsageError
from logloss.inference.covariance import (
    NO_ROBUST,
    NO_VARIANCE_WEIGHTS,
    Covariance,
    is_robust,
    kind_named,
    robust_covariance,
    weights_named,
)
from logloss.record.estimates import Robust

if TYPE_CHECKING:
    from logloss.inference.results import Results
    from logloss.record.fitted import Fitted


@final
@dataclass(frozen=True, eq=False)
class Choice:
    """Kind of covariance, groups of rows, and what weights mean."""

    kind: str
    groups: Any
    weights: str


def choice(results: Results, kind: str | None, groups: Any, weights: str | None) -> Choice:
    """What is asked for; where nothing is, as in the fit."""
    means = results.meaning(weights)
    chosen = results.fitted.request.covariance
    if chosen is not None and kind in (None, chosen) and groups is None and weights is None:
        there = None if results.evidence is None else results.evidence.groups
        return Choice(chosen, there, means)
    return Choice(kind_named(kind, groups, means), groups, means)


def covariance(results: Results, kind: str | None, groups: Any, weights: str | None) -> Covariance:
    """See `Model.covariance`."""
    chosen, usual = choice(results, kind, groups, weights), choice(results, None, None, None)
    same = (chosen.kind, chosen.weights) == (usual.kind, usual.weights)
    if same and _are_usual(results, groups):
        return usual_covariance(results)
    if not is_robust(chosen.kind):
        return _inverse_information(results, chosen)
    results.estimates()
    results.check(NO_ROBUST)
    return _robust(results, chosen, f"kind={chosen.kind!r} and groups")


def usual_covariance(results: Results) -> Covariance:
    """What was asked for in the fit, or goes with its weights; found once, and kept."""
    chosen, estimates = choice(results, None, None, None), results.estimates()
    if not is_robust(chosen.kind):
        return _inverse_information(results, chosen)
    results.check(NO_ROBUST)
    kept = estimates.robust
    if kept is None or (kept.kind, kept.weights) != (chosen.kind, chosen.weights):
        found = _robust(results, chosen, f"{chosen.kind} covariances")
        kept = Robust(chosen.kind, chosen.weights, found.matrix, found.clusters)
        results.keep_robust(kept)
    return Covariance(estimates.names, kept.matrix, kept.kind, kept.weights, kept.clusters)


def whole_record(results: Results) -> Fitted:
    """The record with the estimates, where they are allowed and cheap to find."""
    there = results.evidence is not None and results.is_small()
    if there and results.refusal() is None:
        with contextlib.suppress(DataError, UsageError):  # then the record has none
            results.estimates()
            usual_covariance(results)
    return results.marked()


def _inverse_information(results: Results, chosen: Choice) -> Covariance:
    estimates = results.estimates()
    if not weights_named(chosen.weights).counts:
        results.check(NO_VARIANCE_WEIGHTS)
    return Covariance(estimates.names, estimates.covariance, chosen.kind, chosen.weights)


def _robust(results: Results, chosen: Choice, what: str) -> Covariance:
    likelihood, names = results.likelihood(what), results.estimates().names
    assert results.evidence is not None
    return robust_covariance(
        results.evidence, likelihood.optimum, names, chosen.kind, chosen.groups, chosen.weights
    )


def _are_usual(results: Results, groups: Any) -> bool:
    """Whether groups are those of the fit: none, or the column that was named there."""
    if isinstance(groups, str):
        return bool(groups == results.fitted.request.roles.groups)
    return groups is None
