"""What was asked for of a fit, as its model file holds it: each option is of its own type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from logloss.errors import ModelFileError
from logloss.files import strict_json as js


def check_named(options: Mapping[str, Any], names: Sequence[str]) -> None:
    """Penalty factors and bounds are those of coefficients."""
    known = frozenset(names)
    for key in ("penalty_factors", "bounds"):
        for name in options.get(key) or ():
            if name not in known:
                raise ModelFileError(
                    f"model.options.{key}: {name[:80]!a} is no coefficient of the schema"
                )


def _factor(value: object, where: str) -> float:
    factor = js.number(value, where)
    return factor if factor >= 0.0 else js.refuse(where, "a number that is not negative", value)


def _bounds(value: object, where: str) -> list[float | None]:
    ends = js.list_of(js.optional(js.number), length=2)(value, where)
    low, high = ends
    if low is not None and high is not None and low > high:
        js.refuse(where, "a lower bound and an upper one", value)
    return ends


def _strength(value: object, where: str) -> Any:
    return value if value == "inf" else js.positive(value, where)


def _prior(value: object, where: str) -> float:
    prior = js.number(value, where)
    return prior if 0.0 < prior < 1.0 else js.refuse(where, "a share between 0 and 1", value)


def _class_weight(value: object, where: str) -> str | list[list[Any]]:
    if value == "balanced":
        return "balanced"
    pairs = js.list_of(js.list_of(js.label, length=2))(value, where)
    for k, (_, weight) in enumerate(pairs):
        js.number(weight, f"{where}[{k}][1]")
    return pairs


def _covariance(value: object, where: str) -> str:
    if value not in _COVARIANCES:
        js.refuse(where, f"one of {', '.join(_COVARIANCES)}", value)
    return str(value)


_COVARIANCES = ("hessian", "HC0", "HC1", "cluster")
_ANY_OPTION = js.mapping_of(js.plain)
_TYPED: Mapping[str, js.Check[Any]] = {
    "penalty_factors": js.optional(js.mapping_of(_factor)),
    "bounds": js.optional(js.mapping_of(_bounds)),
    "class_weight": js.optional(_class_weight),
    "C": js.optional(_strength),
    "l1": js.optional(_factor),
    "l2": js.optional(_factor),
    "l1_ratio": js.optional(js.between(0.0, 1.0)),
    "tol": js.optional(js.between(0.0, 1.0)),
    "time_budget": js.optional(js.positive),
    "min_count": js.optional(_factor),
    "prior": js.optional(_prior),
    "solver": js.text,
    "missing": js.text,
    "covariance": js.optional(_covariance),
    "groups": js.optional(js.text),
}
_FLAGS = ("fit_intercept", "firth", "standardize")


def options(value: object, where: str) -> dict[str, Any]:
    """What was asked for: what the summary and the predictions read of it is of its own type."""
    found = _ANY_OPTION(value, where)
    for key, option in found.items():
        inside = f"{where}.{key}"
        if key in _TYPED:
            _TYPED[key](option, inside)
        elif key in _FLAGS and type(option) is not bool:
            js.refuse(inside, "true or false", option)
    return found
