"""Confidence limits of the coefficients: Wald's, β̂_j ± z SE_j, or by the profile likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from logloss.checks import confidence, one_of
from logloss.errors import UsageError
from logloss.inference.chosen_covariance import covariance
from logloss.inference.kinds import EstimateKind
from logloss.inference.likelihoods import suspected_profile
from logloss.inference.statistics import freedom_of
from logloss.numerics.distributions import NORMAL, REFERENCES, Reference
from logloss.record.proof import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from logloss.inference.results import Results

    Array = NDArray[np.float64]

_USUAL = {
    EstimateKind.MAXIMUM: "wald",
    EstimateKind.SEPARATED: "profile",
    EstimateKind.FIRTH: "profile",
}


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """Which limits are asked for; the fields are the options of `Model.confidence_intervals`."""

    level: float
    covariance: str | None
    groups: Any
    weights: str | None
    reference: Reference

    @property
    def robust(self) -> bool:
        """A covariance of their own is asked for."""
        return self.covariance is not None or self.groups is not None


def confidence_intervals(
    results: Results,
    level: float,
    method: str | None,
    *,
    covariance: str | None,
    groups: Any,
    weights: str | None,
    distribution: str,
) -> Any:
    """See `Model.confidence_intervals`."""
    if method is None:
        robust = covariance is not None or groups is not None
        students = REFERENCES.get(distribution, NORMAL).freedom
        method = "wald" if robust or students else _USUAL[results.kind()]
    limits = one_of("method", method, METHODS)
    reference = one_of("distribution", distribution, REFERENCES)
    return limits(results, Asked(confidence(level), covariance, groups, weights, reference))


def _wald(results: Results, asked: Asked) -> Any:
    estimates = results.estimates()
    found = covariance(results, asked.covariance, asked.groups, asked.weights)
    values = results.corrected(estimates.values)
    width = asked.reference.quantile(asked.level, freedom_of(results.fitted, estimates, found))
    return limits_table(estimates.names, values, wald(values, found.standard_errors, width))


def _profile(results: Results, asked: Asked) -> Any:
    if asked.robust or asked.reference.freedom:
        raise UsageError(
            "profile limits follow the likelihood: they have no robust covariance, and no"
            " Student's t",
            "take method='wald'",
        )
    results.check_likelihood("profile limits", "take method='wald'", asked.weights)
    e = results.evidence
    if e is not None and e.objective.unpenalised and _is_suspected(results):
        names, values, limits = suspected_profile(e, asked.level)
    else:
        likelihood, estimates = results.likelihood("profile limits"), results.estimates()
        names, values = estimates.names, estimates.values
        limits = likelihood.profile(asked.level)
    lower, upper = map(results.corrected, limits)
    return limits_table(names, results.corrected(values), (lower, upper))


def _is_suspected(results: Results) -> bool:
    """Separation that could not be decided."""
    return results.fitted.certificate.status is Status.SEPARATED_SUSPECTED


METHODS: Mapping[str, Callable[[Results, Asked], Any]] = {"wald": _wald, "profile": _profile}


def wald(values: Array, errors: Array, width: float) -> tuple[Array, Array]:
    """Lower and upper limits, `width` standard errors away."""
    return values - width * errors, values + width * errors


def limits_table(names: tuple[str, ...], values: Array, limits: tuple[Array, Array]) -> Any:
    """A pyarrow.Table of name, estimate, lower, upper; null where aliased."""
    import pyarrow as pa

    parts = {"estimate": values, "lower": limits[0], "upper": limits[1]}
    columns = {name: pa.array(part, pa.float64(), from_pandas=True) for name, part in parts.items()}
    return pa.table({"name": pa.array(names, pa.string()), **columns})
