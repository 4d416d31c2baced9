"""A frame whose numbers lie in one block, which is read as a matrix: its columns one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from logloss.table.columns.matrix import readable
from logloss.table.columns.nan import without_nan
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Columns, Numbers

_ARROW_NAMES = {"float64": "double", "float32": "float", "float16": "halffloat"}


def arrow_type(matrix: Any) -> str:
    """Arrow's name of the type of a matrix."""
    name: str = matrix.dtype.name
    return _ARROW_NAMES.get(name, name)


def in_columns(source: Source) -> Source:
    """The same as typed columns, in which NaN is missing. What lies in a row by columns stays.

    Parameters
    ----------
    source : Source
        Of a dense matrix.
    """
    matrix = readable(source.matrix, source.where)
    type_ = arrow_type(source.matrix)
    columns = {
        name: _numbers(np.ascontiguousarray(matrix[:, j]), type_)
        for j, name in enumerate(source.names)
    }
    return replace(source, matrix=None, columns=Columns(columns, source.n_rows))


def _numbers(values: Any, type_: str) -> Numbers:
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    return Numbers(values, without_nan(values, None), type_)
