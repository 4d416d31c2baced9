"""Arrays and sparse matrices: read, split, learned, encoded in place; and all that can be wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from logloss.errors import DataError, ModelFileError, UsageError
from logloss.table import (
    CategoricalColumn,
    ColumnSchema,
    NumericColumn,
    learn,
    offset_values,
    read,
    split,
    weight_values,
)
from logloss.table.columns.levels import RARE
from logloss.table.schema.saved import schema_from_json
from logloss.table.schema.schema import LeftOut

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4))
Y = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])

KERNEL_TYPES = ("float64", "float32", "int8", "int16", "int32", "int64", "uint8", "bool")
WIDENED = {
    "float16": "float32",
    "uint16": "int32",
    "uint32": "int64",
    "uint64": "float64",
    ">f8": "float64",
    ">i4": "int32",
    "longdouble": "float64",
}


def encoded(source: Any) -> Any:
    source = read(source)
    return learn(source).encode(source)


# ---- arrays


@pytest.mark.parametrize("dtype", KERNEL_TYPES)
@pytest.mark.parametrize(
    "lay", [np.ascontiguousarray, np.asfortranarray, lambda a: a[::2, ::-1], lambda a: a[:, 1:]]
)
def test_arrays_are_encoded_as_they_lie(dtype: str, lay: Any) -> None:
    matrix = lay(np.arange(24).reshape(6, 4).astype(dtype))
    matrix.flags.writeable = False
    assert encoded(matrix).matrix is matrix


@pytest.mark.parametrize(("dtype", "wider"), WIDENED.items())
def test_other_number_types_are_widened(dtype: str, wider: str) -> None:
    matrix = np.arange(6).reshape(3, 2).astype(dtype)
    out = encoded(matrix).matrix
    assert out.dtype == np.dtype(wider)
    np.testing.assert_array_equal(out, matrix)


@given(
    hnp.arrays(
        dtype=st.sampled_from([*KERNEL_TYPES, *WIDENED]),
        shape=hnp.array_shapes(min_dims=2, max_dims=2),
        elements={"allow_subnormal": False},
    )
)
def test_encoding_keeps_all_values_that_float64_holds(matrix: Any) -> None:
    out = encoded(matrix).matrix
    np.testing.assert_array_equal(out.astype(np.float64), matrix.astype(np.float64))


def test_names_of_array_columns() -> None:
    source = read(X)
    assert source.names == ("x0", "x1", "x2", "x3")
    assert (source.n_rows, source.where, source.named) == (6, "X", False)
    assert learn(source).columns[1] == NumericColumn("x1", "double")
    assert learn(source).coefficient_names == source.names


def test_nested_lists() -> None:
    np.testing.assert_array_equal(encoded([[1, 2], [3, 4]]).matrix, [[1, 2], [3, 4]])


def test_reading_a_source_again_changes_nothing() -> None:
    source = read(X)
    assert read(source) is source


def test_a_wide_array_costs_no_memory() -> None:
    matrix = np.zeros((20_000, 50))
    tracemalloc.start()
    encoded(matrix)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.01 * matrix.nbytes


def test_arrays_need_neither_pyarrow_nor_scipy_nor_pandas() -> None:
    code = """
