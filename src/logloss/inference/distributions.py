"""Tails of the normal and the χ² distribution, to rounding. SciPy has them at 0.2 s an import.

    P(χ²_k > x) = Q(k/2, x/2),   Q(a, x) = 1 − x^a e^−x Σ_{n≥0} x^n / Γ(a + n + 1)      (x < a + 1)
    Q(a, x) = x^a e^−x / Γ(a) · 1/(x + 1 − a − 1(1−a)/(x + 3 − a − 2(2−a)/(x + 5 − a − …)))

(Abramowitz & Stegun 6.5.29 and 6.5.31; the fraction by Lentz's method.)
"""

from __future__ import annotations

import math
from statistics import NormalDist

_EPSILON = 2.0**-53
_TINY = 1e-300
_MOST_TERMS = 10_000


def two_sided(z: float) -> float:
    """P(|Z| > |z|) of the standard normal distribution."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def quantile(level: float) -> float:
    """z with P(|Z| ≤ z) = `level`, of the standard normal distribution (Wichura's AS 241)."""
    return -NormalDist().inv_cdf((1.0 - level) / 2.0)


def chi_squared(x: float, df: int) -> float:
    """P(χ² > x) with `df` degrees of freedom; NaN where there are none."""
    if df < 1 or math.isnan(x):
        return math.nan
    if x <= 0.0:
        return 1.0
    if df == 1:
        return math.erfc(math.sqrt(x / 2.0))
    a, half = df / 2.0, x / 2.0
    if half < a + 1.0:
        return 1.0 - _scale(a, half) * _series(a, half)
    return _scale(a, half) * _fraction(a, half)


def _scale(a: float, x: float) -> float:
    """x^a e^−x / Γ(a)."""
    return math.exp(a * math.log(x) - x - math.lgamma(a))


def _series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for n in range(1, _MOST_TERMS):
        term *= x / (a + n)
        total += term
        if term < _EPSILON * total:
            break
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    value = d
    for n in range(1, _MOST_TERMS):
        numerator = -n * (n - a)
        b += 2.0
        d = 1.0 / (numerator * d + b or _TINY)
        c = b + numerator / c or _TINY
        value *= c * d
        if abs(c * d - 1.0) < _EPSILON:
            break
    return value
