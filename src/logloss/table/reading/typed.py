"""A batch with the columns and types that its stream has promised."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from logloss.errors import DataError
from logloss.table.arrow import first_line
from logloss.table.reading.missing import TEXT, is_text, without_missing


def typed(batch: Any, target: Any, na: tuple[str, ...], where: str) -> Any:
    """The columns of `target`, by name, cast to its types, with missing values as null.

    Raises
    ------
    DataError
        A value that the wider type does not hold: an integer beyond 2⁵³ among doubles.
    """
    columns = []
    for wanted in target:
        column = without_missing(batch.column(wanted.name), na)
        if column.type != wanted.type:
            try:
                column = column.cast(wanted.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise DataError(
                    f"{where}: column {wanted.name!r} cannot be read as {wanted.type}:"
                    f" {first_line(error)}",
                    "give the files the same types",
                ) from error
        columns.append(column)
    return pa.record_batch(columns, schema=target)


def delivered(schema: Any) -> Any:
    """The schema in which a stream delivers what has this one: text as TEXT."""
    types = [TEXT if is_text(type_) else type_ for type_ in schema.types]
    return pa.schema(list(zip(schema.names, types, strict=True)))
