"""Tables as they are: leaks and rare levels. The verdict is an answer, in the user's words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

import logloss
from logloss.cli import main
from logloss.record.fitted import Fitted
from logloss.record.interface import COMMAND_LINE
from logloss.record.proof import Status
from logloss.record.separation import Kind

N = 600
Labels = NDArray[np.int64]


def ordinary(seed: int = 0) -> tuple[pd.DataFrame, Labels]:
    """Three columns that explain the labels in part."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.normal(50.0, 10.0, N),
            "dose": rng.integers(0, 5, N),
            "state": rng.choice(["CA", "NY", "TX"], N),
        }
    )
    y = (rng.random(N) < 1.0 / (1.0 + np.exp(-(table["age"] - 50.0) / 10.0))).astype(np.int64)
    return table, y


def leaked() -> tuple[pd.DataFrame, Labels]:
    table, y = ordinary()
    return table.assign(outcome_code=np.where(y == 1, "C", "O")), y


def rare() -> tuple[pd.DataFrame, Labels]:
    """All five rows of WY have the label 0."""
    table, y = ordinary()
    table.loc[:4, "state"] = "WY"
    y[:5] = 0
    return table, y


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: Any) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def written(tmp_path: Path) -> Callable[[tuple[pd.DataFrame, Labels]], Path]:
    def write(what: tuple[pd.DataFrame, Labels]) -> Path:
        table, y = what
        path = tmp_path / "table.csv"
        table.assign(y=y).to_csv(path, index=False)
        return path

    return write


def test_a_leak_alone_is_named() -> None:
    found = logloss.fit(*leaked()).separation
    assert found.kind is Kind.COMPLETE
    assert found.shares == {"outcome_code": 1.0}
    assert set(found.followers) == {"age", "dose", "state=NY", "state=TX", "state=CA"} & set(
        found.columns
    )
    assert found.text.startswith(
        "The data are separated: outcome_code alone tells all 600 rows apart without error"
    )
    assert found.remedy.endswith("or leave the column out (exclude=['outcome_code']).")


def leak_as_numbers(table: pd.DataFrame, y: Labels) -> pd.DataFrame:
    return table.assign(leak=np.where(y == 1, 3.5, 3.25) + table["dose"] * 1e-3)


def leak_as_levels(table: pd.DataFrame, y: Labels) -> pd.DataFrame:
    words = np.array(["open", "closed", "paid", "late"])
    return table.assign(leak=words[y * 2 + np.arange(len(y)) % 2])


def leak_as_a_hole(table: pd.DataFrame, y: Labels) -> pd.DataFrame:
    """Only rows of one label have a value."""
    return table.assign(leak=np.where(y == 1, np.arange(len(y)) * 1.0, np.nan))


def leak_by_being_small(table: pd.DataFrame, y: Labels) -> pd.DataFrame:
    return table.assign(leak=np.where(y == 1, -1e-6, 2e-6))


LEAKS = [leak_as_numbers, leak_as_levels, leak_as_a_hole, leak_by_being_small]


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cg"])
@pytest.mark.parametrize("make", LEAKS)
def test_leaks_of_all_kinds(make: Callable[..., pd.DataFrame], solver: str) -> None:
    table, y = ordinary()
    found = logloss.fit(make(table, y), y, solver=solver).separation
    assert [cause.columns for cause in found.causes] == [("leak",)]
    assert found.causes[0].rows == N


def test_a_leak_of_amounts_large_and_small_is_followed_to_the_tolerance() -> None:
    """The least of what was paid back is a millionth of the most."""
    table, y = ordinary()
    rng = np.random.default_rng(0)
    paid = np.where((y == 1) & (rng.random(N) < 0.6), 10.0 ** rng.uniform(-1.0, 5.0, N), 0.0)
    model = logloss.fit(table.assign(paid=paid), y)
    assert model.certificate.status is Status.SEPARATED
    assert model.separation.rows == np.count_nonzero(paid)
    assert model.certificate.gap <= 1e-6 * model.fitted.objective
    left = paid == 0.0
    rest = logloss.fit(table[left], y[left])
    assert model.fitted.loss == pytest.approx(rest.fitted.loss * left.mean(), rel=1e-6)


