"""What the weights of rows mean. It is said once, in the fit, and everything that reads it agrees.

    frequency  a row stands for s equal ones: n = Σs, M = Σ s r² xxᵀ; leaving out a row leaves one
    sampling   a row was drawn, or counts, s times as much as others: n = rows, M = Σ s² r² xxᵀ;
               the information is not the inverse of a variance, and there is no likelihood: no
               likelihood ratio, AIC or profile (R's survey, Stata's pweight)
    variance   a row is the mean of s: n = rows, M = Σ s² r² xxᵀ (the prior weights of R's glm,
               var_weights of statsmodels)

Where it is not said, whole numbers are frequencies; other weights, and class weights, which change
what the rows stand for, are sampling weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.checks import one_of
from logloss.files import strict_json as js

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Meaning:
    """One of the three.

    Attributes
    ----------
    counts : bool
        n is the sum of the weights, not the number of rows, and a row that is left out is one.
    squared : bool
        The meat has s² r².
    likelihood : bool
        There is one, and with it the information.
    default : str
        The kind of covariance where none is asked for.
    words : str
    """

    counts: bool
    squared: bool
    likelihood: bool
    default: str
    words: str


MEANINGS: Mapping[str, Meaning] = {
    "frequency": Meaning(True, False, True, "hessian", "frequencies"),
    "sampling": Meaning(False, True, False, "HC1", "sampling weights"),
    "variance": Meaning(False, True, True, "hessian", "precisions of means"),
}
_REASONS = {
    "said": "as was said",
    "whole": "as they are whole numbers",
    "fractions": "as they are not whole numbers",
    "classes": "as class weights are in them",
    "unknown": "as the file of the model does not say",
}


@dataclass(frozen=True)
class Weighting:
    """What the weights of a fit mean, and how that is known.

    Attributes
    ----------
    meaning, because : str
    """

    meaning: str
    because: str

    @property
    def rule(self) -> Meaning:
        """What follows from it."""
        return MEANINGS[self.meaning]

    @property
    def known(self) -> bool:
        """False in files of before it was kept."""
        return self != UNKNOWN

    @property
    def guessed(self) -> bool:
        """Whether they are frequencies for no other reason than that they are whole numbers."""
        return self.because in _WHOLE

    @property
    def said(self) -> str | None:
        """The meaning, where it was given; None where the weights themselves decided."""
        return self.meaning if self.because in _SAID else None

    @property
    def reason(self) -> str:
        """Such as "as they are whole numbers"."""
        return _REASONS[self.because]

    @property
    def text(self) -> str:
        """Such as "frequencies, as they are whole numbers"."""
        return f"{self.rule.words}, {self.reason}"

    def to_json(self) -> dict[str, str]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(value: object, where: str) -> Weighting:
        """What `to_json` gave; ModelFileError for anything else."""
        return Weighting(**_check(value, where))


UNKNOWN = Weighting("frequency", "unknown")
_SAID = frozenset(["said"])
_WHOLE = frozenset(["whole"])


def _word_of(known: Mapping[str, Any]) -> js.Check[str]:
    def checked(value: object, where: str) -> str:
        if js.text(value, where) not in known:
            js.refuse(where, f"one of {', '.join(known)}", value)
        return str(value)

    return checked


_check = js.record({"meaning": _word_of(MEANINGS), "because": _word_of(_REASONS)})


def check_weights_are(asked: Any) -> None:
    """UsageError where it is none of the three, or None."""
    if asked is not None:
        one_of("weights_are", asked, MEANINGS)


def weighting_of(asked: str | None, weight: Array | None, class_weight: object) -> Weighting:
    """What the weights of a fit mean; `weight` is without class weights."""
    if asked is not None:
        check_weights_are(asked)
        return Weighting(asked, "said")
    if class_weight is not None:
        return Weighting("sampling", "classes")
    if weight is None or bool((weight == np.rint(weight)).all()):
        return Weighting("frequency", "whole")
    return Weighting("sampling", "fractions")
