"""Where words and data go: data to standard output, words to standard error, nothing unseen."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from logloss.errors import DataError
from logloss.files.atomic import explain


def say(words: str) -> None:
    """Write one line of words to standard error; control characters are spelled out.

    A name in it comes from a file: shown raw it could move the cursor or start a line of its own.
    """
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
    if sys.stderr is not None:  # closed by the caller: `2>&-`
        with contextlib.suppress(OSError):  # words that nobody can hear change no outcome
            print(line, file=sys.stderr, flush=True)


def emit(text: str) -> None:
    """Write text to standard output.

    Raises
    ------
    DataError
        Where it cannot be written (a full disk behind a redirection).
    """
    with standard_output() as out:
        out.write(text.encode("utf-8", "backslashreplace") + b"\n")


@contextlib.contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Open standard output for bytes; all of them are written, or it is an error, when it ends."""
    if sys.stdout is None:  # closed by the caller: `>&-`
        raise DataError("standard output is closed", "write to a file, or drop '>&-'")
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        _silence(sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        problem, hint = explain(error)
        raise DataError(f"cannot write to standard output: {problem}", hint) from error


def _silence(descriptor: int) -> None:
    """Lead a broken stream to nowhere: Python flushes it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
