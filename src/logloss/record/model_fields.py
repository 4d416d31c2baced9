"""A model file, field by field: each passes a check of its own, and anything else is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import ModelFileError
from logloss.files import strict_json as js
from logloss.record.agreement import agreed
from logloss.record.centers import check_centers
from logloss.record.estimates import check_estimates
from logloss.record.proof import Certificate, Step
from logloss.record.request import Request
from logloss.record.request_json import request_from_json
from logloss.record.same_rows import RowMarks
from logloss.record.separation import Separation
from logloss.record.weighting import UNKNOWN, Weighting
from logloss.table.schema.saved import schema_from_json
from logloss.table.schema.schema import Schema

if TYPE_CHECKING:
    from logloss.table.roles.labels import Label

FORMAT = "logloss.model/1"


def fields_of(document: object) -> dict[str, Any]:
    """The fields of the record that a document holds; see `Fitted.from_json`."""
    _check_format(document)
    fields = _check_record(document, "model")
    del fields["format"]
    fields["request"] = _request(fields)
    fields["coefficients"] = _in_order(fields["schema"], fields["coefficients"])
    fields["history"] = tuple(fields["history"])
    fields["notes"] = tuple(fields["notes"] or ())
    fields["weighting"] = fields["weighting"] or UNKNOWN
    fields["estimates"] = agreed(fields)
    return fields


def _check_format(document: object) -> None:
    found = document.get("format") if type(document) is dict else None
    if found == FORMAT:
        return
    if type(found) is str and found.startswith("logloss.model/"):
        raise ModelFileError(
            f"it has the format {found[:40]!a}; this version reads {FORMAT!r}",
            "a newer logloss wrote it: upgrade logloss, or fit again",
        )
    raise ModelFileError(f'it does not begin with "format": "{FORMAT}"')


def _schema(value: object, where: str) -> Schema:
    fields = js.mapping_of(js.plain)(value, where)
    try:
        return schema_from_json(fields)
    except ModelFileError as error:
        raise ModelFileError(f"{where}: {error.message}", error.hint) from None


def _request(fields: dict[str, Any]) -> Request:
    """What was asked for, from the places where the file has it."""
    roles = {role: fields.pop(role) for role in ("target", "offset", "weights")}
    request: Request = fields.pop("options").in_roles(**roles)
    if "na" in request.untold and fields["schema"].na:
        table = replace(request.table, na=fields["schema"].na)
        return replace(request, table=table, untold=request.untold - {"na"})
    return request


def _share(value: object, where: str) -> float:
    share = js.number(value, where)
    if not 0.0 <= share <= 1.0:
        js.refuse(where, "a share from 0 to 1", value)
    return share


def _classes(value: object, where: str) -> tuple[Label, Label]:
    negative, positive = js.list_of(js.label, length=2)(value, where)
    if negative == positive:
        js.refuse(where, "two different labels", value)
    return negative, positive


def check_one_kind(classes: tuple[Label, Label]) -> None:
    """Labels of a column are text, bools or numbers; "not LABEL" is all others than a label."""
    if classes[0] != f"not {classes[1]}" and _kind_of(classes[0]) is not _kind_of(classes[1]):
        js.refuse("model.classes", "two labels of one kind", list(classes))


def _kind_of(label: Label) -> type:
    return float if type(label) is int else type(label)


def _in_order(schema: Schema, by_name: Mapping[str, float]) -> NDArray[np.float64]:
    names = schema.coefficient_names
    for name in names:
        if name not in by_name:
            raise ModelFileError(f"model.coefficients: {name[:80]!a} of the schema is missing")
    if len(by_name) != len(names):
        known = frozenset(names)
        surplus = next(name for name in by_name if name not in known)
        raise ModelFileError(f"model.coefficients: {surplus[:80]!a} is not in the schema")
    return np.array([by_name[name] for name in names], dtype=np.float64)


_amount = js.between(0.0, check=js.measure)
_check_record = js.record(
    {
        "format": js.text,
        "target": js.optional(js.text),
        "classes": _classes,
        "intercept": js.number,
        "coefficients": js.mapping_of(js.number),
        "certificate": Certificate.from_json,
        "n_rows": js.count,
        "weight_sum": js.positive,
        "positive_share": _share,
        "loss": _amount,
        "null_loss": _amount,
        "objective": _amount,
        "options": request_from_json,
        "offset": js.optional(js.text),
        "weights": js.optional(js.text),
        "separation": js.optional(Separation.from_json),
        "schema": _schema,
        "history": js.list_of(Step.from_json),
    },
    or_none={
        "estimates": check_estimates,
        "notes": js.list_of(js.text),
        "rows": RowMarks.from_json,
        "weighting": Weighting.from_json,
        "centers": check_centers,
    },
)
