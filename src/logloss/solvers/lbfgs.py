"""L-BFGS: a quasi-Newton method that remembers the last m steps (Nocedal & Wright 2006, ch. 7.2).

    β⁺ = β − t H ∇F(β),   H from the pairs s = β⁺ − β, u = ∇F⁺ − ∇F by the two-loop recursion

with H₀ = (s·u / u·u) I of the newest pair. The step t satisfies the strong Wolfe conditions, mostly
by t = 1 at once, so a step costs one read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import dot
from logloss.objective.base import Objective
from logloss.solvers.base import State
from logloss.solvers.line_search import Trial, strong_wolfe

Array = NDArray[np.float64]
Pair = tuple[Array, Array, float]  # s, u, 1/(s·u)


@dataclass(frozen=True, eq=False)
class LBFGSState(State):
    """`pairs`: the last steps, oldest first."""

    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS: a quasi-Newton method that remembers the last steps.

    Parameters
    ----------
    memory : int
        Steps remembered.
    """

    memory: int = 20
    name: ClassVar[str] = "lbfgs"
    most_steps: ClassVar[int] = 10_000
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = False

    def start(self, objective: Objective, beta: Array) -> LBFGSState:
        value, gradient = objective.value_gradient(beta)
        return LBFGSState(beta, value, gradient)

    def advance(self, objective: Objective, state: LBFGSState) -> LBFGSState:
        direction = -_two_loops(state.gradient, state.pairs)
        slope = dot(direction, state.gradient)
        if not slope < 0.0:
            return self._again(objective, state)
        first = 1.0 if state.pairs else 1.0 / (1.0 + float(np.abs(state.gradient).sum()))
        origin = Trial(0.0, state.value, slope, state.beta, state.gradient)
        trial = strong_wolfe(objective, origin, direction, first)
        if trial is None:
            return self._again(objective, state)
        pairs = _remember(state.pairs, trial.beta - state.beta, trial.gradient - state.gradient)
        return LBFGSState(trial.beta, trial.value, trial.gradient, pairs=pairs[-self.memory :])

    def _again(self, objective: Objective, state: LBFGSState) -> LBFGSState:
        """Once more by steepest descent; when that fails too, this is as far as rounding goes."""
        if not state.pairs:
            return replace(state, stalled=True)
        return self.advance(objective, replace(state, pairs=()))


def _remember(pairs: tuple[Pair, ...], s: Array, u: Array) -> tuple[Pair, ...]:
    curvature = dot(s, u)
    if curvature <= 1e-12 * dot(u, u):
        return pairs
    return (*pairs, (s, u, 1.0 / curvature))


def _two_loops(gradient: Array, pairs: tuple[Pair, ...]) -> Array:
    q = gradient.copy()
    weights = []
    for s, u, rho in reversed(pairs):
        a = rho * dot(s, q)
        weights.append(a)
        q -= a * u
    if pairs:
        s, u, rho = pairs[-1]
        q *= 1.0 / (rho * dot(u, u))
    for (s, u, rho), a in zip(pairs, reversed(weights), strict=True):
        q += (a - rho * dot(u, q)) * s
    return q
