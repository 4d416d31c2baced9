"""`logloss encode`: a table, encoded once and kept as a spool."""

from __future__ import annotations

import glob
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from logloss.cli import options
from logloss.cli.outcome import DONE
from logloss.cli.progress import Progress
from logloss.cli.terminal import emit
from logloss.errors import UsageError
from logloss.files.atomic import check_writable

if TYPE_CHECKING:
    from logloss.table.columns.typed import Columns

_MEMORY = "2GB"
_SHOWN = 20  # columns listed


def encode(
    table: options.Table,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Write the spool here.")
    ],
    exclude: options.Exclude = None,
    na: options.Na = None,
    sql: options.Sql = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = None,
    memory: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory for the columns; more goes to the disk.")
    ] = _MEMORY,
    spool: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where scratch files go. [default: beside FILE]"),
    ] = None,
    quiet: options.Quiet = False,
) -> int:
    """Encode a table once, and keep it as a file to fit from.

    Numbers take the narrowest type that holds them exactly, text becomes codes. 'logloss fit' and
    the other commands take the spool in place of TABLE, and refuse it when TABLE has changed
    since. It is an Arrow file that other tools read too.
    """
    from logloss.files.memory import n_bytes
    from logloss.table.encoding.scratch import Spilling
    from logloss.table.encoding.stream import encoded
    from logloss.table.spool.fingerprint import Fingerprint
    from logloss.table.spool.spool import write_spool

    check_writable(output)
    storage = Spilling(n_bytes(memory), str(spool or output.absolute().parent))
    reading = options.Reading(sql, delimiter, quote, header, na, exclude)
    with Progress(table, 0.0, None, quiet) as progress:
        source = progress.reading(reading.open(table))
        fingerprint = Fingerprint.of(_files(table), na=sorted(na or ()))
        if source.stream is not None:
            source = encoded(source, na or (), storage)
        columns = source.columns
        if columns is None:
            raise UsageError(f"{source.where} has no columns to encode")
        progress.show(f"writing {output}")
        write_spool(output, columns, fingerprint)
    if not quiet:
        emit(_summary(columns, output))
    return DONE


def _files(table: str) -> list[Path]:
    path = Path(table).expanduser()
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    return [path] if path.exists() else sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207


def _summary(columns: Columns, output: Path) -> str:
    from logloss.table.columns.typed import Codes, Numbers, Unusable

    types: Counter[str] = Counter()
    n_bytes = 0
    for column in columns.by_name.values():
        if isinstance(column, Numbers):
            types[column.values.dtype.name] += 1
            n_bytes += column.values.nbytes + (0 if column.valid is None else column.valid.nbytes)
        elif isinstance(column, Codes):
            types[f"codes in {column.codes.dtype.name}"] += 1
            n_bytes += column.codes.nbytes
    unusable = {n: c for n, c in columns.by_name.items() if isinstance(c, Unusable)}
    listed = ", ".join(f"{count} {name}" for name, count in types.most_common())
    n_used = len(columns.by_name) - len(unusable)
    per_row = n_bytes / max(columns.n_rows, 1)
    lines = [
        f"{output}: {columns.n_rows:,} rows, {n_used:,} columns, {per_row:.1f} bytes per row",
        f"types: {listed or 'none'}",
    ]
    shown = list(unusable.items())[:_SHOWN]
    lines += [f"not usable: {name!r} {column.reason}" for name, column in shown]
    if len(unusable) > _SHOWN:
        lines.append(f"not usable: {len(unusable) - _SHOWN:,} more")
    return "\n".join(lines)
