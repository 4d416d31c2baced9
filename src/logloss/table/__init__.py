"""Any table → features, target, weights and offset, as the engine reads them.

The only place that looks at types. A table is read into typed columns (`columns`), a schema is
learned from them (`learn`), and both make the design that the kernels read (`design`).
"""

from __future__ import annotations

from logloss.table.features import CategoricalColumn, NumericColumn
from logloss.table.labels import Label, Labels
from logloss.table.learn import learn
from logloss.table.policy import Policy
from logloss.table.read import read
from logloss.table.schema import Encoded, Schema
from logloss.table.source import Source
from logloss.table.split import Split, offset_values, split, weight_values
from logloss.table.target import Target, encode_target
from logloss.table.treatment import TableOptions

__all__ = [
    "CategoricalColumn",
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
