"""Arrow tables and columns: from the objects that hold them, to the arrays that the kernels read.

A column of numbers becomes one contiguous array. Where its type is one that the kernels know (int8
to int64, uint8, float32, float64) and it lies in one chunk, the array is Arrow's own buffer; other
types are widened, many chunks joined, both one column at a time.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as kind

from logloss.errors import DataError, UsageError
from logloss.table.source import Source
from logloss.table.target import Labels

_SHOWN = 10  # columns listed in a message

_READ_AS: dict[Any, type[np.generic]] = {
    pa.bool_(): np.uint8,
    pa.int8(): np.int8,
    pa.int16(): np.int16,
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.uint8(): np.uint8,
    pa.uint16(): np.int32,
    pa.uint32(): np.int64,
    pa.uint64(): np.float64,
    pa.float16(): np.float32,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}

_TEXT: tuple[Callable[[Any], bool], ...] = (
    kind.is_string,
    kind.is_large_string,
    kind.is_string_view,
    kind.is_dictionary,
)
_BYTES = (kind.is_binary, kind.is_large_binary, kind.is_binary_view, kind.is_fixed_size_binary)


# ---- objects that hold a table or a column


def table_of(source: Any, where: str, accepted: str) -> Any | None:
    """The object as a pyarrow.Table, without a copy where Arrow can.

    None where only NumPy may know it.

    Raises
    ------
    DataError
        A column that Arrow cannot hold.
    UsageError
        Not a table.
    """
    if isinstance(source, pa.Table):
        return source
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return _from_pandas(source, where)
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):
        return _from_protocol(source, where)
    if hasattr(source, "__array__"):
        return None
    hint = "collect it first: X.collect()" if hasattr(source, "collect") else accepted
    raise UsageError(f"cannot read a table from {where}, a {_type_name(source)}", hint)


def _from_protocol(source: Any, where: str) -> Any:
    what = f"{where} ({_type_name(source)})"
    try:
        if not hasattr(source, "__arrow_c_stream__"):
            return pa.Table.from_batches([pa.record_batch(source)])
        reader = pa.RecordBatchReader.from_stream(source)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{what} cannot be read as a table: {first_line(error)}",
            "a single column is not a table; give a table of one column",
        ) from error
    try:
        return reader.read_all()
    except pa.ArrowInvalid as error:
        raise DataError(f"{what} failed while it was read: {first_line(error)}") from error


def source_of(table: Any, where: str, place: Callable[[int], str] = "row {}".format) -> Source:
    """A checked Source over a table.

    Raises
    ------
    DataError
        Two columns of one name, no rows, no columns.
    """
    names = tuple(table.column_names)
    check_names(names, where)
    if table.num_rows == 0:
        raise DataError(f"{where} has column names but no rows" if names else f"{where} is empty")
    return Source(names, where, None, table, table.num_rows, at=place)


def check_names(names: Sequence[str], where: str) -> None:
    """Raise DataError where two columns have one name."""
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        first = seen.setdefault(name, position)
        if first != position:
            no_header = all(map(is_number, names))
            raise DataError(
                f"{where} has two columns named {name!r}: columns {first + 1} and {position + 1}",
                "the first line looks like data; put a line of column names before it"
                if no_header
                else "rename one of them",
            )


def _from_pandas(frame: Any, where: str) -> Any:
    check_names([str(name) for name in frame.columns], where)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError) as error:
        refused = [name for name in frame.columns if _refused(frame, name)]
        problems = [f"{str(name)!r} has the type {frame[name].dtype}" for name in refused]
        raise _not_numbers(where, problems, list(map(str, refused))) from error


def _refused(frame: Any, name: Any) -> bool:
    try:
        pa.Array.from_pandas(frame[name])
    except (pa.ArrowException, TypeError):
        return True
    return False


def column_of(values: Any, where: str) -> Any:
    """A pandas, polars or Arrow column as a pyarrow.ChunkedArray."""
    try:
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values)
        return pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, TypeError) as error:
        raise DataError(
            f"{where} ({_type_name(values)}) cannot be read as a column: {first_line(error)}"
        ) from error


# ---- features


def check_numbers(source: Source, names: Sequence[str]) -> None:
    """Raise DataError that names all columns that are not numbers, and how to leave them out."""
    columns = [(name, source.table.column(name)) for name in names]
    bad = [(name, column) for name, column in columns if _array_type(column.type) is None]
    if bad:
        problems = [f"{name!r} is {_what(column, source.place)}" for name, column in bad[:_SHOWN]]
        raise _not_numbers(source.where, problems, [name for name, _ in bad])


def number_columns(source: Source, names: Sequence[str]) -> tuple[npt.NDArray[Any], ...]:
    """These columns as contiguous arrays of types that the kernels know.

    Raises
    ------
    DataError
        Columns that are not numbers; missing values: which columns, how many, the first row.
    """
    check_numbers(source, names)
    columns = [(name, source.table.column(name)) for name in names]
    holes = [(name, column) for name, column in columns if column.null_count]
    if holes:
        raise _missing_in(holes, source)
    return tuple(_to_array(column) for _, column in columns)


def type_name(source: Source, name: str) -> str:
    """Arrow's name for the type of a column."""
    return str(source.table.column(name).type)


