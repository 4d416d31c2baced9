"""How each kind of estimate is inferred from: its optimum, estimates, profile limits and tests.

MaximumLikelihood    the polished optimum
SeparatedLikelihood  some estimates are infinite, and the others those of the fit to the rows that
                     are not separated (Geyer 2009; existence/limit.py), with its covariance.
                     Likelihood ratios compare suprema, which are finite, so profile limits and
                     tests hold; Wald's, effects and robust covariances do not
FirthLikelihood      the inverse information at Firth's estimate; profile limits and tests are those
                     of the penalised likelihood (penalised.py). Weights are frequencies
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.inference import penalised
from logloss.inference.estimate import estimates_of, optimum_of, shown_names
from logloss.inference.kinds import EstimateKind
from logloss.inference.optimum import Optimum, at_null, optimum_at, unpolished
from logloss.inference.profile_limits import profile_limits
from logloss.inference.term_tests import TermTest, likelihood_ratio_tests, tested
from logloss.inference.terms import Hypothesis
from logloss.record.estimates import Estimates, Findings

if TYPE_CHECKING:
    from logloss.firth.firth import Point
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted
    from logloss.record.separation import Separation

Array = NDArray[np.float64]
Terms = Sequence[Hypothesis]

_LITTLE = 1e7  # rows · coefficients³ up to which a summary of Firth's estimate has profile limits
_FIRTH_ASK = (
    "p-values and limits of Firth's estimate follow the penalised likelihood, at many reads of the"
    " data: test() and confidence_intervals() find them"
)


class FittedLikelihood(Protocol):
    """What a kind of estimate answers, from the evidence of a fit."""

    @property
    def optimum(self) -> Optimum:
        """The point, and the curvature there."""
        ...

    def estimates(self) -> Estimates:
        """What the record keeps."""
        ...

    def profile(self, level: float) -> tuple[Array, Array]:
        """Limits by the likelihood ratio, the intercept first."""
        ...

    def ratio_tests(self, terms: Terms) -> list[TermTest]:
        """Each term by the likelihood ratio."""
        ...

    def summarised(self, found: Findings) -> Findings:
        """The findings of a summary for which no covariance was asked."""
        ...


@final
class MaximumLikelihood:
    """A fit that has its maximum."""

    def __init__(self, evidence: Evidence, fitted: Fitted) -> None:  # noqa: ARG002
        self.evidence = evidence

    @cached_property
    def optimum(self) -> Optimum:
        return optimum_of(self.evidence)

    def estimates(self) -> Estimates:
        return estimates_of(self.evidence, self.optimum)

    def profile(self, level: float) -> tuple[Array, Array]:
        return profile_limits(self.optimum, level)

    def ratio_tests(self, terms: Terms) -> list[TermTest]:
        return likelihood_ratio_tests(self.optimum, self.evidence.names, terms)

    def summarised(self, found: Findings) -> Findings:
        return found


@final
class SeparatedLikelihood:
    """Separated data."""

    def __init__(self, evidence: Evidence, fitted: Fitted) -> None:
        self.evidence = evidence
        self.fitted = fitted

    @cached_property
    def separation(self) -> Separation:
        """With the covariance of what is finite, which files do not hold."""
        found = self.fitted.separation
        if found is None or found.covariance is None:
            from logloss.existence.separation import decide

            found = decide(self.evidence, near=True)
            if found.exists is not False:
                raise DataError(
                    "the model says that its data are separated, and the data are not",
                    "the model file was changed; fit again",
                )
        return found

    @cached_property
    def optimum(self) -> Optimum:
        """Far along the direction; its loss is the infimum."""
        return _at_infinity(self.evidence, self.separation.loss)

    def estimates(self) -> Estimates:
        found = self.separation
        rough = estimates_of(self.evidence, self.optimum)
        values = np.array([found.estimates[name] for name in rough.names])
        covariance = np.full((len(values), len(values)), math.nan)
        if found.covariance is not None:
            covariance = found.covariance.copy()
        aliased = [rough.names.index(name) for name in rough.aliases]
        gone = [j for j in aliased if math.isfinite(values[j])]  # known as such on all rows only
        values[gone] = covariance[gone] = covariance[:, gone] = math.nan
        return replace(rough, values=values, covariance=covariance)

    def profile(self, level: float) -> tuple[Array, Array]:
        return profile_limits(self.optimum, level, separated=True)

    def ratio_tests(self, terms: Terms) -> list[TermTest]:
        # at the point far away no curvature is left: only the intercept alone has one
        return likelihood_ratio_tests(at_null(self.optimum), self.evidence.names, terms)

    def summarised(self, found: Findings) -> Findings:
        return _of_separated(found)


@final
class FirthLikelihood:
    """Firth's estimate."""

    def __init__(self, evidence: Evidence, fitted: Fitted) -> None:  # noqa: ARG002
        self.evidence = evidence

    @cached_property
    def point(self) -> Point:
        """Firth's estimate, to rounding."""
        return penalised.optimum_of(self.evidence)

    @cached_property
    def optimum(self) -> Optimum:
        e = self.evidence
        return optimum_at(e.objective.until(math.inf), e.coordinates, self.point.beta)

    def estimates(self) -> Estimates:
        return estimates_of(self.evidence, self.optimum)

    def profile(self, level: float) -> tuple[Array, Array]:
        found = penalised.limits(self.evidence, level, self.point)
        return np.array(found.lower), np.array(found.upper)

    def ratio_tests(self, terms: Terms) -> list[TermTest]:
        return [tested(term, self._fall) for term in terms]

    def summarised(self, found: Findings) -> Findings:
        """p and limits by the penalised likelihood where that is little work, else without."""
        if self.evidence.objective.n_rows * len(found.names) ** 3 > _LITTLE:
            return _of_firth(found)
        limits = penalised.limits(self.evidence, found.level, self.point)
        whole = tested(Hypothesis("", self.evidence.names), self._fall)
        plain = _of_firth(found)
        return replace(
            plain,
            p_value=np.array(limits.p_value),
            lower=np.array(limits.lower),
            upper=np.array(limits.upper),
            covariance="from the information; p and limits by the penalised likelihood ratio",
            statistics={
                **plain.statistics,
                "lr": whole.statistic,
                "lr_df": whole.df,
                "lr_p": None if math.isnan(whole.p_value) else whole.p_value,
            },
            notes=found.notes,
        )

    def _fall(self, names: tuple[str, ...]) -> tuple[float, int]:
        statistic, df, _ = penalised.joint_test(self.evidence, names, self.point)
        return statistic, df


