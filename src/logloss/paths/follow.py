"""Follow the minimum from one λ to the next: few reads of the data each, where all goes well.

At the minimum for the λ before, the gradient g of the loss is known, and its Hessian H nearly. The
minimum of the model

    m(b) = g·(b − β) + (b − β)ᵀH(b − β)/2 + pen_λ(b)

is the next point b₀ (as in proximal Newton methods: Lee, Sun & Saunders, SIAM J. Optim. 24, 2014);
that is the predictor. One read gives loss and gradient at b₀, and the minimum b₁ of the model there
is the corrector, with δ = b₀ − b₁. The read that certifies (certificate.py) forms Xδ and

    XᵀS(r − qXδ)/Σs = g₀ − ∇²loss(b₀) δ,

the gradient of the loss at b₁ up to second order. So F(b₁) needs no read, only the rows' Xδ, and

    F(b₁) − D,   D = F(b₀) − gap(b₀, δ) ≤ min F,

is a bound of its gap. Where it is too large, it is mostly because the dual point has to shrink
until no |v_j| exceeds a_j, and that H is not exact is what makes it do so. Then the exact product
with δ is news about H, a better δ follows without another gradient, and is certified in turn; where
the shrinking alone costs too much, the rows' part of the gap is not even summed.

H itself is read anew only where that fails. Each step between two points, and each product, tells
how H acts along it, s ↦ g' − g, and H is made to say the same (the BFGS update; Broyden, Fletcher,
Goldfarb & Shanno 1970): steps along a path are nearly parallel, so that H stays right where it is
needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import dot
from logloss.objective.base import Objective
from logloss.objective.certificate import dual_point
from logloss.objective.quadratic import model_step
from logloss.solvers.proving import tolerance

Array = NDArray[np.float64]

_GRADIENTS = 4  # points at most, for one λ
_DUALS = 4  # dual points at most, from one gradient
_POOR = 3  # dual points from one gradient that say: take the Hessian anew
_WORTH = 2.0  # of the gap to prove: what a dual point may cost by being shrunk, to be looked at
_ROUNDING = 1e-14  # of F, in F − D
_CURVED = 1e-8  # the least curvature along a step, of what H says, that is worth learning


@dataclass(frozen=True, eq=False)
class Place:
    """A point, and the loss near it: its gradient and its Hessian, both nearly."""

    beta: Array
    gradient: Array
    hessian: Array


@dataclass(frozen=True, eq=False)
class Arrival:
    """A minimum to the tolerance: the place, F there, and the gap.

    `poor`: it took so long that the Hessian should be taken anew.
    """

    place: Place
    value: float
    gap: float
    poor: bool


def place_at(objective: Objective, beta: Array) -> Place:
    """The place at a point: two reads."""
    gradient = objective.likelihood.loss_gradient(beta)[1]
    return Place(beta, gradient, objective.likelihood.hessian(beta))


def arrive(objective: Objective, place: Place, tol: float) -> Arrival | None:
    """The minimum of F_λ from a place that is not far; None where that fails."""
    lower = 0.0
    for points in range(_GRADIENTS):
        beta = _model_minimum(objective, place)
        value, slope = objective.value_gradient(beta)
        if not (math.isfinite(value) and np.isfinite(slope).all()):
            return None
        gradient = slope - objective.penalty.gradient(beta)
        fresh = objective.likelihood.hessian(beta) if points else None
        place = Place(beta, gradient, _learned(place, beta, gradient) if fresh is None else fresh)
        here, end = place, value
        for duals in range(_DUALS):
            goal = tolerance(objective, value, tol)
            worth = math.inf if duals == _DUALS - 1 else _WORTH * goal
            step = beta - _model_minimum(objective, place)
            dual = dual_point(objective, beta, step, worth, goal=goal, value=value)
            target = beta - dual.delta
            place = Place(target, dual.score, _learned(here, target, dual.score, place.hessian))
            if math.isnan(dual.gap):
                continue
            lower = max(lower, value - dual.gap)
            end = float(objective.values(beta, -dual.delta, np.ones(1))[0])
            gap = end - lower + _ROUNDING * end
            if gap <= tolerance(objective, end, tol):
                return Arrival(place, end, gap, points > 0 or duals >= _POOR)
            if not (math.isfinite(dual.gap) and end <= value):
                break
        if not end <= value:
            return None
    return None


def _model_minimum(objective: Objective, place: Place) -> Array:
    """argmin of m."""
    penalty = objective.penalty
    hessian = place.hessian + np.diag(penalty.l2)
    slope = place.gradient + penalty.gradient(place.beta)
    step = model_step(penalty, hessian, place.beta, slope).step
    return penalty.settle(place.beta - step)


def _learned(place: Place, beta: Array, gradient: Array, hessian: Array | None = None) -> Array:
    """H, made to say what the step from the place to beta has shown."""
    hessian = place.hessian if hessian is None else hessian
    step, change = beta - place.beta, gradient - place.gradient
    said = hessian @ step
    curvature, expected = dot(step, change), dot(step, said)
    if not curvature > _CURVED * expected > 0.0:
        return hessian
    learned: Array = hessian + np.outer(change, change) / curvature
    learned -= np.outer(said, said) / expected
    return learned
