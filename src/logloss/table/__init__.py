"""Any table → features, target, weights and offset, as the engine reads them.

The only place that looks at types. One way through it, each room importing those before it only:
`reading` (files, queries, frames → batches), `encoding` (batches → typed `columns`), `spool` (the
same, kept as a file), `roles` (target, weights, offset and groups, taken out), `schema` (columns →
coefficients), `design` (blocks as the kernels read them).
"""

from __future__ import annotations

from logloss.table.columns.source import Source
from logloss.table.design.encoded import Encoded
from logloss.table.read import read
from logloss.table.roles.labels import Label, Labels
from logloss.table.roles.numbers import offset_values, weight_values
from logloss.table.roles.take import Split
from logloss.table.roles.target import Target, encode_target
from logloss.table.schema.category import CategoricalColumn
from logloss.table.schema.learn import learn
from logloss.table.schema.number import NumericColumn
from logloss.table.schema.of_columns import ColumnSchema
from logloss.table.schema.policy import Policy
from logloss.table.schema.schema import Schema
from logloss.table.split import split
from logloss.table.treatment import TableOptions

__all__ = [
    "CategoricalColumn",
    "ColumnSchema",
    "Encoded",
    "Label",
    "Labels",
    "NumericColumn",
    "Policy",
    "Schema",
    "Source",
    "Split",
    "TableOptions",
    "Target",
    "encode_target",
    "learn",
    "offset_values",
    "read",
    "split",
    "weight_values",
]
