"""What only rows in memory can be asked: a row at a time, or a column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from logloss.objective.penalty import Penalty

if TYPE_CHECKING:
    from logloss.objective.likelihood import RowSums
    from logloss.table.design.design import Design

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Order = NDArray[np.int64]
Three = tuple[Array, Array, Array]


class Rows(Protocol):
    """Rows one at a time, for solvers that take a step at each: in memory only.

    A row is [x, 1] in the coordinates of the solver, where there is an intercept. Each method but
    `draw` and `shuffle` is one read of the data, and changes the vectors that it is given: points
    of shape (n_coefficients,), residuals of shape (n_rows,). An order names the rows to read; as
    many as have weight make an epoch.
    """

    @property
    def density(self) -> float:
        """Entries that a row has, as a share of the columns."""
        ...

    @property
    def largest_square(self) -> float:
        """Of ‖[x, 1]‖² over the rows with weight; a read the first time."""
        ...

    def draw(self, rng: np.random.Generator) -> Order:
        """An epoch with replacement: each draw is row i with probability s_i/Σs."""
        ...

    def shuffle(self, rng: np.random.Generator) -> Order:
        """An epoch in random order: row i about n s_i/Σs times, once where weights are equal."""
        ...

    def residuals(self, beta: Array) -> Array:
        """σ(z) − y of each row; no read where z is kept."""
        ...

    def average(
        self, order: Order, step: float, jump: bool, penalty: Penalty, vectors: Three
    ) -> None:
        """SAGA (`jump`) or SAG. `vectors`: point, mean gradient of the loss, residuals."""
        ...

    def descend(
        self,
        order: Order,
        steps: Array,
        batch_size: int,
        penalty: Penalty,
        beta: Array,
        average: tuple[Array, int, int] | None = None,
    ) -> int:
        """SGD. `average`: mean point, steps between its points, how many there are → how many."""
        ...

    def adam(
        self,
        order: Order,
        steps: Array,
        batch_size: int,
        constants: tuple[float, float, float],
        penalty: Penalty,
        vectors: Three,
        done: int,
    ) -> int:
        """Adam. `constants`: β₁, β₂, ε; `vectors`: point, m, v; `done`: steps so far → steps."""
        ...

    def perceptron(
        self,
        order: Order,
        step: float,
        vectors: tuple[Array, Array],
        pocket: tuple[float, int, int],
    ) -> tuple[float, int, int, int]:
        """The perceptron. `vectors`: point, pocket; `pocket`: its errors, run, and its run.

        Returns these three again and the mistakes of the epoch.
        """
        ...


class Columns(Protocol):
    """The table itself, for what looks at columns by themselves: in memory only.

    In the units of the columns, without offsets.
    """

    @property
    def design(self) -> Design: ...

    def predict(self, coef: Array, intercept: float) -> Array:
        """x·coef + intercept of each row."""
        ...

    def sums(self, v: Array) -> Array:
        """Σ v_i x_i of each column, for a v over the rows; one read."""
        ...

    def filled(self, rows: Mask) -> Mask:
        """Which columns are not 0 on all of these rows; one read."""
        ...

    def kept(self, columns: Mask, weight: Array) -> RowSums:
        """The likelihood of some columns, with other weights of the rows; its reads count too."""
        ...
