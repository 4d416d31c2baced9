"""`logloss predict`: probabilities for the rows of a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import logloss
from logloss.cli import options
from logloss.cli.models import say_first
from logloss.cli.outcome import DONE
from logloss.cli.progress import Progress
from logloss.cli.tables import writer
from logloss.cli.terminal import say, standard_output
from logloss.errors import counted
from logloss.files.atomic import check_writable, replacing

if TYPE_CHECKING:
    from logloss.model.model import Model
    from logloss.table import Source


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
    sql: options.Sql = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = None,
    n_threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> int:
    """Score the rows of a table of any size, batch by batch.

    The output has one row per row of TABLE, in its order, and two columns: probability, of the
    positive label, and prediction, the likelier label. A perceptron has no probabilities: then
    there is the prediction alone. Columns of TABLE are found by name. Levels and missing values
    that the model does not know score as the average does; how many there are is said at the end.
    """
    open_writer = writer(output)
    if output is not None:
        check_writable(output)
    fitted = logloss.load(model)
    reading = options.Reading(sql, delimiter, quote, header)
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(Progress(table, 0.0, None, quiet or output is None))
        source = progress.reading(reading.open_for(fitted, table))
        batches = _scored(fitted, source, n_threads)
        first = next(batches)  # what is wrong with the table comes before the file
        destination = standard_output() if output is None else replacing(output)
        file = stack.enter_context(destination)
        n_rows = first.num_rows
        with open_writer(first.schema, file) as out:
            out.write(first)
            for batch in batches:
                out.write(batch)
                n_rows += batch.num_rows
    if not quiet:
        say_first(fitted)
    if output is not None and not quiet:
        say(f"{counted(n_rows, 'row')} written to {output}")
    return DONE


def _scored(model: Model, table: Source, n_threads: int | None) -> Iterator[Any]:
    """Record batches with the columns probability (where there is one) and prediction."""
    import numpy as np
    import pyarrow as pa

    from logloss.table.design.design import threads

    labels = pa.array(model.classes)
    certain = model.certificate.status.name == "NO_LOSS"
    most = n_threads or max(1, threads(None) - 1)  # one reads the next batch
    for z in model.decision_batches(table, n_threads=most):
        indices = pa.array((z > 0).astype(np.int8))
        columns = {} if certain else {"probability": pa.array(logloss.sigmoid(z))}
        yield pa.record_batch({**columns, "prediction": labels.take(indices)})
