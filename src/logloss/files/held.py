"""Files that stay mapped into memory while they are used, and what happens when they change.

Another program may cut a file short while a fit reads it: the system would end the process. Pages
that are gone are read as zeros instead (cpp/bindings/mapped.hpp), and after each read of the data
`check_held` compares size and time of the file with what they were: what has been read from a file
that changed is an error, never a result. A file that is replaced under its name is another file,
and the old one stays as it was.
"""

from __future__ import annotations

import mmap
import os
import weakref
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

import logloss._kernels as _kernels
from logloss.errors import DataError


@dataclass(frozen=True)
class _File:
    """An open file, its name, and its size and time when it was mapped."""

    file: BinaryIO
    name: str
    state: tuple[int, int]

    def __del__(self) -> None:
        self.file.close()


_held: weakref.WeakKeyDictionary[mmap.mmap, _File] = weakref.WeakKeyDictionary()


def mapped(path: str | os.PathLike[str]) -> Any:
    """The bytes of a file, as read-only memory that keeps the file.

    Raises
    ------
    OSError, ValueError
        It cannot be read, or is empty.
    """
    file = open(path, "rb")  # noqa: SIM115, PTH123 (open as long as it is mapped)
    try:
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except BaseException:
        file.close()
        raise
    _held[view] = _File(file, os.fspath(path), _state(file))
    address = np.frombuffer(view, np.uint8).ctypes.data
    _kernels.hold(address, len(view))
    weakref.finalize(view, _kernels.let_go, address)
    return view


def check_held() -> None:
    """Raise DataError where a file that is mapped has changed."""
    if not _held:  # once a read: cheap where no file is mapped
        return
    for one in list(_held.values()):
        if _state(one.file) != one.state:
            raise DataError(
                f"{one.name} changed while it was read",
                "it was cut short or written to: make it again, and give the same command",
            )


def _state(file: BinaryIO) -> tuple[int, int]:
    now = os.fstat(file.fileno())
    return now.st_size, now.st_mtime_ns