LIKELIHOODS: Mapping[EstimateKind, Callable[[Evidence, Fitted], FittedLikelihood]] = {
    EstimateKind.MAXIMUM: MaximumLikelihood,
    EstimateKind.SEPARATED: SeparatedLikelihood,
    EstimateKind.FIRTH: FirthLikelihood,
}


def suspected_profile(
    evidence: Evidence, level: float
) -> tuple[tuple[str, ...], Array, tuple[Array, Array]]:
    """Names, coefficients and profile limits where separation could not be decided.

    The last point of the fit stands for the limit. The intercept is first.
    """
    coef, intercept = evidence.coordinates.raw(evidence.beta)
    values = np.append(intercept, coef) if evidence.intercept else coef
    limits = profile_limits(_at_infinity(evidence, None), level, separated=True)
    return shown_names(evidence), values, limits


def _at_infinity(evidence: Evidence, infimum: float | None) -> Optimum:
    objective = evidence.objective.until(math.inf)
    return unpolished(objective, evidence.coordinates, evidence.beta, infimum)


def _of_separated(found: Findings) -> Findings:
    return replace(found, covariance=f"{found.covariance}, of the rows that are not separated")


def _of_firth(found: Findings) -> Findings:
    """Without what follows the penalised likelihood."""
    nothing = np.full(len(found.names), math.nan)
    return replace(
        found,
        z=nothing,
        p_value=nothing,
        lower=nothing,
        upper=nothing,
        covariance="from the information",
        statistics={**found.statistics, "aic": None, "bic": None, "lr": None, "lr_p": None},
        notes=(*found.notes, _FIRTH_ASK),
    )


def _same(found: Findings) -> Findings:
    return found


WITHOUT_DATA: Mapping[EstimateKind, Callable[[Findings], Findings]] = {
    EstimateKind.MAXIMUM: _same,
    EstimateKind.SEPARATED: _of_separated,
    EstimateKind.FIRTH: _of_firth,
}
"""What `summarised` says of a model whose data is gone."""
