"""Leave-one-out by one Hessian: what the fit to all other rows says of each row.

At the minimum, with h_i = x_iᵀM⁻¹x_i and M = X_PᵀSQX_P + Σs·diag l_P over the coefficients P that
are free to move, one Newton step of the fit without weight k of row i gives its log odds

    z̃_i = z_i + k r_i h_i / (1 − k q_i h_i),   r = p − y,   q = p(1 − p)

(Rahnama Rad & Maleki, J. R. Stat. Soc. B 82, 2020, eq. 10; under L1, P is the active set). The mean
of bce(y_i, z̃_i) estimates the leave-one-out loss: for each λ, one read of the data and one Hessian.
The penalty of the sum of the losses, Σs·pen, stays as it is: C is that of all rows.

Frequency weights count equal rows, one of which is left out: k = 1. Other weights belong to one row
each, which is left out whole: k = s (weighting.py).

Where leaving rows out adds less than a thousandth to the loss, M may be the Hessian that led along
the path, which is near (follow.py): an error of 10 % then changes less than 1e-4 of the loss.
Elsewhere it is taken at the minimum.

One Newton step is not enough where a row has much to say, and leverage does not warn of it. The
rows whose log odds move farthest are fitted again without them, exactly, as far as that is cheap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import bce_with_logits
from logloss.inference.leverage import leverage_factor, whole_rows
from logloss.objective.base import Objective
from logloss.objective.likelihood import RowSums
from logloss.paths.follow import Place, arrive
from logloss.solvers.base import Solver, Stop, minimise

Array = NDArray[np.float64]

_FINE = 1e-3  # what leaving rows out adds to the loss, as a share: less, and H may be near
_FAR = 0.25  # a move of the log odds beyond which one Newton step is not trusted
_MOST = 32  # rows fitted again for one λ
_WORK = 4_000_000  # rows times refits, for one λ
_EXACT = 1e-6  # relative gap of a refit


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """The leave-one-out loss along a path.

    Attributes
    ----------
    losses : ndarray of shape (n_lambdas,)
        Mean log loss of each row under the fit to the others (nats).
    refitted : ndarray of shape (n_lambdas,), int
        Rows that were fitted again exactly, because the approximation is poor there.
    """

    losses: Array
    refitted: NDArray[np.int64]

    @property
    def best(self) -> int:
        """Which λ has the least loss; the largest of several."""
        return int(np.argmin(self.losses))


@dataclass(frozen=True, eq=False)
class Minimum:
    """What is known at a minimum of F_λ.

    Attributes
    ----------
    objective, likelihood, beta
    loss : float
        The mean log loss.
    hessian : ndarray, or None
        Of the loss over all coefficients, nearly; None where not known.
    """

    objective: Objective
    likelihood: RowSums
    beta: Array
    loss: float
    hessian: Array | None

    @property
    def loss_sum(self) -> float:
        return self.loss * self.likelihood.weight_sum


def left_out(minimum: Minimum, solver: Solver, counts: bool) -> tuple[float, int]:
    """The mean leave-one-out loss at a minimum, and how many rows were fitted again.

    `counts`: weights count equal rows.
    """
    objective, likelihood, beta = minimum.objective, minimum.likelihood, minimum.beta
    moving = np.flatnonzero(objective.penalty.inside(beta))
    weight = likelihood.rows.weight
    whole = whole_rows(weight, counts)
    leverage = likelihood.leverages(moving, _inverse(minimum, moving))
    total, far = likelihood.leave_one_out(beta, leverage, whole, _FAR)
    if minimum.hessian is not None and total - minimum.loss_sum > _FINE * total:
        minimum = replace(minimum, hessian=likelihood.hessian(beta))
        leverage = likelihood.leverages(moving, _inverse(minimum, moving))
        total, far = likelihood.leave_one_out(beta, leverage, whole, _FAR)
    if far == 0:
        return total / likelihood.weight_sum, 0
    shift = np.empty(objective.n_rows)
    likelihood.leave_one_out(beta, leverage, whole, _FAR, shift=shift)
    most = min(far, _MOST, max(_WORK // len(shift), 1))
    rows = _farthest(shift, weight, most)
    for row in rows:
        k = 1.0 if weight is None or not whole else float(weight[row])
        z = _refit(minimum, solver, int(row), k)
        total += _change(likelihood, int(row), z, float(shift[row]), beta)
    return total / likelihood.weight_sum, len(rows)


def _inverse(minimum: Minimum, moving: NDArray[np.int64]) -> Array:
    """T with TᵀT = M⁻¹, over the coefficients that move."""
    objective, beta = minimum.objective, minimum.beta
    if minimum.hessian is None:
        hessian = objective.hessian(beta, moving)
    else:
        hessian = minimum.hessian[np.ix_(moving, moving)].copy()
        hessian.flat[:: len(moving) + 1] += objective.penalty.l2[moving]
    return leverage_factor(hessian, objective.likelihood.weight_sum)[0]


def _farthest(shift: Array, weight: Array | None, count: int) -> NDArray[np.int64]:
    """The rows that move farthest."""
    if count == 0:
        return np.empty(0, dtype=np.int64)
    size = np.abs(shift) if weight is None else np.where(weight > 0.0, np.abs(shift), 0.0)
    found: NDArray[np.int64] = np.argpartition(-size, count - 1)[:count].astype(np.int64)
    return np.sort(found)


def _refit(minimum: Minimum, solver: Solver, row: int, k: float) -> float:
    """The log odds of a row under the fit without weight k of it."""
    likelihood, beta = minimum.likelihood, minimum.beta
    rows = likelihood.rows
    weight = rows.weights.copy()
    weight[row] -= k
    others = likelihood.with_rows(replace(rows, weight=weight))
    share = likelihood.weight_sum / others.weight_sum
    penalty = minimum.objective.penalty
    penalty = penalty.scaled(share)
    objective = Objective(others, penalty)
    if minimum.hessian is not None:
        place = Place(beta, others.loss_gradient(beta)[1], minimum.hessian)
        arrival = arrive(objective, place, _EXACT)
        if arrival is not None:
            return _log_odds(likelihood, arrival.place.beta, row)
    result = minimise(objective, solver, beta, Stop(tol=_EXACT))
    return _log_odds(likelihood, result.beta, row)


def _change(likelihood: RowSums, row: int, z: float, shift: float, beta: Array) -> float:
    """What an exact z̃ makes of a row's part of the loss."""
    y = likelihood.rows.y[row]
    s = float(likelihood.rows.weights[row])
    before = _log_odds(likelihood, beta, row) + shift
    return s * float(bce_with_logits(y, z) - bce_with_logits(y, before))


def _log_odds(likelihood: RowSums, beta: Array, row: int) -> float:
    offset = 0.0 if likelihood.rows.offset is None else float(likelihood.rows.offset[row])
    return float(likelihood.along(beta, np.array([row]))[0]) + offset
