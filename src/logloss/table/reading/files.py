"""Files, folders and globs of them, and standard input → Stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from logloss.errors import DataError, UsageError
from logloss.table.reading import arrow_files, parquet_files, paths
from logloss.table.reading.csv_files import open_csv
from logloss.table.reading.damage import plain_errors
from logloss.table.reading.inputs import Input, input_of, standard_input
from logloss.table.reading.options import ReadOptions
from logloss.table.reading.parts import Part, stream_of
from logloss.table.reading.streams import Stream

STANDARD_INPUT = "-"
_Opener = Callable[[Input, ReadOptions], Part]


def file_stream(path: str, options: ReadOptions) -> Stream:
    """A file, all files of a folder, all that match a glob, or "-", as one stream.

    Raises
    ------
    DataError
        A file is empty, damaged, ragged or not readable; files that differ in their columns.
    UsageError
        No such file, or not one that can be read; an unknown column in `exclude`.
    """
    if path == STANDARD_INPUT:
        with plain_errors("standard input"):
            file = standard_input()
        return stream_of([_by_magic(file)(file, options)], file.name, options.projection)
    found = paths.expand(path)
    parts = [
        _opened(file, name, options)
        for file, name in zip(found, paths.names_of(found), strict=True)
    ]
    where = parts[0].name if len(parts) == 1 else f"{path} ({len(parts)} files)"
    return stream_of(parts, where, options.projection)


def _opened(path: Path, name: str, options: ReadOptions) -> Part:
    with plain_errors(name):
        regular = path.is_file()
        if regular and not paths.has_suffix(path):
            raise UsageError(f"{name}: no reader for this kind of file", paths.KNOWN)
        file = input_of(path, name)
    if not regular:
        return _by_magic(file)(file, options)
    suffix = path.suffix.casefold()
    return _BY_SUFFIX.get(suffix, _text)(file, options)


def _by_magic(file: Input) -> _Opener:
    if file.magic.startswith(parquet_files.MAGIC):
        return _parquet
    if file.magic.startswith((arrow_files.MAGIC, arrow_files.STREAM_MAGIC)):
        return _arrow
    return _text


def _text(file: Input, options: ReadOptions) -> Part:
    if file.magic.startswith(parquet_files.MAGIC):
        raise DataError(f"{file.name} is a Parquet file by its first bytes", "name it .parquet")
    return open_csv(file, options.dialect, options.na, options.text)


def _parquet(file: Input, options: ReadOptions) -> Part:
    return parquet_files.open_parquet(file, options.na)


def _arrow(file: Input, options: ReadOptions) -> Part:
    return arrow_files.open_arrow(file, options.na)


_BY_SUFFIX: dict[str, _Opener] = {
    **dict.fromkeys(paths.PARQUET_SUFFIXES, _parquet),
    **dict.fromkeys(paths.ARROW_SUFFIXES, _arrow),
}
