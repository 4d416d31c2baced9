"""Text as codes into its levels, batch by batch.

Arrow finds the distinct values of a batch, in C++; a dictionary maps them to the levels of the
column. What becomes of a column depends on its values and their order alone, not on how they were
cut into batches:

- Blanks around a value do not count. Empty values, and those named as missing, are the level None.
- More than 2**18 levels, or a value of more than 4096 characters: no categories, left out.
- Text of a CSV file that reads as numbers throughout is a column of numbers, and the usual words
  for a missing number are that; so it is with bools, dates and times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.types as kind

from logloss.table.columns.levels import spelled
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable
from logloss.table.encoding.grow import Array, Bits, Room
from logloss.table.encoding.kinds import is_string, is_text, refused
from logloss.table.encoding.narrow import Narrowing, values_in_place
from logloss.table.encoding.text_numbers import Meaning, meaning_of

MOST_LEVELS = 1 << 18
LONGEST = 1 << 12  # characters

_CODES = ((1 << 8, np.uint8), (1 << 16, np.uint16), (1 << 31, np.int32))  # by number of levels
_TOO_MANY = f"holds more than {MOST_LEVELS:,} different values"

_Values: TypeAlias = list[str | None]


@dataclass(frozen=True)
class Reading:
    """How text is read.

    Attributes
    ----------
    missing : frozenset of str
        Values that mean there is none, besides the empty one.
    untyped : bool
        Whether text that reads as numbers is numbers: so it is in a CSV file, which has no types.
    """

    missing: frozenset[str] = frozenset()
    untyped: bool = False

    def trimmed(self, value: str | None) -> str | None:
        """The level that a value belongs to."""
        level = value and value.strip()
        return None if not level or level in self.missing else level


class _State(Protocol):
    """What a column is so far: levels, numbers, or refused."""

    def append(self, values: _Values, indices: Array) -> _State:
        """Add the rows values[indices]; what the column is then."""

    def close(self) -> _State:
        """No more rows follow; what the column is at last."""

    def column(self) -> Column:
        """The finished column; the room is sealed."""


class TextColumn:
    """A column of text.

    Parameters
    ----------
    room : Room
    type_ : pyarrow.DataType
    reading : Reading
    ordered : bool
        Whether its dictionaries declare an order.
    """

    def __init__(self, room: Room, type_: Any, reading: Reading, ordered: bool = False) -> None:
        self._type = str(type_)
        self._reading = reading
        self._orders: set[tuple[str, ...]] | None = set() if ordered else None
        self._typed: dict[str, Any] = {}  # level → the value that it is
        self._state: _State = _Levels(room, self._type, reading)
        self._dictionary: Any = None
        self._values: _Values = []

    def accepts(self, type_: Any) -> bool:
        """Whether a batch of this type can follow."""
        return is_text(type_)

    def append(self, chunk: Any) -> None:
        """Add a pyarrow.Array."""
        try:
            values, indices = self._decoded(chunk)
        except UnicodeDecodeError:
            self._state = _Refused(
                Unusable(
                    "holds text that is not UTF-8",
                    "save it as UTF-8",
                    True,
                    self._type,
                )
            )
            return
        self._state = self._state.append(values, indices)

    def append_missing(self, n_rows: int) -> None:
        """Add rows without a value."""
        self._state = self._state.append([None], np.zeros(n_rows, np.int32))

    def close(self) -> None:
        """No more batches follow."""
        self._state = self._state.close()

    def column(self) -> Column:
        """The finished column; the room is sealed."""
        column = self._state.column()
        order = _agreed(self._orders) if self._orders else None
        if order is None or not isinstance(column, Codes):
            return column
        return replace(column, declared=tuple(self._typed[level] for level in order))

    def _decoded(self, chunk: Any) -> tuple[_Values, Array]:
        """Distinct values, and the place of each row among them; also where it is missing."""
        if not kind.is_dictionary(chunk.type):
            if kind.is_string_view(chunk.type):
                chunk = chunk.cast(pa.large_string())
            chunk = chunk.dictionary_encode(null_encoding="encode")
        indices = values_in_place(chunk.indices)
        values = self._values_of(chunk.dictionary)
        if chunk.indices.null_count:
            valid = chunk.indices.is_valid().to_numpy(zero_copy_only=False)
            indices = np.where(valid, indices, np.int64(len(values)))
            values = [*values, None]
        return values, indices

    def _values_of(self, dictionary: Any) -> _Values:
        """A dictionary as text; most often it is the one of the batch before."""
        if self._dictionary is None or not dictionary.equals(self._dictionary):
            values = dictionary.to_pylist()
            if not is_string(dictionary.type):
                typed = [plain(dictionary.type, value) for value in values]
                values = [None if value is None else spelled(value) for value in typed]
                self._typed.update((spelled(value), value) for value in typed if value is not None)
            self._dictionary, self._values = dictionary, values
            if self._orders is not None:
                levels = [v for v in map(self._reading.trimmed, values) if v is not None]
                self._typed = dict(zip(levels, levels, strict=True)) | self._typed
                self._orders.add(tuple(dict.fromkeys(levels)))
        return self._values


class _Levels:
    """Codes into levels."""

    def __init__(self, room: Room, type_: str, reading: Reading) -> None:
        self._room = room
        self._type = type_
        self._reading = reading
        self._codes = room.array(np.uint8)
        self._code_of_level: dict[str | None, int] = {}
        self._code_of_value: dict[str | None, int] = {}  # not trimmed

    def append(self, values: _Values, indices: Array) -> _State:
        known = self._code_of_value
        codes = np.array([known.get(value, -1) for value in values], np.int32)
        rows = np.flatnonzero(codes[indices] < 0) if (codes < 0).any() else ()
        if len(rows):  # new values, in the order of their rows
            new = indices[rows]
            for i in new[np.sort(np.unique(new, return_index=True)[1])]:
                level = self._reading.trimmed(values[i])
                if level is not None and len(level) > LONGEST:
                    return self._refused(f"holds text of more than {LONGEST:,} characters")
                code = self._code_of_level.setdefault(level, len(self._code_of_level))
                if self._n_levels() > MOST_LEVELS:
                    del self._code_of_level[level]
                    return self._too_many(values, indices)
                codes[i] = known[values[i]] = code
            self._widen()
        self._codes.append(codes[indices])
        return self

    def close(self) -> _State:
        meaning = self._meaning()
        if meaning is None:
            return self
        if kind.is_null(meaning.type):
            return self._without_values()
        if meaning.temporal:
            return _Dates(self._emptied(), meaning.type)
        return self._numbers(meaning).close()

    def column(self) -> Column:
        return Codes(self._codes.finish(), tuple(self._code_of_level), self._type)

    def _n_levels(self) -> int:
        return len(self._code_of_level) - (None in self._code_of_level)

    def _widen(self) -> None:
        n_codes = len(self._code_of_level)
        wanted = np.dtype(next(t for end, t in _CODES if n_codes <= end))
        if wanted != self._codes.dtype:
            self._codes.convert(wanted)

    def _too_many(self, values: _Values, indices: Array) -> _State:
        meaning = self._meaning()
        if meaning is not None and meaning.numeric:
            return self._numbers(meaning).append(values, indices)
        if meaning is not None and meaning.temporal:
            return _Dates(self._emptied(), meaning.type).append(values, indices)
        return self._refused(_TOO_MANY)

    def _meaning(self) -> Meaning | None:
        """What the levels are where text has no type of its own; None: text."""
        return meaning_of(list(self._code_of_level)) if self._reading.untyped else None

    def _numbers(self, meaning: Meaning) -> _Numbers:
        bits = Bits(self._room)
        for piece in self._codes.pieces():
            there = meaning.there[piece]
            bits.append(len(there), None if there.all() else there)
            del piece  # memory that is looked at cannot grow
        values = Narrowing.of_codes(self._codes, meaning.values)
        return _Numbers(values, bits, meaning, self._reading)

    def _without_values(self) -> _State:
        """The column where each level is a word for a missing value."""
        self._codes.convert(np.uint8, np.zeros_like)
        self._code_of_level, self._type = {None: 0}, str(pa.null())
        return self

    def _emptied(self) -> Reading:
        self._codes.free()
        return self._reading

    def _refused(self, reason: str) -> _Refused:
        self._codes.free()
        return _Refused(_identifier(reason, self._type))


class _Numbers:
    """Text that has read as numbers so far."""

    def __init__(self, values: Narrowing, bits: Bits, meaning: Meaning, reading: Reading) -> None:
        self._numbers = values
        self._bits = bits
        self._dtype = meaning.values.dtype
        self._type = meaning.type
        self._reading = reading

    def append(self, values: _Values, indices: Array) -> _State:
        used, rows = np.unique(indices, return_inverse=True)
        meaning = meaning_of([self._reading.trimmed(values[i]) for i in used])
        empty = meaning is not None and kind.is_null(meaning.type)
        if meaning is None or not (meaning.numeric or empty):  # too many levels for text
            self._numbers.free()
            self._bits.free()
            return _Refused(_identifier(_TOO_MANY, str(self._type)))
        if not empty and meaning.values.dtype != self._dtype:
            self._dtype, self._type = np.dtype(np.float64), pa.float64()
            self._numbers.accept(self._dtype)
        there = meaning.there[rows]
        self._numbers.append(meaning.values[rows].astype(self._dtype))
        self._bits.append(len(rows), None if there.all() else there)
        return self

    def close(self) -> _State:
        self._bits.close()
        return self

    def column(self) -> Column:
        return Numbers(self._numbers.finish(), self._bits.finish(), str(self._type))


class _Dates:
    """Text that has read as dates or times so far."""

    def __init__(self, reading: Reading, type_: Any) -> None:
        self._reading = reading
        self._type = type_

    def append(self, values: _Values, indices: Array) -> _State:
        meaning = meaning_of([self._reading.trimmed(values[i]) for i in np.unique(indices)])
        if meaning is not None and (meaning.temporal or kind.is_null(meaning.type)):
            return self
        return _Refused(_identifier(_TOO_MANY, str(pa.string())))

    def close(self) -> _State:
        return self

    def column(self) -> Column:
        return refused(self._type)


class _Refused:
    """A column that cannot be used, whatever follows."""

    def __init__(self, why: Unusable) -> None:
        self._why = why

    def append(self, values: _Values, indices: Array) -> _State:
        del values, indices
        return self

    def close(self) -> _State:
        return self

    def column(self) -> Column:
        return self._why


def plain(type_: Any, value: Any) -> Any:
    """A value of a dictionary as Python has it, None for NaN too.

    A float is the shortest that reads as it in its own type, and a decimal a float.
    """
    if value is None or value != value:  # noqa: PLR0124
        return None
    if kind.is_floating(type_):
        return float(str(type_.to_pandas_dtype()(value)))
    return float(value) if kind.is_decimal(type_) else value


def _agreed(orders: set[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The order in which all others are found; None where there is none."""
    longest = max(orders, key=len)
    place = {level: k for k, level in enumerate(longest)}
    for order in orders:
        places = [place.get(level, -1) for level in order]
        if -1 in places or any(one >= other for one, other in pairwise(places)):
            return None
    return longest


def _identifier(reason: str, type_: str) -> Unusable:
    hint = "what names a row says nothing about others; put its values into groups to use it"
    return Unusable(reason, hint, False, type_)
