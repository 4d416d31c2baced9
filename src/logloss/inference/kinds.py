"""Which kind of estimate a fit has, and the refusals that go with each kind.

What is refused stands beside what would answer, as a mapping from the kind of estimate to a
`Refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, final

from logloss.errors import UsageError

if TYPE_CHECKING:
    from logloss.record.fitted import Fitted


class EstimateKind(Enum):
    """What the coefficients are."""

    MAXIMUM = "the maximum of the likelihood"
    SEPARATED = "the limit of the likelihood on separated data, some of it infinite"
    FIRTH = "the maximum of Firth's penalised likelihood"


@final
@dataclass(frozen=True)
class Refusal:
    """Why there is no answer, and what to do instead."""

    reason: str
    hint: str


Refusals = Mapping[EstimateKind, Refusal]

INFINITE = "the data are separated, and some estimates are infinite: "
MAKE_FINITE = "firth=True or a penalty (l2=1e-3) makes all of them finite"


def kind_of(fitted: Fitted) -> EstimateKind:
    """The kind, by the record; separated where a verdict says so."""
    if fitted.request.firth:
        return EstimateKind.FIRTH
    found = fitted.separation
    separated = found is not None and found.exists is False
    return EstimateKind.SEPARATED if separated else EstimateKind.MAXIMUM


def check_allowed(refusals: Refusals, kind: EstimateKind) -> None:
    """A UsageError where this kind of estimate is refused."""
    refused = refusals.get(kind)
    if refused is not None:
        raise UsageError(refused.reason, refused.hint)