@pytest.mark.parametrize("storage", ["dense", "csr", "csc", "arrow", "polars"])
def test_leaks_in_all_storages(storage: str) -> None:
    table, y = ordinary()
    table = table.drop(columns="state").assign(leak=2.0 * y)
    numbers = table.to_numpy(dtype=np.float64)
    import polars as pl
    import pyarrow as pa

    tables = {
        "dense": numbers,
        "csr": sp.csr_array(numbers),
        "csc": sp.csc_array(numbers),
        "arrow": pa.Table.from_pandas(table),
        "polars": pl.from_pandas(table),
    }
    found = logloss.fit(tables[storage], y).separation
    name = "x2" if storage in ("dense", "csr", "csc") else "leak"
    assert found.shares == {name: 1.0}
    assert f"exclude=['{name}']" in found.text


def test_a_rare_level_is_named_and_the_others_keep_their_limits() -> None:
    table, y = rare()
    found = logloss.fit(table, y).separation
    assert found.kind is Kind.QUASI
    assert found.shares == {"state=WY": 1.0}
    assert found.columns == {"state=WY": -math.inf}
    assert found.followers == ()
    without = logloss.fit(table.loc[5:].reset_index(drop=True), y[5:])
    for name, value in without.coefficients.items():
        assert found.estimates[name] == pytest.approx(value, rel=1e-5, abs=1e-6)
    assert "state=WY (-inf) alone tells 5 rows apart" in found.text


def test_the_reference_level_is_named_too() -> None:
    """It has no coefficient of its own."""
    table, y = ordinary()
    table["state"] = np.where(np.arange(N) < 400, "CA", table["state"].replace("CA", "NY"))
    y[:400] = 1
    y[400:] = np.arange(N - 400) % 2
    found = logloss.fit(table, y).separation
    assert found.shares == {"state=CA": 1.0}


def test_several_rare_levels() -> None:
    table, y = rare()
    table["city"] = np.where(np.arange(N) % 2, "Ames", "Bonn")
    table.loc[10:12, "city"] = "Cork"
    y[10:13] = 1
    table.loc[20:26, "state"] = "VT"
    y[20:27] = 1
    found = logloss.fit(table, y).separation
    rows = {name: cause.rows for cause in found.causes for name in cause.names}
    assert rows == {"state=VT": 7, "state=WY": 5, "city=Cork": 3}
    assert found.text.startswith(
        "The data are separated in part: 15 rows can be told apart without error, 7 by state=VT"
        " (+inf), 5 by state=WY (-inf) and 3 by city=Cork (+inf)."
    )


def test_two_columns_that_do_it_only_together() -> None:
    table, y = ordinary()
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, N))
    table, y = table.assign(a=a, b=b * 1e3), (a + b > 0.0).astype(np.int64)
    found = logloss.fit(table, y).separation
    (cause,) = found.causes
    assert cause.together
    assert set(cause.names) == {"a", "b"}
    assert cause.rows == N
    assert "together tell all 600 rows apart" in found.text


def test_together_on_some_rows() -> None:
    """Where a + b ≥ 6 of 0 … 3 each, the label is 1: only the corner, which lies on both edges."""
    table, _ = ordinary()
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 4, (2, N)) * 1.0
    y = np.where(a + b >= 6, 1, rng.integers(0, 2, N))
    both = (a == 3) & (b == 3)
    words = pd.Series(np.where(both, "corner", "other"))
    found = logloss.fit(table.assign(both=words), y).separation
    assert found.shares == {"both=corner": 1.0}
    assert found.rows == both.sum()


def test_columns_that_say_the_same_are_both_named() -> None:
    table, y = leaked()
    found = logloss.fit(table.assign(flag=y * 7.0), y).separation
    (cause,) = found.causes
    assert set(cause.names) == {"outcome_code", "flag"}
    assert not cause.together
    assert "each tell all 600 rows apart" in found.text


