"""A CSV file in pieces of whole rows, so that they can be parsed side by side.

A piece is cut at the last line break, unless that lies within quotes: then before the row whose
quotes are still open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from logloss.errors import DataError
from logloss.table.reading.inputs import Input

BLOCK = 1 << 19  # bytes of text in a piece: enough to keep a core busy for some milliseconds
LONGEST_ROW = 1 << 26  # bytes
NO_QUOTES = "--quote ''"
_BLANKS = re.compile(rb"[ \t]+")
_BLANK_ENDS = re.compile(rb"(?m)^ | (?=\r?$)")


@dataclass(frozen=True)
class Piece:
    """Whole rows as bytes; `fault` says what is wrong at their end, if anything is."""

    content: bytes
    fault: str | None = None
    hint: str | None = None


def head_of(file: Input) -> tuple[bytes, bool]:
    """The first bytes of the text, at least a line of them, and whether they are all there are."""
    with opened(file) as stream:
        head = stream.read(BLOCK)
        while (
            head
            and not (b"\n" in head or b"\r" in head[:-1])
            and len(head) < LONGEST_ROW
            and (more := stream.read(len(head)))
        ):
            head += more
        return head, not stream.read(1)


def opened(file: Input) -> Any:
    """The bytes of the text, as a stream."""
    compression = file.compression
    raw = file.open()
    return raw if compression is None else pa.CompressedInputStream(raw, compression)


def pieces(
    file: Input, start: int, delimiter: str, quote: str, told: Callable[[int], None]
) -> Iterator[Piece]:
    """All rows from byte `start` of the text on.

    `told` hears how many bytes of the file have been read. The last piece may have a fault: a quote
    that nobody closed, or a row longer than 64 MiB.
    """
    cut = _Cut(delimiter, quote)
    tidy = _tidy if delimiter == " " else bytes
    raw = file.open()
    compression = file.compression
    stream = raw if compression is None else pa.CompressedInputStream(raw, compression)
    with raw, stream:
        stream.read(start)
        rest = b""
        while block := stream.read(max(BLOCK, len(rest))):
            told(raw.tell())
            block = rest + block
            end = cut(block)
            if end:
                yield Piece(tidy(block[:end]))
            elif len(block) > LONGEST_ROW:
                yield Piece(
                    b"",
                    f"is longer than {LONGEST_ROW >> 20} MiB",
                    "look for a quote that is not closed, or a line break that is missing",
                )
                return
            rest = block[end:]
    if rest:
        row = cut.open_row(rest)
        if row is None:
            yield Piece(tidy(rest))
        else:
            yield Piece(
                tidy(rest[:row]),
                "has a quote that is not closed",
                f"close it; where quotes are letters like any other, say so: {NO_QUOTES}",
            )


def _tidy(rows: bytes) -> bytes:
    """Runs of blanks and tabs as one blank, none at the ends of a line."""
    return _BLANK_ENDS.sub(b"", _BLANKS.sub(b" ", rows))


class _Cut:
    """Finds the end of the last whole row."""

    def __init__(self, delimiter: str, quote: str) -> None:
        self._quote = quote.encode()
        mark, around = re.escape(delimiter.encode()), re.escape(self._quote)
        if quote:
            self._opening = re.compile(rb"(?:\A|[%b\r\n])%b" % (mark, around))
            self._closing = re.compile(
                rb"[^%b]*+(?:%b[^%b]*+)*+%b" % (around, around * 2, around, around)
            )

    def __call__(self, block: bytes) -> int:
        end = block.rfind(b"\n") + 1
        if not end:
            end = block.rfind(b"\r", 0, -1) + 1  # the last one may be half of "\r\n"
        row = self.open_row(block[:end])
        return end if row is None else row

    def open_row(self, rows: bytes) -> int | None:
        """Where the row begins that ends within quotes; None where none does.

        Only where the number of quotes is odd can there be one; most often it is not, and counting
        is quick.
        """
        if not self._quote or self._quote not in rows:
            return None
        if np.count_nonzero(np.frombuffer(rows, np.uint8) == self._quote[0]) % 2 == 0:
            return None
        row = position = 0
        while (opening := self._opening.search(rows, position)) is not None:
            row = max(row, _after_last_break(rows, position, opening.end()))
            closing = self._closing.match(rows, opening.end())
            if closing is None:
                return row
            position = closing.end()
        return None


def _after_last_break(rows: bytes, begin: int, end: int) -> int:
    return max(rows.rfind(b"\n", begin, end), rows.rfind(b"\r", begin, end)) + 1


def check_no_nul(piece: Piece, row_of: Callable[[int], int], where: str) -> None:
    """Raise DataError where a byte is 0; `row_of`: how many rows the first bytes hold."""
    at = piece.content.find(b"\0")
    if at >= 0:
        begin = _after_last_break(piece.content, 0, at)
        raise DataError(
            f"{where}, row {row_of(begin)} holds a NUL byte",
            "the file is damaged, or no text; save it as UTF-8",
        )
