"""Options that more than one command has, or that need words of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from logloss.errors import UsageError

Bound: TypeAlias = float | None

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

Target: TypeAlias = Annotated[str, typer.Option(metavar="COL", help="The column to explain.")]
Positive: TypeAlias = Annotated[
    str | None, typer.Option(metavar="LABEL", help="Which label of the target is positive.")
]
C: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--C", metavar="C", help="Strength of the data against the penalty, as in scikit-learn."
    ),
]
L1Ratio: TypeAlias = Annotated[
    float | None, typer.Option(metavar="R", help="Share of L1 in the penalty of --C.")
]
L1: TypeAlias = Annotated[
    float | None, typer.Option(metavar="A", help="L1 penalty on the mean loss, as in glmnet.")
]
L2: TypeAlias = Annotated[
    float | None, typer.Option(metavar="B", help="L2 penalty on the mean loss, as in glmnet.")
]
Standardize: TypeAlias = Annotated[
    bool, typer.Option("--standardize", help="Penalise per standard deviation of the columns.")
]
PenaltyFactors: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--penalty-factor",
        metavar="NAME=F",
        help="Multiply the penalty of a coefficient by F; 0: none. May be repeated.",
    ),
]
Bounds: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--bound",
        metavar="NAME=LO:HI",
        help="Keep a coefficient in bounds; an end may be left out: age=0: is not negative."
        " May be repeated.",
    ),
]
Weights: TypeAlias = Annotated[
    str | None, typer.Option(metavar="COL", help="The column of row weights.")
]
Offset: TypeAlias = Annotated[
    str | None, typer.Option(metavar="COL", help="The column added to the log odds.")
]
Prior: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="TAU", help="Share of positives in the population: corrects the intercept."
    ),
]
Exclude: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="COL", help="Leave a column out; may be repeated.")
]

RandomState: TypeAlias = Annotated[
    int | None,
    typer.Option("--random-state", metavar="N", help="Seed of solvers that read rows at random."),
]


def factors(given: Sequence[str] | None) -> dict[str, float] | None:
    """The mapping that the words of --penalty-factor stand for, such as age=0."""
    if not given:
        return None
    parsed: dict[str, float] = {}
    for word in given:
        name, value = _named("--penalty-factor", word, "age=0", parsed)
        parsed[name] = _number("--penalty-factor", word, value, "age=0")
    return parsed


def bounds(given: Sequence[str] | None) -> dict[str, tuple[Bound, Bound] | str] | None:
    """The mapping that the words of --bound stand for: age=0:, age=:2, age=-1:1, age=+, age=-."""
    if not given:
        return None
    parsed: dict[str, tuple[Bound, Bound] | str] = {}
    for word in given:
        name, value = _named("--bound", word, "age=0:2", parsed)
        if value in ("+", "-"):
            parsed[name] = value
            continue
        low, colon, high = value.partition(":")
        if not colon or not (low or high):
            raise _unreadable("--bound", word, "age=0:2")
        parsed[name] = (_end(word, low), _end(word, high))
    return parsed


def _end(word: str, value: str) -> Bound:
    return _number("--bound", word, value, "age=0:2") if value else None


def _named(option: str, word: str, example: str, known: Collection[str]) -> tuple[str, str]:
    """What stands left and right of the last = of a word."""
    name, equals, value = word.rpartition("=")
    if not equals or not name or not value:
        raise _unreadable(option, word, example)
    if name in known:
        raise UsageError(f"{option} is given twice for {name!r}", "give each name once")
    return name, value


def _number(option: str, word: str, value: str, example: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _unreadable(option, word, example) from None


def _unreadable(option: str, word: str, example: str) -> UsageError:
    return UsageError(f"{option} {word!r} cannot be read", f"write it like {option} {example}")
