"""Prior correction: probabilities for a population in which the event is rarer than in the rows.

Where events were sampled more often than others, or weighted up, only the intercept is off: by the
log odds of the share ȳ = Σsy/Σs that the fit saw, against those of the share τ in the population,

    b − log[ȳ (1 − τ) / ((1 − ȳ) τ)]

(King & Zeng, *Logistic regression in rare events data*, Polit. Anal. 9, 2001, eq. 7). Class weights
belong to s. The other coefficients stay, and so does the certificate: it is that of the fit.
"""

from __future__ import annotations

import math
from dataclasses import replace

from logloss.errors import DataError, UsageError
from logloss.record.fitted import Fitted
from logloss.record.proof import Status


def check_prior(prior: float | None, fit_intercept: bool = True) -> float | None:
    """A share in (0, 1), as float.

    Raises
    ------
    UsageError
        It is none; or there is no intercept that could be corrected.
    """
    if prior is None:
        return None
    try:
        share = float(prior)
    except (TypeError, ValueError):
        share = math.nan
    if isinstance(prior, bool) or not 0.0 < share < 1.0:
        raise UsageError(
            f"prior must lie between 0 and 1, not {prior!r}",
            "it is the share of the positive class in the population",
        )
    if not fit_intercept:
        raise UsageError(
            "prior corrects the intercept, and none is fitted", "leave out fit_intercept=False"
        )
    return share


def prior_shift(share: float, prior: float) -> float:
    """What to take off the intercept: log[ȳ (1 − τ) / ((1 − ȳ) τ)]."""
    return math.log(share) - math.log1p(-share) - math.log(prior) + math.log1p(-prior)


def uncorrected_intercept(fitted: Fitted) -> float:
    """The intercept as it was fitted."""
    prior = check_prior(fitted.request.prior)
    if prior is None:
        return fitted.intercept
    return fitted.intercept + prior_shift(fitted.positive_share, prior)


def with_prior(fitted: Fitted, prior: float | None) -> Fitted:
    """The record with its intercept corrected for a share in the population; None: as fitted.

    Raises
    ------
    UsageError
        The share does not lie between 0 and 1; no intercept was fitted; or there are no
        probabilities.
    """
    prior = check_prior(prior, fitted.request.fit_intercept)
    if fitted.certificate.status is Status.NO_LOSS:
        raise UsageError("the perceptron has no probabilities", Status.NO_LOSS.value)
    intercept = uncorrected_intercept(fitted)
    if prior is not None:
        if not 0.0 < fitted.positive_share < 1.0:
            raise DataError("the rows of the fit have one class only: no prior can correct that")
        intercept -= prior_shift(fitted.positive_share, prior)
    centers = fitted.centers and fitted.centers.shifted(intercept - fitted.intercept)
    request = replace(fitted.request, prior=prior)
    return replace(fitted, intercept=intercept, centers=centers, request=request)
