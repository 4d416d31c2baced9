"""Encoded columns → Design: typed blocks side by side, as the kernels read them, nothing copied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels

if TYPE_CHECKING:
    from logloss.table.schema import Encoded

Array = NDArray[np.float64]


def threads(n_threads: int | None) -> int:
    """Threads to use: as asked, else as OpenMP would (OMP_NUM_THREADS, threadpoolctl)."""
    return max(1, n_threads if n_threads is not None else int(_kernels.max_threads()))


@dataclass(frozen=True, eq=False)
class Design:
    """The matrix of a fit: n_rows × n_columns, in whatever storage it came.

    Attributes
    ----------
    kernel : _kernels.Design
        The blocks, and how they are split into tiles and lanes.
    encoded : Encoded
        The arrays behind the blocks.
    sparse : ndarray of shape (n_columns,), bool
        Columns that cannot be centred as they are read, as that would fill them.
    """

    kernel: _kernels.Design
    encoded: Encoded
    sparse: NDArray[np.bool_]

    @property
    def n_rows(self) -> int:
        return int(self.kernel.n_rows)

    @property
    def n_columns(self) -> int:
        return int(self.kernel.n_columns)

    def predict(
        self,
        coef: Array,
        intercept: float,
        offset: Array | None = None,
        n_threads: int | None = None,
    ) -> Array:
        """z = X coef + intercept + offset, shape (n_rows,)."""
        return _kernels.predict(self.kernel, coef, intercept, offset, threads(n_threads))

    def take(self, rows: NDArray[np.int64], n_threads: int | None = None) -> Design:
        """These rows, copied."""
        encoded, n = self.encoded, len(rows)
        if encoded.columns is not None:
            columns = _kernels.take(list(encoded.columns), rows, threads(n_threads))
            return design_of(replace(encoded, columns=tuple(columns), n_rows=n))
        if isinstance(encoded.matrix, np.ndarray):
            (matrix,) = _kernels.take([encoded.matrix], rows, threads(n_threads))
            return design_of(replace(encoded, matrix=matrix, n_rows=n))
        return design_of(replace(encoded, matrix=encoded.matrix[rows], n_rows=n))


def design_of(encoded: Encoded) -> Design:
    """Lay the columns of a table, or a matrix, side by side."""
    kernel = _kernels.Design(encoded.n_rows)
    is_sparse = False
    if encoded.columns is not None:
        for _, run in groupby(encoded.columns, key=lambda column: column.dtype):
            kernel.add_columns(list(run))
    elif isinstance(encoded.matrix, np.ndarray):
        kernel.add_dense(encoded.matrix)
    else:
        is_sparse = True
        _add_sparse(kernel, encoded.matrix)
    kernel.finish()
    return Design(kernel, encoded, np.full(kernel.n_columns, is_sparse))


def _add_sparse(kernel: _kernels.Design, matrix: Any) -> None:
    by_row = matrix.format == "csr"
    if not by_row and not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()  # a tile finds its rows in a column by their order
    kernel.add_sparse(matrix.indptr, matrix.indices, matrix.data, matrix.shape[1], by_row)
