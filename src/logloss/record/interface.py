"""The words of the interface in use: what to do about a fit, in Python and on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from logloss.record.proof import Status

_BUDGET = (
    "The limit of steps or time was reached; the gap says how far from the optimum this can be."
)
_COMMAND_LINE_STATUS = {
    Status.BUDGET: f"{_BUDGET} Raise --max-iter or --time-budget, or leave --solver out.",
    Status.SEPARATED: (
        "The data are separated: along a direction that was checked on all rows the loss falls for"
        " ever, so some coefficients have no finite estimate."
    ),
    Status.SEPARATED_SUSPECTED: (
        "The data look separated: along some direction of the coefficients the loss only flattens"
        " out, so that they would grow without bound. Add a penalty (such as --C 1)."
    ),
    Status.NO_LOSS: (
        "The perceptron has no loss, so there is no optimum to be near, and no probability: these"
        " are the weights with the fewest errors that it met. Use 'logloss predict', or another"
        " --solver."
    ),
}


@dataclass(frozen=True)
class Interface:
    """How options are spelled.

    Attributes
    ----------
    firth, penalty, factor, budget : str
        Firth's estimate; a penalty that is mostly enough; the factor that takes it away; what
        stops a fit before its goal.
    exclude : function
        Of the names of columns: how to leave them out.
    spelled : tuple of pairs
        Of what hints say in Python → as it is here.
    statuses : mapping of Status to str
        What to know of a status, where its own words are not those of the interface.
    """

    firth: str
    penalty: str
    factor: str
    budget: str
    exclude: Callable[[Sequence[str]], str]
    statuses: Mapping[Status, str]
    spelled: tuple[tuple[str, str], ...] = ()

    def hint(self, text: str) -> str:
        """A hint that was written for Python."""
        for python, here in self.spelled:
            text = text.replace(python, here)
        return text

    def status(self, status: Status) -> str:
        """What a status means, and what to do about it."""
        return self.statuses.get(status, status.value)


def _excluded(names: Sequence[str]) -> str:
    return f"exclude={list(names)!r}"


def _exclude_options(names: Sequence[str]) -> str:
    return " ".join(f"--exclude {shlex.quote(name)}" for name in names)


def _dropped(names: Sequence[str]) -> str:
    return f"drop {', '.join(map(repr, names))}"


PYTHON = Interface("firth=True", "C=1", "penalty_factors", "time_budget or max_iter", _excluded, {})
COMMAND_LINE = Interface(
    "--firth",
    "--C 1",
    "--penalty-factor",
    "--time-budget or --max-iter",
    _exclude_options,
    _COMMAND_LINE_STATUS,
    (
        ("fit(..., start=model)", "--start FILE"),
        ("firth=True", "--firth"),
        ("l2=1e-3", "--l2 1e-3"),
        ("C=1", "--C 1"),
    ),
)
ESTIMATOR = Interface(
    "logloss.fit(X, y, firth=True)",
    "C=1",
    "penalty_factors",
    "time_budget or max_iter",
    _dropped,
    {},
)
