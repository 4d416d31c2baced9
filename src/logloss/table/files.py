"""CSV and Parquet files, folders and globs of them → Source.

CSV is parsed by pyarrow on all cores while it is being decompressed. A file that fails is read a
second time with care, on one thread: that finds the row, and reads what a fast parse cannot (line
breaks inside quotes, rows longer than a block).
"""

from __future__ import annotations

import contextlib
import csv
import glob
import gzip
import io
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from logloss.errors import DataError, UsageError, nearest
from logloss.table.arrow import check_names, first_line, is_number, source_of
from logloss.table.source import Source, unknown_column

_BLOCK = 1 << 20  # bytes parsed at a time: small enough to overlap decompressing with parsing
_CAREFUL_BLOCK = 1 << 28
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
# pyarrow's words; its invalid_row_handler would give the same, but fails on text that is not UTF-8
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+): ?(.*)", re.DOTALL)
_KNOWN = "files end in .csv, .csv.gz, .tsv, .tsv.gz or .parquet"


@dataclass(frozen=True)
class _Projection:
    """Which columns to read: `columns` where they are there (None: all), without `exclude`."""

    columns: frozenset[str] | None
    exclude: tuple[str, ...]

    def keep(self, names: Sequence[str], where: str) -> list[str]:
        for name in self.exclude:
            if name not in names:
                raise unknown_column(name, names, where)
        left = [name for name in names if name not in self.exclude]
        if not left:
            raise DataError(f"{where}: all columns are excluded")
        if self.columns is None:
            return left
        return [
            name for name in left if name in self.columns
        ] or left  # a table has at least one column


def read_files(
    path: str, *, columns: Collection[str] | None = None, exclude: Collection[str] = ()
) -> Source:
    """Read a file, all files of a folder, or all that match a glob, as one table.

    Raises
    ------
    DataError
        A file is empty, damaged, ragged or not readable; files that differ in their columns.
    UsageError
        No such file, or not one that can be read; an unknown column in `exclude`.
    """
    projection = _Projection(None if columns is None else frozenset(columns), tuple(exclude))
    paths = _expand(path)
    if len(paths) == 1:
        file = paths[0]
        return source_of(_joined_chunks(_reader(file)(file, projection)), file.name)
    tables = [_reader(file)(file, projection) for file in paths]
    parts = tuple((file.name, table.num_rows) for file, table in zip(paths, tables, strict=True))
    whole = _joined_chunks(_stacked(tables, [file.name for file in paths]))
    return source_of(whole, f"{path} ({len(paths)} files)", parts)


# ---- which files


def _expand(path: str) -> list[Path]:
    file = Path(path).expanduser()
    with _plain_errors(path):
        if file.is_dir():
            found = sorted(
                f for f in file.iterdir() if not f.name.startswith((".", "_")) and _suffix(f)
            )
            if not found:
                raise DataError(f"the folder {path} holds no table", _KNOWN)
            return found
        if file.exists():
            return [file]
        found = sorted(map(Path, glob.glob(str(file), recursive=True)))  # noqa: PTH207 (absolute too)
    if not found:
        raise _not_found(path, file)
    return found


def _not_found(path: str, file: Path) -> UsageError:
    if glob.has_magic(path):
        return UsageError(f"no file matches {path}", _KNOWN)
    try:
        stems = {f.name.split(".")[0]: f.name for f in file.parent.iterdir() if _suffix(f)}
    except OSError:
        return UsageError(f"{path} does not exist: there is no folder {file.parent}")
    near = nearest(file.name.split(".")[0], stems)
    return UsageError(f"{path} does not exist", f"did you mean {stems[near]!r}?" if near else None)


def _suffix(file: Path) -> str | None:
    name = file.name.casefold()
    return next((suffix for suffix in _READERS if name.endswith(suffix)), None)


