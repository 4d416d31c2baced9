"""A certificate and the steps that led to it, as a model file holds them."""

from __future__ import annotations

from typing import Any

from logloss.certificate import Certificate
from logloss.files import strict_json as js
from logloss.solvers.base import Status, Step


def certificate_to_json(certificate: Certificate) -> dict[str, Any]:
    """Plain values."""
    return {
        "status": certificate.status.name.lower(),
        "gap": js.measure_to_json(certificate.gap),
        "relative_gap": js.measure_to_json(certificate.relative_gap),
        "coefficient_error": js.measure_to_json(certificate.coefficient_error),
        "data_reads": int(certificate.data_reads),
        "solver": certificate.solver,
        "reason": certificate.reason,
        "seconds": js.measure_to_json(certificate.seconds),
    }


def step_to_json(step: Step) -> dict[str, Any]:
    """Plain values."""
    return {
        "data_reads": int(step.data_reads),
        "seconds": js.measure_to_json(step.seconds),
        "loss": js.measure_to_json(step.loss),
        "gap": js.measure_to_json(step.gap),
    }


def _status(value: object, where: str) -> Status:
    known = {status.name.lower(): status for status in Status}
    name = js.text(value, where)
    if name not in known:
        js.refuse(where, f"one of {', '.join(known)}", value)
    return known[name]


def certificate_from_json(value: object, where: str) -> Certificate:
    """What `certificate_to_json` gave; ModelFileError for anything else."""
    return Certificate(**_check_certificate(value, where))


def step_from_json(value: object, where: str) -> Step:
    """What `step_to_json` gave; ModelFileError for anything else."""
    return Step(**_check_step(value, where))


_amount = js.between(0.0, check=js.measure)
_check_certificate = js.record(
    {
        "status": _status,
        "gap": js.measure,
        "relative_gap": js.measure,
        "coefficient_error": js.measure,
        "data_reads": js.count,
        "solver": js.text,
        "reason": js.text,
        "seconds": _amount,
    }
)
_check_step = js.record(
    {"data_reads": js.count, "seconds": js.measure, "loss": js.measure, "gap": js.measure}
)
