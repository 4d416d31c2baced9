"""Options that more than one command has, or that need words of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Table: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TABLE", help="A CSV (also .gz) or Parquet file, a folder of them, or a glob."
    ),
]
ModelFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model file, written by 'logloss fit --model'.")
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", "-q", help="Only errors, on standard error.")
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the model as JSON instead of the summary.")
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option("--n-threads", metavar="N", min=1, help="At most this many threads.")
]
