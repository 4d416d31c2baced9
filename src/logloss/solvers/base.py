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

from logloss.objective.base import Objective, OutOfTime
from logloss.objective.certificate import LARGEST_HESSIAN, information_is_lost
from logloss.record.proof import Status, Step
from logloss.solvers.ending import closing_gap
from logloss.solvers.proving import Bounds, PlainState, State, certify, tolerance

__all__ = [
    "Callback",
    "Result",
    "Solver",
    "State",
    "Stop",
    "minimise",
    "solve_to",
]

Array = NDArray[np.float64]

_AT_REST = (Status.CERTIFIED, Status.STALLED)
_DECIDED = (Status.CERTIFIED, Status.SEPARATED, Status.SEPARATED_SUSPECTED, Status.FAILED)
_LITTLE = 0.1  # of the loss of the intercept alone: most rows are told apart
_MANY = (
    64  # steps without Newton's after which separation is looked into, and each time they double
)
_CALM = 1e-3  # of what was to gain at a false alarm, until the next


Callback = Callable[[Step], Any]  # a true result stops the fit


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

    `seconds` counts from `begun`, a reading of `time.perf_counter`. `separated` is asked, with a
    point and Newton's step from it (None: not known), where it looks as if no minimum exists or
    none comes near; if so, that is the end.
    """

    tol: float = 1e-6
    max_iter: int | None = None
    seconds: float = math.inf
    begun: float = field(default_factory=time.perf_counter)
    callbacks: tuple[Callback, ...] = ()
    separated: Callable[[Array, Array | None], bool] | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a minimisation: the best point, what is proven about it, and how it went.

    `information`: a Hessian of all rows and the point at which it was taken, where one is at hand.
    `delta`: the step of the dual point that proved the gap at beta; None where there was none.
    `length`: of Firth's modified score, in standard errors; nan for other fits.
    """

    beta: Array
    value: float
    gap: float
    status: Status
    history: tuple[Step, ...]
    information: tuple[Array, Array] | None = None
    length: float = math.nan
    delta: Array | None = None


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
        try:
            timed = objective.until(stop.begun + stop.seconds)
            return solve_to(timed, solver, beta, stop, best, history)
        except OutOfTime:
            if not best:
                value, gradient = objective.value_gradient(beta)
                _keep_best(PlainState(beta, value, gradient), best)
            if not history:
                history.append(_step(objective, best[0].value, math.nan, stop))
            return _ended(objective, best[0], best[0].value, Status.BUDGET, stop, history)
    except KeyboardInterrupt:
        if not best:
            raise
        if not history:
            history.append(_step(objective, best[0].value, math.nan, stop))
        gap = math.nan if best[0].lossless else max(best[0].value - _proven(history), 0.0)
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
    gap, bounds, alarm = math.nan, Bounds(), math.inf
    state = previous = mark = _checked(solver.start(objective, beta), best)
    status: Status | None = None
    for _ in range(stop.max_iter or solver.most_steps):
        gap, bounds = certify(objective, state, previous, bounds, stop.tol)
        status = _record(objective, state, gap, stop, history)
        if status is None and _flattens(objective, previous, mark, state, alarm):
            status, alarm = _asked(stop, state), _CALM * state.decrease
        if status is None and _long_without_newton(objective, state, len(history)):
            status = _asked(stop, state)
        mark = state if _exact_here(state) else mark
        if status is not None or state.stalled:
            break
        previous, state = state, _checked(solver.advance(objective, state), best)
    else:
        status = _record(objective, state, math.nan, stop, history) or Status.BUDGET
    at_ease = objective.until(math.inf)
    if status not in _DECIDED:
        return _ended(at_ease, best[0], state.value, status or Status.STALLED, stop, history)
    delta = bounds.delta if bounds.at is state.beta else None
    return _result(at_ease, state, (gap, delta), status, history)


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
    if best.lossless:
        return Result(best.beta, best.value, math.nan, Status.NO_LOSS, tuple(history))
    goal = tolerance(objective, best.value, stop.tol)
    gap, delta = closing_gap(objective, best, goal, stop.begun, stop.begun + 1.1 * stop.seconds)
    gap = max(min(gap, best.value - _proven(history)), 0.0)
    history[-1] = _step(objective, last, gap + (last - best.value), stop)
    enough = stop.tol * best.value if status is Status.STALLED else goal
    if gap <= max(goal, enough):  # rounding may forbid more than the tolerance, which is reached
        status = Status.CERTIFIED
    return _result(objective, best, (gap, delta), status, history)


def _result(
    objective: Objective,
    state: State,
    proof: tuple[float, Array | None],
    status: Status,
    history: list[Step],
) -> Result:
    """`proof`: the gap, and the step of the dual point that told."""
    gap, delta = proof
    if status in _AT_REST and _information_lost(objective, state):
        status = Status.SEPARATED_SUSPECTED
    gap = state.value if math.isnan(gap) else min(gap, state.value)
    known = state.exact and state.hessian is not None and state.taken is not None
    found = Result(state.beta, state.value, gap, status, tuple(history), delta=delta)
    return replace(found, information=(state.hessian, state.taken)) if known else found  # type: ignore[arg-type]


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


def _looks_separated(objective: Objective, state: State) -> bool:
    """Unpenalised, and a loss of nothing: all rows are told apart."""
    if state.lossless or not objective.unpenalised:
        return False
    return state.value <= 1e-9 * objective.value_of_null()


def _flattens(
    objective: Objective, previous: State, mark: State, state: State, alarm: float
) -> bool:
    """What is still to gain falls by e with each step of Newton, to be looked into below `alarm`.

    It does so along a direction in which rows are told apart, where e^−|z| is left of their loss;
    near a minimum it falls much faster. Or all of the loss does, where all rows are told apart.
    `mark` is the last state with an exact Hessian of its own: steps with a kept one lie between.
    """
    if state.step is None or not objective.endless_columns or not state.decrease < alarm:
        return False
    if state.value < _LITTLE * objective.value_of_null():
        fallen = 0.25 * previous.value < state.value < 0.6 * previous.value
        return objective.unpenalised and fallen
    near = state.decrease * objective.likelihood.weight_sum < 1.0
    both = near and _exact_here(state) and _exact_here(mark)
    return both and 0.1 * mark.decrease < state.decrease < 0.6 * mark.decrease


def _exact_here(state: State) -> bool:
    return state.exact and state.taken is state.beta


def _long_without_newton(objective: Objective, state: State, steps: int) -> bool:
    """Many steps of a solver that has none of Newton's to tell by: asked at 64, 128, 256, …"""
    doubled = steps >= _MANY and steps & (steps - 1) == 0
    return doubled and state.step is None and objective.endless_columns and not state.lossless


def _asked(stop: Stop, state: State) -> Status | None:
    there = stop.separated is not None and stop.separated(state.beta, state.step)
    return Status.SEPARATED if there else None


def _information_lost(objective: Objective, state: State) -> bool:
    """Unpenalised coefficients along some direction, and next to nothing left to know them by."""
    counted = objective.penalty.neglected is None  # else a penalty may hold what looks flat
    if not (counted and objective.endless_columns) or objective.n_coefficients > LARGEST_HESSIAN:
        return False
    hessian = state.hessian if state.exact else None
    return information_is_lost(objective, state.beta, hessian)