def test_one_after_the_other() -> None:
    """A column tells some rows apart, and another those that are left."""
    table, y = ordinary()
    first = np.arange(N) < 450
    table["code"] = np.where(first, np.where(y == 1, "C", "O"), "unknown")
    table["late"] = np.where(first, 0.0, np.where(y == 1, 1.0, -1.0))
    found = logloss.fit(table, y).separation
    assert found.kind is Kind.COMPLETE
    named = {name for cause in found.causes for name in cause.columns}
    assert named <= {"code", "late"}
    assert sum(cause.rows for cause in found.causes) == N


def test_weights_of_zero_do_not_count() -> None:
    table, y = leaked()
    table.loc[:9, "outcome_code"] = "C"
    y[:10] = 0
    weight = np.r_[np.zeros(10), np.ones(N - 10)]
    found = logloss.fit(table, y, sample_weight=weight).separation
    assert found.shares == {"outcome_code": 1.0}
    assert found.rows == N - 10


def test_without_an_intercept() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, N)
    table = pd.DataFrame({"x": rng.normal(size=N), "side": np.where(y == 1, 1.0, -2.0)})
    found = logloss.fit(table, y, fit_intercept=False).separation
    assert found.shares == {"side": 1.0}
    shifted = table.assign(side=table["side"] + 5.0)  # 0 does not lie between
    assert logloss.fit(shifted, y, fit_intercept=False).separation.exists is True


def test_a_term_of_a_formula() -> None:
    table, y = leaked()
    found = logloss.fit(table, y, formula="age + C(outcome_code)").separation
    assert found.kind is Kind.COMPLETE
    assert [cause.rows for cause in found.causes] == [N]
    assert all("outcome_code" in name for name in found.shares)


def test_a_column_without_its_penalty() -> None:
    found = logloss.fit(*rare(), C=1.0, penalty_factors={"state": 0.0}).separation
    assert found.shares == {"state=WY": 1.0}
    assert "penalty_factors" in found.remedy
    assert "firth" not in found.remedy


def test_saved_and_read_again(tmp_path: Path) -> None:
    model = logloss.fit(*leaked())
    model.save(tmp_path / "m.json")
    again = logloss.load(tmp_path / "m.json")
    assert again.separation.causes == model.separation.causes
    assert str(again).startswith(str(model)[:20])
    document = model.fitted.to_json()
    del document["separation"]["causes"]
    document["separation"]["remedy"] = "of an earlier version"
    old = Fitted.from_json(document).separation
    assert old is not None
    assert old.causes == ()
    assert "600 rows can be told apart without error" in old.text
    for wrong in ({"names": []}, {"rows": -1}, {"together": "yes"}):
        document = model.fitted.to_json()
        document["separation"]["causes"][0] |= wrong
        with pytest.raises(logloss.ModelFileError, match="causes"):
            Fitted.from_json(document)


def test_the_summary_begins_with_it() -> None:
    text = str(logloss.fit(*leaked()).summary())
    assert text.startswith("The data are separated: outcome_code alone")
    assert "x1" not in text.split("\n\n", maxsplit=1)[0]
    assert max(map(len, text.split("\n\n", maxsplit=1)[0].splitlines())) <= 79


def test_the_command_line_ends_well(
    run: Callable[..., tuple[int, str, str]],
    written: Callable[[tuple[pd.DataFrame, Labels]], Path],
    tmp_path: Path,
) -> None:
    path, model = written(leaked()), tmp_path / "m.json"
    status, out, err = run("fit", path, "--target", "y", "--model", model)
    assert status == 0
    assert "error" not in err
    first = " ".join(out.split("\n\n")[0].split())
    assert first.startswith("The data are separated: outcome_code alone tells all 600 rows apart")
    for remedy in ("--firth", "--C 1", "--exclude outcome_code"):
        assert remedy in first
    assert "=True" not in out
    assert max(map(len, out.split("\n\n")[0].splitlines())) <= 79
    assert run("fit", path, "--target", "y", "-q") == (0, "", "")
    status, out, err = run("fit", path, "--target", "y", "--json")
    assert status == 0
    assert json.loads(out)["separation"]["causes"][0]["names"] == ["outcome_code"]
    assert err.startswith("note: The data are separated: outcome_code alone")
    status, out, _ = run("show", model)
    assert status == 0
    assert " ".join(out.split("\n\n")[0].split()) == first
    for command in (("predict", model, path, "-o", tmp_path / "p.csv"), ("evaluate", model, path)):
        status, _, err = run(*command)
        assert status == 0
        assert "note: The data are separated: outcome_code alone" in err
        assert "--exclude outcome_code" in err
    for way in (["--firth"], ["--C", "1"], ["--exclude", "outcome_code"]):
        status, out, _ = run("fit", path, "--target", "y", *way)
        assert status == 0
        assert out.startswith("Logistic regression")


