"""Marks of the rows of a fit, by which two fits are known to be of the same rows.

A hash each of the labels, the weights and the offsets of the rows that count, in their order. It
says nothing of the columns, and is the same for any storage, number of threads and type of number.
A row of weight 0 is no row; weights of 1 are none, and so are offsets of 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.files import strict_json as js

Array = NDArray[np.float64]

_BYTES = 16  # of a hash: two tables that differ have equal ones by a chance of 1 in 2^128


@dataclass(frozen=True)
class RowMarks:
    """Hashes in hexadecimal; "" where there are no weights, or no offsets.

    Attributes
    ----------
    labels, weights, offset : str
    """

    labels: str
    weights: str
    offset: str

    def differences(self, other: RowMarks) -> list[str]:
        """What differs, in words."""
        mine, theirs = asdict(self), asdict(other)
        return [words for name, words in _WORDS.items() if mine[name] != theirs[name]]

    def to_json(self) -> dict[str, str]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(value: object, where: str) -> RowMarks:
        """What `to_json` gave; ModelFileError for anything else."""
        fields: Mapping[str, Any] = _check(value, where)
        return RowMarks(**fields)


_WORDS = {
    "labels": "other labels, or rows in another order",
    "weights": "other weights",
    "offset": "other offsets",
}
_check = js.record(dict.fromkeys(_WORDS, js.text))


def marks_of(y: Array, weight: Array | None, offset: Array | None) -> RowMarks:
    """The marks of rows with labels in [0, 1], weights (None: all 1) and offsets (None: all 0)."""
    if weight is not None and not weight.all():
        counted = weight > 0.0
        y, weight = y[counted], weight[counted]
        offset = None if offset is None else offset[counted]
    hard = y == 1.0
    bits = (np.packbits(hard),) if bool((hard | (y == 0.0)).all()) else (_plain(y),)
    return RowMarks(
        labels=_hash(np.array([len(y)], dtype="<i8"), *bits),
        weights="" if weight is None or bool((weight == 1.0).all()) else _hash(_plain(weight)),
        offset="" if offset is None or not offset.any() else _hash(_plain(offset)),
    )


def _plain(values: Array) -> NDArray[Any]:
    """In one order of bytes, and with one zero."""
    return np.add(values, 0.0).astype("<f8", copy=False)


def _hash(*parts: NDArray[Any]) -> str:
    digest = hashlib.blake2b(digest_size=_BYTES)
    for part in parts:
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()
