"""Truncated Newton for wide problems: the Newton system by preconditioned conjugate gradients.

    H δ = ∇F(β),  one Hessian product (one read) an iteration;  β⁺ = β − t δ

Columns come scaled, which is the diagonal preconditioner. That is not enough where columns nearly
repeat each other: amounts of one loan, a sum and its parts. Once the products have cost as much as
a Hessian block would, the block of the columns that are not 0 in most rows is formed and inverted,

    M = [ H_BB  0 ; 0  h̄ I ],   h̄ the mean of diag H_BB,

and renewed when its products have again cost as much. Where an iteration takes more products all
the same than a Hessian of all columns costs, as where nothing holds some of them, steps are
Newton's from there on: with H itself, factored. The inner iteration stops when the quadratic
model Q gains little more: j (Q_j − Q_{j−1}) ≤ η Q_j (Nash & Sofer 1990; used by LIBLINEAR, Hsia,
Chiang & Lin, ACML 2018).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import conjugate_gradients, dot, inverse_factor, solve
from logloss.objective.base import Objective
from logloss.solvers.base import State
from logloss.solvers.line_search import damped

Array = NDArray[np.float64]

_BLOCK = 500  # coefficients of the block
_PATIENCE = 60  # products after which it is formed
_WIDEST = 5000  # coefficients up to which H may be factored
_ROUNDING = 1e-16  # of F: a step of Newton that gains less is the last
_A_PRODUCT = 30.0  # coefficients for which that costs as much as a product


@dataclass(frozen=True, eq=False)
class Block:
    """r → M⁻¹r.

    Attributes
    ----------
    places : ndarray
        B, increasing.
    inverse : ndarray of shape (len(places), len(places))
        T with TᵀT = H_BB⁻¹; an alias of columns before it has zeros, and is left out of the step.
    rest : float
        1/h̄.
    """

    places: NDArray[np.int64]
    inverse: Array
    rest: float

    @staticmethod
    def at(objective: Objective, beta: Array) -> Block | None:
        """The block there; one read. None where no columns stand out."""
        places = objective.likelihood.leading(_BLOCK)
        if not len(places):
            return None
        hessian = objective.hessian(beta, places)
        mean = float(np.diag(hessian).mean())
        return Block(places, inverse_factor(hessian)[0], 1.0 / mean)

    def __call__(self, residual: Array) -> Array:
        near = self.rest * residual
        near[self.places] = self.inverse.T @ (self.inverse @ residual[self.places])
        return near


@dataclass(frozen=True, eq=False)
class NewtonCGState(State):
    """Where it is.

    Attributes
    ----------
    spent : int
        Products since the start, or since the block was formed.
    last : int
        Products of the last iteration.
    """

    spent: int = 0
    last: int = 0


@dataclass(frozen=True)
class NewtonCG:
    """Truncated Newton: the Newton system by preconditioned conjugate gradients.

    Parameters
    ----------
    eta : float
        Inner accuracy: stop when j (Q_j − Q_{j−1}) ≤ eta·Q_j.
    most_inner : int
        Inner iterations at most.
    """

    eta: float = 0.2
    most_inner: int = 250
    name: ClassVar[str] = "newton-cg"
    most_steps: ClassVar[int] = 500
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = False

    def start(self, objective: Objective, beta: Array) -> NewtonCGState:
        value, gradient = objective.value_gradient(beta)
        return self._stepping(objective, NewtonCGState(beta, value, gradient))

    def advance(self, objective: Objective, state: NewtonCGState) -> NewtonCGState:
        assert state.step is not None
        point = damped(objective, state, dot(state.step, state.gradient))
        if point is None or not point[1] < state.value:
            return replace(state, stalled=True)
        beta, value, gradient = point
        return self._stepping(objective, replace(state, beta=beta, value=value, gradient=gradient))

    def _stepping(self, objective: Objective, state: NewtonCGState) -> NewtonCGState:
        """The state with its step."""
        beta, gradient, spent = state.beta, state.gradient, state.spent
        if state.exact or _is_slow(objective, state):
            return _by_newton(objective, state)
        near = state.precondition
        if spent >= _PATIENCE:
            near, spent = Block.at(objective, beta), 0
        product = partial(objective.hessian_product, beta)
        step, residual, model, j = np.zeros_like(gradient), gradient, 0.0, 0
        iterates = islice(conjugate_gradients(product, gradient, near), self.most_inner)
        for j, (x, left, gain) in enumerate(iterates, start=1):
            step, residual, model = x, left, model + gain
            spent += 1
            if j * gain <= self.eta * model or objective.late:
                break
        return replace(
            state,
            step=step,
            decrease=model,
            rest=objective.penalty.shortfall(residual, beta),
            stalled=not model > 0.0,
            precondition=near,
            spent=spent,
            last=j,
        )


def _is_slow(objective: Objective, state: NewtonCGState) -> bool:
    n = objective.n_coefficients
    return n <= _WIDEST and state.last >= max(n / _A_PRODUCT, _PATIENCE)


def _by_newton(objective: Objective, state: NewtonCGState) -> NewtonCGState:
    """The state with Newton's step, exact."""
    hessian = objective.hessian(state.beta)
    step, _ = solve(hessian, state.gradient)
    decrease = 0.5 * dot(step, state.gradient)
    return replace(
        state,
        step=step,
        decrease=decrease,
        rest=0.0,
        exact=True,
        hessian=hessian,
        taken=state.beta,
        stalled=not decrease > _ROUNDING * state.value,
        precondition=None,
    )
