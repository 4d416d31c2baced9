"""What may be asked of the rows, wherever they live: by solvers, and by inference.

Log loss is a sum over rows, and so is all that is asked for here; each method is one read of the
data, and the backend alone counts them. Everything is on the mean loss (divided by Σs) and in the
coordinates of the solver: columns may be centred and scaled, which is affine and undone when a fit
is reported. Nothing above backends/ knows more of the rows than this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from logloss.objective.coordinates import Coordinates
from logloss.objective.row_data import RowData
from logloss.objective.rows import Columns, Rows
from logloss.objective.shape import Shape

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DualSums:
    """A dual point c·r', r' = r − q·(Xδ), the unpenalised intercept's equation solved exactly.

    Attributes
    ----------
    score : ndarray of shape (n_coefficients,)
        c·v, v = XᵀSr'/Σs.
    gap : float
        The rows' part of the duality gap; see certificate.py.
    feasible : bool
        y + c·r' lies in [0, 1] on every row with weight.
    scale : float
        c.
    curvature : float
        Σ s q/Σs; 0 where there is no intercept.
    """

    score: Array
    gap: float
    feasible: bool
    scale: float = 1.0
    curvature: float = 0.0


@dataclass(frozen=True, eq=False)
class Margin:
    """How far inside (0, 1) a dual point t = y + u lies, u = c·r', and how well XᵀSu = 0 holds.

    With w = q at some point and W of all rows with weight; see feasibility.py.

    Attributes
    ----------
    score : ndarray of shape (n_coefficients,)
        XᵀSu as it was summed.
    least : float
        The least min(t, 1−t) √(s/w); not positive where t leaves (0, 1).
    pearson, absolute : float
        Σ s u²/w and Σ s |u|.
    square : float
        Σ s w ℓ², ℓ an upper bound on |logit(t) − z|.
    steepest : float
        The largest w/min(t, 1−t).
    rounding : float
        Rounding of a sum Σ u_i adds at most this share of Σ |u_i|.
    shift : float
        r' = r − q·(Xδ + shift): what the intercept's equation took beside δ.
    """

    score: Array
    least: float
    pearson: float
    absolute: float
    square: float
    steepest: float
    rounding: float
    shift: float = 0.0


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows that belong together.

    Attributes
    ----------
    of_row : ndarray of shape (n_rows,), int64
        The number of its group, from 0.
    count : int
        Groups.
    """

    of_row: NDArray[np.int64]
    count: int


class Likelihood(Protocol):
    """(1/Σs) Σ s_i bce(y_i, β·[x_i, 1] + o_i) and its derivatives.

    An intercept is the coefficient of a column of ones, and nothing else.
    """

    @property
    def n_rows(self) -> int: ...
    @property
    def shape(self) -> Shape:
        """Which coefficient is what."""
        ...

    @property
    def weight_sum(self) -> float: ...
    @property
    def reads(self) -> int:
        """Reads of all rows so far."""
        ...

    def null_fit(self) -> tuple[float, float]:
        """The best intercept alone (0 where there is none), and its loss; no read."""
        ...

    def loss_gradient(self, beta: Array) -> tuple[float, Array]: ...

    def losses(self, beta: Array, direction: Array, steps: Array) -> Array:
        """Losses at beta + step·direction, for each step."""
        ...

    def hessian(
        self, beta: Array, subset: NDArray[np.int64] | None = None, *, secant: bool = False
    ) -> Array:
        """Second derivatives by the coefficients in `subset` (increasing), or by all.

        `secant`: larger for rows far on the wrong side (see Newton).
        """
        ...

    def hessian_product(self, beta: Array, v: Array) -> Array: ...
    def dual(self, beta: Array, delta: Array, reach: Callable[[Array], float]) -> DualSums:
        """The dual point of the step δ, scaled by c = reach(v). At c = 0 there is none, only v."""
        ...

    @property
    def rounding(self) -> Array:
        """What rounding adds to an entry of a dual `score` at most, shape (n_coefficients,)."""
        ...

    @property
    def gram_rounding(self) -> float:
        """What rounding adds to an entry of a Hessian, as a share of √(H_ii H_jj)."""
        ...

    @property
    def aliases(self) -> Mapping[int, tuple[int, ...]]:
        """Columns with a bound that are combinations of others but for rounding: of which."""
        ...

    @property
    def least_weight(self) -> float:
        """The least s > 0."""
        ...

    @property
    def extent(self) -> Array:
        """The largest |x_k| of rows with weight, or more, shape (n_coefficients,); reads once."""
        ...

    def margin(
        self,
        beta: Array,
        delta: Array,
        curved: Array | None = None,
        scale: float = 1.0,
    ) -> Margin:
        """How far inside [0, 1] the dual point of the step δ, scaled by c = `scale`, lies.

        w is q at `curved` (beta by default). No read for the last dual point.
        """
        ...

    def subsample(self, count: int) -> Self | None:
        """About `count` of the rows, weighted to stand for all of them.

        None where that would be most of the rows.
        """
        ...

    def leading(self, count: int) -> NDArray[np.int64]:
        """The coefficients of the columns that are not 0 in most rows, increasing; no read.

        The intercept is the last of them. None, where more columns than that are never sparse.
        """
        ...

    def by_row(self) -> Rows | None:
        """The rows one at a time; None where the rows live elsewhere than in memory."""
        ...

    def sums(self) -> RowSums | None:
        """What more than solving asks of the rows; None where they cannot be asked."""
        ...

    @property
    def place(self) -> str:
        """Where the rows live, in words."""
        ...


