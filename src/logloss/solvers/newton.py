"""Newton's method with a subsampled start and Hessian, and an exact gradient.

    β⁺ = β − t H̃⁻¹ ∇F(β)

or, under an L1 penalty or bounds, the step to the minimum of the model with H̃ (quadratic.py). H̃ is
the Hessian over a sample of rows that stands for all (all rows where there are few). The gradient
is exact, so the method converges to the exact optimum; each step shrinks the error by the relative
error of H̃, about √(d / Σq over the sample), at the cost of one read. The sample is also solved
first, for a start that is already within its statistical error of the optimum. Where the decrease
per read is poor, the sample grows, up to all rows (Byrd, Chin, Neveitt & Nocedal, SIAM J. Optim.
21, 2011; Erdogdu & Montanari, NeurIPS 2015). A Hessian is kept while it steers well.

Far from the optimum H̃ is the secant Hessian. A row far on the wrong side has p(1−p) near 0, though
its loss bends on the way back; on nearly separated data such rows are what is left, and p(1−p)
alone would send Newton's step anywhere. The curvature of each row is then

    q + |p − y| (w − q),   q = p(1−p),   w = tanh(|z|/2)/(2|z|) ≥ q

where w is that of the quadratic that touches the loss from above (Jaakkola & Jordan, Stat. Comput.
10, 2000): rows on the wrong side get w, rows on the right side keep q and do not slow the step.

Unpenalised coefficients need the Newton step to rounding for their certificate, so near the optimum
the Hessian is then taken over all rows, once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import dot
from logloss.objective.base import Objective
from logloss.objective.quadratic import left_by_a_kept_hessian, step_towards
from logloss.solvers.base import State
from logloss.solvers.line_search import damped

Array = NDArray[np.float64]

_CURVATURE = 0.05  # of a row, q = p(1−p), when guessing how many rows a sample needs
_STEERS_WELL = 0.04  # what is left to gain after a step, as a share of what was before it
_CHEAP = 0.004  # the same where a Hessian is that of a sample, which costs less than a step
_FEWER = 8.0  # times as many rows in a sample as in the one that it starts from
_AT_LEAST = 0.5  # of the rows wanted: a sample of fewer steers badly
_TOLD_APART = 0.1  # of the null loss, left at the optimum of a sample: nearly separated
_FAR = 0.02  # of F, still to gain: where the secant Hessian steers
_VERY_FAR = 0.1  # the same: where no Hessian is kept
_ROUNDS = 1e-9  # of F: a step that gains less tells more of rounding than of the Hessian
_NEAR = 1e-2  # Σs (F − min F), in squared standard errors: where one exact step is enough


@dataclass(frozen=True, eq=False)
class NewtonState(State):
    """Where Newton is, and how it steers.

    Attributes
    ----------
    fresh : bool
        The Hessian was taken at this point.
    sample : Objective or None
        The rows it is taken from; None: all.
    share : float
        Of all rows.
    pull : float
        The norm of the least subgradient; nan where F is smooth.
    """

    fresh: bool = True
    sample: Objective | None = None
    share: float = 1.0
    pull: float = math.nan


@dataclass(frozen=True)
class Newton:
    """Newton's method with a subsampled start and Hessian, and an exact gradient.

    Parameters
    ----------
    share : float
        Share of the rows in the sample at most; with the one that it starts from itself, a tenth.
    rows_per_coefficient : float
        Σq in the sample is to be this many times the number of coefficients. Where `share` allows
        less than half of that, all rows are taken.
    """

    share: float = 0.09
    rows_per_coefficient: float = 45.0
    name: ClassVar[str] = "newton"
    most_steps: ClassVar[int] = 200
    affine_invariant: ClassVar[bool] = True
    nonsmooth: ClassVar[bool] = False

    def start(self, objective: Objective, beta: Array) -> NewtonState:
        """Solve a sample first, where there are rows enough and no better start is known."""
        sample = self._sample(objective)
        known = beta[objective.likelihood.shape.slopes]
        if sample is None or known.any():
            value, gradient = objective.value_gradient(beta)
            return _steered(objective, beta, value, gradient, sample, secant=True)
        null = objective.value_of_null()
        error = objective.n_coefficients / (2.0 * sample.n_rows)  # statistical, of the sample's F
        first = self._within().approach(sample, beta, 0.1 * error)
        if _TOLD_APART * null < first.value:
            value, gradient = objective.value_gradient(first.beta)
            if value <= null:
                return _steered(objective, first.beta, value, gradient, sample)
        else:
            sample = None  # few rows are left to learn from: too few in a sample
        value, gradient = objective.value_gradient(beta)
        return _steered(objective, beta, value, gradient, sample, secant=True)

    def advance(self, objective: Objective, state: NewtonState) -> NewtonState:
        """One damped step; then a new Hessian, of all rows if need be, if it steered badly."""
        point = damped(objective, state, 2.0 * state.decrease)
        if point is None:
            if state.sample is None and state.fresh and not state.exact:
                return _steered(objective, state.beta, state.value, state.gradient)
            if state.sample is None and state.fresh:
                return replace(state, stalled=True)
            return self._steer_better(objective, state, state)
        kept = _moved(objective, state, *point)
        if kept.value >= state.value and kept.decrease > 0.5 * state.decrease:
            return replace(kept, stalled=True)
        if _far(kept, _VERY_FAR) or not kept.decrease <= _enough(objective, state) * state.decrease:
            kept = self._steer_better(objective, kept, state)
        if objective.free_columns and kept.sample is not None and _near(objective, kept):
            return _steered(objective, kept.beta, kept.value, kept.gradient)
        return kept

    def _steer_better(
        self, objective: Objective, state: NewtonState, previous: NewtonState
    ) -> NewtonState:
        """The Hessian at this point; of all rows, if that before was fresh and poor."""
        poor = not state.decrease <= 0.1 * previous.decrease or state is previous
        sample = None if previous.fresh and poor else state.sample
        secant = _far(state)
        here = objective, state.beta, state.value, state.gradient, sample
        found = _steered(*here, secant=secant, pull=previous.pull)
        if found.decrease > found.value and not secant:  # more than all of F: far after all
            found = _steered(*here, secant=True, pull=previous.pull)
        return found

    def approach(self, objective: Objective, beta: Array, enough: float) -> NewtonState:
        """A point from which about `enough` is still to gain, without a proof."""
        state = self.start(objective, beta)
        for _ in range(self.most_steps):
            if state.decrease <= enough or state.stalled:
                break
            state = self.advance(objective, state)
        return state

    def _within(self) -> Newton:
        """The same for the sample, which starts from a smaller one."""
        fewer = self.rows_per_coefficient / _FEWER
        share = self.share if fewer > 1.0 else 0.0
        return replace(self, share=share, rows_per_coefficient=fewer)

    def _sample(self, objective: Objective) -> Objective | None:
        wanted = self.rows_per_coefficient * objective.n_coefficients / _CURVATURE
        most = self.share * objective.n_rows
        if most < _AT_LEAST * wanted:
            return None
        count = min(wanted, most)
        return objective.subsample(int(count))


def _steered(
    objective: Objective,
    beta: Array,
    value: float,
    gradient: Array,
    sample: Objective | None = None,
    secant: bool = False,
    pull: float = math.nan,
) -> NewtonState:
    """The state at a point, with a Hessian taken there."""
    hessian = (objective if sample is None else sample).hessian(beta, secant=secant)
    state = NewtonState(
        beta,
        value,
        gradient,
        exact=sample is None and not secant,
        hessian=hessian,
        taken=beta,
        sample=sample,
        share=1.0 if sample is None else sample.n_rows / objective.n_rows,
        pull=pull,
    )
    moved = _moved(objective, state, beta, value, gradient)
    exact = sample is None and not secant
    rest = 0.0 if exact and not objective.penalty.smooth else moved.rest
    return replace(moved, fresh=True, exact=exact, rest=rest)


def _moved(
    objective: Objective, state: NewtonState, beta: Array, value: float, gradient: Array
) -> NewtonState:
    """The state at another point, steered by the same Hessian."""
    assert state.hessian is not None
    hessian = state.hessian
    if not state.exact and state.decrease > _ROUNDS * value:
        hessian = _learned(hessian, beta - state.beta, gradient - state.gradient)
    model = step_towards(objective.penalty, hessian, beta, gradient, value)
    pull, rest = left_by_a_kept_hessian(objective.penalty, beta, gradient, state.pull)
    return replace(
        state,
        hessian=hessian,
        rest=rest,
        pull=pull,
        exact=state.exact and objective.penalty.smooth,
        beta=beta,
        value=value,
        gradient=gradient,
        step=model.step,
        decrease=model.decrease,
        stalled=not model.decrease > 0.0,
        fresh=False,
    )


def _learned(hessian: Array, step: Array, change: Array) -> Array:
    """The Hessian that also explains how the gradient changed along the last step: BFGS."""
    curved = hessian @ step
    model, true = dot(step, curved), dot(step, change)
    if not (model > 0.0 and true > 0.0):
        return hessian
    learned: Array = hessian - np.outer(curved, curved / model) + np.outer(change, change / true)
    return learned


def _enough(objective: Objective, state: NewtonState) -> float:
    """How far a step with a kept Hessian must shrink the error: less, the more a new one costs."""
    well = _STEERS_WELL if state.sample is None else _CHEAP
    return float(well ** (128.0 / (128.0 + state.share * objective.n_coefficients)))


def _far(state: NewtonState, share: float = _FAR) -> bool:
    return state.decrease > share * state.value


def _near(objective: Objective, state: NewtonState) -> bool:
    return state.decrease * objective.likelihood.weight_sum <= _NEAR
