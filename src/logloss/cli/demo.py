"""`logloss demo`: a fit that needs no file and no network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import logloss
from logloss.cli.outcome import DONE
from logloss.cli.terminal import emit
from logloss.errors import DataError
from logloss.report import reliability, reliability_text

_PARTS = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
COLUMNS = (
    *(f"mean {part}" for part in _PARTS),
    *(f"{part} error" for part in _PARTS),
    *(f"worst {part}" for part in _PARTS),
)
TARGET = "benign"
_HELD_OUT = 3  # every third row
_BINS = 5  # with 189 rows held out, more would be noise


def demo() -> int:
    """Fit a table that is always there.

    Fits the breast cancer table that scikit-learn installs, and checks the fit on rows held out:
    569 tumours, 30 measures of their cells; the target is 1 for benign, 0 for malignant.
    """
    fitted_on, held_out = _tables()
    model = logloss.fit(fitted_on, TARGET, C=1.0)
    emit(str(model.summary()))
    bins = reliability(held_out[TARGET].to_numpy(), model.predict_proba(held_out), _BINS)
    emit(f"\nreliability on the {held_out.num_rows} rows held out (every third)\n")
    emit(reliability_text(bins))
    return DONE


def _tables() -> tuple[Any, Any]:
    """Return the rows to fit and the rows held out, as two pyarrow.Tables."""
    import numpy as np
    from pyarrow import csv

    options = csv.ReadOptions(column_names=[*COLUMNS, TARGET], skip_rows=1)
    table = csv.read_csv(data_file(), read_options=options)
    held_out = np.arange(table.num_rows) % _HELD_OUT == _HELD_OUT - 1
    return table.filter(~held_out), table.filter(held_out)


def data_file() -> Path:
    """Return where scikit-learn keeps the table; scikit-learn itself, slow, is not imported."""
    spec = find_spec("sklearn")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "datasets" / "data" / "breast_cancer.csv"
        if path.is_file():
            return path
    raise DataError(
        "the breast cancer table that scikit-learn installs is not there",
        "install scikit-learn, or fit a table of your own: logloss fit TABLE --target COL",
    )
