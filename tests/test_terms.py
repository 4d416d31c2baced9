"""Tests of terms obey marginality, and models are nested by what their columns span.

The truth: refits by statsmodels of the two models that type II compares (R's car::Anova).
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import statsmodels.formula.api as smf
from scipy.stats import chi2

import logloss
from logloss.errors import UsageError
from logloss.model.model import Model


def frame(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    age, bmi = rng.normal(50.0, 10.0, n), rng.gamma(9.0, 3.0, n)
    t, race = rng.integers(0, 2, n), np.array(["a", "b", "c"])[rng.integers(0, 3, n)]
    z = -2 + 0.04 * age + 0.5 * t + 0.03 * t * (age - 50) + 0.4 * (race == "b") - 0.02 * bmi
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int)
    return pd.DataFrame({"age": age, "bmi": bmi, "t": t, "race": race, "y": y})


def theirs(formula: str) -> Any:
    return smf.logit(f"y ~ {formula}", frame()).fit(disp=0, tol=1e-14, maxiter=100)


def asked(model: Model, *args: Any, **options: Any) -> dict[str, tuple[int, float]]:
    found = model.test(*args, **options).to_pylist()
    for row in found:
        assert row["p_value"] == pytest.approx(chi2.sf(row["statistic"], row["df"]), rel=1e-9)
    return {row["term"]: (row["df"], row["statistic"]) for row in found}


# formula: {term: (the model with it, the model without it)}
MARGINAL: dict[str, dict[str, tuple[str, str]]] = {
    "age * t": {
        "age": ("age + t", "t"),
        "t": ("age + t", "age"),
        "age:t": ("age * t", "age + t"),
    },
    "age * race + bmi": {
        "age": ("age + race + bmi", "race + bmi"),
        "race": ("age + race + bmi", "age + bmi"),
        "bmi": ("age * race + bmi", "age * race"),
        "age:race": ("age * race + bmi", "age + race + bmi"),
    },
    "age * race * t": {
        "age": ("age + race * t", "race * t"),
        "race:t": ("age * race + age * t + race:t", "age * race + age * t"),
        "age:race:t": ("age * race * t", "(age + race + t)**2"),
    },
    "age + race:age": {"age": ("age", "1")},
}


@pytest.mark.parametrize("formula", MARGINAL)
def test_a_term_is_tested_without_those_that_it_is_a_part_of(formula: str) -> None:
    model = logloss.fit(frame(), "y", formula=formula)
    found = asked(model)
    for term, (more, less) in MARGINAL[formula].items():
        one, other = theirs(more), theirs(less)
        df, statistic = found[term]
        assert df == one.df_model - other.df_model
        assert statistic == pytest.approx(2.0 * (one.llf - other.llf), rel=1e-7)


def test_the_order_and_the_reference_do_not_matter() -> None:
    one = asked(logloss.fit(frame(), "y", formula="age * race"))
    other = asked(logloss.fit(frame(), "y", formula="C(race, Sum) * age"))
    third = asked(logloss.fit(frame().assign(age=frame()["age"] - 50.0), "y", formula="race * age"))
    for found in (other, third):
        values = sorted(found.values())
        np.testing.assert_allclose(values, sorted(one.values()), rtol=1e-6)


def test_several_terms_are_tested_together() -> None:
    model = logloss.fit(frame(), "y", formula="age * t + race + bmi")
    cases = {
        ("t", "age:t"): "age + race + bmi",
        ("race", "bmi"): "age * t",
        ("age", "t"): None,
    }
    for terms, without in cases.items():
        ((name, (df, statistic)),) = asked(model, [terms]).items()
        assert name == " + ".join(terms)
        more = "age * t + race + bmi" if without else "age + t + race + bmi"
        one, other = theirs(more), theirs(without or "race + bmi")
        assert df == one.df_model - other.df_model
        assert statistic == pytest.approx(2.0 * (one.llf - other.llf), rel=1e-7)
    both = asked(model, [("race", "bmi"), "race"])
    assert list(both) == ["race + bmi", "race"]
    plain = logloss.fit(frame(), "y")
    ((_, (df, statistic)),) = asked(plain, [("age", "race")]).items()
    one, other = theirs("age + bmi + t + race"), theirs("bmi + t")
    assert df == 3
    assert statistic == pytest.approx(2.0 * (one.llf - other.llf), rel=1e-7)
    for wrong in ([("age", "rase")], [()], "rase"):
        with pytest.raises(UsageError, match="terms"):
            plain.test(wrong)


def test_wald_tests_obey_marginality_too() -> None:
    """The statistic of both less that of the relatives: car's conjugate complement."""
    model = logloss.fit(frame(), "y", formula="age * t")
    fit = theirs("age * t")
    b, v = fit.params, fit.cov_params()

    def wald(names: list[str]) -> float:
        return float(b[names] @ np.linalg.solve(v.loc[names, names], b[names]))

    found = asked(model, method="wald")
    for term in ("age", "t"):
        df, statistic = found[term]
        assert df == 1
        expected = wald([term, "age:t"]) - wald(["age:t"])
        assert statistic == pytest.approx(expected, rel=1e-5)
    assert found["age:t"][1] == pytest.approx(wald(["age:t"]), rel=1e-6)
    centred = logloss.fit(frame().assign(age=frame()["age"] - 50.0), "y", formula="age * t")
    for term, value in asked(centred, method="wald").items():
        np.testing.assert_allclose(value, found[term], rtol=1e-6)  # where 0 lies tells nothing


