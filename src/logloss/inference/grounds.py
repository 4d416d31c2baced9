"""What the answers about a fit rest on: its maximum, the limit of a separated one, or Firth's.

Maximum    the polished optimum; everything is there
Limit      separated data: some estimates are infinite, and the others those of the fit to the
           rows that are not told apart (Geyer 2009; limit.py), with its covariance. Likelihood
           ratios compare suprema, which are finite, so profile limits and tests hold; Wald's,
           effects and robust covariances do not, where something infinite comes in
Firth      the inverse information at Firth's estimate; profile limits and tests are those of
           the penalised likelihood (penalised.py). Weights are frequencies
Suspected  separation that could not be decided: profile limits only
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.inference import penalised
from logloss.inference.covariance import (
    Covariance,
    clusters_of,
    groups_of,
    masked,
    raw_covariance,
)
from logloss.inference.estimate import estimates_of, optimum_of, shown_names
from logloss.inference.intervals import profile_limits
from logloss.inference.optimum import Optimum, at_null, standing, unpolished
from logloss.inference.terms import Tested
from logloss.inference.tests import TermTest, likelihood_ratio_tests, tested
from logloss.record.estimates import Estimates, Findings

if TYPE_CHECKING:
    from logloss.firth.firth import Point
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted
    from logloss.record.separation import Separation

Array = NDArray[np.float64]
Terms = Sequence[Tested]
Refusal = tuple[str, str]

_LITTLE = 1e7  # rows · coefficients³ up to which a summary of Firth's estimate has profile limits

_INFINITE = "the data are separated, and some estimates are infinite: "
_INFINITE_INSTEAD = "firth=True or a penalty (l2=1e-3) makes all of them finite"


class Maximum:
    """A fit that has its maximum.

    The `no_…` say why something is refused, and what to do instead; None: it is not.
    """

    limits: ClassVar[str] = "wald"
    no_robust: ClassVar[Refusal | None] = None
    no_variance_weights: ClassVar[Refusal | None] = None
    no_wald_tests: ClassVar[Refusal | None] = None
    no_functions: ClassVar[Refusal | None] = None
    no_comparison: ClassVar[Refusal | None] = None

    def __init__(self, evidence: Evidence, fitted: Fitted) -> None:
        self.evidence = evidence
        self.fitted = fitted

    @cached_property
    def optimum(self) -> Optimum:
        """The point, and the curvature there."""
        return optimum_of(self.evidence)

    def estimates(self) -> Estimates:
        """For the record."""
        return estimates_of(self.evidence, self.optimum)

    def covariance(
        self, names: tuple[str, ...], kind: str, groups: Any, weights: str
    ) -> Covariance:
        """As it is shown; NaN for aliases."""
        found = None if groups is None else groups_of(groups, self.evidence)
        raw = raw_covariance(self.evidence, self.optimum, kind, found, weights)
        clusters = None if found is None else clusters_of(found, self.evidence)
        return Covariance(names, masked(raw, self.optimum), kind, weights, clusters)

    def profile(self, level: float) -> tuple[Array, Array]:
        """Limits by the likelihood ratio, the intercept first."""
        return profile_limits(self.optimum, level)

    def ratio_tests(self, terms: Terms) -> list[TermTest]:
        """Each term by the likelihood ratio."""
        return likelihood_ratio_tests(self.optimum, self.evidence.names, terms)

    @staticmethod
    def finished(found: Findings, ground: Maximum | None) -> Findings:  # noqa: ARG004
        """The findings of a summary for which no covariance was asked."""
        return found


class Limit(Maximum):
    """Separated data."""

    limits = "profile"
    no_robust = (_INFINITE + "there is no robust covariance", _INFINITE_INSTEAD)
    no_wald_tests = (
        _INFINITE + "Wald tests do not hold",
        "likelihood ratios do: test(method='lr')",
    )
    no_functions = (_INFINITE + "there are no effects or functions of them", _INFINITE_INSTEAD)

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
        e = self.evidence
        return unpolished(e.objective.until(math.inf), e.coordinates, e.beta, self.separation.loss)

    def estimates(self) -> Estimates:
        found = self.separation
        rough = estimates_of(self.evidence, self.optimum)
        values = np.array([found.estimates[name] for name in rough.names])
        covariance = np.full((len(values), len(values)), math.nan)
        if found.covariance is not None:
            covariance = found.covariance
        return replace(rough, values=values, covariance=covariance)

    def profile(self, level: float) -> tuple[Array, Array]:
        return profile_limits(self.optimum, level, apart=True)

    @staticmethod
    def finished(found: Findings, ground: Maximum | None) -> Findings:  # noqa: ARG004
        return replace(found, covariance=f"{found.covariance}, of the rows that are not told apart")

    def ratio_tests(self, terms: Terms) -> list[TermTest]:
        # what the point far away has lost tells coefficients apart at the intercept alone
        return likelihood_ratio_tests(at_null(self.optimum), self.evidence.names, terms)


class Suspected(Limit):
    """Separated, as it looks: the last point of the fit stands for the limit."""

    @cached_property
    def optimum(self) -> Optimum:
        e = self.evidence
        return unpolished(e.objective.until(math.inf), e.coordinates, e.beta)

    def values(self) -> tuple[tuple[str, ...], Array]:
        """Names and coefficients, the intercept first."""
        e = self.evidence
        coef, intercept = e.coordinates.raw(e.beta)
        return shown_names(e), np.append(intercept, coef) if e.intercept else coef


class Firth(Maximum):
    """Firth's estimate."""

    limits = "profile"
    no_robust = (
        "Firth's penalty has the usual variance: no robust covariance, and frequency weights only",
        "take the usual covariance, or fit without firth=True",
    )
    no_variance_weights = no_robust
    no_comparison = (
        "the likelihoods of Firth fits do not compare: each has a penalty of its own",
        "test the columns in which they differ: test([...])",
    )

    @cached_property
    def point(self) -> Point:
        """Firth's estimate, to rounding."""
        return penalised.optimum_of(self.evidence)

    @cached_property
    def optimum(self) -> Optimum:
        e = self.evidence
        return standing(e.objective.until(math.inf), e.coordinates, self.point.beta)

    def profile(self, level: float) -> tuple[Array, Array]:
        found = penalised.limits(self.evidence, level, self.point)
        return np.array(found.lower), np.array(found.upper)

    def ratio_tests(self, terms: Terms) -> list[TermTest]:
        return [tested(term, self._fall) for term in terms]

    def _fall(self, names: tuple[str, ...]) -> tuple[float, int]:
        statistic, df, _ = penalised.joint_test(self.evidence, names, self.point)
        return statistic, df

    def _joint(self, term: str, names: tuple[str, ...]) -> TermTest:
        return tested(Tested(term, names), self._fall)

    @staticmethod
    def finished(found: Findings, ground: Maximum | None) -> Findings:
        """p and limits by the penalised likelihood where that is little work, else without."""
        nothing = np.full(len(found.names), math.nan)
        plain = replace(
            found,
            z=nothing,
            p_value=nothing,
            lower=nothing,
            upper=nothing,
            covariance="from the information",
            statistics={**found.statistics, "aic": None, "bic": None, "lr": None, "lr_p": None},
            notes=(*found.notes, _FIRTH_ASK),
        )
        if not isinstance(ground, Firth):
            return plain
        if ground.evidence.design.n_rows * len(found.names) ** 3 > _LITTLE:
            return plain
        limits = penalised.limits(ground.evidence, found.level, ground.point)
        whole = ground._joint("", ground.evidence.names)
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


_FIRTH_ASK = (
    "p-values and limits of Firth's estimate follow the penalised likelihood, at many reads of the"
    " data: test() and confidence_intervals() find them"
)
