"""The storages in which a peer may want its matrix; conversion is never timed."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from benchmarks.datasets import Matrix

LAYOUTS = ("c", "f", "csr", "csc")  # dense by rows, dense by columns, sparse by rows, by columns
_DENSE_LIMIT = 2**29  # bytes: a sparse matrix is also offered as a dense one below this
_SPARSE_SHARE = 0.5  # a dense matrix is also offered as a sparse one with fewer nonzeros than this


def sensible(X: Matrix) -> tuple[str, ...]:
    """The layouts worth trying for this matrix, its own first."""
    if sp.issparse(X):
        fits_dense = X.shape[0] * X.shape[1] * 8 <= _DENSE_LIMIT
        return ("csr", "csc", "c", "f") if fits_dense else ("csr", "csc")
    share = np.count_nonzero(X) / X.size
    return ("c", "f", "csr", "csc") if share < _SPARSE_SHARE else ("c", "f")


def convert(X: Matrix, layout: str) -> Matrix:
    """A fresh copy of the matrix in ordinary memory (not the mapped file)."""
    if layout in ("csr", "csc"):
        result = sp.csr_matrix(X) if layout == "csr" else sp.csc_matrix(X)
        result = result.copy()
        result.sort_indices()
        return result
    return np.array(X.toarray() if sp.issparse(X) else X, order="C" if layout == "c" else "F")
