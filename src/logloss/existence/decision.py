"""The question of exact.py about a likelihood, and its answer in the terms of a fit.

Equal rows are asked about once. A direction in whole numbers may be long, and move some rows a
thousand times as far as others; the fit wants one that moves all of them by about as much. So one
is proposed in floating point, put on the null space of the rows that stay where they are, rounded
to whole numbers, and taken if it moves exactly the rows that it should.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from logloss.existence.exact import Answer, Question, TooLong, answer, moves
from logloss.existence.program import Undecided, largest_support
from logloss.numerics.integers import IntegerRows, Whole, reduced, whole
from logloss.objective.likelihood import RowSums
from logloss.objective.penalty import Penalty

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_MOST_COLUMNS = 100
_MOST_ENTRIES = 10_000_000
_LITTLE = 20_000  # rows · columns², which take some milliseconds
_PROGRAM = 200_000  # entries of a linear program that proposes a direction
_BITS = 40  # of a proposal


@dataclass(frozen=True, eq=False)
class Decision:
    """What is known for certain about the unpenalised coefficients U of a likelihood.

    Attributes
    ----------
    own : ndarray of int64
        Of U, those that are no combination of others; increasing.
    direction : ndarray of shape (n_coefficients,), or None
        In the coordinates of the likelihood; 0 for all but U.
    moved : ndarray of shape (n_rows,), bool
        The rows that it tells apart; no direction tells more.
    basis : ndarray of shape (len(own), k)
        Of the null space of the other rows, in the coordinates of the likelihood.
    raw, raw_basis : ndarray
        Direction and basis for the columns as they came, the intercept first where there is one;
        shapes (n,) and (n, k), with n the intercept and all columns. What is 0 is 0.
    """

    own: Indices
    direction: Array | None
    moved: Mask
    basis: Array
    raw: Array
    raw_basis: Array


def is_little(likelihood: RowSums, free: Indices) -> bool:
    """Whether to decide takes no more than a few reads."""
    return likelihood.n_rows * len(free) ** 2 <= _LITTLE


def is_possible(likelihood: RowSums, free: Indices) -> bool:
    """Whether the numbers fit into memory and time."""
    return len(free) <= _MOST_COLUMNS and likelihood.n_rows * len(free) <= _MOST_ENTRIES


def decide(
    likelihood: RowSums,
    penalty: Penalty,
    free: Indices,
    seconds: float,
    proposals: tuple[Array, ...] = (),
) -> Decision | None:
    """Decide; None where it takes too long, or the data are not finite.

    Parameters
    ----------
    free : ndarray
        U.
    seconds : float
        At most about these.
    proposals : tuple of ndarray of shape (n_coefficients,)
        Directions that floating point has found.
    """
    found = _Rows.of(likelihood, penalty, free, time.perf_counter() + seconds)
    if found is None:
        return None
    try:
        said = answer(found.question)
    except TooLong:
        return None
    return found.decision(said, proposals)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows with weight, those that are equal once.

    Attributes
    ----------
    order : ndarray of int64
        U, the intercept first.
    which : ndarray of shape (n_rows,), int64
        The row of the question that each row is; −1 where it has no weight.
    """

    likelihood: RowSums
    question: Question
    order: Indices
    which: Indices

    @staticmethod
    def of(likelihood: RowSums, penalty: Penalty, free: Indices, deadline: float) -> _Rows | None:
        shape = likelihood.shape
        order = shape.intercepts_first(free)
        constant = int(shape.are_intercepts(free).sum())
        counted = np.flatnonzero(likelihood.rows.counted)
        x = np.ones((len(counted), len(order)), order="F")
        x[:, constant:] = likelihood.entries(counted, order[constant:])
        if not np.isfinite(x).all():
            return None
        y = likelihood.rows.y[counted]
        label = np.where(y == 1.0, 1.0, np.where(y == 0.0, -1.0, 0.0))
        same, inverse = np.unique(np.column_stack([label, x + 0.0]), axis=0, return_inverse=True)
        which = np.full(likelihood.n_rows, -1)
        which[counted] = inverse.reshape(-1)
        low, high = penalty.lower[order] > -np.inf, penalty.upper[order] < np.inf
        bound = (low.astype(np.int8) - high).astype(np.int8)
        rows = IntegerRows.of(np.asfortranarray(same[:, 1:]))
        question = Question(rows, same[:, 0].astype(np.int8), bound, deadline)
        return _Rows(likelihood, question, order, which)

    def decision(self, said: Answer, proposals: tuple[Array, ...]) -> Decision:
        """The answer in the terms of the fit."""
        raw_basis = _side_by_side([self._raw(v) for v in said.null.T], self._n_raw)
        own = np.sort(self.order[said.own])
        basis = _side_by_side([self._inner(v)[own] for v in raw_basis.T], len(own))
        moved = np.append(said.moved, False)[self.which]
        raw, direction = np.zeros(self._n_raw), None
        if said.direction is not None:
            raw = self._raw(next(self._better(said, proposals), said.direction))
            direction = self._inner(raw)
        return Decision(own, direction, moved, basis, raw, raw_basis)

    @property
    def _n_raw(self) -> int:
        return self.likelihood.shape.size

    @cached_property
    def _places(self) -> Indices:
        """Where the columns of the question are among the intercept and all columns."""
        shape = self.likelihood.shape
        if not shape.has_intercept:
            return self.order
        return np.where(self.order < shape.columns, self.order + 1, 0)

    def _raw(self, d: Whole) -> Array:
        """Coefficients of whole numbers, so that the largest term is 1; the intercept first."""
        rows = self.question.rows
        most = max(abs(n) for n in _terms(rows, d)) or 1
        raw = np.zeros(self._n_raw)
        for place, n, unit in zip(self._places, d, rows.units, strict=True):
            raw[place] = int(n) * unit.denominator / (unit.numerator * most)
        return raw

    def _inner(self, raw: Array) -> Array:
        where = self.likelihood.coordinates
        return where.inner(raw[1:], raw[0]) if where.intercept else where.inner(raw, 0.0)

    def _better(self, said: Answer, proposals: tuple[Array, ...]) -> Iterator[Whole]:
        """Directions that move the same rows, by about as much each."""
        rows = self.question.rows
        terms = [_terms(rows, v) for v in said.null.T]
        largest = [max(abs(n) for n in t) or 1 for t in terms]
        near = _side_by_side(
            [np.array([n / m for n in t]) for t, m in zip(terms, largest, strict=True)],
            len(self.order),
        )
        for proposal in (*self._proposed(proposals), *self._programmed(said, near)):
            share, *_ = np.linalg.lstsq(near, proposal, rcond=None)
            d = said.null @ _rounded(share, largest)
            if moves(self.question, d, said.moved):
                yield reduced(d)

    def _proposed(self, proposals: tuple[Array, ...]) -> Iterator[Array]:
        """Directions as terms: coefficients times the largest entry of their column."""
        rows, where = self.question.rows, self.likelihood.coordinates
        size = [float(s * unit) for s, unit in zip(rows.sizes, rows.units, strict=True)]
        for d in proposals:
            coef, intercept = where.raw(d)
            raw = np.append(intercept, coef) if where.intercept else coef
            proposal = raw[self._places] * np.array(size)
            if np.isfinite(proposal).all():
                yield proposal

    def _programmed(self, said: Answer, near: Array) -> Iterator[Array]:
        """A direction of a linear program over the rows that are to be moved."""
        question = self.question
        if said.moved.sum() * near.shape[1] > _PROGRAM:
            return
        along = (question.sign[:, np.newaxis] * question.rows.near)[said.moved] @ near
        bounds = question.bound != 0
        held = near[bounds] * question.bound[bounds, np.newaxis]
        with contextlib.suppress(Undecided):
            yield near @ largest_support(along, held)


def _terms(rows: IntegerRows, d: Whole) -> list[int]:
    """The largest that each n_j d_j can be."""
    return [int(n) * size for n, size in zip(d, rows.sizes, strict=True)]


def _rounded(share: Array, largest: list[int]) -> Whole:
    """Whole numbers about in proportion to share over largest."""
    most = float(np.abs(share).max(initial=0.0)) or 1.0
    common = max(largest) << 64
    parts = [int(n) for n in np.rint(share * (2.0**_BITS / most))]
    return whole([n * (common // m) for n, m in zip(parts, largest, strict=True)])


def _side_by_side(columns: list[Array], n_rows: int) -> Array:
    return np.column_stack(columns) if columns else np.zeros((n_rows, 0))
