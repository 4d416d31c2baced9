"""Stochastic gradient descent and Adam: a few rows a step, by steps that grow shorter.

    SGD    w ← flow(w − γ_k (1/b) Σ r_i x_i)      sums over the b rows of a step, r = σ(z) − y
    Adam   m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  w ← w − γ_k (m/(1−β₁ᵏ)) / (√(v/(1−β₂ᵏ)) + ε)

flow is what the penalty alone does to w in the time γ_k: w' = −l w − a sign(w), which stops at 0,
within the bounds. It lets sparse rows leave alone what they do not touch. (Under an L1 penalty
zeros come and go with the rows, unless many rows make a step; the mean below has none.) g is the
mean of r x over the rows of a step, plus l w. Rows come in a new random order each epoch, as often
as their weights say.

With a constant step neither ends at the optimum: each row pulls to its own side for ever, and F
stays above its minimum, the more the larger γ (see `SigmoidUpdate`). Two remedies: steps that fall
as 1/√k, and the mean of the points passed (Polyak & Juditsky, SIAM J. Control Optim. 30, 1992),
which here begins anew whenever the epochs have doubled, so that it forgets the start. Expect a
relative gap of 1e-3 to 1e-5 within tens of epochs; proofs of 1e-6 want `saga`, or a solver that
reads all rows for a step.

Adam: Kingma & Ba, ICLR 2015, Algorithm 1; γ_k = γ/√k is theirs for logistic regression (section
6.1); here the fall sets in after some ten epochs. γ is about the most that a coefficient moves in a
step, in the coordinates of the solver.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective
from logloss.solvers.base import State

Array = NDArray[np.float64]

_POINTS = 2000  # of an epoch that enter the mean

# What the first step is multiplied by after so many epochs, fractions of one too: shape (k,) → (k,)
Schedule = Callable[[Array], Array]


@dataclass(frozen=True)
class Constant:
    """Steps that stay as they are."""

    def __call__(self, epochs: Array) -> Array:
        return np.ones_like(epochs)


@dataclass(frozen=True)
class InverseScaling:
    """1/(1 + epochs/after)^power."""

    power: float = 0.5
    after: float = 1.0

    def __call__(self, epochs: Array) -> Array:
        scaled: Array = (1.0 + epochs / self.after) ** -self.power
        return scaled


@dataclass(frozen=True)
class InverseTime:
    """1/(1 + rate·epochs); with rate = γ l n, l the least curvature, Bottou's "optimal" one."""

    rate: float = 1.0

    def __call__(self, epochs: Array) -> Array:
        return 1.0 / (1.0 + self.rate * epochs)


@dataclass(frozen=True, eq=False)
class StochasticState(State):
    """`point`: where the steps are (beta: their mean, if averaged); `epoch`: epochs so far.

    `count`: points in the mean; Adam: `first`, `second`: m and v; `done`: steps so far.
    """

    point: Array | None = None
    epoch: int = 0
    count: int = 0
    first: Array | None = None
    second: Array | None = None
    done: int = 0


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: a few rows a step, by steps that grow shorter.

    Parameters
    ----------
    step : float or None
        γ of the first step; None: 1/L, L = max ‖x‖²/4.
    schedule : Schedule
        `Constant`, `InverseScaling`, `InverseTime`, or a function: what γ is multiplied by.
    batch_size : int
        Rows a step.
    average : bool
        Report the mean of the points passed, not the last one.
    seed : int
        Of the order of the rows; `random_state` of a fit sets it.
    """

    step: float | None = None
    schedule: Schedule = field(default_factory=InverseScaling)
    batch_size: int = 1
    average: bool = True
    seed: int = 0
    name: ClassVar[str] = "sgd"
    most_steps: ClassVar[int] = 200
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = True
    by_row: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> StochasticState:
        return _start(objective, self.name, beta)

    def advance(self, objective: Objective, state: StochasticState) -> StochasticState:
        assert state.point is not None
        rows = objective.by_row(self.name)
        step = longest_step(rows.largest_square, 4.0) if self.step is None else self.step
        order = rows.shuffle(np.random.default_rng([self.seed, state.epoch]))
        steps = _steps(step, self.schedule, state.epoch, len(order), self.batch_size)
        point = state.point.copy()
        if not self.average:
            rows.descend(order, steps, self.batch_size, objective.penalty, point)
            return _at(objective, state, point, point)
        anew = state.epoch & (state.epoch - 1) == 0
        mean, count = (np.zeros_like(point), 0) if anew else (state.beta.copy(), state.count)
        share = max(rows.density * self.batch_size, 1e-9)
        rare = math.ceil(1.0 / share)  # sparse rows leave most alone
        every = min(max(rare, len(steps) // _POINTS), len(steps))
        count = rows.descend(
            order, steps, self.batch_size, objective.penalty, point, (mean, every, count)
        )
        return _at(objective, state, mean, point, count=count)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015): stochastic steps, scaled by the size of past gradients.

    Parameters
    ----------
    step : float
        γ: about the most that a coefficient moves in a step.
    beta1, beta2, epsilon : float
        As in the paper.
    batch_size : int or None
        Rows a step; None: 64, or fewer, so that an epoch has 512 steps.
    decay : Schedule
        `Constant`, `InverseScaling`, `InverseTime`, or a function: what γ is multiplied by.
    seed : int
        Of the order of the rows; `random_state` of a fit sets it.
    """

    step: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    batch_size: int | None = None
    decay: Schedule = field(default_factory=partial(InverseScaling, after=10.0))
    seed: int = 0
    name: ClassVar[str] = "adam"
    most_steps: ClassVar[int] = 200
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = False
    by_row: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> StochasticState:
        return _start(objective, self.name, beta)

    def advance(self, objective: Objective, state: StochasticState) -> StochasticState:
        assert state.point is not None
        rows = objective.by_row(self.name)
        order = rows.shuffle(np.random.default_rng([self.seed, state.epoch]))
        batch_size = self.batch_size or min(max(len(order) // 512, 1), 64)
        steps = _steps(self.step, self.decay, state.epoch, len(order), batch_size)
        constants = (self.beta1, self.beta2, self.epsilon)
        point = state.point.copy()
        first = np.zeros_like(point) if state.first is None else state.first.copy()
        second = np.zeros_like(point) if state.second is None else state.second.copy()
        vectors = (point, first, second)
        done = rows.adam(
            order, steps, batch_size, constants, objective.penalty, vectors, state.done
        )
        return _at(objective, state, point, point, first=first, second=second, done=done)


def longest_step(square: float, share: float) -> float:
    """share/max ‖x‖²; where all rows are 0 no step matters, as nothing moves."""
    return share / square if square > 0.0 else 1.0


def _start(objective: Objective, name: str, beta: Array) -> StochasticState:
    objective.by_row(name)
    value, gradient = objective.value_gradient(beta)
    return StochasticState(beta, value, gradient, decrease=math.inf, rest=0.0, point=beta)


def _at(
    objective: Objective, state: StochasticState, beta: Array, point: Array, **rest: object
) -> StochasticState:
    """The state after an epoch, at beta; one exact pass."""
    value, gradient = objective.value_gradient(beta)
    return StochasticState(beta, value, gradient, point=point, epoch=state.epoch + 1, **rest)  # type: ignore[arg-type]


def _steps(first: float, schedule: Schedule, epoch: int, n: int, batch_size: int) -> Array:
    """γ of each step of an epoch."""
    count = -(-n // batch_size)
    steps: Array = first * np.asarray(schedule(epoch + np.arange(count) / count))
    return np.ascontiguousarray(steps, dtype=np.float64)
