"""Files without a name: the system removes them by itself when the process ends, however it ends.

Linux opens a file that has no name at all (O_TMPFILE). Elsewhere, and on file systems that cannot,
a file gets a name for a moment.
"""

from __future__ import annotations

import contextlib
import os
import tempfile

_TMPFILE = getattr(os, "O_TMPFILE", None)


def scratch(folder: str) -> int:
    """Open an empty file for reading and writing that nobody else can find.

    Returns
    -------
    int
        The descriptor.

    Raises
    ------
    OSError
        There is no such folder, no permission, or no room.
    """
    if _TMPFILE is not None:
        with contextlib.suppress(OSError):  # what is really wrong shows below
            return os.open(folder, _TMPFILE | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    descriptor, name = tempfile.mkstemp(prefix=".logloss-", dir=folder)
    os.unlink(name)  # noqa: PTH108
    return descriptor


def nameable(folder: str) -> int | None:
    """Open an empty file for writing that `give_name` can name later; None where that is not so."""
    if _TMPFILE is None:
        return None
    try:
        descriptor = os.open(folder, _TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    except OSError:
        return None
    if os.path.exists(_way_to(descriptor)):  # noqa: PTH110 (/proc is not always there)
        return descriptor
    os.close(descriptor)
    return None


def give_name(descriptor: int, path: str) -> None:
    """Put a file of `nameable` under a name in its file system.

    Raises
    ------
    FileExistsError
        The name is taken.
    """
    # With a folder's descriptor, Python calls linkat, which follows the link in /proc.
    folder = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_CLOEXEC)  # noqa: PTH120
    try:
        os.link(
            _way_to(descriptor), path, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=True
        )
    finally:
        os.close(folder)


def _way_to(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"
