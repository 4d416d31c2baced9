"""Which rows a column tells apart by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from logloss.table.design.pieces import NullablePiece, NumberPiece

if TYPE_CHECKING:
    from logloss.existence.direction import Cone
    from logloss.table import Schema
    from logloss.table.design.encoded import Encoded
    from logloss.table.schema.kind import Kind

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

_FEW = 1000  # rows that mostly show that a column does not


class Unit(Protocol):
    """One column of the table, or a coefficient of it."""

    @property
    def column(self) -> str:
        """Its name."""
        ...

    def moves(self, rows: Indices, positive: Mask) -> Mask | None:
        """Which of the rows it tells apart alone, all others of these unmoved; None: none."""
        ...

    def parts(self, rows: Indices, moved: Mask) -> dict[str, int]:
        """What of it does so → how many rows: the column, or levels of it."""
        ...


@dataclass(frozen=True)
class Reach:
    """How far a coefficient may go: up, down."""

    up: bool
    down: bool


@dataclass(frozen=True, eq=False)
class NumberUnit:
    """A coefficient of numbers.

    Attributes
    ----------
    values : function
        Of rows.
    still : float or None
        The threshold that the rows which are not told apart, or a missing intercept, leave; None:
        any. NaN: there can be none.
    """

    column: str
    name: str
    values: Callable[[Indices], NDArray[Any]]
    still: float | None
    reach: Reach

    def moves(self, rows: Indices, positive: Mask) -> Mask | None:
        if self.still is not None and np.isnan(self.still):
            return None
        if len(rows) > 4 * _FEW:
            some = np.linspace(0, len(rows) - 1, _FEW).astype(np.int64)
            if self._moves(rows[some], positive[some]) is None:
                return None
        return self._moves(rows, positive)

    def _moves(self, rows: Indices, positive: Mask) -> Mask | None:
        x = np.asarray(self.values(rows), dtype=np.float64)
        for sign in (1.0, -1.0):
            if not (self.reach.up if sign > 0.0 else self.reach.down):
                continue
            at = self._threshold(sign * x, positive, sign)
            side = np.where(positive, 1.0, -1.0) * (sign * x - at)
            moved: Mask = side > 0.0
            if (side >= 0.0).all() and moved.any():
                return moved
        return None

    def _threshold(self, x: NDArray[np.float64], positive: Mask, sign: float) -> float:
        if self.still is not None:
            return sign * self.still
        low = float(x[~positive].max(initial=-np.inf))
        high = float(x[positive].min(initial=np.inf))
        if np.isinf(low) or np.isinf(high):
            return high - 1.0 if np.isinf(low) else low + 1.0
        middle = low + 0.5 * (high - low)
        return middle if low < middle < high else high

    def parts(self, rows: Indices, moved: Mask) -> dict[str, int]:  # noqa: ARG002
        return {self.name: int(moved.sum())}


@dataclass(frozen=True, eq=False)
class LevelsUnit:
    """A column of text.

    Attributes
    ----------
    codes, slots : ndarray
        As in a `CodesPiece`: the coefficient of each code, −1 for the reference.
    names : tuple of str
        Of the coefficients, then of the reference.
    left : ndarray of shape (len(names),), bool
        Which of these have rows that are not told apart.
    up, down : ndarray of shape (len(names),), bool
        Which may go up, and down.
    """

    column: str
    codes: NDArray[Any]
    slots: NDArray[np.int32]
    names: tuple[str, ...]
    left: Mask
    up: Mask
    down: Mask

    def moves(self, rows: Indices, positive: Mask) -> Mask | None:
        slot = self.slots[self.codes[rows]]
        size = len(self.names)
        there = np.bincount(slot[positive], minlength=size) > 0
        other = np.bincount(slot[~positive], minlength=size) > 0
        pure = ~self.left & ((there & ~other & self.up) | (other & ~there & self.down))
        moved: Mask = pure[slot]
        return moved if moved.any() else None

    def parts(self, rows: Indices, moved: Mask) -> dict[str, int]:
        if moved.all() and not self.left.any():
            return {self.column: len(rows)}
        counts = np.bincount(self.slots[self.codes[rows[moved]]], minlength=len(self.names))
        order = np.argsort(-counts, kind="stable")
        return {self.names[k]: int(counts[k]) for k in order if counts[k]}


def units_of(cone: Cone, schema: Schema, left: Indices) -> list[Unit]:
    """All columns of a design, with what the rows say that are not told apart."""
    return list(_units(cone, schema, left))


def _units(cone: Cone, schema: Schema, left: Indices) -> Iterator[Unit]:
    table = cone.likelihood.by_column()
    if table is None:
        return
    encoded = table.design.encoded
    reaches = _reaches(cone)
    intercept = cone.likelihood.shape.has_intercept
    if encoded.columns is None:
        yield from _of_matrix(encoded, schema, left, reaches, intercept)
        return
    at = 0
    for kind, piece in zip(schema.kinds, encoded.columns, strict=True):
        own = kind.coefficient_names
        reach = reaches[at : at + len(own)]
        at += len(own)
        if kind.looks_up:
            yield _levels(kind, piece, left, reach, intercept)
            continue
        assert isinstance(piece, NumberPiece | NullablePiece)
        values = _filled(piece)
        yield _number(kind.name, own[0], values, left, (reach[0], intercept))
        if isinstance(piece, NullablePiece) and piece.indicator:
            yield _number(kind.name, own[1], _absent(piece), left, (reach[1], intercept))


def _reaches(cone: Cone) -> list[Reach]:
    """Which coefficients nothing holds, and on which side."""
    free, low, high = cone.penalty.free, cone.penalty.lower, cone.penalty.upper
    up, down = free & (high == np.inf), free & (low == -np.inf)
    return [Reach(bool(a), bool(b)) for a, b in zip(up, down, strict=True)]


def _number(
    column: str,
    name: str,
    values: Callable[[Indices], NDArray[Any]],
    left: Indices,
    how: tuple[Reach, bool],
) -> NumberUnit:
    reach, intercept = how
    return NumberUnit(column, name, values, _still(values, left, intercept), reach)


def _still(
    values: Callable[[Indices], NDArray[Any]], left: Indices, intercept: bool
) -> float | None:
    """The one value of the rows that are left; NaN where they differ."""
    if not len(left):
        return None if intercept else 0.0
    first = float(values(left[:1])[0]) if intercept else 0.0
    for rows in (left[:_FEW], left):
        if (np.asarray(values(rows)) != first).any():
            return np.nan
    return first


def _levels(
    kind: Kind[Any], piece: Any, left: Indices, reach: list[Reach], intercept: bool
) -> LevelsUnit:
    plain = isinstance(piece, NumberPiece)  # two levels: the codes are the column
    codes = piece.values if plain else piece.codes
    slots = np.array([-1, 0], np.int32) if plain else piece.slots
    names = (*kind.coefficient_names, kind.elsewhere)
    size = len(names)
    there = np.bincount(slots[codes[left]] % size, minlength=size) > 0
    up = np.array([one.up for one in reach] + [intercept and all(one.down for one in reach)])
    down = np.array([one.down for one in reach] + [intercept and all(one.up for one in reach)])
    return LevelsUnit(kind.name, codes, slots % size, names, there, up, down)


def _filled(piece: NumberPiece | NullablePiece) -> Callable[[Indices], NDArray[Any]]:
    if isinstance(piece, NumberPiece):
        return piece.values.__getitem__
    absent = _absent(piece)
    return lambda rows: np.where(absent(rows), piece.fill, piece.values[rows])


def _absent(piece: NullablePiece) -> Callable[[Indices], NDArray[Any]]:
    return lambda rows: (piece.valid[rows >> 3] >> (rows & 7) & 1) == 0


def _of_matrix(
    encoded: Encoded, schema: Schema, left: Indices, reaches: list[Reach], intercept: bool
) -> Iterator[Unit]:
    matrix = encoded.matrix
    if not isinstance(matrix, np.ndarray):
        matrix = matrix.tocsc()
        matrix = type(matrix)((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
    place = 0
    for kind in schema.columns:
        for name in kind.coefficient_names:
            values = _column(matrix, place)
            yield _number(kind.name, name, values, left, (reaches[place], intercept))
            place += 1


def _column(matrix: Any, j: int) -> Callable[[Indices], NDArray[Any]]:
    if isinstance(matrix, np.ndarray):
        return matrix[:, j].__getitem__

    own = slice(matrix.indptr[j], matrix.indptr[j + 1])
    places, data = matrix.indices[own], np.append(matrix.data[own], 0.0)

    def values(rows: Indices) -> NDArray[Any]:
        at = np.searchsorted(places, rows)
        found = np.append(places, -1)[at] == rows
        values: NDArray[Any] = np.where(found, data[at], 0.0)
        return values

    return values
