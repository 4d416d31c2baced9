"""Columns as they lie in a spool: to Arrow arrays and checksums, and back."""

from __future__ import annotations

import json
import mmap
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from logloss.table.columns.levels import spelled
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable
from logloss.table.encoding.grow import Array, Bits
from logloss.table.encoding.narrow import values_in_place
from logloss.table.encoding.scratch import Spilling

_ALIGN = 64
_STEP = 1 << 20
_BITMAPS_IN_MEMORY = 1 << 24  # bytes
_MOST_TEXT = 1 << 30  # bytes of levels in an Arrow string array
_VALUE_TYPES = frozenset(("uint8", "int8", "int16", "int32", "int64", "float32", "float64"))
_CODE_TYPES = frozenset(("uint8", "uint16", "int32"))


@dataclass(frozen=True)
class Packed:
    """A column as it is written.

    Attributes
    ----------
    record : dict
        For the header.
    array : pyarrow.Array or None
        None for a column that cannot be used.
    buffers : list of pyarrow.Buffer or None
    """

    record: dict[str, Any]
    array: Any = None
    buffers: list[Any] = field(default_factory=list)


def pack(column: Column) -> Packed:
    """A column as it is written."""
    packed = _packed(column)
    packed.record["remarks"] = list(column.remarks)
    return packed


def _packed(column: Column) -> Packed:
    if isinstance(column, Numbers):
        return _pack_numbers(column)
    if isinstance(column, Codes):
        return _pack_codes(column)
    return Packed({"kind": "unusable", **vars(column)})


def check(column: Column, record: dict[str, Any]) -> bool:
    """Whether the checksums are those of the data, and each code has a level."""
    if isinstance(column, Numbers):
        sound = _checksum(column.values) == record["values"]
        return sound and (column.valid is None or _checksum(column.valid) == record["valid"])
    if isinstance(column, Codes):
        return (
            _checksum(column.codes) == record["codes"]
            and _checksum_of_levels(column.levels) == record["levels"]
            and (not len(column.codes) or _in_range(column))
        )
    return True


def _in_range(column: Codes) -> bool:
    return bool(column.codes.min() >= 0 and column.codes.max() < len(column.levels))


# ---- out


def _pack_numbers(column: Numbers) -> Packed:
    record = {
        "kind": "numbers",
        "type": column.type,
        "values": _checksum(column.values),
        "valid": None if column.valid is None else _checksum(column.valid),
    }
    buffers = [None if column.valid is None else _buffer(column.valid), _buffer(column.values)]
    return Packed(record, _array(column.values, buffers), buffers)


def _pack_codes(column: Codes) -> Packed:
    missing = column.levels.index(None) if None in column.levels else None
    record = {
        "kind": "codes",
        "type": column.type,
        "codes": _checksum(column.codes),
        "levels": _checksum_of_levels(column.levels),
        "missing": missing,
        "declared": _plain(column.declared),
    }
    valid = None if missing is None else _bitmap(column.codes, missing)
    buffers = [None if valid is None else _buffer(valid), _buffer(column.codes)]
    texts = [level or "" for level in column.levels]
    small = sum(map(len, texts)) * 4 < _MOST_TEXT
    dictionary = pa.array(texts, pa.string() if small else pa.large_string())
    codes = _array(column.codes, buffers)
    array = pa.DictionaryArray.from_arrays(codes, dictionary, safe=False)
    return Packed(record, array, buffers)


def _plain(declared: tuple[Any, ...] | None) -> list[Any] | None:
    """What a table declares, as JSON: dates as text."""
    if declared is None:
        return None
    return [value if isinstance(value, str | int | float) else spelled(value) for value in declared]


def _bitmap(codes: Array, missing: int) -> NDArray[np.uint8] | None:
    room = Spilling(_BITMAPS_IN_MEMORY).room(1)
    bits = Bits(room)
    for start in range(0, len(codes), _STEP):
        piece = codes[start : start + _STEP]
        bits.append(len(piece), piece != missing)
        room.settle()
    bits.close()
    room.seal()
    return bits.finish()


def _array(values: Array, buffers: list[Any]) -> Any:
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def _buffer(values: Array) -> Any:
    """An Arrow buffer of a multiple of 64 bytes, which Arrow writes as it is.

    What was mapped by pages may be read up to the end of its page; what else lies in memory is
    copied, unless its length is right.
    """
    size = -(-values.nbytes // _ALIGN) * _ALIGN
    within_page = values.ctypes.data % _ALIGN == 0 and _is_mapped(values)
    if size != values.nbytes and not within_page:
        padded = np.zeros(size, np.uint8)
        padded[: values.nbytes] = values.view(np.uint8)
        values = padded
    if size == 0:
        return pa.py_buffer(b"")
    return pa.foreign_buffer(values.ctypes.data, size, base=values)


def _is_mapped(values: Any) -> bool:
    while not isinstance(values, mmap.mmap):
        if isinstance(values, np.ndarray):
            values = values.base
        elif isinstance(values, memoryview):
            values = values.obj
        else:
            return False
    return True


def _checksum(values: Array) -> int:
    return zlib.crc32(values.view(np.uint8).data) if len(values) else 0


def _checksum_of_levels(levels: tuple[str | None, ...]) -> int:
    return zlib.crc32(json.dumps(levels).encode())


# ---- and back


def _read_numbers(record: dict[str, Any], arrays: Iterator[Any], n_rows: int) -> Column:
    array = next(arrays)
    values, valid = _parts(array, n_rows)
    if values.dtype.name not in _VALUE_TYPES or (valid is None) != (record["valid"] is None):
        raise ValueError(f"column {record['name']!r} has another type than it had")
    return Numbers(values, valid, str(record["type"]), _remarks(record))


def _read_codes(record: dict[str, Any], arrays: Iterator[Any], n_rows: int) -> Column:
    array = next(arrays)
    codes, _ = _parts(array.indices, n_rows)
    if codes.dtype.name not in _CODE_TYPES:
        raise ValueError(f"column {record['name']!r} has another type than it had")
    array.dictionary.validate(full=True)  # damaged offsets lead out of the file
    levels: list[str | None] = array.dictionary.to_pylist()
    if record["missing"] is not None:
        levels[record["missing"]] = None
    declared = record.get("declared")
    declared = declared and tuple(declared)
    return Codes(codes, tuple(levels), str(record["type"]), declared, _remarks(record))


def _parts(array: Any, n_rows: int) -> tuple[Array, NDArray[np.uint8] | None]:
    values = values_in_place(array)
    bitmap = array.buffers()[0]
    if bitmap is None:
        return values, None
    return values, np.frombuffer(bitmap, np.uint8, -(-n_rows // 8))


def _read_unusable(record: dict[str, Any], arrays: Iterator[Any], n_rows: int) -> Column:
    del arrays, n_rows
    reason, hint, type_ = str(record["reason"]), str(record["hint"]), str(record["type"])
    return Unusable(reason, hint, bool(record["fatal"]), type_, _remarks(record))


def _remarks(record: dict[str, Any]) -> tuple[str, ...]:
    return tuple(record["remarks"] or ())  # earlier versions wrote none


_Reader: TypeAlias = Callable[[dict[str, Any], Iterator[Any], int], Column]
READERS: dict[str, _Reader] = {
    "numbers": _read_numbers,
    "codes": _read_codes,
    "unusable": _read_unusable,
}
