"""The one loop around every solver.

A solver starts from a point and makes steps; each step returns a new state and changes none. The
loop writes the history, asks for certificates when one is likely to succeed, and knows when to
stop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from logloss.certificate import (
    LARGEST_HESSIAN,
    Status,
    duality_gap,
    information_is_lost,
    newton_step,
)
from logloss.objective import Objective, OutOfTime
from logloss.solvers.ending import closing_gap

__all__ = [
    "Callback",
    "Result",
    "Solver",
    "State",
    "Status",
    "Step",
    "Stop",
    "minimise",
    "solve_to",
]

Array = NDArray[np.float64]


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


INEXACT = 100.0  # what an inexact step makes of the gap, before the first certificate tells

Callback = Callable[[Step], Any]  # a true result stops the fit


@dataclass(frozen=True, eq=False)
class State:
    """Where a solver is.

    Attributes
    ----------
    beta, gradient : ndarray of shape (n_coefficients,)
    value : float
        F at beta.
    step : ndarray or None
        An approximate Newton step from beta (β − step is better), for a certificate.
    decrease : float
        Its guess of F(β) − min F; nan where it has none.
    rest : float
        What the inexactness of `step` adds to the gap of its certificate; nan where not known.
    exact : bool
        `step` is the Newton step to rounding, not an approximation.
    hessian : ndarray of shape (n_coefficients, n_coefficients), or None
        What `step` was found by.
    stalled : bool
        No step improves F any more.
    """

    beta: Array
    value: float
    gradient: Array
    step: Array | None = None
    decrease: float = math.nan
    rest: float = math.nan
    exact: bool = False
    hessian: Array | None = None
    stalled: bool = False


class Solver(Protocol):
    """Init and step over an immutable state."""

    @property
    def name(self) -> str: ...
    @property
    def most_steps(self) -> int:
        """Steps after which to give up, where the user gives no limit."""
        ...

    @property
    def affine_invariant(self) -> bool:
        """Its steps do not depend on the units of the columns."""
        ...

    @property
    def nonsmooth(self) -> bool:
        """It takes L1 penalties and bounds."""
        ...

    def start(self, objective: Objective, beta: Array) -> Any:
        """The state at beta, or at a better point that the solver knows how to find."""
        ...

    def advance(self, objective: Objective, state: Any) -> Any:
        """The next state."""
        ...


@dataclass(frozen=True)
class Stop:
    """When to stop: at a proven relative gap, after so many steps, or at a time.

    `seconds` counts from `begun`, a reading of `time.perf_counter`.
    """

    tol: float = 1e-6
    max_iter: int | None = None
    seconds: float = math.inf
    begun: float = field(default_factory=time.perf_counter)
    callbacks: tuple[Callback, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a minimisation: the best point, what is proven about it, and how it went."""

    beta: Array
    value: float
    gap: float
    status: Status
    history: tuple[Step, ...]


@dataclass(frozen=True)
class _Bounds:
    """What is known of min F, and how certificates have gone so far.

    Attributes
    ----------
    lower : float
        The best lower bound on min F; no term of F is negative.
    ratio : float
        How many times the solver's guess the last gap was.
    reads : int
        Data reads when the last certificate was asked for.
    """

    lower: float = 0.0
    ratio: float | None = None
    reads: int = -1


