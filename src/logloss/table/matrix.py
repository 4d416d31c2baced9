"""Matrices as the kernels read them: dense of types that they know, sparse with sound indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from logloss.errors import DataError

_DENSE = frozenset(["float64", "float32", "int8", "int16", "int32", "int64", "uint8", "bool"])
_WIDER = {"float16": "float32", "uint16": "int32", "uint32": "int64"}
_LINES_FIRST = {"csr": slice(None), "csc": slice(None, None, -1)}
_SPARSE = frozenset(("float64", "float32"))
_SMALL = frozenset(["bool", "int8", "uint8", "int16", "uint16", "float16"])  # exact in float32


def readable(matrix: Any, where: str) -> Any:
    """The matrix itself where the kernels know its type, else a copy in a wider one.

    Raises
    ------
    DataError
        A sparse matrix whose indices point outside of it.
    """
    if isinstance(matrix, np.ndarray):
        name = matrix.dtype.name
        if name in _DENSE and matrix.dtype.isnative:
            return matrix
        return matrix.astype(name if name in _DENSE else _WIDER.get(name, "float64"))
    _check_structure(matrix, where)
    name = matrix.dtype.name
    if name in _SPARSE and matrix.dtype.isnative:
        return matrix
    data = matrix.data.astype("float32" if name in _SMALL | {"float32"} else "float64")
    return type(matrix)((data, matrix.indices, matrix.indptr), shape=matrix.shape, copy=False)


def _check_structure(matrix: Any, where: str) -> None:
    """Indices inside the matrix: the kernels follow them, and SciPy checks only when asked."""
    indptr, indices = matrix.indptr, matrix.indices
    n_lines, width = matrix.shape[_LINES_FIRST[matrix.format]]
    sound = (
        len(indptr) == n_lines + 1
        and indptr[0] == 0
        and indptr[-1] <= min(len(indices), len(matrix.data))
        and bool((indptr[1:] >= indptr[:-1]).all())
    )
    used = indices[: indptr[-1]] if sound else indices
    if not sound or (used.size and (used.min() < 0 or used.max() >= width)):
        raise DataError(
            f"{where} is a damaged sparse matrix: its indices point outside of it",
            "X.check_format() says more",
        )
