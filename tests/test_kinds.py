"""A kind of column is one class, found by the word under which it is saved; a term is no column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest

import logloss
from logloss.errors import DataError, ModelFileError
from logloss.table import ColumnSchema, NumericColumn, read
from logloss.table.columns.typed import Column, Numbers
from logloss.table.design.design import design_of
from logloss.table.design.pieces import NumberPiece, Piece
from logloss.table.formula.values import Values
from logloss.table.schema.kind import Kind, Unfit
from logloss.table.schema.kinds import KINDS
from logloss.table.schema.saved import schema_from_json


@dataclass(frozen=True)
class Hour(Kind[Numbers]):
    """The hour of a day, as its place on a circle would be: here its cosine alone."""

    kind: ClassVar[str] = "hour"
    looks_up: ClassVar[bool] = False

    name: str
    type: str = "int64"

    coefficient_names = property(lambda self: (f"cos({self.name})",))  # type: ignore[assignment]
    n_levels = 0  # type: ignore[assignment]
    stand_in = None  # type: ignore[assignment]
    elsewhere = property(lambda self: self.name)  # type: ignore[assignment]

    def taken(self, column: Column) -> Numbers:
        if not isinstance(column, Numbers):
            raise Unfit("holds no hours")
        return column

    def piece(self, column: Numbers, new: bool = True) -> Piece:  # noqa: ARG002
        return NumberPiece(np.cos(2 * np.pi * column.values / 24))

    def extended(self, coefficients: Any, n_columns: int) -> Any:  # noqa: ARG002
        return coefficients

    def unknown(self, column: Numbers) -> int:  # noqa: ARG002
        return 0

    def give(self, values: Values, column: Numbers) -> None:
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        return cls(str(record["name"]))


def test_a_new_kind_is_a_class_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = ColumnSchema((NumericColumn("a", "double"), Hour("at")))
    saved = json.loads(json.dumps(schema.to_json()))
    with pytest.raises(ModelFileError, match="unknown kind of column: 'hour'"):
        schema_from_json(saved)
    monkeypatch.setitem(KINDS, Hour.kind, Hour)
    loaded = schema_from_json(saved)
    assert loaded == schema
    assert loaded.coefficient_names == ("a", "cos(at)")
    table = pd.DataFrame({"at": [0, 6, 12], "a": [1.0, 2.0, 3.0], "text": ["x", "y", "z"]})
    design = design_of(loaded.encode(read(table)))
    z = design.predict(np.array([1.0, 10.0]), 0.5)
    np.testing.assert_allclose(z, [11.5, 2.5, -6.5], atol=1e-12)
    with pytest.raises(DataError, match="column 'at' holds no hours"):
        loaded.encode(read(table.assign(at=["zero", "six", "noon"])))


def test_a_term_is_no_column() -> None:
    """Whoever writes a model in another language must not take a spline for a number."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    table["y"] = (table.a + rng.logistic(size=200) > 0).astype(int)
    schema = logloss.fit(table, "y", formula="bs(a, df=4) + b").fitted.schema
    assert [owner.name for owner in schema.columns] == ["bs(a, df=4)", "b"]
    assert not any(isinstance(owner, Kind) for owner in schema.columns)
    assert schema.kinds == ()
    assert all(isinstance(kind, Kind) for kind in logloss.fit(table, "y").fitted.schema.kinds)


@pytest.mark.parametrize("kind", list(KINDS.values()))
def test_kinds_are_abstract_or_final(kind: type[Kind[Any]]) -> None:
    assert getattr(kind, "__final__", False)
    assert not kind.__abstractmethods__
    with pytest.raises(TypeError, match="abstract"):
        Kind()  # type: ignore[abstract]
