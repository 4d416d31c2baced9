"""One table of small problems, easy and nasty ones, and of ways to store them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """A matrix, its labels, and what makes it hard.

    Attributes
    ----------
    minimum : bool
        A finite optimum exists without a penalty.
    slow : bool
        Gradient descent needs more steps than a test has time for; it gets a looser tolerance.
    free : tuple of int
        Columns that may go without a penalty while the others have one, and F still has a minimum.
    """

    X: Array
    y: Array
    weight: Array | None = None
    offset: Array | None = None
    intercept: bool = True
    minimum: bool = True
    slow: bool = False
    free: tuple[int, ...] = (0, 2)

    @property
    def s(self) -> Array:
        return np.ones(len(self.y)) if self.weight is None else self.weight

    def deviation(self) -> Array:
        """Weighted population standard deviation of each column; 0 where it is all rounding."""
        mean = self.s @ self.X / self.s.sum()
        deviation = np.sqrt(self.s @ (self.X - mean) ** 2 / self.s.sum())
        return np.where(deviation <= 1e-12 * np.abs(mean), 0.0, deviation)

    def options(self) -> dict[str, Any]:
        """Keywords of `logloss.fit` that belong to the problem."""
        return {
            "sample_weight": self.weight,
            "offset": self.offset,
            "fit_intercept": self.intercept,
        }


def _labels(rng: np.random.Generator, z: Array) -> Array:
    y = (rng.random(len(z)) < 1.0 / (1.0 + np.exp(-z))).astype(np.float64)
    y[:2] = 0.0, 1.0
    return y


def _plain(n: int = 40, d: int = 4, seed: int = 0) -> tuple[np.random.Generator, Array, Array]:
    """Values that float32 holds exactly, and labels that overlap."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((n, d)) * 64.0) / 64.0
    return rng, X, _labels(rng, X @ np.array([1.0, -0.7, 0.5, 0.2] + [0.0] * (d - 4)))


def well() -> Problem:
    _, X, y = _plain()
    return Problem(X, y)


def mirrored() -> Problem:
    """Both signs turned: of the columns and of the labels."""
    _, X, y = _plain()
    return Problem(-X, 1.0 - y)


def correlated() -> Problem:
    """Columns that are nearly a combination of each other: a condition number of about 1e10."""
    _, X, y = _plain(seed=1)
    X[:, 1] = X[:, 0] + 1e-5 * X[:, 1]
    return Problem(X, y, slow=True)


def unscaled() -> Problem:
    """Columns in units from 1e-6 to 1e6."""
    _, X, y = _plain(seed=2)
    return Problem(X * np.array([1e-6, 1e-2, 1e3, 1e6]), y, slow=True)


def timestamps() -> Problem:
    """A mean that is 17,000 standard deviations."""
    _, X, y = _plain(seed=3)
    X[:, 1] = 1.7e9 + np.round(1e5 * X[:, 1])
    return Problem(X, y, slow=True)


def weighted() -> Problem:
    rng, X, y = _plain(seed=4)
    return Problem(X, y, weight=rng.exponential(3.0, len(y)))


def zero_weights() -> Problem:
    """Rows without weight say the opposite of the others, and are many."""
    rng, X, y = _plain(n=60, seed=5)
    weight = rng.integers(1, 4, len(y)).astype(np.float64)
    weight[20:] *= rng.random(40) < 0.6
    X[weight == 0.0] *= 100.0
    return Problem(X, np.where(weight == 0.0, 1.0 - y, y), weight=weight)


def offset() -> Problem:
    rng, X, y = _plain(seed=6)
    return Problem(X, y, offset=2.0 * rng.standard_normal(len(y)) - 0.5)


def soft() -> Problem:
    """Probabilities for labels, certain ones among them, with weights and an offset."""
    rng, X, _ = _plain(seed=7)
    y = np.round(rng.beta(0.7, 0.9, len(X)), 3)
    y[:3] = 0.0, 1.0, 0.5
    shift = rng.standard_normal(len(y))
    return Problem(X, y, weight=rng.integers(1, 5, len(y)).astype(np.float64), offset=shift)


def empty_rows() -> Problem:
    """A sparse matrix, a third of its rows empty."""
    rng, X, y = _plain(n=60, seed=8)
    X[rng.random(X.shape) < 0.6] = 0.0
    X[::3] = 0.0
    return Problem(X, y)


