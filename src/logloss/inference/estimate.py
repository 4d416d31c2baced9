"""From a fit to its estimates: whether there are any, the polished point, and what sums up a fit.

With the weighted mean log losses L of the fit, L₀ of the null model (all coefficients 0 but the
intercept, where one is fitted; with the offset) and E of the labels themselves (0 for hard ones),
n = Σs (rows of weight for variance weights) and k coefficients:

    log-likelihood −Σs L,  deviance 2 Σs (L − E),  AIC 2 Σs L + 2k,  BIC 2 Σs L + k log n
    McFadden's R² = 1 − L/L₀ (1974);  Tjur's R² = mean p of positive − of negative rows (2009)
    likelihood ratio of the model: 2 Σs (L₀ − L) ~ χ² with k − 1 degrees of freedom
    (k without an intercept)
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import LoglossError, UsageError
from logloss.inference.covariance import first_to_last, masked, weights_named
from logloss.inference.optimum import polish, raw_combination, raw_matrix
from logloss.numerics.distributions import chi_squared
from logloss.record.estimates import INTERCEPT, Estimates
from logloss.record.proof import Status

if TYPE_CHECKING:
    from logloss.inference.covariance import Covariance
    from logloss.inference.optimum import Optimum
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted

Array = NDArray[np.float64]

MOST_COEFFICIENTS = 10_000  # of which a covariance can be formed: 0.8 GB
CHEAP = 500  # coefficients up to which it is a fraction of the fit
_NEAR = 0.1  # standard errors from which Newton's method finds the optimum at once

_PENALISED = (
    "a penalised or bounded fit has no p-values or standard errors: its estimates are biased"
    " towards the penalty by design, and the usual formulas do not know that"
)
_INSTEAD = (
    "fit again without a penalty and bounds, or take the spread over bootstrap samples of the rows;"
    " profile limits of a penalised fit are not valid either"
)
_SUSPECTED = (
    "the data look separated, which could not be decided: some estimates may be infinite, and have"
    " no standard errors"
)
_PROFILE = (
    "profile limits hold all the same: confidence_intervals(method='profile'); or add a penalty"
    " (such as C=1)"
)


def refusal(fitted: Fitted, evidence: Evidence | None) -> LoglossError | None:
    """Why there are no standard errors; None where there are."""
    status = fitted.certificate.status
    if status is Status.NO_LOSS:
        return UsageError("a perceptron has no likelihood, so no standard errors", status.value)
    if _is_penalised(fitted, evidence):
        return UsageError(_PENALISED, _INSTEAD)
    if status is Status.SEPARATED_SUSPECTED:
        return UsageError(_SUSPECTED, _PROFILE)
    if status is not Status.SEPARATED and not fitted.certificate.coefficient_error <= _NEAR:
        return UsageError(
            "the fit is not near enough to its optimum for standard errors",
            "go on from it: fit(..., start=model)",
        )
    if len(fitted.coefficients) > MOST_COEFFICIENTS:
        return UsageError(
            f"the covariance of {len(fitted.coefficients):,} coefficients is too large to form",
            f"fit {MOST_COEFFICIENTS:,} at most",
        )
    lost = evidence is None and fitted.estimates is None
    return no_data("standard errors") if lost else None


def _is_penalised(fitted: Fitted, evidence: Evidence | None) -> bool:
    """Penalised or bounded; what has estimates was found not to be."""
    if evidence is not None:
        return not evidence.objective.unpenalised
    return fitted.estimates is None and fitted.penalised


def no_data(what: str) -> UsageError:
    """The error of a model whose data is gone."""
    return UsageError(
        f"{what} need the data of the fit, which a model that was loaded, unpickled or copied does"
        " not hold",
        "model.attach(table) brings it back",
    )


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


@final
@dataclass(frozen=True)
class Statistics:
    """What sums up a fit; NaN where the weights have no likelihood.

    Attributes
    ----------
    log_likelihood, deviance, null_deviance, aic, bic, mcfadden : float
    tjur : float
    lr, lr_p : float
        Likelihood ratio of the model against the null model, and its p-value.
    lr_df : int
    n : float
        What counts as the number of rows.
    parameters : int
        Those that are estimable.
    """

    log_likelihood: float
    deviance: float
    null_deviance: float
    aic: float
    bic: float
    mcfadden: float
    tjur: float
    lr: float
    lr_df: int
    lr_p: float
    n: float
    parameters: int

    def to_json(self) -> dict[str, float | int | None]:
        """By name; what is not known is None."""
        return {name: x if math.isfinite(x) else None for name, x in asdict(self).items()}


def statistics_of(fitted: Fitted, estimates: Estimates, weights: str) -> Statistics:
    """Log-likelihood, deviance, AIC and the like."""
    meaning, e = weights_named(weights), estimates
    total = fitted.weight_sum if meaning.likelihood else math.nan
    n = fitted.weight_sum if meaning.counts else float(e.weighted_rows)
    twice, df = 2.0 * total * e.loss, e.rank - e.intercept
    ratio = max(0.0, 2.0 * total * (e.null_loss - e.loss)) if meaning.likelihood else math.nan
    return Statistics(
        log_likelihood=-total * e.loss,
        deviance=2.0 * total * (e.loss - e.entropy),
        null_deviance=2.0 * total * (e.null_loss - e.entropy),
        aic=twice + 2.0 * e.rank,
        bic=twice + e.rank * math.log(n),
        mcfadden=1.0 - e.loss / e.null_loss if meaning.likelihood and e.null_loss else math.nan,
        tjur=e.tjur,
        lr=ratio,
        lr_df=df,
        lr_p=chi_squared(ratio, df),
        n=n,
        parameters=e.rank,
    )


def freedom_of(fitted: Fitted, estimates: Estimates, covariance: Covariance) -> float:
    """Degrees of freedom of Student's t: clusters less one, else n − k."""
    if covariance.clusters is not None:
        return covariance.clusters - 1.0
    return statistics_of(fitted, estimates, covariance.weights).n - estimates.rank
