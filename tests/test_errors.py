"""The error classes: what they say, whose children they are, that they survive pickle and copy."""

from __future__ import annotations

import copy
import pickle

import pytest

from logloss.errors import (
    DataError,
    LoglossError,
    MissingExtra,
    ModelFileError,
    UsageError,
    counted,
    nearest,
)

ALL = (LoglossError, DataError, UsageError, ModelFileError, MissingExtra)


@pytest.mark.parametrize("kind", ALL)
def test_message_and_hint_are_two_lines(kind: type[LoglossError]) -> None:
    assert str(kind("what is wrong", "what to do")) == "what is wrong\nhint: what to do"
    assert str(kind("what is wrong")) == "what is wrong"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_errors_can_be_copied_and_pickled(kind: type[LoglossError], again: object) -> None:
    error = again(kind("wrong", "do this"))  # type: ignore[operator]
    assert (type(error), error.message, error.hint) == (kind, "wrong", "do this")


def test_callers_can_catch_the_usual_exceptions() -> None:
    assert all(issubclass(kind, ValueError) for kind in (DataError, UsageError, ModelFileError))
    assert issubclass(MissingExtra, ImportError)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Diabetes_binry", "Diabetes_binary"),
        ("diabetes_BINARY", "Diabetes_binary"),
        (" BMI ", "BMI"),
        ("weight", None),
        ("", None),
    ],
)
def test_nearest(name: str, expected: str | None) -> None:
    assert nearest(name, ["HighBP", "Diabetes_binary", "BMI"]) == expected


def test_nearest_of_nothing() -> None:
    assert nearest("a", []) is None


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "0 rows"), (1, "1 row"), (2500, "2,500 rows"), (1.0, "1 row"), (2.5, "2.5 rows")],
)
def test_one_is_one(n: float, words: str) -> None:
    assert counted(n, "row") == words
