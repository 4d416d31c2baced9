"""What is said of a model, in the words of the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logloss.cli.terminal import emit, emit_json, say
from logloss.record.interface import COMMAND_LINE
from logloss.report import first_words

if TYPE_CHECKING:
    from logloss.model.model import Model


def emit_model(model: Model, json: bool, distribution: str | None = None) -> None:
    """Write the summary to standard output, or all of the model as JSON.

    `distribution`: of p-values and limits, normal or t.
    """
    if json:
        emit_json(model.dumps().rstrip("\n"))
    else:
        summary = model.summary(distribution=distribution or "normal")
        emit(str(replace(summary, interface=COMMAND_LINE)))


def say_first(model: Model) -> None:
    """Say what must be known before a model is used, where its summary is not shown."""
    words = first_words(model.fitted, COMMAND_LINE)
    if words:
        say(f"note: {words}")
