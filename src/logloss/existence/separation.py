"""The verdict on separation: a proof that the estimate exists, or what takes its place.

Existence is proven by a dual point (existence.py), non-existence by a direction that is checked on
all rows (direction.py); then the limit of the likelihood is found (limit.py). A fit that ends with
a certificate has the dual point already, so that the verdict costs no read. A fit on separated data
would go on for ever: the solver's loop notices that what is to gain falls by the same factor with
each step of Newton, and asks; a direction that turns up ends the fit.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from logloss.existence import proof as existence
from logloss.existence.causes import explained
from logloss.existence.decision import Decision, is_little, is_possible
from logloss.existence.decision import decide as decide_exactly
from logloss.existence.direction import Cone, find
from logloss.existence.limit import Separated, decided, peeled, step_within
from logloss.existence.narrowed import Narrowed
from logloss.existence.program import Undecided
from logloss.existence.saying import far_along, verdict
from logloss.objective.base import Objective
from logloss.objective.likelihood import RowSums
from logloss.record.evidence import Evidence
from logloss.record.proof import Status, Step
from logloss.record.separation import Kind, Separation
from logloss.solvers.base import Result, Stop, minimise
from logloss.solvers.choose import Choice, choose
from logloss.solvers.proving import tolerance

if TYPE_CHECKING:
    from logloss.table import Schema

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

WIDEST = 5000  # coefficients without a penalty up to which a verdict is sought
_TOO_WIDE = "Not decided: too many coefficients have no penalty."
_TOO_HARD = "Not decided: the linear program that would tell takes too much time."
_NO_TIME = "Not decided in the time that was given; a fit without time_budget decides."
_EXACT = (
    "A finite estimate exists: in exact arithmetic no direction tells rows apart, which a point"
    " strictly inside the dual problem proves."
)
_TOO_SMALL = (
    "Not decided: some penalties are below rounding next to the spread of their columns. Give these"
    " columns another unit, or no penalty."
)
_SECONDS = 20.0  # for whole numbers to decide in
_NO_DIRECTION = (
    "A finite estimate exists: linear programming finds no direction that tells rows apart."
)


_OPEN = (Status.SEPARATED_SUSPECTED,)  # statuses that wait for a verdict
_STOPPED = (Status.BUDGET, Status.INTERRUPTED)


class Judge:
    """Decides about one objective when it is asked, and keeps what it found.

    `patient`: a linear program may take its time.
    """

    def __init__(self, objective: Objective, tol: float, patient: bool = True) -> None:
        self.patient = patient
        self.objective = objective
        self.tol = tol
        self.found: Separated | None = None
        self.full_rank = False
        self._cone: Cone | None = None
        self._decision: Decision | None = None

    @property
    def able(self) -> bool:
        """Is there anything to decide, and can it be?"""
        few = len(self.free) <= WIDEST and self.objective.penalty.neglected is None
        return self.objective.likelihood.sums() is not None and few

    @cached_property
    def free(self) -> Indices:
        """The coefficients that nothing keeps from growing."""
        return np.flatnonzero(self.objective.penalty.free)

    @property
    def likelihood(self) -> RowSums:
        """Its rows."""
        return self.objective.sums("a verdict on separation")

    @cached_property
    def little(self) -> bool:
        """Whether whole numbers decide in no time."""
        likelihood = self.objective.likelihood.sums()
        return likelihood is not None and is_little(likelihood, self.free)

    @property
    def cone(self) -> Cone:
        """The columns without a penalty; one Hessian, the first time."""
        if self._cone is None:
            self._cone = Cone.over(self.likelihood, self.free, self.objective.penalty)
        return self._cone

    def own_columns(self) -> Cone:
        """Columns that are no combinations of others, as far as is known by now."""
        if not (self.full_rank or self._decision):
            return self.cone
        own = self._decision.own if self._decision else self.free
        return Cone(self.likelihood, own, np.zeros((0, 0)), self.objective.penalty)

    def separated(self, beta: Array, step: Array | None = None, thorough: bool = False) -> bool:
        """Is there a direction? Answers yes only where one was found and checked.

        Raises
        ------
        Undecided
            If `thorough`, and it takes too much.
        """
        if not self.able:
            return False
        if self.little or thorough:
            decision = self._decided(beta, step)
            if decision is not None:
                return self._found_by(decision, beta)
        try:
            if step is None:
                step = step_within(self.cone, beta)
            direction = find(self.cone, step, beta, thorough)
            if direction is None:
                return False
            self.found = peeled(
                self.objective, self.cone, direction, beta, self.tol, thorough=self.patient
            )
        except Undecided:
            if thorough:
                raise
            return False
        return True

    def _decided(self, beta: Array, step: Array | None) -> Decision | None:
        """What whole numbers say, once; None where that takes too much."""
        likelihood = self.likelihood
        if self._decision is None and is_possible(likelihood, self.free):
            proposals = (beta,) if step is None else (-step, beta)
            penalty = self.objective.penalty
            self._decision = decide_exactly(likelihood, penalty, self.free, _SECONDS, proposals)
        return self._decision

    def _found_by(self, decision: Decision, beta: Array) -> bool:
        if decision.direction is None:
            return False
        if self.found is None:
            self.found = decided(self.objective, decision, beta, self.tol)
        return True

    @property
    def certain(self) -> bool:
        """Whole numbers have decided."""
        return self._decision is not None

    @property
    def why(self) -> str:
        """The proof that the estimate exists, where there is one."""
        return _EXACT if self.certain else existence.PROVEN

    def exists(self, beta: Array) -> bool:
        """Is it proven that the estimate exists? Near the optimum yes, where it does."""
        if self._decision is not None:
            return self._decision.direction is None
        cone = self.cone
        if self.little and len(cone.free) < len(self.free):
            return False  # an alias, but for rounding: that is for whole numbers
        squares = np.diag(cone.gram)
        return existence.prove(cone.likelihood, cone.penalty, cone.free, squares, beta)


def decide(
    evidence: Evidence, near: bool, tol: float = 1e-6, schema: Schema | None = None
) -> Separation:
    """The verdict on a fit, from its data.

    Parameters
    ----------
    near : bool
        The point of the evidence is near the optimum; else a fit comes first.
    schema : Schema, optional
        Of the design, for the causes of a separation.
    """
    objective = evidence.objective.until(math.inf)
    judge = Judge(objective, tol)
    counted = objective.penalty.neglected is None
    if not (objective.penalty.free.any() if counted else objective.endless_columns):
        return Separation(True, Kind.NONE, "A penalty or bounds keep every coefficient finite.")
    if not counted:
        return Separation(None, Kind.UNKNOWN, _TOO_SMALL)
    beta = evidence.beta
    narrow = Narrowed.of(objective)
    if narrow is not None or not near:
        smooth = objective.penalty.smooth
        chosen = choose("auto", objective.n_rows, objective.n_coefficients, smooth)
        beta = judged_fit(judge, beta, chosen, Stop(tol=tol), narrow)[0].beta
    if judge.found is None and not judge.able:
        return Separation(None, Kind.UNKNOWN, _TOO_WIDE)
    verdict = closing(judge, beta, evidence.names)
    return verdict if schema is None else explained(verdict, judge.found, schema)


def judged_fit(
    judge: Judge, first: Array, chosen: Choice, stop: Stop, narrow: Narrowed | None
) -> tuple[Result, Choice]:
    """Minimise; or only what is left where single columns tell rows apart, which is then found.

    Returns the solver too: that of a smaller problem may be another one.
    """
    objective = judge.objective
    if narrow is None:
        asked = replace(stop, separated=judge.separated)
        return minimise(objective, chosen.solver, first, asked), chosen
    if narrow.objective is None:
        judge.found = narrow.separated(None, None, [])
        value = objective.value_gradient(first)[0]
        return Result(first, value, value, Status.SEPARATED, ()), chosen
    inner = Judge(narrow.objective, judge.tol, judge.patient)
    few = narrow.objective
    chosen = chosen.anew(few.n_rows, few.n_coefficients, few.penalty.smooth)
    asked = replace(stop, separated=inner.separated)
    result = minimise(few, chosen.solver, narrow.within(first), asked)
    if result.status is not Status.FAILED:
        judge.found = _of_rest(narrow, inner, result)
    return narrow.as_of_all(result), chosen


def _of_rest(narrow: Narrowed, inner: Judge, result: Result) -> Separated:
    """What is known of a problem from the fit to what is left of it."""
    if result.status in _STOPPED or not inner.able:
        cone = Cone(inner.likelihood, inner.free, np.zeros((0, 0)), inner.objective.penalty)
        return narrow.separated(narrow.rest_of(cone, result, inner.tol, False), None, [])
    proven = False
    if inner.found is None:
        by_fit = result.information is not None and _proven_by_certificate(inner, result)
        proven = by_fit or inner.exists(result.beta)
        inner.full_rank = by_fit
    if inner.found is None and not proven:
        with contextlib.suppress(Undecided):
            inner.separated(result.beta, thorough=inner.patient)
            proven = inner.certain and inner.found is None
    if inner.found is None:
        own = inner.own_columns()
        rest = narrow.rest_of(own, result, inner.tol, proven)
        return narrow.separated(rest, None, narrow.open_ones(own))
    return narrow.beside(inner.found)


def closing(judge: Judge, beta: Array, names: tuple[str, ...]) -> Separation:
    """The verdict at a point near the optimum, or far along a direction without end."""
    try:
        if judge.found is None and judge.exists(beta):
            return Separation(True, Kind.NONE, judge.why)
        if judge.found is None and not judge.separated(beta, thorough=judge.patient):
            if not (judge.patient or judge.certain):
                return Separation(None, Kind.UNKNOWN, _NO_TIME)
            return Separation(True, Kind.NONE, judge.why if judge.certain else _NO_DIRECTION)
    except Undecided:
        return Separation(None, Kind.UNKNOWN, _TOO_HARD)
    assert judge.found is not None
    return verdict(judge.found, names)


def settled(
    judge: Judge, result: Result, names: tuple[str, ...], stop: Stop
) -> tuple[Result, Separation | None]:
    """The end of a fit with its verdict; None where that takes a look that was not asked for yet.

    Where the certificate of the fit proves existence, no read; a few where it does not. A separated
    fit ends far enough along its direction for the tolerance.
    """
    objective = judge.objective
    if judge.found is None and not (objective.endless_columns and judge.able):
        return result, None
    try:
        return _settled(judge, result, names, stop)
    except KeyboardInterrupt:
        return replace(result, status=Status.INTERRUPTED), None


def _settled(
    judge: Judge, result: Result, names: tuple[str, ...], stop: Stop
) -> tuple[Result, Separation | None]:
    objective = judge.objective
    found: Separation | None = None
    if judge.found is not None:
        pass
    elif result.status is Status.CERTIFIED:
        if result.information is not None and not _proven_by_certificate(judge, result):
            known = judge.exists(result.beta) or judge.separated(result.beta) or judge.certain
            if not known:
                return result, None
        elif result.information is None:
            if not judge.little:
                return result, None
            found = closing(judge, result.beta, names)
        if judge.found is None:
            return result, found or Separation(True, Kind.NONE, judge.why)
    elif result.status in _OPEN or (judge.little and _given_up(result, stop)):
        found = closing(judge, result.beta, names)
    if judge.found is None:
        exists = found is not None and found.exists and result.status in _OPEN
        return (replace(result, status=Status.CERTIFIED) if exists else result), found
    stopped = result.status in _STOPPED and not _given_up(result, stop)
    beta, gap = far_along(judge.found, tolerance(objective, result.value, judge.tol))
    value = objective.value_gradient(beta)[0]
    gap = max(gap, value - judge.found.infimum)  # what rounding has made of the way there
    last = Step(objective.reads, time.perf_counter() - stop.begun, value, gap)
    ended = replace(
        result,
        beta=beta,
        value=value,
        gap=min(gap, value),
        status=result.status if stopped else Status.SEPARATED,
        history=(*result.history, last),
    )
    return ended, found or verdict(judge.found, names)


def _given_up(result: Result, stop: Stop) -> bool:
    """It ended without a proof, though nobody stopped it."""
    unlimited = stop.max_iter is None and stop.seconds == math.inf
    return result.status is Status.STALLED or (result.status is Status.BUDGET and unlimited)


def _proven_by_certificate(judge: Judge, result: Result) -> bool:
    likelihood = judge.likelihood
    assert result.information is not None
    hessian, taken = result.information
    free = np.flatnonzero(judge.objective.penalty.free)
    delta = np.zeros_like(result.beta) if result.delta is None else result.delta
    return existence.proven_by(likelihood, free, (result.beta, delta), hessian, taken)
