"""The certificate of the point that is kept when a fit ends before its goal, in the time left.

A Newton step gives the best dual point. Where the time does not allow for a Hessian it is found by
conjugate gradients, each iteration one read, for as long as there is time; where there is none left
at all the step that the solver had, or a dual point in which only the unpenalised coefficients are
corrected, gives a bound that holds all the same.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective, OutOfTime
from logloss.objective.certificate import DualPoint, conjugate_step, dual_point, newton_step
from logloss.solvers.proving import State, known_hessian

Array = NDArray[np.float64]

_COLUMNS_A_READ = 25.0  # columns by which a Hessian takes as long as another read


def closing_gap(
    objective: Objective, state: State, goal: float, begun: float, deadline: float
) -> tuple[float, Array | None]:
    """The gap at a point, and the step of its dual point; nan where F is.

    Parameters
    ----------
    goal : float
        The gap that was to be reached.
    begun, deadline : float
        Of the fit, readings of `time.perf_counter`; the reads since tell what a read takes.
    """
    if math.isnan(state.value):
        return math.nan, None
    timed, best = objective.until(deadline), DualPoint(math.inf, state.beta, state.beta)
    if timed.late and state.step is not None and not state.exact:
        best = dual_point(objective, state.beta, state.step)
    try:
        step = state.step
        if step is None or not state.exact:
            step = _newton_step(timed, state, goal, begun)
        known = known_hessian(objective, state)
        found = dual_point(objective, state.beta, step, known=known, goal=goal, value=state.value)
        best = min(best, found, key=lambda dual: dual.gap)
    except OutOfTime:
        pass
    if math.isinf(best.gap):
        best = dual_point(objective, state.beta, np.zeros_like(state.beta))
    return min(best.gap, state.value), best.delta


def _newton_step(objective: Objective, state: State, goal: float, begun: float) -> Array:
    """By conjugate gradients where there is no time to form the Hessian."""
    now = time.perf_counter()
    a_read = (now - begun) / max(objective.reads, 1)
    hessian = max(1.0, objective.n_coefficients / _COLUMNS_A_READ) * a_read
    if now + hessian <= objective.deadline:
        return newton_step(objective, state.beta, state.gradient, 0.3 * goal, state.precondition)
    return conjugate_step(objective, state.beta, state.gradient, 0.3 * goal, state.precondition)
