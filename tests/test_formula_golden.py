"""Formulas agree with R's glm, bs, poly and contrasts: golden/formula.R made the values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

import logloss

GOLDEN: dict[str, dict[str, np.ndarray]] = {}
for line in (Path(__file__).parent / "golden" / "formula.txt").read_text().splitlines():
    name, key, *numbers = line.split()
    GOLDEN.setdefault(name, {})[key] = np.array(numbers, dtype=np.float64)

FORMULAS = {
    "splines": "age + C(race) + bs(lwt, df=4) + smoke:ht",
    "interaction": "C(race) * age + log(lwt) + I(age**2 / 100)",
    "no_intercept": "0 + C(race) + age:smoke",
    "polynomial": "poly(age, 3) + scale(lwt)",
    "sum": "C(race, Sum) + smoke",
}


def head_of(table: pa.Table) -> pa.Table:
    """The rows that R predicted, some of them outside of the training table."""
    new = table.slice(0, 5).to_pydict()
    new["lwt"][:2] = [75, 270]
    new["age"][2] = 50
    return pa.table(new)


@pytest.mark.parametrize("name", FORMULAS)
def test_coefficients_and_predictions_are_those_of_r(
    name: str, data_file: Callable[[str], Path]
) -> None:
    table = pc.read_csv(data_file("birthwt.csv"))
    model = logloss.fit(table, "low", formula=FORMULAS[name], tol=1e-20)
    first = [] if name == "no_intercept" else [model.intercept]
    found = np.array([*first, *model.coefficients.values()])
    expected = GOLDEN[name]["estimate"]
    if name == "interaction":  # R has I() before the interaction
        found, expected = np.sort(found), np.sort(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    probability = model.predict_proba(head_of(table))
    # Rows outside of the table, where a polynomial is large: eight digits of z are fewer of p.
    digits = 4e-8 if name == "polynomial" else 1e-8
    np.testing.assert_allclose(probability, GOLDEN[name]["probability"], rtol=digits)
    z = model.decision_function(head_of(table))
    expected = logloss.logit(np.asarray(GOLDEN[name]["probability"]))
    np.testing.assert_allclose(z, expected, rtol=1e-8, atol=1e-8)
