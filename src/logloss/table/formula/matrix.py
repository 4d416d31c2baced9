"""Terms of a formula → matrix, by formulaic: the only module that imports it, and pandas.

formulaic parses the formula, finds which levels must be left out for a matrix of full rank, and
multiplies factors into terms. The factors are not evaluated by it, which would run them as Python:
the trees of `language` are, with formulaic's splines, polynomials and contrasts.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.materializers import PandasMaterializer
from formulaic.materializers.types import FactorValues
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS
from interface_meta import override
from numpy.typing import NDArray

from logloss.errors import UsageError
from logloss.table.columns.levels import Places, spelled
from logloss.table.formula.growth import check_growth, check_length
from logloss.table.formula.language import SPLINES, FactorTree, contrast_of, options_of
from logloss.table.formula.values import Recipe, Values

Array = NDArray[np.float64]

ERRORS = (FormulaicError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError)

_PLAIN: dict[str, Callable[[Any], Any]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "I": np.asarray,
}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_PLAIN_SLOPES: dict[str, Callable[[Any], Any]] = {
    "log": lambda x: 1.0 / x,
    "log2": lambda x: 1.0 / (x * math.log(2.0)),
    "log10": lambda x: 1.0 / (x * math.log(10.0)),
    "log1p": lambda x: 1.0 / (1.0 + x),
    "exp": np.exp,
    "sqrt": lambda x: 0.5 / np.sqrt(x),
    "abs": np.sign,
    "I": np.ones_like,
}
# of the values a, b and their slopes c, d; b is a constant in a power
_OPERATOR_SLOPES: dict[type[ast.operator], Callable[[Any, Any, Any, Any], Any]] = {
    ast.Add: lambda a, b, c, d: c + d,  # noqa: ARG005
    ast.Sub: lambda a, b, c, d: c - d,  # noqa: ARG005
    ast.Mult: lambda a, b, c, d: c * b + a * d,
    ast.Div: lambda a, b, c, d: (c - a / b * d) / b,
    ast.Pow: lambda a, b, c, d: b * a ** (b - 1.0) * c if b else 0.0,  # noqa: ARG005
}
_STEP = 1e-5  # of the spread of what a spline or polynomial is taken of


def parsed(text: str) -> tuple[list[tuple[str, ...]], bool]:
    """The terms of a formula, each a tuple of factors, and whether it has an intercept.

    Raises
    ------
    UsageError
        It cannot be parsed, has a left-hand side or several parts, or too many terms.
    """
    check_length(text)
    try:
        check_growth(DefaultFormulaParser().get_ast(text))
        formula = Formula(text)
    except UsageError:
        raise
    except (*ERRORS, SyntaxError, RecursionError, MemoryError) as error:
        first = str(error).strip().splitlines()
        raise UsageError(
            f"the formula cannot be parsed: {first[0] if first else type(error).__name__}",
            'write it like "age + C(race) + bs(bmi, df=4) + age:smoke"',
        ) from None
    if not isinstance(formula, SimpleFormula):
        raise UsageError(
            "the formula has a left-hand side, or parts set apart by |",
            "name the target by y (on the command line --target), and give what stands after ~",
        )
    terms, intercept = [], False
    for term in formula:
        literal = [f for f in term.factors if f.eval_method.value == "literal"]
        if literal and len(term.factors) == 1 and literal[0].expr == "1":
            intercept = True
        elif literal:
            raise UsageError(
                f"the formula multiplies by a number: {term}", f"write it as I({literal[0]} * …)"
            )
        else:
            terms.append(tuple(map(_text, term.factors)))
    return terms, intercept


def _text(factor: Factor) -> str:
    if factor.eval_method.value == "lookup" and not factor.expr.isidentifier():
        return f"`{factor.expr}`"
    return str(factor.expr)


@dataclass(frozen=True)
class Matrix:
    """A matrix of terms.

    Attributes
    ----------
    values : ndarray of float64, or scipy.sparse CSC
    names : list of list of str
        Of its columns, term by term.
    state : dict
        What the functions learned: factor → a dict for each call.
    """

    values: Any
    names: list[list[str]]
    state: dict[str, list[dict[str, Any]]]


def matrix_of(
    recipe: Recipe,
    values: Values,
    state: Mapping[str, list[dict[str, Any]]] | None = None,
    slope: tuple[str, str] | None = None,
) -> Matrix:
    """Make the matrix; with the `state` of another one, or learn it.

    `slope`: a factor and a column by which it is differentiated; the other factors stay.

    Raises
    ------
    One of `ERRORS`
        A function refuses its values.
    """
    one = [Term([Factor("1", eval_method="literal")])] if recipe.intercept else []
    names = {text: _name(factor) for text, factor in recipe.factors.items()}
    terms = [
        Term([Factor(names[text], eval_method="python") for text in term]) for term in recipe.terms
    ]
    spec = ModelSpec(
        SimpleFormula([*one, *terms], _ordering="none"),
        ensure_full_rank=recipe.full_rank,
        na_action="ignore",
        output="sparse" if recipe.sparse else "numpy",
        transform_state={names[text]: learned for text, learned in (state or {}).items()},
    )
    by_name = {names[text]: factor for text, factor in recipe.factors.items()}
    moved = None if slope is None else (names[slope[0]], slope[1])
    with np.errstate(all="ignore"):
        made = _Materializer(values, by_name, moved).get_model_matrix(spec)
    rows = made.model_spec.structure
    skipped = len(rows[0].columns) if recipe.intercept else 0
    found = made.model_spec.transform_state
    matrix = made.__wrapped__[:, skipped:]
    return Matrix(
        matrix.astype(np.float64, copy=False),
        [list(row.columns) for row in rows[recipe.intercept :]],
        {text: found[name] for text, name in names.items() if found.get(name)},
    )


def _name(factor: FactorTree) -> str:
    """What the names of coefficients call it: a column without its back quotes."""
    return factor.column or factor.text


class _Materializer(PandasMaterializer):
    """formulaic's, but factors are evaluated from their trees, and see nothing but the columns."""

    def __init__(
        self,
        values: Values,
        factors: Mapping[str, FactorTree],
        moved: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(pd.DataFrame(index=pd.RangeIndex(values.n_rows)))
        self.values = values
        self.factors = factors
        self.moved = moved

    @override
    def _lookup(self, name: str) -> Any:
        raise NameError(name)  # each factor is one of `factors`

    @override
    def _evaluate(self, expr: str, metadata: Any, spec: ModelSpec) -> Any:  # noqa: ARG002
        factor = self.factors[expr]
        fresh: list[dict[str, Any]] = [{} for _ in factor.stateful]
        state = spec.transform_state.setdefault(expr, fresh)
        evaluation = _Evaluation(factor, self.values, state)
        if self.moved is not None and self.moved[0] == expr:
            return evaluation.slope_by(self.moved[1]), set()
        return evaluation.factor(), set()


@dataclass(frozen=True)
class _Evaluation:
    factor_tree: FactorTree
    values: Values
    state: list[dict[str, Any]]

    def factor(self) -> Any:
        """The value of the whole factor: numbers, or levels."""
        factor = self.factor_tree
        if factor.column is not None and factor.column not in self.values.numbers:  # text
            return self._categories(factor.column)
        if factor.levels_of is None:
            return self.numbers(factor.tree)
        assert isinstance(factor.tree, ast.Call)
        chosen = contrast_of(factor.tree)
        contrasts = None
        if chosen is not None:
            name, reference = chosen
            made = TRANSFORMS[name]
            contrasts = (
                made() if reference is None else made(self._level(factor.levels_of, reference))
            )
        return TRANSFORMS["C"](self._categories(factor.levels_of), contrasts)

    def _level(self, column: str, level: Any) -> Any:
        """A level as the table has it: 2 and 2.0 for "2"."""
        levels, _ = self.values.levels[column]
        place = Places({spelled(known): k for k, known in enumerate(levels)}).find(spelled(level))
        return level if place is None else levels[place]

    def _categories(self, column: str) -> pd.Series:
        levels, codes = self.values.levels[column]
        return pd.Series(pd.Categorical.from_codes(codes, categories=list(levels)))

    def numbers(self, node: ast.expr) -> Any:
        """The value of a node: float64, or several columns of it."""
        if isinstance(node, ast.Name):
            return self.values.numbers[self.factor_tree.named(node)]
        if isinstance(node, ast.Constant):
            return np.float64(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.UnaryOp):
            value = self.numbers(node.operand)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp):
            return _OPERATORS[type(node.op)](self.numbers(node.left), self.numbers(node.right))
        assert isinstance(node, ast.Call)
        name, value = _function(node), self.numbers(node.args[0])
        if name in _PLAIN:
            return _PLAIN[name](value)
        return self._learned(node, value)

    def slope_by(self, column: str) -> Any:
        """The derivative of the whole factor by a column, row by row."""
        slope = self.slope(self.factor_tree.tree, column)
        return np.full(self.values.n_rows, slope) if isinstance(slope, float) else slope

    def slope(self, node: ast.expr, column: str) -> Any:
        """The derivative of a node by a column: exact, but for splines, see `_of_basis`."""
        if isinstance(node, ast.Name):
            return float(self.factor_tree.named(node) == column)
        if isinstance(node, ast.UnaryOp):
            slope = self.slope(node.operand, column)
            return -slope if isinstance(node.op, ast.USub) else slope
        if isinstance(node, ast.BinOp):
            sides = (node.left, node.right)
            values = map(self.numbers, sides)
            return _OPERATOR_SLOPES[type(node.op)](*values, *(self.slope(s, column) for s in sides))
        if not isinstance(node, ast.Call):
            return 0.0
        inner = self.slope(node.args[0], column)
        if isinstance(inner, float) and not inner:
            return 0.0
        value, name = self.numbers(node.args[0]), _function(node)
        return (
            inner * _PLAIN_SLOPES[name](value)
            if name in _PLAIN
            else self._of_basis(node, value, inner)
        )

    def _of_basis(self, node: ast.Call, value: Any, inner: Any) -> Any:
        """Of what was learned: polynomials piece by piece, for which a central difference does."""
        x = np.broadcast_to(value, self.values.n_rows)
        spread, size = float(x.std()), float(np.abs(x).max())
        step = _STEP * (spread if spread > 1e-9 * size else size or 1.0)  # all may be one value
        if options_of(node).get("extrapolation") == "raise":  # from within the bounds
            learned = self.state[self.factor_tree.stateful.index(node)]
            x = np.clip(x, learned["lower_bound"] + step, learned["upper_bound"] - step)
        above, below = x + step, x - step
        rate = inner / (above - below)
        high, low = self._learned(node, above), self._learned(node, below)
        if isinstance(getattr(high, "__wrapped__", None), dict):
            slopes = {key: (high[key] - low[key]) * rate for key in high}
            return FactorValues(slopes, metadata=high.__formulaic_metadata__)
        if np.ndim(high) == 2:
            rate = rate[:, np.newaxis]
        slope = (np.asarray(high) - np.asarray(low)) * rate
        known = getattr(high, "__formulaic_metadata__", None)
        return slope if known is None else FactorValues(slope, metadata=known)

    def _learned(self, node: ast.Call, value: Any) -> Any:
        """A function that has learned something, at a value."""
        name, options = _function(node), options_of(node)
        if name in SPLINES:
            options.setdefault("extrapolation", "extend")  # as in R: other tables reach further
        learned = self.state[self.factor_tree.stateful.index(node)]
        return TRANSFORMS[name](
            np.broadcast_to(value, self.values.n_rows), _state=learned, **options
        )


def _function(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Name)
    return call.func.id