import sys, numpy as np
from logloss.table import encode_target, learn, split
parts = split(np.eye(3), y=[0, 1, 1], sample_weight=np.ones(3))
learn(parts.features).encode(parts.features)
encode_target(parts.y_values)
heavy = {"pyarrow", "scipy", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---- sparse


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_is_encoded_as_it_lies(kind: Any, dtype: str, index: Any) -> None:
    matrix = kind(sp.random_array((8, 5), density=0.4, rng=1).astype(dtype))
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    out = encoded(matrix).matrix
    assert out is matrix
    assert out.indices.dtype == index


@pytest.mark.parametrize("kind", [sp.coo_array, sp.lil_array, sp.dok_array, sp.dia_array])
def test_other_sparse_formats_become_csr(kind: Any) -> None:
    dense = np.diag([1.0, 2.0, 3.0])
    out = encoded(kind(dense)).matrix
    assert out.format == "csr"
    np.testing.assert_array_equal(out.toarray(), dense)


@pytest.mark.parametrize(
    ("dtype", "wider"),
    [("bool", "float32"), ("int16", "float32"), ("int32", "float64"), ("uint64", "float64")],
)
def test_sparse_integers_become_floats_that_hold_them(dtype: str, wider: str) -> None:
    matrix = sp.csr_array(np.array([[0, 1], [1, 0]], dtype=dtype))
    out = encoded(matrix).matrix
    assert out.dtype == wider
    assert np.shares_memory(out.indices, matrix.indices)
    np.testing.assert_array_equal(out.toarray(), matrix.toarray())


def corrupt(attribute: str, position: int, value: int) -> Any:
    matrix = sp.csr_array(np.eye(4))
    getattr(matrix, attribute)[position] = value
    return matrix


@pytest.mark.parametrize(
    "matrix",
    [
        corrupt("indices", 2, 4),
        corrupt("indices", 0, -1),
        corrupt("indptr", 2, 9),
        corrupt("indptr", 0, 1),
        corrupt("indptr", 4, 5),
    ],
)
def test_sparse_indices_outside_the_matrix(matrix: Any) -> None:
    with pytest.raises(DataError, match=r"X is a damaged sparse matrix"):
        encoded(matrix)


# ---- bad arrays


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.zeros(3), "must have two dimensions, rows and columns, but has 1"),
        (np.zeros((2, 2, 2)), "but has 3"),
        (np.float64(2), "but has 0"),
        (np.zeros((0, 3)), "X is empty: 0 rows × 3 columns"),
        (np.zeros((3, 0)), "X is empty: 3 rows × 0 columns"),
        ([], "but has 1"),
        ([[1, 2], [3]], "its rows differ in length"),
        (np.array([[1, "a"]], dtype=object), "X has the type object"),
        (np.array([["1", "a"]]), "X has the type <U1"),
        (np.zeros((2, 2), dtype=complex), "X has the type complex128"),
        (np.zeros((2, 2), dtype="datetime64[D]"), r"X has the type datetime64\[D\]"),
        (np.zeros((2, 2), dtype=[("a", "f8")]), "X has the type"),
        (np.ma.masked_array(np.zeros((2, 2)), mask=np.eye(2)), "X is a masked array"),
        (sp.csr_array((0, 3)), "X is empty"),
        (sp.csr_array(np.eye(2, dtype=complex)), "X has the type complex128"),
        (sp.coo_array(np.ones(3)), "but has 1"),
    ],
)
def test_bad_arrays(source: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(source)


@pytest.mark.parametrize("source", [None, 3, object(), {"a": [1]}, iter([[1.0]])])
def test_what_is_no_table(source: Any) -> None:
    with pytest.raises(UsageError, match=r"cannot read a table from X, a builtins"):
        read(source)


# ---- split


def test_split_with_arrays() -> None:
    parts = split(X, y=Y, sample_weight=[1, 2, 3, 1, 1, 0], offset=np.arange(6, dtype=np.int8))
    assert parts.features.matrix is X
    assert np.shares_memory(parts.y_values, Y)
    assert parts.weights is not None
    assert parts.weights.tolist() == [1, 2, 3, 1, 1, 0]
    assert parts.offset is not None
    assert parts.offset.dtype == np.float64
    assert (parts.target_name, parts.weights_name, parts.offset_name) == (None, None, None)


def test_float64_weights_and_offsets_are_not_copied() -> None:
    weights = np.ones(6)
    parts = split(X, y=Y, sample_weight=weights, offset=Y)
    assert np.shares_memory(parts.weights, weights)
    assert np.shares_memory(parts.offset, Y)


@pytest.mark.parametrize("store", [np.asarray, sp.csr_array, sp.csc_matrix])
def test_columns_of_a_matrix_can_be_named(store: Any) -> None:
    whole = np.abs(X)
    parts = split(store(whole), y="x3", sample_weight="x0", exclude=["x1"])
    assert parts.features.names == ("x2",)
    assert (parts.target_name, parts.weights_name) == ("x3", "x0")
    np.testing.assert_array_equal(parts.y_values, whole[:, 3])
    np.testing.assert_array_equal(parts.weights, whole[:, 0])


def test_a_target_at_the_edge_leaves_a_view() -> None:
    assert np.shares_memory(split(X, y="x0").features.matrix, X)
    assert np.shares_memory(split(X, y="x3").features.matrix, X)
    np.testing.assert_array_equal(split(X, y="x1").features.matrix, X[:, [0, 2, 3]])


def test_split_without_a_target() -> None:
    parts = split(X, offset="x0")
    assert parts.y_values is None
    assert parts.features.names == ("x1", "x2", "x3")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"y": Y[:5]}, "y has 5 values, but X has 6 rows"),
        ({"y": Y, "sample_weight": np.ones(7)}, "sample_weight has 7 values, but X has 6 rows"),
        ({"y": Y, "offset": np.ones(7)}, "offset has 7 values, but X has 6 rows"),
        ({"y": Y, "offset": np.ones((6, 2))}, r"offset must have one value a row, but has shape"),
        ({"y": Y, "sample_weight": -Y}, r"sample_weight has a negative weight in row 1: -1"),
        ({"y": Y, "sample_weight": 0 * Y}, "sample_weight: all weights are zero"),
        ({"y": Y, "sample_weight": Y + np.inf}, "sample_weight is inf in row 0"),
        ({"y": Y, "sample_weight": np.where(Y, 1, np.nan)}, "sample_weight is nan in row 0"),
        ({"y": Y, "sample_weight": Y * 1.5e308}, "the sum of the weights is too large"),
        ({"y": Y, "offset": np.where(Y, -np.inf, 1)}, "offset is -inf in row 1"),
        ({"y": Y, "sample_weight": list("abcdef")}, "sample_weight holds values of the type <U1"),
        ({"y": Y, "offset": [1j] * 6}, "offset holds values of the type complex128"),
        ({"y": [[1], [1, 2]]}, "y is not a column: its entries differ in length"),
    ],
)
def test_bad_columns_beside_an_array(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        split(X, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"y": "X1"}, "X has no column 'X1'\nhint: did you mean 'x1'"),
        ({"y": "target"}, "no column 'target'\nhint: the columns are 'x0', 'x1', 'x2', 'x3'"),
        ({"y": "x0", "offset": "x9"}, "X has no column 'x9'"),
        ({"y": "x0", "exclude": ["x9"]}, "X has no column 'x9'"),
        ({"y": "x0", "exclude": ["x0"]}, "column 'x0' cannot be both exclude and y"),
        ({"y": "x0", "offset": "x0"}, "column 'x0' cannot be both y and offset"),
        ({"y": 3.0}, "y is a single value: 3.0\nhint: give one value a row, or the name"),
        ({"y": Y, "offset": 1.0}, "offset is a single value: 1.0"),
    ],
)
def test_bad_names(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        split(X, **options)


def test_no_column_left() -> None:
    with pytest.raises(DataError, match=r"X has no columns left to fit"):
        learn(split(X[:, :2], y="x0", exclude=["x1"]).features)


def test_weights_and_offset_for_a_table_that_was_read() -> None:
    source = read(X)
    assert weight_values(source, None) is None
    assert offset_values(source, None) is None
    np.testing.assert_array_equal(offset_values(source, "x2"), X[:, 2])
    with pytest.raises(UsageError, match=r"X has no column 'z'"):
        offset_values(source, "z")


# ---- schema


def test_an_array_is_taken_by_position_and_its_width_checked() -> None:
    schema = learn(read(X))
    with pytest.raises(DataError, match=r"X has 5 columns, the model 4: 'x0', 'x1', 'x2', 'x3'"):
        schema.encode(read(np.zeros((2, 5))))
    with pytest.raises(DataError, match=r"X has 1 column, the model 4"):
        schema.encode(read(np.zeros((2, 1))))
    named = ColumnSchema((NumericColumn("b", "double"), NumericColumn("a", "double")))
    np.testing.assert_array_equal(named.encode(read(X[:, :2])).matrix, X[:, :2])


def test_columns_can_be_left_out() -> None:
    schema = learn(split(X, y=Y, exclude=["x1"]).features)
    assert schema.coefficient_names == ("x0", "x2", "x3")
    assert schema.left_out == ()  # as it was asked for


def test_an_array_is_taken_as_it_is() -> None:
    """Columns that say nothing are left out of tables only: who gives a matrix wants its width."""
    matrix = np.column_stack([np.ones(6), X[:, 0], X[:, 0]])
    schema = learn(read(matrix))
    assert schema.coefficient_names == ("x0", "x1", "x2")
    assert schema.left_out == ()


def test_a_column_may_be_named_by_its_position() -> None:
    for name, taken in (("-1", "x3"), ("0", "x0"), ("2", "x2")):
        assert split(X, y=name).target_name == taken
    assert split(X, y=Y, offset="-1").offset_name == "x3"
    for name in ("4", "-5"):
        with pytest.raises(UsageError, match=f"X has no column '{name}'"):
            split(X, y=name)
    with pytest.raises(UsageError, match="'x3' cannot be both y and offset"):
        split(X, y="-1", offset="x3")


NAMES = st.lists(st.text(), min_size=1, max_size=5, unique=True)


@given(
    NAMES,
    st.sampled_from(["double", "int8", "decimal128(10, 2)"]),
    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    st.lists(st.text(), max_size=2),
)
def test_schema_json_round_trip(
    names: list[str], type_: str, mean: float | None, na: list[str]
) -> None:
    left_out = (LeftOut("gone", "is 3 in all rows"),) if na else ()
    schema = ColumnSchema(
        tuple(NumericColumn(name, type_, mean, False) for name in names), left_out, tuple(na)
    )
    assert schema_from_json(json.loads(json.dumps(schema.to_json()))) == schema


@given(
    st.lists(st.text(), min_size=2, max_size=5, unique=True),
    st.booleans(),
    st.lists(st.text(), max_size=2, unique=True),
)
def test_schema_json_round_trip_of_levels(
    levels: list[str], has_reference: bool, rare: list[str]
) -> None:
    levels = [level for level in levels if level not in rare and level != RARE]
    rare = [level for level in rare if level != RARE]
    levels += [RARE] if rare else []
    if len(levels) < 2:
        return
    shares = tuple(1.0 / len(levels) for _ in levels)
    column = CategoricalColumn(
        "t", "string", tuple(levels), shares, 0 if has_reference else None, tuple(rare)
    )
    schema = ColumnSchema((column,))
    assert schema_from_json(json.loads(json.dumps(schema.to_json()))) == schema


GOOD = {"kind": "numeric", "name": "a", "type": "double"}
LEVELS = {
    "kind": "categorical",
    "name": "t",
    "type": "string",
    "levels": ["x", "z"],
    "shares": [0.5, 0.5],
    "reference": None,
}


def test_sound_records_of_a_schema() -> None:
    for record in (GOOD, LEVELS, LEVELS | {"reference": 1}, GOOD | {"mean": 1, "indicated": True}):
        assert schema_from_json({"columns": [record]}).column_names == (record["name"],)


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        {"columns": []},
        {"columns": {}},
        {"columns": [GOOD], "more": 1},
        {"columns": ["a"]},
        {"columns": [GOOD | {"kind": "mystery"}]},
        {"columns": [GOOD | {"kind": ["numeric"]}]},
        {"columns": [GOOD | {"name": 3}]},
        {"columns": [GOOD | {"type": None}]},
        {"columns": [GOOD | {"more": 1}]},
        {"columns": [{"kind": "numeric", "name": "a"}]},
        {"columns": [GOOD | {"mean": "0"}]},
        {"columns": [GOOD | {"mean": float("nan")}]},
        {"columns": [GOOD | {"mean": True}]},
        {"columns": [GOOD | {"indicated": True}]},
        {"columns": [GOOD | {"mean": 0.5, "indicated": 1}]},
        {"columns": [GOOD], "na": "?"},
        {"columns": [GOOD], "na": [1]},
        {"columns": [GOOD], "left_out": {"b": "is 3"}},
        {"columns": [GOOD], "left_out": [["b"]]},
        {"columns": [GOOD], "left_out": [["b", 3]]},
        {"columns": [LEVELS | {"levels": ["x"]}]},
        {"columns": [LEVELS | {"levels": ["x", "x"]}]},
        {"columns": [LEVELS | {"levels": "xz"}]},
        {"columns": [LEVELS | {"shares": [1.0]}]},
        {"columns": [LEVELS | {"shares": [0.5, 2.0]}]},
        {"columns": [LEVELS | {"reference": 2}]},
        {"columns": [LEVELS | {"reference": -1}]},
        {"columns": [LEVELS | {"reference": True}]},
        {"columns": [LEVELS | {"rare": ["u", "v"]}]},
        {"columns": [LEVELS | {"rare": ["x"], "levels": ["x", "<rare>"]}]},
        {"columns": [LEVELS, GOOD | {"name": "t=x"}]},
        {"columns": [GOOD, GOOD]},
    ],
)
def test_damaged_schema(record: Any) -> None:
    with pytest.raises(ModelFileError, match=r"^schema: "):
        schema_from_json(record)
