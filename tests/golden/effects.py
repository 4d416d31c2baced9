"""Write effects.json: average effects and their errors by the Python package marginaleffects.

    python -m venv v && v/bin/pip install marginaleffects "polars<2" statsmodels pandas pyarrow
    v/bin/python tests/golden/effects.py

The table is that of tests/test_effects.py.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import statsmodels.formula.api as smf
from marginaleffects import avg_slopes

HERE = Path(__file__).parent
SOURCE = (HERE.parent / "test_effects.py").read_text()
FORMULAS = {  # ours, and patsy's
    "age * t": "age * t",
    "age * race + t": "age * C(race) + t",
    "age + I(age**2) + log(bmi) * race": "age + I(age**2) + np.log(bmi) * C(race)",
    "bmi:race + age:bmi + t": "bmi:C(race) + age:bmi + t",
    "C(race, Sum) * bmi + sqrt(age)": "C(race, Sum) * bmi + np.sqrt(age)",
}


def frame() -> pd.DataFrame:
    found = next(
        node
        for node in ast.parse(SOURCE).body
        if isinstance(node, ast.FunctionDef) and node.name == "frame"
    )
    space: dict[str, object] = {"np": np, "pd": pd}
    exec(compile(ast.Module([found], []), "frame", "exec"), space)
    return space["frame"]()


def main() -> None:
    table, golden = frame().astype({"race": "category"}), {}
    for ours, theirs in FORMULAS.items():
        fit = smf.logit(f"y ~ {theirs}", table).fit(disp=0, tol=1e-14, maxiter=200)
        found = avg_slopes(fit, eps=1e-4, newdata=pl.from_pandas(table))
        rows = []
        for term, contrast, effect, error in found.select(
            ["term", "contrast", "estimate", "std_error"]
        ).iter_rows():
            name = f"{term}={contrast.split(' - ')[0]}" if term == "race" else term
            rows.append({"name": name, "effect": effect, "standard_error": error})
        golden[ours] = rows
    (HERE / "effects.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
