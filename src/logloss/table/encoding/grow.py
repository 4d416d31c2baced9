"""Arrays that grow at their end, change their type as they lie, and tell nobody where they lie.

An array is bytes in a *place*: anonymous memory (here) or a scratch file (`scratch`). Memory comes
from the system by pages and grows by moving pages, not bytes (mremap): nothing is copied, and a
reserve that was never written to takes no memory.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]

_STEP = 1 << 16  # values converted at a time
_PAGE = mmap.PAGESIZE


class Place(Protocol):
    """Bytes that grow."""

    def write(self, start: int, values: Array) -> None:
        """Put bytes at a place; those before it are there already."""

    def read(self, start: int, size: int) -> NDArray[np.uint8]:
        """Bytes, to be used before the next call of a method."""

    def finish(self, size: int) -> Any:
        """The first `size` bytes as a buffer; nothing is written any more."""

    def free(self) -> None:
        """Give up everything."""


class Memory:
    """Anonymous memory."""

    def __init__(self) -> None:
        self._map: Any = None
        self._capacity = 0

    def write(self, start: int, values: Array) -> None:
        end = start + values.nbytes
        if end > self._capacity:
            self._resize(max(end, self._capacity + self._capacity // 2, _PAGE))
        there = np.frombuffer(self._map, dtype=values.dtype, count=len(values), offset=start)
        there[:] = values

    def read(self, start: int, size: int) -> NDArray[np.uint8]:
        return np.frombuffer(self._map, dtype=np.uint8, count=size, offset=start)

    def finish(self, size: int) -> Any:
        if self._map is not None:
            self._resize(size)
            self._map[size:] = bytes(self._capacity - size)  # remains of wider values
        return self._map

    def free(self) -> None:
        self._map, self._capacity = None, 0

    def _resize(self, size: int) -> None:
        size = -(-size // _PAGE) * _PAGE
        if self._map is None:
            self._map = _pages(size)
        elif size != self._capacity:
            try:
                self._map.resize(size)
            except SystemError:  # no mremap here
                larger = _pages(size)
                kept = min(size, self._capacity)
                larger[:kept] = memoryview(self._map)[:kept]
                self._map = larger
        self._capacity = size


def _pages(size: int) -> Any:
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class Growing:
    """A one-dimensional array that grows.

    Parameters
    ----------
    place : Place
        Where its bytes lie.
    dtype : dtype
    """

    def __init__(self, place: Place, dtype: DTypeLike) -> None:
        self.place = place
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return self._length * self.dtype.itemsize

    def append(self, values: Array) -> None:
        """Add values, converted to the array's type, in which they must be exact."""
        if len(values):
            self.place.write(self.nbytes, values.astype(self.dtype, copy=False))
            self._length += len(values)

    def pieces(self) -> Iterator[Array]:
        """All values, piece by piece; each to be used before the next."""
        for start in range(0, self._length, _STEP):
            yield self._piece(start, self.dtype)

    def convert(self, dtype: DTypeLike, function: Callable[[Array], Array] | None = None) -> None:
        """Give the array another type, its values converted as they lie.

        Parameters
        ----------
        dtype : dtype
        function : callable, optional
            Applied to each piece before the values take the new type.
        """
        old, self.dtype = self.dtype, np.dtype(dtype)
        starts = range(0, self._length, _STEP)
        # Wider values are written from the end, narrower ones from the start: none is overwritten
        # before it was read.
        ordered = reversed(starts) if self.dtype.itemsize > old.itemsize else iter(starts)
        for start in ordered:
            piece = self._piece(start, old)
            values = (piece if function is None else function(piece)).astype(self.dtype)
            del piece  # memory that is looked at cannot grow
            self.place.write(start * self.dtype.itemsize, values)

    def move(self, place: Place) -> None:
        """Move the bytes to another place."""
        size = 1 << 20
        for start in range(0, self.nbytes, size):
            place.write(start, self.place.read(start, min(size, self.nbytes - start)))
        self.place.free()
        self.place = place

    def finish(self) -> Array:
        """The values as an ordinary, read-only array; the growing ends."""
        if self._length == 0:
            self.place.free()
            values: Array = np.empty(0, self.dtype)
        else:
            values = np.frombuffer(self.place.finish(self.nbytes), self.dtype, self._length)
        values.flags.writeable = False
        return values

    def free(self) -> None:
        """Give up the values."""
        self.place.free()
        self._length = 0

    def _piece(self, start: int, dtype: np.dtype[Any]) -> Array:
        count = min(_STEP, self._length - start)
        return self.place.read(start * dtype.itemsize, count * dtype.itemsize).view(dtype)


class Room(Protocol):
    """Where the arrays of one table grow."""

    def array(self, dtype: DTypeLike) -> Growing:
        """Begin an array."""

    def settle(self) -> None:
        """Keep to the bound on memory; called while nobody writes."""

    def seal(self) -> None:
        """Prepare for `Growing.finish`: no array grows any more."""


class Storage(Protocol):
    """Decides where columns grow."""

    def room(self, n_columns: int) -> Room:
        """Room for a table of so many columns."""


@dataclass(frozen=True)
class InMemory:
    """Columns grow in memory."""

    def room(self, n_columns: int) -> Room:
        del n_columns
        return _MemoryRoom()


class _MemoryRoom:
    def array(self, dtype: DTypeLike) -> Growing:
        return Growing(Memory(), dtype)

    def settle(self) -> None:
        pass

    def seal(self) -> None:
        pass


class Bits:
    """Arrow's validity bitmap, grown row by row; it takes no room until the first value is missing.

    Parameters
    ----------
    room : Room
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._bytes: Growing | None = None
        self._tail = np.empty(0, np.bool_)  # rows that do not fill a byte yet
        self._n_rows = 0
        self.n_valid = 0

    def append(self, n_rows: int, valid: NDArray[np.bool_] | None) -> None:
        """Add rows; without `valid` all of them have a value."""
        n_valid = n_rows if valid is None else int(np.count_nonzero(valid))
        if self._bytes is None and n_valid < n_rows:
            self._begin()
        if self._bytes is not None:
            self._add(self._bytes, np.ones(n_rows, np.bool_) if valid is None else valid)
        self._n_rows += n_rows
        self.n_valid += n_valid

    def finish(self) -> NDArray[np.uint8] | None:
        """The bitmap; None where each row has a value."""
        return None if self._bytes is None else self._bytes.finish()

    def close(self) -> None:
        """Write the last byte: no more rows follow."""
        if self._bytes is not None:
            self._bytes.append(np.packbits(self._tail, bitorder="little"))
            self._tail = self._tail[:0]

    def free(self) -> None:
        """Give up the bitmap."""
        if self._bytes is not None:
            self._bytes.free()

    def _begin(self) -> None:
        self._bytes = self._room.array(np.uint8)
        whole, rest = divmod(self._n_rows, 8)
        for start in range(0, whole, _STEP):
            self._bytes.append(np.full(min(_STEP, whole - start), 0xFF, np.uint8))
        self._tail = np.ones(rest, np.bool_)

    def _add(self, grown: Growing, valid: NDArray[np.bool_]) -> None:
        rows = np.concatenate([self._tail, valid]) if len(self._tail) else valid
        whole = len(rows) - len(rows) % 8
        grown.append(np.packbits(rows[:whole], bitorder="little"))
        self._tail = rows[whole:].copy()
