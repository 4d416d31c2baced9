"""Matrices as the kernels read them: dense of types that they know, sparse with sound indices."""

from __future__ import annotations

from typing import Any

import numpy as np

import logloss._kernels as _kernels
from logloss.errors import DataError

_DENSE = frozenset(["float64", "float32", "int8", "int16", "int32", "int64", "uint8", "bool"])
_WIDER = {"float16": "float32", "uint16": "int32", "uint32": "int64"}
_LINES_FIRST = {"csr": slice(None), "csc": slice(None, None, -1)}
_SPARSE = frozenset(("float64", "float32"))
_INDICES = frozenset(("int32", "int64"))
_SMALL = frozenset(["bool", "int8", "uint8", "int16", "uint16", "float16"])  # exact in float32


def readable(matrix: Any, where: str) -> Any:
    """The matrix itself where the kernels can read it, else a copy that they can.

    Raises
    ------
    DataError
        A sparse matrix whose indices point outside of it.
    """
    if not isinstance(matrix, np.ndarray):
        return _sparse(matrix, where)
    name = matrix.dtype.name
    if name not in _DENSE or not matrix.dtype.isnative:
        return matrix.astype(name if name in _DENSE else _WIDER.get(name, "float64"))
    whole = all(stride % matrix.itemsize == 0 for stride in matrix.strides)
    return matrix if whole and matrix.flags.aligned else matrix.copy()


def in_rows(matrix: Any, where: str) -> Any:
    """As CSR, from a sparse matrix of any other kind.

    Raises
    ------
    DataError
        Coordinates (COO) or blocks (BSR) that lie outside: SciPy would write there.
    """
    if matrix.format == "bsr":
        try:
            matrix.check_format(full_check=True)
        except ValueError as error:
            raise _damaged(where) from error
    if matrix.format == "coo" and not _inside(matrix):
        raise _damaged(where)
    return matrix.tocsr()


def _inside(coo: Any) -> bool:
    at = (coo.row, coo.col)
    return all(
        len(axis) == len(coo.data) and (not len(axis) or 0 <= axis.min() <= axis.max() < n)
        for axis, n in zip(at, coo.shape, strict=True)
    )


def _sparse(matrix: Any, where: str) -> Any:
    """CSR or CSC whose arrays are contiguous, none of whose entries is there twice, CSC in order.

    SciPy's flags of order and duplicates can be stale: the entries themselves are looked at.
    """
    parts = _contiguous(matrix)
    if parts is None:
        raise _damaged(where)
    data, indices, indptr = parts
    n_lines, width = matrix.shape[_LINES_FIRST[matrix.format]]
    try:
        increasing, distinct = _kernels.structure(indptr, indices, n_lines, width)
    except (ValueError, TypeError) as error:
        raise _damaged(where) from error
    if indptr[-1] > len(data):
        raise _damaged(where)
    if all(a is b for a, b in zip(parts, _parts(matrix), strict=True)) and increasing:
        return matrix
    n = int(indptr[-1])
    fresh = type(matrix)((data[:n], indices[:n], indptr), shape=matrix.shape)  # with no flags yet
    if distinct and (increasing or fresh.format == "csr"):
        return fresh
    fresh = fresh.copy()
    fresh.sum_duplicates()
    return fresh


def _parts(matrix: Any) -> tuple[Any, Any, Any]:
    return matrix.data, matrix.indices, matrix.indptr


def _contiguous(matrix: Any) -> tuple[Any, Any, Any] | None:
    """Data, indices and indptr of types that the kernels know; None where they cannot be that."""
    parts = _parts(matrix)
    if any(not isinstance(part, np.ndarray) or part.ndim != 1 for part in parts):
        return None
    data, indices, indptr = parts
    if indices.dtype.kind not in "iu" or indptr.dtype.kind not in "iu":
        return None
    known = matrix.dtype.name in _SPARSE
    small = matrix.dtype.name in _SMALL
    data = _as(data, matrix.dtype.name if known else "float32" if small else "float64")
    same = indices.dtype == indptr.dtype and indices.dtype.name in _INDICES
    wide = indices.dtype.name if same else "int64"
    return data, _as(indices, wide), _as(indptr, wide)


def _as(x: Any, type_: str) -> Any:
    """The array itself where it is contiguous, aligned and of this type, else a copy."""
    return np.require(x, dtype=np.dtype(type_), requirements=["C", "A"])


def _damaged(where: str) -> DataError:
    return DataError(
        f"{where} is a damaged sparse matrix: its indices point outside of it",
        "X.check_format() says more",
    )
