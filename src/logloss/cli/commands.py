"""The commands by name."""

from __future__ import annotations

from typing import Annotated

import typer

import logloss
from logloss.cli import demo, encode, evaluate, fit, path, predict, race, show
from logloss.cli.terminal import emit

app = typer.Typer(
    name="logloss",
    help="Logistic regression with a proof: every fit says how far it is from the optimum.",
    epilog="Exit status: 0 done, 1 the data or the fit says no, 2 wrong use.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"logloss {logloss.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Logistic regression with a proof: every fit says how far it is from the optimum."""
    del version  # its callback has done the work


app.command("fit")(fit.fit)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("show")(show.show)
app.command("encode")(encode.encode)
app.command("path")(path.path)
app.command("race")(race.race)
app.command("demo")(demo.demo)
