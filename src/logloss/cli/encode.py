"""`logloss encode`: a table, encoded once and kept as a spool."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Annotated

import typer

from logloss.cli import options
from logloss.cli.outcome import DONE
from logloss.cli.progress import Progress
from logloss.cli.terminal import emit
from logloss.files.atomic import check_writable
from logloss.files.memory import n_bytes

_MEMORY = "2GB"


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
    from logloss.cli.spooling import Spooling

    check_writable(output)
    spooling = Spooling(n_bytes(memory), str(spool or output.absolute().parent), tuple(na or ()))
    reading = options.Reading(sql, delimiter, quote, header, na, exclude)
    with Progress(table, 0.0, None, quiet) as progress:
        source = progress.reading(reading.open(table))
        fingerprint = spooling.fingerprint(_files(table))
        columns = spooling.columns(source)
        progress.show(f"writing {output}")
        spooling.write(output, columns, fingerprint)
    if not quiet:
        emit(spooling.summary(columns, output))
    return DONE


def _files(table: str) -> list[Path]:
    path = Path(table).expanduser()
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    return [path] if path.exists() else sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207
