"""Options that more than one command has, or that need words of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from logloss.errors import UsageError
from logloss.record.option import FIT
from logloss.record.options import options_of

if TYPE_CHECKING:
    from logloss.model.model import Model
    from logloss.table import Source

Bound: TypeAlias = float | None

Table: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="A CSV (also .gz), Parquet or Arrow file, a folder of them, a glob, a spool of"
        " 'logloss encode', or - for standard input. With --sql: a DuckDB database, or - for none.",
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


def declared(name: str, face: str = FIT) -> Any:
    """The option of this name, as the command `face` has it: from the one table of options."""
    one = options_of(face)[name]
    return typer.Option(
        *one.flags, metavar=one.metavar, help=one.help, min=one.least, show_default=False
    )


Target: TypeAlias = Annotated[str, declared("y")]
Positive: TypeAlias = Annotated[str | None, declared("positive")]
C: TypeAlias = Annotated[float | None, declared("C")]
L1Ratio: TypeAlias = Annotated[float | None, declared("l1_ratio")]
L1: TypeAlias = Annotated[float | None, declared("l1")]
L2: TypeAlias = Annotated[float | None, declared("l2")]
PenaltyFactors: TypeAlias = Annotated[list[str] | None, declared("penalty_factors")]
Bounds: TypeAlias = Annotated[list[str] | None, declared("bounds")]
Standardize: TypeAlias = Annotated[bool, declared("standardize")]
NoIntercept: TypeAlias = Annotated[bool, declared("fit_intercept")]
SolverName: TypeAlias = Annotated[str | None, declared("solver")]
Weights: TypeAlias = Annotated[str | None, declared("sample_weight")]
ClassWeight: TypeAlias = Annotated[list[str] | None, declared("class_weight")]
WeightsAre: TypeAlias = Annotated[str | None, declared("weights_are")]
Covariance: TypeAlias = Annotated[str | None, declared("covariance")]
Offset: TypeAlias = Annotated[str | None, declared("offset")]
Prior: TypeAlias = Annotated[float | None, declared("prior")]
Exclude: TypeAlias = Annotated[list[str] | None, declared("exclude")]
Na: TypeAlias = Annotated[list[str] | None, declared("na")]
Missing: TypeAlias = Annotated[str | None, declared("missing")]
MinCount: TypeAlias = Annotated[float | None, declared("min_count")]
Formula: TypeAlias = Annotated[str | None, declared("formula")]
RandomState: TypeAlias = Annotated[int | None, declared("random_state")]
Threads: TypeAlias = Annotated[int | None, declared("n_threads")]
Memory: TypeAlias = Annotated[str | None, declared("memory")]
Spool: TypeAlias = Annotated[str | None, declared("spool")]

Distribution: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--distribution",
        metavar="WORD",
        help="Of p-values and limits: normal, or t (Student's), which few clusters need."
        " [default: normal]",
        show_default=False,
    ),
]
Sql: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--sql", metavar="QUERY", help="Read the result of this query, which DuckDB runs."
    ),
]
Delimiter: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="CHAR", help="What separates values in a CSV file. [default: found out]"),
]
Quote: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="CHAR", help="What quotes values in a CSV file. [default: found out]"),
]
Header: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of a CSV file holds names; without names, columns are c0, c1,"
        " … [default: found out]",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Reading:
    """How to read the table of a command; `keep` is read even where it is excluded."""

    sql: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    na: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    keep: str | None = None

    def open(self, table: str, roles: Mapping[str, str | None] | None = None) -> Source:
        """The table, of which nothing but the head has been read.

        `roles`: options and the columns that they name, which cannot be excluded too.
        """
        for option, name in (roles or {}).items():
            if name is not None and name in (self.exclude or ()):
                raise UsageError(f"column {name!r} is given to both --exclude and {option}")
        left_out = tuple(name for name in self.exclude or () if name != self.keep)
        source = self._read(table, na=tuple(self.na or ()), exclude=left_out)
        return replace(source, excluded=left_out)

    @property
    def beside(self) -> tuple[str, ...] | None:
        """What is excluded from the fit, but read."""
        return (self.keep,) if self.keep is not None and self.keep in (self.exclude or ()) else None

    def open_for(self, model: Model, table: str, *others: str | None) -> Source:
        """The same for a model: its columns and some others, missing values as it knows them."""
        schema, offset = model.fitted.schema, model.fitted.offset
        names = [*schema.column_names, *filter(None, (offset, *others))]
        return self._read(table, columns=names, na=schema.na, text=schema.text_names)

    def _read(self, table: str, **chosen: Any) -> Source:
        from logloss.cli.tables import prepare_arrow
        from logloss.table import read
        from logloss.table.reading.options import Dialect, Sql

        prepare_arrow()
        source: Any = table
        if self.sql is not None:
            source = Sql(self.sql, None if table == "-" else table)
        dialect = Dialect(self.delimiter, self.quote, self.header)
        return read(source, dialect=dialect, where=table, **chosen)


def asked(face: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given to a command, by the keywords of the function of its name.

    `values`: the parameters of the command. What was not given keeps the default of the function.
    The target has a place of its own, and what is excluded was left out when the table was opened.
    """
    found = {}
    for name, option in options_of(face).items():
        value = values[option.parameter] if option.flags else None
        if value is not None and value is not False and value != []:
            found[name] = _READ.get(name, _as_it_is)(value)
    return {name: value for name, value in found.items() if name not in _APART}


