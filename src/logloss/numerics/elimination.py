"""Hessians of thousands of levels: those that share no row are eliminated first, as a diagonal.

Levels of one column of text exclude each other, and rare levels of two columns mostly never meet.
So with a set I of columns no two of which meet, and R the others,

    H = [ D  B ; Bᵀ  C ],   D diagonal,   S = C − BᵀD⁻¹B,

and S, which is all that is left to factor, is small: a quarter of the columns takes a sixty-fourth
of the time. B has few entries, as a rare level meets few others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_FEWEST = 800  # columns from which it is worth to look
_SHARE = 0.3  # of the columns that are eliminated, from which it is worth to do so
_DOUBTFUL = 1e-3  # of a diagonal, left after elimination: below, all pivots in order are to tell


@dataclass(frozen=True, eq=False)
class Eliminated:
    """H, taken apart.

    Attributes
    ----------
    first, rest : ndarray of int64
        I and R, increasing.
    diagonal : ndarray of shape (len(first),)
        D.
    cross : sparse array of shape (len(first), len(rest))
        B.
    schur : ndarray of shape (len(rest), len(rest))
        S.
    n : int
        Columns in all.
    """

    first: Indices
    rest: Indices
    diagonal: Array
    cross: Any
    schur: Array
    n: int

    @staticmethod
    def of(hessian: Array) -> Eliminated | None:
        """None where it is not worth it, or where columns may be combinations of others."""
        n = len(hessian)
        if n < _FEWEST:
            return None
        chosen = _apart(hessian)
        if chosen.sum() < _SHARE * n:
            return None
        import scipy.sparse as sp

        weight = np.diag(hessian)
        first, rest = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        if not (weight[first] > 0.0).all():
            return None
        diagonal = weight[first]
        cross = sp.csr_array(hessian[np.ix_(first, rest)])
        scaled = sp.diags_array(1.0 / np.sqrt(diagonal)) @ cross
        schur = hessian[np.ix_(rest, rest)] - (scaled.T @ scaled).toarray()
        if not (np.diag(schur) >= _DOUBTFUL * weight[rest]).all():
            return None
        return Eliminated(first, rest, diagonal, cross, np.ascontiguousarray(schur), n)

    def right(self, b: Array) -> Array:
        """b_R − BᵀD⁻¹b_I."""
        right: Array = b[self.rest] - self.cross.T @ (b[self.first] / self.diagonal)
        return right

    def whole(self, rest: Array, b: Array) -> Array:
        """The solution of Hx = b, from its part on R."""
        x = np.zeros(self.n)
        x[self.rest] = rest
        x[self.first] = (b[self.first] - self.cross @ rest) / self.diagonal
        return x

    def inverse_diagonal(self, factor: Array) -> Array:
        """Of H⁻¹, from T with TᵀT = S⁻¹."""
        diagonal = np.zeros(self.n)
        diagonal[self.rest] = (factor**2).sum(axis=0)
        seen = self.cross @ np.ascontiguousarray(factor.T)
        share = (seen**2).sum(axis=1) / self.diagonal**2
        diagonal[self.first] = 1.0 / self.diagonal + share
        return diagonal


def _apart(hessian: Array) -> NDArray[np.bool_]:
    """Columns no two of which meet, those that meet few first."""
    meets = hessian != 0.0
    order = np.argsort(meets.sum(axis=1), kind="stable")
    chosen, met = np.zeros(len(hessian), np.bool_), np.zeros(len(hessian), np.bool_)
    for j in order:
        if not met[j]:
            chosen[j] = True
            met |= meets[j]
    return chosen
