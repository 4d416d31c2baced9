"""Draw the pictures of docs/how-to-choose.md: races on real data. Run by `make docs-pictures`.

One picture per table, by reads and by seconds, and one per solver, in which the others are grey.
The breast cancer table comes with scikit-learn; BRFSS 2015 (brfss2015.csv.gz) and a9a (a9a.svm.gz)
are looked for in the folder that LOGLOSS_DATA names. About three minutes on two cores.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer, load_svmlight_file

import logloss
from logloss.report.curves import Panel, draw
from logloss.solvers.choose import NAMED

HERE = Path(__file__).parent
SECONDS = float(os.environ.get("LOGLOSS_RACE_SECONDS", "10"))  # for each solver on each table
WITHOUT_LOSS = {"perceptron"}
SHOWN_ON = {"prox-newton": ("a9a-l1",)}


def tables() -> dict[str, tuple[str, Any, Any, dict[str, Any]]]:
    """Name of the picture → title, X, y, penalty."""
    folder = Path(os.environ["LOGLOSS_DATA"])
    cancer = load_breast_cancer(return_X_y=True)
    a9a = load_svmlight_file(str(folder / "a9a.svm.gz"))
    brfss = (str(folder / "brfss2015.csv.gz"), "Diabetes_binary")
    return {
        "breast-cancer": ("breast cancer, 569 × 30, unscaled, L2, C = 1", *cancer, {"C": 1.0}),
        "brfss": ("BRFSS, 253,680 × 21, no penalty", *brfss, {}),
        "a9a": ("a9a, 32,561 × 123, sparse, L2, C = 1", *a9a, {"C": 1.0}),
        "a9a-l1": ("a9a, L1, C = 1", *a9a, {"C": 1.0, "l1_ratio": 1.0}),
    }


def main() -> None:
    races = {}
    for name, (title, X, y, penalty) in tables().items():
        smooth = not penalty.get("l1_ratio")
        solvers = [
            solver
            for solver, kind in NAMED.items()
            if solver not in WITHOUT_LOSS
            and (solver != "prox-newton" if smooth else kind.nonsmooth)  # without L1 it is newton
        ]
        race = logloss.race(X, y, solvers=solvers, time_budget=SECONDS, **penalty)
        print(f"{title}\n{race}\n", file=sys.stderr)
        draw(race.panels(), HERE / f"race-{name}.svg", title)
        races[name] = (title, race)
    for solver in NAMED:
        if solver not in WITHOUT_LOSS:
            shown = [races[name] for name in SHOWN_ON.get(solver, ("brfss", "a9a"))]
            panels = [marked(race.panels()[0], title, solver) for title, race in shown]
            draw(panels, HERE / f"{solver}.svg")


def marked(panel: Panel, title: str, solver: str) -> Panel:
    """The panel with all curves but one in grey."""
    curves = tuple(replace(curve, muted=curve.label != solver) for curve in panel.curves)
    return replace(panel, curves=curves, title=title)


if __name__ == "__main__":
    main()
