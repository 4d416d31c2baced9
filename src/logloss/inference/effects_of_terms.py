"""Effects of the columns of a formula: a column moves, and all terms that hang on it with it.

With X the matrix of the terms and X' = ∂X/∂x, z' = X'β is the slope of the log odds, and

    ∂(q z')/∂β = q X' + q (1 − 2p) z' X,     ∂(p₁ − p₀)/∂β = q₁ X₁ − q₀ X₀

The matrices are made some rows at a time (table/formula/moves.py). At the mean, columns of numbers
are at theirs, and the rows of X that this makes, one for each mix of levels, are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from logloss.inference.effects import Effect, probability, variance
from logloss.inference.optimum import raw_combination
from logloss.table.schema.moves import Moves, Slope

if TYPE_CHECKING:
    from logloss.inference.optimum import Optimum
    from logloss.record.evidence import Evidence
    from logloss.table.schema.formula import FormulaSchema

Array = NDArray[np.float64]

_SHARP = 1e-8  # of the size of its parts: what is left of an alias that moves with them


@final
@dataclass(frozen=True, eq=False)
class Pair:
    """Rows of X and X', or of X₀ and X₁, with their weights and offsets."""

    first: Array
    second: Array
    weight: Array
    offset: Array


def term_effects(
    evidence: Evidence, optimum: Optimum, schema: FormulaSchema, at_mean: bool
) -> list[Effect]:
    """The effect of each column of the formula, or of each of its levels."""
    weight = evidence.rows.weight
    moves = Moves.of(schema, evidence.features, None if weight is None else weight > 0.0)
    if at_mean:
        moves = moves.at_mean(_of_rows(weight, moves.rows, 1.0))
    coef, intercept = evidence.coordinates.raw(optimum.beta)
    aliases = _aliases(evidence, optimum)
    found = []
    for move in moves.moves:
        pairs: Iterable[Pair] = _pairs(evidence, moves, move)
        pairs = [_averaged(pairs)] if at_mean else pairs
        slope = isinstance(move, Slope)
        rule = _slope if slope else _step
        gathered = _Sums(len(coef), aliases, slope)
        for pair in pairs:
            gathered.add(pair, rule(pair, coef, intercept))
        found.append(gathered.effect(move.name, "slope" if slope else "0 to 1"))
    return found


def _of_rows(values: Array | None, rows: NDArray[np.intp], default: float) -> Array:
    return np.full(len(rows), default) if values is None else values[rows]


def _pairs(evidence: Evidence, moves: Moves, move: object) -> Iterator[Pair]:
    for block in moves.blocks(move):  # type: ignore[arg-type]
        weight = _of_rows(evidence.rows.weight, block.rows, 1.0)
        offset = _of_rows(evidence.rows.offset, block.rows, 0.0)
        yield Pair(block.first, block.second, weight, offset)


def _averaged(pairs: Iterable[Pair]) -> Pair:
    """One row, the weighted mean of all."""
    total, sums = 0.0, [np.zeros(1)] * 3
    for pair in pairs:
        parts = (pair.first, pair.second, pair.offset[:, np.newaxis])
        sums = [one + pair.weight @ part for one, part in zip(sums, parts, strict=True)]
        total += float(pair.weight.sum())
    first, second, offset = (one / total for one in sums)
    return Pair(first[np.newaxis], second[np.newaxis], np.ones(1), offset)


Weighed = tuple[Array, Array, Array]  # of each row: the effect; what X and its partner count


def _slope(pair: Pair, coef: Array, intercept: float) -> Weighed:
    z = pair.first @ coef + intercept + pair.offset
    q, rise = variance(z), pair.second @ coef
    return q * rise, q * (1.0 - 2.0 * probability(z)) * rise, q


def _step(pair: Pair, coef: Array, intercept: float) -> Weighed:
    z0, z1 = (side @ coef + intercept + pair.offset for side in (pair.first, pair.second))
    p = probability(z1) - probability(z0)
    return p, -variance(z0), variance(z1)


@final
class _Sums:
    """Σ s · over rows, and whether the effect is estimable.

    `slope`: the second matrix is a slope, which the intercept has none of.
    """

    def __init__(self, n_columns: int, aliases: Array, slope: bool) -> None:
        self.aliases = aliases
        self.slope = slope
        self.total = 0.0
        self.value = 0.0
        self.gradient = np.zeros(n_columns + 1)
        self.left = np.zeros(aliases.shape[1])
        self.size = np.zeros(aliases.shape[1])

    def add(self, pair: Pair, weighed: Weighed) -> None:
        of_row, first, second = (pair.weight * part for part in weighed)
        self.total += float(pair.weight.sum())
        self.value += float(of_row.sum())
        self.gradient[:-1] += first @ pair.first + second @ pair.second
        self.gradient[-1] += float(first.sum()) + (0.0 if self.slope else float(second.sum()))
        if self.aliases.size:
            moved = pair.second if self.slope else pair.second - pair.first
            left, size = np.abs(moved @ self.aliases), np.abs(moved) @ np.abs(self.aliases)
            self.left = np.maximum(self.left, left.max(axis=0))
            self.size = np.maximum(self.size, size.max(axis=0))

    def effect(self, name: str, change: str) -> Effect:
        if (self.left > _SHARP * self.size).any():  # the data do not say what the column does
            return Effect(name, change, math.nan, np.zeros_like(self.gradient))
        return Effect(name, change, self.value / self.total, self.gradient / self.total)


def _aliases(evidence: Evidence, optimum: Optimum) -> Array:
    """For each alias x_j = Σ a_k x_k + constant the vector e_j − a, shape (d, number)."""
    n = evidence.design.n_columns
    found = [np.zeros((n, 0))]
    for j, a in optimum.combinations.items():
        if j < n:
            parts, _ = raw_combination(evidence.coordinates, j, a)
            found.append((np.eye(1, n, j)[0] - parts)[:, np.newaxis])
    return np.hstack(found)
