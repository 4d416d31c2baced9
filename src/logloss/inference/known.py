"""What a model knows of its estimates, found when it is first asked for and kept from then on."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from logloss.errors import DataError, UsageError
from logloss.inference.covariance import Covariance, is_robust, kind_named, weights_named
from logloss.inference.estimate import CHEAP, no_data, refusal
from logloss.inference.grounds import Firth, Limit, Maximum, Refusal
from logloss.record.estimates import Robust
from logloss.record.prior import uncorrected_intercept
from logloss.record.same_rows import marks_of
from logloss.table.roles.class_weight import class_weight_record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from logloss.record.estimates import Estimates
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted
    from logloss.record.separation import Separation

    Array = NDArray[np.float64]


class Known:
    """The record of a fit and its evidence; what is found out is put into the record."""

    _fitted: Fitted
    _evidence: Evidence | None
    _ground: Maximum | None = None

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
        found = self._fitted.separation
        if found is None:
            found = self._decided()
            self._fitted = replace(self._fitted, separation=found)
        return found

    def _decided(self) -> Separation:
        if self._evidence is None:
            raise no_data("verdicts on separation")
        from logloss.existence.separation import decide

        return decide(self._evidence, self._fitted.certified, schema=self._fitted.schema)

    def _means(self, weights: str | None) -> str:
        """What the weights mean: as the fit says, if nothing else is asked for."""
        return self._fitted.weighting.meaning if weights is None else weights

    def _check_likelihood(self, what: str, instead: str, weights: str | None = None) -> None:
        """A UsageError where the weights have none."""
        if weights_named(self._means(weights)).likelihood:
            return
        why = "" if weights is not None else f" (they are that {self._fitted.weighting.reason})"
        raise UsageError(
            f"{what} need a likelihood, and sampling weights{why} have none",
            f"{instead}; or say in the fit what they are: weights_are='frequency' or 'variance'",
        )

    def _is_cheap(self, most: int = CHEAP) -> bool:
        return len(self._fitted.coefficients) <= most

    def _record(self) -> Fitted:
        """The record with the estimates, where they are allowed and cheap to find."""
        there = self._evidence is not None and self._is_cheap()
        if there and refusal(self._fitted, self._evidence) is None:
            with contextlib.suppress(DataError, UsageError):  # then the record has none
                self._estimates()
                self._usual_covariance()
        return self._marked()

    def _choice(self, kind: str | None, groups: Any, weights: str | None) -> tuple[str, Any, str]:
        """Kind, groups and weights of a covariance: where nothing is asked for, as in the fit."""
        means = self._means(weights)
        chosen = self._fitted.options.get("covariance")
        if chosen is not None and kind in (None, chosen) and groups is None and weights is None:
            return chosen, None if self._evidence is None else self._evidence.groups, means
        return kind_named(kind, groups, means), groups, means

    def _are_usual(self, groups: Any) -> bool:
        """Whether groups are those of the fit: none, or the column that was named there."""
        if isinstance(groups, str):
            return bool(groups == self._fitted.options.get("groups"))
        return groups is None

    def _usual_covariance(self) -> Covariance:
        """What was asked for in the fit, or goes with its weights; found once, and kept."""
        kind, groups, means = self._choice(None, None, None)
        estimates = self._estimates()
        if not is_robust(kind):
            if not weights_named(means).counts:
                self._allowed(self._kind().no_variance_weights)
            return Covariance(estimates.names, estimates.covariance, kind, means)
        self._allowed(self._kind().no_robust)
        kept = estimates.robust
        if kept is None or (kept.kind, kept.weights) != (kind, means):
            found = self._asked(f"{kind} covariances").covariance(
                estimates.names, kind, groups, means
            )
            kept = Robust(kind, means, found.matrix, found.clusters)
            self._fitted = replace(self._fitted, estimates=replace(estimates, robust=kept))
        return Covariance(estimates.names, kept.matrix, kind, means, kept.clusters)

    def _marked(self) -> Fitted:
        """The record with the marks of its rows, where they can be known."""
        e = self._evidence
        if self._fitted.rows is None and e is not None:
            marks = marks_of(e.rows.y, e.rows.weight, e.rows.offset)
            self._fitted = replace(self._fitted, rows=marks)
        return self._fitted

    def _estimates(self) -> Estimates:
        """Those of the record, or found now and put there."""
        reason = refusal(self._fitted, self._evidence)
        if reason is not None:
            raise reason
        if self._fitted.estimates is None:
            found = self._asked("standard errors").estimates()
            self._fitted = replace(self._fitted, estimates=found)
        assert self._fitted.estimates is not None
        return self._fitted.estimates

    def _asked(self, what: str) -> Maximum:
        """What answers rest on, found once; an error where there is none, or the data is gone."""
        reason = refusal(self._fitted, self._evidence)
        if reason is not None:
            raise reason
        if self._evidence is None:
            raise no_data(what)
        if self._ground is None:
            self._ground = self._kind()(self._evidence, self._fitted)
        return self._ground

    def _attached(self, evidence: Evidence, class_weight: Any) -> None:
        """Take data that came back; a file of before learns from it what its weights mean."""
        self._evidence, self._ground = evidence, None
        options = dict(self._fitted.options)
        options.setdefault("class_weight", class_weight_record(class_weight))
        self._fitted = replace(self._fitted, weighting=evidence.weighting, options=options)

    def _kind(self) -> type[Maximum]:
        """Which of the grounds; a verdict on separation comes first, where there is none yet."""
        if self._fitted.options.get("firth"):
            return Firth
        known = self._fitted.separation is not None or self._fitted.estimates is not None
        if not known and refusal(self._fitted, self._evidence) is None:
            _ = self.separation
        found = self._fitted.separation
        return Limit if found is not None and found.exists is False else Maximum

    @staticmethod
    def _allowed(reason: Refusal | None) -> None:
        if reason is not None:
            raise UsageError(*reason)

    @property
    def _shift(self) -> float:
        """What a prior adds to the intercept."""
        return self._fitted.intercept - uncorrected_intercept(self._fitted)

    def _corrected(self, values: Array) -> Array:
        """Figures of the coefficients, the intercept first, with what a prior adds to it."""
        if not self._shift:
            return values
        out = values.copy()
        out[0] += self._shift
        return out
