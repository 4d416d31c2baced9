"""Separation: does the estimate exist, and what takes its place where it does not. A plain record.

Found by inference/separation.py, which has the mathematics.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.files import strict_json as js
from logloss.record.estimates import INTERCEPT
from logloss.record.interface import PYTHON, Interface

_NAMED = 5  # columns in a sentence


class Kind(enum.Enum):
    """How much a linear combination of the unpenalised columns tells the labels apart."""

    NONE = "none"
    QUASI = "quasi"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Cause:
    """What tells some of the rows apart by itself.

    Attributes
    ----------
    names : tuple of str
        Columns, or levels of text as `column=level`. Each of them alone tells the rows apart; or
        all `together`, and no fewer.
    columns : tuple of str
        The columns of the table that they are of.
    rows : int
        Rows that are told apart so, and by no cause before this one.
    together : bool
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    together: bool = False


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
    causes : tuple of Cause
        The columns that tell the rows apart, those of most rows first. Coefficients of other
        columns in `columns` follow: the rows that they could be estimated from are told apart.
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
    loss: float | None = None
    causes: tuple[Cause, ...] = ()
    covariance: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The verdict in a sentence or two, and what to do about it in Python."""
        return self.in_words(PYTHON)

    @property
    def remedy(self) -> str:
        """What to do about it in Python; empty where the estimate exists."""
        return self.remedy_in(PYTHON) if self.exists is False else ""

    @property
    def shares(self) -> dict[str, float]:
        """Column, or level of one, → the share of the rows told apart that it explains.

        Alone; or as one of the columns that do so only together.
        """
        return {name: cause.rows / self.rows for cause in self.causes for name in cause.names}

    @property
    def followers(self) -> tuple[str, ...]:
        """Coefficients that are not finite only because no row is left to estimate them from."""
        if not any(cause.columns for cause in self.causes):
            return ()
        named = {name for cause in self.causes for name in (*cause.names, *cause.columns)}
        named.add(INTERCEPT)
        return tuple(name for name in self.columns if _stem(name, named) is None)

    def in_words(self, interface: Interface) -> str:
        """The verdict in a sentence or two, and what to do about it there."""
        if self.exists is not False:
            return self.proof
        return " ".join(filter(None, [self.finding, self._rest(), self.remedy_in(interface)]))

    def remedy_in(self, interface: Interface, *, firth: bool = True) -> str:
        """What to do about it, in the words of an interface; `firth`: it has Firth's estimate."""
        columns = list(dict.fromkeys(name for cause in self.causes for name in cause.columns))
        if self.causes and not columns:
            return "Give weight to rows of both labels."
        them = "the column" if len(columns) == 1 else "the columns"
        how = f" ({interface.exclude(columns)})" if 0 < len(columns) <= _NAMED else ""
        if self.loss is None:  # penalised or bounded, and something is not
            return (
                f"Penalise what is not finite ({interface.penalty}, and no {interface.factor} of"
                f" 0), bound it on both sides, or leave {them} out{how}."
            )
        estimate = f"Firth's estimate ({interface.firth}), which is always finite, or "
        return (
            f"Take {estimate if firth else ''}a penalty ({interface.penalty}), or leave {them}"
            f" out{how}."
        )

    @property
    def finding(self) -> str:
        """Which rows are separated, and by what."""
        complete = self.kind is Kind.COMPLETE
        rows = f"{'all ' if complete else ''}{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return f"The data are separated{'' if complete else ' in part'}: {self._cause(rows)}"

    def _cause(self, rows: str) -> str:
        """What separates the rows."""
        if not self.causes:
            names = _listed([self._signed(name) for name in self.columns])
            return f"{rows} can be told apart without error, so {names} cannot be finite."
        if len(self.causes) > 1:
            parts = [f"{cause.rows:,} by {self._named(cause)}" for cause in self.causes]
            return (
                f"{rows} can be told apart without error, {_listed(parts)}. These have no finite"
                " estimate."
            )
        (cause,) = self.causes
        if not cause.columns:
            return f"{rows} with weight have one label, so no estimate is finite."
        if len(cause.names) > 1:
            words = f"tell {rows} apart without error, so they have"
        else:
            words = f"alone tells {rows} apart without error, so it has"
        return f"{self._named(cause)} {words} no finite estimate."

    def _rest(self) -> str:
        """What becomes of the other coefficients."""
        follow = self.followers
        if not follow:
            complete = self.kind is Kind.COMPLETE or not self.causes
            return "" if complete else "The other estimates stay finite."
        one = len(follow) == 1
        return (
            f"{_listed(follow)} follow{'s' if one else ''}: no row is left to estimate"
            f" {'it' if one else 'them'} from."
        )

    def _named(self, cause: Cause) -> str:
        names = [self._signed(name) for name in cause.names]
        if len(names) == 1:
            return names[0]
        return f"{_listed(names)} {'together' if cause.together else 'each'}"

    def _signed(self, name: str) -> str:
        """With its sign, where the name is that of a coefficient."""
        value = self.columns.get(name, math.nan)
        return name if math.isnan(value) else f"{name} ({value:+.0f})"

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
            "loss": self.loss,
            "causes": [asdict(cause) for cause in self.causes],
        }

    def check_names(self, names: Sequence[str], columns: Sequence[str]) -> None:
        """Raise ModelFileError where it is of other coefficients or columns, or of some alone.

        `names`: of the coefficients, the intercept first where there is one; `columns`: of the
        table.
        """
        if self.exists is False and not (self.rows and self.columns):
            js.refuse("model.separation.exists", "rows and columns with it", False)
        told = (self.direction, self.columns, self.estimates, self.standard_errors)
        js.check_known("model.separation", names, *told)
        for where in ("estimates", "standard_errors"):
            found = getattr(self, where)
            if len(found) not in (0, len(names)):
                js.refuse(f"model.separation.{where}", "all coefficients, or none", list(found))
        for cause in self.causes:
            if cause.rows > self.rows or not set(cause.columns) <= set(columns):
                js.refuse("model.separation.causes", "rows and columns of the table", cause)

    @staticmethod
    def from_json(value: object, where: str) -> Separation:
        """Return the record that `to_json` gave; ModelFileError where it is not one."""
        fields = _check(value, where)
        fields["first_rows"] = tuple(fields["first_rows"])
        fields["causes"] = tuple(fields["causes"] or ())
        fields.pop("remedy")
        return Separation(**fields)


def _listed(words: Sequence[str]) -> str:
    """Such as "a, b and 7 more"."""
    shown, more = list(words[:_NAMED]), len(words) - _NAMED
    last = f"{more:,} more" if more > 0 else shown.pop()
    return f"{', '.join(shown)} and {last}" if shown else last


def _stem(name: str, named: Collection[str]) -> str | None:
    """What of `named` a coefficient is, or is a level of; None where it is of none."""
    while name and name not in named:
        name = name.rpartition("=")[0]
    return name or None


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


def _cause(value: object, where: str) -> Cause:
    fields = _check_cause(value, where)
    names, columns = tuple(fields["names"]), tuple(fields["columns"])
    if not names or type(fields["together"]) is not bool:
        js.refuse(where, "a cause of the separation", value)
    return Cause(names, columns, fields["rows"], fields["together"])


_check_cause = js.record(
    {
        "names": js.list_of(js.text),
        "columns": js.list_of(js.text),
        "rows": js.count,
        "together": js.plain,
    }
)
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
    },
    or_none={
        "loss": js.optional(js.number),
        "causes": js.list_of(_cause),
        "remedy": js.text,  # in files of earlier versions
    },
)
