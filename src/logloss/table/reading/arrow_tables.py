"""Arrow tables and columns, from the objects that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from logloss.errors import DataError, UsageError
from logloss.table.reading.options import Projection
from logloss.table.reading.orders import UNORDERED
from logloss.table.words import how_to_exclude, listed

# ---- objects that hold a table or a column


def table_of(source: Any, where: str, accepted: str, projection: Projection) -> Any | None:
    """The columns asked for of an object, as a pyarrow.Table, without a copy where Arrow can.

    None where only NumPy may know it.

    Raises
    ------
    DataError
        A column that Arrow cannot hold, or two of one name.
    UsageError
        Not a table; it has no such column to leave out.
    """
    if isinstance(source, pa.Table):
        return _projected(source, where, projection)
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return _from_pandas(source, where, projection)
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):
        return _projected(_from_protocol(source, where), where, projection)
    if hasattr(source, "__array__"):
        return None
    hint = "collect it first: X.collect()" if hasattr(source, "collect") else accepted
    raise UsageError(f"cannot read a table from {where}, a {_type_name(source)}", hint)


def _projected(table: Any, where: str, projection: Projection) -> Any:
    check_names(table.column_names, where)
    return table.select(projection.keep(table.column_names, where))


def _from_protocol(source: Any, where: str) -> Any:
    what = f"{where} ({_type_name(source)})"
    try:
        if not hasattr(source, "__arrow_c_stream__"):
            return pa.Table.from_batches([pa.record_batch(source)])
        reader = pa.RecordBatchReader.from_stream(source)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{what} cannot be read as a table: {first_line(error)}",
            "a single column is not a table; give a table of one column"
            + (" (frame.iloc[[0]] is one of one row)" if hasattr(source, "iloc") else ""),
        ) from error
    try:
        return reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{what} failed while it was read: {first_line(error)}") from error


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


def _from_pandas(frame: Any, where: str, projection: Projection) -> Any:
    label_of = {str(label): label for label in frame.columns}
    check_names([str(label) for label in frame.columns], where)
    labels = [label_of[name] for name in projection.keep(list(label_of), where)]
    frame = _readable(frame, labels)
    try:  # on this thread: Arrow's pool takes a lock that a fit in a signal handler may wait for
        return pa.Table.from_pandas(frame, preserve_index=False, columns=labels, nthreads=1)
    except (pa.ArrowException, TypeError) as error:
        refused = [label for label in labels if _refused(frame, label)]
        problems = [f"{str(name)!r} has the type {frame[name].dtype}" for name in refused]
        raise DataError(
            f"{where} has columns that cannot be read: {listed(problems)}",
            f"{_remedy(frame, refused)}; or " + how_to_exclude(list(map(str, refused))),
        ) from error


def _readable(frame: Any, labels: Sequence[Any]) -> Any:
    """The frame with intervals by what pandas prints for them, such as (0, 10].

    Arrow would make records of them.
    """
    changed = {label: _readable_column(frame[label]) for label in labels}
    changed = {label: column for label, column in changed.items() if column is not None}
    if not changed:
        return frame
    frame = frame.copy(deep=False)
    for label, column in changed.items():
        frame[label] = column
    return frame


def _readable_column(column: Any) -> Any | None:
    """A pandas column that Arrow reads as it is meant; None where the column is one."""
    categories = getattr(column.dtype, "categories", None)
    if categories is not None and hasattr(categories.dtype, "subtype"):  # intervals
        return column.cat.rename_categories([str(value) for value in categories])
    return None


def _remedy(frame: Any, refused: Sequence[Any]) -> str:
    sparse = all(hasattr(frame[label].dtype, "fill_value") for label in refused)
    dense = "make them dense by frame[column].sparse.to_dense()"
    return dense if sparse else "give each of them one type"


def _refused(frame: Any, name: Any) -> bool:
    try:
        pa.Array.from_pandas(frame[name])
    except (pa.ArrowException, TypeError):
        return True
    return False


def table_of_column(values: Any, where: str) -> Any:
    """A pandas, polars or Arrow column as a table of one column, named `where`.

    Raises
    ------
    DataError
        Arrow cannot hold it.
    """
    if hasattr(values, "cat") and hasattr(values, "iloc"):
        readable = _readable_column(values)
        values = values if readable is None else readable
    try:
        if hasattr(values, "__arrow_c_stream__"):
            column = pa.chunked_array(values)
        else:
            column = pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, TypeError) as error:
        raise DataError(
            f"{where} ({_type_name(values)}) cannot be read as a column: {first_line(error)}"
        ) from error
    marks = {UNORDERED: b""} if _as_they_came(values) else None
    return pa.table([column], pa.schema([pa.field(where, column.type, metadata=marks)]))


_AS_THEY_CAME = frozenset((("polars", "Categorical"),))


def _as_they_came(values: Any) -> bool:
    """Whether it is a Categorical of polars: a series has no field to be marked."""
    type_ = type(getattr(values, "dtype", None))
    return (type_.__module__.partition(".")[0], type_.__name__) in _AS_THEY_CAME


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
