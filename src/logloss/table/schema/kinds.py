"""All kinds of columns, and how a record finds its own.

A new kind is a file beside `number` and `category`, and a line in `KINDS`.
"""

from __future__ import annotations

from typing import Any

from logloss.errors import ModelFileError
from logloss.table.schema.category import CategoricalColumn
from logloss.table.schema.kind import Kind
from logloss.table.schema.number import NumericColumn

KINDS: dict[str, type[Kind[Any]]] = {one.kind: one for one in (NumericColumn, CategoricalColumn)}


def kind_from_json(record: Any) -> Kind[Any]:
    """Read what `to_json` of a kind gave; ModelFileError for anything else."""
    word = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(word, str) or word not in KINDS:
        raise ModelFileError(
            f"schema: unknown kind of column: {str(word)[:40]!r}",
            "the model may be of a newer version of logloss",
        )
    return KINDS[word].from_json(record)
