"""A batch with the columns and types that its stream has promised."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from logloss.errors import DataError
from logloss.table.reading.arrow_tables import first_line
from logloss.table.reading.missing import ORDERED, TEXT, is_text, without_missing
from logloss.table.reading.orders import declares


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
    """The schema in which a stream delivers what has this one: text as TEXT or ORDERED."""
    return pa.schema([(field.name, _delivered(field)) for field in schema])


def _delivered(field: Any) -> Any:
    if is_text(field.type):
        return ORDERED if declares(field) else TEXT
    if declares(field):
        return pa.dictionary(field.type.index_type, field.type.value_type, ordered=True)
    return field.type
