"""Whether a fit has standard errors, and the reason where it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logloss.errors import LoglossError, UsageError
from logloss.record.proof import Status

if TYPE_CHECKING:
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted

MOST_COEFFICIENTS = 10_000  # of which a covariance can be formed: 0.8 GB
CHEAP = 500  # coefficients up to which it is a fraction of the fit
_NEAR = 0.1  # standard errors from which Newton's method finds the optimum at once

_PENALISED = (
    "a penalised or bounded fit has no p-values or standard errors: its estimates are biased"
    " towards the penalty by design, and the usual formulas do not know that"
)
_INSTEAD = (
    "fit again without a penalty and bounds, or take the spread over bootstrap samples of the rows;"
    " profile limits of a penalised fit are not valid either"
)
_SUSPECTED = (
    "the data look separated, which could not be decided: some estimates may be infinite, and have"
    " no standard errors"
)
_PROFILE = (
    "profile limits hold all the same: confidence_intervals(method='profile'); or add a penalty"
    " (such as C=1)"
)


def refusal(fitted: Fitted, evidence: Evidence | None) -> LoglossError | None:
    """Why there are no standard errors; None where there are."""
    status = fitted.certificate.status
    if status is Status.NO_LOSS:
        return UsageError("a perceptron has no likelihood, so no standard errors", status.value)
    if _is_penalised(fitted, evidence):
        return UsageError(_PENALISED, _INSTEAD)
    if status is Status.SEPARATED_SUSPECTED:
        return UsageError(_SUSPECTED, _PROFILE)
    if status is not Status.SEPARATED and not fitted.certificate.coefficient_error <= _NEAR:
        return UsageError(
            "the fit is not near enough to its optimum for standard errors",
            "go on from it: fit(..., start=model)",
        )
    if len(fitted.coefficients) > MOST_COEFFICIENTS:
        return UsageError(
            f"the covariance of {len(fitted.coefficients):,} coefficients is too large to form",
            f"fit {MOST_COEFFICIENTS:,} at most",
        )
    lost = evidence is None and fitted.estimates is None
    return no_data("standard errors") if lost else None


def _is_penalised(fitted: Fitted, evidence: Evidence | None) -> bool:
    """Penalised or bounded; what has estimates was found not to be."""
    if evidence is not None:
        return not evidence.objective.unpenalised
    return fitted.estimates is None and fitted.penalised


def no_data(what: str) -> UsageError:
    """The error of a model whose data is gone."""
    return UsageError(
        f"{what} need the data of the fit, which a model that was loaded, unpickled or copied does"
        " not hold",
        "model.attach(table) brings it back",
    )
