"""Newton's method with a subsampled start and Hessian, and an exact gradient.

    β⁺ = β − t H̃⁻¹ ∇F(β)

H̃ is the Hessian over a sample of rows that stands for all (all rows where there are few). The
gradient is exact, so the method converges to the exact optimum; each step shrinks the error by the
relative error of H̃, about √(d / Σq over the sample), at the cost of one read. The sample is also
solved first, for a start that is already within its statistical error of the optimum. Where the
decrease per read is poor, the sample grows, up to all rows (Byrd, Chin, Neveitt & Nocedal, SIAM J.
Optim. 21, 2011; Erdogdu & Montanari, NeurIPS 2015). A Hessian is kept while it steers well.

Unpenalised coefficients need the Newton step to rounding for their certificate, so near the optimum
the Hessian is then taken over all rows, once.
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


_STEERS_WELL = 0.04  # what is left to gain after a step, as a share of what was before it
_NEAR = 1e-2  # Σs (F − min F), in squared standard errors: where one exact step is enough


@dataclass(frozen=True, eq=False)
class NewtonState(State):
    """Where Newton is, and how it steers.

    Attributes
    ----------
    hessian : ndarray of shape (n_coefficients, n_coefficients)
    fresh : bool
        It was taken at this point.
    sample : Objective or None
        The rows it is taken from; None: all.
    share : float
        Of all rows.
    """

    hessian: Array | None = None
    fresh: bool = True
    sample: Objective | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Newton:
    """Parameters.

    share : float
        Share of the rows in the first sample, where that is not more than twice what
        `rows_per_coefficient` asks for.
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
        """Solve a sample first, where there are rows enough for one and no better start is known."""
        sample = self._sample(objective, self.share)
        share = 1.0 if sample is None else self.share
        if sample is None or beta[:-1].any():
            return _steered(objective, beta, *objective.value_gradient(beta), sample, share)
        value_of_null = objective.value_of_null()
        error = objective.n_coefficients / (2.0 * sample.n_rows)  # statistical, of the sample's F
        first = minimise(sample, Newton(share=1.0), beta, Stop(tol=0.1 * error / value_of_null))
        value, gradient = objective.value_gradient(first.beta)
        if value <= value_of_null:
            return _steered(objective, first.beta, value, gradient, sample, share)
        return _steered(objective, beta, *objective.value_gradient(beta), sample, share)

    def advance(self, objective: Objective, state: NewtonState) -> NewtonState:
        """One damped step; then a new Hessian, or a larger sample, if this one steered badly."""
        point = _step(objective, state)
        if point is None:
            if state.sample is None and state.fresh:
                return replace(state, stalled=True)
            return self._steer_better(objective, state, state)
        kept = _with_step(replace(state, beta=point[0], value=point[1], gradient=point[2]))
        if not kept.decrease <= _enough(objective, state.share) * state.decrease:
            kept = self._steer_better(objective, kept, state)
        if objective.free_columns and kept.sample is not None and _near(objective, kept):
            return _steered(objective, kept.beta, kept.value, kept.gradient, None, 1.0)
        return kept

    def _steer_better(
        self, objective: Objective, state: NewtonState, previous: NewtonState
    ) -> NewtonState:
        """The Hessian at this point; of more rows, if that of the point before was fresh and poor."""
        sample, share = state.sample, state.share
        poor = not state.decrease <= 0.1 * previous.decrease or state is previous
        if sample is not None and previous.fresh and poor:
            share = 4.0 * share
            sample = self._sample(objective, share)
            share = share if sample is not None else 1.0
        return _steered(objective, state.beta, state.value, state.gradient, sample, share)

    def _sample(self, objective: Objective, share: float) -> Objective | None:
        least = int(self.rows_per_coefficient * objective.n_coefficients / _CURVATURE)
        enough = 2.0 * least * (share / self.share) / objective.n_rows
        return objective.subsample(min(share, enough), least) if share < 0.5 else None


def _steered(
    objective: Objective,
    beta: Array,
    value: float,
    gradient: Array,
    sample: Objective | None,
    share: float,
) -> NewtonState:
    """The state at a point, with a Hessian taken there."""
    hessian = (objective if sample is None else sample).hessian(beta)
    return _with_step(
        NewtonState(
            beta, value, gradient, exact=sample is None, hessian=hessian, sample=sample, share=share
        )
    )


def _with_step(state: NewtonState) -> NewtonState:
    assert state.hessian is not None
    step, _ = solve(state.hessian, state.gradient)
    decrease = 0.5 * _kernels.dot(state.gradient, step)
    stalled = not decrease > 0.0
    return replace(state, step=step, decrease=decrease, stalled=stalled, fresh=state.step is None)


def _step(objective: Objective, state: NewtonState) -> tuple[Array, float, Array] | None:
    """The next point, its F and gradient; None where no step along the direction decreases F."""
    assert state.step is not None
    slope = 2.0 * state.decrease
    beta = state.beta - state.step
    value, gradient = objective.value_gradient(beta)
    if value <= state.value - 1e-4 * slope:
        return beta, value, gradient
    found = backtrack(objective, state.beta, -state.step, state.value, slope)
    if found is None:
        return None
    beta = state.beta - found * state.step
    value, gradient = objective.value_gradient(beta)
    return (beta, value, gradient) if value < state.value else None


def _enough(objective: Objective, share: float) -> float:
    """How far a step with a kept Hessian must shrink the error: less, the more a new one costs."""
    return float(_STEERS_WELL ** (32.0 / (32.0 + share * objective.n_coefficients)))


def _near(objective: Objective, state: NewtonState) -> bool:
    return state.decrease * objective.likelihood.weight_sum <= _NEAR
