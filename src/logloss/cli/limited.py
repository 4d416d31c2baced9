"""Under a limit of memory (`ulimit -v`) a command runs in a child process that is watched.

Libraries that get no memory may abort the process, or leave a trace half-way through an import:
nobody in the process itself can put that into words. So where there is a limit, and only there, the
process forks before anything large is loaded; the parent passes on what the child says, and where
the child ends without words of its own, says what happened. Results are files and standard output:
they are the child's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_MEGABYTE = 1 << 20
_TRACE = b"Traceback (most recent call last)"


def watch_where_limited() -> None:
    """Go on in a child where memory is limited; the parent ends with its exit status."""
    limit = _limit()
    if limit is None:
        return
    # One thread is all that dense algebra here takes, and each has its own memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:  # not even that: go on and see
        return
    if child:
        os.close(writing)
        os._exit(_watch(child, reading, limit))
    os.setpgid(0, 0)  # Ctrl-C reaches the parent, which passes it on once
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)


def _limit() -> int | None:
    try:
        import resource
    except ImportError:  # no Unix
        return None
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=None)


def _watch(child: int, reading: int, limit: int) -> int:
    """Wait for the end of the child; the exit status."""

    def pass_on(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(child, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    said = b"".join(iter(lambda: os.read(reading, 1 << 16), b""))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if _has_told(status, said):
        _say(said)
        return status
    if -status in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        return 128 - status
    last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
    words = "".join(c if c.isprintable() else "?" for c in "".join(last)[:200])
    megabytes = f"{limit // _MEGABYTE:,} MB"
    _say(
        f"error: there is not enough memory: the limit of this process is {megabytes}"
        f"{f' (the last words were: {words})' if words else ''}\n"
        "hint: raise the limit (ulimit -v unlimited); --memory bounds the columns alone\n".encode()
    )
    return 1


def _has_told(status: int, said: bytes) -> bool:
    """Whether a command came to an end of its own."""
    if _TRACE in said or status < 0:
        return False
    return status == 0 or b"error: " in said.split(b"\n", 1)[0] or b"\nerror: " in said


def _say(words: bytes) -> None:
    if sys.stderr is not None:
        sys.stderr.buffer.write(words)
        sys.stderr.flush()
