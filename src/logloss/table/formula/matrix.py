"""Terms of a formula → matrix, by formulaic: the only module that imports it, and pandas.

formulaic parses the formula, finds which levels must be left out for a matrix of full rank, and
multiplies factors into terms. The factors are not evaluated by it, which would run them as Python:
the trees of `language` are, with formulaic's splines, polynomials and contrasts.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.materializers import PandasMaterializer
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS
from interface_meta import override
from numpy.typing import NDArray

from logloss.errors import UsageError
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


def parsed(text: str) -> tuple[list[tuple[str, ...]], bool]:
    """The terms of a formula, each a tuple of factors, and whether it has an intercept.

    Raises
    ------
    UsageError
        It cannot be parsed, has a left-hand side or several parts.
    """
    try:
        formula = Formula(text)
    except (*ERRORS, SyntaxError, RecursionError) as error:
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
    recipe: Recipe, values: Values, state: Mapping[str, list[dict[str, Any]]] | None = None
) -> Matrix:
    """Make the matrix; with the `state` of another one, or learn it.

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
    with np.errstate(all="ignore"):
        made = _Materializer(values, by_name).get_model_matrix(spec)
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

    def __init__(self, values: Values, factors: Mapping[str, FactorTree]) -> None:
        super().__init__(pd.DataFrame(index=pd.RangeIndex(values.n_rows)))
        self.values = values
        self.factors = factors

    @override
    def _lookup(self, name: str) -> Any:
        raise NameError(name)  # each factor is one of `factors`

    @override
    def _evaluate(self, expr: str, metadata: Any, spec: ModelSpec) -> Any:  # noqa: ARG002
        factor = self.factors[expr]
        fresh: list[dict[str, Any]] = [{} for _ in factor.stateful]
        state = spec.transform_state.setdefault(expr, fresh)
        return _Evaluation(factor, self.values, state).factor(), set()


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
            contrasts = made() if reference is None else made(reference)
        return TRANSFORMS["C"](self._categories(factor.levels_of), contrasts)

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
        assert isinstance(node.func, ast.Name)
        name, value = node.func.id, self.numbers(node.args[0])
        if name in _PLAIN:
            return _PLAIN[name](value)
        options = options_of(node)
        if name in SPLINES:
            options.setdefault("extrapolation", "extend")  # as in R: other tables reach further
        learned = self.state[self.factor_tree.stateful.index(node)]
        return TRANSFORMS[name](
            np.broadcast_to(value, self.values.n_rows), _state=learned, **options
        )
