"""Columns that leave the memory: scratch files without a name, mapped into memory at the end.

The files vanish with the process, kill -9 included. Up to a bound in bytes all columns grow in
memory; then all move to files and grow there. Nothing is buffered here: the system's page cache is
the buffer, and it is not the process's memory.

A column has a file of its own as long as the limit on open files allows; what comes later shares
files, each array with a region so far from the next that it cannot reach it (files have holes), and
is copied together at the end, since each mapping holds a file open too.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import resource
import tempfile
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from logloss.errors import DataError
from logloss.files.unnamed import scratch
from logloss.table.encoding.grow import Array, Growing, Memory, Room

_STEP = 1 << 20  # bytes copied at a time
_CHECK_EVERY = 64 << 20  # bytes written between two looks at the free space
_SPARE_FILES = 64  # for everybody else in this process
_SHARING = 16  # one file in so many is shared
_REGIONS = 32  # of a shared file
_REGION = 1 << 38  # bytes: 32 of them stay below the largest file of ext4
_ALIGN = 64
_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


@dataclass(frozen=True)
class Spilling:
    """Columns grow in memory up to a bound, and in scratch files beyond.

    Parameters
    ----------
    bytes : int
        What all columns together may take in memory.
    folder : str, optional
        Where the scratch files go; the system's temporary folder by default.
    """

    bytes: int
    folder: str | None = None

    def room(self, n_columns: int) -> Room:
        return _SpillingRoom(self.bytes, self.folder or tempfile.gettempdir(), n_columns)


class _SpillingRoom:
    def __init__(self, bound: int, folder: str, n_columns: int) -> None:
        self._bound = bound
        self._files = _Files(folder, n_columns)
        self._arrays: list[Growing] = []
        self._spilled = False

    def array(self, dtype: DTypeLike) -> Growing:
        array = Growing(self._files.region() if self._spilled else Memory(), dtype)
        self._arrays.append(array)
        return array

    def settle(self) -> None:
        if self._spilled or sum(array.nbytes for array in self._arrays) <= self._bound:
            return
        self._spilled = True
        for array in self._arrays:
            array.move(self._files.region())

    def seal(self) -> None:
        if self._spilled:
            self._files.seal({id(array.place): array.nbytes for array in self._arrays})


class _File:
    """A scratch file; closed, and so gone, when nobody holds it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give the file up, but for what is mapped."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def mapped(self, size: int) -> Any:
        """Its bytes as read-only memory. The mapping keeps the file, which is closed."""
        os.ftruncate(self.descriptor, size)
        view = mmap.mmap(self.descriptor, size, access=mmap.ACCESS_READ) if size else b""
        self.close()
        return view


class _Files:
    """The scratch files of a table."""

    def __init__(self, folder: str, n_columns: int) -> None:
        self.folder = folder
        self._allowed = _allowed_files(2 * n_columns)
        self._own = self._allowed - self._allowed // _SHARING
        self._n_files = 0
        self._shared: list[list[_Region]] = []
        self._free = 0  # bytes that may be written before the next look
        self._written = 0
        self._one_at_a_time = threading.Lock()

    def region(self) -> _Region:
        """Room for one array."""
        with self._one_at_a_time:
            if self._n_files < self._own:
                self._n_files += 1
                return _Region(self, self._open(), None)
            if not self._shared or len(self._shared[-1]) == _REGIONS:
                if self._n_files == self._allowed:
                    raise _too_many_files()
                self._n_files += 1
                self._shared.append([])
            group = self._shared[-1]
            file = group[0].file if group else self._open()
            group.append(_Region(self, file, len(group) * _REGION))
            return group[-1]

    def seal(self, sizes: dict[int, int]) -> None:
        """Copy the arrays of each shared file side by side; `sizes` by the id of the region."""
        for group in self._shared:
            together, at = self._open(), 0
            for region in group:
                size = sizes.get(id(region), 0)
                moved = _Region(self, together, at)
                for start in range(0, size, _STEP):
                    moved.write(start, region.read(start, min(_STEP, size - start)))
                region.file, region.start = together, at
                at += -(-size // _ALIGN) * _ALIGN
            whole = together.mapped(at)
            for region in group:
                region.whole = whole

    def reserve(self, size: int) -> None:
        """Raise DataError where the disk has no room for `size` bytes more."""
        self._free -= size
        self._written += size
        if self._free < 0:
            state = os.statvfs(self.folder)
            free = state.f_bavail * state.f_frsize
            if free < size:
                raise self.full(size, free)
            self._free = min(free - size, _CHECK_EVERY)

    def full(self, size: int, free: int) -> DataError:
        """The error for a disk without room."""
        return DataError(
            f"the disk of {self.folder} has no room for the encoded table: {_bytes(free)} are free"
            f" after {_bytes(self._written)} of it, and {_bytes(max(size - free, 1))} are missing",
            "--spool FOLDER keeps it on another disk; --exclude leaves columns out",
        )

    def _open(self) -> _File:
        try:
            return _File(scratch(self.folder))
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise _too_many_files() from error
            if error.errno == errno.ENOSPC:
                raise self.full(1, 0) from error
            raise DataError(
                f"no scratch file can be opened in {self.folder}: {error.strerror}",
                "--spool FOLDER names another folder",
            ) from error


class _Region:
    """A place in a scratch file; `start` is None where the file is its own."""

    def __init__(self, files: _Files, file: _File, start: int | None) -> None:
        self.file = file
        self.start = start or 0
        self.whole: Any = None  # the mapped file, where it is shared
        self._alone = start is None
        self._files = files
        self._size = 0

    def write(self, start: int, values: Array) -> None:
        data: Any = np.ascontiguousarray(values).view(np.uint8).data
        self._files.reserve(max(0, start + len(data) - self._size))
        self._size = max(self._size, start + len(data))
        try:
            while data:
                done = os.pwrite(self.file.descriptor, data, self.start + start)
                data, start = data[done:], start + done
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._files.full(len(data), 0) from error
            raise DataError(
                f"cannot write a scratch file in {self._files.folder}: {error.strerror}",
                "--spool FOLDER keeps it elsewhere",
            ) from error

    def read(self, start: int, size: int) -> NDArray[np.uint8]:
        data = bytearray(size)
        view, done = memoryview(data), 0
        while done < size:
            got = os.preadv(self.file.descriptor, [view[done:]], self.start + start + done)
            if got == 0:
                raise DataError(
                    f"a scratch file in {self._files.folder} has lost what was written to it",
                    "look after the disk; --spool FOLDER keeps it elsewhere",
                )
            done += got
        return np.frombuffer(data, np.uint8)

    def finish(self, size: int) -> Any:
        if self._alone:
            return self.file.mapped(size)
        return memoryview(self.whole)[self.start : self.start + size]

    def free(self) -> None:
        if self._alone:
            os.ftruncate(self.file.descriptor, 0)


def _allowed_files(wanted: int) -> int:
    """How many files may be opened; the limit is raised as far as they need and it can be."""
    in_use = _SPARE_FILES + _open_files()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + in_use:
        most = wanted + in_use if hard == resource.RLIM_INFINITY else min(hard, wanted + in_use)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    left = wanted if soft == resource.RLIM_INFINITY else soft - in_use
    return max(1, min(wanted, left))


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    except OSError:
        return _SPARE_FILES


def _too_many_files() -> DataError:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return DataError(
        f"the table has more columns than files may be open at once here ({limit:,})",
        "raise the limit (ulimit -n), give more memory (--memory), or leave columns out",
    )


def _bytes(size: int) -> str:
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
