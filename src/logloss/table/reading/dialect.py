"""How a CSV file is written: what stands between and around its values, and its names.

All of it is read off the first rows. The delimiter is the one that gives all rows the same number
of values. A first line is taken for data only where it can be nothing else: it holds numbers where
the rows below do, or each of its texts comes again below in its own column. A first line of text
over columns of numbers holds names, and so do whole numbers (0, 1, 2, …, target) as long as they
differ.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from logloss.errors import DataError
from logloss.table.reading.arrow_tables import is_number
from logloss.table.reading.options import Dialect
from logloss.table.spelling import MISSING_NUMBERS

_MARKS = "\t;|,"  # the first one wins where several fit: commas occur within numbers and texts
_ROWS = 200
_SNIFFED = 1 << 16  # bytes
_MOST_COLUMNS = 1 << 18
_BLANK_SUFFIXES = (".data", ".txt")

Rows = list[list[str]]


@dataclass(frozen=True)
class Form:
    """What was found: as Dialect, and the names.

    Attributes
    ----------
    delimiter, quote : str
    names : tuple of str
    start : int
        The byte at which the first row of data begins.
    notes : tuple of str
    """

    delimiter: str
    quote: str
    names: tuple[str, ...]
    start: int
    notes: tuple[str, ...] = ()


def sniff(head: bytes, asked: Dialect, where: str, whole: bool) -> Form:
    """The form of a file that begins with `head`; `whole`: and ends with it.

    Raises
    ------
    DataError
        Nothing there; names that are not UTF-8; a header and nothing below; another delimiter than
        was asked for.
    """
    _check_width(head, asked, where)
    skipped = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    lines = head[skipped : skipped + _SNIFFED].splitlines(keepends=True)
    if len(lines) < 2 or len(head) > skipped + _SNIFFED:
        lines = head[skipped:].splitlines(keepends=True)[: _ROWS + 1]
        if not whole and len(lines) > 1 and not lines[-1].endswith((b"\n", b"\r")):
            lines.pop()
    text = [line.decode("utf-8", "surrogateescape") for line in lines[: _ROWS + 1]]
    delimiter, quote = _marks(text, asked, where)
    rows, ends = _split(text, delimiter, quote)
    if not rows:
        if any(line.strip() for line in text):
            raise DataError(f"{where}: its first row holds a value of more than 128 KiB")
        raise DataError(f"{where} is empty")
    _check_delimiter(rows[0], where, delimiter)
    header = _is_header(rows) if asked.header is None else asked.header
    if not header:
        width = len(rows[0])
        listed = "c0" if width == 1 else f"c0 … c{width - 1}"
        notes = (f"no header line: columns are named {listed}",)
        return Form(delimiter, quote, tuple(f"c{j}" for j in range(width)), skipped, notes)
    names = _names(rows[0], where)
    start = skipped + sum(len(line) for line in lines[: ends[0]])
    if len(rows) == 1 and whole:
        raise DataError(f"{where} has a header but no rows", "is the first line data? --no-header")
    return Form(delimiter, quote, names, start)


def _check_width(head: bytes, asked: Dialect, where: str) -> None:
    """Raise DataError where the first line has more columns than a table can, before it is split.

    What is told by any mark that can stand between values: sixty million commas are no text.
    """
    ends = [end for end in (head.find(b"\n"), head.find(b"\r")) if end >= 0]
    first = head[: min(ends, default=len(head))]
    blank = " " if where.casefold().endswith(_BLANK_SUFFIXES) else ""
    marks = _MARKS + blank if asked.delimiter is None else asked.delimiter
    most = max((first.count(mark.encode()) for mark in marks), default=0)
    if most >= _MOST_COLUMNS:
        raise DataError(
            f"{where}: its first row has more than {_MOST_COLUMNS:,} values",
            "is it one row of data without line breaks? A table has fewer columns",
        )


def _names(row: list[str], where: str) -> tuple[str, ...]:
    if any("\udc80" <= letter <= "\udcff" for name in row for letter in name):
        raise DataError(f"{where}, header: not UTF-8 text", "save it as UTF-8")
    return tuple(name.strip() for name in row)


def _check_delimiter(first: Sequence[str], where: str, delimiter: str) -> None:
    others = [mark for mark in _MARKS if mark != delimiter and mark in first[0]]
    if len(first) == 1 and others:
        raise DataError(
            f"{where} is read with {delimiter!r} between values, but its first line holds"
            f" {others[0]!r} instead",
            f"say --delimiter {others[0]!r}",
        )


def _split(lines: Sequence[str], delimiter: str, quote: str) -> tuple[Rows, list[int]]:
    """The rows that are not blank, and how many lines had been read at the end of each."""
    blanks = delimiter == " "
    reader = csv.reader(
        (" ".join(line.split()) + "\n" for line in lines) if blanks else lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    rows, ends = [], []
    try:
        for row in reader:
            if row:
                rows.append(row)
                ends.append(reader.line_num)
    except csv.Error:  # a value of more than 128 KiB, or a NUL: the rows before it will do
        pass
    return rows, ends


# ---- delimiter and quote


def _marks(lines: Sequence[str], asked: Dialect, where: str) -> tuple[str, str]:
    quote = '"' if asked.quote is None else asked.quote
    if asked.delimiter is not None:
        delimiter = asked.delimiter
    else:
        shares = {mark: _fit(_split(lines, mark, quote)[0]) for mark in _MARKS}
        delimiter = max(_MARKS, key=lambda mark: shares[mark])  # the first of the best
        if shares[delimiter] < 1 and _is_blank_separated(lines, quote, where):
            delimiter = " "
        elif not shares[delimiter]:
            delimiter = "\t" if ".tsv" in where.casefold() else ","
    return delimiter, quote if asked.quote is not None else _quote(lines, delimiter)


def _is_blank_separated(lines: Sequence[str], quote: str, where: str) -> bool:
    named = where.casefold().endswith(_BLANK_SUFFIXES)
    return named and _fit(_split(lines, " ", quote)[0]) == 1


def _fit(rows: Rows) -> float:
    """The share of rows with the usual number of values; 0 where that or the first row's is 1."""
    if not rows or len(rows[0]) == 1:
        return 0.0
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return count / len(rows) if width > 1 else 0.0


