"""When a certificate is worth its reads, and what it proves.

A certificate costs a read of the data or more, so it is asked for when it is likely to reach the
goal: the solver's guess of what is still to gain, times what the last certificate made of it.
"""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective
from logloss.objective.certificate import dual_point, newton_step
from logloss.objective.feasibility import Known
from logloss.record.proof import NOTHING

Array = NDArray[np.float64]

INEXACT = 100.0  # what an inexact step makes of the gap, before the first certificate tells


@dataclass(frozen=True, eq=False)
class State(ABC):
    """Where a solver is: what each solver's own state has, beside what it remembers.

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
    taken : ndarray of shape (n_coefficients,), or None
        The point at which `hessian` was taken.
    stalled : bool
        No step improves F any more.
    precondition : function or None
        r → M⁻¹r, M near the Hessian, for conjugate gradients.
    lossless : bool
        There is no F and no certificate; `value` is what the solver makes small instead.
    """

    beta: Array
    value: float
    gradient: Array
    step: Array | None = None
    decrease: float = math.nan
    rest: float = math.nan
    exact: bool = False
    hessian: Array | None = None
    taken: Array | None = None
    stalled: bool = False
    precondition: Callable[[Array], Array] | None = None
    lossless: bool = False


@final
@dataclass(frozen=True, eq=False)
class PlainState(State):
    """Of what remembers nothing."""


@dataclass(frozen=True)
class Bounds:
    """What is known of min F, and how certificates have gone so far.

    Attributes
    ----------
    lower : float
        The best lower bound on min F; no term of F is negative.
    ratio : float
        How many times the solver's guess the last gap was.
    reads : int
        Data reads when the last certificate was asked for.
    at, delta : ndarray of shape (n_coefficients,), or None
        Where that was, and the step of its dual point.
    """

    lower: float = 0.0
    ratio: float | None = None
    reads: int = -1
    at: Array | None = None
    delta: Array | None = None


def tolerance(objective: Objective, value: float, tol: float) -> float:
    """The gap to reach: tol·F, and where nothing is penalised also a coefficient error of 1e-4.

    Nothing is asked for that rounding of F itself forbids.
    """
    goal = tol * value
    if objective.unpenalised:
        goal = min(goal, 0.5e-8 / objective.likelihood.weight_sum)
    return max(goal, NOTHING)


def certify(
    objective: Objective, state: State, previous: State, bounds: Bounds, tol: float
) -> tuple[float, Bounds]:
    """The gap at this state, as far as it is worth a read; nan where it is not."""
    if state.lossless:
        return math.nan, bounds
    goal = tolerance(objective, state.value, tol)
    if not _promising(objective, state, previous, bounds, goal):
        return _known_gap(state, bounds, goal), bounds
    if math.isnan(state.value):
        return math.nan, bounds
    step = state.step
    poor = objective.free_columns or _expected(state, bounds) > goal
    if step is None or (poor and not state.exact):
        step = newton_step(objective, state.beta, state.gradient, 0.3 * goal, state.precondition)
    known = known_hessian(objective, state)
    dual = dual_point(objective, state.beta, step, known=known, goal=goal, value=state.value)
    gap = min(dual.gap, state.value)
    guess = state.decrease if state.decrease > 0.0 else goal
    guess += state.rest if state.rest > 0.0 else 0.0
    ratio = min(max(gap / guess, 1.0), 1e4)
    lower = max(bounds.lower, state.value - gap)
    return gap, Bounds(lower, ratio, objective.reads, state.beta, dual.delta)


def known_hessian(objective: Objective, state: State) -> Known | None:
    """The Hessian of all rows that a state has at hand."""
    if not state.exact or state.hessian is None or state.taken is None:
        return None
    return Known(state.hessian, state.taken, np.arange(objective.n_coefficients))


def _expected(state: State, bounds: Bounds) -> float:
    """The gap that the state's step should prove, where the solver can tell; else nan."""
    return max(bounds.ratio or 1.2, 1.2) * (state.decrease + state.rest)


def _known_gap(state: State, bounds: Bounds, goal: float) -> float:
    """F − (best lower bound), where subtracting them leaves anything beyond rounding."""
    gap = state.value - bounds.lower
    rounding = 1e-14 * abs(state.value)
    return gap + rounding if rounding < 0.1 * goal and math.isfinite(gap) else math.nan


def _promising(
    objective: Objective, state: State, previous: State, bounds: Bounds, goal: float
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
