"""Numbers in the narrowest type that holds all of them exactly.

A column of a stream starts in a byte and is widened, as it lies, when a value does not fit. The
final type depends on the values alone, not on how they were cut into batches: it is the first that
fits in the row of its source,

    bool, uint8, int8      as they are: a byte
    int16                  uint8, int8, int16
    int32, uint16          uint8, int8, int16, int32
    int64, uint32          uint8, int8, int16, int32, float64 (up to 2**53), int64
    float32, float16       uint8, int8, int16, float32
    float64, uint64, decimal   uint8, int8, int16, int32, float64 (rounds a uint64 beyond 2**53)

where a float source fits an integer type if all its values are whole and in its range. Once a
column has the type at the end of its row, nothing is checked any more. NaN is a missing value;
infinities stay; -0.0 is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as kind
from numpy.typing import NDArray

from logloss.table.columns.typed import Numbers
from logloss.table.encoding.grow import Array, Bits, Growing, Room
from logloss.table.encoding.kinds import number_type

_EXACT = 2.0**53  # float64 holds all integers up to here
_BYTE, _SIGNED, _SHORT, _INT = map(np.dtype, (np.uint8, np.int8, np.int16, np.int32))
_FLOAT, _DOUBLE, _LONG = map(np.dtype, (np.float32, np.float64, np.int64))
_LADDERS: dict[np.dtype[Any], tuple[np.dtype[Any], ...]] = {
    _BYTE: (_BYTE,),
    _SIGNED: (_SIGNED,),
    _SHORT: (_BYTE, _SIGNED, _SHORT),
    _INT: (_BYTE, _SIGNED, _SHORT, _INT),
    _LONG: (_BYTE, _SIGNED, _SHORT, _INT, _DOUBLE, _LONG),
    _FLOAT: (_BYTE, _SIGNED, _SHORT, _FLOAT),
    _DOUBLE: (_BYTE, _SIGNED, _SHORT, _INT, _DOUBLE),
}
_INT_LOW, _INT_HIGH = np.iinfo(np.int32).min, np.iinfo(np.int32).max
_FIRST = 64  # values looked at before all of them: most columns of fractions show at once


class Narrowing:
    """An array of numbers that grows in the narrowest type so far.

    Parameters
    ----------
    grown : Growing
        Taken over.
    widest : dtype
        Of the source; one that the kernels read.
    """

    def __init__(self, grown: Growing, widest: np.dtype[Any]) -> None:
        self._widest = widest
        self._grown = grown
        self._low = self._high = 0.0
        self._whole = True

    @classmethod
    def begin(cls, room: Room, widest: np.dtype[Any]) -> Narrowing:
        """An empty array."""
        return cls(room.array(_LADDERS[widest][0]), widest)

    @classmethod
    def of_codes(cls, codes: Growing, values: Array) -> Narrowing:
        """The array that holds values[code] for each code; each value has a row.

        Takes `codes` over.
        """
        numbers = cls(codes, values.dtype)
        numbers._look(values)
        codes.convert(numbers._narrowest(), values.__getitem__)
        return numbers

    def append(self, values: Array) -> None:
        """Add finite or infinite numbers; those that are missing are 0."""
        if self._grown.dtype != self._widest and len(values):
            self._look(values)
            self._widen()
        # -0.0 becomes 0.0, as it does on the way through an integer
        self._grown.append(values + values.dtype.type(0) if values.dtype.kind == "f" else values)

    def accept(self, widest: np.dtype[Any]) -> None:
        """Let wider values follow; `widest` is never narrower than what the column came from."""
        if widest == self._widest:
            return
        self._widest = widest
        for piece in self._grown.pieces():  # at its widest type nothing was looked at
            self._look(piece)
            del piece  # memory that is looked at cannot grow
        self._widen()

    def finish(self) -> Array:
        """The values."""
        return self._grown.finish()

    def free(self) -> None:
        """Give up the values."""
        self._grown.free()

    def _look(self, values: Array) -> None:
        low, high = values.min().item(), values.max().item()
        self._low, self._high = min(self._low, low), max(self._high, high)
        if self._whole and values.dtype.kind == "f":
            self._whole = low >= _INT_LOW and high <= _INT_HIGH and _are_whole(values)

    def _widen(self) -> None:
        dtype = self._narrowest()
        if dtype != self._grown.dtype:
            self._grown.convert(dtype)

    def _narrowest(self) -> np.dtype[Any]:
        return next(filter(self._fits, _LADDERS[self._widest]), self._widest)

    def _fits(self, dtype: np.dtype[Any]) -> bool:
        if dtype.kind == "f":
            return self._widest.kind == "f" or (self._low >= -_EXACT and self._high <= _EXACT)
        limits = np.iinfo(dtype)
        return self._whole and limits.min <= self._low and self._high <= limits.max


def _are_whole(values: Array) -> bool:
    return _equal_int(values[:_FIRST]) and _equal_int(values)


def _equal_int(values: Array) -> bool:
    return bool((values.astype(np.int32) == values).all())


class NumberColumn:
    """A column of numbers, batch by batch.

    Parameters
    ----------
    room : Room
    type_ : pyarrow.DataType
        Of the first batch; others may follow that are numbers too.
    """

    def __init__(self, room: Room, type_: Any) -> None:
        self._type = type_
        self._widest = _number_type(type_)
        self._values = Narrowing.begin(room, self._widest)
        self._bits = Bits(room)

    def accepts(self, type_: Any) -> bool:
        """Whether a batch of this type can follow."""
        return number_type(type_) is not None

    def append(self, chunk: Any) -> None:
        """Add a pyarrow.Array."""
        if chunk.type != self._type:
            self._change(chunk.type)
        values, valid = numbers_of(chunk)
        self._values.append(values)
        self._bits.append(len(values), valid)

    def append_missing(self, n_rows: int) -> None:
        """Add rows without a value."""
        self._values.append(np.zeros(n_rows, np.uint8))
        self._bits.append(n_rows, np.zeros(n_rows, np.bool_))

    def close(self) -> None:
        """No more batches follow."""
        self._bits.close()

    def column(self) -> Numbers:
        """The finished column; the room is sealed."""
        return Numbers(self._values.finish(), self._bits.finish(), str(self._type))

    def _change(self, type_: Any) -> None:
        widest = np.promote_types(self._widest, _number_type(type_))
        self._values.accept(widest)
        if widest != self._widest:
            self._type, self._widest = type_, widest


def _number_type(type_: Any) -> np.dtype[Any]:
    dtype = number_type(type_)
    assert dtype is not None
    return dtype


def numbers_of(chunk: Any) -> tuple[Array, NDArray[np.bool_] | None]:
    """The numbers of an Arrow array, with 0 where they are missing, and which are not missing.

    A view of Arrow's memory where nothing is missing and the type is one of NumPy's. The second is
    None where no number is missing. NaN is missing.
    """
    values = chunk_values(chunk)
    valid = None
    if chunk.null_count:
        valid = np.asarray(chunk.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        values = np.where(valid, values, values.dtype.type(0))
    if values.dtype.kind == "f" and len(values) and np.isnan(values.min()):
        there = ~np.isnan(values)
        valid = there if valid is None else valid & there
        values = np.where(there, values, values.dtype.type(0))
    return values, valid


def chunk_values(chunk: Any) -> Array:
    """The values of an Arrow array of numbers; a bool is a byte, a decimal a float."""
    if kind.is_boolean(chunk.type):
        chunk = chunk.cast(pa.uint8())
    elif kind.is_decimal(chunk.type):
        chunk = chunk.cast(pa.float64(), safe=False)
    return values_in_place(chunk)


def values_in_place(chunk: Any) -> Array:
    """The values of an Arrow array of numbers as they lie, whatever stands where one is missing."""
    dtype = np.dtype(chunk.type.to_pandas_dtype())
    data = chunk.buffers()[1]
    if data is None or len(chunk) == 0:
        return np.zeros(len(chunk), dtype)
    return np.frombuffer(data, dtype, len(chunk), chunk.offset * dtype.itemsize)
