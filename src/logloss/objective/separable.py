"""The separable penalty: one weight of each kind and two bounds per coefficient.

    pen(w) = Σ_j a_j |w_j| + (l_j/2) w_j²   for lo_j ≤ w_j ≤ hi_j,   ∞ elsewhere;   a_j, l_j ≥ 0

Its conjugate enters the duality gap at a dual point u = XᵀSr'/Σs. With
h_j(w) = a_j|w| + (l_j/2) w² + u_j w and ŵ_j = argmin h_j over the bounds, the three terms of a
coefficient join to a difference that is summed without cancellation,

    pen_j(w) + pen_j*(−u) + u w = h_j(w) − h_j(ŵ)
                                = (l_j/2)(w − ŵ)² + a_j(|w| − |ŵ|) + (l_j ŵ + u_j)(w − ŵ)

where the last two terms are (a_j σ + l_j ŵ + u_j)(w − ŵ) if w and ŵ have the sign σ, or one of
them is 0. ŵ is infinite where l_j = 0, |u_j| > a_j and nothing bounds w on that side: pen*(−u) = ∞.
Where a_j > 0 a smaller dual point c·u, c = a_j/|u_j|, is finite; where a_j = 0 (an unpenalised
coefficient) u_j must be 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.numerics.algebra import dot
from logloss.objective.penalty import Neglected

Array = NDArray[np.float64]

_ROUNDS = 100  # of coordinate descent and an exact step on its face
_BESIDE_ROUNDING = 1e4  # an L1 penalty of fewer rounding errors counts as beside them


@dataclass(frozen=True, eq=False)
class Separable:
    """A `Penalty` on the mean loss, each of shape (n_coefficients,).

    Attributes
    ----------
    l2, l1 : ndarray
        l_j and a_j; 0 for the intercept.
    lower, upper : ndarray
        Bounds, −∞ and ∞ where there are none, as for the intercept.
    neglected : Neglected or None
        What was left out for being too small.
    """

    l2: Array
    l1: Array
    lower: Array
    upper: Array
    neglected: Neglected | None = None
    separable = True

    def neglect(self, coef: Array) -> float:
        """What is neglected of F at coefficients as they are reported."""
        return 0.0 if self.neglected is None else self.neglected.value(coef)

    @classmethod
    def ridge(cls, l2: Array) -> Separable:
        """L2 alone."""
        far = np.full(len(l2), math.inf)
        return cls(l2, np.zeros(len(l2)), -far, far)

    def of(self, subset: NDArray[np.int64]) -> Separable:
        """That of these coefficients alone."""
        return Separable(self.l2[subset], self.l1[subset], self.lower[subset], self.upper[subset])

    def scaled(self, more: float) -> Separable:
        """So many times l_j and a_j, with the same bounds."""
        return Separable(self.l2 * more, self.l1 * more, self.lower, self.upper)

    @cached_property
    def smooth(self) -> bool:
        """Neither an L1 penalty nor a bound: pen has a gradient everywhere."""
        return not (self.l1.any() or self.bounded.any())

    @cached_property
    def bounded(self) -> NDArray[np.bool_]:
        """Which coefficients have a bound, shape (n_coefficients,), bool."""
        bounded: NDArray[np.bool_] = (self.lower > -math.inf) | (self.upper < math.inf)
        return bounded

    @cached_property
    def allows_zero(self) -> bool:
        return bool((self.lower <= 0.0).all() and (self.upper >= 0.0).all())

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """Which coefficients nothing keeps from growing on at least one side; shape, type same."""
        endless = (self.lower == -math.inf) | (self.upper == math.inf)
        free: NDArray[np.bool_] = (self.l2 == 0.0) & (self.l1 == 0.0) & endless
        return free

    @cached_property
    def endless(self) -> NDArray[np.bool_]:
        """The same, counting a penalty however small it is; shape, type same."""
        if self.neglected is None:
            return self.free
        endless = self.free.copy()
        where = self.neglected.where
        endless[: len(where)] &= ~where
        return endless

    @cached_property
    def unheld(self) -> NDArray[np.bool_]:
        """Which coefficients have neither penalty nor bound; shape, type same."""
        unheld: NDArray[np.bool_] = self.free & ~self.bounded
        return unheld

    def value(self, beta: Array) -> float:
        """pen(w) at a point within the bounds."""
        square = 0.5 * dot(self.l2 * beta, beta)
        return square if self.smooth else square + dot(self.l1, np.abs(beta))

    def gradient(self, beta: Array) -> Array:
        """Of the smooth part: l_j w_j, shape (n_coefficients,)."""
        return self.l2 * beta

    def less(self, beta: Array, than: Array) -> float:
        """Σ a_j (|w_j| − |w'_j|): how much less the L1 penalty is at `beta` than at `than`, < 0."""
        return dot(self.l1, np.abs(beta) - np.abs(than))

    def prox(self, x: Array, step: float | Array) -> Array:
        """argmin_w (w − x)²/(2·step) + a|w| within the bounds: shrunk, then clipped."""
        if self.smooth:
            return x
        shrunk = np.sign(x) * np.maximum(np.abs(x) - step * self.l1, 0.0)
        clipped: Array = np.clip(shrunk, self.lower, self.upper)
        return clipped

    def settle(self, beta: Array) -> Array:
        """The same point with what rounding has left beside a bound put on it."""
        if not self.bounded.any():
            return beta
        for bound in (self.lower, self.upper):
            far = np.where(np.isfinite(bound), bound, 0.0)
            near = np.isfinite(bound) & (np.abs(beta - far) <= 1e-12 * np.abs(far))
            beta = np.where(near, far, beta)
        clipped: Array = np.clip(beta, self.lower, self.upper)
        return clipped

    def pull(self, beta: Array, gradient: Array) -> Array:
        """The steepest way down: −(subgradient of least norm) within the bounds.

        Parameters
        ----------
        gradient : ndarray of shape (n_coefficients,)
            Of the smooth part of F.

        Returns
        -------
        ndarray of shape (n_coefficients,)
            0 everywhere at the optimum and only there (its norm is the subgradient distance).
        """
        up = -(gradient + np.where(beta < 0.0, -self.l1, self.l1))
        down = -(gradient + np.where(beta > 0.0, self.l1, -self.l1))
        pull: Array = np.maximum(np.where(beta < self.upper, up, 0.0), 0.0)
        pull += np.minimum(np.where(beta > self.lower, down, 0.0), 0.0)
        return pull

    def inside(self, beta: Array) -> NDArray[np.bool_]:
        """Which coefficients move freely near beta: not at a bound, and not held at 0 by a_j."""
        inside: NDArray[np.bool_] = (beta > self.lower) & (beta < self.upper)
        inside &= (beta != 0.0) | (self.l1 == 0.0)
        return inside

    def shortfall(self, residual: Array, beta: Array, accuracy: float = 1.0) -> float:
        """What a residual ρ of the Newton system at w adds to the gap, near enough.

        Σ ρ_j²/(2 l_j) over l_j > 0; where only a_j > 0, the dual point shrinks by |ρ_j|/a_j, which
        costs that share of Σ a_j|w_j|. Of unpenalised coefficients ρ_j must be rounding; here it
        counts as if l_j were `accuracy`.
        """
        shrunk = (self.l2 == 0.0) & (self.l1 > 0.0)
        l2 = np.where(self.l2 == 0.0, max(accuracy, 1e-300), self.l2)
        squares = 0.5 * float((residual**2 / l2)[~shrunk].sum())
        if not shrunk.any():
            return squares
        share = float((np.abs(residual[shrunk]) / self.l1[shrunk]).max())
        return squares + min(share, 1.0) * dot(self.l1, np.abs(beta))

    def reach(self, score: Array, rounding: Array | float = 0.0) -> float:
        """The largest c ≤ 1 at which an L1 penalty of its own allows the dual point c·u.

        Parameters
        ----------
        score : ndarray of shape (n_coefficients,)
            u.
        rounding : float or ndarray of shape (n_coefficients,)
            What it may be off. Where a_j is of its size a c far below 1 would be paid for nothing:
            what is beyond such an a_j is left to `excess`.
        """
        if self.smooth:
            return 1.0
        size = np.abs(score)
        over = (self.l1 > _BESIDE_ROUNDING * rounding) & (self.excess(score) > 0.0)
        return float((self.l1[over] / size[over]).min(initial=1.0))

    def excess(self, score: Array, rounding: Array | float = 0.0) -> Array:
        """|u_j| − a_j > 0 where neither l_j nor a bound on that side makes pen*(−u_j) finite.

        At most, for a u_j that may be off by `rounding`.
        """
        beyond = np.zeros_like(score)
        for sign, endless in ((1.0, self.lower == -math.inf), (-1.0, self.upper == math.inf)):
            over = sign * score + rounding - self.l1
            beyond = np.maximum(beyond, np.where(endless & (self.l2 == 0.0), over, 0.0))
        return beyond

    def gap(self, beta: Array, score: Array) -> float:
        """Σ_j [pen_j(w_j) + pen_j*(−u_j) + u_j w_j], u_j without what `excess` measures.

        Parameters
        ----------
        beta, score : ndarray of shape (n_coefficients,)
            w within the bounds, and u of a dual point that is within `reach`.
        """
        l2 = np.where(self.l2 == 0.0, np.inf, self.l2)
        if self.smooth:
            return 0.5 * float(((self.l2 * beta + score) ** 2 / l2).sum())
        best = self._conjugate_point(score, l2)
        endless = ~np.isfinite(best)  # u_j counts as −a_j or a_j: every w of the other sign is best
        score = np.where(endless, np.clip(score, -self.l1, self.l1), score)
        held: Array = np.clip(0.0, self.lower, self.upper)
        best = np.where(endless, np.where(self.l1 > 0.0, held, beta), best)
        slope = self.l2 * best + score
        sign = np.where(beta == 0.0, np.sign(best), np.sign(beta))
        joined = (self.l1 * sign + slope) * (beta - best)
        apart = self.l1 * (np.abs(beta) - np.abs(best)) + slope * (beta - best)
        rest = np.where(beta * best < 0.0, apart, joined)
        terms = 0.5 * self.l2 * (beta - best) ** 2 + np.maximum(rest, 0.0)
        return float(terms.sum())

    def _conjugate_point(self, score: Array, l2: Array) -> Array:
        """ŵ; `l2` is l_j, ∞ where it is 0."""
        shrunk = np.sign(score) * np.maximum(np.abs(score) - self.l1, 0.0)
        far = np.where(shrunk > 0.0, -math.inf, np.where(shrunk < 0.0, math.inf, 0.0))
        point = np.where(self.l2 > 0.0, -shrunk / l2, far)
        clipped: Array = np.clip(point, self.lower, self.upper)
        return clipped

    def minimum(
        self, hessian: Array, beta: Array, gradient: Array, accuracy: float, far: float
    ) -> tuple[Array, Array]:
        """The minimum of a quadratic model, and its slope there; see `Penalty.minimum`."""
        point, slope, _ = _kernels.quadratic(
            np.ascontiguousarray(hessian),
            gradient,
            beta,
            self.l1,
            self.lower,
            self.upper,
            accuracy,
            _ROUNDS,
            far,
        )
        return point, slope
