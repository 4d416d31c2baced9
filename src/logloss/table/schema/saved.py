"""A schema as a model file holds it → Schema, of columns or of the terms of a formula."""

from __future__ import annotations

from typing import Any

from logloss.table.schema.formula import FormulaSchema
from logloss.table.schema.of_columns import ColumnSchema
from logloss.table.schema.schema import Schema


def schema_from_json(record: Any) -> Schema:
    """Read what `to_json` of a schema gave; ModelFileError for anything else."""
    of_terms = isinstance(record, dict) and "formula" in record
    return FormulaSchema.from_json(record) if of_terms else ColumnSchema.from_json(record)
