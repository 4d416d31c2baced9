"""Files that are whole or not there at all.

The bytes go to a file without a name in the same folder, are forced to the disk, and only then take
the name that was asked for. However the process ends before that, kill -9 included, nothing is
left, and what stood under the name is untouched. To replace a file, the finished one has a hidden
name for an instant, since no system call does both; killed just then, the process leaves that name,
which the next file for the same place takes. Where files without a name are not supported,
a hidden one takes their place; an error or Ctrl-C on the way removes it. A name that leads to a
device or a pipe is written directly.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from logloss.errors import DataError
from logloss.files import unnamed

_WORDS = {
    errno.ENOSPC: ("the disk is full", "free some space, or write to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or write to another disk"),
    errno.EFBIG: ("the file would be larger than allowed here", "raise the limit (ulimit -f)"),
    errno.EACCES: ("no permission to write there", "choose another folder"),
    errno.EPERM: ("no permission to write there", "choose another folder"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.ENOENT: ("the folder does not exist", "create the folder first"),
    errno.ENOTDIR: ("the folder does not exist", "create the folder first"),
    errno.EISDIR: ("it is a folder", "give the name of a file"),
}
_unfinished: set[Path] = set()  # hidden files that are being written


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file for writing that takes the name `path` when the block ends well.

    Raises
    ------
    DataError
        Where the file cannot be written: unknown folder, no permission, full disk.
    """
    try:
        if _is_special(Path(path)):
            with Path(path).open("wb") as file:
                yield file
            return
        target = Path(os.path.realpath(path))
        descriptor = unnamed.nameable(str(target.parent))
        write = _hidden(target) if descriptor is None else _unnamed(target, descriptor)
        with write as file:
            yield file
    except OSError as error:
        raise _explained(path, error) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the error now that `replacing(path)` would raise at the end of a long computation."""
    try:
        if _is_special(Path(path)):
            return
        target = Path(os.path.realpath(path))
        descriptor = unnamed.nameable(str(target.parent))
        if descriptor is not None:
            os.close(descriptor)
            return
        beside = _beside(target)
        beside.touch(exist_ok=False)
        beside.unlink()
    except OSError as error:
        raise _explained(path, error) from error


@contextlib.contextmanager
def _unnamed(target: Path, descriptor: int) -> Iterator[BinaryIO]:
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        _keep_mode(target, descriptor)
        os.fsync(descriptor)
        if not target.exists():
            with contextlib.suppress(FileExistsError):  # another process was quicker: replace it
                unnamed.give_name(descriptor, str(target))
                return
        _replace(target, descriptor)


def _replace(target: Path, descriptor: int) -> None:
    """Put an unnamed file in the place of another; its hidden name for an instant is always one.

    So what a kill in that instant left is taken away by the next file for the same place.
    """
    beside = target.with_name(f".{target.name[:64]}.part")
    while True:
        try:
            unnamed.give_name(descriptor, str(beside))
        except FileExistsError:
            beside.unlink(missing_ok=True)
            continue
        try:
            beside.replace(target)
        except FileNotFoundError:  # another process took it for its own remains: once more
            continue
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        return


@contextlib.contextmanager
def _hidden(target: Path) -> Iterator[BinaryIO]:
    beside = _beside(target)
    _unfinished.add(beside)
    try:
        with beside.open("xb") as file:
            yield cast("BinaryIO", file)
            file.flush()
            _keep_mode(target, file.fileno())
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
        _unfinished.discard(beside)


def remove_unfinished() -> None:
    """Take away the hidden files, of a process that ends at once."""
    for path in _unfinished:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:64]}.{os.urandom(6).hex()}.part")


def explain(error: OSError) -> tuple[str, str]:
    """Return what went wrong in an attempt to write, and a hint, in words."""
    words = f"the system says: {error.strerror or error}"
    return _WORDS.get(error.errno or 0, (words, "choose another file or folder"))


def _explained(path: str | os.PathLike[str], error: OSError) -> DataError:
    problem, hint = explain(error)
    return DataError(f"cannot write {os.fspath(path)}: {problem}", hint)


def _is_special(path: Path) -> bool:
    """Say whether `path` is a device, a pipe or the like; a folder is an error."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    return not stat.S_ISREG(mode)


def _keep_mode(target: Path, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
