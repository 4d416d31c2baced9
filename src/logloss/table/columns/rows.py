"""Single rows of a table as they came, for people to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.source import Source


def row_values(source: Source, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Column name → values of these rows, as an array or an Arrow column.

    Of a sparse matrix only the columns that are not 0 in all of them.
    """
    if source.columns is not None:
        values = [source.values(int(row)) for row in rows]
        return {name: [row[name] for row in values] for name in source.names}
    chosen = source.matrix[rows]
    if isinstance(chosen, np.ndarray):
        return {name: chosen[:, j] for j, name in enumerate(source.names)}
    columns = np.unique(chosen.tocoo().col)
    dense = chosen[:, columns].toarray()
    return {source.names[int(column)]: dense[:, k] for k, column in enumerate(columns)}
