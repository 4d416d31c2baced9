"""Columns that tell rows apart by themselves, found by counting: no program, no Hessian.

A rare level of a table mostly has rows of one label only. Its column is a direction: it moves these
rows towards their label, and no other. So is that of a number which is not 0 for one label alone
(what was paid back of a bad loan), a number that is larger for all rows of one label than for any
of the other, the missing values of a number, and, by what all other levels of a column leave, its
reference. With v_i = 2y_i − 1 (0 for soft labels) and a column x ≥ 0,

    |Σ v_i x_i| = Σ x_i   over the rows with weight

says that all rows with x > 0 have one hard label; two reads of the data do for all columns. Counts
are exact; other columns are looked at row by row where the sums say so but for rounding.

Rows that are told apart are left out, which lets others be found, round by round. Directions of one
round move all rows that were left the right way, so their sum does; a later round may undo what an
earlier one did to its rows, so the earlier one counts as many times as it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.objective.likelihood import RowSums
from logloss.objective.penalty import Penalty
from logloss.objective.rows import Columns
from logloss.table.design.entries import blocks
from logloss.table.design.piece import Block

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_ROUNDS = 30
_CLOSE = 1e-9  # of a sum, that rounding may have taken
_MOST_ENTRIES = 20_000_000  # of columns of numbers, to compare all of their rows


@dataclass(frozen=True, eq=False)
class Told:
    """What counting has found.

    Attributes
    ----------
    coef, intercept : ndarray of shape (n_columns,), float
        The direction, on the columns as they came.
    moved : ndarray of shape (n_rows,), bool
        The rows that it tells apart.
    """

    coef: Array
    intercept: float
    moved: Mask


def told_apart(likelihood: RowSums, penalty: Penalty) -> Told | None:
    """All rows that single columns tell apart; None where there are none, or no table to ask."""
    columns = likelihood.by_column()
    if columns is None or not _worthwhile(likelihood, penalty):
        return None
    counts = _Counts(likelihood, columns, penalty)
    for _ in range(_ROUNDS):
        if not counts.goes_on():
            break
    return Told(counts.coef, counts.intercept, counts.moved) if counts.moved.any() else None


def _worthwhile(likelihood: RowSums, penalty: Penalty) -> bool:
    """Are there levels, or other columns that are mostly 0?"""
    return bool((likelihood.sparse & penalty.free[likelihood.shape.slopes]).any())


class _Counts:
    """The rows that are left, and the direction so far."""

    def __init__(self, likelihood: RowSums, columns: Columns, penalty: Penalty) -> None:
        n = likelihood.shape.columns
        self.likelihood, self.columns = likelihood, columns
        self.free = penalty.free[:n]
        self.up = self.free & (penalty.upper[:n] == np.inf)
        self.down = self.free & (penalty.lower[:n] == -np.inf)
        self.blocks = blocks(columns.design)
        self.left = likelihood.rows.counted
        y = likelihood.rows.y
        self.sign = np.where(y == 1.0, 1.0, np.where(y == 0.0, -1.0, 0.0))
        self.coef, self.intercept = np.zeros(n), 0.0
        self.moved = np.zeros(len(y), np.bool_)

    def goes_on(self) -> bool:
        """A round; has it found any?"""
        if not self.left.any():
            return False
        coef, intercept = np.zeros_like(self.coef), 0.0
        moved = np.zeros_like(self.moved)
        towards = self.columns.sums(np.where(self.left, self.sign, 0.0))
        size = self.columns.sums(self.left.astype(np.float64))
        for column, shift, rows in self._found(towards, size):
            coef += column
            intercept += shift
            moved |= rows
        if not moved.any():
            return False
        along = self.columns.predict(coef, intercept)
        if self.moved.any():
            so_far = self.columns.predict(self.coef, self.intercept)
            forth, back = (self.sign * so_far)[self.moved], (-self.sign * along)[self.moved]
            times = 2.0 ** np.ceil(np.log2(max(1.0, 2.0 * float((back / forth).max()))))
            coef, intercept = times * self.coef + coef, times * self.intercept + intercept
        self.coef, self.intercept = coef, intercept
        self.moved |= moved
        self.left &= ~moved
        return True

    def _found(self, towards: Array, size: Array) -> Iterator[tuple[Array, float, Mask]]:
        """Directions of single columns: coefficients, intercept, and the rows that they move."""
        label = self.sign[self.left]
        if (
            self.moved.any()
            and self.likelihood.shape.has_intercept
            and label[0]
            and (label == label[0]).all()
        ):
            yield np.zeros_like(self.coef), float(label[0]), self.left.copy()
            return
        pure = (np.abs(towards) >= (1.0 - _CLOSE) * size) & (size > 0.0)
        pure &= np.where(towards > 0.0, self.up, self.down)
        for block in self.blocks:
            here = slice(block.first, block.first + block.width)
            if block.codes is not None:
                yield from self._levels(block, towards[here], size[here], pure[here])
            elif block.dense and len(self.left) * block.width <= _MOST_ENTRIES:
                for j in range(block.first, block.first + block.width):
                    yield from self._threshold(j)
            else:
                for k in np.flatnonzero(pure[here]):
                    j = block.first + int(k)
                    yield from self._column(j, float(np.sign(towards[j])))

    def _levels(
        self, block: Block, towards: Array, size: Array, pure: Mask
    ) -> Iterator[tuple[Array, float, Mask]]:
        """Levels with rows of one label: counts of whole numbers, so that they are exact."""
        assert block.codes is not None
        assert block.slots is not None
        pure = pure & (np.abs(towards) == size)
        coef = np.zeros_like(self.coef)
        coef[block.first : block.first + block.width][pure] = np.sign(towards[pure])
        if pure.any():
            moves = np.append(pure, False)[block.slots]
            yield coef, 0.0, self.left & moves[block.codes]
        here = slice(block.first, block.first + block.width)
        others = (self.up & self.down)[here].all() and self.likelihood.shape.has_intercept
        without = float(self.left.sum()) - float(size.sum())
        label = float(self.sign[self.left].sum()) - float(towards.sum())
        if others and 0.0 < without == abs(label):
            coef = np.zeros_like(self.coef)
            coef[here] = -np.sign(label)
            moves = block.slots < 0
            yield coef, float(np.sign(label)), self.left & moves[block.codes]

    def _column(self, j: int, direction: float) -> Iterator[tuple[Array, float, Mask]]:
        """A column that is 0 but for rows of one label."""
        rows = np.flatnonzero(self.left)
        x = self.likelihood.entries(rows, np.array([j]))[:, 0]
        moves = x != 0.0
        if not moves.any() or not (direction * x * self.sign[rows] > 0.0)[moves].all():
            return
        yield self._direction(j, direction, float(np.abs(x).max()), 0.0, rows[moves])

    def _threshold(self, j: int) -> Iterator[tuple[Array, float, Mask]]:
        """A number that is larger for all rows of one label than for any other row."""
        if not self.free[j]:
            return
        rows = np.flatnonzero(self.left)
        x, sign = self.likelihood.entries(rows, np.array([j]))[:, 0], self.sign[rows]
        if not (np.isfinite(x).all() and x.any()):
            return
        for direction, able in ((1.0, self.up[j]), (-1.0, self.down[j])):
            end = _between(direction * x, sign) if self.likelihood.shape.has_intercept else 0.0
            if not able or end is None:
                continue
            towards = sign * (direction * x - end)
            there = direction * x != end
            if (towards[there] > 0.0).all() and there.any():
                most = float(np.abs(direction * x - end).max())
                yield self._direction(j, direction, most, -end, rows[there])
                return

    def _direction(
        self, j: int, direction: float, most: float, shift: float, rows: Indices
    ) -> tuple[Array, float, Mask]:
        coef, moved = np.zeros_like(self.coef), np.zeros_like(self.moved)
        unit = 2.0 ** -np.floor(np.log2(most))  # a power of two rounds nothing
        coef[j] = direction * unit
        moved[rows] = True
        return coef, shift * unit, moved


def _between(x: Array, sign: Array) -> float | None:
    """A number with no x of a label 0 above and none of a label 1 below; soft labels are at it."""
    low = float(x[sign < 0.0].max(initial=-np.inf))
    high = float(x[sign > 0.0].min(initial=np.inf))
    soft = x[sign == 0.0]
    if len(soft):
        return float(soft[0]) if low <= soft[0] <= high and (soft == soft[0]).all() else None
    if low > high:
        return None
    if np.isinf(low) or np.isinf(high):
        return high if np.isinf(low) else low
    middle = low + 0.5 * (high - low)
    return middle if low <= middle <= high else low
