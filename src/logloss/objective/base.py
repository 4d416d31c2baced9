"""The objective F(β) = likelihood + penalty: all that a solver sees.

F(β) = (1/Σs) Σ_i s_i bce(y_i, x_i·w + b + o_i) + Σ_j [a_j |w_j| + (l_j/2) w_j²],  lo ≤ w ≤ hi

Values are those of all of F; gradients and Hessians are those of its smooth part, without a_j and
the bounds.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from logloss.errors import UsageError
from logloss.objective.likelihood import Likelihood, RowSums
from logloss.objective.penalty import Penalty
from logloss.objective.rows import Rows

Array = NDArray[np.float64]


class OutOfTime(Exception):
    """The deadline of an objective has passed."""


@dataclass(frozen=True, eq=False)
class Objective:
    """Each method but `values` and `value_of_null` costs one read of the data.

    Points and gradients have shape (n_coefficients,); `likelihood.shape` says which entry is what.

    Attributes
    ----------
    deadline : float
        A reading of `time.perf_counter` after which a read is refused by OutOfTime: that ends the
        longest step of any solver, wherever in it the time runs out.
    """

    likelihood: Likelihood
    penalty: Penalty
    deadline: float = math.inf

    @property
    def n_rows(self) -> int:
        return self.likelihood.n_rows

    @property
    def n_coefficients(self) -> int:
        return self.likelihood.shape.size

    @property
    def reads(self) -> int:
        return self.likelihood.reads

    @property
    def late(self) -> bool:
        """The deadline has passed: an inner loop that can end with what it has does so."""
        return self.deadline < math.inf and time.perf_counter() >= self.deadline

    def until(self, deadline: float) -> Objective:
        """The same objective with another deadline."""
        return self if deadline == self.deadline else replace(self, deadline=deadline)

    @cached_property
    def unpenalised(self) -> bool:
        """Nothing is penalised or bounded, so that a minimum may not exist."""
        none = self.penalty.neglected is None and not self.penalty.l2.any()
        return none and self.penalty.smooth

    @cached_property
    def free_columns(self) -> bool:
        """Is any coefficient but the intercept unpenalised?"""
        free = self.penalty.free
        return bool(free[self.likelihood.shape.slopes].any())

    @cached_property
    def endless_columns(self) -> bool:
        """The same, where a penalty counts however small it is."""
        free = self.penalty.endless
        return bool(free[self.likelihood.shape.slopes].any())

    def null(self) -> Array:
        """The point of the null model: the best intercept where there is one; no read."""
        return self.likelihood.shape.null(self.likelihood.null_fit()[0])

    def value_of_null(self) -> float:
        """F of the null model: the best intercept where there is one, and the offset."""
        return self.likelihood.null_fit()[1]

    def value_gradient(self, beta: Array) -> tuple[float, Array]:
        loss, gradient = self._rows().loss_gradient(beta)
        return loss + self.penalty.value(beta), gradient + self.penalty.gradient(beta)

    def values(self, beta: Array, direction: Array, steps: Array) -> Array:
        """F(β + t·direction) for each t in `steps`; one read for all."""
        losses = self._rows().losses(beta, direction, steps)
        values: Array = losses + np.array([self.penalty.value(beta + t * direction) for t in steps])
        return values

    def hessian(
        self, beta: Array, subset: NDArray[np.int64] | None = None, *, secant: bool = False
    ) -> Array:
        hessian = self._rows().hessian(beta, subset, secant=secant)
        l2 = self.penalty.l2 if subset is None else self.penalty.l2[subset]
        hessian.flat[:: len(hessian) + 1] += l2
        return hessian

    def hessian_product(self, beta: Array, v: Array) -> Array:
        return self._rows().hessian_product(beta, v) + self.penalty.l2 * v

    def subsample(self, count: int) -> Objective | None:
        """The objective of about so many rows that stand for all; None where they are most."""
        sample = self._rows().subsample(count)
        return None if sample is None else replace(self, likelihood=sample)

    def by_row(self, solver: str) -> Rows:
        """The rows one at a time, for a solver that needs them so.

        Raises
        ------
        UsageError
            The rows live where they cannot be read that way, or the penalty does not go with it.
        """
        if not self.penalty.separable:
            raise UsageError(
                f"{solver} reads row by row, and so takes penalties and bounds of each coefficient"
                " by itself",
                "take solver='auto', which reads all rows at once",
            )
        rows = self.likelihood.by_row()
        if rows is None:
            raise UsageError(
                f"{solver} reads row by row, which needs rows in memory; these are in"
                f" {self.likelihood.place}",
                "take solver='auto', which reads all rows at once",
            )
        return rows

    def sums(self, what: str = "this") -> RowSums:
        """What more than solving asks of the rows.

        Raises
        ------
        UsageError
            The rows live where they cannot be asked; `what` would have.
        """
        sums = self.likelihood.sums()
        if sums is None:
            raise UsageError(
                f"{what} asks more of the rows than a fit does, and these, in"
                f" {self.likelihood.place}, do not answer",
                "fit the table, or a part of it, in memory",
            )
        return sums

    def _rows(self) -> Likelihood:
        """The likelihood, in time."""
        if self.late:
            raise OutOfTime
        return self.likelihood
