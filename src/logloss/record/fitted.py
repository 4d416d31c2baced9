"""Fitted: the plain record of one fit, and its file.

The file is strict JSON of the version that `FORMAT` names: one object with the fields of `Fitted`,
coefficients by name. Floats are written by their shortest exact form, so that reading gives back
the same bits; what may be unknown (a gap) is written as "nan" or "inf". Reading runs no code: every
field passes a check of its own, and anything else in the file is an error.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, ModelFileError
from logloss.files import strict_json as js
from logloss.files.atomic import replacing
from logloss.files.contents import contents
from logloss.record.centers import Centers, log_odds
from logloss.record.estimates import INTERCEPT, Estimates
from logloss.record.model_fields import FORMAT, check_one_kind, fields_of
from logloss.record.proof import (
    Certificate,
    Status,
    Step,
)
from logloss.record.request import Request
from logloss.record.request_json import request_to_json
from logloss.record.same_rows import RowMarks
from logloss.record.separation import Separation
from logloss.record.weighting import UNKNOWN, Weighting
from logloss.table.design.design import design_of
from logloss.table.design.encoded import Encoded
from logloss.table.schema.schema import Schema

if TYPE_CHECKING:
    from logloss.table.roles.labels import Label

LARGEST_FILE = 2**28  # bytes: about five million coefficients


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit found out, without the data.

    Attributes
    ----------
    schema : Schema
        How the columns of a table become coefficients.
    coefficients : ndarray of shape (d,), float64
        On the scale of the columns as they came.
    intercept : float
        0.0 where none was fitted.
    classes : tuple of two labels
        The negative and the positive one.
    certificate : Certificate
        How far the fit is from the optimum at most.
    history : tuple of Step
        One entry per step of the solver.
    n_rows : int
        Rows that count: not those of weight 0, nor those left out.
    weight_sum : float
        Sum of the weights; `n_rows` where there are none.
    positive_share : float
        Weighted mean of the target.
    loss, null_loss : float
        Weighted mean log loss (nats per row) of the fit, and of its null model: all coefficients 0,
        the best intercept where one is fitted, and the offset.
    objective : float
        Loss plus penalty, on the mean scale.
    request : Request
        What was asked for: with the table it makes the objective again.
    notes : tuple of str
        What was done with the table that its owner should know, a sentence each.
    estimates : Estimates or None
        The polished optimum and its covariance, where they were asked for. Other records, and
        versions before it, have none.
    separation : Separation or None
        The verdict on the unpenalised coefficients, where the fit came with one.
    rows : RowMarks or None
        By which the rows are known again; None where nobody has asked for them, or the file was
        written before there were any.
    weighting : Weighting
        What the weights mean, class weights included.
    centers : Centers or None
        The points from which columns are counted, where 0 would lose digits.
    """

    schema: Schema
    coefficients: NDArray[np.float64]
    intercept: float
    classes: tuple[Label, Label]
    certificate: Certificate
    history: tuple[Step, ...]
    n_rows: int
    weight_sum: float
    positive_share: float
    loss: float
    objective: float
    null_loss: float
    request: Request
    notes: tuple[str, ...] = ()
    estimates: Estimates | None = None
    separation: Separation | None = None
    rows: RowMarks | None = None
    weighting: Weighting = UNKNOWN
    centers: Centers | None = None

    def __post_init__(self) -> None:
        values = np.array(self.coefficients, dtype=np.float64)
        expected = (len(self.schema.coefficient_names),)
        if values.shape != expected:
            raise ValueError(f"coefficients of shape {values.shape}, the schema has {expected}")
        values.setflags(write=False)
        object.__setattr__(self, "coefficients", values)

    @property
    def certified(self) -> bool:
        """Whether the certificate reached the tolerance that was asked for."""
        return self.certificate.status is Status.CERTIFIED

    @property
    def separated(self) -> bool:
        """Whether it is known that some coefficients have no finite estimate."""
        return self.separation is not None and self.separation.exists is False

    @property
    def options(self) -> dict[str, Any]:
        """What was asked for as the file has it: plain values by the names of the options."""
        return request_to_json(self.request)

    @property
    def target(self) -> str | None:
        """The name of this column; "" where an array was given, None where nothing was."""
        return cast("str | None", self.request.roles.target)

    @property
    def offset(self) -> str | None:
        """As `target`."""
        return cast("str | None", self.request.roles.offset)

    @property
    def weights(self) -> str | None:
        """As `target`."""
        return cast("str | None", self.request.roles.weights)

    @property
    def penalised(self) -> bool:
        """Whether some coefficient has a penalty or a bound.

        Files of before do not say which penalty factors and bounds there were.
        """
        return not self.request.penalty.unpenalised(self.schema.coefficient_names)

    @property
    def weighted(self) -> bool:
        """Whether there were weights, class weights among them, or it was said what they are."""
        roles = self.request.roles
        given = roles.weights is not None or roles.class_weight is not None
        return given or self.weighting.said is not None

    @property
    def null_model(self) -> str:
        """What `null_loss` is the loss of, in words."""
        parts = {"intercept": self.request.fit_intercept, "offset": self.offset is not None}
        there = [word for word, part in parts.items() if part]
        return f"{' and '.join(there)} alone" if there else "all coefficients 0"

    @property
    def converged(self) -> bool:
        """Certified, or Firth's estimate, which has no gap to prove."""
        return self.certificate.status in (Status.CERTIFIED, Status.FIRTH)

    def with_coefficients(self, coefficients: NDArray[np.float64], intercept: float) -> Fitted:
        """The record with these coefficients: itself, where they are its own."""
        if np.array_equal(coefficients, self.coefficients) and intercept == self.intercept:
            return self
        return replace(self, coefficients=coefficients, intercept=intercept, centers=None)

    def log_odds(
        self,
        encoded: Encoded,
        offset: NDArray[np.float64] | None = None,
        n_threads: int | None = None,
    ) -> NDArray[np.float64]:
        """z of the rows of a table, shape (n_rows,)."""
        schema = self.schema
        coef = schema.extended(self.coefficients, encoded)
        centers = None
        if self.centers is not None:
            points = self.centers.of(schema.coefficient_names)
            centers = schema.extended(points, encoded), self.centers.intercept
        return log_odds(design_of(encoded), coef, self.intercept, centers, offset, n_threads)

    def coefficient_map(self) -> dict[str, float]:
        """Return coefficient name → value, in the order of the columns."""
        names = self.schema.coefficient_names
        return dict(zip(names, self.coefficients.tolist(), strict=True))

    def reported(self) -> dict[str, float]:
        """Return "(intercept)" and coefficient names → estimates, ±∞ where none is finite."""
        found = {INTERCEPT: self.intercept, **self.coefficient_map()}
        infinite = {} if self.separation is None else self.separation.columns
        signed = {name: value for name, value in infinite.items() if not math.isnan(value)}
        return {**found, **signed}

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values that `json.dumps(..., allow_nan=False)` takes."""
        found = {} if self.estimates is None else {"estimates": self.estimates.to_json()}
        return {
            "format": FORMAT,
            "target": self.target,
            "classes": list(self.classes),
            "intercept": float(self.intercept),
            "coefficients": self.coefficient_map(),
            "certificate": self.certificate.to_json(),
            "n_rows": int(self.n_rows),
            "weight_sum": float(self.weight_sum),
            "positive_share": float(self.positive_share),
            "loss": js.measure_to_json(self.loss),
            "null_loss": js.measure_to_json(self.null_loss),
            "objective": js.measure_to_json(self.objective),
            "options": self.options,
            "offset": self.offset,
            "weights": self.weights,
            "separation": None if self.separation is None else self.separation.to_json(),
            "schema": self.schema.to_json(),
            "history": [step.to_json() for step in self.history],
            **({"notes": list(self.notes)} if self.notes else {}),
            **({} if self.rows is None else {"rows": self.rows.to_json()}),
            **({"weighting": self.weighting.to_json()} if self.weighting.known else {}),
            **({} if self.centers is None else {"centers": self.centers.to_json()}),
            **found,
        }

    @staticmethod
    def from_json(document: object) -> Fitted:
        """Return the record that `to_json` gave.

        Raises
        ------
        ModelFileError
            Where `document` is not exactly such a value, or of a version that is not known here.
        """
        return Fitted(**fields_of(document))

    def dumps(self) -> str:
        """Return the text of the model file; DataError where a coefficient is not finite."""
        try:
            text = json.dumps(self.to_json(), allow_nan=False, ensure_ascii=False, indent=1)
        except ValueError as error:
            raise DataError(f"the model holds what JSON cannot: {error}") from None
        return text + "\n"

    def to_state(self) -> dict[str, Any]:
        """Return the text of the file, and the matrix that it does without: for pickles."""
        return {"record": self.dumps(), "covariance": getattr(self.separation, "covariance", None)}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Fitted:
        """Return the record that `to_state` gave; ModelFileError where it is another."""
        found = Fitted.from_json(js.parse(state["record"].encode("utf-8")))
        if found.separation is None or state["covariance"] is None:
            return found
        known = replace(found.separation, covariance=state["covariance"])
        return replace(found, separation=known)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all.

        Raises
        ------
        DataError
            Where it cannot be written: unknown folder, no permission, full disk; or where a
            coefficient is not finite.
        """
        try:
            data = self.dumps().encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(f"a name is not valid Unicode: {error.object!a}") from None
        with replacing(path) as file:
            file.write(data)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Fitted:
        """Read a model file. Runs no code from it.

        Raises
        ------
        UsageError
            Where there is no such file, or it cannot be opened.
        ModelFileError
            Where it is damaged, hostile, or of a newer version.
        """
        data = contents(Path(path), LARGEST_FILE)
        try:
            fitted = Fitted.from_json(js.parse(data))
            check_one_kind(fitted.classes)
            return fitted
        except ModelFileError as error:
            hint = error.hint or "a model file is what 'logloss fit --model' or model.save() writes"
            message = f"{os.fspath(path)} is not a model file that can be used: {error.message}"
            raise ModelFileError(message, hint) from None
