"""Before the loss: two rules that move the boundary row by row.

    perceptron       w ← w + η (y − [z > 0]) x
    sigmoid-update   w ← w + η (y − σ(z)) x

The perceptron (Rosenblatt, Psychol. Rev. 65, 1958) moves only where a row is on the wrong side. If
some boundary tells all rows rightly it finds one after at most (R/γ)² moves (Novikoff 1962; R the
largest ‖x‖, γ the margin), but any of them; if none does it never rests. The pocket (Gallant, IEEE
Trans. Neural Networks 1, 1990) keeps the weights with the least weight of rows told wrongly. There
is no F that it minimises: nothing to be near the optimum of, no certificate, and no probability in
its z, whose size means nothing. It takes no penalty; one that is asked for is not looked at.

The naive sigmoid update puts σ(z) in place of the step. As σ(z) − y is the derivative of the log
loss by z, it *is* stochastic gradient descent on F, one row a step, by a constant step η: the loss
was there all along. But near the optimum rows go on pulling to their own sides by η each, so that
F wanders above its minimum for ever, the higher the larger η: each fit shows that in its history,
epoch by epoch. That is why one wants a loss: it tells how far off one is, and which steps to make
instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective
from logloss.solvers.base import State
from logloss.solvers.stochastic import SGD, Constant, StochasticState

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SigmoidUpdate:
    """The rule of the sigmoid: row by row by y − σ(z), with a fixed step.

    Parameters
    ----------
    step : float
        η, in the coordinates of the solver (dense columns are centred and scaled).
    seed : int
        Of the order of the rows; `random_state` of a fit sets it.
    """

    step: float = 0.1
    seed: int = 0
    name: ClassVar[str] = "sigmoid-update"
    most_steps: ClassVar[int] = 100
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = False
    by_row: ClassVar[bool] = True

    @property
    def _descent(self) -> SGD:
        return SGD(self.step, Constant(), 1, average=False, seed=self.seed)

    def start(self, objective: Objective, beta: Array) -> StochasticState:
        objective.by_row(self.name)  # refused by its own name where there are no rows in memory
        return self._descent.start(objective, beta)

    def advance(self, objective: Objective, state: StochasticState) -> StochasticState:
        return self._descent.advance(objective, state)


@dataclass(frozen=True, eq=False)
class PerceptronState(State):
    """`beta`: the pocket. `point`: where the perceptron is.

    `errors`: weight of the rows that the pocket tells wrongly; `run`, `best_run`: draws told
    rightly in a row, now and by the pocket; `mistakes`: moves so far; `epoch`: epochs so far.
    """

    point: Array | None = None
    errors: float = math.inf
    run: int = 0
    best_run: int = 0
    mistakes: int = 0
    epoch: int = 0


@dataclass(frozen=True)
class Perceptron:
    """Rosenblatt's perceptron, with the best weights that it met kept.

    Parameters
    ----------
    step : float
        η. From weights of 0 it changes their size, not what they tell.
    seed : int
        Of the order of the rows; `random_state` of a fit sets it.
    """

    step: float = 1.0
    seed: int = 0
    name: ClassVar[str] = "perceptron"
    most_steps: ClassVar[int] = 100
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = False
    by_row: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> PerceptronState:
        rows = objective.by_row(self.name)
        value, gradient = objective.value_gradient(beta)  # a read, which finds NaN as for others
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            return PerceptronState(beta, math.nan, gradient, point=beta, stalled=True)
        none = np.zeros(0, dtype=np.int64)
        vectors = (beta.copy(), beta.copy())  # no row is drawn, but the errors are counted
        errors, *_ = rows.perceptron(none, self.step, vectors, (math.inf, 0, 0))
        return _pocketed(objective, PerceptronState(beta, 0.0, beta, point=beta, errors=errors))

    def advance(self, objective: Objective, state: PerceptronState) -> PerceptronState:
        assert state.point is not None
        rows = objective.by_row(self.name)
        point, pocket = state.point.copy(), state.beta.copy()
        order = rows.shuffle(np.random.default_rng([self.seed, state.epoch]))
        errors, run, best_run, mistakes = rows.perceptron(
            order, self.step, (point, pocket), (state.errors, state.run, state.best_run)
        )
        found = PerceptronState(
            pocket,
            0.0,
            pocket,
            point=point,
            errors=errors,
            run=run,
            best_run=best_run,
            mistakes=state.mistakes + mistakes,
            epoch=state.epoch + 1,
        )
        return _pocketed(objective, found)


def _pocketed(objective: Objective, state: PerceptronState) -> PerceptronState:
    """With the share of weight told wrongly in place of F; done where there is none."""
    share, flat = state.errors / objective.likelihood.weight_sum, np.zeros_like(state.beta)
    return replace(state, value=share, gradient=flat, lossless=True, stalled=share == 0.0)
