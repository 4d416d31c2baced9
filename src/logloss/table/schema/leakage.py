"""Columns that alone tell the labels apart: an area under the ROC curve above 0.999.

Such a column is mostly known only after the outcome, and under a penalty nothing else says so. The
search costs a fit next to nothing: 16 rows of each label rule out nearly every column, 128 the rest
of the ordinary ones, and only what is left is ranked over all rows. Levels of text are ranked by
the rate of their other rows, as a level that one row has knows that row's label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.design.design import Design
from logloss.table.design.piece import Piece
from logloss.table.design.pieces import CodesPiece, NullablePiece
from logloss.table.schema.schema import Schema
from logloss.table.words import how_to_exclude, listed

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_ALONE = 0.999
_FIRST, _FIRST_AREA = 16, 0.85  # rows of each label, and the area from which to look on
_SECOND, _SECOND_AREA = 128, 0.98
_FEWEST = 20  # rows of each label: below, a column may do so by chance
_SOME = 2048  # rows that a sample of both labels is taken from


def telling(design: Design, schema: Schema, y: Array, weight: Array | None) -> dict[str, float]:
    """Column → the area under the ROC curve that it alone has, where that is above 0.999."""
    owners = [kind.name for kind in schema.columns for _ in kind.coefficient_names]
    kinds = [kind.name for kind in schema.columns]
    by_piece = design.encoded.columns is not None
    names = kinds if by_piece else owners
    rows, split = _of_both(y, weight, _FIRST)
    if not len(rows):
        return {}
    places = np.flatnonzero(_glance(design.take(rows, 1), split) >= _FIRST_AREA)
    if not len(places):
        return {}
    rows, split = _of_both(y, weight, _SECOND)
    labels = (np.arange(len(rows)) >= split).astype(np.float64)
    columns = _columns(design.take(rows, 1), places)
    areas = np.array([_area(column, labels, exact=False) for column in columns])
    places = places[areas >= _SECOND_AREA]
    on = np.ones(len(y)) if weight is None else weight
    if min(np.count_nonzero(on * y), np.count_nonzero(on * (1.0 - y))) < _FEWEST:
        return {}
    columns = _columns(design, places)
    found = [_area(column, y, on, exact=True) for column in columns]
    return {names[place]: area for place, area in zip(places, found, strict=True) if area > _ALONE}


def notes_on(found: dict[str, float], *, excludable: bool) -> tuple[str, ...]:
    """A note on them."""
    if not found:
        return ()
    names = list(found)
    one = len(names) == 1
    which = f"column {names[0]!r}" if one else f"columns {listed(list(map(repr, names)))}"
    how = f" If so, {how_to_exclude(names)}" if excludable else ""
    words = (
        f"{which} alone tell{'s' if one else ''} the labels apart (area under ROC"
        f" {min(found.values()):.4f}{'' if one else ' or more each'});"
        f" {'is it' if one else 'are they'} known only after the outcome?{how}"
    )
    return (words,)


def _glance(few: Design, split: int) -> Array:
    """The areas of all columns over a few rows, all at once; 1 of those that are not numbers."""
    encoded = few.encoded
    if encoded.columns is not None:
        numbers = [column.plain is not None for column in encoded.columns]
        values = [x for x in (column.plain for column in encoded.columns) if x is not None]
        areas = np.ones(len(numbers))
        if values:
            areas[np.array(numbers)] = _at_once(np.column_stack(values), split)
        return areas
    matrix = encoded.matrix
    return _at_once(matrix if isinstance(matrix, np.ndarray) else matrix.toarray(), split)


def _at_once(values: NDArray[Any], split: int) -> Array:
    areas = []
    for begin in range(0, values.shape[1], 4096):
        part = values[:, begin : begin + 4096]
        low, high = part[np.newaxis, :split], part[split:, np.newaxis]
        areas.append((high > low).mean(axis=(0, 1)) + 0.5 * (high == low).mean(axis=(0, 1)))
    joined = np.concatenate(areas)
    whichever: Array = np.maximum(joined, 1.0 - joined)
    return whichever


def _of_both(y: Array, weight: Array | None, count: int) -> tuple[Indices, int]:
    """About so many rows of each label, the negative first, and how many of these; or none."""
    parts = _by_label(y, weight, np.linspace(0, len(y) - 1, min(_SOME, len(y))).astype(np.int64))
    if min(map(len, parts)) < count and len(y) > _SOME:
        parts = _by_label(y, weight, np.arange(len(y)))
    picked = [
        part[np.linspace(0, len(part) - 1, min(count, len(part))).astype(np.int64)]
        for part in parts
        if len(part)
    ]
    if len(picked) < 2:
        return np.zeros(0, np.int64), 0
    return np.concatenate(picked), len(picked[0])


def _by_label(y: Array, weight: Array | None, rows: Indices) -> list[Indices]:
    """Those of the rows that have weight: the negative ones, and the positive ones."""
    on = rows if weight is None else rows[weight[rows] > 0.0]
    return [on[y[on] < 0.5], on[y[on] >= 0.5]]


def _columns(design: Design, places: Sequence[int] | Indices) -> list[Any]:
    """Some of the columns: values, or a piece of text."""
    encoded = design.encoded
    if encoded.columns is not None:
        return [encoded.columns[place] for place in places]
    if isinstance(encoded.matrix, np.ndarray):
        return [encoded.matrix[:, place] for place in places]
    matrix = encoded.matrix.tocsc()
    return [matrix[:, [place]].toarray()[:, 0] for place in places]


def _area(column: Any, y: Array, weight: Array | None = None, *, exact: bool) -> float:
    """The area under the ROC curve of a column, whichever way it goes."""
    weight = np.ones(len(y)) if weight is None else weight
    if isinstance(column, CodesPiece):
        slots = np.where(column.slots < 0, column.n_columns, column.slots)
        return _area_of_levels(slots[column.codes], y, weight, others=exact)
    if isinstance(column, NullablePiece):
        there = np.unpackbits(column.valid, count=len(y), bitorder="little").view(np.bool_)
        values = np.where(there, column.values, column.fill)
        return max(_ranked(values, y, weight), _ranked(there, y, weight))
    return _ranked(_values(column), y, weight)


def _values(column: Piece | NDArray[Any]) -> NDArray[Any]:
    return column if isinstance(column, np.ndarray) else column.vectors[0]


def _ranked(values: NDArray[Any], y: Array, weight: Array) -> float:
    if values.dtype.kind == "f" and np.isnan(values).any():
        return 0.0
    _, place = np.unique(values, return_inverse=True)
    positive, negative = _masses(place, weight * y), _masses(place, weight * (1.0 - y))
    area = _of_masses(positive, negative)
    return max(area, 1.0 - area)


def _masses(place: NDArray[Any], weight: Array) -> Array:
    """The weight at each place."""
    return np.bincount(place, weight).astype(np.float64, copy=False)


def _of_masses(positive: Array, negative: Array) -> float:
    """The area, of masses in increasing order of the score."""
    below = np.cumsum(negative) - 0.5 * negative
    whole = float(positive.sum() * negative.sum())
    return float(positive @ below) / whole if whole > 0.0 else 0.5


def _area_of_levels(place: NDArray[Any], y: Array, weight: Array, *, others: bool) -> float:
    """Levels ranked by the rate of their rows; but for the row itself, with `others`."""
    on = (weight > 0.0) * 1.0
    positive, negative = _masses(place, on * y), _masses(place, on * (1.0 - y))
    count, own = positive + negative, 1.0 if others else 0.0
    base = float(positive.sum() / max(count.sum(), 1.0))
    rest = np.maximum(count - own, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        known = rest > 0.5
        of_positive = np.where(known, np.maximum(positive - own, 0.0) / rest, base)
        of_negative = np.where(known, np.minimum(positive, rest) / rest, base)
    score = np.concatenate([of_positive, of_negative])
    _, rank = np.unique(score, return_inverse=True)
    nothing = np.zeros_like(positive)
    above = _masses(rank, np.concatenate([positive, nothing]))
    return _of_masses(above, _masses(rank, np.concatenate([nothing, negative])))
