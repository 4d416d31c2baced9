"""The note in 800 digits: its formulas as they stand, with mpmath, and errors counted in ulp.

800 digits, because the formulas may then be written down as in the note: 1 − σ(z) and
log(1 + exp(z)) − z lose all leading digits at z = 745, where 324 of them are gone before the first
that a double can hold.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from mpmath import mp, mpf

mp.dps = 800

LARGEST = float(np.finfo(np.float64).max)
TINY = 5e-324


def log_odds() -> np.ndarray:
    """The z of the tests: both signs, 1e-308 … 1e308, thresholds of exp, the usual range."""
    rng = np.random.default_rng(20)
    magnitude = np.concatenate(
        [
            [0.0, TINY, 1e-308, 2.2250738585072014e-308, 1e308, LARGEST],
            [36.0436, 36.7368, 37.0, 708.0, 708.4, 709.78, 709.79, 744.4, 745.13, 745.14, 746.0],
            [1e3, 0.5, np.log(2.0), 1.0, 2.0],
            10.0 ** rng.uniform(-308, 308, 60),
            10.0 ** rng.uniform(-17, 3, 80),
            rng.uniform(0, 40, 120),
            rng.uniform(0, 2, 60),
            rng.uniform(700, 750, 40),
        ]
    )
    return np.concatenate([magnitude, -magnitude])


def soft_labels() -> list[float]:
    """Labels in [0, 1], both ends and their neighbours among them."""
    return [0.0, TINY, 1e-300, 1e-17, 0.1, 0.25, 0.3, 0.5, 0.7, 0.999, 1 - 2.0**-53, 1.0]


@cache
def sigma(z: float) -> mpf:
    return 1 / (1 + mp.exp(-mpf(z)))


@cache
def softplus(z: float) -> mpf:
    return mp.log(1 + mp.exp(mpf(z)))


def derivative(z: float) -> mpf:
    return sigma(z) * (1 - sigma(z))


def difference(y: float, z: float) -> mpf:
    return sigma(z) - mpf(y)


def loss_of_logit(y: float, z: float) -> mpf:
    return softplus(z) - mpf(y) * mpf(z)


@cache
def _logs(p: float) -> tuple[mpf, mpf]:
    return mp.log(mpf(p)), mp.log(1 - mpf(p))


def loss_of_probability(y: float, p: float) -> mpf:
    """The loss for 0 < p < 1."""
    hit, miss = _logs(p)
    return -(mpf(y) * hit + (1 - mpf(y)) * miss)


def log_odds_of(p: float) -> mpf:
    hit, miss = _logs(p)
    return hit - miss


def ulps(got: np.floating, exact: mpf, of: mpf | None = None) -> float:
    """How many units in the last place `got` is from `exact`: its own, or those of `of`."""
    with np.errstate(all="ignore"):
        rounded, size = (type(got)(float(v)) for v in (exact, abs(exact if of is None else of)))
        unit = np.spacing(size)
    if np.isinf(rounded) or np.isinf(got):  # beyond the largest float: inf is right
        return 0.0 if got == rounded else np.inf
    return float(abs(mpf(float(got)) - exact) / mpf(float(unit)))
