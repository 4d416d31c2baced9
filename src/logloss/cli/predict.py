"""`logloss predict`: probabilities for the rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logloss.cli import options
from logloss.cli.outcome import DONE
from logloss.cli.tables import writer
from logloss.cli.terminal import say, standard_output
from logloss.files.atomic import check_writable, replacing

if TYPE_CHECKING:
    from logloss.model import Model


def predict(
    model: options.ModelFile,
    table: options.Table,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write here, .parquet or .csv; without it, CSV to standard output.",
        ),
    ] = None,
    n_threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> int:
    """Score the rows of a table.

    The output has one row per row of TABLE, in its order, and two columns: probability, of the
    positive label, and prediction, the likelier label. A perceptron has no probabilities: then
    there is the prediction alone. Columns of TABLE are found by name.
    """
    from logloss.model import load

    write = writer(output)
    if output is not None:
        check_writable(output)
    scored = _scored(load(model), table, n_threads)
    if output is None:
        with standard_output() as file:
            write(scored, file)
        return DONE
    with replacing(output) as file:
        write(scored, file)
    if not quiet:
        say(f"{scored.num_rows:,} rows written to {output}")
    return DONE


def _scored(model: Model, table: str, n_threads: int | None) -> Any:
    """Return a pyarrow.Table with the columns probability (where there is one) and prediction."""
    import pyarrow as pa

    from logloss.bernoulli import sigmoid

    z = model.decision_function(table, n_threads=n_threads)
    likelier = pa.array(model.classes).take(pa.array((z > 0).astype("int8")))
    if model.certificate.status.name == "NO_LOSS":
        return pa.table({"prediction": likelier})
    return pa.table({"probability": pa.array(sigmoid(z)), "prediction": likelier})