def test_names_are_quoted_for_the_shell(
    run: Callable[..., tuple[int, str, str]],
    written: Callable[[tuple[pd.DataFrame, Labels]], Path],
) -> None:
    table, y = leaked()
    path = written((table.rename(columns={"outcome_code": "code of outcome"}), y))
    out = run("fit", path, "--target", "y")[1]
    assert "--exclude 'code of outcome'" in " ".join(out.split())


def test_a_race_says_what_separates(
    run: Callable[..., tuple[int, str, str]],
    written: Callable[[tuple[pd.DataFrame, Labels]], Path],
) -> None:
    path = written(leaked())
    with pytest.raises(logloss.DataError, match="outcome_code alone tells") as caught:
        logloss.race(path, "y", solvers=["gd"])
    assert "C=1" in str(caught.value)
    status, _, err = run("race", path, "--target", "y", "--solvers", "gd")
    assert status == 1
    assert "outcome_code alone tells all 600 rows apart" in err
    assert "hint: Take a penalty (--C 1), or leave the column out (--exclude outcome_code)." in err


def test_a_path_has_the_verdict_of_what_it_does_not_penalise(
    run: Callable[..., tuple[int, str, str]],
    written: Callable[[tuple[pd.DataFrame, Labels]], Path],
) -> None:
    path = written(rare())
    found = logloss.path(path, "y", n_lambdas=3, penalty_factors={"state": 0.0})
    assert {one.status for one in found.certificates} == {Status.SEPARATED}
    assert found.template.separation is not None
    assert found.template.separation.shares == {"state=WY": 1.0}
    assert str(found.model(0).summary()).startswith("The data are separated in part: state=WY")
    words = ("path", path, "--target", "y", "--n-lambdas", "3", "--penalty-factor", "state=0")
    status, out, err = run(*words)
    assert status == 0
    assert "error" not in err
    assert out.startswith("The data are separated in part: state=WY (-inf) alone")


def test_the_estimator_warns_in_its_own_words() -> None:
    table, y = leaked()
    numbers = table.drop(columns=["state", "outcome_code"]).assign(leak=y * 1.0)
    with pytest.warns(ConvergenceWarning, match=r"leak \(\+inf\) alone tells all 600") as caught:
        logloss.LogisticRegression(C=np.inf).fit(numbers, y)
    text = str(caught[0].message)
    assert "C=1" in text
    assert "drop 'leak'" in text


def test_no_status_speaks_python_on_the_command_line() -> None:
    for status in Status:
        words = COMMAND_LINE.status(status)
        assert "=True" not in words
        assert "max_iter" not in words
        assert "(C=1" not in words
        assert "exclude)" not in words


def test_many_causes_are_counted_not_listed() -> None:
    """A code with thirty levels, each of which has one label."""
    table, y = ordinary()
    code = np.arange(N) // 10
    y[:300] = code[:300] % 2
    table["code"] = [f"k{k}" if k < 30 else "rest" for k in code]
    found = logloss.fit(table, y).separation
    assert len(found.causes) == 30
    assert "and 25 more" in found.text
    assert len(found.text) < 600


def test_one_label_among_the_rows_with_weight() -> None:
    table, y = ordinary()
    found = logloss.fit(table, y, sample_weight=y * 1.0).separation
    assert found.shares == {"(intercept)": 1.0}
    assert "have one label" in found.text
    assert "exclude" not in found.text
