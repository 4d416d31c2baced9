"""Floating-point rows as whole numbers, so that questions about them have exact answers.

A float is a whole number times a power of two. With such a unit for each column, x_j = u_j n_j, a
combination Σ x_j w_j is Σ n_j d_j for w_j = d_j/u_j, and a rational combination may be taken as a
whole one. Its sign is read off floating point where that is sure, that is outside of

    (m + 4) ε Σ |n_j d_j|      (Higham, Accuracy and Stability, 2nd ed., 2002, section 3.1)

for m columns, and off whole numbers of any length elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
Whole = NDArray[np.object_]  # whole numbers of any length

_EPSILON = float(np.finfo(np.float64).eps)
_TINY = 1e-290  # what underflow may take
_WORD = 2**62


@dataclass(frozen=True, eq=False)
class IntegerRows:
    """Rows of whole numbers.

    Attributes
    ----------
    entries : ndarray of shape (n_rows, n_columns), int64, or object where they are too long
    units : tuple of Fraction
        x_j = units[j] · entries[:, j].
    """

    entries: NDArray[Any]
    units: tuple[Fraction, ...]

    @staticmethod
    def of(x: Array) -> IntegerRows:
        """Those of a matrix of finite floats."""
        parts = [_column(x[:, j]) for j in range(x.shape[1])]
        short = all(part.dtype == np.int64 for part, _ in parts)
        entries = np.empty(x.shape, dtype=np.int64 if short else np.object_, order="F")
        for j, (part, _) in enumerate(parts):
            entries[:, j] = part
        return IntegerRows(entries, tuple(unit for _, unit in parts))

    @cached_property
    def sizes(self) -> list[int]:
        """The largest |n_j| of each column, at least 1."""
        largest = np.abs(self.entries).max(axis=0, initial=1)
        return [int(size) for size in largest]

    @cached_property
    def near(self) -> Array:
        """n_j over the size of the column, as floats."""
        if self.entries.dtype == np.int64:
            return self.entries / np.array(self.sizes, dtype=np.float64)
        columns = [[n / size for n in self.entries[:, j]] for j, size in enumerate(self.sizes)]
        return np.array(columns, dtype=np.float64).T.reshape(self.entries.shape)

    @cached_property
    def _far(self) -> Array:
        return np.abs(self.near)

    def near_size(self, rows: Indices) -> Array:
        """Of each of these rows; 1 where it is 0."""
        size = self._far[rows].sum(axis=1)
        return np.where(size > 0.0, size, 1.0)

    def approximately(self, d: Whole, rows: Indices) -> tuple[Array, Array]:
        """n·d/|largest term| of some rows, and how far it may be off."""
        scaled = [int(w) * size for w, size in zip(d, self.sizes, strict=True)]
        most = max((abs(w) for w in scaled), default=0) or 1
        f = np.array([w / most for w in scaled])  # a quotient of whole numbers is rounded once
        used = np.flatnonzero(f)
        chosen = np.ix_(rows, used)
        value = self.near[chosen] @ f[used]
        slack = (len(used) + 4) * _EPSILON * (self._far[chosen] @ np.abs(f[used])) + _TINY
        return value, slack

    def signs(self, d: Whole, rows: Indices) -> NDArray[np.int8]:
        """The sign of n·d for each of these rows."""
        value, slack = self.approximately(d, rows)
        signs = np.sign(value).astype(np.int8)
        unsure = np.flatnonzero(~(np.abs(value) > slack))
        if len(unsure):
            signs[unsure] = np.sign(self.products(d, rows[unsure])).astype(np.int8)
        return signs

    def products(self, d: Whole, rows: Indices) -> NDArray[Any]:
        """n·d of some rows, exactly."""
        used = np.flatnonzero(d != 0)
        reach = sum(abs(int(d[k])) * self.sizes[k] for k in used)
        few, some = self.entries[np.ix_(rows, used)], d[used]
        short = reach < _WORD and few.dtype == np.int64
        exact: NDArray[Any] = (
            few @ some.astype(np.int64) if short else few.astype(np.object_) @ some
        )
        return exact

    def total(self, rows: Indices) -> Whole:
        """Σ n over some rows."""
        few = self.entries[rows]
        if few.dtype == np.int64 and max(self.sizes, default=0) * max(len(rows), 1) < _WORD:
            return whole(few.sum(axis=0).tolist())
        return whole([sum(column) for column in few.T.tolist()])


def whole(values: Sequence[int]) -> Whole:
    """A vector of whole numbers."""
    out = np.empty(len(values), dtype=np.object_)
    out[:] = [int(value) for value in values]
    return out


def identity(n: int) -> Whole:
    """The n unit vectors."""
    out = np.zeros((n, n), dtype=np.object_)
    out[np.arange(n), np.arange(n)] = 1
    return out


def reduced(v: Whole) -> Whole:
    """v over the greatest common divisor of its entries."""
    divisor = math.gcd(*(int(n) for n in v))
    return v if divisor in (0, 1) else v // divisor


def annihilator(of: IntegerRows, rows: Indices, basis: Whole) -> Whole:
    """The combinations N of a basis with n·N = 0 on these rows: shape (n_columns, k).

    A row that sees some combination takes one away, until none sees any. Such a row is looked for
    by a combination drawn at random, which only fails to find it; the end is exact.
    """
    rng = np.random.default_rng(0)
    while basis.shape[1] and len(rows):
        drawn = rng.integers(1, 1 << 20, size=(basis.shape[1],)).astype(np.object_)
        row = _seeing(of, rows, basis @ drawn)
        if row is None:
            seen = (_seeing(of, rows, basis[:, k]) for k in range(basis.shape[1]))
            row = next((one for one in seen if one is not None), None)
        if row is None:
            break
        basis = without(basis, of.entries[row].astype(np.object_) @ basis)
    return basis


def _seeing(of: IntegerRows, rows: Indices, d: Whole) -> int | None:
    """The row that sees d best; None where all of n·d is 0."""
    value, slack = of.approximately(d, rows)
    best = int(np.argmax(np.abs(value)))
    if abs(value[best]) > slack[best]:
        return int(rows[best])
    seen = np.flatnonzero(of.products(d, rows) != 0)
    return int(rows[seen[0]]) if len(seen) else None


def without(basis: Whole, seen: Whole, at: int | None = None) -> Whole:
    """The combinations of a basis at which a linear form is 0, from its values on the basis.

    `at`: the vector that is given up; by default where the value is smallest.
    """
    if at is None:
        at = min((k for k, w in enumerate(seen) if w != 0), key=lambda k: abs(seen[k]))
    kept = []
    for k in range(basis.shape[1]):
        if k != at:
            one = basis[:, k]
            mixed = one if seen[k] == 0 else reduced(one * seen[at] - basis[:, at] * seen[k])
            kept.append(mixed)
    out = np.empty((basis.shape[0], len(kept)), dtype=np.object_)
    for k, one in enumerate(kept):
        out[:, k] = one
    return out


def _column(x: Array) -> tuple[NDArray[Any], Fraction]:
    """A column as whole numbers without a common divisor, and its unit."""
    mantissa, exponent = np.frexp(x)
    n = (mantissa * 2.0**53).astype(np.int64)
    e = exponent.astype(np.int64) - 53
    there = n != 0
    if not there.any():
        return np.zeros(len(x), dtype=np.int64), Fraction(1)
    even = np.zeros(len(x), dtype=np.int64)
    even[there] = np.log2((n & -n)[there].astype(np.float64)).astype(np.int64)
    n, e = n >> even, e + even
    least = int(e[there].min())
    shift = np.where(there, e - least, 0)
    longest = int((shift + np.frexp(n.astype(np.float64))[1]).max())
    if longest <= 61:
        whole_ones: NDArray[Any] = n << shift
        divisor = int(np.gcd.reduce(whole_ones))
    else:
        whole_ones = n.astype(np.object_) << shift.astype(np.object_)
        divisor = math.gcd(*whole_ones.tolist())
    power = Fraction(2) ** least
    return whole_ones // divisor, power * divisor
