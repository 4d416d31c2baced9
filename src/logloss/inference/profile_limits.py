"""Confidence limits by the profile likelihood.

They are where twice the log-likelihood, maximised over all other coefficients,
has fallen by the quantile of χ²_1. They follow the curve instead of a parabola, and hold where a
Wald limit does not: few rows, estimates far from 0.

With the profile L(t) = min F over c·θ = t (c picks a coefficient as it is reported), a step at θ
with gradient g and Hessian H is that of Venzon & Moolgavkar (Appl. Stat. 37, 1988),

    u = H⁻¹g,  v = H⁻¹c,  λ = g·v/(c·v) = L'(t),  d = ½ (g·u − λ² c·v) ≥ 0,  L(t) ≈ F − d
    δ = −u + (λ + τ/(c·v)) v

where the first part goes to the profile at t, and τ moves t to where the parabola of height F − d,
slope λ and curvature 1/(c·v) meets the limit L*; where it does not, by the tangent: L is convex, so
that leads to no nearer point. Far above the profile only the first part is taken, halved until F
falls. Points inside and outside enclose the limit, and a step out of that goes to its middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from logloss.inference.covariance import first_to_last
from logloss.inference.optimum import Curvature
from logloss.inference.separated_limits import infinite_limits, limit_by_fits
from logloss.numerics.algebra import dot
from logloss.numerics.distributions import quantile

if TYPE_CHECKING:
    from logloss.inference.optimum import Optimum

Array = NDArray[np.float64]

_CLOSE = 1e-10  # τ up to this share of |t| + SE
_ROUNDING = 2.0**-51  # of F
_ON_CURVE = 1e-9  # 2Σs·d up to this
_OFF_CURVE = 0.25  # 2Σs·d above which t waits
_KNOWN = 0.1  # d up to this share of L(t) − L*: its sign is known
_KEEPS = 0.03  # a step with a kept Hessian shrinks the error so far, or a new one is taken
_LARGEST = 4.0  # change of a coefficient at once, in log odds per standard deviation
_NOWHERE = 64.0  # such a way, back past 0 as well, with no loss at all: the limit is infinite
_LOST = 1e-9  # curvature along a direction that has none left
_MOST_STEPS = 200


def profile_limits(optimum: Optimum, level: float, separated: bool = False) -> tuple[Array, Array]:
    """Limits of the coefficients as they are shown, the intercept first; NaN for aliases.

    Infinite where the likelihood never falls so far. Reads: about eight for each limit.

    Parameters
    ----------
    separated : bool
        The data are separated, and the point stands for one at infinity.
    """
    n = optimum.objective.n_coefficients
    is_infinite = infinite_limits(optimum) if separated else None
    target = quantile(level) ** 2 / (2.0 * optimum.weight_sum)
    limits = np.full((n, 2), math.nan)
    for j in optimum.curvature.kept:
        contrast = _contrast(optimum, int(j))
        for side, sign in enumerate((-1.0, 1.0)):
            known = is_infinite(contrast, sign) if is_infinite else None
            if known:
                limits[j, side] = sign * math.inf
                continue
            goal = optimum.loss + target
            limits[j, side] = _Search(optimum, contrast, sign, goal).limit()
            if known is False and not math.isfinite(limits[j, side]):
                limits[j, side] = limit_by_fits(optimum, int(j), sign, goal)
    limits = limits[first_to_last(optimum.coordinates.intercept, n)]
    return limits[:, 0], limits[:, 1]


def _contrast(optimum: Optimum, j: int) -> Array:
    """c with c·θ = the coefficient j as it is reported."""
    return optimum.coordinates.functional(j)


@final
@dataclass(frozen=True, eq=False)
class _Point:
    """A point, the curvature that steers from it, which may be of an earlier one, and its error."""

    beta: Array
    value: float
    gradient: Array
    curvature: Curvature
    error: float = math.inf


@final
@dataclass(frozen=True, eq=False)
class _Move:
    """One step: down to the profile, along it by τ (`wanted` by the model), d, and L(t)."""

    down: Array
    along: Array
    tau: float
    wanted: float
    above: float
    profile: float


@final
class _Search:
    """The search for one limit, from the optimum."""

    def __init__(self, optimum: Optimum, contrast: Array, sign: float, target: float) -> None:
        self.optimum, self.contrast = optimum, contrast
        self.sign, self.target = sign, target
        self.twice = 2.0 * optimum.weight_sum
        v = optimum.curvature.solve(contrast)
        self.error = math.sqrt(dot(contrast, v) / optimum.weight_sum)
        self.center = dot(contrast, optimum.beta)
        self.inside, self.outside = 0.0, math.inf  # distances from the center
        self.longest = _LARGEST
        self.nowhere = _NOWHERE + 2.0 * float(np.abs(optimum.beta).max())

    def limit(self) -> float:
        """The limit, ±inf where there is none, NaN where it was not found."""
        best, zero = self.optimum, np.zeros_like(self.optimum.beta)
        far = math.sqrt(best.drop(self.target))
        point = _Point(best.beta, best.loss, zero, best.curvature, far)
        for _ in range(_MOST_STEPS):
            move = self._move(point)
            at = dot(self.contrast, point.beta)
            on_curve = self.twice * move.above <= _ON_CURVE
            if on_curve and abs(move.wanted) <= self._close(at):
                return at + move.wanted
            if self._is_lost(point, move):
                return self.sign * math.inf
            point = self._step(point, move)
        return math.nan

    def _move(self, point: _Point) -> _Move:
        """What the model at a point proposes."""
        u, v = point.curvature.solve(point.gradient), point.curvature.solve(self.contrast)
        spread = dot(self.contrast, v)
        slope = dot(point.gradient, v) / spread
        above = max(0.0, 0.5 * (dot(point.gradient, u) - slope**2 * spread))
        profile = point.value - above
        square = slope**2 + 2.0 * (self.target - profile) / spread
        if square >= 0.0:
            tau = (self.sign * math.sqrt(square) - slope) * spread
        else:
            tau = (self.target - profile) / slope
        near = self.twice * above <= _OFF_CURVE
        if near and above <= _KNOWN * abs(profile - self.target):
            self._enclose(dot(self.contrast, point.beta), profile)
        taken = self._enclosed(dot(self.contrast, point.beta), tau) if near else 0.0
        return _Move(slope * v - u, v / spread, taken, tau, above, profile)

    def _enclose(self, at: float, profile: float) -> None:
        """Note that t is inside or outside, where d is too small to make a difference."""
        here = self.sign * (at - self.center)
        if profile <= self.target:
            self.inside = max(self.inside, here)
        else:
            self.outside = min(self.outside, here)

    def _enclosed(self, at: float, tau: float) -> float:
        """τ that stays between the farthest point inside and the nearest outside."""
        here = self.sign * (at - self.center)
        there = here + self.sign * tau
        slack = self._close(at)
        if self.inside - slack <= there <= self.outside + slack:
            return tau
        end = self.outside if self.outside < math.inf else 2.0 * here + self.error
        return self.sign * ((self.inside + end) / 2.0 - here)

    def _step(self, point: _Point, move: _Move) -> _Point:
        """The next point: all of the step near the profile, else down to it as far as F falls."""
        step = move.down + move.tau * move.along
        largest = float(np.abs(step).max())
        if largest > self.longest:
            step = step * (self.longest / largest)
            self.longest *= 2.0 if move.tau else 1.0
        objective, share = self.optimum.objective, 1.0
        far = self.twice * move.above > _OFF_CURVE
        value, gradient = objective.value_gradient(point.beta + step)
        while far and not value < point.value and share > 1e-6:
            share /= 4.0
            value, gradient = objective.value_gradient(point.beta + share * step)
        beta = point.beta + share * step
        moved = _Point(beta, value, gradient, point.curvature)
        error = self._error(self._move(moved))
        if share < 1.0 or not error <= _KEEPS * point.error:
            moved = replace(moved, curvature=self._curvature(beta, point.curvature))
        return replace(moved, error=error)

    def _close(self, at: float) -> float:
        """How near to the limit is near enough; no nearer than F, a sum over many rows, tells."""
        return _CLOSE * (abs(at) + self.error) + _ROUNDING * self.twice * self.target * self.error

    def _error(self, move: _Move) -> float:
        """In standard errors, about."""
        return abs(move.wanted) / self.error + math.sqrt(self.twice * move.above)

    def _curvature(self, beta: Array, last: Curvature) -> Curvature:
        objective, kept = self.optimum.objective, self.optimum.curvature.kept
        shape = objective.likelihood.shape
        hessian = objective.hessian(beta, kept)
        found = Curvature.of(hessian, kept, shape)
        if len(found.kept) == len(kept):
            return found
        hessian.flat[:: len(kept) + 1] += _LOST  # information that is gone, towards infinity
        found = Curvature.of(hessian, kept, shape)
        return found if len(found.kept) == len(kept) else last

    def _is_lost(self, point: _Point, move: _Move) -> bool:
        """A long way, and the likelihood has not fallen."""
        gone = float(np.abs(point.beta - self.optimum.beta).max())
        fallen = move.profile - self.optimum.loss
        flat = fallen + move.above < 1e-3 * (self.target - self.optimum.loss)
        return gone > self.nowhere and flat
