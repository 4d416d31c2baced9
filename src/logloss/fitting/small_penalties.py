"""The end of a fit some of whose penalties were too small for its solver.

Beside a time stamp in microseconds C = 1 is a penalty of 1e-25 on its squared spread: solvers leave
it out (penalty_options.py). With own parts formed it may still say something, as coefficients of
columns that nearly cancel are large. With w = Aθ the coefficients as they are reported and

    N(w) = ½ Σ l_j w_j² + Σ a_j |w_j|

what was left out, a few Newton steps go from the minimum of the rest, f, to that of f + N(Aθ). As N
is convex, and g a subgradient of it at the point,

    f(θ') + N(Aθ') ≥ f(θ') + g·Aθ' + (N(w) − g·w),

so the gap of f with the slope Aᵀg bounds that of all of F; it is 0 at its minimum.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import solve
from logloss.objective.base import Objective
from logloss.objective.certificate import LARGEST_HESSIAN, duality_gap
from logloss.objective.coordinates import Coordinates
from logloss.objective.feasibility import Known
from logloss.objective.penalty import Neglected
from logloss.record.proof import Status
from logloss.solvers.base import Result

Array = NDArray[np.float64]

_MOST_STEPS = 50
_LEAST_STEP = 2.0**-30
_ENDED = (Status.CERTIFIED, Status.STALLED)
_CLOSE = 1e-3  # of the goal, still to gain: near enough


def with_small_penalties(
    objective: Objective, where: Coordinates, result: Result, tol: float
) -> Result:
    """The result with the penalties that were left out in its value, its gap and its point.

    A few reads, where the gap could not bear them; none where it can. Aliases with a bound stay as
    they are: their scores are known by those of their parts only where nothing tilts them.
    """
    left_out = objective.penalty.neglected
    added = _added(result, objective, where)
    bearable = added.gap <= tol * added.value or result.status not in _ENDED
    if left_out is None or bearable or objective.likelihood.aliases:
        return added
    if objective.n_coefficients > LARGEST_HESSIAN:
        return added
    whole = _Whole(objective, where, left_out)
    best = _minimised(whole, result.beta, tol)
    gap = min(_gap(whole, best, tol), best.value)
    if not gap < added.gap:
        return added
    return replace(result, beta=best.beta, value=best.value, gap=gap, information=None)


def _added(result: Result, objective: Objective, where: Coordinates) -> Result:
    """N added to the value and, as it is 0 at least, to the gap."""
    more = objective.penalty.neglect(where.exact(result.beta)[0])
    return replace(result, value=result.value + more, gap=result.gap + more) if more else result


class _Point:
    """F = f + N at a point, derivatives of f there, and the slope Aᵀg of N."""

    def __init__(self, whole: _Whole, beta: Array) -> None:
        self.objective = whole.objective
        self.beta = beta
        value, self.gradient = self.objective.value_gradient(beta)
        coef = whole.where.exact(beta)[0]
        lean = whole.way.T @ (whole.left_out.l1 * np.sign(coef))
        self.tilt: Array = whole.rooted.T @ (whole.left_out.root * coef) + lean
        self.value = value + whole.left_out.value(coef)

    @cached_property
    def hessian(self) -> Array:
        """Of f; one read, once."""
        return self.objective.hessian(self.beta)


class _Whole:
    """All of F: the objective, and what was left out of it."""

    def __init__(self, objective: Objective, where: Coordinates, left_out: Neglected) -> None:
        self.objective = objective
        self.where = where
        self.left_out = left_out
        self.way = where.jacobian()[: len(left_out.root)]  # A
        self.rooted = left_out.root[:, np.newaxis] * self.way  # units of 1e±163 have no squares
        self.curvature = self.rooted.T @ self.rooted

    def step(self, point: _Point) -> tuple[Array, float]:
        """Newton's step on the coefficients that move freely, and the slope of F along it."""
        penalty, hessian = self.objective.penalty, point.hessian
        moving = np.flatnonzero(penalty.inside(point.beta) & (np.diag(hessian) > 0.0))
        down = penalty.pull(point.beta, point.gradient + point.tilt)
        square = np.ix_(moving, moving)
        step = np.zeros_like(point.beta)
        model = np.ascontiguousarray(hessian[square] + self.curvature[square])
        step[moving] = -solve(model, down[moving])[0]
        return step, float(-down @ step)


def _minimised(whole: _Whole, beta: Array, tol: float) -> _Point:
    """Damped Newton steps from a point, or from the intercept alone where that is better."""
    objective = whole.objective
    null = objective.penalty.settle(objective.null())
    point = min(_Point(whole, beta), _Point(whole, null), key=_value)
    for _ in range(_MOST_STEPS):
        step, slope = whole.step(point)
        if not slope > _CLOSE * tol * point.value:
            break
        after = _lower(whole, point, step, slope)
        if after is None:
            break
        point = after
    return point


def _lower(whole: _Whole, point: _Point, step: Array, slope: float) -> _Point | None:
    """The first of the points after 1, ½, ¼ … of the step at which F is lower by enough."""
    part = 1.0
    while part > _LEAST_STEP:
        there = whole.objective.penalty.settle(point.beta - part * step)
        found = _Point(whole, there)
        if found.value <= point.value - 1e-4 * part * slope:
            return found
        part *= 0.5
    return None


def _value(point: _Point) -> float:
    return point.value


def _gap(whole: _Whole, point: _Point, tol: float) -> float:
    step, _ = whole.step(point)
    known = Known(point.hessian, point.beta, np.arange(len(point.beta)))
    goal = tol * point.value
    return duality_gap(whole.objective, point.beta, step, known, goal, point.value, point.tilt)
