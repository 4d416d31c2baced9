"""Which files a path, a folder or a glob means, and what kind each is."""

from __future__ import annotations

import glob
from pathlib import Path

from logloss.errors import DataError, UsageError, nearest
from logloss.table.reading.damage import plain_errors

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".data")
COMPRESSED = ("", ".gz", ".bz2", ".zst")
PARQUET_SUFFIXES = (".parquet", ".pq")
ARROW_SUFFIXES = (".arrow", ".feather", ".ipc")
_SUFFIXES = (
    *(suffix + packed for suffix in TEXT_SUFFIXES for packed in COMPRESSED),
    *PARQUET_SUFFIXES,
    *ARROW_SUFFIXES,
)
# In a folder a .txt is more often a note than a table.
_IN_FOLDERS = tuple(suffix for suffix in _SUFFIXES if not suffix.startswith(".txt"))
KNOWN = (
    "files end in .csv, .tsv, .txt, .data (also with .gz, .bz2, .zst), .parquet, .arrow or .feather"
)


def expand(path: str) -> list[Path]:
    """The files that a path means, sorted by name.

    Raises
    ------
    DataError
        A folder without tables.
    UsageError
        No such file.
    """
    file = Path(path).expanduser()
    with plain_errors(path):
        if file.is_dir():
            found = sorted(
                f
                for f in file.iterdir()
                if not f.name.startswith((".", "_"))
                and f.name.casefold().endswith(_IN_FOLDERS)
                and f.is_file()
            )
            if not found:
                raise DataError(f"the folder {path} holds no table", KNOWN)
            return found
        if file.exists():
            return [file]
        found = sorted(map(Path, glob.glob(str(file), recursive=True)))  # noqa: PTH207 (absolute too)
        found = [f for f in found if f.is_file()] or found
    if not found:
        raise _not_found(path, file)
    return found


def names_of(paths: list[Path]) -> list[str]:
    """What messages call these files: by their names, where those differ, else by their paths."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else list(map(str, paths))


def has_suffix(file: Path) -> bool:
    """Whether the name of the file says which kind it is."""
    return file.name.casefold().endswith(_SUFFIXES)


def _not_found(path: str, file: Path) -> UsageError:
    if glob.has_magic(path):
        return UsageError(f"no file matches {path}", KNOWN)
    try:
        stems = {f.name.split(".")[0]: f.name for f in file.parent.iterdir() if has_suffix(f)}
    except OSError:
        return UsageError(f"{path} does not exist: there is no folder {file.parent}")
    near = nearest(file.name.split(".")[0], stems)
    return UsageError(f"{path} does not exist", f"did you mean {stems[near]!r}?" if near else None)
