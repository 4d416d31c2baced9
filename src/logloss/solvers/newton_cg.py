"""Truncated Newton for wide problems: the Newton system by preconditioned conjugate gradients.

    H δ = ∇F(β),  one Hessian product (one read) an iteration;  β⁺ = β − t δ

Columns come scaled, which is the diagonal preconditioner. The inner iteration stops when the
quadratic model Q gains little more: j (Q_j − Q_{j−1}) ≤ η Q_j (Nash & Sofer 1990; used by
LIBLINEAR, Hsia, Chiang & Lin, ACML 2018).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from logloss.algebra import conjugate_gradients, dot
from logloss.objective import Objective
from logloss.solvers.base import State
from logloss.solvers.line_search import damped

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NewtonCG:
    """Parameters.

    eta : float
        Inner accuracy: stop when j (Q_j − Q_{j−1}) ≤ eta·Q_j.
    most_inner : int
        Inner iterations at most.
    """

    eta: float = 0.2
    most_inner: int = 250
    name: str = "newton-cg"
    most_steps: int = 500
    affine_invariant: bool = False
    nonsmooth: bool = False

    def start(self, objective: Objective, beta: Array) -> State:
        return self._state(objective, beta, *objective.value_gradient(beta))

    def advance(self, objective: Objective, state: State) -> State:
        assert state.step is not None
        point = damped(objective, state, dot(state.step, state.gradient))
        if point is None or not point[1] < state.value:
            return replace(state, stalled=True)
        return self._state(objective, *point)

    def _state(self, objective: Objective, beta: Array, value: float, gradient: Array) -> State:
        product = partial(objective.hessian_product, beta)
        step, residual, model = np.zeros_like(gradient), gradient, 0.0
        iterates = islice(conjugate_gradients(product, gradient), self.most_inner)
        for j, (x, left, gain) in enumerate(iterates, start=1):
            step, residual, model = x, left, model + gain
            if j * gain <= self.eta * model or objective.late:
                break
        rest = objective.penalty.shortfall(residual, beta)
        stalled = not model > 0.0
        return State(beta, value, gradient, step, model, rest, stalled=stalled)
