"""Rows in two lists whose sums are added: all that a place for rows has to say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

import logloss._kernels as _kernels
from logloss.objective.coordinates import Coordinates
from logloss.objective.likelihood import DualSums, Groups, Margin
from logloss.objective.row_data import RowData, null_fit


@dataclass(eq=False)
class TwoLists:
    """`RowSums`. The lists hold x in the units of the columns; `count`: reads so far."""

    lists: list[np.ndarray]
    rows: RowData
    coordinates: Coordinates
    count: list[int] = field(default_factory=lambda: [0])
    place, aliases, gram_rounding = "two lists", {}, 1e-13
    by_row = by_column = subsample = staticmethod(lambda *_: None)
    leading = staticmethod(lambda _: np.arange(0))
    reads = property(lambda self: self.count[0])

    def __post_init__(self) -> None:
        where, ends = self.coordinates, np.cumsum([0, *map(len, self.lists)]).tolist()
        inner = [(x - where.center) / where.scale for x in self.lists]
        inner = [np.column_stack([x, *[np.ones(len(x))] * where.intercept]) for x in inner]
        self.parts = list(zip(inner, map(slice, ends, ends[1:]), strict=False))
        self.shape, self.n_rows, s = where.shape, ends[-1], self.rows.weights
        self.weight_sum, self.least_weight = self.rows.total(), s[s > 0.0].min()
        self.vectors = _kernels.Observations(self.rows.y, s, self.rows.offsets)
        self.null_fit = partial(null_fit, self.rows, where.intercept)
        self.extent = np.max([np.abs(x).max(axis=0) for x in inner], axis=0)
        self.rounding = np.full(self.shape.size, 8e-15 * math.sqrt(self.n_rows))
        self.sums, self.sparse = lambda: self, np.zeros(self.shape.columns, np.bool_)

    def back(self, v: np.ndarray) -> np.ndarray:
        self.count[0] += 1
        return sum(x.T @ v[part] for x, part in self.parts)

    def gram(self, v: np.ndarray) -> np.ndarray:
        self.count[0] += 1
        return sum((x.T * v[part]) @ x for x, part in self.parts)

    def at(self, beta: np.ndarray) -> tuple[np.ndarray, ...]:
        """z, s·loss, s r and s q of each row."""
        z = self.log_odds(beta)
        return z, *(self.rows.weights * of_row for of_row in self.rows.bernoulli(z))

    def moved(self, beta: np.ndarray, delta: np.ndarray) -> tuple[Any, ...]:
        """z, ξ, the shift of the intercept, XᵀSr'/Σs and Σ s q/Σs, r' = r − q (ξ + shift)."""
        (z, _, r, q), xi, intercept = self.at(beta), self.along(delta), self.shape.has_intercept
        shift = float((r - q * xi).sum() / q.sum()) if intercept else 0.0
        score = self.back(r - q * (xi + shift)) / self.weight_sum
        score[self.shape.intercepts] = 0.0
        return z, xi, shift, score, float(q.sum()) / self.weight_sum * intercept

    def along(self, direction: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
        return np.concatenate([x @ direction for x, _ in self.parts])[rows]

    def entries(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return np.concatenate(self.lists)[np.ix_(rows, columns)]

    def log_odds(self, beta: np.ndarray) -> np.ndarray:
        return self.along(beta) + self.rows.offsets

    def loss_gradient(self, beta: np.ndarray) -> tuple[float, np.ndarray]:
        _, loss, r, _ = self.at(beta)
        return float(loss.sum()) / self.weight_sum, self.back(r) / self.weight_sum

    def losses(self, beta: np.ndarray, direction: np.ndarray, steps: np.ndarray) -> np.ndarray:
        z, back = self.log_odds(beta), -self.along(direction)
        return _kernels.step_losses(self.vectors, z, back, steps, 1) / self.weight_sum

    def hessian(self, beta: Any, subset: Any = None, *, secant: bool = False) -> np.ndarray:  # noqa: ARG002
        every = np.arange(self.shape.size) if subset is None else subset
        return self.gram(self.at(beta)[3])[np.ix_(every, every)] / self.weight_sum

    def hessian_product(self, beta: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self.back(self.at(beta)[3] * self.along(v)) / self.weight_sum

    def group_gram(self, v: np.ndarray, groups: Groups) -> np.ndarray:
        sums = np.array([self.back(v * (groups.of_row == g)) for g in range(groups.count)])
        return sums.T @ sums

    def dual(self, beta: Any, delta: Any, reach: Callable[[np.ndarray], float]) -> DualSums:
        z, xi, shift, score, curvature = self.moved(beta, delta)
        c = reach(score)
        gap, outside = _kernels.row_gap(self.vectors, z, xi, shift, c or 1.0, 1)
        return DualSums((c or 1.0) * score, gap / self.weight_sum, c > outside, c, curvature)

    def margin(self, beta: Any, delta: Any, curved: Any = None, scale: float = 1.0) -> Margin:
        z, xi, shift, score, _ = self.moved(beta, delta)
        there = z if curved is None else self.log_odds(curved)
        found = _kernels.dual_margin(self.vectors, z, xi, shift, scale, there, 1)
        return Margin(score * scale * self.weight_sum, *found, 1e-16 * self.n_rows, shift)

    def leverages(self, subset: np.ndarray, inverse: np.ndarray) -> np.ndarray:
        return np.concatenate([((x[:, subset] @ inverse.T) ** 2).sum(1) for x, _ in self.parts])

    def leave_one_out(self, beta: Any, h: Any, *how: Any, shift: Any = None) -> tuple[float, int]:
        return _kernels.leave_one_out(self.vectors, self.log_odds(beta), None, h, *how, shift, 1)

    def with_rows(self, rows: RowData) -> TwoLists:
        return replace(self, rows=rows)

    def alone(self, rows: np.ndarray) -> TwoLists:
        return self.with_rows(RowData(self.rows.y, rows.astype(np.float64)))

    def without(self, j: int, offset: np.ndarray) -> TwoLists:
        where, kept = self.coordinates, np.arange(self.shape.columns) != j
        intercept = where.intercept and j < self.shape.columns  # without one none is centred
        there = Coordinates(where.center[kept] * intercept, where.scale[kept], intercept)
        rows = replace(self.rows, offset=offset)
        return TwoLists([x[:, kept] for x in self.lists], rows, there, self.count)
