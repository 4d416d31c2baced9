"""A small table of a seed: where rounding, ties, bounds and weights of 0 meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

Array = np.ndarray
Random = np.random.Generator


@dataclass(frozen=True, eq=False)
class Table:
    """A table, and keywords of `logloss.fit`. `free` and `bound` are of the columns."""

    X: Array
    y: Array
    store: Callable[[Array], Any]
    options: dict[str, Any]
    free: Array
    bound: Array

    @property
    def weight(self) -> Array:
        weight = self.options.get("sample_weight")
        return np.ones(len(self.y)) if weight is None else weight

    @property
    def intercept(self) -> bool:
        return bool(self.options["fit_intercept"])


def _integers(rng: Random, n: int, d: int) -> Array:
    return rng.integers(-2, 3, (n, d)).astype(float)


def _dummies(rng: Random, n: int, d: int) -> Array:
    return (rng.random((n, d)) < rng.choice([0.1, 0.3, 0.5])).astype(float)


def _levels(rng: Random, n: int, d: int) -> Array:
    return np.eye(d + 1)[rng.integers(0, d + 1, n)][:, 1:]


def _normal(rng: Random, n: int, d: int) -> Array:
    return rng.standard_normal((n, d))


def _decimal(rng: Random, n: int, d: int) -> Array:
    return np.round(rng.standard_normal((n, d)), 1)


_KINDS = (_integers, _integers, _dummies, _levels, _normal, _decimal)
_STORES = (np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array, sp.csr_matrix)


def _tied(rng: Random, X: Array) -> Array:
    """One column becomes another, or a sum of others, but for very little."""
    n, d = X.shape
    j = int(rng.integers(d))
    others = [k for k in range(d) if k != j]
    made = X[:, others] @ rng.integers(-1, 2, len(others)) if others else np.ones(n)
    share = float(10.0 ** -rng.integers(4, 13)) * rng.choice([0.0, 1.0, 1.0])
    X[:, j] = made + share * X[:, j]
    return X


def _far(rng: Random, X: Array) -> Array:
    return X + rng.choice([1e4, 1e6, 2000.0, 1.7e9]) * (rng.random(X.shape[1]) < 0.6)


def _filled(rng: Random, X: Array) -> Array:
    """Only what is there is far away, as in sparse columns of years and amounts."""
    return np.where(X != 0.0, X + rng.choice([1e4, 2000.0]), 0.0)


def _scaled(rng: Random, X: Array) -> Array:
    return X * 10.0 ** rng.integers(-6, 7, X.shape[1])


def _twice(rng: Random, X: Array) -> Array:
    X[:, 0] = X[:, -1] * rng.choice([1.0, -1.0, 3.0])
    return X


def _single(rng: Random, X: Array) -> Array:
    return X.astype(np.float32).astype(float)


def _plain(rng: Random, X: Array) -> Array:
    return X


_CHANGES = (_plain, _plain, _tied, _tied, _far, _filled, _scaled, _twice, _single)


def _labels(rng: Random, X: Array) -> Array:
    scale = np.abs(X).max(axis=0)
    z = (X / np.where(scale > 0.0, scale, 1.0)) @ rng.integers(-2, 3, X.shape[1])
    z = z - np.median(z)
    noise = rng.logistic(size=len(z)) * rng.choice([0.0, 0.05, 0.3, 1.0])
    y = (z + noise > 0.0) * 1.0
    y[:2] = 0.0, 1.0
    return y


_BOUNDS = ((0.0, None), (None, 0.0), (-1.0, None), (None, 2.0), (-1.0, 1.0), (None, None))
_PENALTIES = ({"C": 1.0}, {"l2": 0.01}, {"l1": 0.01}, {"C": 0.5, "l1_ratio": 0.5})


def draw(seed: int) -> Table:
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(4, 26)), int(rng.integers(1, 5))
    X = _KINDS[rng.integers(len(_KINDS))](rng, n, d)
    for _ in range(2):
        X = _CHANGES[rng.integers(len(_CHANGES))](rng, X)
    y = _labels(rng, X)
    options: dict[str, Any] = {"fit_intercept": bool(rng.random() < 0.8)}
    if rng.random() < 0.3:
        y[2:][rng.random(n - 2) < 0.2] = rng.choice([0.25, 0.5, 0.9])
    if rng.random() < 0.3:
        weight = rng.choice([0.0, 1.0, 2.5, 1e-3], n, p=[0.3, 0.4, 0.2, 0.1])
        weight[:2] = 1.0
        options["sample_weight"] = weight
    if rng.random() < 0.15:
        options["offset"] = rng.standard_normal(n) * rng.choice([1.0, 100.0])
    free, bound = np.ones(d, np.bool_), np.zeros(d, np.int8)
    if rng.random() < 0.3:
        bounds = [_BOUNDS[k] for k in rng.integers(0, len(_BOUNDS), d)]
        options["bounds"] = bounds
        free = np.array([None in pair for pair in bounds])
        sides = [int(low is not None) - int(high is not None) for low, high in bounds]
        bound = np.where(free, sides, 0).astype(np.int8)
    if rng.random() < 0.2:
        factors = rng.choice([0.0, 0.0, 1.0, 2.0], d)
        options |= _PENALTIES[rng.integers(len(_PENALTIES))] | {"penalty_factors": factors}
        # beside years and amounts a penalty is less than the rounding of the loss, which is none
        options["fit_intercept"] = True
        X = X / 2.0 ** np.maximum(np.ceil(np.log2(np.abs(X).max(axis=0) + 1.0)) - 13.0, 0.0)
        free = free & (factors == 0.0)
        bound = np.where(free, bound, 0)
    store = _STORES[rng.integers(len(_STORES))]
    return Table(X, y, store, options, free, bound)
