"""What a spool was made from: files by size and time, and how their text was read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SourceFile:
    """A file as it was.

    Attributes
    ----------
    path : str
        Absolute.
    size : int
        Bytes.
    time : int
        Of the last change, in nanoseconds.
    """

    path: str
    size: int
    time: int

    def changed(self) -> bool:
        """Whether there is another file under the name now; one that is gone has not changed."""
        try:
            now = Path(self.path).stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) != (self.size, self.time)


@dataclass(frozen=True)
class Fingerprint:
    """The source of a table.

    Attributes
    ----------
    files : tuple of SourceFile
    reading : mapping
        How text was read: what means a missing value, the delimiter. Values that JSON knows.
    """

    files: tuple[SourceFile, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Iterable[str | os.PathLike[str]], **reading: Any) -> Fingerprint:
        """The fingerprint of files as they are now."""
        files = []
        for path in paths:
            state = Path(path).stat()
            files.append(SourceFile(os.path.realpath(path), state.st_size, state.st_mtime_ns))
        return cls(tuple(files), reading)

    def changed(self) -> list[str]:
        """The files that have changed since."""
        return [file.path for file in self.files if file.changed()]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "files": [[file.path, file.size, file.time] for file in self.files],
            "reading": dict(self.reading),
        }

    @classmethod
    def from_json(cls, record: Any) -> Fingerprint:
        """The fingerprint that `to_json` described."""
        files = tuple(SourceFile(str(p), int(size), int(time)) for p, size, time in record["files"])
        return cls(files, dict(record["reading"]))
