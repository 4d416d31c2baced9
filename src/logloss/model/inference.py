"""What a Model says about its coefficients: the methods, over the record and the evidence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from logloss.checks import confidence, one_of
from logloss.errors import DataError, LoglossError, UsageError
from logloss.inference import tests
from logloss.inference.covariance import Covariance, is_robust, raw_covariance, weights_named
from logloss.inference.effects import AT, delta_method, effects_of, effects_table
from logloss.inference.estimate import freedom_of, refusal
from logloss.inference.findings import findings_of, with_shift
from logloss.inference.grounds import Suspected
from logloss.inference.intervals import limits_table, wald
from logloss.inference.known import Known
from logloss.inference.nesting import check_nested
from logloss.inference.terms import Tested, terms_of
from logloss.numerics.distributions import NORMAL, REFERENCES, Reference
from logloss.record.estimates import Findings
from logloss.record.proof import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class InferenceFace(Known):
    """Standard errors, limits, tests and effects of a fit without a penalty, or of Firth's.

    The first of them to be asked for polishes the fit, at two reads of the data or a few. What is
    then known of the estimates and their covariance is in the record, and saved with it.
    """

    def covariance(
        self, kind: str | None = None, groups: Any = None, weights: str | None = None
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
            One label of any type per row, for "cluster"; or the name of a column of the table,
            whether it was fitted or not. Every row that counts must have a label.
        weights : {"frequency", "sampling", "variance"}, optional
            What the weights mean, where it is another thing than the fit says (`weights_are`).

        Returns
        -------
        Covariance
            `.names`, `.matrix`, `.standard_errors` and `.table`; the intercept first, NaN where a
            coefficient is not estimable, or infinite: on separated data it is that of the finite
            estimates.

        Raises
        ------
        UsageError
            The fit is penalised or bounded, or not near its optimum; or a robust kind is asked of
            a model whose data is gone, of separated data or of Firth's estimate.
        """
        chosen, grouped, means = self._choice(kind, groups, weights)
        usual, _, said = self._choice(None, None, None)
        if (chosen, means) == (usual, said) and self._are_usual(groups):
            return self._usual_covariance()
        estimates = self._estimates()
        if not is_robust(chosen):
            if not weights_named(means).counts:
                self._allowed(self._kind().no_variance_weights)
            return Covariance(estimates.names, estimates.covariance, chosen, means)
        self._allowed(self._kind().no_robust)
        ground = self._asked(f"kind={chosen!r} and groups")
        return ground.covariance(estimates.names, chosen, grouped, means)

    def confidence_intervals(
        self,
        level: float = 0.95,
        method: str | None = None,
        *,
        covariance: str | None = None,
        groups: Any = None,
        weights: str | None = None,
        distribution: str = "normal",
    ) -> Any:
        """Return limits of each coefficient.

        Parameters
        ----------
        level : float
            Between 0 and 1.
        method : {"wald", "profile"}, optional
            "wald" is the estimate ± z standard errors. "profile" goes to where twice the
            log-likelihood, maximised over the other coefficients, has fallen by the quantile of
            χ²; it takes about eight reads of the data a limit, and holds on few rows, and where
            the data are separated: a limit that the likelihood never reaches is infinite. Of
            Firth's estimate it is the penalised likelihood. By default "profile" for separated data
            and for Firth's estimate, and "wald" for others.
        covariance, groups, weights
            For "wald": as `kind`, `groups`, `weights` in `covariance`.
        distribution : {"normal", "t"}
            For "wald": "t" is Student's, with G − 1 degrees of freedom for G clusters, else n − k.
            It is wider, and better with few clusters.

        Returns
        -------
        pyarrow.Table
            name, estimate, lower, upper; the intercept first, corrected for a prior where the model
            is; null where not estimable.

        Raises
        ------
        UsageError
            As `covariance`.
        """
        if method is None:
            robust = covariance is not None or groups is not None
            method = (
                "wald"
                if robust or REFERENCES.get(distribution, NORMAL).freedom
                else self._kind().limits
            )
        limits = one_of("method", method, self._LIMITS)
        reference = one_of("distribution", distribution, REFERENCES)
        return limits(self, confidence(level), covariance, groups, weights, reference)

    def _wald(
        self, level: float, kind: str | None, groups: Any, weights: str | None, reference: Reference
    ) -> Any:
        estimates, found = self._estimates(), self.covariance(kind, groups, weights)
        values = self._corrected(estimates.values)
        reach = reference.quantile(level, freedom_of(self._fitted, estimates, found))
        limits = wald(values, found.standard_errors, reach)
        return limits_table(estimates.names, values, limits)

    def _profile(
        self, level: float, kind: str | None, groups: Any, weights: str | None, reference: Reference
    ) -> Any:
        if kind is not None or groups is not None or reference.freedom:
            raise UsageError(
                "profile limits follow the likelihood: they have no robust covariance, and no"
                " Student's t",
                "take method='wald'",
            )
        self._check_likelihood("profile limits", "take method='wald'", weights)
        suspected = self._suspected()
        if suspected is None:
            ground = self._asked("profile limits")
            names, values = self._estimates().names, self._estimates().values
        else:
            ground, (names, values) = suspected, suspected.values()
        lower, upper = map(self._corrected, ground.profile(level))
        return limits_table(names, self._corrected(values), (lower, upper))

    def _suspected(self) -> Suspected | None:
        e, status = self._evidence, self._fitted.certificate.status
        if status is not Status.SEPARATED_SUSPECTED or e is None or not e.objective.unpenalised:
            return None
        return Suspected(e, self._fitted)

    _LIMITS: Mapping[str, Callable[..., Any]] = {"wald": _wald, "profile": _profile}

    def test(self, terms: Collection[str] | str | None = None, method: str = "lr") -> Any:
        """Test terms, in formulas beside all others but those that they are a part of (type II).

        Parameters
        ----------
        terms : term, or collection of terms, optional
            By default each in turn. A tuple is one joint test: ``[("age", "age:smoke"), "race"]``.
        method : {"lr", "wald"}
            Likelihood ratio, about five reads each (Firth: penalised); or Wald, by the covariance.

        Returns
        -------
        pyarrow.Table
            term, df, statistic, p_value. A column that others make up has df 0 and no p-value.

        Raises
        ------
        UsageError
            No such term; or as `covariance`.
        """
        chosen = terms_of(self._fitted.schema, terms)
        return tests.tests_table(one_of("method", method, self._TESTS)(self, chosen))

    def _lr(self, terms: list[Tested]) -> list[tests.TermTest]:
        self._check_likelihood("likelihood-ratio tests", "take method='wald'")
        return self._asked("likelihood-ratio tests of terms").ratio_tests(terms)

    def _wald_test(self, terms: list[Tested]) -> list[tests.TermTest]:
        e = self._estimates()
        self._allowed(self._kind().no_wald_tests)
        return tests.wald_tests(e.names, e.values, self.covariance().matrix, terms)

    _TESTS: Mapping[str, Callable[..., Any]] = {"lr": _lr, "wald": _wald_test}

    def likelihood_ratio(self, other: InferenceFace) -> tests.TermTest:
        """Test this model against one of the same rows that is a part of it (or the other way).

        What the smaller one's columns span is compared; by name, where a model is without its data.
        Both are fits to the same rows, with the same labels, weights and offsets, in one order.

        Returns
        -------
        TermTest
            `.df`, `.statistic`, `.p_value`.

        Raises
        ------
        UsageError
            Not nested, or of other rows, weights or offsets; or as `covariance`.
        """
        pair = sorted((self, other), key=lambda one: one._estimates().rank)
        for one in pair:
            one._check_likelihood("likelihood ratios", "test columns: test([...], method='wald')")
            one._allowed(one._kind().no_comparison)
        found = tests.nested(*((one._marked(), one._estimates()) for one in pair))
        check_nested(*((one._estimates(), one._evidence) for one in pair))
        return found

    def marginal_effects(
        self,
        at: str = "average",
        level: float = 0.95,
        *,
        covariance: str | None = None,
        groups: Any = None,
        weights: str | None = None,
    ) -> Any:
        """Return what each column of the table does to the probability, with standard errors.

        The slope ∂p/∂x of numbers; of zeros and ones, and of a level, the change of p from 0 (its
        reference level) to 1. All terms of a formula that hang on the column move with it.
        Probabilities are those of the fit, before a correction for a prior.

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
        ground = self._asked("marginal effects")
        self._allowed(ground.no_functions)
        chosen, grouped, means = self._choice(covariance, groups, weights)
        if is_robust(chosen):
            self._allowed(ground.no_robust)
        optimum, evidence = ground.optimum, ground.evidence
        matrix = raw_covariance(evidence, optimum, chosen, grouped, means)
        found = effects_of(where, evidence, optimum, self._fitted.schema)
        return effects_table(found, matrix, confidence(level))

    def delta_method(
        self,
        function: Callable[[Mapping[str, float]], float],
        *,
        covariance: str | None = None,
        groups: Any = None,
        weights: str | None = None,
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
        self._allowed(self._kind().no_functions)
        return delta_method(function, e.names, self._corrected(e.values), found.matrix)

    def _findings(
        self,
        kind: str | None,
        groups: Any,
        weights: str | None,
        level: float,
        distribution: str,
    ) -> tuple[Findings | None, LoglossError | None]:
        """The figures of a summary; or why there are none, where nothing was asked for."""
        level, reference = confidence(level), one_of("distribution", distribution, REFERENCES)
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
        except (DataError, UsageError) as error:
            if asked:
                raise
            return None, error
        figures = findings_of(self._fitted, self._estimates(), found, level, reference)
        if not asked:
            ground = None if self._evidence is None else self._asked("limits")
            figures = self._kind().finished(figures, ground)
        freedom = freedom_of(self._fitted, self._estimates(), found)
        prior = self._fitted.options.get("prior")
        return with_shift(figures, self._shift, prior, lambda z: reference.tail(z, freedom)), None
