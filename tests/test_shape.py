"""Which entry of a point is what, for one outcome and several."""

from __future__ import annotations

import numpy as np
import pytest

from logloss.objective.shape import Shape


@pytest.mark.parametrize("columns", [0, 1, 4])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("outcomes", [1, 3])
def test_slopes_and_intercepts_make_up_a_point(
    columns: int, intercept: bool, outcomes: int
) -> None:
    shape = Shape(columns, intercept, outcomes)
    point = np.arange(shape.size)
    assert shape.size == outcomes * (columns + intercept)
    assert len(point[shape.slopes]) == outcomes * columns
    assert len(point[shape.intercepts]) == shape.n_intercepts == outcomes * intercept
    assert sorted([*point[shape.slopes], *point[shape.intercepts]]) == point.tolist()
    assert shape.are_intercepts(point).sum() == shape.n_intercepts


def test_a_null_point_has_intercepts_only() -> None:
    shape = Shape(3, True)
    assert shape.null(2.0).tolist() == shape.joined(np.zeros(3), 2.0).tolist() == [0, 0, 0, 2]
    assert Shape(3, False).null(2.0).tolist() == [0, 0, 0]
    assert Shape(3, False).joined(np.ones(3), 2.0).tolist() == [1, 1, 1]


def test_the_intercept_comes_first_where_it_is_among_them() -> None:
    shape = Shape(3, True)
    assert shape.intercepts_first(np.array([0, 2, 3])).tolist() == [3, 0, 2]
    assert shape.intercepts_first(np.array([0, 2])).tolist() == [0, 2]
    assert Shape(4, False).intercepts_first(np.array([0, 3])).tolist() == [0, 3]
