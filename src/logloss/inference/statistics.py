"""What sums up a fit: log-likelihood, deviance, information criteria, R², degrees of freedom.

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

from logloss.inference.covariance import weights_named
from logloss.numerics.distributions import chi_squared

if TYPE_CHECKING:
    from logloss.inference.covariance import Covariance
    from logloss.record.estimates import Estimates
    from logloss.record.fitted import Fitted


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
