"""Newton's method under an L1 penalty and bounds, on a working set of coefficients.

    β⁺ = β − t δ,   δ = the step to the minimum of Newton's model under the penalty (quadratic.py)

The model is that of the coefficients that are not 0, that nothing holds at 0, or whose gradient
says that they should not stay there: the working set. Of the last kind the most urgent enter first,
not many more than are in already, as most that look urgent far from the optimum are not needed
there (glmnet's strong rules and celer's working sets rest on the same; Tibshirani et al., JRSS-B
74, 2012; Massias, Gramfort & Salmon, ICML 2018). A coefficient outside is at its minimum or will
enter later, so nothing is lost; the certificate is over all of them. The model's Hessian is kept
while the working set does not grow and it steers well.

Where a Hessian of all coefficients is cheap they all are in, and the steps are those of newton.py,
with its sample of rows where there are many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective
from logloss.objective.certificate import LARGEST_HESSIAN
from logloss.objective.penalty import Penalty
from logloss.objective.quadratic import left_by_a_kept_hessian, step_towards
from logloss.solvers.base import State
from logloss.solvers.line_search import damped
from logloss.solvers.newton import Newton, NewtonState

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_STEERS_WELL = 0.1  # what is left to gain after a step, as a share of what was before it
_DAMPING = 0.1  # of the Hessian's diagonal at most, far from the optimum


@dataclass(frozen=True, eq=False)
class WorkingState(State):
    """Where prox-Newton is, and how it steers.

    Attributes
    ----------
    working : ndarray of int64, shape (k,)
        The coefficients in the model, increasing.
    model : ndarray of shape (k, k), or None
        Its Hessian.
    fresh : bool
        The Hessian was taken at this point.
    pull : float
        The norm of the least subgradient.
    """

    working: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    model: Array | None = None
    fresh: bool = True
    pull: float = math.nan


@dataclass(frozen=True)
class ProxNewton:
    """Newton's method under an L1 penalty and bounds, on a working set.

    Parameters
    ----------
    first : int
        Coefficients that may enter the working set at once, at least.
    growth : float
        And as a multiple of those that are not 0.
    most : int
        Coefficients in the working set at most, the most urgent: its Hessian has most² entries.
        Where more have to move, each step moves some.
    """

    first: int = 200
    growth: float = 1.0
    most: int = 5000
    dense: Newton = field(default_factory=Newton)
    name: ClassVar[str] = "prox-newton"
    most_steps: ClassVar[int] = 500
    affine_invariant: ClassVar[bool] = True
    nonsmooth: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> State:
        beta = objective.penalty.prox(beta, 0.0)
        if objective.n_coefficients <= LARGEST_HESSIAN:
            return self.dense.start(objective, beta)
        value, gradient = objective.value_gradient(beta)
        return self._at(objective, WorkingState(beta, value, gradient), beta, value, gradient)

    def advance(self, objective: Objective, state: State) -> State:
        if isinstance(state, NewtonState):
            return self.dense.advance(objective, state)
        assert isinstance(state, WorkingState)
        point = damped(objective, state, state.decrease)
        if point is not None and point[1] < state.value:
            return self._at(objective, state, *point)
        if state.fresh:
            return replace(state, stalled=True)
        again = replace(state, model=None)
        return self._at(objective, again, state.beta, state.value, state.gradient)

    def _at(
        self,
        objective: Objective,
        previous: WorkingState,
        beta: Array,
        value: float,
        gradient: Array,
    ) -> WorkingState:
        """The state at a point; with a new Hessian, if there is a new working set, or reason."""
        penalty = objective.penalty
        size, rest = left_by_a_kept_hessian(penalty, beta, gradient, previous.pull)
        working = self._working(objective, beta, gradient, previous.working)
        state = WorkingState(beta, value, gradient, working=working, rest=rest, pull=size)
        model = _part(previous, working)
        if model is not None:
            kept = _stepping(penalty, replace(state, model=model, fresh=False))
            if kept.decrease <= _STEERS_WELL * previous.decrease:
                return kept
        model = objective.hessian(beta, working)
        model.flat[:: len(model) + 1] *= 1.0 + _damping(previous, value)
        return _stepping(penalty, replace(state, model=model))

    def _working(
        self, objective: Objective, beta: Array, gradient: Array, before: Indices
    ) -> Indices:
        """Those that are not held, and the most urgent of those that should not be."""
        penalty = objective.penalty
        moving = np.flatnonzero(penalty.inside(beta))
        pull = np.abs(penalty.pull(beta, gradient))
        pulling = np.setdiff1d(np.flatnonzero(pull), moving)
        new = np.setdiff1d(pulling, before)
        complete = len(new) == 0 and np.isin(moving, before).all()
        if complete and 0 < len(before) <= 2 * len(moving):
            return before
        needed = min(len(moving), objective.n_rows)  # no more are, in the end
        many = max(self.first, int(self.growth * needed))
        known = np.concatenate([moving, np.intersect1d(pulling, before)])
        working = np.concatenate([known, _most_urgent(new, pull, many)])
        return np.sort(_most_urgent(working, pull, self.most))


def _most_urgent(candidates: Indices, pull: Array, many: int) -> Indices:
    """So many of them, at most."""
    return candidates[np.argsort(-pull[candidates], kind="stable")[:many]]


def _part(previous: WorkingState, working: Indices) -> Array | None:
    """The previous Hessian, if it has all of the working set."""
    if previous.model is None or not np.isin(working, previous.working).all():
        return None
    if len(working) == len(previous.working):
        return previous.model
    where = np.searchsorted(previous.working, working)
    return previous.model[np.ix_(where, where)]


def _damping(previous: WorkingState, value: float) -> float:
    """What the diagonal gains, as F still had to gain a share before this point.

    Far from the optimum the model of more columns than rows is flat along many directions: its
    minimum has many coefficients that do not stay, and is slow to find.
    """
    share = previous.decrease / value
    return _DAMPING * (share if 0.0 <= share < 1.0 else 1.0)


def _stepping(penalty: Penalty, state: WorkingState) -> WorkingState:
    """With the step to the minimum of the model."""
    assert state.model is not None
    working = state.working
    inner = penalty.of(working)
    found = step_towards(
        inner, state.model, state.beta[working], state.gradient[working], state.value
    )
    step = np.zeros_like(state.beta)
    step[working] = found.step
    rest = state.rest
    if state.fresh:
        left = penalty.pull(state.beta, state.gradient)
        left[working] = found.left
        rest = penalty.shortfall(left, state.beta)
    return replace(
        state, step=step, decrease=found.decrease, rest=rest, stalled=not found.decrease > 0.0
    )
