"""How many terms a formula multiplies out to, before anything is multiplied.

``(a + t)**40`` is three terms in the end, of 2**40 products on the way: the bound is on the
products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

from logloss.errors import UsageError

LONGEST_FORMULA = 200_000  # characters
_DEEPEST = 1_000  # parentheses within each other
_MOST_PRODUCTS = 100_000


def _crossed(a: float, b: float) -> float:
    return a + b + a * b


# Of the operators of formulaic: the rest, such as + and ~, put terms side by side.
_PRODUCTS: Mapping[str, Callable[[float, float], float]] = {
    ":": lambda a, b: a * b,
    "in": lambda a, b: a * b,
    "*": _crossed,
    "/": _crossed,
}
_POWERS = ("**", "^")


def check_length(text: str) -> None:
    """Raise UsageError where a formula is too long, or too deep, to be parsed."""
    if len(text) > LONGEST_FORMULA:
        raise UsageError(
            f"the formula has {len(text):,} characters; {LONGEST_FORMULA:,} are the most",
            "leave formula out: then all columns are taken",
        )
    depths = accumulate((letter == "(") - (letter == ")") for letter in text)
    if max(depths, default=0) > _DEEPEST:
        raise UsageError("the formula is nested too deeply", "take parentheses away")


def check_growth(tree: Any) -> None:
    """Raise UsageError where the tree of a formula multiplies out to too many terms.

    A tree is a node with an operator and its arguments, or a name.
    """
    if _products(tree) > _MOST_PRODUCTS:
        raise UsageError(
            f"the formula multiplies out to more than {_MOST_PRODUCTS:,} terms",
            "take lower powers, and fewer interactions at once",
        )


def _products(node: Any) -> float:
    arguments = getattr(node, "args", None)
    if arguments is None:
        return 1.0
    symbol = node.operator.symbol
    if symbol in _POWERS:
        return _power(arguments[0], arguments[1])
    counts = [_products(one) for one in arguments]
    if symbol in _PRODUCTS and len(counts) == 2:
        return _bounded(_PRODUCTS[symbol](*counts))
    return sum(counts)


def _power(base: Any, exponent: Any) -> float:
    """What is no number is refused where the formula is evaluated."""
    digits = str(getattr(exponent, "token", exponent))
    if not digits.isdecimal():
        return _products(base)
    power = int(digits) if len(digits) < 4 else 1000
    return _bounded(max(_products(base), 2.0) ** min(power, 30))


def _bounded(count: float) -> float:
    return min(count, 1e9)
