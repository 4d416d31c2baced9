"""Rows in memory, one at a time: what stochastic solvers read, in the coordinates of the solver.

Dense rows in C order and CSR, of float64 or float32, are read as they lie. Everything else (columns,
CSC, several blocks, integers) is copied once, row after row: to float32 where that holds all values,
and to CSR where a block is sparse. One thread does all of it, so that results do not depend on their
number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels
from logloss.backends.coordinates import Coordinates
from logloss.penalty import Penalty
from logloss.table.design import Design

Array = NDArray[np.float64]
Order = NDArray[np.int64]


class MemoryRows:
    """A `Rows` over a Design; see the protocol."""

    def __init__(
        self,
        design: Design,
        observations: _kernels.Observations,
        coordinates: Coordinates,
        weight: Array | None,
        weight_sum: float,
    ) -> None:
        self._kernel = _kernels.Rows(
            design.kernel,
            observations,
            np.ascontiguousarray(coordinates.center),
            1.0 / coordinates.scale,
            coordinates.intercept,
        )
        self._n_rows = design.n_rows
        self._weight_sum = weight_sum
        self._shares = None if weight is None else np.cumsum(weight)
        self._largest_square: float | None = None
        self.n_draws = design.n_rows if weight is None else int(np.count_nonzero(weight))

    @property
    def density(self) -> float:
        """Entries that a row has, as a share of the columns."""
        return self._kernel.n_entries / max(self._n_rows * self._kernel.n_columns, 1)

    @property
    def largest_square(self) -> float:
        if self._largest_square is None:
            self._largest_square = self._kernel.largest_square()
        return self._largest_square

    def draw(self, rng: np.random.Generator) -> Order:
        """With replacement; a row of weight s is found s/Σs of the time, one of none never."""
        if self._shares is None:
            return rng.integers(0, self._n_rows, self.n_draws)
        at = rng.random(self.n_draws) * self._shares[-1]
        return np.searchsorted(self._shares, at, side="right").astype(np.int64)

    def average(
        self, order: Order, step: float, jump: bool, penalty: Penalty, vectors: tuple[Array, ...]
    ) -> None:
        beta, mean, residuals = vectors
        parts = _parts(penalty)
        self._kernel.averaged(
            order, step, jump, self._weight_sum, parts, beta, mean, residuals
        )

    def descend(
        self,
        order: Order,
        steps: Array,
        batch_size: int,
        penalty: Penalty,
        beta: Array,
        average: tuple[Array, int, int] | None = None,
    ) -> int:
        mean, every, count = (None, 1, 0) if average is None else average
        parts = _parts(penalty)
        return self._kernel.descend(order, steps, batch_size, parts, beta, mean, every, count)

    def adam(
        self,
        order: Order,
        steps: Array,
        batch_size: int,
        constants: tuple[float, float, float],
        penalty: Penalty,
        vectors: tuple[Array, ...],
        done: int,
    ) -> int:
        parts = _parts(penalty)
        return self._kernel.adam(order, steps, batch_size, constants, parts, *vectors, done)

    def perceptron(
        self, order: Order, step: float, vectors: tuple[Array, ...], pocket: tuple[float, int, int]
    ) -> tuple[float, int, int, int, int]:
        beta, best = vectors
        found: tuple[float, int, int, int, int] = self._kernel.perceptron(
            order, step, beta, best, *pocket
        )
        return found


def _parts(penalty: Penalty) -> tuple[Array, Array, Array, Array]:
    return penalty.l2, penalty.l1, penalty.lower, penalty.upper
