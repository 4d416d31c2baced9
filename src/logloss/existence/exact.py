"""Is there a direction that tells rows apart? Decided in whole numbers.

Rows a_i = (2y_i − 1) x_i with a hard label, rows e with a soft one, and d_k ≥ 0 or d_k ≤ 0 for
coefficients with one bound. By Motzkin's theorem of the alternative (1936) exactly one of these:

    there is d:  a_i·d ≥ 0 for all i, > 0 for some,  e·d = 0,  ± d_k ≥ 0;
    there are λ_i > 0, μ_k ≥ 0:  Σ λ_i a_i + Σ μ_k (± unit vector k) + (multiples of the e) = 0.

In a basis N of {d : e·d = 0}, with λ = 1 + u, the second is the program

    Σ u_i N'a_i + Σ μ_k N'(± unit vector k) = −Σ N'a_i,   u, μ ≥ 0,

with as many equations as N has vectors. Its first phase is solved by the revised simplex method
(Dantzig & Orchard-Hays 1954) in whole numbers: the inverse of the basis is kept over its
determinant, so that every division comes out even (Edmonds, J. Res. Natl. Bur. Stand. 71B, 1967).
It ends with u, a proof that there is no direction; or with multipliers −c, Nc·a_i ≥ 0 for all i and
Σ Nc·a_i > 0: a direction. Rows are read in floating point, which says where a sign is sure
(integers.py); whole numbers decide the others, so that every answer holds for the data as they are.
Bland's rule (Math. Oper. Res. 2, 1977) keeps it from going round in circles.

A direction that moves some rows leaves the same question about the others, for which coefficients
that it moves off a bound are free of it: d + ε e moves what either moves. So all rows that can be
told apart are found, one after the other, and the last answer proves that there are no more.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.integers import (
    IntegerRows,
    Whole,
    annihilator,
    identity,
    reduced,
    whole,
    without,
)

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
Signs = NDArray[np.int8]
Held = list[tuple[int, int]]  # a column, and the sign that its coefficient may have

_PATIENCE = 30  # steps without progress, and as many again for each equation, until Bland's rule


class TooLong(Exception):
    """The time for an answer is over."""


@dataclass(frozen=True, eq=False)
class Question:
    """Rows with weight, what may move them, and how.

    Attributes
    ----------
    rows : IntegerRows
    sign : ndarray of shape (n_rows,), int8
        2y − 1; 0 for soft labels.
    bound : ndarray of shape (n_columns,), int8
        1 where a coefficient has a lower bound only, −1: an upper one only, 0: none.
    deadline : float
        A reading of `time.perf_counter`.
    """

    rows: IntegerRows
    sign: Signs
    bound: Signs
    deadline: float = math.inf


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known for certain.

    Attributes
    ----------
    own : ndarray of int64
        Columns that are no combination of others.
    direction : ndarray of shape (n_columns,), whole numbers; or None
        It moves each row that can be told apart, and no other; 0 for columns that are not `own`.
    moved : ndarray of shape (n_rows,), bool
        The rows that can be told apart.
    null : ndarray of shape (n_columns, k), whole numbers
        Of the other rows, over the columns that are `own`.
    """

    own: Indices
    direction: Whole | None
    moved: Mask
    null: Whole


def answer(question: Question) -> Answer:
    """Find all rows that can be told apart.

    Raises
    ------
    TooLong
        The deadline has passed.
    """
    rows, sign = question.rows, question.sign
    every = np.arange(len(sign))
    own = _own(question, annihilator(rows, every, identity(rows.entries.shape[1])))
    unit = identity(rows.entries.shape[1])[:, own]
    basis = annihilator(rows, every[sign == 0], unit)
    moved, direction = np.zeros(len(sign), np.bool_), None
    held = [(int(k), int(question.bound[k])) for k in np.flatnonzero(question.bound)]
    while True:
        left = every[(sign != 0) & ~moved]
        if not len(left) or not basis.shape[1]:
            break
        further = _Program(question, left, held, basis).solve()
        if further is None:
            break
        more = np.zeros_like(moved)
        more[left] = rows.signs(further, left) != 0
        direction = further if direction is None else _joined(question, direction, further, moved)
        held = [(k, s) for k, s in held if direction[k] == 0]
        moved |= more
    return Answer(own, direction, moved, annihilator(rows, every[~moved], unit))


def moves(question: Question, d: Whole, moved: Mask) -> bool:
    """Does d move exactly these rows, each towards its label, within the bounds?"""
    every = np.arange(len(moved))
    towards = question.rows.signs(d, every)
    right = np.where(moved, question.sign, 0)
    bound = [int(s) * d[k] >= 0 for k, s in enumerate(question.bound) if s]
    return bool((towards == right).all()) and all(bound)


