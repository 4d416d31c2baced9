"""The figures of a summary."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from logloss.errors import counted
from logloss.inference.confidence import wald
from logloss.inference.covariance import weights_named
from logloss.inference.statistics import Statistics, freedom_of, statistics_of
from logloss.numerics.distributions import NORMAL, Reference
from logloss.record.estimates import Estimates, Findings

if TYPE_CHECKING:
    from logloss.inference.covariance import Covariance
    from logloss.record.fitted import Fitted

Array = NDArray[np.float64]

_FEW = 20  # clusters
_MANY = 20.0  # rows that a row stands for on average
_CROWDED = 0.1  # coefficients per row from which the usual limits mislead

_WORDS = {
    "hessian": "from the Hessian",
    "HC0": "robust, HC0",
    "HC1": "robust, HC1",
    "cluster": "robust, by cluster",
}


def findings_of(
    fitted: Fitted,
    estimates: Estimates,
    covariance: Covariance,
    level: float,
    reference: Reference = NORMAL,
) -> Findings:
    """Estimates, standard errors, z, p and Wald limits."""
    errors = covariance.standard_errors
    with np.errstate(divide="ignore", invalid="ignore"):
        z = estimates.values / errors
    freedom = freedom_of(fitted, estimates, covariance)
    lower, upper = wald(estimates.values, errors, reference.quantile(level, freedom))
    statistics = statistics_of(fitted, estimates, covariance.weights)
    weighted = f", {covariance.weights} weights" if fitted.weighted else ""
    return Findings(
        names=estimates.names,
        estimate=estimates.values,
        standard_error=errors,
        z=z,
        p_value=np.array([reference.tail(one, freedom) for one in z.tolist()]),
        lower=lower,
        upper=upper,
        level=level,
        covariance=_words(covariance) + weighted + _student(reference, freedom),
        statistics=statistics.to_json(),
        aliases=estimates.aliases,
        notes=(
            *_many_counted(fitted, estimates, covariance),
            *_few_clusters(covariance, estimates, reference),
            *_notes(statistics),
        ),
        infinite=() if fitted.separation is None else tuple(fitted.separation.columns),
    )


def _words(covariance: Covariance) -> str:
    words = _WORDS[covariance.kind]
    return words if covariance.clusters is None else f"{words} ({covariance.clusters:,} of them)"


def _freedom(n: float) -> str:
    return f"{counted(n, 'degree')} of freedom"


def _student(reference: Reference, freedom: float) -> str:
    return f", Student's t with {_freedom(freedom)}" if reference.freedom else ""


def _many_counted(fitted: Fitted, estimates: Estimates, covariance: Covariance) -> tuple[str, ...]:
    """Whole numbers may be a survey's weights all the same: they are large then."""
    each = fitted.weight_sum / max(estimates.weighted_rows, 1)
    taken = fitted.weighting.guessed and fitted.weights is not None
    if not taken or each < _MANY or not weights_named(covariance.weights).counts:
        return ()
    note = (
        f"each row stands for {each:,.6g} equal ones on average, as the weights are whole numbers."
        " If they are a survey's, standard errors are far too small: say"
        " weights_are='sampling' (--weights-are sampling)."
    )
    return (note,)


def _few_clusters(
    covariance: Covariance, estimates: Estimates, reference: Reference
) -> tuple[str, ...]:
    """What few clusters do to standard errors."""
    n = covariance.clusters
    if n is None or n >= _FEW:
        return ()
    few = (
        f"{n} clusters are few: below about {_FEW} robust standard errors are too small on average"
        " (Cameron and Miller, J. Hum. Resour. 50, 2015)."
    )
    notes, freedom = [few], _freedom(n - 1)
    if not reference.freedom:
        notes.append(
            f"p and limits by Student's t with {freedom} are nearer:"
            " distribution='t' (--distribution t)."
        )
    if n <= estimates.rank:
        notes.append(
            f"So few clusters span {counted(n - 1, 'direction')} only, of"
            f" {counted(estimates.rank, 'coefficient')}: some standard errors may"
            " be far too small, and tests of several together mean nothing."
        )
    return (" ".join(notes),)


def with_shift(
    found: Findings, shift: float, prior: float | None, tail: Callable[[float], float]
) -> Findings:
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
    p[0] = tail(float(z[0]))
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
        f"{counted(statistics.parameters, 'coefficient')} on {counted(statistics.n, 'row')},"
        f" a share of {share:.2g}: above about 0.1 maximum likelihood overstates effects, and these"
        " standard errors and p-values are too small (Sur and Candès, PNAS 116, 2019). Take"
        " fewer columns, or a penalty chosen by cross-validation."
    )
    return (note,)