_APART = frozenset(["y", "exclude"])


def _as_it_is(value: Any) -> Any:
    return value


_COVARIANCES = {"hessian": "hessian", "hc0": "HC0", "hc1": "HC1"}
_CLUSTER = "cluster:"


def covariance(word: str) -> tuple[str, str | None]:
    """The kind of covariance, and the column of groups, that a word of --covariance stands for."""
    column = word[len(_CLUSTER) :] if word.casefold().startswith(_CLUSTER) else ""
    if column:
        return "cluster", column
    kind = _COVARIANCES.get(word.casefold())
    if kind is None:
        raise UsageError(
            f"--covariance {word!r} cannot be read", "one of hessian, hc0, hc1, cluster:COLUMN"
        )
    return kind, None


def check_distribution(word: str | None) -> None:
    """UsageError where there is no such distribution."""
    if word not in (None, *_DISTRIBUTIONS):
        raise UsageError(f"--distribution must be one of {', '.join(_DISTRIBUTIONS)}, not {word!r}")


_DISTRIBUTIONS = ("normal", "t")


def factors(
    given: Sequence[str], option: str = "--penalty-factor", example: str = "age=0"
) -> dict[str, float]:
    """The mapping that the words of --penalty-factor stand for, such as age=0."""
    parsed: dict[str, float] = {}
    for word in given:
        name, value = _named(option, word, example, parsed)
        parsed[name] = _number(option, word, value, example)
    return parsed


def class_weight(given: Sequence[str]) -> dict[str, float] | str:
    """What the words of --class-weight stand for: yes=2, or balanced."""
    if [word.casefold() for word in given] == [_BALANCED]:
        return _BALANCED
    return factors(given, "--class-weight", "yes=2")


_BALANCED = "balanced"


def bounds(given: Sequence[str]) -> dict[str, tuple[Bound, Bound] | str]:
    """The mapping that the words of --bound stand for: age=0:, age=:2, age=-1:1, age=+, age=-."""
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


def _numbers(words: str) -> list[float]:
    try:
        return [float(word) for word in words.split(",")]
    except ValueError:
        raise UsageError(
            f"--lambdas {words!r} cannot be read", "write it like --lambdas 0.1,0.01,0.001"
        ) from None


def _solvers(words: str) -> list[str]:
    names = [name.strip() for name in words.split(",")]
    if not all(names):
        raise UsageError(f"--solvers {words!r} has an empty name", "write it like gd,lbfgs,newton")
    return names


def _start(file: Path) -> Model:
    from logloss.model.model import load

    return load(file)


def _unreadable(option: str, word: str, example: str) -> UsageError:
    return UsageError(f"{option} {word!r} cannot be read", f"write it like {option} {example}")


_READ: Mapping[str, Callable[[Any], Any]] = {  # what the words of a command stand for
    "lambdas": _numbers,
    "solvers": _solvers,
    "penalty_factors": factors,
    "bounds": bounds,
    "class_weight": class_weight,
    "fit_intercept": lambda _: False,
    "na": tuple,
    "start": _start,
}
