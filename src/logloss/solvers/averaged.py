"""SAG and SAGA: a row a step, with a table of the last residual r_i of each row.

The table knows the mean gradient g = (1/Σs) Σ s_i r_i x_i of the points at which rows were last
seen. A row i, drawn with probability s_i/Σs, corrects it: with Δ = r_i(new) − r_i,

    SAGA   w ← prox(w − γ (Δ x_i + g)),               then g ← g + (s_i/Σs) Δ x_i
    SAG    w ← prox(w − γ (g + (s_i/Σs) Δ x_i)),      and  g the same

SAGA's step is unbiased, SAG's is not but varies less. prox takes the whole penalty (soft threshold,
division by 1 + γl, bounds), so that only the loss limits the step: γ = 1/(3L), L = max ‖x‖²/4 over
the rows with weight. Drawing by weight makes weights and repeated rows the same in distribution
(scikit-learn's issue 21305 says what goes wrong otherwise).

After each epoch one exact pass finds F and its gradient, for the certificate. SAGA takes the
residuals of that pass for its table, as if every row had just been seen, which halves the epochs or
better. SAG must not: its steps follow g for a whole epoch, and where all entries are of one age
they follow it far past the optimum, by n γ times the gradient. It swings so from its start too
(F rises a thousandfold on large tables), unless the start is near; so its first epochs are SAGA's.

SAG: Schmidt, Le Roux & Bach, Math. Program. 162, 2017. SAGA: Defazio, Bach & Lacoste-Julien, NIPS
2014; both converge linearly where F is strongly convex. Sparse rows cost only their entries: what a
coefficient misses meanwhile has a closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective
from logloss.solvers.base import State
from logloss.solvers.stochastic import longest_step

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AveragedState(State):
    """`mean`: g; `residuals`: the table, shape (n,); `epoch`: epochs so far; `fall`: F's last."""

    mean: Array | None = None
    residuals: Array | None = None
    epoch: int = 0
    fall: float = math.nan


@dataclass(frozen=True)
class SAGA:
    """SAGA (Defazio et al. 2014): a row a step, with a table of the last residuals.

    Parameters
    ----------
    step : float or None
        γ; None: 1/(3L).
    refresh : bool
        Fill the table anew by the exact pass after each epoch.
    seed : int
        Of the order of the rows; `random_state` of a fit sets it.
    """

    step: float | None = None
    refresh: bool = True
    seed: int = 0
    name: ClassVar[str] = "saga"
    most_steps: ClassVar[int] = 2000
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = True
    by_row: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> AveragedState:
        return _start(objective, self.name, beta)

    def advance(self, objective: Objective, state: AveragedState) -> AveragedState:
        return _epoch(objective, self, state, jump=True, refresh=self.refresh)


@dataclass(frozen=True)
class SAG:
    """SAG (Schmidt et al. 2017): a row a step along the mean of the last gradients.

    Parameters
    ----------
    step : float or None
        γ; None: 1/(3L).
    warm_up : int
        Epochs of SAGA before the first of SAG.
    seed : int
        Of the order of the rows; `random_state` of a fit sets it.
    """

    step: float | None = None
    warm_up: int = 3
    seed: int = 0
    name: ClassVar[str] = "sag"
    most_steps: ClassVar[int] = 2000
    affine_invariant: ClassVar[bool] = False
    nonsmooth: ClassVar[bool] = True
    by_row: ClassVar[bool] = True

    def start(self, objective: Objective, beta: Array) -> AveragedState:
        return _start(objective, self.name, beta)

    def advance(self, objective: Objective, state: AveragedState) -> AveragedState:
        warming = state.epoch < self.warm_up
        return _epoch(objective, self, state, jump=warming, refresh=warming)


def _start(objective: Objective, name: str, beta: Array) -> AveragedState:
    rows = objective.by_row(name)
    value, gradient = objective.value_gradient(beta)
    mean = gradient - objective.penalty.gradient(beta)
    far = AveragedState(beta, value, gradient, decrease=math.inf, rest=0.0)
    return replace(far, mean=mean, residuals=rows.residuals(beta))


def _epoch(
    objective: Objective, solver: SAGA | SAG, state: AveragedState, jump: bool, refresh: bool
) -> AveragedState:
    assert state.mean is not None
    assert state.residuals is not None
    rows = objective.by_row(solver.name)
    step = solver.step
    if step is None:
        step = longest_step(rows.largest_square, 4.0 / 3.0)
    beta, mean, residuals = state.beta.copy(), state.mean.copy(), state.residuals.copy()
    order = rows.draw(np.random.default_rng([solver.seed, state.epoch]))
    rows.average(order, step, jump, objective.penalty, (beta, mean, residuals))
    value, gradient = objective.value_gradient(beta)
    if refresh:
        mean, residuals = gradient - objective.penalty.gradient(beta), rows.residuals(beta)
    found = AveragedState(
        beta, value, gradient, mean=mean, residuals=residuals, epoch=state.epoch + 1
    )
    return _with_guess(state, found)


def _with_guess(previous: AveragedState, state: AveragedState) -> AveragedState:
    """What is left of F − min F, if it goes on falling by the same share an epoch."""
    fall = previous.value - state.value
    stalled = abs(fall) <= 1e-15 * abs(state.value)
    rate = fall / previous.fall if fall > 0.0 and previous.fall > 0.0 else 1.0
    if rate >= 1.0:
        return replace(state, fall=fall, stalled=stalled)
    left = fall * rate / (1.0 - rate)
    return replace(state, fall=fall, stalled=stalled, decrease=left, rest=0.0)
