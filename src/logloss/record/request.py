"""Request: all that was asked of a fit, typed. Fits, paths, races and attach begin with it.

A request is asked with what the caller has at hand: arrays, positions, names of columns. Once a
table was read it is *settled*: its roles are names of columns, and its penalty factors and bounds
stand by the names of coefficients. A settled request is made of plain values; a model file holds
it whole (request_json.py), and on the same table it makes the same objective again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from logloss.errors import UsageError
from logloss.record.options import check_part
from logloss.record.penalty_options import PenaltyOptions
from logloss.table.treatment import TableOptions

if TYPE_CHECKING:
    from logloss.table.roles.labels import Label

_AUTOMATIC = frozenset(["auto"])
ARRAY = ""  # what is remembered of a role that was an array: that there was one


@dataclass(frozen=True)
class Limits:
    """When a fit ends, and on how many threads it runs.

    Attributes
    ----------
    tol : float
        The relative gap to prove.
    max_iter : int or None
        Steps of the solver.
    time_budget : float or None
        Seconds from the call, reading included.
    n_threads : int or None
    """

    tol: float = 1e-6
    max_iter: int | None = None
    time_budget: float | None = None
    n_threads: int | None = None

    def check(self) -> None:
        """Raise a UsageError where one cannot be."""
        check_part("limits", self)

    @property
    def seconds(self) -> float:
        """The time budget; ∞ where there is none."""
        return math.inf if self.time_budget is None else self.time_budget

    def plain(self) -> Limits:
        """The same in Python's own types."""
        return Limits(
            float(self.tol),
            None if self.max_iter is None else int(self.max_iter),
            None if self.time_budget is None else float(self.time_budget),
            None if self.n_threads is None else int(self.n_threads),
        )


@dataclass(frozen=True)
class Roles:
    """Which columns are what, and what weights and labels mean.

    Attributes
    ----------
    target, weights, offset, groups : any
        The name of a column, an array, or None; settled, a name, `ARRAY` or None.
    exclude : names of columns
        Settled, a tuple.
    positive : label or None
    class_weight : mapping of label to weight, "balanced", or None
    weights_are : str or None
    """

    target: Any = None
    weights: Any = None
    offset: Any = None
    groups: Any = None
    exclude: Any = ()
    positive: Label | None = None
    class_weight: Mapping[Any, float] | str | None = None
    weights_are: str | None = None

    def check(self) -> None:
        """Raise a UsageError where one cannot be, whatever the table is."""
        check_part("roles", self)


@dataclass(frozen=True)
class SolverChoice:
    """The solver that was asked for.

    Attributes
    ----------
    name : str
        Of a solver, or "auto".
    settings : mapping
        What an object of `logloss.solvers` has set otherwise than is usual, as plain values.
    seed : int or None
        From `random_state`.
    given : object
        Such an object; None where a name was given, and in a request that was read from a file.
    """

    name: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    given: Any = field(default=None, compare=False, repr=False)

    @staticmethod
    def of(solver: Any, seed: int | None = None) -> SolverChoice:
        """The choice that a name or an object is."""
        if isinstance(solver, str):
            return SolverChoice(solver, seed=seed)
        return SolverChoice(str(getattr(solver, "name", "")), _settings(solver), seed, solver)

    @property
    def automatic(self) -> bool:
        """Whether it is left to the shape of the problem."""
        return self.given is None and self.name in _AUTOMATIC

    @property
    def asked(self) -> Any:
        """The object, or the name."""
        return self.name if self.given is None else self.given


@dataclass(frozen=True)
class Request:
    """All that was asked of a fit.

    Attributes
    ----------
    penalty : PenaltyOptions
    limits : Limits
    table : TableOptions
    roles : Roles
    solver : SolverChoice
    fit_intercept, firth : bool
    prior : float or None
        The share of positives in the population.
    covariance : str or None
        The kind that was chosen with the fit.
    untold : frozenset of str
        Options that a model file of before does not tell; what stands here for them is a guess.
    others : mapping
        Options of a model file that are not known here: a newer version wrote it.
    """

    penalty: PenaltyOptions = field(default_factory=PenaltyOptions)
    limits: Limits = field(default_factory=Limits)
    table: TableOptions = field(default_factory=TableOptions)
    roles: Roles = field(default_factory=Roles)
    solver: SolverChoice = field(default_factory=SolverChoice)
    fit_intercept: bool = True
    firth: bool = False
    prior: float | None = None
    covariance: str | None = None
    untold: frozenset[str] = frozenset()
    others: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise a UsageError where options cannot be, or contradict each other: before any work."""
        check_part("", self)
        self.penalty.check()
        self.limits.check()
        self.roles.check()
        if self.covariance is not None:
            self.penalty.check_none(f"covariance={self.covariance!r}")
        if self.firth:
            self._check_firth()

    def _check_firth(self) -> None:
        self.penalty.check_none("firth=True")
        if not self.solver.automatic:
            raise UsageError(
                "firth=True has a method of its own and takes no solver", "leave solver out"
            )
        if self.covariance is not None:
            raise UsageError(
                f"firth=True takes no covariance={self.covariance!r}: its penalty has the usual"
                " variance",
                "leave covariance out",
            )

    def penalised_by(self, **size: float | None) -> Request:
        """The same with another size of the penalty: C and l1_ratio, or l1 and l2."""
        none: dict[str, Any] = {"C": math.inf, "l1_ratio": 0.0, "l1": None, "l2": None}
        return replace(self, penalty=replace(self.penalty, **(none | size)))

    def in_roles(self, **roles: Any) -> Request:
        """The same with other columns, or arrays, in these roles."""
        return replace(self, roles=replace(self.roles, **roles))

    def told(self, **options: Any) -> Request:
        """The same where roles that a file of before does not tell have come to be known."""
        new = {name: value for name, value in options.items() if name in self.untold}
        return replace(self.in_roles(**new), untold=self.untold - new.keys())


def remembered(given: Any, column: str | None) -> str | None:
    """What a model remembers of a role: its column, `ARRAY`, or None for nothing."""
    return column if column is not None else (ARRAY if given is not None else None)


def _settings(solver: Any) -> dict[str, Any]:
    """The plain values of a solver that are not those of its class."""
    if not is_dataclass(solver) or isinstance(solver, type):
        return {}
    values = [(one.name, getattr(solver, one.name), one.default) for one in fields(solver)]
    return {name: x for name, x, usual in values if _is_plain(x) and x != usual}


def _is_plain(value: Any) -> bool:
    return type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))
