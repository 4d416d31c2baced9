"""The verdict on separation: a proof that the estimate exists, or what takes its place.

Existence is proven by a dual point (existence.py), non-existence by a direction that is checked on
all rows (direction.py); then the limit of the likelihood is found (limit.py). A fit that ends with
a certificate has the dual point already, so that the verdict costs no read. A fit on separated data
would go on for ever: the solver's loop notices that what is to gain falls by the same factor with
each step of Newton, and asks; a direction that turns up ends the fit.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from logloss.backends.memory import MemoryLikelihood
from logloss.evidence import Evidence
from logloss.inference import existence
from logloss.inference.direction import Cone, Undecided, find
from logloss.inference.limit import Separated, far_along, peeled, step_within, verdict
from logloss.objective import Objective
from logloss.solvers.base import Result, Status, Step, Stop, minimise
from logloss.solvers.choose import choose
from logloss.solvers.proving import tolerance
from logloss.verdict import Kind, Separation

Array = NDArray[np.float64]

WIDEST = 2000  # coefficients without a penalty up to which a verdict is sought
_TOO_WIDE = "Not decided: too many coefficients have no penalty."
_TOO_HARD = "Not decided: the linear program that would tell takes too much time."
_NO_TIME = "Not decided in the time that was given; a fit without time_budget decides."
_NO_DIRECTION = (
    "A finite estimate exists: linear programming finds no direction that tells rows apart."
)


class Judge:
    """Decides about one objective when it is asked, and keeps what it found.

    `patient`: a linear program may take its time.
    """

    def __init__(self, objective: Objective, tol: float, patient: bool = True) -> None:
        self.patient = patient
        self.objective = objective
        self.tol = tol
        self.found: Separated | None = None
        self._cone: Cone | None = None

    @property
    def able(self) -> bool:
        """Is there anything to decide, and can it be?"""
        few = int(self.objective.penalty.free.sum()) <= WIDEST
        return isinstance(self.objective.likelihood, MemoryLikelihood) and few

    @property
    def cone(self) -> Cone:
        """The columns without a penalty; one Hessian, the first time."""
        if self._cone is None:
            likelihood = self.objective.likelihood
            assert isinstance(likelihood, MemoryLikelihood)
            free = np.flatnonzero(self.objective.penalty.free)
            self._cone = Cone.over(likelihood, free, self.objective.penalty)
        return self._cone

    def separated(self, beta: Array, step: Array | None = None, thorough: bool = False) -> bool:
        """Is there a direction? Answers yes only where one was found and checked.

        Raises
        ------
        Undecided
            If `thorough`, and it takes too much.
        """
        if not self.able:
            return False
        if step is None:
            step = step_within(self.cone, beta)
        try:
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

    def exists(self, beta: Array) -> bool:
        """Is it proven that the estimate exists? Near the optimum yes, where it does."""
        cone = self.cone
        squares = np.diag(cone.gram)
        return existence.prove(cone.likelihood, cone.penalty, cone.free, squares, beta)


def decide(evidence: Evidence, near: bool, tol: float = 1e-6) -> Separation:
    """The verdict on a fit, from its data.

    Parameters
    ----------
    near : bool
        The point of the evidence is near the optimum; else a fit comes first.
    """
    objective = evidence.objective.until(math.inf)
    judge = Judge(objective, tol)
    if not objective.penalty.free.any():
        return Separation(True, Kind.NONE, "A penalty or bounds keep every coefficient finite.")
    if not judge.able:
        return Separation(None, Kind.UNKNOWN, _TOO_WIDE)
    beta = evidence.beta
    if not near:
        smooth = objective.penalty.smooth
        solver = choose("auto", objective.n_rows, objective.n_coefficients, smooth).solver
        beta = minimise(objective, solver, beta, Stop(tol=tol, separated=judge.separated)).beta
    return closing(judge, beta, evidence.names)


def closing(judge: Judge, beta: Array, names: tuple[str, ...]) -> Separation:
    """The verdict at a point near the optimum, or far along a direction without end."""
    try:
        if judge.found is None and judge.exists(beta):
            return Separation(True, Kind.NONE, existence.PROVEN)
        if judge.found is None and not judge.separated(beta, thorough=judge.patient):
            if not judge.patient:
                return Separation(None, Kind.UNKNOWN, _NO_TIME)
            return Separation(True, Kind.NONE, _NO_DIRECTION)
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
    if not (objective.free_columns and judge.able):
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
    if result.status is Status.CERTIFIED:
        if result.information is not None and not _proven_by_certificate(judge, result):
            if not judge.exists(result.beta) and not judge.separated(result.beta):
                return result, None
        elif result.information is None:
            return result, None
        if judge.found is None:
            return result, Separation(True, Kind.NONE, existence.PROVEN)
    elif result.status is Status.SEPARATED_SUSPECTED:
        found = closing(judge, result.beta, names)
    if judge.found is None:
        exists = found is not None and found.exists
        return (replace(result, status=Status.CERTIFIED) if exists else result), found
    beta, gap = far_along(judge.found, tolerance(objective, result.value, judge.tol))
    value = objective.value_gradient(beta)[0]
    last = Step(objective.reads, time.perf_counter() - stop.begun, value, gap)
    ended = replace(
        result,
        beta=beta,
        value=value,
        gap=min(gap, value),
        status=Status.SEPARATED,
        history=(*result.history, last),
    )
    return ended, found or verdict(judge.found, names)


def _proven_by_certificate(judge: Judge, result: Result) -> bool:
    likelihood = judge.objective.likelihood
    assert isinstance(likelihood, MemoryLikelihood)
    assert result.information is not None
    hessian, taken = result.information
    free = np.flatnonzero(judge.objective.penalty.free)
    return existence.proven_by(likelihood, free, result.beta, hessian, taken)
