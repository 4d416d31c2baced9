"""Rows in memory, one at a time: what stochastic solvers read, in the coordinates of the solver.

Dense rows in C order and CSR, of float64 or float32, are read as they lie. All else (columns, CSC,
several blocks, integers) is copied once, row after row: to float32 where that holds all values, and
to CSR where a block is sparse. One thread does all of it, so that results do not depend on their
number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.objective.penalty import Penalty

if TYPE_CHECKING:
    from logloss.backends.memory import MemoryLikelihood

Array = NDArray[np.float64]
Order = NDArray[np.int64]
Three = tuple[Array, Array, Array]


class MemoryRows:
    """A `Rows` over the rows of a `MemoryLikelihood`; see the protocol."""

    def __init__(self, likelihood: MemoryLikelihood) -> None:
        self._likelihood = likelihood
        where, design = likelihood.coordinates, likelihood.design
        self._kernel = _kernels.Rows(
            design.kernel, likelihood.observations, where.center, 1.0 / where.scale, where.intercept
        )
        likelihood.count.add(self._kernel.copied)
        self._n_rows = design.n_rows
        weight = likelihood.rows.weight
        self._counts = None if weight is None else np.flatnonzero(weight)
        self._shares = None if weight is None else np.cumsum(weight[self._counts])
        self._largest_square: float | None = None

    @property
    def density(self) -> float:
        return float(self._kernel.n_entries / max(self._n_rows * self._likelihood.shape.size, 1))

    @property
    def largest_square(self) -> float:
        if self._largest_square is None:
            self._largest_square = float(self._kernel.largest_square())
            self._likelihood.count.add()
        return self._largest_square

    def draw(self, rng: np.random.Generator) -> Order:
        if self._shares is None:
            return rng.integers(0, self._n_rows, self._n_rows)
        return self._at(rng.random(len(self._shares)))

    def shuffle(self, rng: np.random.Generator) -> Order:
        """Of n equal pieces of Σs, laid out row after row, each names one row."""
        if self._shares is None:
            return rng.permutation(self._n_rows)
        n = len(self._shares)
        return self._at((rng.permutation(n) + rng.random(n)) / n)

    def _at(self, share: Array) -> Order:
        """The rows at these shares of Σs, by binary search."""
        assert self._shares is not None
        assert self._counts is not None
        found = np.searchsorted(self._shares, share * self._shares[-1], side="right")
        order: Order = self._counts[np.minimum(found, len(self._counts) - 1)]
        return order

    def residuals(self, beta: Array) -> Array:
        return self._likelihood.rows.bernoulli(self._likelihood.log_odds(beta))[1]

    def average(
        self, order: Order, step: float, jump: bool, penalty: Penalty, vectors: Three
    ) -> None:
        total = self._likelihood.weight_sum
        self._kernel.averaged(order, step, jump, total, _parts(penalty), *vectors)
        self._likelihood.count.add()

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
        count = self._kernel.descend(order, steps, batch_size, parts, beta, mean, every, count)
        self._likelihood.count.add()
        return count

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
        parts = _parts(penalty)
        total = self._kernel.adam(order, steps, batch_size, constants, parts, *vectors, done)
        self._likelihood.count.add()
        return total

    def perceptron(
        self,
        order: Order,
        step: float,
        vectors: tuple[Array, Array],
        pocket: tuple[float, int, int],
    ) -> tuple[float, int, int, int]:
        (point, best), (errors, run, best_run) = vectors, pocket
        errors, run, best_run, mistakes, checks = self._kernel.perceptron(
            order, step, point, best, errors, run, best_run
        )
        self._likelihood.count.add(int(checks) + (len(order) > 0))
        return errors, run, best_run, mistakes


def _parts(penalty: Penalty) -> tuple[Array, Array, Array, Array]:
    return penalty.l2, penalty.l1, penalty.lower, penalty.upper
