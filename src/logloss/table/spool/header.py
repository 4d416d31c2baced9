"""The words of a spool: JSON in the metadata of its schema, with a checksum of its own."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

from logloss.errors import DataError
from logloss.files import strict_json as js
from logloss.table.spool.fingerprint import Fingerprint

VERSION = 1

_RECORD = b"logloss.spool"
_CHECKSUM = b"logloss.spool.crc32"
_PADDING = b"logloss.spool.padding"


@dataclass(frozen=True)
class Header:
    """What a spool says about itself.

    Attributes
    ----------
    n_rows : int
    columns : list of dict
        Name and kind of each column, in order, and what is needed to build it and to check it.
    source : Fingerprint
    """

    n_rows: int
    columns: list[dict[str, Any]]
    source: Fingerprint

    def to_metadata(self, padding: int) -> dict[bytes, bytes]:
        """The schema's metadata; `padding` moves what follows it by so many bytes."""
        record = {
            "version": VERSION,
            "n_rows": self.n_rows,
            "columns": self.columns,
            "source": self.source.to_json(),
        }
        text = json.dumps(record, ensure_ascii=True).encode()
        return {_RECORD: text, _CHECKSUM: b"%08x" % zlib.crc32(text), _PADDING: b" " * padding}


def read_header(metadata: dict[bytes, bytes] | None, where: str) -> Header:
    """The header in the metadata of a schema.

    Raises
    ------
    DataError
        No spool, or one of a newer version.
    ValueError, LookupError, TypeError, ModelFileError
        Damage.
    """
    text = (metadata or {}).get(_RECORD)
    if metadata is None or text is None:
        raise DataError(
            f"{where} is an Arrow file, but not a spool",
            "read it as a table: give it the ending .arrow",
        )
    if metadata[_CHECKSUM] != b"%08x" % zlib.crc32(text):
        raise ValueError("the checksum of its header is not that of the header")
    record = js.parse(text)
    version = record.get("version") if isinstance(record, dict) else None
    if type(version) is int and version > VERSION:
        raise DataError(
            f"{where} is a spool of version {version}, and this program knows versions"
            f" up to {VERSION}",
            "update logloss, or encode the table again with this version",
        )
    fields = _check(record, "header")
    return Header(fields["n_rows"], fields["columns"], Fingerprint.from_json(fields["source"]))


# ---- a header by a stranger may have a checksum that is right


def _any_text(value: object, where: str) -> str:
    """Text, and names of files that are none."""
    return value if type(value) is str else js.refuse(where, "text", value)


def _whole(value: object, where: str) -> int:
    fits = type(value) is int and abs(value) < 2**63
    return value if fits else js.refuse(where, "a whole number", value)  # type: ignore[return-value]


def _flag(value: object, where: str) -> bool:
    return value if type(value) is bool else js.refuse(where, "true or false", value)


def _file(value: object, where: str) -> list[Any]:
    if type(value) is not list or len(value) != 3:
        js.refuse(where, "a path, a size and a time", value)
    return [_any_text(value[0], where), js.count(value[1], where), _whole(value[2], where)]


def _column(value: object, where: str) -> dict[str, Any]:
    kind = value.get("kind") if isinstance(value, dict) else None
    if type(kind) is not str or kind not in _KINDS:
        js.refuse(where, f"a column of the kinds {', '.join(_KINDS)}", value)
    fields = {"name": js.text, "kind": js.text, "type": js.text, **_KINDS[kind]}
    return js.record(fields, or_none=_LATER.get(kind))(value, where)


_KINDS: dict[str, dict[str, js.Check[Any]]] = {
    "numbers": {"values": js.count, "valid": js.optional(js.count)},
    "codes": {"codes": js.count, "levels": js.count, "missing": js.optional(js.count)},
    "unusable": {"reason": js.text, "hint": js.text, "fatal": _flag},
}
# What earlier versions did not write.
_REMARKS = {"remarks": js.list_of(js.text)}
_LATER: dict[str, dict[str, js.Check[Any]]] = {
    "numbers": _REMARKS,
    "codes": {"declared": js.optional(js.list_of(js.scalar)), **_REMARKS},
    "unusable": _REMARKS,
}
_check = js.record(
    {
        "version": js.count,
        "n_rows": js.count,
        "columns": js.list_of(_column),
        "source": js.record(
            {"files": js.list_of(_file), "reading": js.mapping_of(js.plain)},
        ),
    }
)
