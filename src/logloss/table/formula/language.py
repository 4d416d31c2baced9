"""The language of the factors of a formula, such as ``bs(age, df=4)`` or ``log(income)``.

A factor is an expression in Python's syntax, of which little is allowed: names of columns (in back
quotes where they are no Python names), numbers, ``+ - * / **`` and calls to the functions below. It
is parsed to a tree, the tree is checked node by node, and the tree is what is evaluated: nothing of
it is ever compiled or run as Python. So a model file cannot make its reader run code, nor keep it
busy: numbers, lengths and depths have limits.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, TypeAlias

from logloss.errors import UsageError
from logloss.table.words import shortened

LONGEST_FACTOR = 1_000  # characters
MOST_FACTORS = 6  # in one term: the work of finding its rank doubles with each
MOST_TERMS = 10_000
MOST_KNOTS = 1_000
_DEEPEST = 30
_LARGEST_POWER = 100.0
_LARGEST_COUNT = 100  # df, degree
_LARGEST = 1e300
_NUMBERS = (int, float)

_QUOTED = re.compile(r"`([^`]*)`")
_STANDS_IN = "quoted_column_"  # for a column in back quotes, as Python knows none

Option: TypeAlias = Callable[[Any], bool]


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST_COUNT


def _number(value: Any) -> bool:
    return type(value) in _NUMBERS and bool(-_LARGEST <= value <= _LARGEST)


def _knots(value: Any) -> bool:
    return type(value) is list and len(value) <= MOST_KNOTS and all(map(_number, value))


def _flag(value: Any) -> bool:
    return type(value) is bool


def _beyond(value: Any) -> bool:
    return value in ("raise", "clip", "zero", "extend")


def _center(value: Any) -> bool:
    return bool(value == "center")


_BOUNDS: dict[str, Option] = {"lower_bound": _number, "upper_bound": _number}
_CUBIC: dict[str, Option] = {
    "df": _count,
    "knots": _knots,
    **_BOUNDS,
    "constraints": _center,
    "extrapolation": _beyond,
}
_BASIS: dict[str, Option] = {
    "df": _count,
    "knots": _knots,
    "degree": _count,
    "include_intercept": _flag,
    **_BOUNDS,
    "extrapolation": _beyond,
}

# Of one column each, and of one argument.
PLAIN = frozenset(("log", "log2", "log10", "log1p", "exp", "sqrt", "abs", "I"))
# What they learn from the training table is kept; the options of each, in order.
STATEFUL: dict[str, dict[str, Option]] = {
    "bs": _BASIS,
    "cr": _CUBIC,
    "cs": _CUBIC,
    "cc": _CUBIC,
    "poly": {"degree": _count, "raw": _flag},
    "center": {},
    "scale": {"center": _flag, "scale": _flag, "ddof": _count},
}
SPLINES = frozenset(("bs", "cr", "cs", "cc"))
_MANY_COLUMNS = SPLINES | {"poly", "C"}  # nothing may stand around them
CONTRASTS = frozenset(("Treatment", "Sum", "Helmert", "Poly", "Diff"))
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)


@dataclass(frozen=True)
class FactorTree:
    """A factor that was checked.

    Attributes
    ----------
    text : str
        As it was written.
    tree : ast.expr
        Of it, with a name in place of each column in back quotes.
    quoted : mapping
        That name → the column.
    """

    text: str
    tree: ast.expr
    quoted: Mapping[str, str]

    @property
    def column(self) -> str | None:
        """The column that the factor is, where it is nothing else."""
        return self.named(self.tree) if isinstance(self.tree, ast.Name) else None

    @property
    def levels_of(self) -> str | None:
        """The column whose values are taken as levels."""
        if isinstance(self.tree, ast.Call) and _function(self.tree) == "C":
            return self.named(self.tree.args[0])
        return None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that are needed."""
        return tuple(dict.fromkeys(map(self.named, _column_nodes(self.tree))))

    @cached_property
    def stateful(self) -> tuple[ast.Call, ...]:
        """The calls that learn something, in order."""
        found = (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return tuple(node for node in found if _function(node) in STATEFUL)

    def named(self, node: ast.expr) -> str:
        """The column that a node of the tree names."""
        assert isinstance(node, ast.Name)
        return self.quoted.get(node.id, node.id)


def parse_factor(text: str) -> FactorTree:
    """Parse and check a factor.

    Raises
    ------
    UsageError
        It is no expression, or holds something that is not allowed.
    """
    if len(text) > LONGEST_FACTOR:
        _refuse(text, "is too long")
    quoted: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        name = f"{_STANDS_IN}{len(quoted)}"
        quoted[name] = match[1]
        return name

    if "\\" in text:  # of no use, and Python would warn of some
        _refuse(text, "holds a backslash")
    if _STANDS_IN in text:
        _refuse(text, f"holds the word {_STANDS_IN!r}, which is taken")
    try:
        tree = ast.parse(_QUOTED.sub(stand_in, text), mode="eval").body
        depth = _depth(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        _refuse(text, "cannot be parsed")
    if depth > _DEEPEST:
        _refuse(text, "is nested too deeply")
    _check(tree, text, at_top=True)
    factor = FactorTree(text, tree, quoted)
    if not factor.columns:
        _refuse(text, "holds no column")
    return factor


def options_of(call: ast.Call) -> dict[str, Any]:
    """The options of a call to a function of `STATEFUL`, by name."""
    names = list(STATEFUL[_function(call)])
    given: dict[str, Any] = dict(zip(names, map(_constant, call.args[1:]), strict=False))
    given.update((word.arg, _constant(word.value)) for word in call.keywords if word.arg)
    return given


def contrast_of(call: ast.Call) -> tuple[str, Any] | None:
    """The name of the contrasts of a call to C, and the reference level or None; None: unsaid."""
    given = [*call.args[1:], *(word.value for word in call.keywords)]
    if not given:
        return None
    chosen = given[0]
    if isinstance(chosen, ast.Name):
        return chosen.id, None
    assert isinstance(chosen, ast.Call)
    arguments = [*chosen.args, *(word.value for word in chosen.keywords)]
    return _function(chosen), _constant(arguments[0]) if arguments else None


def _column_nodes(node: ast.expr) -> Iterator[ast.Name]:
    """In the order in which they are written."""
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, ast.Call):
        yield from _column_nodes(node.args[0])
    elif isinstance(node, ast.BinOp):
        yield from _column_nodes(node.left)
        yield from _column_nodes(node.right)
    elif isinstance(node, ast.UnaryOp):
        yield from _column_nodes(node.operand)


def _depth(node: ast.AST) -> int:
    deepest, layer = 0, [node]
    while layer:
        deepest += 1
        layer = [child for one in layer for child in ast.iter_child_nodes(one)]
    return deepest


def _function(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _check(node: ast.expr, text: str, at_top: bool = False) -> None:
    """Refuse all that is not in the language."""
    if isinstance(node, ast.Name):
        return
    if isinstance(node, ast.Constant):
        if not _number(node.value):
            _refuse(text, f"holds {shortened(str(node.value))} where a column or number is needed")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        _check(node.operand, text)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS):
        _check(node.left, text)
        _check(node.right, text)
        if isinstance(node.op, ast.Pow):
            power = _constant(node.right)
            if not _number(power) or abs(power) > _LARGEST_POWER:
                _refuse(text, f"takes a power that is no number up to {_LARGEST_POWER:g}")
    elif isinstance(node, ast.Call):
        _check_call(node, text, at_top)
    else:
        _refuse(text, f"holds {shortened(_source(node))}, which a formula cannot")


def _check_call(call: ast.Call, text: str, at_top: bool) -> None:
    name = _function(call)
    if name not in PLAIN and name not in STATEFUL and name != "C":
        _refuse(text, f"calls {shortened(_source(call.func))}, which is no function of formulas")
    if not call.args or any(isinstance(value, ast.Starred) for value in call.args):
        _refuse(text, f"calls {name} without a column")
    if any(word.arg is None for word in call.keywords):
        _refuse(text, "holds **, which a formula cannot")
    if name in _MANY_COLUMNS and not at_top:
        _refuse(text, f"has something around {name}(), which makes several columns")
    if name == "C":
        _check_levels(call, text)
        return
    _check(call.args[0], text)
    if name in PLAIN:
        if len(call.args) > 1 or call.keywords:
            _refuse(text, f"gives options to {name}, which has none")
        return
    _check_options(call, name, text)


def _check_options(call: ast.Call, name: str, text: str) -> None:
    known = STATEFUL[name]
    words = [*list(known)[: len(call.args) - 1], *(word.arg for word in call.keywords)]
    if len(call.args) - 1 > len(known) or len(set(words)) < len(words):
        _refuse(text, f"gives {name} too many options")
    for option, value in options_of(call).items():
        if option not in known:
            has = ", ".join(known) or "none"
            _refuse(text, f"gives {name} the option {option[:40]!r}; it has {has}")
        if not known[option](value):
            _refuse(text, f"gives {name} a value of {option} that cannot be")


def _check_levels(call: ast.Call, text: str) -> None:
    if not isinstance(call.args[0], ast.Name):
        _refuse(text, "takes C() of something that is no column")
    given = [*call.args[1:], *(word.value for word in call.keywords)]
    if not given:
        return
    chosen = given[0]
    sound = len(given) == 1 and [word.arg for word in call.keywords] in ([], ["contrasts"])
    if sound and isinstance(chosen, ast.Name) and chosen.id in CONTRASTS:
        return
    if sound and isinstance(chosen, ast.Call) and _function(chosen) in CONTRASTS:
        values = [*chosen.args, *(word.value for word in chosen.keywords)]
        plain = all(type(_constant(value)) in (str, int, float) for value in values)
        named = {word.arg for word in chosen.keywords} <= {"reference"}
        most = 1 if _function(chosen) == "Treatment" else 0
        if plain and named and len(values) <= most:
            return
    _refuse(text, f"takes C() with something else than one of {', '.join(sorted(CONTRASTS))}")


def _constant(node: ast.expr) -> Any:
    """The value of a constant, a negative number or a list of them; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _constant(node.operand)
        return -value if _number(value) else None
    if isinstance(node, ast.List | ast.Tuple):
        return [_constant(item) for item in node.elts]
    return None


def _source(node: ast.expr) -> str:
    return ast.unparse(node)


def _refuse(text: str, why: str) -> NoReturn:
    functions = ", ".join(sorted({*PLAIN, *STATEFUL, "C"}))
    raise UsageError(
        f"formula: {shortened(text)} {why}",
        f"columns, numbers, + - * / ** and these functions can be used: {functions}",
    )
