"""Gradient descent, and Nesterov's acceleration of it; proximal where there is an L1 penalty.

    gd         β⁺ = prox(β − ∇f(β)/L)
    nesterov   β⁺ = prox(v − ∇f(v)/L),   v⁺ = β⁺ + (t−1)/t⁺ (β⁺ − β),   t⁺ = (1 + √(1 + 4t²))/2

f is the smooth part of F, and prox shrinks by a/L and clips to the bounds; without either it does
nothing. (With them these are ISTA and FISTA: Beck & Teboulle, SIAM J. Imaging Sci. 2, 2009.) L
bounds the curvature, λ_max(XᵀSX)/(4Σs) + max l, and 1/L is the fixed step. With backtracking L
starts below the bound and doubles until F decreases as its quadratic model promises,
F(v + d) ≤ F(v) + ∇f·d + L‖d‖²/2 + a(|v + d| − |v|); each step first tries a longer one. Nesterov's
momentum restarts when it points uphill (O'Donoghue & Candès, Found. Comput. Math. 15, 2015), which
makes it linear without knowing the least curvature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import dot
from logloss.objective.base import Objective
from logloss.solvers.base import State

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DescentState(State):
    """`curvature`: L; nesterov: the extrapolated point, its F and gradient, and t."""

    curvature: float = 1.0
    point: Array | None = None
    point_value: float = np.inf
    point_gradient: Array | None = None
    momentum: float = 1.0


def largest_curvature(objective: Objective, iterations: int = 20) -> float:
    """λ_max of the Hessian at z = o, by power iteration; q ≤ 1/4 makes it a bound without offset.

    One read an iteration, from below; a tenth is added for what is still missing.
    """
    zero = np.zeros(objective.n_coefficients)
    v = np.random.default_rng(0).standard_normal(objective.n_coefficients)
    size = 0.0
    for _ in range(iterations):
        v /= np.sqrt(dot(v, v))
        curved = objective.hessian_product(zero, v)
        previous, size = size, dot(v, curved)
        v = curved
        if size <= 0.0 or abs(size - previous) <= 1e-3 * size:
            break
    return max(1.1 * size, 1e-12)


@dataclass(frozen=True)
class GradientDescent:
    """Gradient descent; proximal where there is an L1 penalty.

    Parameters
    ----------
    step : float or None
        A fixed step; None: 1/L.
    backtracking : bool
        Find the step at each point instead, from 1/L on.
    """

    step: float | None = None
    backtracking: bool = True
    name: ClassVar[str] = "gd"
    most_steps: ClassVar[int] = 100_000
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> DescentState:
        curvature = largest_curvature(objective) if self.step is None else 1.0 / self.step
        value, gradient = objective.value_gradient(beta)
        return DescentState(beta, value, gradient, curvature=curvature)

    def advance(self, objective: Objective, state: DescentState) -> DescentState:
        curvature = state.curvature * (0.5 if self.backtracking else 1.0)
        found = _descend(
            objective, state.beta, state.value, state.gradient, curvature, self.backtracking
        )
        if found is None or (self.backtracking and not found.value < state.value):
            return replace(state, stalled=True)
        return found


@dataclass(frozen=True)
class Nesterov:
    """Accelerated gradient descent with restart; no parameters."""

    name: ClassVar[str] = "nesterov"
    most_steps: ClassVar[int] = 100_000
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> DescentState:
        curvature = largest_curvature(objective)
        value, gradient = objective.value_gradient(beta)
        return _at_rest(DescentState(beta, value, gradient, curvature=curvature))

    def advance(self, objective: Objective, state: DescentState) -> DescentState:
        assert state.point is not None
        assert state.point_gradient is not None
        curvature = 0.9 * state.curvature
        found = _descend(
            objective, state.point, state.point_value, state.point_gradient, curvature, True
        )
        if found is None or not found.value < state.value:
            return self._restart(state)
        move = found.beta - state.beta
        if dot(state.point - found.beta, move) > 0.0:
            return _at_rest(found)
        t = 0.5 * (1.0 + float(np.sqrt(1.0 + 4.0 * state.momentum**2)))
        point = found.beta + (state.momentum - 1.0) / t * move
        value, gradient = objective.value_gradient(point)
        return replace(found, point=point, point_value=value, point_gradient=gradient, momentum=t)

    def _restart(self, state: DescentState) -> DescentState:
        """From rest; where there was no momentum to lose, this is as far as rounding goes."""
        if state.momentum == 1.0:
            return replace(state, stalled=True)
        return _at_rest(state)


def _at_rest(state: DescentState) -> DescentState:
    return replace(
        state,
        point=state.beta,
        point_value=state.value,
        point_gradient=state.gradient,
        momentum=1.0,
    )


def _descend(
    objective: Objective,
    beta: Array,
    value: float,
    gradient: Array,
    curvature: float,
    backtracking: bool,
) -> DescentState | None:
    """One proximal step; with backtracking L doubles until F decreases as L promises."""
    penalty = objective.penalty
    rounding = 1e-15 * abs(value)
    for _ in range(60):
        point = penalty.prox(beta - gradient / curvature, 1.0 / curvature)
        new_value, new_gradient = objective.value_gradient(point)
        move = point - beta
        model = dot(gradient, move) + 0.5 * curvature * dot(move, move)
        model += penalty.less(point, beta)
        if not backtracking or new_value <= value + model + rounding:
            return DescentState(point, new_value, new_gradient, curvature=curvature)
        curvature *= 2.0
    return None