def _reader(file: Path) -> Callable[[Path, _Projection], Any]:
    suffix = _suffix(file)
    if suffix is None:
        raise UsageError(f"{file.name}: no reader for this kind of file", _KNOWN)
    return _READERS[suffix]


# ---- CSV


def _read_comma(file: Path, projection: _Projection) -> Any:
    return _read_csv(file, projection, ",")


def _read_tab(file: Path, projection: _Projection) -> Any:
    return _read_csv(file, projection, "\t")


def _read_csv(file: Path, projection: _Projection, delimiter: str) -> Any:
    with _plain_errors(file.name):
        compression = _compression(file)
        header = _header(file, compression, delimiter)
        _check_delimiter(header, file.name, delimiter)
        check_names(header, file.name)
        wanted = projection.keep(header, file.name)
        convert = pa.csv.ConvertOptions(
            include_columns=wanted if len(wanted) < len(header) else None, strings_can_be_null=True
        )
        try:
            with pa.input_stream(str(file), compression=compression) as stream:
                return pa.csv.read_csv(
                    stream,
                    read_options=pa.csv.ReadOptions(block_size=_BLOCK),
                    parse_options=pa.csv.ParseOptions(delimiter=delimiter),
                    convert_options=convert,
                )
        except pa.ArrowInvalid:
            return _read_carefully(file, compression, delimiter, convert)


def _compression(file: Path) -> str | None:
    with file.open("rb") as stream:
        magic = stream.read(4)
    if magic == _PARQUET_MAGIC:
        raise DataError(f"{file.name} is a Parquet file by its first bytes", "name it .parquet")
    if magic.startswith(_GZIP_MAGIC):
        return "gzip"
    if file.name.casefold().endswith(".gz") and magic:
        raise DataError(
            f"{file.name} is not compressed by gzip: its first bytes differ",
            "if it is plain text, name it without .gz",
        )
    return None


def _header(file: Path, compression: str | None, delimiter: str) -> list[str]:
    """The column names; there is a line below them."""
    with contextlib.ExitStack() as stack:
        raw: Any = stack.enter_context((gzip.open if compression else open)(file, "rb"))
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        rows = (row for row in csv.reader(stack.enter_context(text), delimiter=delimiter) if row)
        header = next(rows, None)
        if header is None:
            raise DataError(f"{file.name} is empty")
        if any("\udc80" <= letter <= "\udcff" for name in header for letter in name):
            raise DataError(f"{file.name}, header: not UTF-8 text", "save it as UTF-8")
        if next(rows, None) is None:
            raise DataError(f"{file.name} has a header but no rows", _if_data(header))
    return header


def _check_delimiter(header: list[str], where: str, delimiter: str) -> None:
    others = [mark for mark in ";\t|," if mark != delimiter and mark in header[0]]
    if len(header) == 1 and others:
        raise DataError(
            f"{where} is read with {delimiter!r} between values, but its header holds {others[0]!r}"
            " instead",
            "save it with commas as .csv, or with tabs as .tsv",
        )


def _if_data(header: list[str]) -> str | None:
    looks_like_data = any(map(is_number, header))
    return "put a line of column names before the data" if looks_like_data else None


def _read_carefully(file: Path, compression: str | None, delimiter: str, convert: Any) -> Any:
    """Read once more, on one thread, to learn which row is wrong; or to find that none is."""
    try:
        with pa.input_stream(str(file), compression=compression) as stream:
            return pa.csv.read_csv(
                stream,
                read_options=pa.csv.ReadOptions(block_size=_CAREFUL_BLOCK, use_threads=False),
                parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=convert,
            )
    except pa.ArrowInvalid as error:
        ragged = _RAGGED.search(str(error))
        if ragged is None:
            raise DataError(
                f"{file.name} cannot be read as CSV: {first_line(error)}",
                "look for a quote that is not closed",
            ) from error
        raise _ragged(file, ragged) from error


