"""The truth: the rows that can be told apart, by the double description method in whole numbers.

The cone {d : a_i·d ≥ 0, e·d = 0, ± d_k ≥ 0} is described by lines and rays that generate it
(Motzkin, Raiffa, Thompson & Thrall 1953). It begins as all of space, lines alone; each inequality
takes a line away, or the rays on its wrong side, which it replaces by what pairs of neighbours have
on its border. A row can be told apart if it is positive on some ray. All numbers are Python's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Truth:
    """`moved`: the rows that can be told apart; `endless`: columns without a finite estimate."""

    moved: frozenset[int]
    endless: frozenset[int]


def truth(X: np.ndarray, sign: Sequence[int | None], bound: Sequence[int]) -> Truth:
    """What is true of a table.

    Parameters
    ----------
    X : ndarray of shape (n, k)
        Of the unpenalised coefficients, the ones of the intercept first. Floats, taken as they are.
    sign : of each row, 2y − 1; 0 for a soft label, None for a row without weight.
    bound : of each column, 1: a lower bound alone, −1: an upper one alone, 0: none.
    """
    rows = [_whole(row) for row in X]
    hard = {_times(rows[i], s): None for i, s in enumerate(sign) if s}
    soft = {rows[i]: None for i, s in enumerate(sign) if s == 0}
    k = X.shape[1]
    held = [_times(_unit(j, k), b) for j, b in enumerate(bound) if b]
    rays = _rays(k, list(soft), [*hard, *held])
    moved = {
        i
        for i, s in enumerate(sign)
        if s and any(_dot(_times(rows[i], s), ray) > 0 for ray in rays)
    }
    every = [rows[i] for i, s in enumerate(sign) if s is not None]
    left = [rows[i] for i, s in enumerate(sign) if s is not None and i not in moved]
    own = _own(every, k)
    null = _null([tuple(row[j] for j in own) for row in left], len(own))
    endless = {own[j] for v in null for j, n in enumerate(v) if n}
    return Truth(frozenset(moved), frozenset(endless))


def _whole(row: np.ndarray) -> Vector:
    """A row of floats times a positive number, whole."""
    parts = [Fraction(float(x)) for x in row]
    common = math.lcm(*(part.denominator for part in parts))
    return _short([int(part * common) for part in parts])


def _short(v: Sequence[int]) -> Vector:
    divisor = math.gcd(*v) or 1
    return tuple(n // divisor for n in v)


def _times(v: Vector, s: int) -> Vector:
    return v if s > 0 else tuple(-n for n in v)


def _unit(j: int, k: int) -> Vector:
    return tuple(int(i == j) for i in range(k))


def _dot(a: Vector, b: Vector) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _mixed(a: Vector, s: int, b: Vector, t: int) -> Vector:
    return _short([x * s + y * t for x, y in zip(a, b, strict=True)])


def _rays(k: int, equal: list[Vector], least: list[Vector]) -> list[Vector]:
    lines = [_unit(j, k) for j in range(k)]
    for a in equal:
        lines, _ = _without_a_line(lines, a)
    rays: list[Vector] = []
    done: list[Vector] = []
    for a in least:
        kept, given_up = _without_a_line(lines, a)
        if given_up is None:
            rays = _cut(rays, a, done)
        else:
            rays = [*(_onto(ray, given_up, a) for ray in rays), given_up]
            lines = kept
        rays = list(dict.fromkeys(ray for ray in rays if any(ray)))
        done.append(a)
    return rays


def _without_a_line(lines: list[Vector], a: Vector) -> tuple[list[Vector], Vector | None]:
    """The lines within a·d = 0, and one that was not, turned to a·d > 0."""
    out = next((line for line in lines if _dot(a, line)), None)
    if out is None:
        return lines, None
    out = _times(out, 1 if _dot(a, out) > 0 else -1)
    kept = [_onto(line, out, a) for line in lines]
    return [line for line in kept if any(line)], out


def _onto(v: Vector, along: Vector, a: Vector) -> Vector:
    """v moved along a direction until a·v = 0."""
    return _mixed(v, _dot(a, along), along, -_dot(a, v))


def _cut(rays: list[Vector], a: Vector, done: list[Vector]) -> list[Vector]:
    values = [_dot(a, ray) for ray in rays]
    kept = [ray for ray, v in zip(rays, values, strict=True) if v >= 0]
    if len(kept) == len(rays):
        return rays
    zeros = [{j for j, b in enumerate(done) if not _dot(b, ray)} for ray in rays]
    for i, v in enumerate(values):
        for j, w in enumerate(values):
            if v > 0 > w and _neighbours(i, j, zeros):
                kept.append(_mixed(rays[i], -w, rays[j], v))
    return kept


def _neighbours(i: int, j: int, zeros: list[set[int]]) -> bool:
    both = zeros[i] & zeros[j]
    return not any(both <= other for m, other in enumerate(zeros) if m not in (i, j))


def _null(rows: list[Vector], k: int) -> list[Vector]:
    basis = [_unit(j, k) for j in range(k)]
    for row in dict.fromkeys(rows):
        basis, _ = _without_a_line(basis, row)
    return basis


def _own(rows: list[Vector], k: int) -> list[int]:
    """Columns that are no combination of earlier ones."""
    own: list[int] = []
    for j in range(k):
        tried = [*own, j]
        if not _null([tuple(row[c] for c in tried) for row in rows], len(tried)):
            own = tried
    return own
