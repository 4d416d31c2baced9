"""Predictions of a fitted record: the log odds of the rows of any table, batch by batch."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.record.fitted import Fitted
from logloss.table import Encoded, Source, read
from logloss.table.batches import (
    batches_with_offset,
    nan_may_be_missing,
    nan_missing,
    offset_missing,
    unknown_note,
)
from logloss.table.design.bad_values import check_finite

Array = NDArray[np.float64]


def decision_batches(
    fitted: Fitted, table: Any, offset: Any, n_threads: int | None
) -> Iterator[Array]:
    """See `Model.decision_batches`."""
    unknown: Counter[str] = Counter()
    n_rows = 0
    for source, o in _batches(fitted, table, offset):
        encoded, z = _decisions(fitted, source, o, n_threads)
        finite = bool(np.isfinite(z).all())
        if not finite and nan_may_be_missing(source):
            source = nan_missing(source)  # noqa: PLW2901
            encoded, z = _decisions(fitted, source, o, n_threads)
            finite = bool(np.isfinite(z).all())
        if not finite:
            check_finite(encoded, source, fitted.schema.column_names)
        if source.columns is not None:
            unknown.update(fitted.schema.unknown(source.columns))
        n_rows += len(z)
        yield z
    if unknown:
        warnings.warn(unknown_note(unknown, n_rows), UserWarning, stacklevel=3)


def _decisions(
    fitted: Fitted, source: Source, offset: Array | None, n_threads: int | None
) -> tuple[Encoded, Array]:
    """What the kernels read, and the log odds of its rows."""
    encoded = fitted.schema.encode(source)
    return encoded, fitted.log_odds(encoded, offset, n_threads)


def _batches(fitted: Fitted, table: Any, offset: Any) -> Iterator[tuple[Source, Array | None]]:
    """The columns of the model, and the offset."""
    chosen = fitted.offset if offset is None else offset
    if isinstance(chosen, str) and not chosen:
        raise offset_missing("an array of offsets")
    named = [chosen] if isinstance(chosen, str) else []
    schema = fitted.schema
    names = [*schema.column_names, *named]
    source = read(table, columns=names, na=schema.na, text=schema.text_names)
    if named and offset is None and chosen not in source.names:
        raise offset_missing(f"the offset column {chosen!r}")
    return batches_with_offset(source, chosen, schema)
