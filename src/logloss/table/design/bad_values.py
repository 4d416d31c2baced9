"""Where a value that is not finite stands; looked for only once a sum was not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from logloss.errors import DataError
from logloss.table.columns.source import Source
from logloss.table.design.encoded import Encoded


def check_finite(encoded: Encoded, source: Source, names: Sequence[str] | None = None) -> None:
    """Raise a DataError that names the first NaN or infinity, by row and column.

    Parameters
    ----------
    encoded : Encoded
        What the kernels read.
    source : Source
        Where it came from: for the places of rows.
    names : sequence of str, optional
        The columns of `encoded`; by default those of `source`.
    """
    found = _first(encoded)
    if found is None:
        return
    row, column, value = found
    raise DataError(
        f"{source.where} has the value {value} in {source.place(row)}, column"
        f" {(source.names if names is None else names)[column]!r}",
        "replace or drop values that are missing or infinite, or leave the column out",
    )


def _first(encoded: Encoded) -> tuple[int, int, float] | None:
    if encoded.columns is not None:
        for j, piece in enumerate(encoded.columns):
            found = piece.first_bad()
            if found is not None:
                return found[0], j, found[1]
        return None
    matrix = encoded.matrix
    if isinstance(matrix, np.ndarray):
        for begin in range(0, encoded.n_rows, 4096):
            bad = np.argwhere(~np.isfinite(matrix[begin : begin + 4096]))
            if len(bad):
                row, column = int(bad[0, 0]) + begin, int(bad[0, 1])
                return row, column, float(matrix[row, column])
        return None
    return _first_stored(matrix)


def _first_bad(values: Any) -> int | None:
    finite = np.isfinite(values)
    return None if finite.all() else int(np.argmin(finite))


def _first_stored(matrix: Any) -> tuple[int, int, float] | None:
    """The first bad entry of a CSR or CSC matrix."""
    at = _first_bad(matrix.data)
    if at is None:
        return None
    major = int(np.searchsorted(matrix.indptr, at, side="right")) - 1
    minor = int(matrix.indices[at])
    row, column = (major, minor) if matrix.format == "csr" else (minor, major)
    return row, column, float(matrix.data[at])