def _own(question: Question, null: Whole) -> Indices:
    """Columns without those that are combinations of earlier ones; the intercept comes first.

    `null`: of all rows. A column with a bound is taken for a combination of columns without one
    alone, as those can do all that it does; so it is given up before them.
    """
    bounded = question.bound != 0
    order = [*np.flatnonzero(bounded)[::-1], *np.flatnonzero(~bounded)[::-1]]
    given_up: list[int] = []
    spared: list[Whole] = []
    for j in (int(k) for k in order):
        k = next((k for k in range(null.shape[1]) if null[j, k] != 0), None)
        if k is None:
            continue
        others = bounded & (null[:, k] != 0)
        others[j] = False
        vector, null = null[:, k], without(null, null[j], k)
        if bounded[j] and others.any():
            spared.append(vector)
        else:
            given_up.append(j)
    return np.setdiff1d(np.arange(len(bounded)), given_up)


def _joined(question: Question, first: Whole, second: Whole, moved: Mask) -> Whole:
    """A direction that moves the rows of both: the second does not outdo the first anywhere."""
    rows = np.flatnonzero(moved)
    sign = question.sign[rows].astype(np.object_)
    forth = sign * question.rows.products(first, rows)
    back = sign * question.rows.products(second, rows)
    pairs = [(int(a), -int(b)) for a, b in zip(forth, back, strict=True) if b < 0]
    for k in np.flatnonzero(question.bound):
        s = int(question.bound[k])
        if first[k] != 0 and s * second[k] < 0:
            pairs.append((s * first[k], -s * second[k]))
    times = max((b // a + 1 for a, b in pairs), default=1)
    return reduced(first * (2 * times) + second)


class _Program:
    """The program of the head of this file, over the rows that are left."""

    def __init__(self, question: Question, left: Indices, held: Held, basis: Whole) -> None:
        self.question, self.left, self.held, self.basis = question, left, held, basis
        self.sign = question.sign[left]
        self.size = question.rows.near_size(left)
        ahead, behind = left[self.sign > 0], left[self.sign < 0]
        sums = question.rows.total(ahead) - question.rows.total(behind)
        target = -(sums @ basis)
        signs = [1 if b >= 0 else -1 for b in target]
        self.inverse = identity(len(target)) * whole(signs)
        self.values = abs(target)
        self.determinant = 1
        # which column is in each place of the basis; those that only begin it come first
        self.within = [k - len(target) for k in range(len(target))]

    def solve(self) -> Whole | None:
        """A direction, or None: there is none."""
        idle, patience = 0, _PATIENCE * (1 + len(self.within))
        while True:
            first = [k for k, name in enumerate(self.within) if name < 0]
            if not any(self.values[k] for k in first):
                return None
            if time.perf_counter() > self.question.deadline:
                raise TooLong
            d = reduced(self.basis @ -self.inverse[first].sum(axis=0))
            name = self._against(d, idle > patience)
            if name is None:
                return d
            idle = 0 if self._entered(name) else idle + 1

    def _against(self, d: Whole, first: bool) -> int | None:
        """A row that d moves the wrong way, the first or about the worst one; None: there is none.

        Numbers from len(left) on are those of bounds.
        """
        rows = self.question.rows
        value, slack = rows.approximately(d, self.left)
        value = value * self.sign
        sure = value < -slack
        if sure.any() and not first:
            return int(np.argmin(np.where(sure, value / self.size, 0.0)))
        unsure = np.flatnonzero(np.abs(value) <= slack)
        exact = rows.products(d, self.left[unsure]) * self.sign[unsure]
        wrong = [*np.flatnonzero(sure), *unsure[exact < 0]]
        if wrong:
            return int(min(wrong))
        bounds = (k for k, (column, s) in enumerate(self.held) if s * d[column] < 0)
        bound = next(bounds, None)
        return None if bound is None else len(self.left) + bound

    def _entered(self, name: int) -> bool:
        """Take a column into the basis; has anything become smaller?"""
        seen = self.inverse @ self._column(name)
        places = [k for k, w in enumerate(seen) if w > 0]
        out = places[0]
        for k in places[1:]:
            ahead = self.values[k] * seen[out] - self.values[out] * seen[k]
            if ahead < 0 or (ahead == 0 and self.within[k] < self.within[out]):
                out = k
        pivot, moving = seen[out], self.values[out] != 0
        row, value = self.inverse[out].copy(), self.values[out]
        inverse = self.inverse * pivot - np.multiply.outer(seen, row)
        values = self.values * pivot - seen * value
        self.inverse, self.values = inverse // self.determinant, values // self.determinant
        self.inverse[out], self.values[out] = row, value
        self.determinant, self.within[out] = pivot, name
        return bool(moving)

    def _column(self, name: int) -> Whole:
        if name >= len(self.left):
            column, s = self.held[name - len(self.left)]
            bound: Whole = self.basis[column] * s
            return bound
        entries = self.question.rows.entries[self.left[name]].astype(np.object_)
        seen: Whole = (entries * int(self.sign[name])) @ self.basis
        return seen
