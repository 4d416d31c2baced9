"""Bytes to read: a file, or what a pipe held; compressed or not, told by the first bytes."""

from __future__ import annotations

import mmap
import stat
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from logloss.errors import DataError

_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
_BY_SUFFIX = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_MAGIC_LENGTH = 8


@dataclass(frozen=True)
class Input:
    """Where the bytes of a table are.

    Attributes
    ----------
    name : str
        What messages call it: the name of the file.
    n_bytes : int
        Its size as it lies there.
    magic : bytes
        The first few bytes.
    open : callable
        Gives a pyarrow.NativeFile that can seek, at the first byte.
    check : callable
        Raises DataError where the file is no longer what it was when it was first looked at.
    """

    name: str
    n_bytes: int
    magic: bytes
    open: Callable[[], Any]
    check: Callable[[], None] = lambda: None

    @property
    def compression(self) -> str | None:
        """How it is compressed.

        Raises
        ------
        DataError
            The name says so, the first bytes do not.
        """
        for magic, compression in _COMPRESSIONS.items():
            if self.magic.startswith(magic):
                return compression
        named = _BY_SUFFIX.get(Path(self.name).suffix.casefold())
        if named and self.magic:
            raise DataError(
                f"{self.name} is not compressed by {named}: its first bytes differ",
                f"if it is plain text, name it without {Path(self.name).suffix}",
            )
        return None


def input_of(path: Path, name: str | None = None) -> Input:
    """A file as an Input; what is no regular file (a pipe, a device) is copied first."""
    with path.open("rb") as file:
        if not stat.S_ISREG(path.stat().st_mode):
            return copied(file, name or path.name)
        magic = file.read(_MAGIC_LENGTH)
    where, known, state = str(path), name or path.name, _state(path)

    def check() -> None:
        if _state(path) not in (state, None):  # what is gone is read to its end all the same
            raise DataError(f"{known} changed while it was read", "read it again when it is whole")

    def opened() -> Any:
        check()
        return pa.OSFile(where)

    return Input(known, path.stat().st_size, magic, opened, check)


def _state(path: Path) -> tuple[int, int, int] | None:
    """Size, time and number: whatever is written to the file, or put in its place, changes one."""
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_size, now.st_mtime_ns, now.st_ino


def standard_input() -> Input:
    """What comes in on standard input, copied."""
    return copied(cast("BufferedReader", sys.stdin.buffer), "standard input")


def copied(stream: BufferedReader, name: str) -> Input:
    """All that a pipe holds, as an Input, in a scratch file that vanishes with it.

    A pipe cannot be read twice, and both a Parquet file and a CSV file whose types turn out to
    change must be.
    """
    with tempfile.TemporaryFile(prefix="logloss-") as scratch:
        while block := stream.read1(1 << 20):  # in pieces as they come: Ctrl-C is heard between
            scratch.write(block)
        size = scratch.tell()
        scratch.flush()
        content: Any = b""
        if size:  # the map keeps the file alive when its handle is closed
            content = mmap.mmap(scratch.fileno(), size, access=mmap.ACCESS_READ)
    buffer = pa.py_buffer(content)
    return Input(name, size, bytes(content[:_MAGIC_LENGTH]), lambda: pa.BufferReader(buffer))
