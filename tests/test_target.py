"""The target: labels of every type, soft labels, and each way in which it can be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import logloss
from logloss.errors import DataError, UsageError
from logloss.table import Labels, encode_target, split
from logloss.table.spelling import MISSING_NUMBERS


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (np.array([0.0, 1.0, 1.0, 0.0]), (0.0, 1.0)),
        (np.array([0, 1, 1, 0], dtype=np.int8), (0, 1)),
        (np.array([1, 2, 2, 1], dtype=np.uint64), (1, 2)),
        (np.array([-1.0, 1.0, 1.0, -1.0], dtype=np.float32), (-1.0, 1.0)),
        (np.array([-1.5, 3.25, 3.25, -1.5]), (-1.5, 3.25)),
        (np.array([False, True, True, False]), (False, True)),
        (["no", "yes", "yes", "no"], ("no", "yes")),
        (np.array(["<=50K", ">50K", ">50K", "<=50K"], dtype=object), ("<=50K", ">50K")),
        (np.array([b"a", b"b", b"b", b"a"]), ("a", "b")),
        (np.array(["a", "b", "b", "a"], dtype=np.dtypes.StringDType()), ("a", "b")),
        (np.array([3, 7, 7, 3], dtype=object), (3, 7)),
        ([[0], [1], [1], [0]], (0, 1)),
        (Labels(("b", "a"), np.array([1, 0, 0, 1])), ("a", "b")),
    ],
)
def test_two_labels_become_zero_and_one(values: Any, classes: tuple[Any, Any]) -> None:
    target = encode_target(values)
    assert target.y.tolist() == [0, 1, 1, 0]
    assert target.y.dtype == np.float64
    assert target.y.flags.c_contiguous
    assert target.classes == classes
    assert [type(label) for label in target.classes] == [type(label) for label in classes]
    assert not target.soft


@pytest.mark.parametrize(
    ("values", "positive", "classes"),
    [
        (["no", "yes", "no"], "no", ("yes", "no")),
        (["no", "yes", "no"], "NO", ("yes", "no")),
        (np.array([1.0, 2.0, 1.0]), 1, (2.0, 1.0)),
        (np.array([1.0, 2.0, 1.0]), "1", (2.0, 1.0)),
        (np.array([1, 2, 1]), "1.0", (2, 1)),
        (np.array([False, True, False]), "false", (True, False)),
        (np.array([False, True, False]), False, (True, False)),
    ],
)
def test_the_positive_class_can_be_chosen(
    values: Any, positive: Any, classes: tuple[Any, Any]
) -> None:
    target = encode_target(values, positive=positive)
    assert target.classes == classes
    assert target.y.tolist() == [1, 0, 1]


def test_text_one_and_number_one_are_told_apart() -> None:
    target = encode_target(["1", "1.0", "1"], positive="1.0")
    assert target.classes == ("1", "1.0")


@pytest.mark.parametrize(
    "values", [[0.2, 0.9], [0.0, 0.5, 1.0], [0.3, 0.3], [0.0, 0.5], np.float32([0.25, 1.0])]
)
def test_fractions_in_the_unit_interval_are_soft_labels(values: Any) -> None:
    target = encode_target(np.asarray(values))
    assert target.soft
    assert target.classes == (0, 1)
    np.testing.assert_array_equal(target.y, np.asarray(values, dtype=np.float64))


def test_float64_soft_labels_are_not_copied() -> None:
    values = np.array([0.2, 0.9])
    assert np.shares_memory(encode_target(values).y, values)


LABELS = st.one_of(
    st.lists(
        st.text(max_size=4).filter(lambda text: text.strip() not in MISSING_NUMBERS),
        min_size=2,
        max_size=2,
        unique=True,
    ),
    st.lists(st.integers(-(2**70), 2**70), min_size=2, max_size=2, unique=True),
    st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=2, unique=True),
)


@given(pair=LABELS, picks=st.lists(st.booleans(), min_size=2), as_object=st.booleans())
def test_classes_bring_the_labels_back(pair: list[Any], picks: list[bool], as_object: bool) -> None:
    picks = [False, True, *picks]
    values = [sorted(pair)[pick] for pick in picks]
    # NumPy drops NULs at the end of its fixed-width text and makes floats of 0 beside 2^63
    exact = type(pair[0]) is not str and max(map(abs, pair)) < 2**63
    array = np.array(values, dtype=None if exact and not as_object else object)
    target = encode_target(array)
    assert [target.classes[int(code)] for code in target.y] == values
    swapped = encode_target(array, positive=target.classes[0])
    assert swapped.classes == target.classes[::-1]
    np.testing.assert_array_equal(swapped.y, 1 - target.y)


# ---- bad input


@pytest.mark.parametrize(
    ("values", "label"),
    [([1.0, 1.0], "1.0"), (["a", "a"], "'a'"), ([True, True], "True"), ([0], "0")],
)
def test_one_class(values: Any, label: str) -> None:
    with pytest.raises(DataError, match=f"^t.csv: column 'y' has one class only: {label}"):
        encode_target(values, where="t.csv: column 'y'")


def test_one_class_among_the_rows_that_are_kept() -> None:
    with pytest.raises(DataError, match=r"one class only among the rows that are kept: 'b'"):
        encode_target(["a", "b", "b"], kept=np.array([False, True, True]))
    with pytest.raises(DataError, match=r"one class only among the rows that are kept: 0"):
        encode_target([0.5, 0.0, 0.0], kept=np.array([False, True, True]))
    assert encode_target(["a", "b"], kept=np.array([True, True])).classes == ("a", "b")


def test_three_classes_are_listed() -> None:
    message = "^Only binary classification is supported. y has 3 classes: 'a', 'b', 'c'\nhint: .*"
    with pytest.raises(DataError, match=message + "OneVsRestClassifier"):
        encode_target(["c", "a", "b", "a"])
    with pytest.raises(DataError, match=r"y has 3 classes: 0, 1, 2"):
        encode_target(np.array([2, 1, 0]))
    with pytest.raises(DataError, match=r"3 classes: -0\.5, 0\.5, 1\.0"):
        encode_target(np.array([-0.5, 0.5, 1.0]))


def test_many_classes_are_cut_short() -> None:
    with pytest.raises(DataError, match=r"30 classes: 0, 1, 2, .*9, … and 20 more"):
        encode_target(np.arange(30))


@pytest.mark.parametrize(
    "values",
    [
        [0.0, np.nan, 1.0],
        np.array(["a", None, "b"], dtype=object),
        np.array(["a", float("nan"), "b"], dtype=object),
        np.array([0, pd.NA, 1], dtype=object),
        np.array([0.5, np.nan], dtype=object),
    ],
)
def test_missing_labels(values: Any) -> None:
    with pytest.raises(DataError, match=r"y has a missing value in row 1"):
        encode_target(values)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_labels(value: float) -> None:
    with pytest.raises(DataError, match=r"y is infinite in row 2"):
        encode_target([0.0, 1.0, value])


@pytest.mark.parametrize("dtype", ["complex128", "datetime64[s]", "timedelta64[s]", "V8"])
def test_types_that_hold_no_labels(dtype: str) -> None:
    with pytest.raises(DataError, match=r"y has the type .*, which holds no labels"):
        encode_target(np.zeros(3, dtype=dtype))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((3, 2)), r"has shape \(3, 2\)"),
        (np.float64(1), r"has shape \(\)"),
        ([], "has no values"),
        ([[1], [1, 2]], "entries differ in length"),
        (np.array([[1], {}], dtype=object)[:, None], "not labels: unhashable type"),
        (np.array(["1", 2], dtype=object), "mixes labels of two types: '1' and 2"),
        (np.array(["1", 2, (3,)], dtype=object), r"3 classes: '1', 2, \(3,\)"),
    ],
)
def test_not_a_column_of_labels(values: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        encode_target(values)


def test_unknown_positive_class() -> None:
    with pytest.raises(
        UsageError, match=r"no class 'yse'; its classes are 'no' and 'yes'(?s:.*)'yes'\?"
    ):
        encode_target(["no", "yes"], positive="yse")
    with pytest.raises(UsageError, match=r"no class 3; its classes are 0 and 1$"):
        encode_target([0, 1], positive=3)


def test_soft_labels_have_no_positive_class_to_choose() -> None:
    with pytest.raises(UsageError, match=r"soft labels"):
        encode_target([0.2, 0.8], positive=1)


# ---- columns of frames, on their own


def beside(column: Any) -> Any:
    """The target where it is given beside a table."""
    return split(np.zeros((len(column), 1)), y=column).y_values


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["no", "yes", "no"]),
        pd.Series(["no", "yes", "no"], dtype=object),
        pd.Series(["no", "yes", "no"], dtype="category"),
        pd.Series(["no", "yes", "no"]).astype(pd.CategoricalDtype(["no", "maybe", "yes"])),
    ],
)
def test_pandas_series(series: pd.Series[Any]) -> None:
    target = encode_target(beside(series))
    assert target.classes == ("no", "yes")
    assert target.y.tolist() == [0, 1, 0]


def test_nullable_pandas_series() -> None:
    target = encode_target(beside(pd.Series([3, 5, 3], dtype="Int64")))
    assert target.classes == (3, 5)
    with pytest.raises(DataError, match=r"y has a missing value in row 1 \(1 of 3 are missing\)"):
        beside(pd.Series([3, None, 3], dtype="Int64"))


LABELS: list[list[Any]] = [["no", "yes", "yes", "no"], [3, 5, 5, 3], [True, False, False, True]]
HOLDERS = {
    "array": np.array,
    "object": lambda v: np.array(v, dtype=object),
    "pandas": pd.Series,
    "nullable": lambda v: pd.Series(v).convert_dtypes(),
    "arrow in pandas": lambda v: pd.Series(v).convert_dtypes(dtype_backend="pyarrow"),
    "category": lambda v: pd.Series(v, dtype="category"),
    "polars": pl.Series,
    "arrow": pa.array,
    "chunks": lambda v: pa.chunked_array([v[:1], v[1:]]),
}


@pytest.mark.parametrize("labels", LABELS, ids=["text", "numbers", "bools"])
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_fit_takes_the_target_from_whatever_holds_it(holder: str, labels: list[Any]) -> None:
    X = np.array([[0.0], [1.0], [0.5], [0.7]])
    plain = logloss.fit(X, labels, C=1.0)
    model = logloss.fit(X, HOLDERS[holder](labels), C=1.0)
    assert dict(model.coefficients) == dict(plain.coefficients)
    assert model.classes == plain.classes
    assert [type(label) for label in model.classes] == [type(label) for label in plain.classes]


def test_soft_labels_of_a_series_stay_soft() -> None:
    X, y = np.array([[0.0], [1.0], [0.5]]), [0.25, 1.0, 0.5]
    plain = logloss.fit(X, y, C=1.0)
    for column in (pd.Series(y), pl.Series(y), pa.array(y)):
        assert dict(logloss.fit(X, column, C=1.0).coefficients) == dict(plain.coefficients)
