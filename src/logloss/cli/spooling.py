"""The work of `logloss encode`, which loads what its options alone do not need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from logloss.errors import UsageError, counted
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Columns
from logloss.table.encoding.scratch import Spilling
from logloss.table.encoding.stream import encoded
from logloss.table.spool.fingerprint import Fingerprint
from logloss.table.spool.spool import write_spool

_SHOWN = 20  # columns listed


@dataclass(frozen=True)
class Spooling:
    """How a table becomes a spool.

    Attributes
    ----------
    memory : int
        Bytes that columns may take; more goes to the disk.
    folder : str
        Where scratch files go.
    na : tuple of str
        Words that stand for missing values.
    """

    memory: int
    folder: str
    na: tuple[str, ...]

    def columns(self, source: Source) -> Columns:
        """The typed columns of a table."""
        if source.stream is not None:
            source = encoded(source, self.na, Spilling(self.memory, self.folder))
        if source.columns is None:
            raise UsageError(f"{source.where} has no columns to encode")
        return source.columns

    def fingerprint(self, files: Sequence[Path]) -> Fingerprint:
        """Of the files as they are now: taken before they are read, it tells when they change."""
        return Fingerprint.of(files, na=sorted(self.na))

    def write(self, output: Path, columns: Columns, fingerprint: Fingerprint) -> None:
        """The spool, which is refused when a file of the fingerprint has changed since."""
        write_spool(output, columns, fingerprint)

    def summary(self, columns: Columns, output: Path) -> str:
        """What was written, in words."""
        types: Counter[str] = Counter()
        n_bytes = 0
        for column in columns.by_name.values():
            if column.held_as is not None:
                types[column.held_as] += 1
                n_bytes += column.n_bytes
        unusable = columns.unusable
        listed = ", ".join(f"{count} {name}" for name, count in types.most_common())
        n_used = len(columns.by_name) - len(unusable)
        per_row = n_bytes / max(columns.n_rows, 1)
        size = f"{counted(columns.n_rows, 'row')}, {counted(n_used, 'column')}"
        lines = [
            f"{output}: {size}, {per_row:.1f} bytes per row",
            f"types: {listed or 'none'}",
        ]
        shown = list(unusable.items())[:_SHOWN]
        lines += [f"not usable: {name!r} {column.reason}" for name, column in shown]
        if len(unusable) > _SHOWN:
            lines.append(f"not usable: {len(unusable) - _SHOWN:,} more")
        return "\n".join(lines)
