"""Functions of the coefficients with their standard errors: marginal effects, the delta method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from logloss.checks import confidence, one_of
from logloss.inference.chosen_covariance import choice, covariance
from logloss.inference.covariance import NO_ROBUST, is_robust, raw_covariance
from logloss.inference.effects import AT, delta_method, effects_of, effects_table
from logloss.inference.kinds import INFINITE, MAKE_FINITE, EstimateKind, Refusal, Refusals

if TYPE_CHECKING:
    from logloss.inference.results import Results

NO_FUNCTIONS: Refusals = {
    EstimateKind.SEPARATED: Refusal(
        INFINITE + "there are no effects or functions of them", MAKE_FINITE
    )
}


def marginal_effects(
    results: Results,
    at: str,
    level: float,
    kind: str | None,
    groups: Any,
    weights: str | None,
) -> Any:
    """See `Model.marginal_effects`."""
    where = one_of("at", at, AT)
    likelihood = results.likelihood("marginal effects")
    results.check(NO_FUNCTIONS)
    chosen = choice(results, kind, groups, weights)
    if is_robust(chosen.kind):
        results.check(NO_ROBUST)
    optimum, evidence = likelihood.optimum, results.evidence
    assert evidence is not None
    matrix = raw_covariance(evidence, optimum, chosen.kind, chosen.groups, chosen.weights)
    found = effects_of(where, evidence, optimum, results.fitted.schema)
    return effects_table(found, matrix, confidence(level))


def function_of_coefficients(
    results: Results,
    function: Callable[[Mapping[str, float]], float],
    kind: str | None,
    groups: Any,
    weights: str | None,
) -> tuple[float, float]:
    """See `Model.delta_method`."""
    e, found = results.estimates(), covariance(results, kind, groups, weights)
    results.check(NO_FUNCTIONS)
    return delta_method(function, e.names, results.corrected(e.values), found.matrix)