def _array_type(type_: Any) -> type[np.generic] | None:
    return np.float64 if kind.is_decimal(type_) else _READ_AS.get(type_)


def _to_array(column: Any) -> npt.NDArray[Any]:
    if column.num_chunks == 1:
        return _chunk_to_array(column.chunk(0))
    whole = np.empty(len(column), dtype=_array_type(column.type))
    start = 0
    for chunk in column.chunks:
        whole[start : start + len(chunk)] = _chunk_to_array(chunk)
        start += len(chunk)
    return whole


def _chunk_to_array(chunk: Any) -> npt.NDArray[Any]:
    wanted = _array_type(chunk.type)
    if kind.is_decimal(chunk.type):
        chunk = chunk.cast(pa.float64(), safe=False)
    array: npt.NDArray[Any] = chunk.to_numpy(
        zero_copy_only=False
    )  # copies bits (bools) only: there are no nulls
    return array.view(np.uint8) if array.dtype == np.bool_ else array.astype(wanted, copy=False)


# ---- a column of labels or weights


def values_of(
    column: Any, where: str, place: Callable[[int], str] = "row {}".format
) -> npt.NDArray[Any] | Labels:
    """A column as an array of numbers or bools, or as labels.

    Raises
    ------
    DataError
        Values are missing, or are neither numbers nor text.
    """
    if kind.is_null(column.type) or column.null_count:
        raise DataError(
            f"{where} has a missing value in {place(_first_null(column))}"
            f" ({column.null_count} of {len(column)} are missing)",
            "leave out the rows without a value",
        )
    if kind.is_boolean(column.type):
        return np.asarray(column.to_numpy(), dtype=np.bool_)
    if _array_type(column.type) is not None:
        return _to_array(column)
    if any(is_text(column.type) for is_text in _TEXT):
        return _to_labels(column)
    raise DataError(f"{where} holds {_word(column.type)}, where numbers or text are needed")


def _to_labels(column: Any) -> Labels:
    if kind.is_string_view(column.type):
        column = column.cast(pa.large_string())
    if not kind.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks])
    levels = column.chunk(0).dictionary
    used = np.flatnonzero(np.bincount(codes, minlength=len(levels)))
    if len(used) < len(levels):  # a dictionary may hold levels that no row has
        codes = np.searchsorted(used, codes)
    return Labels(tuple(levels[int(code)].as_py() for code in used), codes)


# ---- words


def first_line(error: BaseException) -> str:
    """The first line of a library's message, cut to a readable length."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:160]


def is_number(text: str) -> bool:
    """Whether the text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # 1_000 is a number in Python only


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _word(type_: Any) -> str:
    if any(is_text(type_) for is_text in _TEXT):
        return "text"
    if any(is_bytes(type_) for is_bytes in _BYTES):
        return "bytes, or text that is not UTF-8"
    if kind.is_temporal(type_):
        return f"dates or times ({type_})"
    if kind.is_nested(type_):
        return f"nested values ({type_})"
    return f"values of the type {type_}"


def _what(column: Any, place: Callable[[int], str]) -> str:
    """A column that is not numbers, in words; of text, the first value that is none."""
    if kind.is_null(column.type):
        return "empty in all rows"
    if not any(is_text(column.type) for is_text in _TEXT):
        return _word(column.type)
    row = 0
    for chunk in column.chunks:
        for value in chunk.to_pylist():
            if value is not None and not is_number(str(value)):
                return f"text ({_short(value)} in {place(row)})"
            row += 1
    return "text, though each value reads as a number"


def _short(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _first_null(column: Any) -> int:
    row = 0
    for chunk in column.chunks:
        if chunk.null_count:
            return row + int(np.argmax(chunk.is_null().to_numpy(zero_copy_only=False)))
        row += len(chunk)
    return 0


def _missing_in(holes: list[tuple[str, Any]], source: Source) -> DataError:
    listed = [
        f"{name!r} ({column.null_count} of {len(column)},"
        f" the first in {source.place(_first_null(column))})"
        for name, column in holes[:_SHOWN]
    ]
    return DataError(
        f"{source.where} has missing values in {_and_more(listed, len(holes))}",
        "fill them, leave out these rows, or the columns: leave "
        + _how_to_exclude([name for name, _ in holes]),
    )


def _not_numbers(where: str, problems: list[str], names: list[str]) -> DataError:
    return DataError(
        f"{where}: only columns of numbers or bools can be fitted, but"
        f" {_and_more(problems, len(names))}",
        f"leave {_how_to_exclude(names)}",
    )


def _and_more(listed: list[str], total: int) -> str:
    listed = listed[:_SHOWN]
    more = f", and {total - len(listed)} more" if total > len(listed) else ""
    return ", ".join(listed) + more


def _how_to_exclude(names: list[str]) -> str:
    them = "it" if len(names) == 1 else "them"
    options = " ".join(f"--exclude {shlex.quote(name)}" for name in names)
    in_python = f"{names!r}" if len(names) <= _SHOWN else "[…]"
    return f"{them} out with {options} (in Python exclude={in_python})"
