"""What solvers and certificates ask of a penalty, whatever it is: L1, L2, bounds, groups.

    F(β) = (1/Σs) Σ loss + pen(w),   pen convex, the sum of a smooth part ½ Σ l_j w_j² and of a rest

The rest has a prox and a conjugate: pen*(−u) is finite where the score u = XᵀSr'/Σs of a dual point
keeps to a limit, |u_j| ≤ a_j under L1 (separable.py), ‖u_G‖ ≤ a under a norm of a group. All that a
certificate has to know is how far u has to be shrunk for that (`reach`), by how much it is off but
for rounding (`excess`), and what the penalty's part of the gap is (`gap`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import dot

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Neglected:
    """Penalties that are so small that they count as 0; F is larger by them than what is minimised.

    On coefficients as they are reported, each of shape (n_columns,).

    Attributes
    ----------
    root, l1 : ndarray
        √l_j and a_j, 0 where they are not neglected.
    """

    root: Array
    l1: Array

    @property
    def where(self) -> NDArray[np.bool_]:
        """Of which coefficients, shape (n_columns,)."""
        where: NDArray[np.bool_] = (self.root > 0.0) | (self.l1 > 0.0)
        return where

    def value(self, coef: Array) -> float:
        """½ Σ l_j w_j² + Σ a_j |w_j|."""
        with np.errstate(over="ignore", invalid="ignore"):
            root = np.where(self.root > 0.0, self.root * coef, 0.0)
            size = np.where(self.l1 > 0.0, self.l1 * np.abs(coef), 0.0)
            return 0.5 * dot(root, root) + float(size.sum())


class Penalty(Protocol):
    """A penalty on the mean loss. Arrays are of shape (n_coefficients,); intercepts are free."""

    @property
    def l2(self) -> Array:
        """l_j: the curvature of the smooth part."""
        ...

    @property
    def l1(self) -> Array:
        """a_j: the limit of |u_j|, or of the norm of its group's u; 0 where there is none."""
        ...

    @property
    def lower(self) -> Array:
        """Bounds, −∞ where there are none."""
        ...

    @property
    def upper(self) -> Array:
        """Bounds, ∞ where there are none."""
        ...

    @property
    def neglected(self) -> Neglected | None:
        """What was left out for being too small."""
        ...

    @property
    def separable(self) -> bool:
        """Is it l2, l1, lower and upper of each coefficient by itself, and nothing else?"""
        ...

    @property
    def smooth(self) -> bool:
        """Is there nothing but the smooth part?"""
        ...

    @property
    def bounded(self) -> Mask:
        """Which coefficients have a bound."""
        ...

    @property
    def allows_zero(self) -> bool:
        """Is w = 0 within the bounds, so that F is at most that of the null model?"""
        ...

    @property
    def free(self) -> Mask:
        """Which coefficients nothing keeps from growing on at least one side."""
        ...

    @property
    def endless(self) -> Mask:
        """The same, counting a penalty however small it is."""
        ...

    @property
    def unheld(self) -> Mask:
        """Which coefficients have neither penalty nor bound."""
        ...

    def neglect(self, coef: Array) -> float:
        """What is neglected of F at coefficients as they are reported."""
        ...

    def of(self, subset: Indices) -> Self:
        """That of these coefficients alone, where the others are 0 or have a part of their own."""
        ...

    def scaled(self, more: float) -> Self:
        """So many times the penalty, with the same bounds."""
        ...

    def value(self, beta: Array) -> float:
        """pen(w) at a point within the bounds."""
        ...

    def less(self, beta: Array, than: Array) -> float:
        """The rest at `beta`, without that at `than`."""
        ...

    def gradient(self, beta: Array) -> Array:
        """Of the smooth part: l_j w_j."""
        ...

    def prox(self, x: Array, step: float | Array) -> Array:
        """argmin_w ‖w − x‖²/(2·step) + rest(w), within the bounds."""
        ...

    def settle(self, beta: Array) -> Array:
        """The same point with what rounding has left beside a bound put on it."""
        ...

    def pull(self, beta: Array, gradient: Array) -> Array:
        """−(subgradient of least norm): 0 everywhere at the optimum and only there.

        `gradient`: of the smooth part of F.
        """
        ...

    def inside(self, beta: Array) -> Mask:
        """Which coefficients move freely near beta: there the rest is smooth in them."""
        ...

    def minimum(
        self, hessian: Array, beta: Array, gradient: Array, accuracy: float, far: float
    ) -> tuple[Array, Array]:
        """argmin_w g·(w − β) + ½ (w − β)'H(w − β) + rest(w), and g + H(w − β) there.

        Until all but `accuracy` of the decrease is there, or it is `far`. `gradient`: of the smooth
        part of F, which H includes.
        """
        ...

    def shortfall(self, residual: Array, beta: Array, accuracy: float = 1.0) -> float:
        """What a residual ρ of the Newton system at w adds to the gap, near enough.

        Unpenalised coefficients count as if l_j were `accuracy`.
        """
        ...

    def reach(self, score: Array, rounding: Array | float = 0.0) -> float:
        """The largest c ≤ 1 for which c·u keeps to the limits, u known to `rounding`."""
        ...

    def excess(self, score: Array, rounding: Array | float = 0.0) -> Array:
        """How far u, known to `rounding`, may lie beyond what makes pen*(−u) finite; or 0."""
        ...

    def gap(self, beta: Array, score: Array) -> float:
        """pen(w) + pen*(−u) + u·w, for u without what `excess` measures."""
        ...
