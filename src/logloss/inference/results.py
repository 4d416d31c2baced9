"""What is known of a fit: its record, its evidence, and what was found out since.

Each figure is found when it is first asked for, put into the record, and saved with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

from logloss.errors import LoglossError, UsageError
from logloss.inference.covariance import weights_named
from logloss.inference.kinds import EstimateKind, Refusals, check_allowed, kind_of
from logloss.inference.likelihoods import LIKELIHOODS, FittedLikelihood
from logloss.inference.refusals import CHEAP, no_data, refusal
from logloss.record.prior import uncorrected_intercept
from logloss.record.same_rows import marks_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from logloss.record.estimates import Estimates, Robust
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted
    from logloss.record.separation import Separation

    Array = NDArray[np.float64]


@final
class Results:
    """A record and its evidence; the record grows by what is found out.

    Attributes
    ----------
    fitted : Fitted
        The record, with all that is known by now.
    evidence : Evidence or None
        None where the data of the fit is gone: the model was loaded, copied or unpickled.
    """

    def __init__(self, fitted: Fitted, evidence: Evidence | None) -> None:
        self.fitted = fitted
        self.evidence = evidence
        self._likelihood: FittedLikelihood | None = None

    def attach(self, fitted: Fitted, evidence: Evidence) -> None:
        """Take data that came back, and the record with what it tells."""
        self.fitted, self.evidence, self._likelihood = fitted, evidence, None

    def separation(self) -> Separation:
        """Whether the estimate exists."""
        found = self.fitted.separation
        if found is None:
            found = self._decided()
            self.fitted = replace(self.fitted, separation=found)
        return found

    def _decided(self) -> Separation:
        if self.evidence is None:
            raise no_data("verdicts on separation")
        from logloss.existence.separation import decide

        return decide(self.evidence, self.fitted.certified, schema=self.fitted.schema)

    def kind(self) -> EstimateKind:
        """The kind of estimate; a verdict on separation comes first, where there is none yet."""
        fitted = self.fitted
        known = fitted.separation is not None or fitted.estimates is not None
        if not known and not fitted.request.firth and self.refusal() is None:
            self.separation()
        return kind_of(self.fitted)

    def refusal(self) -> LoglossError | None:
        """Why there are no standard errors; None where there are."""
        return refusal(self.fitted, self.evidence)

    def check(self, refusals: Refusals) -> None:
        """A UsageError where this kind of estimate is refused."""
        check_allowed(refusals, self.kind())

    def likelihood(self, what: str) -> FittedLikelihood:
        """What answers from the data, found once; a UsageError where `what` cannot be had."""
        self._check_estimable()
        if self.evidence is None:
            raise no_data(what)
        if self._likelihood is None:
            self._likelihood = LIKELIHOODS[self.kind()](self.evidence, self.fitted)
        return self._likelihood

    def estimates(self) -> Estimates:
        """Those of the record, or found now and put there."""
        self._check_estimable()
        if self.fitted.estimates is None:
            found = self.likelihood("standard errors").estimates()
            self.fitted = replace(self.fitted, estimates=found)
        assert self.fitted.estimates is not None
        return self.fitted.estimates

    def keep_robust(self, robust: Robust) -> None:
        """Put a robust covariance into the record."""
        self.fitted = replace(self.fitted, estimates=replace(self.estimates(), robust=robust))

    def marked(self) -> Fitted:
        """The record with the marks of its rows, where they can be known."""
        e = self.evidence
        if self.fitted.rows is None and e is not None:
            marks = marks_of(e.rows.y, e.rows.weight, e.rows.offset)
            self.fitted = replace(self.fitted, rows=marks)
        return self.fitted

    def is_small(self, most: int = CHEAP) -> bool:
        """So few coefficients that their covariance takes a fraction of the fit."""
        return len(self.fitted.coefficients) <= most

    def meaning(self, weights: str | None) -> str:
        """What the weights mean: as the fit says, if nothing else is asked for."""
        return self.fitted.weighting.meaning if weights is None else weights

    def check_likelihood(self, what: str, instead: str, weights: str | None = None) -> None:
        """A UsageError where the weights have none."""
        if weights_named(self.meaning(weights)).likelihood:
            return
        why = "" if weights is not None else f" (they are that {self.fitted.weighting.reason})"
        raise UsageError(
            f"{what} need a likelihood, and sampling weights{why} have none",
            f"{instead}; or say in the fit what they are: weights_are='frequency' or 'variance'",
        )

    @property
    def prior_shift(self) -> float:
        """What a prior adds to the intercept."""
        return self.fitted.intercept - uncorrected_intercept(self.fitted)

    def corrected(self, values: Array) -> Array:
        """Figures of the coefficients, the intercept first, with what a prior adds to it."""
        if not self.prior_shift:
            return values
        out = values.copy()
        out[0] += self.prior_shift
        return out

    def _check_estimable(self) -> None:
        reason = self.refusal()
        if reason is not None:
            raise reason
