"""JSON from a stranger, checked before it is believed.

`parse` turns bytes into plain values and refuses what JSON does not have (NaN literals, duplicate
keys) or what only an attacker writes (nesting without end). The other functions are *checks*: each
takes a value and the place where it stands, gives the value back in its proper type, or raises
`ModelFileError` that names the place. Checks combine: ``record({"gap": measure, "reason": text})``.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn, TypeAlias, TypeVar

from logloss.errors import ModelFileError

T = TypeVar("T")
Check: TypeAlias = Callable[[object, str], T]

_INT_END = 2**63
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_PLAIN_DEPTH = 4


def parse(data: bytes) -> object:
    """Return the value that `data`, strict JSON in UTF-8, holds.

    Raises
    ------
    ModelFileError
        Where the bytes are not UTF-8 or not JSON, a key stands twice in one object, a number is a
        NaN or Infinity literal, or the nesting is deeper than Python's parser goes.
    """
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ModelFileError("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ModelFileError(f"it is not UTF-8 text (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ModelFileError(f"it is not JSON: {error.msg} ({where})") from None
    except ModelFileError:
        raise
    except ValueError:  # an integer of more digits than Python converts
        raise ModelFileError("a number in it is too long") from None


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ModelFileError(f"the key {reprlib.repr(twice)} stands twice in one object")
    return found


def _refuse_constant(literal: str) -> NoReturn:
    raise ModelFileError(f"{literal} is not a JSON number")


def refuse(where: str, expected: str, value: object) -> NoReturn:
    """Raise the error that says what was expected at a place, and what stands there."""
    raise ModelFileError(f"{where}: expected {expected}, found {reprlib.repr(value)}")


def _inside(where: str, key: str) -> str:
    simple = key.isidentifier() and len(key) < 40
    return f"{where}.{key}" if simple else f"{where}[{reprlib.repr(key)}]"


def text(value: object, where: str) -> str:
    """Accept text that can be written as UTF-8 (half a surrogate pair cannot)."""
    if type(value) is str:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            refuse(where, "text in Unicode", value)
        return value
    refuse(where, "text", value)


def number(value: object, where: str) -> float:
    """Accept a finite number."""
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < _INT_END:
        return float(value)
    refuse(where, "a finite number", value)


def measure(value: object, where: str) -> float:
    """Accept a number, or one of the words "nan", "inf" and "-inf": a quantity may be unknown."""
    if type(value) is str and value in _NON_FINITE:
        return _NON_FINITE[value]
    return number(value, where)


def between(low: float, high: float = math.inf, check: Check[float] = number) -> Check[float]:
    """Return a check for a number from `low` to `high`; what is unknown (nan) passes."""

    def checked(value: object, where: str) -> float:
        found = check(value, where)
        if found < low or found > high:
            limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of {low:g} or more"
            refuse(where, f"a number {limits}", value)
        return found

    return checked


def positive(value: object, where: str) -> float:
    """Accept a finite number above 0."""
    found = number(value, where)
    return found if found > 0.0 else refuse(where, "a number above 0", value)


def measure_to_json(value: float) -> float | str:
    """Return what `measure` accepts for `value`: JSON itself has no NaN and no infinity."""
    return float(value) if math.isfinite(value) else str(float(value))


def count(value: object, where: str) -> int:
    """Accept an integer from 0 to 2**63 - 1."""
    if type(value) is int and 0 <= value < _INT_END:
        return value
    refuse(where, "a count", value)


def scalar(value: object, where: str) -> Any:
    """Accept null, true, false, text, or a finite number that keeps its type."""
    if value is None or type(value) is bool:
        return value
    if type(value) is str:
        return text(value, where)
    kept = number(value, where)
    return value if type(value) is int else kept


def label(value: object, where: str) -> Any:
    """Accept a class label: text, true, false, or a finite number."""
    if value is None:
        refuse(where, "a label", value)
    return scalar(value, where)


def plain(value: object, where: str, depth: int = _PLAIN_DEPTH) -> Any:
    """Accept any JSON value of few levels with finite numbers."""
    if depth == 0:
        refuse(where, "fewer levels", value)
    if type(value) is list:
        return [plain(item, f"{where}[{i}]", depth - 1) for i, item in enumerate(value)]
    if type(value) is dict:
        return {text(k, where): plain(v, _inside(where, k), depth - 1) for k, v in value.items()}
    return scalar(value, where)


def check_known(where: str, names: Collection[str], *mappings: Mapping[str, Any]) -> None:
    """Refuse a mapping with a key that is not among `names`."""
    known = frozenset(names)
    for mapping in mappings:
        for key in mapping:
            if key not in known:
                raise ModelFileError(
                    f"{where}: {reprlib.repr(key)} is no coefficient of the schema"
                )


def optional(check: Check[T]) -> Check[T | None]:
    """Return a check that accepts null as well."""
    return lambda value, where: None if value is None else check(value, where)


def list_of(check: Check[T], length: int | None = None) -> Check[list[T]]:
    """Return a check for an array whose items all pass `check`."""

    def checked(value: object, where: str) -> list[T]:
        if type(value) is not list or length not in (None, len(value)):
            refuse(where, "an array" if length is None else f"an array of {length}", value)
        return [check(item, f"{where}[{i}]") for i, item in enumerate(value)]

    return checked


def mapping_of(check: Check[T]) -> Check[dict[str, T]]:
    """Return a check for an object with any keys, whose values all pass `check`."""

    def checked(value: object, where: str) -> dict[str, T]:
        if type(value) is not dict:
            refuse(where, "an object", value)
        return {text(k, where): check(v, _inside(where, k)) for k, v in value.items()}

    return checked


def record(
    fields: Mapping[str, Check[Any]], or_none: Mapping[str, Check[Any]] | None = None
) -> Check[dict[str, Any]]:
    """Return a check for an object with exactly these keys, each with a check of its own.

    Those in `or_none` may be left out: they are then None.
    """
    extra = or_none or {}
    known = {**fields, **extra}

    def checked(value: object, where: str) -> dict[str, Any]:
        if type(value) is not dict:
            refuse(where, "an object", value)
        for key in sorted(known.keys() ^ value.keys()):
            if key in extra:
                continue
            problem = "is missing" if key in fields else "is unknown"
            raise ModelFileError(f"{where}: the field {reprlib.repr(key)} {problem}")
        there = {key: check for key, check in known.items() if key in value}
        found = {key: check(value[key], f"{where}.{key}") for key, check in there.items()}
        return {**dict.fromkeys(extra), **found}

    return checked
