"""A problem of a seed: columns, labels, weights, offset, penalty, bounds, storage, solver."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from search.columns import MAKERS, Array, Random

Bound = tuple[float | None, float | None] | str | None

EXACT_SOLVERS = ("auto", "newton", "lbfgs", "newton-cg", "prox-newton")
SLOW_SOLVERS = ("gd", "nesterov")
ROW_SOLVERS = ("saga", "sag", "sgd", "adam")
SIGNS = {"+": (0.0, math.inf), "-": (-math.inf, 0.0)}


@dataclass(frozen=True)
class Problem:
    """What a fit is given. `X` holds the very values, whatever `storage` makes of them."""

    seed: int
    family: str
    X: Array
    y: Array
    weight: Array | None
    offset: Array | None
    storage: str
    penalty: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intercept(self) -> bool:
        return bool(self.options["fit_intercept"])

    @property
    def solver(self) -> str:
        return str(self.options["solver"])

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """A pair of floats for each coefficient."""
        given = self.options.get("bounds") or [None] * self.X.shape[1]
        return [_pair(bound) for bound in given]

    def table(self) -> Any:
        return STORAGES[self.storage](self.X)

    def arguments(self) -> dict[str, Any]:
        """Of `logloss.fit`, after the table."""
        return {
            "y": self.y,
            "sample_weight": self.weight,
            "offset": self.offset,
            "n_threads": 1,
            **self.options,
        }


def _pair(bound: Bound) -> tuple[float, float]:
    if isinstance(bound, str):
        return SIGNS[bound]
    low, high = bound or (None, None)
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _frame(X: Array) -> pd.DataFrame:
    return pd.DataFrame({f"x{j}": column for j, column in enumerate(X.T)})


STORAGES: Mapping[str, Callable[[Array], Any]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "int8": lambda X: X.astype(np.int8),
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "frame": _frame,
}


def draw(seed: int) -> Problem:
    """The problem of a seed: the same one for ever."""
    rng = np.random.default_rng(seed)
    maker = MAKERS[rng.integers(len(MAKERS))]
    family = maker.__name__
    n = round(10.0 ** rng.uniform(0.5, 1.2 if family == "wide" else 2.4))
    made = maker(rng, max(n, 3))
    X, storage = _stored(rng, _units(rng, made.X, family), family)
    y = _labels(rng, made.signal, len(X))
    weight = _weights(rng, y)
    offset = rng.standard_normal(len(y)) * 10.0 ** rng.uniform(-1, 1)
    options, penalty = _penalty(rng, X, family)
    if storage == "frame" and options.keys() & {"penalty_factors", "bounds"}:
        storage = "C"  # a frame's columns that say nothing are left out, and their names with them
    return Problem(
        seed,
        family,
        X,
        y,
        weight,
        offset if rng.random() < 0.25 else None,
        storage,
        penalty,
        options,
    )


def _units(rng: Random, X: Array, family: str) -> Array:
    """In other units now and then: powers of two change nothing but the scale."""
    if family == "scales" or rng.random() > 0.15:
        return X
    reach = float(rng.choice([20, 300, 600]))
    return X * 2.0 ** np.round(rng.uniform(-reach, reach, X.shape[1]))


def _stored(rng: Random, X: Array, family: str) -> tuple[Array, str]:
    """A storage, and the values that it holds."""
    whole = family == "counts" and rng.random() < 0.5 and np.abs(X).max() < 128
    if whole and (np.round(X) == X).all():
        return X, "int8"
    storage = str(rng.choice(["C", "F", "csr", "csc", "float32", "frame"], p=_STORED))
    if storage == "float32":
        with np.errstate(over="ignore", under="ignore"):
            small = X.astype(np.float32).astype(np.float64)
        if not np.isfinite(small).all() or ((small == 0.0) & (X != 0.0)).any():
            return X, "C"
        return small, storage
    return X, storage


_STORED = [0.4, 0.15, 0.15, 0.15, 0.08, 0.07]


def _labels(rng: Random, signal: Array, n: int) -> Array:
    """Labels that follow the signal, with noise: hard ones, or probabilities."""
    spread = signal.std()
    z = (signal - signal.mean()) / (spread if spread > 0.0 else 1.0)
    z = rng.uniform(0.5, 2.5) * z + rng.normal(0.0, 1.0)
    p = 1.0 / (1.0 + np.exp(-np.clip(z, -30.0, 30.0)))
    y = (rng.random(n) < p).astype(np.int64)
    if rng.random() < 0.2:
        soft = np.round(0.5 * p + 0.5 * rng.beta(0.7, 0.7, n), 6)
        certain = rng.random(n) < 0.2
        soft[certain] = y[certain]
        if len(np.unique(soft)) > 2:
            return soft
    if y.min() == y.max():
        y[rng.integers(n)] ^= 1
    return y


def _weights(rng: Random, y: Array) -> Array | None:
    """None, whole numbers, or any from 0 to 1e12; each side has some."""
    kind, n = rng.random(), len(y)
    if kind < 0.5:
        return None
    if kind < 0.7:
        weight = rng.integers(0, 5, n).astype(float)
    elif kind < 0.85:
        weight = rng.exponential(1.0, n)
    else:
        weight = 10.0 ** rng.uniform(0, rng.uniform(1, 12), n)
        weight[rng.random(n) < 0.1] = 0.0
    for side in (y < 0.5, y >= 0.5):
        if side.any() and not weight[side].any():
            weight[np.flatnonzero(side)[0]] = 1.0
    return weight


# ---- penalties and solvers


def _penalty(rng: Random, X: Array, family: str) -> tuple[dict[str, Any], str]:
    kinds = list(PENALTIES)
    shares = np.array([PENALTIES[kind][0] for kind in kinds])
    if family == "wide":
        shares[0] = 0.05
    kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
    options = {"fit_intercept": bool(rng.random() < 0.8), **PENALTIES[kind][1](rng, X)}
    smooth = not (options.get("l1") or options.get("l1_ratio") or options.get("bounds"))
    options["tol"] = float(rng.choice([1e-6, 1e-6, 1e-6, 1e-3, 1e-9]))
    options |= _solver(rng, smooth)
    return options, kind


def _solver(rng: Random, smooth: bool) -> dict[str, Any]:
    name = str(rng.choice(["exact", "slow", "row"], p=[0.88, 0.08, 0.04]))
    if name == "exact":
        able = EXACT_SOLVERS if smooth else ("auto", "prox-newton", "prox-newton")
        return {"solver": str(rng.choice(able))}
    if name == "slow":
        return {"solver": str(rng.choice(SLOW_SOLVERS)), "max_iter": 200}
    able = ROW_SOLVERS if smooth else ("saga", "gd")
    return {"solver": str(rng.choice(able)), "max_iter": 5, "random_state": 0}


def _spread(X: Array) -> Array:
    """Of each column; 1 where there is none, or one that no square can hold."""
    largest = np.abs(X).max(axis=0)
    largest = np.where(largest > 0.0, largest, 1.0)
    spread = (X / largest).std(axis=0) * largest
    return np.where(spread > 0.0, spread, 1.0)


def _none(rng: Random, X: Array) -> dict[str, Any]:
    return {}


def _strength(rng: Random) -> float:
    return float(10.0 ** rng.uniform(-4, 5))


def _ridge(rng: Random, X: Array) -> dict[str, Any]:
    size = {"C": _strength(rng)} if rng.random() < 0.6 else {"l2": 0.1 / _strength(rng)}
    return {**size, "standardize": bool(rng.random() < 0.3), **_factors(rng, X)}


def _lasso(rng: Random, X: Array) -> dict[str, Any]:
    size = (
        {"C": _strength(rng), "l1_ratio": 1.0}
        if rng.random() < 0.6
        else {"l1": 0.1 / _strength(rng)}
    )
    return {**size, "standardize": bool(rng.random() < 0.4), **_factors(rng, X)}


def _elastic(rng: Random, X: Array) -> dict[str, Any]:
    size = (
        {"C": _strength(rng), "l1_ratio": round(float(rng.random()), 3)}
        if rng.random() < 0.6
        else {"l1": 0.1 / _strength(rng), "l2": 0.1 / _strength(rng)}
    )
    return {**size, "standardize": bool(rng.random() < 0.4), **_factors(rng, X)}


def _factors(rng: Random, X: Array) -> dict[str, Any]:
    if rng.random() < 0.6:
        return {}
    factors = np.round(rng.exponential(1.0, X.shape[1]), 3)
    factors[rng.random(X.shape[1]) < 0.4] = 0.0
    return {"penalty_factors": factors}


def _unpenalised(rng: Random, X: Array) -> dict[str, Any]:
    """A penalty in name: factors of 0."""
    return {"C": _strength(rng), "penalty_factors": np.zeros(X.shape[1])}


def _limits(rng: Random, X: Array) -> dict[str, Any]:
    """Bounds on some coefficients, per spread of the column."""
    bounds: list[Bound] = []
    for spread in _spread(X):
        low, high = np.sort(np.round(rng.standard_normal(2), 2)) / spread
        choices: list[Bound] = [
            None,
            "+",
            "-",
            (float(low), float(high)),
            (float(low), None),
            (None, float(high)),
            (float(low), float(low)),
        ]
        bounds.append(choices[rng.choice(7, p=[0.3, 0.15, 0.15, 0.2, 0.08, 0.08, 0.04])])
    return {"bounds": bounds}


def _bounded(rng: Random, X: Array) -> dict[str, Any]:
    return {**[_none, _none, _ridge, _lasso, _elastic][rng.integers(5)](rng, X), **_limits(rng, X)}


PENALTIES: Mapping[str, tuple[float, Callable[[Random, Array], dict[str, Any]]]] = {
    "none": (0.45, _none),
    "zero factors": (0.05, _unpenalised),
    "L2": (0.2, _ridge),
    "L1": (0.1, _lasso),
    "elastic net": (0.08, _elastic),
    "bounds": (0.12, _bounded),
}