def constant_column() -> Problem:
    """Two columns that do not vary: 5, and nothing at all."""
    _, X, y = _plain(d=5, seed=9)
    X[:, 1], X[:, 3] = 5.0, 0.0
    return Problem(X, y, slow=True)


def duplicates() -> Problem:
    """Two equal columns: the optimum is a line where nothing is penalised."""
    _, X, y = _plain(seed=10)
    X[:, 3] = X[:, 0]
    return Problem(X, y)


def rank_deficient() -> Problem:
    """Dummies of all levels beside the intercept, and a sum of two columns."""
    rng, X, y = _plain(d=6, seed=11)
    level = rng.integers(0, 3, len(y))
    X[:, 2:5] = np.eye(3)[level]
    X[:, 5] = X[:, 0] - 2.0 * X[:, 1]
    return Problem(X, y)


def nearly_separated() -> Problem:
    """Two rows of 40 on the wrong side: coefficients are large at the optimum."""
    rng = np.random.default_rng(12)
    X = np.round(rng.standard_normal((40, 4)) * 64.0) / 64.0
    order = np.argsort(X[:, 0])
    y = np.zeros(40)
    y[order[20:]] = 1.0
    y[order[[15, 24]]] = 1.0, 0.0
    X[:, 1:] = np.round(X[:, 1:] * 4.0) / 64.0
    return Problem(X, y, slow=True)


def wide() -> Problem:
    """More columns than rows."""
    rng = np.random.default_rng(13)
    X = np.round(rng.standard_normal((12, 24)) * 64.0) / 64.0
    return Problem(X, _labels(rng, X[:, 0]), minimum=False, free=(0,))


def two_rows() -> Problem:
    return Problem(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([1.0, 0.0]), minimum=False, free=())


def no_intercept() -> Problem:
    _, X, y = _plain(seed=14)
    return Problem(X + 1.0, y, intercept=False)


def one_column() -> Problem:
    _, X, y = _plain(seed=15)
    return Problem(np.ascontiguousarray(X[:, :1]), y, free=(0,))


MAKERS: tuple[Callable[[], Problem], ...] = (
    well,
    mirrored,
    correlated,
    unscaled,
    timestamps,
    weighted,
    zero_weights,
    offset,
    soft,
    empty_rows,
    constant_column,
    duplicates,
    rank_deficient,
    nearly_separated,
    wide,
    two_rows,
    no_intercept,
    one_column,
)
PROBLEMS: Mapping[str, Problem] = {make.__name__: make() for make in MAKERS}


# ---- the same matrix, stored in every way that comes in without a copy


def _strided(X: Array) -> Array:
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan)
    wide[::2, ::3] = X
    return wide[::2, ::3]


def _int64(matrix: Any) -> Any:
    matrix.indices = matrix.indices.astype(np.int64)
    matrix.indptr = matrix.indptr.astype(np.int64)
    return matrix


def _backwards(matrix: Any) -> Any:
    """The entries of each row or column in reversed order, as a product of matrices leaves them."""
    for a, b in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        matrix.indices[a:b] = matrix.indices[a:b][::-1].copy()
        matrix.data[a:b] = matrix.data[a:b][::-1].copy()
    matrix.has_sorted_indices = False
    return matrix


def _read_only(X: Array) -> Array:
    X = X.copy()
    X.flags.writeable = False
    return X


def _frame(X: Array) -> pd.DataFrame:
    return pd.DataFrame({f"x{j}": column for j, column in enumerate(X.T)})


def _table(X: Array) -> pa.Table:
    return pa.table({f"x{j}": np.ascontiguousarray(column) for j, column in enumerate(X.T)})


STORAGES: Mapping[str, Callable[[Array], Any]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "strided": _strided,
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": _read_only,
    "csr": sp.csr_array,
    "csr, int64": lambda X: _int64(sp.csr_array(X)),
    "csr, unsorted": lambda X: _backwards(sp.csr_array(X)),
    "csc": sp.csc_array,
    "csc, int64": lambda X: _int64(sp.csc_array(X)),
    "csc, unsorted": lambda X: _backwards(sp.csc_array(X)),
    "csc, float32": lambda X: sp.csc_array(X.astype(np.float32)),
    "pandas": _frame,
    "arrow": _table,
}
