"""What is proven of a fit, and the steps that led to it; and how a model file holds both."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from logloss.files import strict_json as js

NOTHING = 1e-30  # nats per row: a gap of no more is within any tolerance
_LEAST = 1e6 * NOTHING


def relative(gap: float, value: float) -> float:
    """gap / F(β), where an F of nothing counts as 1e-24, so that a gap of nothing is 1e-6 of it.

    Where all weight is on one class, F falls to 0 as the intercept grows; it is taken so far out
    that F is 1e-300 and so is the gap, which is no hundred percent of anything.
    """
    return gap / max(value, _LEAST)


class Status(enum.Enum):
    """How a fit ended; the value is what to know or do about it."""

    CERTIFIED = "The gap to the optimum is proven to be within the tolerance."
    STALLED = (
        "Rounding allows no further progress; the gap says how far from the optimum this can be."
    )
    BUDGET = (
        "The limit of steps or time was reached; the gap says how far from the optimum this can be."
        " Raise max_iter or time_budget, or take solver='auto'."
    )
    SEPARATED = (
        "The data are separated: along a direction that was checked on all rows the loss falls for"
        " ever, so some coefficients have no finite estimate; model.separation says which. Take"
        " firth=True, a penalty (l2=1e-3), or leave columns out (exclude)."
    )
    SEPARATED_SUSPECTED = (
        "The data look separated: along some direction of the coefficients the loss only flattens"
        " out, so that they would grow without bound. Add a penalty (such as C=1)."
    )
    FIRTH = (
        "Firth's estimate: the modified score is 0 but for what the coefficient error says. The"
        " penalised likelihood is not concave, so no gap is proven."
    )
    INTERRUPTED = "The fit was interrupted; this is the best point that was reached."
    NO_LOSS = (
        "The perceptron has no loss, so there is no optimum to be near, and no probability: these"
        " are the weights with the fewest errors that it met. Use predict, or another solver."
    )
    FAILED = "The loss or its gradient is not a finite number."


@dataclass(frozen=True)
class Certificate:
    """What is proven about a fit.

    Attributes
    ----------
    gap : float
        F(β) − min F is at most this (mean log loss, nats); nan where no bound was found.
    relative_gap : float
        gap / F(β); see `relative` for an F of nothing.
    coefficient_error : float
        √(2 Σs gap): about the largest error of any coefficient, in standard errors.
    data_reads : int
        Reads of all rows that the fit took.
    solver, reason : str
        Its name, and one sentence why it was chosen.
    status : Status
    seconds : float
    """

    gap: float
    relative_gap: float
    coefficient_error: float
    data_reads: int
    solver: str
    reason: str
    status: Status
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "status": self.status.name.lower(),
            "gap": js.measure_to_json(self.gap),
            "relative_gap": js.measure_to_json(self.relative_gap),
            "coefficient_error": js.measure_to_json(self.coefficient_error),
            "data_reads": int(self.data_reads),
            "solver": self.solver,
            "reason": self.reason,
            "seconds": js.measure_to_json(self.seconds),
        }

    @classmethod
    def from_json(cls, value: object, where: str) -> Certificate:
        """What `to_json` gave; ModelFileError for anything else."""
        return cls(**_check_certificate(value, where))


@dataclass(frozen=True)
class Step:
    """An entry of the history.

    Attributes
    ----------
    data_reads : int
        Reads of all rows so far.
    seconds : float
        Since the start of the fit.
    loss : float
        The objective F.
    gap : float
        Its certified distance from the optimum; nan where none was asked for.
    """

    data_reads: int
    seconds: float
    loss: float
    gap: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "data_reads": int(self.data_reads),
            "seconds": js.measure_to_json(self.seconds),
            "loss": js.measure_to_json(self.loss),
            "gap": js.measure_to_json(self.gap),
        }

    @classmethod
    def from_json(cls, value: object, where: str) -> Step:
        """What `to_json` gave; ModelFileError for anything else."""
        return cls(**_check_step(value, where))


def _status(value: object, where: str) -> Status:
    known = {status.name.lower(): status for status in Status}
    name = js.text(value, where)
    if name not in known:
        js.refuse(where, f"one of {', '.join(known)}", value)
    return known[name]


_amount = js.between(0.0, check=js.measure)
_check_certificate = js.record(
    {
        "status": _status,
        "gap": js.measure,
        "relative_gap": js.measure,
        "coefficient_error": js.measure,
        "data_reads": js.count,
        "solver": js.text,
        "reason": js.text,
        "seconds": _amount,
    }
)
_check_step = js.record(
    {"data_reads": js.count, "seconds": js.measure, "loss": js.measure, "gap": js.measure}
)
