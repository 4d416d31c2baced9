"""CSV files, parsed by pyarrow in pieces on all cores while they are being decompressed.

pyarrow's own streaming reader parses on one thread; reading the file in one go holds it in memory.
Here each piece (see `csv_pieces`) is a small CSV file of its own, and of a size that does not
depend on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv

from logloss.errors import DataError
from logloss.table.reading.arrow_tables import check_names, first_line
from logloss.table.reading.csv_pieces import Piece, check_no_nul, head_of, pieces
from logloss.table.reading.damage import plain_errors
from logloss.table.reading.dialect import Form, sniff
from logloss.table.reading.inputs import Input
from logloss.table.reading.missing import TEXT, spelled, without_missing
from logloss.table.reading.options import Dialect
from logloss.table.reading.parts import Unfit
from logloss.table.reading.read_ahead import mapped
from logloss.table.spelling import FALSE, TRUE

# pyarrow's words; its invalid_row_handler would give the same, but fails on text that is not UTF-8
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+): ?(.*)", re.DOTALL)
_NOT_UTF8 = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?.*invalid UTF8")
_UNFIT = re.compile(r"CSV conversion error")
_NUMBERS = (pa.int64(), pa.float64())


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose form and first rows are known; see `parts.Part`."""

    file: Input
    form: Form
    schema: Any
    settled: bool
    na: tuple[str, ...]
    n_rows: int | None = None
    untyped: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.file.name

    @property
    def n_bytes(self) -> int:
        """Its size."""
        return self.file.n_bytes

    @property
    def notes(self) -> tuple[str, ...]:
        """What the sniffer wants to be known."""
        return self.form.notes

    def check(self) -> None:
        """Raise DataError where the file has changed since it was first looked at."""
        self.file.check()

    def read(self, target: Any, told: Callable[[int], None]) -> Iterator[Any]:
        """The columns of `target`, with its types; Unfit where a value does not fit."""
        parser = _Parser(self.form, self.name, self.na, target)
        for table in self._tables(parser, told):
            for batch in table.to_batches():
                yield _finished(batch, target, self.na)

    def scan(self, names: Sequence[str]) -> Any:
        """The types of these columns, from all rows."""
        found = {name: self.schema.field(name).type for name in names}
        open_names = tuple(name for name, type_ in found.items() if type_ != TEXT)
        parser = _Parser(self.form, self.name, self.na, None, open_names)
        for table in self._tables(parser, _unheard) if open_names else ():
            for column in table.schema:
                found[column.name] = _joined(found[column.name], column.type)
        return pa.schema(list(found.items()))

    def _tables(self, parser: _Parser, told: Callable[[int], None]) -> Iterator[Any]:
        """Each piece as a table, in order; errors with the row in the file."""
        form, rows = self.form, 0
        parts = pieces(self.file, form.start, form.delimiter, form.quote, told)
        n_threads = 1 if self.settled else pa.cpu_count()
        with plain_errors(self.name):
            for piece, table, error in mapped(parser.attempt, parts, n_threads):
                if error is not None:
                    raise parser.explained(error, piece, rows)
                rows += table.num_rows
                yield table
                if piece.fault is not None:
                    raise DataError(f"{self.name}, row {rows} {piece.fault}", piece.hint)


def open_csv(
    file: Input, dialect: Dialect, na: tuple[str, ...], text: Collection[str] = ()
) -> CsvFile:
    """Find out how a file is written and what its first rows hold.

    `text`: columns that are text, whatever they look like.

    Raises
    ------
    DataError
        It is empty, damaged, ragged, not UTF-8; two columns of one name.
    """
    with plain_errors(file.name):
        head, whole = head_of(file)
        form = sniff(head, dialect, file.name, whole)
    check_names(form.names, file.name)
    parser = _Parser(form, file.name, na, None, form.names)
    first = pieces(file, form.start, form.delimiter, form.quote, _unheard)
    with plain_errors(file.name):
        piece = next(first, Piece(b""))
        _, table, error = parser.attempt(piece)
        if error is not None:
            raise parser.explained(error, piece, 0)
        settled = whole and next(first, None) is None and piece.fault is None
        first.close()  # type: ignore[attr-defined]  # a generator
    types = {c.name: TEXT if c.name in text else _read_as(c.type) for c in table.schema}
    schema = pa.schema(list(types.items()))
    untyped = frozenset(form.names).difference(text)
    return CsvFile(file, form, schema, settled, na, untyped=untyped)


