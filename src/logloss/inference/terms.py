"""Terms to test, and what goes with them: tests obey marginality (type II, as in R's car::Anova).

A term of a formula is tested without those that it is a part of: `age` in `age * t` beside `t`
alone, as the term `age:t` would make up for it. So the fit without the term and its relatives is
compared with the fit without these relatives. A column of a table has none.

Several terms can be tested together: one statistic, for the fit without all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from logloss.errors import UsageError, nearest

if TYPE_CHECKING:
    from logloss.table import Schema

Fall = Callable[[tuple[str, ...]], tuple[float, int]]


@final
@dataclass(frozen=True)
class Hypothesis:
    """What is tested.

    Attributes
    ----------
    name : str
    coefficients : tuple of str
        Those that are 0 if it holds.
    relatives : tuple of str
        Those of the terms that it is a part of: 0 on both sides.
    """

    name: str
    coefficients: tuple[str, ...]
    relatives: tuple[str, ...] = ()

    def fall(self, fall: Fall) -> tuple[float, int]:
        """The statistic and its degrees of freedom.

        `fall`: coefficients that are 0 → by how much that is worse than the fit, and their rank.
        """
        all_of_them, rank = fall((*self.coefficients, *self.relatives))
        without, less = fall(self.relatives) if self.relatives else (0.0, 0)
        df = rank - less
        return (max(0.0, all_of_them - without) if df > 0 else 0.0), df


def terms_of(schema: Schema, chosen: Collection[Any] | str | None) -> list[Hypothesis]:
    """The terms to test: each, or those that are `chosen`, where a collection is one test.

    Raises
    ------
    UsageError
        There is no such term.
    """
    everything = {column.name: column.coefficient_names for column in schema.columns}
    factors = schema.factors_of_terms
    if chosen is None:
        chosen = list(everything)
    wanted = [chosen] if isinstance(chosen, str) else list(chosen)
    return [_tested(one, everything, factors) for one in wanted]


def _tested(
    chosen: Any,
    everything: Mapping[str, tuple[str, ...]],
    factors: Mapping[str, frozenset[str]],
) -> Hypothesis:
    together: Sequence[str] = [chosen] if isinstance(chosen, str) else list(dict.fromkeys(chosen))
    _check_terms(together, everything)
    relatives = [other for other in everything if _is_part(together, other, factors)]
    tested, held = (_coefficients(names, everything) for names in (together, relatives))
    return Hypothesis(" + ".join(together), tested, held)


def _check_terms(names: Sequence[str], everything: Collection[str]) -> None:
    """A UsageError where there is no such term, or none at all."""
    for name in names:
        if name not in everything:
            near = nearest(str(name), everything)
            hint = f"did you mean {near!r}?" if near else f"the terms are {_listed(everything)}"
            raise UsageError(f"terms names {name!r}, which is no column of the fit", hint)
    if not names:
        raise UsageError("terms has an empty collection", "name a term at least")


def _is_part(tested: Sequence[str], other: str, factors: Mapping[str, frozenset[str]]) -> bool:
    """Whether one of the terms is a part of another one, which is not tested with it."""
    return other not in tested and any(factors[name] < factors[other] for name in tested)


def _coefficients(
    names: Sequence[str], everything: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    return tuple(one for name in names for one in everything[name])


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(map(repr, list(names)[:10]))
    return shown if len(names) <= 10 else f"{shown}, …"
