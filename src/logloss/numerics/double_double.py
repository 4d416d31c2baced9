"""Sums and products of float64 kept as pairs (high, low), some 106 bits together.

The sum of two numbers and its rounding error (Knuth), the product and its error (Dekker 1971, by
Veltkamp's splitting): no operation but those of IEEE 754, so the bits are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SPLIT = 134217729.0  # 2^27 + 1


def pair(value: Fraction) -> tuple[float, float]:
    """The nearest float64, and the nearest one to the rest."""
    high = float(value)
    return high, float(value - Fraction(high))


def combination(terms: Sequence[tuple[Fraction, Array]], constant: Fraction) -> Array:
    """Σ factor·x + constant of each row, rounded once at the end.

    Parameters
    ----------
    terms : sequence of (Fraction, ndarray of shape (n,))
        Factors count to 106 bits, and so do products and sums.

    Returns
    -------
    ndarray of shape (n,)
    """
    high, low = (np.full(len(terms[0][1]), part) for part in pair(constant))
    for factor, x in terms:
        large, small = pair(factor)
        product, error = _product(x, large)
        high, rest = _sum(high, product)
        low += rest + (error + small * x)
    total: Array = high + low
    return total


def _sum(a: Array, b: Array) -> tuple[Array, Array]:
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def _product(x: Array, factor: float) -> tuple[Array, Array]:
    product = x * factor
    x_high, x_low = _halves(x)
    f_high, f_low = _halves(np.full(1, factor))
    error = ((x_high * f_high - product) + x_high * f_low + x_low * f_high) + x_low * f_low
    return product, error


def _halves(x: Array) -> tuple[Array, Array]:
    scaled = _SPLIT * x
    high = scaled - (scaled - x)
    return high, x - high