class RowSums(Likelihood, Protocol):
    """What inference, existence, Firth and leave-one-out ask of the rows beyond solving.

    A vector over the rows has shape (n_rows,) and their order. What is derived from a likelihood
    counts its reads together with it, where it has all of its rows.
    """

    @property
    def rows(self) -> RowData:
        """Labels, weights and offsets."""
        ...

    @property
    def coordinates(self) -> Coordinates:
        """Between those of solvers and the coefficients as they are reported."""
        ...

    @property
    def sparse(self) -> Mask:
        """Columns whose sums are centred after they are taken, shape (columns,)."""
        ...

    def log_odds(self, beta: Array) -> Array:
        """z of each row; no read where it is kept."""
        ...

    def along(self, direction: Array, rows: Indices | None = None) -> Array:
        """[x, 1]·direction of each row, without offsets.

        Or of some rows, and then also for directions of shape (n_coefficients, k): (rows, k).
        """
        ...

    def entries(self, rows: Indices, columns: Indices) -> Array:
        """x of some rows and columns, in the units of the columns; shape (rows, columns)."""
        ...

    def leverages(self, subset: Indices, inverse: Array) -> Array:
        """|T [x, 1]|² of each row over the coefficients in `subset`, shape (n_rows,).

        Parameters
        ----------
        subset : ndarray of shape (k,), int64
            Increasing.
        inverse : ndarray of shape (k, k)
            T, lower triangular.
        """
        ...

    def gram(self, v: Array) -> Array:
        """Σ v [x, 1][x, 1]ᵀ over the rows, for v ≥ 0 of each."""
        ...

    def group_gram(self, v: Array, groups: Groups) -> Array:
        """Σ g gᵀ over groups of rows, g = Σ v [x, 1] over the rows of one, for any v."""
        ...

    def leave_one_out(
        self, beta: Array, leverage: Array, whole: bool, limit: float, *, shift: Array | None = None
    ) -> tuple[float, int]:
        """Σ s bce(y, z̃), and how many rows move by more than `limit`.

        Writes z̃ − z of each row into `shift`. See paths/leave_one_out.py.
        """
        ...

    def with_rows(self, rows: RowData) -> Self:
        """The same x with other labels in [0, 1], weights and offsets."""
        ...

    def alone(self, rows: Mask) -> Likelihood:
        """x alone, over some of the rows: each counts as one. Of all rows' reads none is saved."""
        ...

    def without(self, j: int, offset: Array) -> Likelihood:
        """The same without the column or intercept j, and with other offsets."""
        ...

    def by_column(self) -> Columns | None:
        """The columns one at a time; None where the table does not lie in one memory."""
        ...