def _ragged(file: Path, found: re.Match[str]) -> DataError:
    number, expected, actual, text = found.groups()
    start = text if len(text) <= 60 else text[:57] + "…"
    # pyarrow counts the header as row 1; here the row below it is row 0, as in a data frame
    return DataError(
        f"{file.name}, row {int(number) - 2} has {_fields(int(actual))},"
        f" the header has {expected}: {start!r}",
        "rows count from 0 below the header; look for a delimiter in a value without quotes",
    )


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


# ---- Parquet


def _read_parquet(file: Path, projection: _Projection) -> Any:
    with _plain_errors(file.name):
        with file.open("rb") as stream:
            magic = stream.read(4)
        if not magic:
            raise DataError(f"{file.name} is empty")
        if magic != _PARQUET_MAGIC:
            raise DataError(f"{file.name} is not a Parquet file: its first bytes differ")
        try:
            with pa.parquet.ParquetFile(file) as parquet:
                names = parquet.schema_arrow.names
                check_names(names, file.name)
                wanted = projection.keep(names, file.name)
                return parquet.read(columns=wanted).select(wanted)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(
                f"{file.name} is damaged or cut short: {first_line(error)}",
                "write or copy it again",
            ) from error


_READERS: dict[str, Callable[[Path, _Projection], Any]] = {
    ".csv": _read_comma,
    ".csv.gz": _read_comma,
    ".tsv": _read_tab,
    ".tsv.gz": _read_tab,
    ".parquet": _read_parquet,
}


# ---- many files, many chunks


def _stacked(tables: list[Any], names: list[str]) -> Any:
    first = tables[0]
    for table, name in zip(tables, names, strict=True):
        for one, other, has, lacks in (
            (first, table, names[0], name),
            (table, first, name, names[0]),
        ):
            absent = [c for c in one.column_names if c not in set(other.column_names)]
            if absent:
                listed = ", ".join(map(repr, absent[:10]))
                raise DataError(f"{lacks} lacks columns that {has} has: {listed}")
    tables[:] = [table.select(first.column_names) for table in tables]
    try:
        whole = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise _types_differ(tables, names) from error
    tables.clear()  # the caller's list too, so that chunks can go one by one while they are joined
    return whole


def _types_differ(tables: list[Any], names: list[str]) -> DataError:
    for table, name in zip(tables, names, strict=True):
        for one, other in zip(tables[0].schema, table.schema, strict=True):
            try:
                pa.unify_schemas(
                    [pa.schema([one]), pa.schema([other])], promote_options="permissive"
                )
            except pa.ArrowException:
                return DataError(
                    f"column {one.name!r} is {one.type} in {names[0]}, but {other.type} in {name}",
                    "give the files the same types",
                )
    return DataError(f"the files differ in their types: {', '.join(names[:10])}")


def _joined_chunks(table: Any) -> Any:
    """Numbers in one chunk a column, so that the kernels read them in place.

    One column at a time: the table is never there twice.
    """
    schema, columns = table.schema, table.columns
    del table
    for j, column in enumerate(columns):
        if column.num_chunks > 1 and pa.types.is_primitive(column.type):
            columns[j] = column.combine_chunks()
    return pa.table(columns, schema=schema)


@contextlib.contextmanager
def _plain_errors(where: str) -> Iterator[None]:
    """What the system and the readers raise, in plain words."""
    try:
        yield
    except pa.ArrowMemoryError:
        raise
    except PermissionError as error:
        raise DataError(f"{where} cannot be read: permission denied") from error
    except (OSError, EOFError, zlib.error) as error:
        damaged = getattr(error, "errno", None) is None
        reason = "damaged or cut short" if damaged else "not readable"
        raise DataError(
            f"{where} is {reason}: {first_line(error)}", "write or copy it again"
        ) from error
    except (pa.ArrowException, csv.Error, UnicodeError) as error:
        raise DataError(f"{where} cannot be read: {first_line(error)}") from error
