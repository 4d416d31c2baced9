"""The words of a spool: JSON in the metadata of its schema, with a checksum of its own."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

from logloss.errors import DataError
from logloss.table.encoding.fingerprint import Fingerprint

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
    ValueError, LookupError, TypeError
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
    record = json.loads(text)
    if record["version"] > VERSION:
        raise DataError(
            f"{where} is a spool of version {record['version']}, and this program knows versions"
            f" up to {VERSION}",
            "update logloss, or encode the table again with this version",
        )
    columns = list(record["columns"])
    return Header(int(record["n_rows"]), columns, Fingerprint.from_json(record["source"]))
