"""Rows in memory (a memory map included): each sum is one call of a kernel.

The linear predictors z of the last two points are kept, and Xδ of the last dual point, so that
Hessians and certificates there, and trial steps between them, need no read to find them again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.backends import derived
from logloss.backends.counted import Reads
from logloss.backends.row_sums import group_gram, leverages, likely_rounding, rounding_of_sums
from logloss.backends.rows import MemoryRows
from logloss.backends.sampling import stratified
from logloss.objective.coordinates import Coordinates
from logloss.objective.likelihood import DualSums, Groups, Margin
from logloss.objective.row_data import RowData, null_fit
from logloss.objective.shape import Shape
from logloss.table.design.design import Design
from logloss.table.design.entries import entries

Array = NDArray[np.float64]

_FEW_COLUMNS = 64  # up to which each is read for its extent
_LARGEST_SHIFT = 1e3  # of the intercept, in log odds, to make Σ s r' vanish


@dataclass(frozen=True, eq=False)
class _Moved:
    """The last dual point: r' = r − q·(ξ + shift), ξ = Xδ, and XᵀSr'/Σs with that shift.

    `curvature`: Σ s q/Σs; 0 where there is no intercept to shift.
    """

    beta: Array
    delta: Array
    xi: Array
    shift: float
    score: Array
    curvature: float


class MemoryLikelihood:
    """`RowSums` over a Design. Shapes and scaling are those of the protocol."""

    def __init__(
        self,
        design: Design,
        rows: RowData,
        coordinates: Coordinates,
        n_threads: int,
        count: Reads | None = None,
    ) -> None:
        self.design = design
        self.rows = rows
        self.coordinates = coordinates
        self.n_threads = n_threads
        self.count = count or Reads()
        self._weight_sum = rows.total()
        self.observations = _kernels.Observations(rows.y, rows.weight, rows.offset)
        self._columns = np.arange(design.n_columns)
        self._kept: list[tuple[bytes, Array]] = []
        self._moved: _Moved | None = None
        self._margins: dict[tuple[bytes, float], Margin] = {}  # of the last dual point
        self._null: tuple[float, float] | None = None
        self._by_row: MemoryRows | None = None

    place = "memory"

    @property
    def reads(self) -> int:
        return self.count.so_far

    @property
    def n_rows(self) -> int:
        return self.design.n_rows

    @property
    def shape(self) -> Shape:
        return self.coordinates.shape

    @property
    def weight_sum(self) -> float:
        return self._weight_sum

    def null_fit(self) -> tuple[float, float]:
        """By Newton's method in one variable, kept between bounds that hold for any offset."""
        if self._null is None:
            with np.errstate(over="ignore", invalid="ignore"):  # of offsets near the largest number
                self._null = null_fit(self.rows, self.coordinates.intercept)
        return self._null

    def loss_gradient(self, beta: Array) -> tuple[float, Array]:
        coef, intercept = self.coordinates.columns(beta)
        z = self._buffer()
        loss, raw, slope, _ = _kernels.loss_gradient(
            self.design.kernel, self.observations, coef, intercept, z, self.n_threads
        )
        self.count.add()
        self._kept.append((beta.tobytes(), z))
        scale = 1.0 / self._weight_sum
        return loss * scale, self.coordinates.gradient(raw, slope) * scale

    def losses(self, beta: Array, direction: Array, steps: Array) -> Array:
        z = self._linear(beta)
        if self._moved is not None and np.array_equal(self._moved.delta, -direction):
            along, backwards = self._moved.xi, steps
        else:
            along, backwards = self._along(beta, direction), -steps
        sums = _kernels.step_losses(self.observations, z, along, backwards, self.n_threads)
        return sums / self._weight_sum

    def hessian(
        self, beta: Array, subset: NDArray[np.int64] | None = None, *, secant: bool = False
    ) -> Array:
        columns = self._columns if subset is None else subset[subset < self.design.n_columns]
        here = self.design.kernel, self.observations, self._linear(beta), self._shift()
        gram = _kernels.gram(*here, columns, self.n_threads, secant)
        self.count.add()
        with_intercept = subset is None or len(columns) < len(subset)
        return self.coordinates.hessian(
            gram, columns, with_intercept, self.design.sparse, self._weight_sum
        )

    def gram(self, v: Array) -> Array:
        here = self.design.kernel, self.observations, v, self._shift(), self._columns
        return self._centred(_kernels.gram(*here, self.n_threads, curvature=v))  # z is not read

    def group_gram(self, v: Array, groups: Groups) -> Array:
        return self._centred(
            group_gram(self.design, v, groups, self._shift(), self._columns, self.n_threads)
        )

    def _centred(self, gram: Array) -> Array:
        self.count.add()
        return self.coordinates.hessian(gram, self._columns, True, self.design.sparse, 1.0)

    def _shift(self) -> Array:
        """What the Gram kernel takes off the columns: nothing where that would fill them."""
        return np.where(self.design.sparse, 0.0, self.coordinates.center)

    def hessian_product(self, beta: Array, v: Array) -> Array:
        coef, intercept = self.coordinates.columns(v)
        z = self._linear(beta)
        raw, slope = _kernels.product(
            self.design.kernel, self.observations, z, coef, intercept, self.n_threads
        )
        self.count.add()
        return self.coordinates.gradient(raw, slope) / self._weight_sum

    def dual(self, beta: Array, delta: Array, reach: Callable[[Array], float]) -> DualSums:
        moved = self._dual_point(beta, delta)
        score, z = moved.score, self._linear(beta)
        if not abs(moved.shift) < _LARGEST_SHIFT:  # it would drown ξ, and with it r'
            return DualSums(score, math.inf, False, 1.0)
        c = reach(score)
        if c == 0.0:
            return DualSums(score, math.inf, False, 0.0)
        gap, outside = _kernels.row_gap(
            self.observations, z, moved.xi, moved.shift, c, self.n_threads
        )
        return DualSums(c * score, gap / self._weight_sum, outside == 0.0, c, moved.curvature)

    def _dual_point(self, beta: Array, delta: Array) -> _Moved:
        """One read, and of the last one none."""
        coef, intercept = self.coordinates.columns(delta)
        z, xi = self._linear(beta), np.empty(self.n_rows)
        raw, slope, curved, curvature = _kernels.dual(
            self.design.kernel, self.observations, z, coef, intercept, xi, self.n_threads
        )
        self.count.add()
        score, shift = self.coordinates.gradient(raw, slope), 0.0
        if self.coordinates.intercept and curvature > 0.0:
            shift = slope / curvature
            if abs(shift) < _LARGEST_SHIFT:
                score = score - shift * self.coordinates.gradient(curved, curvature)
                score[self.shape.intercepts] = 0.0
        curvature = curvature / self._weight_sum if self.shape.has_intercept else 0.0
        self._moved = _Moved(beta, delta, xi, shift, score / self._weight_sum, curvature)
        self._margins.clear()
        return self._moved

    def margin(
        self,
        beta: Array,
        delta: Array,
        curved: Array | None = None,
        scale: float = 1.0,
    ) -> Margin:
        moved = self._moved
        if moved is None or not (
            np.array_equal(moved.beta, beta) and np.array_equal(moved.delta, delta)
        ):
            moved = self._dual_point(beta, delta)
        key = (beta if curved is None else curved).tobytes(), scale
        if key not in self._margins:  # the certificate and the proof of an optimum ask alike
            z = self._linear(beta)
            there = z if curved is None else self._linear(curved)
            found = _kernels.dual_margin(
                self.observations, z, moved.xi, moved.shift, scale, there, self.n_threads
            )
            score, rounding = (
                moved.score * (scale * self._weight_sum),
                rounding_of_sums(self.design),
            )
            self._margins[key] = Margin(score, *found, rounding, moved.shift)
        return self._margins[key]

    @cached_property
    def rounding(self) -> Array:
        # Σ s|u||x'| ≤ 4 Σs, as |u| ≤ 1 and Σ s x'² ≤ 16 Σs (Coordinates); centring follows the sums
        centring = 2.0 * np.abs(self.coordinates.center) / self.coordinates.scale
        share = self.shape.joined(centring, 0.0)
        return likely_rounding(self.design) * (share + 8.0)

    @cached_property
    def gram_rounding(self) -> float:
        # sparse columns are centred in the sums, others as they are read
        away = np.abs(self.coordinates.center) / self.coordinates.scale
        if self.coordinates.still is not None:  # these are read as 0
            away = np.where(self.coordinates.still, 0.0, away)
        lost = np.where(self.design.sparse, away**2, 0.0).max(initial=0.0)
        eps = float(np.finfo(np.float64).eps)
        share = likely_rounding(self.design)
        return float(share * (1.0 + lost) + 4.0 * eps * away.max(initial=0.0))

    @property
    def aliases(self) -> Mapping[int, tuple[int, ...]]:
        return self.coordinates.aliases

    @cached_property
    def extent(self) -> Array:
        crude = math.sqrt(16.0 * self._weight_sum / self.least_weight)
        if self.shape.size > _FEW_COLUMNS:
            return np.full(self.shape.size, crude)
        counted = slice(None) if self.rows.weight is None else self.rows.weight > 0.0
        center, scale = self.coordinates.center, self.coordinates.scale
        away = [
            np.abs(self.design.column(int(j))[counted] - center[j]).max() for j in self._columns
        ]
        self.count.add(len(away))
        return self.shape.joined(np.array(away) / scale, 1.0)

    @cached_property
    def least_weight(self) -> float:
        s = self.rows.weight
        return 1.0 if s is None else float(s[s > 0.0].min(initial=np.inf))

    @property
    def sparse(self) -> NDArray[np.bool_]:
        return self.design.sparse

    def log_odds(self, beta: Array) -> Array:
        return self._linear(beta).copy()  # the kept one is written to again

    def along(self, direction: Array, rows: NDArray[np.int64] | None = None) -> Array:
        if rows is not None:
            few = self.design.take(rows, self.n_threads)
            each = np.atleast_2d(direction.T)
            found = [few.predict(*self.coordinates.columns(d), None, 1) for d in each]
            return np.column_stack(found).reshape(len(rows), *direction.shape[1:])
        if self._moved is not None and np.array_equal(self._moved.delta, direction):
            return self._moved.xi
        coef, intercept = self.coordinates.columns(direction)
        self.count.add()
        return _kernels.predict(self.design.kernel, coef, intercept, None, self.n_threads)

    def entries(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Array:
        return entries(self.design, rows, columns)

    def subsample(self, count: int) -> MemoryLikelihood | None:
        if 2 * count > self.n_rows:
            return None
        picked, weight = stratified(self.rows.y, self.rows.weight, count, count // 4)
        if 2 * len(picked) > self.n_rows:
            return None
        self.count.add()
        design, rows = self.design.take(picked, self.n_threads), self.rows.take(picked, weight)
        return self.changed(design, rows, count=Reads())

    def leading(self, count: int) -> NDArray[np.int64]:
        if np.count_nonzero(~self.design.sparse) > count:
            return np.zeros(0, np.int64)
        size = np.where(self.design.sparse, self.coordinates.scale, np.inf)
        order = np.argsort(-size, kind="stable")[: count - self.shape.has_intercept]
        last = np.arange(self.shape.size)[self.shape.intercepts]
        return np.append(np.sort(order), last)

    def by_row(self) -> MemoryRows:
        if self._by_row is None:
            self._by_row = MemoryRows(self)
        return self._by_row

    def sums(self) -> MemoryLikelihood:
        return self

    def by_column(self) -> derived.MemoryColumns:
        return derived.MemoryColumns(self)

    def with_rows(self, rows: RowData) -> MemoryLikelihood:
        return self.changed(rows=rows)

    def alone(self, rows: NDArray[np.bool_]) -> MemoryLikelihood:
        return derived.alone(self, rows)

    def without(self, j: int, offset: Array) -> MemoryLikelihood:
        return derived.without(self, j, offset)

    def changed(
        self,
        design: Design | None = None,
        rows: RowData | None = None,
        coordinates: Coordinates | None = None,
        count: Reads | None = None,
    ) -> MemoryLikelihood:
        """The same but for these; it counts reads together with this one, or by its own count."""
        return MemoryLikelihood(
            design or self.design,
            rows or self.rows,
            coordinates or self.coordinates,
            self.n_threads,
            count or self.count,
        )

    def leverages(self, subset: NDArray[np.int64], inverse: Array) -> Array:
        self.count.add()
        return leverages(
            self.design, self.coordinates, self._shift(), subset, inverse, self.n_threads
        )

    def leave_one_out(
        self, beta: Array, leverage: Array, whole: bool, limit: float, *, shift: Array | None = None
    ) -> tuple[float, int]:
        moved = self._after_step(beta)
        z, xi = (self._linear(beta), None) if moved is None else moved
        return _kernels.leave_one_out(
            self.observations, z, xi, leverage, whole, limit, shift, self.n_threads
        )

    def _buffer(self) -> Array:
        """A vector over rows to write to: that of the older of two kept points, or a new one."""
        return self._kept.pop(0)[1] if len(self._kept) == 2 else np.empty(self.n_rows)

    def _find(self, beta: Array) -> Array | None:
        """z at beta, if kept."""
        key = beta.tobytes()
        return next((z for point, z in self._kept if point == key), None)

    def _after_step(self, beta: Array) -> tuple[Array, Array] | None:
        """z and Xδ at the last dual point, if beta is where its step leads."""
        moved = self._moved
        if moved is None or not np.array_equal(moved.beta - moved.delta, beta):
            return None
        start = self._find(moved.beta)
        return None if start is None else (start, moved.xi)

    def _linear(self, beta: Array) -> Array:
        """z at beta: the kept one, that after the step of the last dual point, or by a read."""
        z = self._find(beta)
        if z is not None:
            return z
        moved = self._after_step(beta)
        if moved is not None:
            z = moved[0] - moved[1]
        elif self.rows.offset is None and not beta.any():
            z = np.zeros(self.n_rows)
        else:
            coef, intercept = self.coordinates.columns(beta)
            z = _kernels.predict(
                self.design.kernel, coef, intercept, self.rows.offset, self.n_threads
            )
            self.count.add()
        self._kept = [*self._kept[-1:], (beta.tobytes(), z)]
        return z

    def _along(self, beta: Array, direction: Array) -> Array:
        """X·direction: the difference of two kept points, or by a read."""
        end, start = self._find(beta + direction), self._find(beta)
        if end is not None and start is not None:
            return end - start
        return self.along(direction)