def test_firth_fits_obey_marginality() -> None:
    few = frame().iloc[:80]
    one = asked(logloss.fit(few, "y", formula="age * t", firth=True))
    moved = few.assign(age=few["age"] - 50.0)
    other = asked(logloss.fit(moved, "y", formula="age * t", firth=True))
    for term in one:
        np.testing.assert_allclose(other[term], one[term], rtol=1e-5)


# ---- nested by what the columns span


def fitted(formula: str | None = None, **options: Any) -> Model:
    return logloss.fit(frame(), "y", **({} if formula is None else {"formula": formula}), **options)


@pytest.mark.parametrize(
    ("smaller", "larger", "df"),
    [
        ("age", "bs(age, df=5)", 4),
        ("age", "cr(age, df=5)", 3),
        ("poly(age, degree=2)", "age + I(age**2) + t", 1),
        ("age + t", "I(age + t) + I(age - t) + race", 2),
        ("C(race, Sum)", "race * age", 3),
        ("race", "0 + race + bmi", 1),
        ("I(2 * age)", "age * t", 2),
    ],
)
def test_models_are_nested_by_what_their_columns_span(smaller: str, larger: str, df: int) -> None:
    one, other = fitted(smaller), fitted(larger)
    expected = 2.0 * 500 * (one._results.estimates().loss - other._results.estimates().loss)
    for found in (one.likelihood_ratio(other), other.likelihood_ratio(one)):
        assert found.df == df
        assert found.statistic == pytest.approx(expected, rel=1e-9)
        assert found.p_value == pytest.approx(chi2.sf(expected, df), rel=1e-9)


@pytest.mark.parametrize(
    ("smaller", "larger", "named"),
    [
        ("bmi", "bs(age, df=5)", "bmi"),
        ("log(age)", "age + I(age**2)", "log"),
        ("bs(age, df=4)", "poly(age, degree=3) + t + bmi", "bs"),
        ("age", "0 + bmi:race", "intercept"),
        ("t:race", "race + age + bmi + t", "t"),
    ],
)
def test_models_that_are_not_nested_are_refused(smaller: str, larger: str, named: str) -> None:
    with pytest.raises(UsageError, match=f"not nested.*{named}"):
        fitted(smaller).likelihood_ratio(fitted(larger))


@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array, sp.csc_array])
def test_a_name_is_no_proof(storage: Any) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) * (rng.random((300, 3)) < 0.7) * [1e-3, 1.0, 1e4]
    y = rng.random(300) < logloss.sigmoid(X[:, 1])
    weight, offset = rng.integers(0, 3, 300).astype(float), 0.5 * rng.normal(size=300)
    common = {"sample_weight": weight, "offset": offset}
    whole = logloss.fit(storage(X), y, **common)
    mixed = X @ np.array([[1e3, 2.0], [1.0, -1.0], [1e-4, 0.0]])
    part = logloss.fit(storage(mixed), y, **common)  # x0 and x1, of other columns
    assert part.likelihood_ratio(whole).df == 1
    other = logloss.fit(storage(rng.normal(size=(300, 2))), y, **common)
    with pytest.raises(UsageError, match="not nested"):
        other.likelihood_ratio(whole)
    without = logloss.fit(storage(X[:, 1:]), y, fit_intercept=False, **common)
    assert without.likelihood_ratio(whole).df == 2
    with pytest.raises(UsageError, match=r"not nested.*\(intercept\)"):
        logloss.fit(storage(X[:, :1]), y, **common).likelihood_ratio(
            logloss.fit(storage(X), y, fit_intercept=False, **common)
        )


def test_models_without_their_data_are_compared_by_name() -> None:
    one, other = fitted("age"), fitted("bs(age, df=5)")
    small, large = fitted("age"), fitted("age + t")
    for model in (one, other, small, large):
        model.covariance()
    lost = [pickle.loads(pickle.dumps(model)) for model in (one, other, small, large)]
    with pytest.raises(UsageError, match="not nested") as caught:
        lost[0].likelihood_ratio(lost[1])
    assert "attach" in (caught.value.hint or "")
    assert lost[2].likelihood_ratio(lost[3]) == small.likelihood_ratio(large)
