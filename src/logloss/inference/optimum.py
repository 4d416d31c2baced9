"""The maximum of the likelihood to rounding, without aliased columns.

A fit ends where its certificate proves it near enough. Standard errors, limits and test statistics
to eight digits need more: Newton steps δ = H⁻¹g with the exact Hessian of all rows, until
|δ_j| ≤ 1e-10 (|β_j| + SE_j) for each coefficient as it is reported.

A column that is a combination of the intercept and columns before it has a pivot of 0 in the
Cholesky factor of H. It is an alias: its coefficient is 0 (not estimable, as R says: NA), and the
others take over its part, β_k + a_k β_j for x_j = Σ a_k x_k with a = H_KK⁻¹ H_Kj.

All here is in inner coordinates (objective/coordinates.py), in the order of the solvers, with the
intercept last, but for what `raw` in a name says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.numerics.algebra import dot, inverse_factor
from logloss.objective.base import Objective
from logloss.objective.coordinates import Coordinates
from logloss.objective.shape import Shape

Array = NDArray[np.float64]
Positions = NDArray[np.int64]

_CLOSE = 1e-10  # |δ_j| up to this share of |β_j| + SE_j: polished
_ROUNDING = 1e-6  # the same where steps no longer shrink: what rounding allows of bad columns
_FAR = 1e-9  # a step of so many standard errors: the Hessian before it is another
_MOST_STEPS = 50
_SHARP = 1e-9  # of a column's size: coefficients of a combination below this are rounding


@final
@dataclass(frozen=True, eq=False)
class Curvature:
    """H of the coefficients in `free` at some point, factored; aliases are left out.

    Attributes
    ----------
    kept : ndarray of int64
        The positions of those that are estimable, increasing.
    order : ndarray of int64
        The same in the order in which they were eliminated: the intercept first.
    factor : ndarray of shape (len(kept), len(kept))
        T, lower triangular, with TᵀT = H⁻¹ on those in `order`.
    n : int
        Coefficients in all.
    """

    kept: Positions
    order: Positions
    factor: Array
    n: int

    @staticmethod
    def of(hessian: Array, free: Positions, shape: Shape) -> Curvature:
        """Factor the Hessian of the coefficients `free`, which are increasing."""
        order = np.searchsorted(free, shape.intercepts_first(free))
        factor, _ = inverse_factor(hessian[np.ix_(order, order)])
        known = np.diag(factor) > 0.0
        positions = free[order][known]
        return Curvature(np.sort(positions), positions, factor[np.ix_(known, known)], shape.size)

    def solve(self, right: Array) -> Array:
        """H⁻¹b, 0 for what is not kept; b and the result have shape (n,)."""
        out = np.zeros(self.n)
        out[self.order] = self.factor.T @ (self.factor @ right[self.order])
        return out

    def inverse(self) -> Array:
        """H⁻¹ of the kept ones, shape (n, n) with zeros elsewhere."""
        out = np.zeros((self.n, self.n))
        out[np.ix_(self.order, self.order)] = self.factor.T @ self.factor
        return out


@final
@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the likelihood is largest.

    Attributes
    ----------
    objective : Objective
    coordinates : Coordinates
    beta : ndarray of shape (n_coefficients,)
        0 for aliases.
    loss : float
    curvature : Curvature
        At `beta`, of all coefficients.
    combinations : dict of int to ndarray of shape (n_coefficients,)
        Position of an alias → a: x'_j = Σ a_k x'_k.
    """

    objective: Objective
    coordinates: Coordinates
    beta: Array
    loss: float
    curvature: Curvature
    combinations: dict[int, Array]

    @property
    def weight_sum(self) -> float:
        return self.objective.likelihood.weight_sum

    @property
    def rank(self) -> int:
        return len(self.curvature.kept)

    @cached_property
    def covariance(self) -> Array:
        """(Σs H)⁻¹, zeros for aliases."""
        return self.curvature.inverse() / self.weight_sum

    def drop(self, loss: float) -> float:
        """How far a loss lies above, in twice the log-likelihood."""
        return 2.0 * self.weight_sum * (loss - self.loss)


def polish(objective: Objective, where: Coordinates, beta: Array) -> Optimum:
    """The optimum near a certified point. Reads: a Hessian and a gradient or two; or two of each.

    Raises
    ------
    DataError
        Newton's method finds none there.
    """
    shape = objective.likelihood.shape
    hessian = objective.hessian(beta)
    curvature = Curvature.of(hessian, np.arange(shape.size), shape)
    combinations = _combinations(hessian, curvature)
    if combinations:
        beta = beta.copy()
        for j, a in combinations.items():
            beta, share = beta + a * beta[j], beta[j]
            beta[j] -= share
    value, gradient = objective.value_gradient(beta)
    last = math.inf
    for _ in range(_MOST_STEPS):
        step = curvature.solve(gradient)
        size = _size(objective, where, curvature, beta, step)
        gain = 2.0 * objective.likelihood.weight_sum * dot(gradient, step)  # squared, in SE
        if size <= _CLOSE or (last <= _ROUNDING and size > 0.1 * last):
            return Optimum(objective, where, beta, value, curvature, combinations)
        beta = beta - step
        value, gradient = objective.value_gradient(beta)
        last = size
        if not math.isfinite(value):
            break
        if not gain <= _FAR**2:
            curvature = Curvature.of(objective.hessian(beta, curvature.kept), curvature.kept, shape)
    raise DataError(
        "no maximum of the likelihood was found near the fit, so there are no standard errors",
        "it may not exist (see the status of the certificate); a penalty (C=1) makes it exist",
    )


