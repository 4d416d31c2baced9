"""The terms of a formula, parsed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from logloss.errors import MissingExtra, UsageError
from logloss.table.formula.language import (
    MOST_FACTORS,
    MOST_TERMS,
    FactorTree,
    options_of,
    parse_factor,
)


@dataclass(frozen=True)
class Formula:
    """A formula that was checked.

    Attributes
    ----------
    text : str
        As it was given.
    terms : tuple of tuple of str
        The factors of each term; their product is the term.
    intercept : bool
        Whether it has one.
    """

    text: str
    terms: tuple[tuple[str, ...], ...]
    intercept: bool

    @cached_property
    def factors(self) -> dict[str, FactorTree]:
        """Text → tree, each factor once."""
        return {text: parse_factor(text) for term in self.terms for text in term}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs."""
        used = (name for factor in self.factors.values() for name in factor.columns)
        return tuple(dict.fromkeys(used))

    @cached_property
    def levels_of(self) -> frozenset[str]:
        """The columns whose values are taken as levels, whatever they are."""
        return frozenset(f.levels_of for f in self.factors.values() if f.levels_of is not None)

    def check(self) -> None:
        """Raise a UsageError where a factor is not allowed, or two terms have one name."""
        if not self.terms:
            raise UsageError("the formula has no terms", "name a column at least")
        if len(self.terms) > MOST_TERMS:
            raise UsageError(f"formula: there are more than {MOST_TERMS:,} terms")
        if max(map(len, self.terms)) > MOST_FACTORS:
            raise UsageError(f"formula: a term has more than {MOST_FACTORS} factors")
        names = [factor.column or factor.text for factor in self.factors.values()]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"formula: {twice!r} is a column, and what a function makes of one")


def formula_of(text: Any) -> Formula:
    """Parse a formula.

    Raises
    ------
    UsageError
        It cannot be parsed, or holds what a formula cannot.
    MissingExtra
        formulaic is not installed.
    """
    if not isinstance(text, str) or not text.strip():
        raise UsageError(
            f"formula must be text, not {text!r}", 'write it like formula="age + C(race)"'
        )
    terms, intercept = formulaic().parsed(text)
    formula = Formula(text, tuple(terms), intercept)
    formula.check()
    return formula


def formulaic() -> Any:
    """The module that imports formulaic; MissingExtra where it is not installed."""
    try:
        from logloss.table.formula import matrix
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("formulaic", "pandas"):
            raise
        raise MissingExtra(
            "formulas need formulaic, which is not installed", "pip install 'logloss[formula]'"
        ) from None
    return matrix


def width_of(formula: Formula, sizes: Mapping[str, int]) -> int:
    """How many columns the matrix has at most."""
    total = 0
    for term in formula.terms:
        columns = 1
        for text in term:
            factor = formula.factors[text]
            name = factor.levels_of or factor.column
            columns *= sizes.get(name or "", 0) or most_columns(factor)
        total += columns
    return total


def most_columns(factor: FactorTree) -> int:
    """Of a factor of numbers."""
    most = 1
    for call in factor.stateful:
        options = options_of(call)
        counted = options.get("df") or 0
        most += counted + options.get("degree", 3) + len(options.get("knots") or ())
    return most
