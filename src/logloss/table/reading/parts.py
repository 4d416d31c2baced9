"""Files of one table, one after the other, as one stream: the same columns with the same types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from logloss.errors import DataError
from logloss.table.reading.missing import ORDERED, TEXT, is_text
from logloss.table.reading.options import Projection
from logloss.table.reading.streams import Stream, TypesChanged, never_empty


class Part(Protocol):
    """One file.

    Attributes
    ----------
    name : str
    schema : pyarrow.Schema
        All columns. Of a type that is null nothing is known yet.
    n_rows : int or None
    n_bytes : int
    settled : bool
        The types of the schema are sure; else they are those of the first rows.
    notes : tuple of str
    untyped : frozenset of str
        Columns whose types were found out from their values.
    """

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> Any: ...
    @property
    def n_rows(self) -> int | None: ...
    @property
    def n_bytes(self) -> int: ...
    @property
    def settled(self) -> bool: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def untyped(self) -> frozenset[str]: ...

    def check(self) -> None:
        """Raise DataError where the file has changed since it was first looked at."""
        ...

    def read(self, target: Any, told: Callable[[int], None]) -> Iterator[Any]:
        """The columns of `target` with its types, in batches; Unfit where a value does not fit.

        `told` hears how many bytes have been read.
        """
        ...

    def scan(self, names: Sequence[str]) -> Any:
        """The schema of these columns, from all rows."""
        ...


class Unfit(Exception):
    """A value that does not fit the type of its column."""


@dataclass
class _Course:
    """How far the reading of a stream has come."""

    parts: Sequence[Part]
    rows: list[int] = field(default_factory=list)  # of each file that was begun
    bytes_before: int = 0
    bytes_here: int = 0

    def begin(self) -> None:
        self.rows, self.bytes_before, self.bytes_here = [], 0, 0

    def told(self, n_bytes: int) -> None:
        self.bytes_here = n_bytes

    def place(self, row: int) -> str:
        if len(self.parts) == 1:
            return f"row {row}"
        rows = self.rows if self.rows else [part.n_rows or 0 for part in self.parts]
        for part, n_rows in zip(self.parts, rows, strict=False):
            if row < n_rows:
                return f"row {row} of {part.name}"
            row -= n_rows
        return f"row {row}"

    def progress(self) -> float | None:
        total = sum(part.n_bytes for part in self.parts)
        return min(1.0, (self.bytes_before + self.bytes_here) / total) if total else None


def stream_of(parts: Sequence[Part], where: str, projection: Projection) -> Stream:
    """One stream of all rows of these files, in their order.

    Raises
    ------
    DataError
        The files differ in their columns, or in types that nothing has in common.
    UsageError
        An unknown column in `exclude`.
    """
    kept = [projection.keep(part.schema.names, part.name) for part in parts]
    for names, part in zip(kept, parts, strict=True):
        _check_same(kept[0], names, parts[0].name, part.name)
        _check_same(names, kept[0], part.name, parts[0].name)
    schemas = [_chosen(part.schema, kept[0]) for part in parts]
    target = _settled(unified(schemas, parts), parts)
    course = _Course(parts)
    numbers = [part.n_rows for part in parts]
    return Stream(
        names=tuple(kept[0]),
        where=where,
        batches=lambda: _batches(parts, target, where, course, final=False),
        n_rows=None if None in numbers else sum(n for n in numbers if n is not None),
        once=False,
        place=course.place,
        progress=course.progress,
        notes=_notes(parts, schemas, target),
        untyped=_untyped(parts, target.names),
    )


def _batches(
    parts: Sequence[Part], target: Any, where: str, course: _Course, final: bool
) -> Iterator[Any]:
    return never_empty(_all_batches(parts, target, where, course, final), where)


def _all_batches(
    parts: Sequence[Part], target: Any, where: str, course: _Course, final: bool
) -> Iterator[Any]:
    course.begin()
    for number, part in enumerate(parts):
        course.rows.append(0)
        try:
            for batch in part.read(target, course.told):
                course.rows[-1] += batch.num_rows
                yield batch
            part.check()
        except DataError:
            part.check()  # if so, that is what is wrong
            raise
        except Unfit as unfit:
            part.check()
            if final:
                raise DataError(
                    f"{part.name} changed while it was read", "read it again"
                ) from unfit
            raise TypesChanged(_wider(parts, number, target, where)) from unfit
        course.bytes_before += part.n_bytes
        course.bytes_here = 0


def _wider(parts: Sequence[Part], number: int, target: Any, where: str) -> Stream:
    """The stream with types that hold all rows: those from file `number` on are looked through."""
    names = target.names
    schemas = [
        _chosen(part.schema, names) if k < number or part.settled else part.scan(names)
        for k, part in enumerate(parts)
    ]
    wider = _settled(unified(schemas, parts), parts)
    course = _Course(parts)
    return Stream(
        names=tuple(names),
        where=where,
        batches=lambda: _batches(parts, wider, where, course, final=True),
        n_rows=None,
        once=False,
        place=course.place,
        progress=course.progress,
        notes=_notes(parts, schemas, wider),
        untyped=_untyped(parts, names),
    )


def _untyped(parts: Sequence[Part], names: Sequence[str]) -> frozenset[str]:
    """The columns that no file gives a type to."""
    return frozenset(
        name
        for name in names
        if all(
            name in part.untyped or pa.types.is_null(part.schema.field(name).type) for part in parts
        )
    )


def _chosen(schema: Any, names: Sequence[str]) -> Any:
    return pa.schema([schema.field(name) for name in names])


def _check_same(has: list[str], other: list[str], one: str, lacking: str) -> None:
    there = frozenset(other)
    absent = [name for name in has if name not in there]
    if absent:
        listed = ", ".join(map(repr, absent[:10]))
        raise DataError(f"{lacking} lacks columns that {one} has: {listed}")


# ---- types


def unified(schemas: Sequence[Any], parts: Sequence[Part]) -> Any:
    """The schema that holds all of them; DataError names two files that nothing holds."""
    fields = []
    for j, first in enumerate(schemas[0]):
        type_, origin = first.type, parts[0]
        for schema, part in zip(schemas, parts, strict=True):
            other = schema.field(j).type
            wider = common_type(type_, other)
            if wider is None:
                raise DataError(
                    f"column {first.name!r} is {_shown(type_)} in {origin.name},"
                    f" but {_shown(other)} in {part.name}",
                    "give the files the same types; texts that stand for missing values can be"
                    " named (na, --na)",
                )
            if wider != type_:
                type_, origin = wider, part
        fields.append(pa.field(first.name, type_))
    return pa.schema(fields)


def common_type(one: Any, other: Any) -> Any | None:
    """The type that holds both exactly enough: text for texts, the wider one for numbers."""
    if one == other:
        return one
    if is_text(one) and is_text(other):
        return TEXT
    # what decimals become in the end; no decimal type holds all numbers of another
    one, other = (pa.float64() if pa.types.is_decimal(t) else t for t in (one, other))
    try:
        merged = pa.unify_schemas(
            [pa.schema([("c", one)]), pa.schema([("c", other)])], promote_options="permissive"
        )
    except pa.ArrowException:
        return None
    return merged.field(0).type


def _settled(schema: Any, parts: Sequence[Part]) -> Any:
    """The types to read: text as TEXT; and where none was found in a first look, text too."""
    all_seen = all(part.settled for part in parts)
    types = [
        TEXT if _plain_text(type_) or (pa.types.is_null(type_) and not all_seen) else type_
        for type_ in schema.types
    ]
    return pa.schema(list(zip(schema.names, types, strict=True)))


def _plain_text(type_: Any) -> bool:
    return is_text(type_) and type_ != ORDERED


def _shown(type_: Any) -> str:
    return "string" if is_text(type_) else str(type_)


def _notes(parts: Sequence[Part], schemas: Sequence[Any], target: Any) -> tuple[str, ...]:
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    for j, column in enumerate(target):
        found: dict[str, str] = {}
        for schema, part in zip(schemas, parts, strict=True):
            if not pa.types.is_null(schema.field(j).type):
                found.setdefault(_shown(schema.field(j).type), part.name)
        if len(found) > 1:
            listed = ", ".join(f"{type_} in {name}" for type_, name in found.items())
            notes.append(f"column {column.name!r} is {listed}: read as {_shown(column.type)}")
    return tuple(notes)