def unpolished(
    objective: Objective, where: Coordinates, beta: Array, infimum: float | None = None
) -> Optimum:
    """A point that stands for an optimum at infinity, and the curvature of the intercept alone.

    At the point itself the Hessian has lost what distinguished the coefficients. One read or two.
    `infimum`: what the loss tends to; by default it is taken for that of the point.
    """
    shape = objective.likelihood.shape
    hessian = objective.hessian(objective.null())
    curvature = Curvature.of(hessian, np.arange(shape.size), shape)
    if infimum is None:
        infimum, _ = objective.value_gradient(beta)
    combinations = _combinations(hessian, curvature)
    return Optimum(objective, where, beta, infimum, curvature, combinations)


def at_null(optimum: Optimum) -> Optimum:
    """The same loss and curvature, from the intercept alone."""
    return replace(optimum, beta=optimum.objective.null())


def optimum_at(objective: Objective, where: Coordinates, beta: Array) -> Optimum:
    """A point as it is, which is no maximum of the likelihood alone, and the curvature there."""
    shape = objective.likelihood.shape
    value, _ = objective.value_gradient(beta)
    hessian = objective.hessian(beta)
    curvature = Curvature.of(hessian, np.arange(shape.size), shape)
    return Optimum(objective, where, beta, value, curvature, _combinations(hessian, curvature))


def _size(
    objective: Objective, where: Coordinates, curvature: Curvature, beta: Array, step: Array
) -> float:
    """The largest |δ_j| / (|β_j| + SE_j), of the coefficients as they are reported."""
    variances = raw_variances(where, curvature) / objective.likelihood.weight_sum
    coef, intercept = where.raw(beta)
    moved, shift = where.raw(step)
    values = where.shape.joined(coef, intercept)
    moves = where.shape.joined(moved, shift)
    kept = curvature.kept
    scale = np.abs(values[kept]) + np.sqrt(variances[kept])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.abs(moves[kept]) / scale
    return float(shares.max(initial=0.0))


def raw_variances(where: Coordinates, curvature: Curvature) -> Array:
    """The diagonal of H⁻¹ for the coefficients as they are reported, shape (n,)."""
    if where.own is not None:
        inverse = np.zeros((curvature.n, curvature.n))
        at = np.ix_(curvature.order, curvature.order)
        inverse[at] = curvature.factor.T @ curvature.factor
        diagonal: Array = np.diag(raw_matrix(where, inverse)).copy()
        return diagonal
    out = np.zeros(curvature.n)
    columns = curvature.factor / raw_scale(where)[curvature.order]
    out[curvature.order] = (columns**2).sum(axis=0)
    for k in curvature.kept[where.shape.are_intercepts(curvature.kept)]:
        out[k] = float(((curvature.factor @ intercept_in(where)[curvature.order]) ** 2).sum())
    return out


def raw_scale(where: Coordinates) -> Array:
    """θ_j / w_j, shape (n_coefficients,); 1 for the intercept."""
    return where.shape.joined(where.units, 1.0)


def intercept_in(where: Coordinates) -> Array:
    """c with b = c·θ, shape (n_coefficients,): the reported intercept in inner coordinates."""
    return where.functional(where.shape.intercepts.start)


def raw_matrix(where: Coordinates, inner: Array) -> Array:
    """A M Aᵀ for the map A from inner to reported coefficients."""
    if where.own is not None:
        map_ = where.jacobian()
        whole: Array = map_ @ inner @ map_.T
        return 0.5 * (whole + whole.T)
    scale = raw_scale(where)
    out: Array = inner / scale[:, np.newaxis] / scale
    if where.intercept:
        k, c = where.shape.intercepts, intercept_in(where)
        mixed = inner @ c
        out[k] = out[:, k.start] = mixed / scale
        out[k, k] = c @ mixed
    symmetric: Array = 0.5 * (out + out.T)  # to the last bit, as a file keeps one triangle
    return symmetric


def _combinations(hessian: Array, curvature: Curvature) -> dict[int, Array]:
    missing = np.setdiff1d(np.arange(curvature.n), curvature.kept)
    return {int(j): curvature.solve(hessian[:, j]) for j in missing}


def raw_combination(where: Coordinates, j: int, a: Array) -> tuple[Array, float]:
    """x_j = Σ a_k x_k + constant, of the columns as they came; what is rounding is 0."""
    known = None if where.own is None else where.own.combination(j)
    if known is not None:
        return known
    slopes = a[where.shape.slopes]
    parts = np.where(np.abs(slopes) > _SHARP, slopes, 0.0) * where.scale[j] / where.scale
    if not where.intercept:
        return parts, 0.0
    height = float(a[where.shape.intercepts].sum())
    constant = where.center[j] + height * where.scale[j] - dot(parts, where.center)
    size = abs(where.center[j]) + dot(np.abs(parts), np.abs(where.center)) + where.scale[j]
    return parts, constant if abs(constant) > _SHARP * size else 0.0
