"""Options that more than one command has, or that need words of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from logloss.errors import UsageError

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
Threads: TypeAlias = Annotated[
    int | None, typer.Option("--n-threads", metavar="N", min=1, help="At most this many threads.")
]

Target: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="COL", help="The column to explain, by name or position (0 the first, -1 the last)."
    ),
]
Positive: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL", help="The positive label; all others of the target are negative."
    ),
]
C: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--C", metavar="C", help="The smaller, the stronger the penalty, as in scikit-learn."
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
WeightsAre: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--weights-are",
        metavar="WORD",
        help="What weights mean: frequency (a row stands for so many), sampling (robust standard"
        " errors, no likelihood) or variance (a row is a mean of so many)."
        " [default: whole numbers are frequencies, others sampling weights]",
        show_default=False,
    ),
]
Covariance: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--covariance",
        metavar="WORD",
        help="Of the standard errors: hessian, hc0, hc1, or cluster:COL for rows that belong"
        " together; COL is fitted too, unless it is excluded.",
    ),
]
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

Na: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT", help='Text that means a missing value, such as "?". May be repeated.'
    ),
]
Missing: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        help="Missing values: auto (text: a level, numbers: their mean and an indicator), error,"
        " drop (the row). [default: auto]",
    ),
]
MinCount: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="N", help="Take levels of text with fewer than N rows together. [default: 0]"
    ),
]
Formula: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="F",
        help="The terms to fit in place of the columns, as 'age + C(race) + bs(bmi, df=4)'.",
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
Memory: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory for the columns of a file, such as 2GB; beyond, they go to a temporary file."
        " [default: half of what is free]",
    ),
]
Spool: TypeAlias = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="The folder of that temporary file.")
]

RandomState: TypeAlias = Annotated[
    int | None,
    typer.Option("--random-state", metavar="N", help="Seed of solvers that read rows at random."),
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
        return self._read(table, na=tuple(self.na or ()), exclude=left_out)

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


_COVARIANCES = {"hessian": "hessian", "hc0": "HC0", "hc1": "HC1"}
_CLUSTER = "cluster:"


def covariance(word: str | None) -> tuple[str | None, str | None]:
    """The kind of covariance, and the column of groups, that a word of --covariance stands for."""
    if word is None:
        return None, None
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
