"""The figures of a summary."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from logloss.estimates import Estimates, Findings
from logloss.inference.distributions import two_sided
from logloss.inference.estimate import Statistics, statistics_of
from logloss.inference.intervals import wald

if TYPE_CHECKING:
    from logloss.fitted import Fitted
    from logloss.inference.covariance import Covariance

Array = NDArray[np.float64]

_CROWDED = 0.1  # coefficients per row from which the usual limits mislead

_WORDS = {
    "hessian": "from the Hessian",
    "HC0": "robust, HC0",
    "HC1": "robust, HC1",
    "cluster": "robust, by cluster",
}


def findings_of(
    fitted: Fitted, estimates: Estimates, covariance: Covariance, level: float
) -> Findings:
    """Estimates, standard errors, z, p and Wald limits."""
    errors = covariance.standard_errors
    with np.errstate(divide="ignore", invalid="ignore"):
        z = estimates.values / errors
    lower, upper = wald(estimates.values, errors, level)
    statistics = statistics_of(fitted, estimates, covariance.weights)
    weighted = f", {covariance.weights} weights" if fitted.weighted else ""
    return Findings(
        names=estimates.names,
        estimate=estimates.values,
        standard_error=errors,
        z=z,
        p_value=np.array([two_sided(one) for one in z.tolist()]),
        lower=lower,
        upper=upper,
        level=level,
        covariance=_WORDS[covariance.kind] + weighted,
        statistics=statistics.to_json(),
        aliases=estimates.aliases,
        notes=_notes(statistics),
        endless=() if fitted.separation is None else tuple(fitted.separation.columns),
    )


def with_shift(found: Findings, shift: float, prior: float | None) -> Findings:
    """The same with the intercept, the first row, corrected for a prior."""
    if prior is None:
        return found

    def moved(values: Array) -> Array:
        out = values.copy()
        out[0] += shift
        return out

    z, p = found.z.copy(), found.p_value.copy()
    if not math.isnan(z[0]):
        z[0] = (found.estimate[0] + shift) / found.standard_error[0]
    p[0] = two_sided(float(z[0]))
    note = (
        f"the intercept and its limits are corrected for a share of {prior:g} in the population:"
        f" {shift:+.6g} (King and Zeng, Polit. Anal. 9, 2001). Its standard error is that of the"
        " fit."
    )
    return replace(
        found,
        estimate=moved(found.estimate),
        lower=moved(found.lower),
        upper=moved(found.upper),
        z=z,
        p_value=p,
        notes=(*found.notes, note),
    )


def _notes(statistics: Statistics) -> tuple[str, ...]:
    share = statistics.parameters / statistics.n
    if not share > _CROWDED:
        return ()
    note = (
        f"{statistics.parameters:,} coefficients on {statistics.n:,.6g} rows, a share of"
        f" {share:.2g}: above about 0.1 maximum likelihood overstates effects, and these standard"
        " errors and p-values are too small (Sur and Candès, PNAS 116, 2019). Take fewer columns,"
        " or a penalty chosen by cross-validation."
    )
    return (note,)
