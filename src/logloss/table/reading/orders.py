"""Which columns declare an order of their levels."""

from __future__ import annotations

from typing import Any

import pyarrow.types as kind

UNORDERED = b"_PL_CATEGORICAL"  # how polars marks its fields


def declares(field: Any) -> bool:
    """Whether a column declares an order of its levels: a dictionary is one, as in R and pandas.

    Not so a Categorical of polars, whose levels stand as they came.
    """
    of_polars = any(key.startswith(UNORDERED) for key in field.metadata or ())
    return bool(kind.is_dictionary(field.type)) and not of_polars
