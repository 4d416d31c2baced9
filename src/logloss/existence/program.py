"""Konis's linear program for a direction that moves as many rows as can be (direction.py)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ZERO = 1e-8  # of the largest |x·d|: rounding
_SECONDS = 60.0


class Undecided(Exception):
    """The linear program is too large, or took too long; or numbers are too large to tell."""


def largest_support(rows: Array, held: Array) -> Array:
    """argmax Σ min(1, A c), A c ≥ 0, G c ≥ 0, by HiGHS: 0, or with A c ≥ 2 where it moves a row.

    Rows are scaled to a largest entry of 1, and equal ones taken once.

    Raises
    ------
    Undecided
        It takes too long, or numbers are too large or too small for it.
    """
    import scipy.sparse as sp
    from scipy.optimize import linprog

    size = np.abs(rows).max(axis=1)
    seen = rows[size > _ZERO * size.max(initial=0.0)]
    seen = seen / np.abs(seen).max(axis=1, keepdims=True)
    unique = np.unique(np.round(seen, 12), axis=0)
    m, k = unique.shape
    matrix = sp.csr_array(np.vstack([-unique, -held]))
    slack = sp.vstack([sp.eye_array(m), sp.csr_array((len(held), m))])
    done = linprog(
        np.concatenate([np.zeros(k), -np.ones(m)]),
        A_ub=sp.hstack([matrix, slack]).tocsr(),
        b_ub=np.zeros(m + len(held)),
        bounds=[(None, None)] * k + [(0.0, 1.0)] * m,
        method="highs",
        options={"time_limit": _SECONDS},
    )
    if done.status != 0:
        raise Undecided
    c: Array = done.x[:k]
    moving = unique @ c > 0.5
    return c * (2.0 / float((unique @ c)[moving].min())) if moving.any() else np.zeros(k)
