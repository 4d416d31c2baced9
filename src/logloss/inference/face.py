"""What a Model says about its coefficients: the methods, over the record and the evidence."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logloss.certificate import Status
from logloss.checks import confidence, one_of
from logloss.errors import DataError, LoglossError, UsageError
from logloss.estimates import Estimates, Findings
from logloss.inference import tests
from logloss.inference.covariance import (
    Covariance,
    kind_named,
    masked,
    raw_covariance,
    weights_named,
)
from logloss.inference.effects import AT, delta_method, effects, effects_table
from logloss.inference.estimate import (
    CHEAP,
    estimates_of,
    no_data,
    optimum_of,
    refusal,
    shown_names,
)
from logloss.inference.findings import findings_of
from logloss.inference.intervals import limits_table, profile_limits, wald
from logloss.inference.optimum import Optimum, unpolished

if TYPE_CHECKING:
    from logloss.evidence import Evidence
    from logloss.fitted import Fitted
    from logloss.verdict import Separation


class InferenceFace:
    """Standard errors, limits, tests and effects of a fit without a penalty.

    The first of them to be asked for polishes the fit, at two reads of the data or a few. What is
    then known of the estimates and their covariance is in the record, and saved with it.
    """

    _fitted: Fitted
    _evidence: Evidence | None
    _optimum: Optimum | None = None
    _separation: Separation | None = None

    @property
    def separation(self) -> Separation:
        """Whether the estimate exists; where it does not, what goes to infinity, and what to do.

        `coefficients` stay finite where an estimate is infinite, far enough along for the tolerance
        of the fit, so that the model predicts; the limit stands in `separation.estimates`. Found
        with the fit where that costs nothing, else when first asked for.

        Raises
        ------
        UsageError
            It was not found with the fit, and the model is without its data: loaded or copied.
        """
        if self._separation is None:
            self._separation = self._fitted.separation or self._decided()
        return self._separation

    def _decided(self) -> Separation:
        if self._evidence is None:
            raise no_data("verdicts on separation")
        from logloss.inference.separation import decide

        return decide(self._evidence, self._fitted.certificate.status is Status.CERTIFIED)

    def covariance(
        self, kind: str | None = None, groups: Any = None, weights: str = "frequency"
    ) -> Covariance:
        """Return the covariance of the estimates.

        Parameters
        ----------
        kind : {"hessian", "HC0", "HC1", "cluster"}, optional
            "hessian" is the inverse of the information, and the default but for sampling weights:
            "HC1". The others are robust against a wrong model of the variance, by one more read of
            the data: HC0 (White), HC1 (the same times n/(n − k)), and "cluster" for rows that
            depend on each other within `groups`, times G/(G − 1) · (n − 1)/(n − k).
        groups : array of shape (n,), or column name, optional
            One label per row, for "cluster"; or the name of a column that was fitted.
        weights : {"frequency", "sampling", "variance"}
            What the weights of the fit mean. A row stands for so many equal ones ("frequency":
            n = Σs); was drawn with a probability of one in so many ("sampling": n counts rows, and
            the covariance must be robust); or is the mean of so many ("variance").

        Returns
        -------
        Covariance
            `.names`, `.matrix`, `.standard_errors` and `.table`; the intercept first, NaN where a
            coefficient is not estimable.

        Raises
        ------
        UsageError
            The fit is penalised or bounded, looks separated, is not near its optimum; or a robust
            kind is asked of a model whose data is gone.
        """
        meaning, chosen = weights_named(weights), kind_named(kind, groups, weights)
        estimates = self._estimates()
        if chosen == meaning.default and meaning.likelihood and groups is None:
            return Covariance(estimates.names, estimates.covariance, chosen, weights)
        optimum, evidence = self._polished(f"kind={chosen!r} and groups")
        raw = raw_covariance(evidence, optimum, chosen, groups, weights)
        return Covariance(estimates.names, masked(raw, optimum), chosen, weights)

    def confidence_intervals(
        self,
        level: float = 0.95,
        method: str = "wald",
        *,
        covariance: str | None = None,
        groups: Any = None,
        weights: str = "frequency",
    ) -> Any:
        """Return limits of each coefficient.

        Parameters
        ----------
        level : float
            Between 0 and 1.
        method : {"wald", "profile"}
            "wald" is the estimate ± z standard errors. "profile" goes to where twice the
            log-likelihood, maximised over the other coefficients, has fallen by the quantile of
            χ²; it takes about eight reads of the data a limit, and holds on few rows, and where
            the data are separated: a limit that the likelihood never reaches is infinite.
        covariance, groups, weights
            For "wald": as `kind`, `groups`, `weights` in `covariance`.

        Returns
        -------
        pyarrow.Table
            name, estimate, lower, upper; the intercept first; null where not estimable.

        Raises
        ------
        UsageError
            As `covariance`.
        """
        limits = one_of("method", method, self._LIMITS)
        return limits(self, confidence(level), covariance, groups, weights)

    def _wald(self, level: float, kind: str | None, groups: Any, weights: str) -> Any:
        estimates, found = self._estimates(), self.covariance(kind, groups, weights)
        reach = wald(estimates.values, found.standard_errors, level)
        return limits_table(estimates.names, estimates.values, reach)

    def _profile(self, level: float, kind: str | None, groups: Any, weights: str) -> Any:
        if kind is not None or groups is not None or not weights_named(weights).likelihood:
            raise UsageError(
                "profile limits follow the likelihood: they have no robust covariance, and sampling"
                " weights have no likelihood",
                "take method='wald'",
            )
        separated = self._fitted.certificate.status is Status.SEPARATED_SUSPECTED
        if not (separated and self._evidence is not None and self._evidence.objective.unpenalised):
            optimum, _ = self._polished("profile limits")
            estimates = self._estimates()
            reach = profile_limits(optimum, level)
            return limits_table(estimates.names, estimates.values, reach)
        e = self._evidence
        far = unpolished(e.objective.until(math.inf), e.coordinates, e.beta)
        coef, intercept = e.coordinates.raw(e.beta)
        values = np.append(intercept, coef) if e.intercept else coef
        return limits_table(shown_names(e), values, profile_limits(far, level))

    _LIMITS: Mapping[str, Callable[..., Any]] = {"wald": _wald, "profile": _profile}

    def test(self, terms: Collection[str] | str | None = None, method: str = "lr") -> Any:
        """Test terms: is a column needed? All coefficients of one column are tested together.

        Parameters
        ----------
        terms : column name or collection of them, optional
            By default each column in turn.
        method : {"lr", "wald"}
            Likelihood ratio against the fit without the column, about five reads of the data each;
            or Wald, by the estimates and their covariance.

        Returns
        -------
        pyarrow.Table
            term, df, statistic, p_value. A column that others make up has df 0 and no p-value.

        Raises
        ------
        UsageError
            No such term; or as `covariance`.
        """
        chosen = tests.terms_of(self._fitted.schema, terms)
        return tests.tests_table(one_of("method", method, self._TESTS)(self, chosen))

    def _lr(self, terms: dict[str, tuple[str, ...]]) -> list[tests.TermTest]:
        optimum, evidence = self._polished("likelihood-ratio tests of terms")
        return tests.likelihood_ratio_tests(optimum, evidence.names, terms)

    def _wald_test(self, terms: dict[str, tuple[str, ...]]) -> list[tests.TermTest]:
        e = self._estimates()
        return tests.wald_tests(e.names, e.values, e.covariance, terms)

    _TESTS: Mapping[str, Callable[..., Any]] = {"lr": _lr, "wald": _wald_test}

    def likelihood_ratio(self, other: InferenceFace) -> tests.TermTest:
        """Test this model against one with a part of its columns (or the other way round).

        Both are to be fitted to the same rows.

        Returns
        -------
        TermTest
            `.df`, `.statistic`, `.p_value`.

        Raises
        ------
        UsageError
            The models are not nested, or of other rows; or as `covariance`.
        """
        pair = [(one._fitted, one._estimates()) for one in (self, other)]
        pair.sort(key=lambda one: len(one[1].names))
        return tests.nested(pair[0], pair[1])

    def marginal_effects(
        self,
        at: str = "average",
        level: float = 0.95,
        *,
        covariance: str | None = None,
        groups: Any = None,
        weights: str = "frequency",
    ) -> Any:
        """Return what each column does to the probability, with standard errors.

        The slope ∂p/∂x of a numeric column; for a column of zeros and ones, and for a level of a
        categorical, the change of p from 0 (its reference level) to 1.

        Parameters
        ----------
        at : {"average", "mean"}
            The mean of the effects over the rows, or the effect at the mean of the columns.
        level : float
            Of the limits.
        covariance, groups, weights
            As `kind`, `groups`, `weights` in `covariance`.

        Returns
        -------
        pyarrow.Table
            name, change ("slope" or "0 to 1"), effect, standard_error, z, p_value, lower, upper.

        Raises
        ------
        UsageError
            As `covariance`.
        """
        where = one_of("at", at, AT)
        optimum, evidence = self._polished("marginal effects")
        chosen = kind_named(covariance, groups, weights)
        matrix = raw_covariance(evidence, optimum, chosen, groups, weights)
        coef, intercept = evidence.coordinates.raw(optimum.beta)
        terms = [column.coefficient_names for column in self._fitted.schema.columns]
        found = effects(where(evidence, coef, intercept), terms)
        return effects_table(found, matrix, confidence(level))

    def delta_method(
        self,
        function: Callable[[Mapping[str, float]], float],
        *,
        covariance: str | None = None,
        groups: Any = None,
        weights: str = "frequency",
    ) -> tuple[float, float]:
        """Return a smooth function of the coefficients, and its standard error.

        Parameters
        ----------
        function : callable
            Takes a mapping from coefficient name to value ("(intercept)" among them) and returns a
            number: ``lambda b: -b["(intercept)"] / b["dose"]``.
        covariance, groups, weights
            As `kind`, `groups`, `weights` in `covariance`.

        Returns
        -------
        value, standard_error : float
        """
        e, found = self._estimates(), self.covariance(covariance, groups, weights)
        return delta_method(function, e.names, e.values, found.matrix)

    def _findings(
        self, kind: str | None, groups: Any, weights: str, level: float
    ) -> tuple[Findings | None, LoglossError | None]:
        """The figures of a summary; or why there are none, where nothing was asked for."""
        asked = kind is not None or groups is not None
        reason = refusal(self._fitted, self._evidence)
        known = self._fitted.estimates is not None
        if not asked and reason is None and not known and not self._is_cheap(2000):
            reason = UsageError(
                "standard errors of so many coefficients take a while",
                "ask for them: summary(covariance='hessian')",
            )
        if reason is not None:
            if asked:
                raise reason
            return None, reason
        try:
            found = self.covariance(kind, groups, weights)
        except DataError as error:
            if asked:
                raise
            return None, error
        return findings_of(self._fitted, self._estimates(), found, level), None

    def _is_cheap(self, most: int = CHEAP) -> bool:
        return len(self._fitted.coefficients) <= most

    def _record(self) -> Fitted:
        """The record with the estimates, where they are allowed and cheap to find."""
        there = self._evidence is not None and self._is_cheap()
        if there and refusal(self._fitted, self._evidence) is None:
            with contextlib.suppress(DataError):  # no maximum near: then the record has none
                self._estimates()
        return self._fitted

    def _estimates(self) -> Estimates:
        """Those of the record, or found now and put there."""
        reason = refusal(self._fitted, self._evidence)
        if reason is not None:
            raise reason
        if self._fitted.estimates is None:
            optimum, evidence = self._polished("standard errors")
            self._fitted = replace(self._fitted, estimates=estimates_of(evidence, optimum))
        assert self._fitted.estimates is not None
        return self._fitted.estimates

    def _polished(self, what: str) -> tuple[Optimum, Evidence]:
        """The optimum, found once, and the evidence; an error where the data is gone."""
        reason = refusal(self._fitted, self._evidence)
        if reason is not None:
            raise reason
        if self._evidence is None:
            raise no_data(what)
        if self._optimum is None:
            self._optimum = optimum_of(self._evidence)
        return self._optimum, self._evidence