def minimise(objective: Objective, solver: Solver, beta: Array, stop: Stop) -> Result:
    """Minimise an objective by a solver until the gap is proven to be small.

    Parameters
    ----------
    objective : Objective
    solver : Solver
    beta : ndarray of shape (n_coefficients,)
        Where to start; what is out of bounds is put on the bound.
    stop : Stop
        Its time holds inside a step too. The certificate of the point that is kept then takes at
        most a tenth more, beyond a read or two.

    Returns
    -------
    Result
        Also when interrupted (Ctrl-C): then the best point reached, with the gap known by then.

    Raises
    ------
    KeyboardInterrupt
        Interrupted before there was any point.
    """
    beta = objective.penalty.prox(beta, 0.0)
    best: list[State] = []
    history: list[Step] = []
    try:
        timed = objective.until(stop.begun + stop.seconds)
        return solve_to(timed, solver, beta, stop, best, history)
    except OutOfTime:
        if not best:
            value, gradient = objective.value_gradient(beta)
            _keep_best(State(beta, value, gradient), best)
        if not history:
            history.append(_step(objective, best[0].value, math.nan, stop))
        return _ended(objective, best[0], best[0].value, Status.BUDGET, stop, history)
    except KeyboardInterrupt:
        if not best:
            raise
        gap = max(best[0].value - _proven(history), 0.0)
        return Result(best[0].beta, best[0].value, gap, Status.INTERRUPTED, tuple(history))


def solve_to(
    objective: Objective,
    solver: Solver,
    beta: Array,
    stop: Stop,
    best: list[State] | None = None,
    history: list[Step] | None = None,
) -> Result:
    """`minimise`, but an interruption passes through.

    `best` is given the best state and `history` the steps as they come, for whoever catches it.
    """
    best = [] if best is None else best
    history = [] if history is None else history
    gap, bounds = math.nan, _Bounds()
    state = previous = _checked(solver.start(objective, beta), best)
    status: Status | None = None
    for _ in range(stop.max_iter or solver.most_steps):
        gap, bounds = _certify(objective, state, previous, bounds, stop)
        status = _record(objective, state, gap, stop, history)
        if status is not None or state.stalled:
            break
        previous, state = state, _checked(solver.advance(objective, state), best)
    else:
        status = _record(objective, state, math.nan, stop, history) or Status.BUDGET
    at_ease = objective.until(math.inf)
    if status not in (Status.CERTIFIED, Status.SEPARATED_SUSPECTED, Status.FAILED):
        return _ended(at_ease, best[0], state.value, status or Status.STALLED, stop, history)
    return _result(at_ease, state, gap, status, history)


def _checked(state: State, best: list[State]) -> State:
    """Keep the state if it is the best; one that is not finite is where the solver ends."""
    if not (math.isfinite(state.value) and np.isfinite(state.gradient).all()):
        state = replace(state, value=math.nan, stalled=True)
    _keep_best(state, best)
    return state


def _keep_best(state: State, best: list[State]) -> None:
    if not best or state.value < best[0].value:
        best[:] = [state]


def _ended(
    objective: Objective,
    best: State,
    last: float,
    status: Status,
    stop: Stop,
    history: list[Step],
) -> Result:
    """The end before the goal was proven: a certificate of the best point, whatever it costs.

    What it costs is bounded by a tenth of the time, where time was given. `last` is F at the last
    point, which is not the best one where a solver wanders.
    """
    goal = tolerance(objective, best.value, stop.tol)
    gap = closing_gap(objective, best, goal, stop.begun, stop.begun + 1.1 * stop.seconds)
    gap = min(gap, best.value - _proven(history))
    history[-1] = _step(objective, last, gap + (last - best.value), stop)
    if gap <= goal:
        status = Status.CERTIFIED
    return _result(objective, best, gap, status, history)


def _result(
    objective: Objective, state: State, gap: float, status: Status, history: list[Step]
) -> Result:
    if status is Status.CERTIFIED and _information_lost(objective, state):
        status = Status.SEPARATED_SUSPECTED
    gap = state.value if math.isnan(gap) else min(gap, state.value)
    return Result(state.beta, state.value, gap, status, tuple(history))


def _proven(history: Sequence[Step]) -> float:
    """The best lower bound on min F in a history; no term of F is negative."""
    known = [step.loss - step.gap for step in history if math.isfinite(step.gap)]
    best = max(known, default=0.0)
    return max(best - 1e-14 * abs(best), 0.0)  # what subtracting may have rounded away