def _unheard(n_bytes: int) -> None:
    pass


_Outcome = tuple[Piece, Any, Exception | None]


@dataclass(frozen=True)
class _Parser:
    """Pieces → tables. Without a target the types are inferred."""

    form: Form
    where: str
    na: tuple[str, ...]
    target: Any | None
    names: tuple[str, ...] = ()  # columns to infer

    def attempt(self, piece: Piece) -> _Outcome:
        """Parse a piece; an error is a value, for the one who knows the rows before it."""
        try:
            if b"\0" in piece.content:
                return piece, None, ValueError("NUL")
            return piece, self.parse(piece.content), None
        except pa.ArrowInvalid as error:
            return piece, None, error

    def parse(self, content: bytes) -> Any:
        """The rows as a pyarrow.Table of one chunk."""
        if not content:
            return pa.schema([(name, pa.null()) for name in self.form.names]).empty_table()
        names = list(self.names) if self.target is None else self.target.names
        types = None if self.target is None else self.target
        return pa.csv.read_csv(
            pa.BufferReader(content),
            read_options=pa.csv.ReadOptions(
                column_names=self.form.names, use_threads=False, block_size=len(content) + 1
            ),
            parse_options=self._parse_options(),
            convert_options=pa.csv.ConvertOptions(
                column_types=types,
                include_columns=None if names == list(self.form.names) else names,
                null_values=spelled(self.na),
                true_values=TRUE,
                false_values=FALSE,
            ),
        )

    def _parse_options(self) -> Any:
        return pa.csv.ParseOptions(
            delimiter=self.form.delimiter,
            quote_char=self.form.quote or False,
        )

    # ---- what went wrong

    def explained(self, error: Exception, piece: Piece, rows: int) -> Exception:
        """The error in plain words, with the row in the file; `rows` came before the piece."""
        check_no_nul(
            piece, lambda n_bytes: rows + self._rows_in(piece.content[:n_bytes]), self.where
        )
        message = str(error)
        ragged = _RAGGED.search(message)
        if ragged is not None:
            return self._ragged(ragged, rows)
        bad = _NOT_UTF8.search(message)
        if bad is not None:
            return self._not_utf8(int(bad[1]), int(bad[2] or 1), rows)
        if _UNFIT.search(message):
            return Unfit(message)
        return DataError(
            f"{self.where} cannot be read as CSV near row {rows}: {first_line(error)}",
            "look for a quote that is not closed",
        )

    def _rows_in(self, content: bytes) -> int:
        if not content:
            return 0
        return int(
            pa.csv.read_csv(
                pa.BufferReader(content),
                read_options=pa.csv.ReadOptions(
                    column_names=self.form.names, use_threads=False, block_size=len(content) + 1
                ),
                parse_options=self._parse_options(),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=self.form.names[:1],
                    column_types={self.form.names[0]: pa.binary()},
                ),
            ).num_rows
        )

    def _ragged(self, found: re.Match[str], rows: int) -> DataError:
        number, expected, actual, text = found.groups()
        start = text if len(text) <= 60 else text[:57] + "…"
        whose = "first row" if self.form.notes else "header"
        return DataError(
            f"{self.where}, row {rows + int(number) - 1} has {_fields(int(actual))},"
            f" the {whose} has {expected}: {start!r}",
            "rows count from 0 below the header; look for a delimiter in a value without quotes,"
            " or another delimiter than"
            f" {self.form.delimiter!r}",
        )

    def _not_utf8(self, column: int, row: int, rows: int) -> DataError:
        name = self.form.names[column]
        return DataError(
            f"{self.where}, row {rows + row - 1}, column {name!r}: not UTF-8 text",
            "save the file as UTF-8, or leave the column out",
        )


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _finished(batch: Any, target: Any, na: tuple[str, ...]) -> Any:
    columns = [
        without_missing(column, na) if column.type == TEXT else column for column in batch.columns
    ]
    return pa.record_batch(columns, schema=target)


# ---- types that pyarrow infers


def _read_as(type_: Any) -> Any:
    """Text as TEXT; so are bytes: they are no UTF-8, which is told when they are read."""
    is_text = pa.types.is_string(type_) or pa.types.is_binary(type_)
    return TEXT if is_text else type_


def _joined(one: Any, other: Any) -> Any:
    """The type that holds the rows of both, within a file: text holds everything."""
    other = _read_as(other)
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    return pa.float64() if one in _NUMBERS and other in _NUMBERS else TEXT
