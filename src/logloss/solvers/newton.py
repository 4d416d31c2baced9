"""Newton's method with a subsampled start and Hessian, and an exact gradient.

    β⁺ = β − (H̃ + μD)⁻¹ ∇F(β)

H̃ is the Hessian over a sample of rows that stands for all (all rows where there are few). The
gradient is exact, so the method converges to the exact optimum; each step shrinks the error by the
relative error of H̃, about √(d / Σq over the sample), at the cost of one read. The sample is also
solved first, for a start that is already within its statistical error of the optimum. Where the
decrease per read is poor, the sample grows, up to all rows (Byrd, Chin, Neveitt & Nocedal, SIAM J.
Optim. 21, 2011; Erdogdu & Montanari, NeurIPS 2015). A Hessian is kept while it steers well.

Far from the optimum μ damps the step (Levenberg & Marquardt), with D the diagonal of the first
Hessian, so that units do not matter. Where nearly all of the loss is predicted to vanish, as on nearly
separated data, μ starts at 1 and falls tenfold with each good step: undamped steps would run into
regions where a few rows are all that is left of the Hessian.

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

Array = NDArray[np.float64]

_CURVATURE = 0.05  # of a row, q = p(1−p), when guessing how many rows a sample needs


_STEERS_WELL = 0.04  # what is left to gain after a step, as a share of what was before it
_TOLD_APART = 0.1  # of the null loss, left at the optimum of a sample: nearly separated
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
    damping : float
        μ.
    diagonal : ndarray of shape (n_coefficients,)
        D.
    """

    hessian: Array | None = None
    fresh: bool = True
    sample: Objective | None = None
    share: float = 1.0
    damping: float = 0.0
    diagonal: Array | None = None


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
        if sample is None:
            return _damped_at_first(_steered(objective, beta, *objective.value_gradient(beta)))
        if beta[:-1].any():
            value, gradient = objective.value_gradient(beta)
            return _steered(objective, beta, value, gradient, sample, self.share)
        null = objective.value_of_null()
        error = objective.n_coefficients / (2.0 * sample.n_rows)  # statistical, of the sample's F
        first = minimise(sample, Newton(share=1.0), beta, Stop(tol=0.1 * error / null))
        if first.value <= _TOLD_APART * null:  # too few rows that matter to stand for all
            return _damped_at_first(_steered(objective, beta, *objective.value_gradient(beta)))
        value, gradient = objective.value_gradient(first.beta)
        if value <= null:
            return _steered(objective, first.beta, value, gradient, sample, self.share)
        value, gradient = objective.value_gradient(beta)
        return _steered(objective, beta, value, gradient, sample, self.share)

    def advance(self, objective: Objective, state: NewtonState) -> NewtonState:
        """One damped step; then a new Hessian, or a larger sample, if this one steered badly."""
        moved = _step(objective, state)
        if moved is None:
            if state.sample is None and state.fresh:
                return replace(state, stalled=True)
            return self._steer_better(objective, state, state)
        kept = _with_step(moved)
        if not kept.decrease <= _enough(objective, state.share) * state.decrease:
            kept = self._steer_better(objective, kept, state)
        if objective.free_columns and kept.sample is not None and _near(objective, kept):
            return _steered(objective, kept.beta, kept.value, kept.gradient)
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
        found = _steered(objective, state.beta, state.value, state.gradient, sample, share)
        return replace(found, damping=state.damping, diagonal=state.diagonal)

    def _sample(self, objective: Objective, share: float) -> Objective | None:
        least = int(self.rows_per_coefficient * objective.n_coefficients / _CURVATURE)
        enough = 2.0 * least * (share / self.share) / objective.n_rows
        return objective.subsample(min(share, enough), least) if share < 0.5 else None


def _steered(
    objective: Objective,
    beta: Array,
    value: float,
    gradient: Array,
    sample: Objective | None = None,
    share: float = 1.0,
) -> NewtonState:
    """The state at a point, with a Hessian taken there."""
    hessian = (objective if sample is None else sample).hessian(beta)
    state = NewtonState(
        beta, value, gradient, exact=sample is None, hessian=hessian, sample=sample, share=share
    )
    return _with_step(replace(state, diagonal=np.diag(hessian)))


def _with_step(state: NewtonState) -> NewtonState:
    assert state.hessian is not None
    step, _ = solve(state.hessian, state.gradient)
    decrease = 0.5 * _kernels.dot(state.gradient, step)
    stalled = not decrease > 0.0
    return replace(state, step=step, decrease=decrease, stalled=stalled, fresh=state.step is None)


def _damped_at_first(state: NewtonState) -> NewtonState:
    return replace(state, damping=1.0) if state.decrease > 0.6 * state.value else state


def _step(objective: Objective, state: NewtonState) -> NewtonState | None:
    """The next point; None where no step decreases F, however damped. One read a trial."""
    damping, rounding = state.damping, 1e-15 * abs(state.value)
    for _ in range(16):
        step, predicted = _damped(state, damping)
        beta = state.beta - step
        value, gradient = objective.value_gradient(beta)
        gain = state.value - value
        if gain >= 0.05 * predicted or abs(gain) <= rounding and predicted <= 10.0 * rounding:
            better = damping / 10.0 if gain > 0.7 * predicted else damping
            better = better if better > 1e-5 else 0.0
            return replace(state, beta=beta, value=value, gradient=gradient, damping=better)
        damping = max(10.0 * damping, 1e-2)
    return None


def _damped(state: NewtonState, damping: float) -> tuple[Array, float]:
    """(H + μD)⁻¹∇F, and by how much the quadratic model falls."""
    assert state.step is not None
    assert state.hessian is not None
    assert state.diagonal is not None
    if damping == 0.0:
        return state.step, state.decrease
    hessian = state.hessian.copy()
    hessian.flat[:: len(hessian) + 1] += damping * state.diagonal
    step, _ = solve(hessian, state.gradient)
    curved = _kernels.dot(step * damping, state.diagonal * step)
    return step, 0.5 * (_kernels.dot(state.gradient, step) + curved)


def _enough(objective: Objective, share: float) -> float:
    """How far a step with a kept Hessian must shrink the error: less, the more a new one costs."""
    return float(_STEERS_WELL ** (32.0 / (32.0 + share * objective.n_coefficients)))


def _near(objective: Objective, state: NewtonState) -> bool:
    return state.decrease * objective.likelihood.weight_sum <= _NEAR
