"""Fixed-point numbers: Python's integers as multiples of 2^-BITS, exact to the last of them.

Arrays of them are NumPy's object arrays. That is as quick as a library for multi-precision numbers,
and needs none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from mpmath.libmp import from_man_exp, mpf_log, to_fixed
from mpmath.libmp.libelefun import exp_fixed, ln2_fixed

BITS = 384  # about 115 digits
ONE = 1 << BITS
Integers = Any  # an object array of Python's integers

_SURE = 190  # bits of a logarithm: 57 digits
_LN2 = ln2_fixed(BITS + 20) >> 20
_SPENT = 300 << BITS  # e^-300 is below 2^-BITS


def fixed(x: float | Fraction) -> int:
    """The next multiple below."""
    part = Fraction(x)
    return (part.numerator << BITS) // part.denominator


def ratio(a: int, b: int) -> float:
    """a/b as the nearest float64; infinite where none is near."""
    try:
        return float(Fraction(a, b))
    except OverflowError:
        return math.inf if (a > 0) == (b > 0) else -math.inf


def number(x: int) -> float:
    return ratio(x, ONE)


def multiply(a: int, b: int) -> int:
    return (a * b) >> BITS


def integers(x: Sequence[float] | np.ndarray) -> tuple[list[int], int]:
    """Floats as whole multiples of 2^e: the multiples, and e. Exact."""
    parts, exponents = np.frexp(np.asarray(x, dtype=np.float64))
    whole = (parts * 2.0**53).astype(np.int64)
    there = whole != 0
    if not there.any():
        return [0] * len(whole), 0
    spare = np.log2((whole & -whole)[there].astype(np.float64)).astype(np.int64)
    lowest = int((exponents[there] - 53 + spare).min())
    shifts = np.where(there, exponents - 53 - lowest, 0).tolist()
    return [
        m << s if s >= 0 else m >> -s for m, s in zip(whole.tolist(), shifts, strict=True)
    ], lowest


def exp_minus(x: int) -> int:
    """e^-x for x ≥ 0."""
    return 0 if x >= _SPENT else exp_fixed(-x, BITS, _LN2)


def probability(z: int) -> tuple[int, int]:
    """σ(z) and σ(−z)."""
    e = exp_minus(abs(z))
    large = (ONE << BITS) // (ONE + e)
    small = (e * large) >> BITS
    return (large, small) if z >= 0 else (small, large)


def log_of(x: int) -> int:
    """log(x) of x > 0 to 57 digits."""
    return int(to_fixed(mpf_log(from_man_exp(x, -BITS), _SURE + 20), BITS))


def sum_of_log1p(e: Sequence[int], weights: Sequence[int]) -> int:
    """Σ w log(1 + e), for 0 ≤ e ≤ 1. Rows of one weight share a logarithm."""
    products: dict[int, int] = {}
    for x, w in zip(e, weights, strict=True):
        products[w] = products.get(w, ONE) * (ONE + x) >> BITS
    return sum(w * log_of(product) for w, product in products.items()) >> BITS


def factor(matrix: list[list[int]]) -> tuple[list[list[int]], list[int]]:
    """L and D of LDLᵀ, of a positive definite matrix of which the lower half is read."""
    size = len(matrix)
    lower: list[list[int]] = [[0] * size for _ in range(size)]
    pivots: list[int] = []
    for i in range(size):
        for j in range(i):
            inner = sum(lower[i][k] * lower[j][k] * pivots[k] for k in range(j)) >> (2 * BITS)
            lower[i][j] = ((matrix[i][j] - inner) << BITS) // pivots[j]
        square = sum(lower[i][k] ** 2 * pivots[k] for k in range(i)) >> (2 * BITS)
        pivots.append(max(matrix[i][i] - square, 1))
    return lower, pivots


def solve(matrix: list[list[int]], right: list[int]) -> list[int]:
    """The solution of such a system."""
    lower, pivots = factor(matrix)
    size, x = len(right), list(right)
    for i in range(size):
        x[i] -= sum(lower[i][k] * x[k] for k in range(i)) >> BITS
    x = [(v << BITS) // p for v, p in zip(x, pivots, strict=True)]
    for i in reversed(range(size)):
        x[i] -= sum(lower[k][i] * x[k] for k in range(i + 1, size)) >> BITS
    return x
