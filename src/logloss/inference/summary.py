"""The figures of a summary, or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logloss.checks import confidence, one_of
from logloss.errors import DataError, LoglossError, UsageError
from logloss.inference.chosen_covariance import covariance
from logloss.inference.findings import findings_of, with_shift
from logloss.inference.likelihoods import WITHOUT_DATA
from logloss.inference.statistics import freedom_of
from logloss.numerics.distributions import REFERENCES
from logloss.record.estimates import Findings

if TYPE_CHECKING:
    from logloss.inference.results import Results

_MOST_UNASKED = 2000  # coefficients


def summarise(
    results: Results,
    kind: str | None,
    groups: Any,
    weights: str | None,
    level: float,
    distribution: str,
) -> tuple[Findings | None, LoglossError | None]:
    """The figures; or why there are none, where no covariance was asked for."""
    level, reference = confidence(level), one_of("distribution", distribution, REFERENCES)
    asked = kind is not None or groups is not None
    reason = results.refusal() or (None if asked else _is_long(results))
    if reason is not None:
        if asked:
            raise reason
        return None, reason
    try:
        found = covariance(results, kind, groups, weights)
    except (DataError, UsageError) as error:
        if asked:
            raise
        return None, error
    figures = findings_of(results.fitted, results.estimates(), found, level, reference)
    if not asked:
        figures = _by_kind(results, figures)
    freedom = freedom_of(results.fitted, results.estimates(), found)
    prior = results.fitted.request.prior
    shift = results.prior_shift
    return with_shift(figures, shift, prior, lambda z: reference.tail(z, freedom)), None


def _is_long(results: Results) -> UsageError | None:
    """Not without being asked: it takes a while."""
    if results.fitted.estimates is not None or results.is_small(_MOST_UNASKED):
        return None
    return UsageError(
        "standard errors of so many coefficients take a while",
        "ask for them: summary(covariance='hessian')",
    )


def _by_kind(results: Results, figures: Findings) -> Findings:
    """With p-values and limits that suit the kind of estimate."""
    if results.evidence is None:
        return WITHOUT_DATA[results.kind()](figures)
    return results.likelihood("limits").summarised(figures)