def _step(objective: Objective, value: float, gap: float, stop: Stop) -> Step:
    return Step(objective.reads, time.perf_counter() - stop.begun, value, gap)


def _record(
    objective: Objective, state: State, gap: float, stop: Stop, history: list[Step]
) -> Status | None:
    """Add a step to the history and show it; the status, if this is where to stop."""
    step = _step(objective, state.value, gap, stop)
    history.append(step)
    answers = [callback(step) for callback in stop.callbacks]
    if math.isnan(state.value):
        return Status.FAILED
    if gap <= tolerance(objective, state.value, stop.tol):
        return Status.CERTIFIED
    if _looks_separated(objective, state):
        return Status.SEPARATED_SUSPECTED
    if any(answers):
        return Status.INTERRUPTED
    return Status.BUDGET if step.seconds >= stop.seconds else None


def tolerance(objective: Objective, value: float, tol: float) -> float:
    """The gap to reach: tol·F, and where nothing is penalised also a coefficient error of 1e-4.

    Nothing is asked for that rounding of F itself forbids.
    """
    goal = tol * value
    if objective.unpenalised:
        goal = min(goal, 0.5e-8 / objective.likelihood.weight_sum)
    return max(goal, 1e-30)


def _looks_separated(objective: Objective, state: State) -> bool:
    """Unpenalised, and a loss of nothing: all rows are told apart."""
    return objective.unpenalised and state.value <= 1e-9 * objective.value_of_null()


def _information_lost(objective: Objective, state: State) -> bool:
    """Unpenalised coefficients along some direction, and next to nothing left to know them by."""
    if not objective.free_columns or objective.n_coefficients > LARGEST_HESSIAN:
        return False
    hessian = state.hessian if state.exact else None
    return information_is_lost(objective, state.beta, hessian)


def _certify(
    objective: Objective,
    state: State,
    previous: State,
    bounds: _Bounds,
    stop: Stop,
) -> tuple[float, _Bounds]:
    """The gap at this state, as far as it is worth a read; nan where it is not."""
    goal = tolerance(objective, state.value, stop.tol)
    if not _promising(objective, state, previous, bounds, goal):
        return _known_gap(state, bounds, goal), bounds
    if math.isnan(state.value):
        return math.nan, bounds
    step = state.step
    poor = objective.free_columns or _expected(state, bounds) > goal
    if step is None or (poor and not state.exact):
        step = newton_step(objective, state.beta, state.gradient, 0.3 * goal)
    gap = min(duality_gap(objective, state.beta, step), state.value)
    guess = state.decrease + max(state.rest, 0.0) if state.decrease > 0.0 else goal
    ratio = min(max(gap / guess, 1.0), 1e4)
    lower = max(bounds.lower, state.value - gap)
    return gap, _Bounds(lower, ratio, objective.reads)


def _expected(state: State, bounds: _Bounds) -> float:
    """The gap that the state's step should prove, where the solver can tell; else nan."""
    return max(bounds.ratio or 1.2, 1.2) * (state.decrease + state.rest)


def _known_gap(state: State, bounds: _Bounds, goal: float) -> float:
    """F − (best lower bound), where subtracting them leaves anything beyond rounding."""
    gap = state.value - bounds.lower
    rounding = 1e-14 * abs(state.value)
    return gap + rounding if rounding < 0.1 * goal and math.isfinite(gap) else math.nan


def _promising(
    objective: Objective, state: State, previous: State, bounds: _Bounds, goal: float
) -> bool:
    """Is a certificate likely to reach the goal, and worth its reads?"""
    if state.rest >= 0.0:
        return _expected(state, bounds) <= goal or state.decrease <= 0.01 * goal
    if state.decrease >= 0.0:
        usual = 1.0 if state.exact else INEXACT
        return state.decrease * (bounds.ratio or usual) <= goal
    if objective.reads < 1.5 * bounds.reads:
        return False
    return previous.value - state.value <= 0.01 * goal
