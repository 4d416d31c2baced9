"""Newton's method with a subsampled start and Hessian, and an exact gradient.

    β⁺ = β − t H̃⁻¹ ∇F(β)

H̃ is the Hessian over a sample of rows that stands for all (all rows where there are few). The
gradient is exact, so the method converges to the exact optimum; each step shrinks the error by the
relative error of H̃, about √(d / Σq over the sample), at the cost of one read. The sample is also
solved first, for a start that is already within its statistical error of the optimum. Where the
decrease per read is poor, the sample grows, up to all rows (Byrd, Chin, Neveitt & Nocedal, SIAM J.
Optim. 21, 2011; Erdogdu & Montanari, NeurIPS 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels
from logloss.certificate import solve
from logloss.objective import Objective
from logloss.solvers.base import State, Stop, minimise
from logloss.solvers.line_search import backtrack

Array = NDArray[np.float64]

_CURVATURE = 0.05  # of a row, q = p(1−p), when guessing how many rows a sample needs


@dataclass(frozen=True, eq=False)
class NewtonState(State):
    """`sample`: where the Hessian comes from; `share`: of all rows."""

    sample: Objective | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Newton:
    """Parameters.

    share : float
        Share of the rows in the first sample.
    rows_per_coefficient : float
        Σq in the sample is to be at least this many times the number of coefficients; with fewer
        rows than that, all are taken.
    """

    share: float = 0.1
    rows_per_coefficient: float = 30.0
    name: str = "newton"
    most_steps: int = 200
    affine_invariant: bool = True

    def start(self, objective: Objective, beta: Array) -> NewtonState:
        """Solve a sample first, where there are rows enough for one."""
        sample = self._sample(objective, self.share)
        if sample is None:
            return self._state(objective, *_evaluate(objective, beta), sample, 1.0)
        value_of_null = objective.value_of_null()
        error = objective.n_coefficients / (2.0 * sample.n_rows)  # statistical, of the sample's F
        first = minimise(sample, Newton(share=1.0), beta, Stop(tol=0.1 * error / value_of_null))
        value, gradient = objective.value_gradient(first.beta)
        if not value <= value_of_null:
            return self._state(objective, *_evaluate(objective, beta), sample, self.share)
        return self._state(objective, first.beta, value, gradient, sample, self.share)

    def advance(self, objective: Objective, state: NewtonState) -> NewtonState:
        """One damped step; a larger sample where the last one steered badly."""
        assert state.step is not None
        slope = 2.0 * state.decrease
        beta = state.beta - state.step
        value, gradient = objective.value_gradient(beta)
        if not value <= state.value - 1e-4 * slope:
            found = backtrack(objective, state.beta, -state.step, state.value, slope)
            if found is None:
                return self._without_progress(objective, state)
            beta = state.beta - found * state.step
            value, gradient = objective.value_gradient(beta)
            if not value < state.value:
                return self._without_progress(objective, state)
        following = self._state(objective, beta, value, gradient, state.sample, state.share)
        if following.decrease > 0.1 * state.decrease and state.sample is not None:
            return self._with_larger_sample(objective, following)
        return following

    def _sample(self, objective: Objective, share: float) -> Objective | None:
        least = int(self.rows_per_coefficient * objective.n_coefficients / _CURVATURE)
        return objective.subsample(share, least) if share < 0.5 else None

    def _with_larger_sample(self, objective: Objective, state: NewtonState) -> NewtonState:
        share = 4.0 * state.share
        sample = self._sample(objective, share)
        share = share if sample is not None else 1.0
        return self._state(objective, state.beta, state.value, state.gradient, sample, share)

    def _without_progress(self, objective: Objective, state: NewtonState) -> NewtonState:
        """More rows, if there are; else this is as far as rounding goes."""
        if state.sample is not None:
            return self._with_larger_sample(objective, state)
        return replace(state, stalled=True)

    def _state(
        self,
        objective: Objective,
        beta: Array,
        value: float,
        gradient: Array,
        sample: Objective | None,
        share: float,
    ) -> NewtonState:
        hessian = (objective if sample is None else sample).hessian(beta)
        step, _ = solve(hessian, gradient)
        decrease = 0.5 * _kernels.dot(gradient, step)
        exact = sample is None
        stalled = not np.isfinite(decrease) or decrease <= 0.0
        return NewtonState(
            beta, value, gradient, step, decrease, exact, stalled, sample=sample, share=share
        )


def _evaluate(objective: Objective, beta: Array) -> tuple[Array, float, Array]:
    return beta, *objective.value_gradient(beta)
