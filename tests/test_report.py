"""The words of a summary: what must be in them, and what must never reach a terminal."""

from __future__ import annotations

import doctest
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_models import sample_certificate, sample_fitted
from sklearn.calibration import calibration_curve

from logloss.record.proof import Status
from logloss.record.request_json import request_from_json
from logloss.report import certificate_text, figures, reliability, reliability_text, summary_text
from logloss.report.figures import aligned, figure, odds_ratio, visible
from logloss.report.inference import LONGEST_TABLE
from logloss.report.text import Summary, penalty_text, short_distance


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(figures).failed == 0


# ---- figures


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 4, "0"),
        (-0.0, 4, "-0"),
        (1.0, 4, "1.000"),
        (9.99999, 4, "10.00"),
        (-0.000123456, 4, "-0.0001235"),
        (0.000099999, 4, "0.0001000"),
        (123456.7, 4, "123457"),
        (999999.9, 4, "1.000e+06"),
        (1e-300, 2, "1.0e-300"),
        (math.inf, 4, "inf"),
        (math.nan, 4, "nan"),
    ],
)
def test_figures(value: float, digits: int, text: str) -> None:
    assert figure(value, digits) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(2, 9))
def test_a_figure_is_the_number_to_so_many_digits(value: float, digits: int) -> None:
    shown = float(figure(value, digits))
    if math.isfinite(shown):
        assert shown == pytest.approx(value, rel=0.5001 * 10.0 ** (1 - digits), abs=0)


@given(st.lists(st.floats(), max_size=8))
def test_points_stand_above_points(values: list[float]) -> None:
    texts = [figure(x) for x in values]
    lines = aligned(texts)
    assert [line.strip() for line in lines] == texts
    assert len({len(line) for line in lines}) <= 1
    assert len({line.index(".") for line in lines if "." in line}) <= 1


def test_odds_ratios_never_overflow() -> None:
    assert odds_ratio(1e9) == math.inf
    assert odds_ratio(-1e9) == 0.0
    assert odds_ratio(math.log(3.0)) == pytest.approx(3.0)


@given(st.text())
def test_what_is_shown_is_printable(name: str) -> None:
    assert visible(name).isprintable()
    assert visible(name) == name or not name.isprintable()


# ---- the summary


def line_with(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(start))


def test_the_summary_says_what_was_fitted() -> None:
    text = summary_text(sample_fitted())
    assert text.splitlines()[0] == "Logistic regression of outcome: log odds of dead against alive"
    assert "1,234, 2 coefficients" in line_with(text, "rows")
    assert "0.3125" in line_with(text, "share positive")
    assert "0.4800 (intercept alone: 0.6200)" in line_with(text, "log loss")
    assert "L2, C = 1" in line_with(text, "penalty")
    assert line_with(text, "(intercept)").split() == ["(intercept)", "-0.75000"]
    assert line_with(text, "age").split() == ["age", "0.031250", "1.032"]
    assert line_with(text, "dose").split() == ["dose", "-1.2500", "0.2865"]


def test_weights_and_offset_are_named() -> None:
    text = summary_text(sample_fitted(weights="w", weight_sum=99.5, offset="exposure"))
    assert "column w, sum 99.5" in line_with(text, "weights")
    assert "column exposure" in line_with(text, "offset")
    text = summary_text(sample_fitted(weights="", offset=""))
    assert "given as an array" in line_with(text, "weights")
    assert "given as an array" in line_with(text, "offset")
    assert "weights" not in summary_text(sample_fitted())


def test_numeric_labels_are_short() -> None:
    title = summary_text(sample_fitted(classes=(0.0, 1.0))).splitlines()[0]
    assert title.endswith("log odds of 1 against 0")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"C": "inf", "l1_ratio": 0.0, "l1": None, "l2": None}, "none"),
        ({}, "none"),
        ({"C": 1.0, "l1_ratio": 0.0}, "L2, C = 1"),
        ({"C": 0.25, "l1_ratio": 0.5}, "elastic net, l1_ratio = 0.5, C = 0.25"),
        ({"C": "inf", "l1": None, "l2": 0.01}, "l2 = 0.01 on the mean log loss"),
        ({"l1": 0.5, "l2": 0.01}, "l1 = 0.5, l2 = 0.01 on the mean log loss"),
    ],
)
def test_the_penalty_in_words(options: dict[str, Any], words: str) -> None:
    assert penalty_text(request_from_json(options, "options")) == words


