"""Records of fits made by hand, for tests that need no solver."""

from __future__ import annotations

from typing import Any

import numpy as np

from logloss.record.fitted import Fitted
from logloss.record.proof import Certificate, Status, Step
from logloss.record.request_json import request_from_json
from logloss.table import ColumnSchema, NumericColumn


def sample_certificate(**changes: Any) -> Certificate:
    fields: dict[str, Any] = {
        "gap": 1.5e-9,
        "relative_gap": 3.125e-9,
        "coefficient_error": 0.00125,
        "data_reads": 6,
        "solver": "newton",
        "reason": "many rows, few columns",
        "status": Status.CERTIFIED,
        "seconds": 0.0321,
    }
    return Certificate(**(fields | changes))


def sample_fitted(
    coefficients: dict[str, float] | None = None, certificate: Any = None, **changes: Any
) -> Fitted:
    by_name = {"age": 0.03125, "dose": -1.25} if coefficients is None else coefficients
    fields: dict[str, Any] = {
        "schema": ColumnSchema(tuple(NumericColumn(name, "double") for name in by_name)),
        "coefficients": np.array(list(by_name.values()), dtype=np.float64),
        "intercept": -0.75,
        "classes": ("alive", "dead"),
        "certificate": sample_certificate() if certificate is None else certificate,
        "history": (Step(1, 0.01, 0.69, float("nan")), Step(3, 0.02, 0.48, 1.5e-9)),
        "n_rows": 1234,
        "weight_sum": 1234.0,
        "positive_share": 0.3125,
        "loss": 0.48,
        "objective": 0.4875,
        "null_loss": 0.62,
        "options": {
            "C": 1.0,
            "l1_ratio": 0.0,
            "l1": None,
            "l2": None,
            "fit_intercept": True,
            "solver": "auto",
            "tol": 1e-6,
        },
        "target": "outcome",
        "offset": None,
        "weights": None,
    }
    fields |= changes
    roles = {role: fields.pop(role) for role in ("target", "offset", "weights")}
    request = request_from_json(fields.pop("options"), "options").in_roles(**roles)
    return Fitted(**fields, request=request)