def _quote(lines: Sequence[str], delimiter: str) -> str:
    """A double quote, unless single quotes stand around values, or double ones are mere letters."""
    rows, _ = _split(lines, delimiter, '"')
    plain, _ = _split(lines, delimiter, "")
    starts = [field[:1] for row in plain for field in row]
    if '"' in starts:
        # Files with tabs often quote nothing; elsewhere a quote that is not closed is damage.
        joined = any("\n" in field.rstrip("\r\n") for row in rows for field in row)
        mere_letters = _fit(plain) == 1 and (joined or _fit(rows) < 1)
        return "" if mere_letters and delimiter == "\t" else '"'
    mark = re.escape(delimiter)
    around = re.compile(rf"(?:^|{mark})'[^'\r\n]*'(?=$|[\r\n]|{mark})")
    found = sum(len(around.findall(line)) for line in lines)
    single, _ = _split(lines, delimiter, "'")
    if 2 * found > starts.count("'") and _fit(single) >= _fit(rows):
        return "'"
    return '"'


# ---- header


def _is_header(rows: Rows) -> bool:
    first, rest = [name.strip() for name in rows[0]], rows[1:]
    numbers = [name for name in first if is_number(name) and _finite(name)]
    if not rest:
        return not numbers
    columns = [[row[j].strip() for row in rest if j < len(row)] for j in range(len(first))]
    over_numbers = any(
        _is_word(name) and _all_numbers(column) for name, column in zip(first, columns, strict=True)
    )
    if over_numbers:
        return not numbers or (all(map(str.isdecimal, numbers)) and len(set(first)) == len(first))
    if numbers:
        return False
    return not all(name in column for name, column in zip(first, columns, strict=True))


def _finite(text: str) -> bool:
    return text.casefold().lstrip("+-") not in {"nan", "inf", "infinity"}


def _is_word(text: str) -> bool:
    known = text in MISSING_NUMBERS or is_number(text)
    return not known and any(map(str.isalnum, text))


def _all_numbers(values: list[str]) -> bool:
    there = [value for value in values if value not in MISSING_NUMBERS]
    return bool(there) and all(map(is_number, there))
