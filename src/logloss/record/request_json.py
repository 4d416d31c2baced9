"""A settled request as a model file holds it: one object, `options`, with a key for each option.

Files of before have fewer keys; what they do not tell is left as it is by default, and noted in
`Request.untold`, so that such a file is written again as it was. Keys that are not known here are
kept as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from logloss.errors import ModelFileError
from logloss.files import strict_json as js
from logloss.record.options import OPTIONS
from logloss.record.penalty_options import Ends
from logloss.record.request import Request
from logloss.record.weighting import MEANINGS
from logloss.table.treatment import Missing

_SETTINGS = ("solver", "settings")  # of a solver that is an object
_COVARIANCES = ("hessian", "HC0", "HC1", "cluster")


def request_to_json(request: Request) -> dict[str, Any]:
    """Return what was asked for as plain values; target, weights and offset stand elsewhere."""
    usual = Request()
    found = {}
    for key, saved in SAVED.items():
        value = saved.of(request)
        if key not in request.untold or value != saved.of(usual):
            found[key] = saved.plain(value)
    return {**found, **request.others}


def request_from_json(value: object, where: str) -> Request:
    """Return the request that `request_to_json` gave; ModelFileError for what is none."""
    given = _ANY_OPTION(value, where)
    parts: dict[str, dict[str, Any]] = {}
    for key, saved in SAVED.items():
        found = None if key not in given else saved.check(given[key], f"{where}.{key}")
        if found is not None:
            parts.setdefault(saved.part, {})[saved.name] = found
    usual = Request(untold=frozenset(SAVED) - given.keys(), others=_others(given))
    own = parts.pop("", {})
    inner = {part: replace(getattr(usual, part), **one) for part, one in parts.items()}
    return replace(usual, **own, **inner)


def check_named(request: Request, names: Sequence[str]) -> None:
    """Penalty factors and bounds are those of coefficients."""
    known = frozenset(names)
    given = {"penalty_factors": request.penalty.factors, "bounds": request.penalty.bounds}
    for key, by_name in given.items():
        for name in by_name or ():
            if name not in known:
                raise ModelFileError(
                    f"model.options.{key}: {name[:80]!a} is no coefficient of the schema"
                )


@dataclass(frozen=True)
class Saved:
    """How an option is saved: the part of a request that has it, its name there, and its check."""

    part: str
    name: str
    check: js.Check[Any]
    plain: Callable[[Any], Any]

    def of(self, request: Request) -> Any:
        """Its value."""
        return getattr(getattr(request, self.part) if self.part else request, self.name)


def _saved(key: str, check: js.Check[Any]) -> Saved:
    part, name = OPTIONS[key].place or ("", "") if key in OPTIONS else _SETTINGS
    return Saved(part, name, check, _PLAIN.get(key, lambda value: value))


def _others(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key not in SAVED}


def _factor(value: object, where: str) -> float:
    factor = js.number(value, where)
    return factor if factor >= 0.0 else js.refuse(where, "a number that is not negative", value)


def _ends(value: object, where: str) -> Ends:
    low, high = js.list_of(js.optional(js.number), length=2)(value, where)
    if low is not None and high is not None and low > high:
        js.refuse(where, "a lower bound and an upper one", value)
    return low, high


def _ends_to_json(bounds: Mapping[str, Ends] | None) -> dict[str, list[float | None]] | None:
    return None if bounds is None else {name: list(ends) for name, ends in bounds.items()}


def _size(value: object, where: str) -> float:
    """C; JSON has no infinity."""
    return math.inf if value == "inf" else js.positive(value, where)


def _prior(value: object, where: str) -> float:
    prior = js.number(value, where)
    return prior if 0.0 < prior < 1.0 else js.refuse(where, "a share between 0 and 1", value)


def _class_weight(value: object, where: str) -> str | dict[Any, float]:
    if value == "balanced":
        return "balanced"
    pairs = js.list_of(js.list_of(js.label, length=2))(value, where)
    found = {
        label: js.number(weight, f"{where}[{k}][1]") for k, (label, weight) in enumerate(pairs)
    }
    return found if len(found) == len(pairs) else js.refuse(where, "each label once", value)


def _pairs(class_weight: Mapping[Any, float] | str | None) -> Any:
    """Class weights; keys of JSON are text, so they are pairs."""
    if class_weight is None or isinstance(class_weight, str):
        return class_weight
    return [[label, weight] for label, weight in class_weight.items()]


def _flag(value: object, where: str) -> bool:
    return value if type(value) is bool else js.refuse(where, "true or false", value)


def _whole(value: object, where: str) -> int:
    found = js.count(value, where)
    return found if found > 0 else js.refuse(where, "a whole number above 0", value)


def _word(*known: str) -> js.Check[str]:
    def checked(value: object, where: str) -> str:
        if value not in known:
            js.refuse(where, f"one of {', '.join(known)}", value)
        return str(value)

    return checked


def _missing(value: object, where: str) -> Missing:
    return Missing(_word(*(one.value for one in Missing))(value, where))


def _texts(value: object, where: str) -> tuple[str, ...]:
    return tuple(js.list_of(js.text)(value, where))


_ANY_OPTION = js.mapping_of(js.plain)
_CHECKS: Mapping[str, js.Check[Any]] = {
    "C": js.optional(_size),
    "l1_ratio": js.optional(js.between(0.0, 1.0)),
    "l1": js.optional(_factor),
    "l2": js.optional(_factor),
    "standardize": _flag,
    "penalty_factors": js.optional(js.mapping_of(_factor)),
    "bounds": js.optional(js.mapping_of(_ends)),
    "fit_intercept": _flag,
    "class_weight": js.optional(_class_weight),
    "weights_are": js.optional(_word(*MEANINGS)),
    "positive": js.optional(js.label),
    "exclude": _texts,
    "firth": _flag,
    "solver": js.text,
    "solver_settings": js.mapping_of(js.scalar),
    "random_state": js.optional(js.count),
    "tol": js.optional(js.between(0.0, 1.0)),
    "max_iter": js.optional(_whole),
    "time_budget": js.optional(js.positive),
    "n_threads": js.optional(_whole),
    "missing": _missing,
    "na": _texts,
    "min_count": js.optional(_factor),
    "memory": js.optional(_whole),
    "formula": js.optional(js.text),
    "prior": js.optional(_prior),
    "covariance": js.optional(_word(*_COVARIANCES)),
    "groups": js.optional(js.text),
}
"""Not here: target, weights and offset, which the file has beside these; and the folder of the
temporary file, which is of one machine: a file from elsewhere should not say where to write."""

_PLAIN: Mapping[str, Callable[[Any], Any]] = {  # where a value is no plain one
    "C": lambda size: size if math.isfinite(size) else "inf",
    "bounds": _ends_to_json,
    "class_weight": _pairs,
    "exclude": list,
    "solver_settings": dict,
    "missing": lambda missing: missing.value,
    "na": list,
}
SAVED: Mapping[str, Saved] = {key: _saved(key, check) for key, check in _CHECKS.items()}