def test_the_certificate_in_words() -> None:
    words = " ".join(certificate_text(sample_fitted()).split())
    assert words == (
        "certificate: within 3.1e-09 (relative) of the optimum, proven by a dual point after"
        " 6 reads of the data (solver newton: many rows, few columns)."
        " No coefficient is off by more than about 0.0013 standard errors."
    ).replace("0.0013", figure(0.00125, 2))


@pytest.mark.parametrize(
    "status", [one for one in Status if one not in (Status.CERTIFIED, Status.FIRTH)]
)
def test_a_fit_that_is_not_certified_says_so(status: Status) -> None:
    fitted = sample_fitted(certificate=sample_certificate(status=status))
    words = " ".join(certificate_text(fitted).split())
    assert f"Not certified: {' '.join(status.value.split())}" in words
    assert short_distance(fitted).startswith("not certified, within 3.1e-09")


def test_without_a_dual_point_nothing_is_claimed() -> None:
    certificate = sample_certificate(
        gap=math.nan, relative_gap=math.nan, coefficient_error=math.nan, status=Status.BUDGET
    )
    words = certificate_text(sample_fitted(certificate=certificate))
    assert "within" not in words
    assert "standard errors" not in words
    assert "not proven" in " ".join(words.split())
    assert short_distance(sample_fitted(certificate=certificate)) == "no certificate"


def test_many_coefficients_are_cut_and_said_so() -> None:
    many = {f"c{i}": float((-1) ** i * i) for i in range(LONGEST_TABLE + 50)}
    text = summary_text(sample_fitted(many))
    assert f"the {LONGEST_TABLE} largest of {LONGEST_TABLE + 50} by absolute value" in text
    assert line_with(text, f"c{LONGEST_TABLE + 49} ")
    assert not any(line.split()[:1] == ["c1"] for line in text.splitlines())
    assert Summary(sample_fitted(many)).table.num_rows == LONGEST_TABLE + 51


def test_names_cannot_move_the_cursor() -> None:
    evil = "\x1b[2J\r\nrows"
    certificate = sample_certificate(solver=evil, reason=evil)
    fitted = sample_fitted(
        {evil: 1.0},
        certificate,
        classes=(evil, "b"),
        target=evil,
        offset=evil,
        weights=evil,
        options={"class_weight": [[evil, 2.0]]},
    )
    text = summary_text(fitted)
    assert all(line.isprintable() for line in text.split("\n"))


def test_lines_are_no_wider_than_a_page() -> None:
    text = summary_text(sample_fitted({"n" * 300: 1e-300, "b": 1e300}))
    assert max(map(len, text.splitlines())) <= 100


def test_the_table_holds_every_digit() -> None:
    table = Summary(sample_fitted({"a": 0.1, "b": 2 / 3})).table
    assert table.column_names == [
        *("name", "estimate", "standard_error", "z", "p_value", "lower", "upper"),
        *("odds_ratio", "odds_lower", "odds_upper"),
    ]
    assert table["name"].to_pylist() == ["(intercept)", "a", "b"]
    assert table["estimate"].to_pylist() == [-0.75, 0.1, 2 / 3]
    assert table["odds_ratio"].to_pylist() == [None, math.exp(0.1), math.exp(2 / 3)]


def test_a_summary_prints_as_text() -> None:
    summary = Summary(sample_fitted())
    assert str(summary) == repr(summary) == summary_text(sample_fitted())


# ---- reliability


def test_reliability_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    p = random.uniform(size=500) ** 2
    y = (random.uniform(size=500) < p).astype(float)
    bins = reliability(y, p, 10)
    observed, predicted = calibration_curve(y, p, n_bins=10)
    np.testing.assert_allclose([one.observed_share for one in bins], observed, rtol=1e-12)
    np.testing.assert_allclose([one.mean_predicted for one in bins], predicted, rtol=1e-12)
    assert sum(one.count for one in bins) == 500


def test_reliability_at_the_ends_and_of_nothing() -> None:
    bins = reliability([0.0, 1.0], [0.0, 1.0], 5)
    assert [(one.lower, one.upper, one.count) for one in bins] == [(0.0, 0.2, 1), (0.8, 1.0, 1)]
    assert reliability([], [], 5) == ()
    assert len(reliability_text(()).splitlines()) == 1
    assert reliability_text(bins).splitlines()[1].split() == [
        *("0.00", "to", "0.20", "1", "0.000", "0.000")
    ]
