"""Files that are whole or not there at all.

The bytes go to a hidden file in the same folder, are forced to the disk, and only then take the
name that was asked for. An error or Ctrl-C on the way removes the hidden file; what stood under
the name before is untouched. A name that leads to a device or a pipe is written directly.
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
        beside = target.with_name(f".{target.name[:64]}.{os.urandom(6).hex()}.part")
        try:
            with beside.open("xb") as file:
                yield cast("BinaryIO", file)
                file.flush()
                os.fsync(file.fileno())
            _keep_mode(target, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise _explained(path, error) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the error now that `replacing(path)` would raise at the end of a long computation."""
    try:
        if _is_special(Path(path)):
            return
        target = Path(os.path.realpath(path))
        beside = target.with_name(f".{target.name[:64]}.{os.urandom(6).hex()}.part")
        beside.touch(exist_ok=False)
        beside.unlink()
    except OSError as error:
        raise _explained(path, error) from error


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


def _keep_mode(target: Path, beside: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        beside.chmod(stat.S_IMODE(target.stat().st_mode))
