"""Tails of the normal, Student's t and the χ² distribution, to rounding.

SciPy has them at 0.2 s an import.

    P(χ²_k > x) = Q(k/2, x/2),   Q(a, x) = 1 − x^a e^−x Σ_{n≥0} x^n / Γ(a + n + 1)      (x < a + 1)
    Q(a, x) = x^a e^−x / Γ(a) · 1/(x + 1 − a − 1(1−a)/(x + 3 − a − 2(2−a)/(x + 5 − a − …)))

    P(|T_ν| > t) = I_x(ν/2, 1/2),   x = ν/(ν + t²)

(Abramowitz & Stegun 6.5.29, 6.5.31, 26.5.8 and 26.5.27; the fractions by Lentz's method.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


def two_sided_t(t: float, freedom: float) -> float:
    """P(|T| > |t|) of Student's t; NaN without degrees of freedom."""
    if not freedom > 0.0 or math.isnan(t):
        return math.nan
    if math.isinf(t):
        return 0.0
    square = t * t
    x, y = freedom / (freedom + square), square / (freedom + square)
    return _beta(freedom / 2.0, 0.5, x, y)


def quantile_t(level: float, freedom: float) -> float:
    """t with P(|T| ≤ t) = `level` of Student's t; NaN without degrees of freedom."""
    if not freedom > 0.0:
        return math.nan
    low, high = 0.0, 1.0
    while two_sided_t(high, freedom) > 1.0 - level:
        low, high = high, 2.0 * high
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        outside = two_sided_t(middle, freedom) > 1.0 - level
        low, high = (middle, high) if outside else (low, middle)
    return high


def _beta(a: float, b: float, x: float, y: float) -> float:
    """I_x(a, b), y = 1 − x."""
    if x == 0.0 or y == 0.0:
        return float(y == 0.0)
    if x >= (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_part(b, a, y, x)
    return _beta_part(a, b, x, y)


def _beta_part(a: float, b: float, x: float, y: float) -> float:
    size = a * math.log(x) + b * math.log(y)
    scale = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + size) / a
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or _TINY)
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for numerator in (even, odd):
            d = 1.0 / (1.0 + numerator * d or _TINY)
            c = 1.0 + numerator / c or _TINY
            value *= c * d
        if abs(c * d - 1.0) < 2.0 * _EPSILON:
            break
    return scale * value


@dataclass(frozen=True)
class Reference:
    """What estimates over their standard errors are compared with.

    Attributes
    ----------
    freedom : bool
        It has degrees of freedom.
    quantile, tail : functions
        Of a level, or of a statistic, and the degrees of freedom.
    """

    freedom: bool
    quantile: Callable[[float, float], float]
    tail: Callable[[float, float], float]


NORMAL = Reference(False, lambda level, _: quantile(level), lambda z, _: two_sided(z))
REFERENCES: Mapping[str, Reference] = {
    "normal": NORMAL,
    "t": Reference(True, quantile_t, two_sided_t),
}
