"""What the functions of a formula learned, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import ModelFileError
from logloss.files import strict_json as js
from logloss.table.formula.language import MOST_KNOTS, options_of
from logloss.table.formula.terms import Formula, most_columns

Array = NDArray[np.float64]


def plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """What a function learned, as JSON."""
    return {name: _plain_value(state[name]) for name in sorted(state)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):  # of poly: by degree
        return [float(value[k]) for k in sorted(value)]
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value, np.float64).ravel().tolist() if np.ndim(value) else float(value)
    return value


def _some_numbers(value: object, where: str) -> list[float]:
    numbers = js.list_of(js.number)(value, where)
    if len(numbers) > 2 * MOST_KNOTS:
        js.refuse(where, f"at most {2 * MOST_KNOTS} numbers", value)
    return numbers


def _by_degree(value: object, where: str) -> dict[int, float]:
    return dict(enumerate(_some_numbers(value, where)))


def _constraint(value: object, where: str) -> Array | None:
    return None if value is None else np.array([_some_numbers(value, where)])


def boolean(value: object, where: str) -> bool:
    """Accept true or false."""
    if type(value) is not bool:
        js.refuse(where, "true or false", value)
    return value


_BOUNDS: dict[str, js.Check[Any]] = {"lower_bound": js.number, "upper_bound": js.number}
_CUBIC = {**_BOUNDS, "knots": _some_numbers, "constraints": _constraint, "cyclic": boolean}
_SCALE = {"ddof": js.count, "center": js.optional(js.number), "scale": js.optional(js.number)}
_STATES: dict[str, js.Check[dict[str, Any]]] = {
    "bs": js.record({**_BOUNDS, "knots": _some_numbers}),
    "cr": js.record(_CUBIC),
    "cs": js.record(_CUBIC),
    "cc": js.record(_CUBIC),
    "poly": js.record({"alpha": _by_degree, "norms2": _by_degree}),
    "center": js.record(_SCALE),
    "scale": js.record(_SCALE),
}
_check_nothing = js.record({})


def plain_states(formula: Formula, state: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """What each function learned, in the order in which the formula calls them."""
    return [plain(learned) for text in formula.factors for learned in state.get(text, ())]


def states_of(formula: Formula, record: Sequence[Any]) -> dict[str, list[dict[str, Any]]]:
    """Read what `plain_states` gave: of each function that learns something, and of no other."""
    calls = [(text, call) for text, f in formula.factors.items() for call in f.stateful]
    if len(record) != len(calls):
        raise ModelFileError("schema: what the functions of the formula learned is not all there")
    found: dict[str, list[dict[str, Any]]] = {}
    for k, ((text, call), state) in enumerate(zip(calls, record, strict=True)):
        learned = _check_of(call)(state, f"schema.state[{k}]")
        if len(learned.get("knots", ())) > 2 * most_columns(formula.factors[text]) + 4:
            raise ModelFileError(f"schema.state[{k}]: there are too many knots")
        found.setdefault(text, []).append(learned)
    return found


def _check_of(call: Any) -> js.Check[dict[str, Any]]:
    """What the state of a call is: nothing, where the powers are raw."""
    raw = call.func.id == "poly" and options_of(call).get("raw", False)
    return _check_nothing if raw else _STATES[call.func.id]
