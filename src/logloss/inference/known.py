"""What a model knows of its estimates, found when it is first asked for and kept from then on."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from logloss.errors import DataError, UsageError
from logloss.inference.estimate import CHEAP, no_data, refusal
from logloss.inference.grounds import Firth, Limit, Maximum, Refusal
from logloss.prior import uncorrected_intercept
from logloss.same_rows import marks_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from logloss.estimates import Estimates
    from logloss.evidence import Evidence
    from logloss.fitted import Fitted
    from logloss.verdict import Separation

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
        from logloss.inference.separation import decide

        return decide(self._evidence, self._fitted.certified, schema=self._fitted.schema)

    def _is_cheap(self, most: int = CHEAP) -> bool:
        return len(self._fitted.coefficients) <= most

    def _record(self) -> Fitted:
        """The record with the estimates, where they are allowed and cheap to find."""
        there = self._evidence is not None and self._is_cheap()
        if there and refusal(self._fitted, self._evidence) is None:
            with contextlib.suppress(DataError):  # no maximum near: then the record has none
                self._estimates()
        return self._marked()

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
