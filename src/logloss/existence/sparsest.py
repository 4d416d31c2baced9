"""As few columns as can be that tell rows apart together.

Directions are combinations B c of the null space of the rows that are not told apart. Least Σ|b_j|
with (2y − 1) x·b ≥ 1 on the rows that are, is a linear program whose solutions are sparse; it is
over some of the rows, and those that its solution gets wrong join them. Then one column after the
other, those of least effect first, is left out where the program can do without it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from logloss.existence.limit import Separated

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

_ROWS = 1000  # of a program, to begin with
_JOINING = 500  # rows that a solution gets wrong and that join
_MOST_ENTRIES = 2_000_000
_SECONDS = 2.0  # for a program
_PATIENCE = 5.0  # for all
_NOTHING = 1e-7  # of the largest entry


def sparsest(
    found: Separated, groups: Mapping[str, Sequence[int]], patient: bool = True
) -> list[str]:
    """The columns of a sparse direction, those of most effect first.

    All of the direction's where it is the only one, or where a sparse one takes too much.

    Parameters
    ----------
    groups : mapping of column to places of its coefficients
    patient : bool
        Programs may take their time.
    """
    d = found.direction.d
    basis = found.null.basis
    whole = _ranked(np.abs(d), groups)
    if basis.shape[1] <= 1 or len(whole) <= 1 or not patient:
        return whole
    search = _Search(found)
    best = search.solve(np.ones(len(d), np.bool_))
    if best is None:
        return whole
    used = _ranked(np.abs(best), groups)
    for name in reversed(list(used)):
        if len(used) == 1 or search.late:
            break
        fewer = [one for one in used if one != name]
        allowed = np.zeros(len(d), np.bool_)
        allowed[[j for one in fewer for j in groups[one]]] = True
        other = search.solve(allowed)
        if other is not None:
            effect = np.abs(other)
            used = [one for one in _ranked(effect, groups) if one in fewer]
    return used


def _ranked(effect: Array, groups: Mapping[str, Sequence[int]]) -> list[str]:
    most = float(effect.max(initial=0.0))
    sizes = {name: float(effect[list(own)].max(initial=0.0)) for name, own in groups.items()}
    kept = [name for name, size in sizes.items() if size > _NOTHING * most]
    return sorted(kept, key=lambda name: -sizes[name])


class _Search:
    """Programs over one null space, and the rows that they have needed so far."""

    def __init__(self, found: Separated) -> None:
        cone = found.cone
        self._likelihood = cone.likelihood
        self._moved = np.flatnonzero(found.direction.moved)
        self._sign = cone.sign
        self._basis = np.zeros((cone.likelihood.shape.size, found.null.basis.shape[1]))
        self._basis[cone.free] = found.null.basis
        n_columns = len(cone.likelihood.coordinates.center)
        low, high = cone.penalty.lower[:n_columns], cone.penalty.upper[:n_columns]
        held = (low > -np.inf) * 1.0 - (high < np.inf)  # on one side: the others are not free
        self._held = held[:, np.newaxis] * self._basis[:n_columns]
        self._end = time.perf_counter() + _PATIENCE
        spread = np.linspace(0, len(self._moved) - 1, min(_ROWS, len(self._moved)))
        self._rows = self._moved[np.unique(spread.astype(np.int64))]
        self._along = self._of(self._rows)

    @property
    def late(self) -> bool:
        return time.perf_counter() > self._end

    def solve(self, allowed: Mask) -> Array | None:
        """A direction in which only these coefficients (and the intercept) are not 0."""
        n_columns = len(self._likelihood.coordinates.center)
        for _ in range(10):
            if self.late or self._along.size > _MOST_ENTRIES:
                return None
            c = _least(self._along, self._held, self._basis[:n_columns], allowed[:n_columns])
            if c is None:
                return None
            d = self._basis @ c
            along = self._likelihood.along(d)[self._moved] * self._sign[self._moved]
            wrong = np.flatnonzero(along < 0.5)
            if not len(wrong):
                return d
            worst = wrong[np.argsort(along[wrong], kind="stable")[:_JOINING]]
            joining = np.setdiff1d(self._moved[worst], self._rows)
            if not len(joining):
                return None
            self._rows = np.concatenate([self._rows, joining])
            self._along = np.vstack([self._along, self._of(joining)])
        return None

    def _of(self, rows: Indices) -> Array:
        """(2y − 1) X B over these rows."""
        along: Array = self._likelihood.along(self._basis, rows)
        return along * self._sign[rows][:, np.newaxis]


def _least(along: Array, held: Array, basis: Array, allowed: Mask) -> Array | None:
    """argmin Σ|B c| subject to A c ≥ 1, G c ≥ 0, and B c = 0 where not allowed; None: no such c."""
    from scipy.optimize import linprog

    held = held[held.any(axis=1)]
    m, k = len(along), basis.shape[1]
    inside, outside = basis[allowed], basis[~allowed]
    size = len(inside)
    rows, eye = np.vstack([-along, -held]), np.eye(size)
    done = linprog(
        np.concatenate([np.zeros(k), np.ones(size)]),
        A_ub=np.block([[rows, np.zeros((len(rows), size))], [inside, -eye], [-inside, -eye]]),
        b_ub=np.concatenate([-np.ones(m), np.zeros(len(held) + 2 * size)]),
        A_eq=np.hstack([outside, np.zeros((len(outside), size))]) if len(outside) else None,
        b_eq=np.zeros(len(outside)) if len(outside) else None,
        bounds=[(None, None)] * k + [(0.0, None)] * size,
        method="highs",
        options={"time_limit": _SECONDS},
    )
    return done.x[:k] if done.status == 0 else None
