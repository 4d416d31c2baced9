"""Where words and data go: data to standard output, words to standard error, nothing unseen.

Names and labels come from files: shown raw they could move the cursor, give the window a name, or
reverse what is read. So whatever is shown passes `spelled_out`; what a program reads, JSON, keeps
all of it in JSON's own escapes. Only a file, or a pipe, gets a table of data as it is.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from logloss.errors import DataError
from logloss.files.atomic import explain

_BLANKS = frozenset("\u00a0\u2002\u2003\u2009\u202f\u3000")  # not "printable", and harmless


def spelled_out(text: str, kept: str = "") -> str:
    """The text with control, bidirectional and other unseen characters as Python writes them."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in kept or c in _BLANKS else ascii(c)[1:-1] for c in text
    )


def say(words: str) -> None:
    """Write one line of words to standard error, spelled out."""
    if sys.stderr is not None:  # closed by the caller: `2>&-`
        with contextlib.suppress(OSError):  # words that nobody can hear change no outcome
            print(spelled_out(words), file=sys.stderr, flush=True)


def emit(text: str) -> None:
    """Write lines of words to standard output, spelled out.

    Raises
    ------
    DataError
        Where it cannot be written (a full disk behind a redirection).
    """
    _write(spelled_out(text, kept="\n"))


def emit_json(text: str) -> None:
    """Write JSON to standard output; what is unseen is written as JSON escapes it."""
    _write("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def _write(text: str) -> None:
    with standard_output() as out:
        out.write(text.encode("utf-8", "backslashreplace") + b"\n")


class _Shown:
    """Standard output that is a terminal: lines of data are spelled out on their way."""

    closed = False

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def write(self, data: Any) -> int:
        text = self._decoder.decode(bytes(data))
        self._out.write(spelled_out(text, kept="\n\t").encode("utf-8", "backslashreplace"))
        return len(data)

    def flush(self) -> None:
        self._out.flush()


@contextlib.contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Open standard output for bytes; all of them are written, or it is an error, when it ends."""
    if sys.stdout is None:  # closed by the caller: `>&-`
        raise DataError("standard output is closed", "write to a file, or drop '>&-'")
    try:
        out = sys.stdout.buffer
        yield cast("BinaryIO", _Shown(out)) if sys.stdout.isatty() else out
        out.flush()
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
