"""Separation: does the estimate exist, and what takes its place where it does not. A plain record.

Found by inference/separation.py, which has the mathematics.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.files import strict_json as js

INTERCEPT = "(intercept)"
REMEDY = (
    "Take Firth's estimate (firth=True), which is always finite, or a penalty (l2=1e-3), or leave"
    " the column out (exclude=…)."
)
_NAMED = 5  # columns in a sentence


class Kind(enum.Enum):
    """How much a linear combination of the unpenalised columns tells the labels apart."""

    NONE = "none"
    QUASI = "quasi"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Separation:
    """The verdict on the unpenalised coefficients of a fit.

    Attributes
    ----------
    exists : bool or None
        Whether there is a finite estimate; None where that could not be decided.
    kind : Kind
        `COMPLETE`: all rows with weight are told apart; `QUASI`: some are, and the direction leaves
        the others where they are.
    proof : str
        How that is known.
    direction : mapping of name to float
        Along it the log loss falls for ever: each row's log odds move towards its label, or not at
        all. In the units of the columns, the largest entry ±1; only entries that are not 0.
    columns : mapping of name to float
        The coefficients without a finite estimate: ∞ or −∞; nan where either would do.
    rows : int
        Rows with weight that are told apart.
    first_rows : tuple of int
        The first few of them; the first row of the table is row 0.
    estimates, standard_errors : mapping of name to float
        The limit of the estimates, intercept first: ±∞ for `columns`, and for the others the fit to
        the rows that are not told apart. Standard errors are nan beside a penalty. Empty where the
        estimate exists: the coefficients are the estimates.
    loss : float or None
        The infimum of the weighted mean log loss, where the estimate does not exist and nothing is
        penalised.
    covariance : ndarray of shape (k, k) or None
        Of `estimates`, nan for those that are not finite or aliased. Not in files; the estimates of
        a model are.
    remedy : str
        What to do about it; empty where the estimate exists.
    """

    exists: bool | None
    kind: Kind
    proof: str
    direction: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, float] = field(default_factory=dict)
    rows: int = 0
    first_rows: tuple[int, ...] = ()
    estimates: Mapping[str, float] = field(default_factory=dict)
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    remedy: str = ""
    loss: float | None = None
    covariance: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The verdict in a sentence or two."""
        if self.exists is not False:
            return self.proof
        how = "Complete" if self.kind is Kind.COMPLETE else "Quasi-complete"
        names = [f"{name} ({_signed(value)})" for name, value in self.columns.items()]
        shown = ", ".join(names[:_NAMED])
        if len(names) > _NAMED:
            shown += f" and {len(names) - _NAMED:,} more"
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return (
            f"{how} separation: {rows} can be told apart without error, so there is no finite"
            f" estimate of {shown}. {self.remedy}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "exists": self.exists,
            "kind": self.kind.value,
            "proof": self.proof,
            "direction": dict(self.direction),
            "columns": _to_json(self.columns),
            "rows": self.rows,
            "first_rows": list(self.first_rows),
            "estimates": _to_json(self.estimates),
            "standard_errors": _to_json(self.standard_errors),
            "remedy": self.remedy,
            "loss": self.loss,
        }

    @staticmethod
    def from_json(value: object, where: str) -> Separation:
        """Return the record that `to_json` gave; ModelFileError where it is not one."""
        fields = _check(value, where)
        fields["first_rows"] = tuple(fields["first_rows"])
        return Separation(**fields)


def _signed(value: float) -> str:
    return "infinite" if math.isnan(value) else ("+inf" if value > 0.0 else "-inf")


def _to_json(values: Mapping[str, float]) -> dict[str, Any]:
    return {name: js.measure_to_json(value) for name, value in values.items()}


def _exists(value: object, where: str) -> bool | None:
    if not (value is None or type(value) is bool):
        js.refuse(where, "true, false or null", value)
    return value


def _kind(value: object, where: str) -> Kind:
    known = {kind.value: kind for kind in Kind}
    name = js.text(value, where)
    if name not in known:
        js.refuse(where, f"one of {', '.join(known)}", value)
    return known[name]


_check = js.record(
    {
        "exists": _exists,
        "kind": _kind,
        "proof": js.text,
        "direction": js.mapping_of(js.number),
        "columns": js.mapping_of(js.measure),
        "rows": js.count,
        "first_rows": js.list_of(js.count),
        "estimates": js.mapping_of(js.measure),
        "standard_errors": js.mapping_of(js.measure),
        "remedy": js.text,
    },
    or_none={"loss": js.optional(js.number)},
)
