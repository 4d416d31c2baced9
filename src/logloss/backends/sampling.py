"""Which rows stand for all: chosen by a hash of their number, so that chance plays no part.

Each label is a stratum. Its rows are cut into runs of equal length, and the hash of a run's number
picks one row of it. The rows picked from a stratum carry its whole weight: s_i W_k / Σ s over the
rows picked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


def _hash(n: int) -> NDArray[np.uint64]:
    """SplitMix64 of 0 … n−1 (Steele, Lea & Flood, OOPSLA 2014)."""
    x = (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    hashed: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return hashed


def _pick(rows: Rows, count: int) -> Rows:
    """About `count` of the rows, one of each run."""
    run = max(1, len(rows) // max(count, 1))
    if run == 1:
        return rows
    n_runs = len(rows) // run
    inside = (_hash(n_runs) % np.uint64(run)).astype(np.int64)
    picked: Rows = rows[np.arange(n_runs) * run + inside]
    return picked


def stratified(y: Array, weight: Array | None, count: int, least: int) -> tuple[Rows, Array]:
    """Rows in increasing order, and their weights. Rows without weight are never picked.

    Parameters
    ----------
    y, weight : ndarray of shape (n,)
    count : int
        How many rows, about.
    least : int
        How many of each label at least, where there are that many.
    """
    positive = y >= 0.5
    rows: list[Rows] = []
    weights: list[Array] = []
    for mask in (positive, ~positive):
        stratum = np.flatnonzero(mask if weight is None else mask & (weight > 0.0))
        if len(stratum) == 0:
            continue
        picked = _pick(stratum, max(count * len(stratum) // len(y), min(least, len(stratum))))
        s = np.ones(len(picked)) if weight is None else weight[picked]
        total = float(len(stratum)) if weight is None else float(weight[stratum].sum())
        rows.append(picked)
        weights.append(s * (total / s.sum()))
    joined = np.concatenate(rows)
    order = np.argsort(joined, kind="stable")
    return joined[order], np.concatenate(weights)[order]
