"""The objectives along a path: the rows read and encoded once, and a penalty for each λ.

    F_λ(β) = loss(β) + λ Σ_j f_j [ρ |w_j| + (1−ρ) w_j²/2],   ρ = l1_ratio,   C = 1/(λ Σs)

on the mean loss, as glmnet has it. The largest λ worth a fit is where the last coefficient leaves
0. With the unpenalised coefficients fitted alone and g the gradient of the loss there, w = 0 is the
optimum exactly if |g_j| ≤ λ ρ f_j for all j (where bounds allow only one side, only that counts):

    λ_max = max_j |g_j| / (f_j max(ρ, 0.001))

with glmnet's floor under ρ, as pure L2 never gives 0 (Friedman, Hastie & Tibshirani, J. Stat.
Softw. 33, 2010, 2.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.fitting.task import Task
from logloss.numerics.algebra import solve
from logloss.objective.base import Objective
from logloss.objective.likelihood import RowSums
from logloss.objective.penalty import Penalty
from logloss.objective.separable import Separable
from logloss.record.penalty_options import PenaltyOptions
from logloss.solvers.base import Stop, minimise
from logloss.solvers.choose import choose

Array = NDArray[np.float64]

_LEAST_RATIO = 1e-3
_ROUNDING = 1e-12  # above which |g_j| must not be, so that the zeros at λ_max are exact
_EXACT = 1e-12  # relative gap of the unpenalised coefficients alone


@dataclass(frozen=True, eq=False)
class Track:
    """The objectives of one path.

    Attributes
    ----------
    task : Task
    asked : PenaltyOptions
        Factors, bounds and scaling; how much of it is set by λ.
    l1_ratio : float
    deviation : ndarray of shape (n_columns,)
        Of the columns as they came.
    likelihood : RowSums
        Shared by all objectives, and with it what it keeps of the last points.
    """

    task: Task
    asked: PenaltyOptions
    l1_ratio: float
    deviation: Array
    likelihood: RowSums

    @classmethod
    def of(cls, task: Task, asked: PenaltyOptions, l1_ratio: float) -> Track:
        """In coordinates that suit the columns; penalties change along the path, and do not."""
        found = task.condition(replace(asked, l1=1.0, l2=1.0), asked.standardize)
        none = np.zeros(task.design.n_columns)
        likelihood = task.likelihood(found, none)
        return cls(task, asked, l1_ratio, found.deviation, likelihood)

    @property
    def smooth(self) -> bool:
        """Neither an L1 penalty nor a bound on the way."""
        return self.l1_ratio == 0.0 and self.asked.bounds is None

    def penalty(self, size: float, l1_ratio: float) -> Penalty:
        """The penalty λ at a mix, in the coordinates of the likelihood."""
        asked = replace(self.asked, l1=size * l1_ratio, l2=size * (1.0 - l1_ratio))
        weights = asked.weights(self.task.names, 1.0, self.deviation)
        scale = self.likelihood.coordinates.units
        return asked.penalty(weights, self.task.names, scale, self.likelihood.shape)

    def objective(self, size: float) -> Objective:
        """F_λ."""
        return Objective(self.likelihood, self.penalty(size, self.l1_ratio))

    def null(self) -> Array:
        """The unpenalised coefficients fitted alone, the others 0 (or the bound next to it).

        Where that has no minimum, a point on the way.
        """
        unit = self.penalty(1.0, 1.0)
        beta = self.likelihood.shape.null(self.likelihood.null_fit()[0])
        held = unit.l1 > 0.0
        at = np.where(held, np.clip(0.0, unit.lower, unit.upper), beta)
        if held.sum() >= len(beta) - self.task.intercept and not at[held].any():
            return beta
        fixed = Separable(
            np.zeros(len(beta)),
            np.zeros(len(beta)),
            np.where(held, at, unit.lower),
            np.where(held, at, unit.upper),
        )
        objective = Objective(self.likelihood, fixed)
        solver = choose("auto", objective.n_rows, len(beta), smooth=False).solver
        beta = minimise(objective, solver, at, Stop(tol=_EXACT)).beta
        free = np.flatnonzero(fixed.inside(beta))
        for _ in range(2):  # to rounding: λ_max is as exact as this
            gradient = self.likelihood.loss_gradient(beta)[1][free]
            beta = beta.copy()
            beta[free] -= solve(self.likelihood.hessian(beta, free), gradient)[0]
        return beta

    def largest(self, null: Array) -> tuple[float, Array]:
        """λ_max, and the gradient of the loss at the null model, in the solver's coordinates."""
        gradient = self.likelihood.loss_gradient(null)[1]
        unit = self.penalty(1.0, max(self.l1_ratio, _LEAST_RATIO))
        held = (unit.l1 > 0.0) & (null == 0.0)
        allowed = np.where(gradient < 0.0, unit.upper > 0.0, unit.lower < 0.0)
        pulls = np.where(held & allowed, np.abs(gradient), 0.0)
        largest = float((pulls[held] / unit.l1[held]).max(initial=0.0))
        return largest * (1.0 + _ROUNDING), gradient


def mixed(l1_ratio: float, factors: Any, bounds: Any, standardize: bool) -> PenaltyOptions:
    """What is asked of a path, as it is at λ = 1."""
    return PenaltyOptions(
        l1=l1_ratio,
        l2=1.0 - l1_ratio,
        factors=factors,
        bounds=bounds,
        standardize=standardize,
    )


def grid(largest: float, count: int, ratio: float) -> Array:
    """`count` values from the largest down to `ratio` times it, evenly on a logarithmic scale."""
    if count == 1:
        return np.array([largest])
    values: Array = largest * np.exp(np.linspace(0.0, math.log(ratio), count))
    return values
