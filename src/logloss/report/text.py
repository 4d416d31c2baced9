"""The summary of a fit, as plain text that needs no colour, and as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from logloss.errors import counted
from logloss.record.interface import PYTHON, Interface
from logloss.report.figures import aligned, columns, figure, odds_ratio, visible, wrapped
from logloss.report.inference import (
    LONGEST_TABLE,
    coefficient_columns,
    inference_notes,
    inference_table,
    measures,
    shortened,
)

if TYPE_CHECKING:
    from logloss.errors import LoglossError
    from logloss.record.estimates import Findings
    from logloss.record.fitted import Fitted
    from logloss.record.request import Request

_NO_BETTER = 1e-9  # of the loss: rounding


@dataclass(frozen=True)
class Summary:
    """What `model.summary()` returns: prints as text, and has the coefficients as a table.

    Attributes
    ----------
    fitted : Fitted
    findings : Findings or None
        Standard errors and what follows from them, where there are any.
    reason : LoglossError or None
        Why there are none.
    interface : Interface
        In whose words it says what to do.
    """

    fitted: Fitted
    findings: Findings | None = None
    reason: LoglossError | None = None
    interface: Interface = PYTHON

    def __str__(self) -> str:
        return summary_text(self.fitted, self.findings, self.reason, self.interface)

    __repr__ = __str__

    @cached_property
    def table(self) -> Any:
        """A pyarrow.Table, the intercept first.

        Its columns are name, estimate, standard_error, z, p_value, lower, upper, odds_ratio,
        odds_lower and odds_upper: null where not known, and the odds of an intercept.
        """
        import pyarrow as pa

        found = coefficient_columns(self.fitted, self.findings)
        columns = {"name": pa.array(found.pop("name"), pa.string())}
        for name, values in found.items():
            columns[name] = pa.array(values, pa.float64(), from_pandas=True)
        return pa.table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values; what is not known, or infinite, is None."""
        found = coefficient_columns(self.fitted, self.findings)
        names = list(found)
        plain = [[x if _is_plain(x) else None for x in column] for column in found.values()]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*plain, strict=True)]
        f, extra = self.findings, {}
        if f is not None:
            extra = {
                "covariance": f.covariance,
                "level": f.level,
                **f.statistics,
                "aliases": {name: dict(parts) for name, parts in f.aliases.items()},
                "notes": list(f.notes),
            }
        notes = {} if self.reason is None else {"no_standard_errors": self.reason.message}
        verdict = self.fitted.separation
        separation = {"separation": verdict.to_json()} if self.fitted.separated and verdict else {}
        return {"coefficients": rows, **extra, **notes, **separation}

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        import json

        return json.dumps(self.to_dict(), allow_nan=False, ensure_ascii=False)


def summary_text(
    fitted: Fitted,
    findings: Findings | None = None,
    reason: LoglossError | None = None,
    interface: Interface = PYTHON,
) -> str:
    """Return what was fitted, the coefficients and the certificate; no final line break.

    What must be known before any of it is used comes first: that the data are separated, or that
    the model is no better than the intercept alone.
    """
    blocks = [*_first(fitted, interface), _title(fitted), _header(fitted, findings)]
    if findings is None:
        blocks.append(_coefficients(fitted))
    else:
        blocks += [inference_table(findings), *map(wrapped, inference_notes(findings))]
    if reason is not None:
        why = f"no standard errors: {reason.message}."
        hint = "" if reason.hint is None else f" Instead: {interface.hint(reason.hint)}."
        blocks.append(wrapped(why + hint))
    blocks.append(certificate_text(fitted, interface))
    if fitted.notes:
        blocks.append("\n".join(wrapped(f"note: {visible(note)}") for note in fitted.notes))
    return "\n\n".join(blocks)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def first_words(fitted: Fitted, interface: Interface = PYTHON) -> str:
    """What must be known before a model is used; "" where there is nothing."""
    return verdict_words(fitted, interface) or _no_better(fitted, interface)


def verdict_words(fitted: Fitted, interface: Interface = PYTHON) -> str:
    """The verdict where there is no finite estimate; "" elsewhere."""
    verdict = fitted.separation
    if verdict is None or verdict.exists is not False:
        return ""
    return visible(verdict.in_words(interface))


def _no_better(fitted: Fitted, interface: Interface) -> str:
    """That a model is no better than the intercept alone, and why; "" where it is."""
    loss, null = fitted.loss, fitted.null_loss
    if not (null > 0.0 and loss >= null * (1.0 - _NO_BETTER)):
        return ""
    words = (
        f"This model is no better than the intercept alone: its log loss is {figure(loss, 6)},"
        f" that of the intercept {figure(null, 6)}."
    )
    if fitted.certificate.status.name == "BUDGET":
        return f"{words} It was {ending(fitted)}: raise {interface.budget}."
    if fitted.penalised:
        return f"{words} A weaker penalty may tell more."
    return words


def _first(fitted: Fitted, interface: Interface) -> list[str]:
    words = first_words(fitted, interface)
    return [wrapped(words, indent="")] if words else []


def certificate_text(fitted: Fitted, interface: Interface = PYTHON) -> str:
    """Return the certificate in words, wrapped to lines of readable length."""
    certificate = fitted.certificate
    sentences = [_distance(fitted)]
    error = certificate.coefficient_error
    if math.isfinite(error) and not (fitted.request.firth or fitted.separated):
        sentences.append(
            f"No coefficient is off by more than about {figure(error, 2)} standard errors."
        )
    if not (fitted.converged or fitted.separated):
        sentences.append(f"Not certified: {interface.status(certificate.status)}")
    return wrapped("certificate: " + " ".join(sentences))


def short_distance(fitted: Fitted) -> str:
    """Return the certificate in a few words."""
    gap = fitted.certificate.relative_gap
    if fitted.request.firth:
        return (
            f"modified score of {figure(fitted.certificate.coefficient_error, 2)} standard errors"
        )
    if not math.isfinite(gap):
        return "no certificate"
    if fitted.separated:
        return f"separated data, {_above(fitted)}"
    words = f"within {figure(gap, 2)} (relative) of the optimum"
    if fitted.certified:
        return words
    return ", ".join(filter(None, ["not certified", words, ending(fitted)]))


def reached(fitted: Fitted) -> str:
    """Return how far a fit came, such as "stopped at 60 s, within 3.0e-05 of the optimum"."""
    gap = fitted.certificate.relative_gap
    if fitted.separated and math.isfinite(gap):
        return f"the data are separated, and the fit is {_above(fitted)}"
    near = f"within {figure(gap, 2)} (relative) of the optimum" if math.isfinite(gap) else ""
    return ", ".join(filter(None, [ending(fitted), near]))


def _above(fitted: Fitted) -> str:
    """How far above a minimum that is not reached anywhere."""
    return f"within {figure(fitted.certificate.gap, 2)} nats per row of the infimum"


def ending(fitted: Fitted) -> str:
    """Return where a fit was stopped before its goal, such as "stopped at 60 s"; "" if it was not.

    A fit that was given a time and took it was stopped by it, any other by its number of steps.
    """
    certificate, budget = fitted.certificate, fitted.request.limits.time_budget
    name = certificate.status.name
    at = f"at {figure(certificate.seconds, 2)} s"
    if name == "INTERRUPTED":
        return f"interrupted {at}"
    if name != "BUDGET":
        return ""
    if budget is not None and certificate.seconds >= budget:
        return f"stopped {at}"
    steps = max(len(fitted.history) - 1, 0)
    return f"stopped after {steps:,} step{'' if steps == 1 else 's'}"


def _distance(fitted: Fitted) -> str:
    certificate = fitted.certificate
    if fitted.request.firth:
        length = figure(certificate.coefficient_error, 2)
        return (
            f"the modified score is {length} standard errors long after"
            f" {counted(certificate.data_reads, 'read')} of the data."
        )
    reads = (
        f"{certificate.data_reads:,} read{'' if certificate.data_reads == 1 else 's'} of the data"
    )
    solver = f"(solver {visible(certificate.solver)}: {visible(certificate.reason).rstrip('.')})"
    if math.isfinite(certificate.relative_gap):
        return f"{reached(fitted)}, proven by a dual point after {reads} {solver}."
    return f"none: how far the optimum is was not proven after {reads} {solver}."


def _title(fitted: Fitted) -> str:
    negative, positive = (_plain_number(one) for one in fitted.classes)
    target = f" of {visible(fitted.target)}" if fitted.target else ""
    return f"Logistic regression{target}: log odds of {positive} against {negative}"


def _header(fitted: Fitted, findings: Findings | None) -> str:
    columns = len(fitted.coefficients)
    rows = [
        ("rows", f"{fitted.n_rows:,}, {columns:,} coefficient{'' if columns == 1 else 's'}"),
        ("share positive", figure(fitted.positive_share)),
        ("log loss", f"{figure(fitted.loss)} ({fitted.null_model}: {figure(fitted.null_loss)})"),
        ("penalty", penalty_text(fitted.request)),
    ]
    if fitted.weighted:
        rows += _weights(fitted)
    if fitted.offset is not None:
        rows.append(("offset", _column(fitted.offset)))
    prior = fitted.request.prior
    if prior is not None:
        rows.append(("prior", f"{_plain_number(prior)} positive in the population: the intercept"))
        rows.append(("", "is corrected for it; log loss and certificate are those of the fit"))
    if findings is not None:
        rows += measures(findings, fitted.null_model)
    rows.append(("time", f"{figure(fitted.certificate.seconds, 2)} s"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name.ljust(width)}  {value}" for name, value in rows)


def _weights(fitted: Fitted) -> list[tuple[str, str]]:
    """The weights, those of classes, and what they mean."""
    parts = [] if fitted.weights is None else [_column(fitted.weights)]
    classes = fitted.request.roles.class_weight
    if classes is not None:
        pairs = (
            [visible(classes)]
            if isinstance(classes, str)
            else [f"{visible(label)}: {_plain_number(size)}" for label, size in classes.items()]
        )
        parts.append(f"of classes ({', '.join(pairs)})")
    total = f"sum {figure(fitted.weight_sum, 6)}"
    return [
        ("weights", ", ".join([*(parts or ["none"]), total])),
        ("weights are", fitted.weighting.text),
    ]


def _column(name: str) -> str:
    return f"column {visible(name)}" if name else "given as an array"


def penalty_text(request: Request) -> str:
    """Return the penalty that was asked for, in words."""
    words = _penalty_words(request)
    if words == "none" or not request.penalty.standardize:
        return words
    return f"{words}, per standard deviation of the columns"


def _penalty_words(request: Request) -> str:
    asked = request.penalty
    pure = {name: size for name, size in (("l1", asked.l1), ("l2", asked.l2)) if size}
    if pure:
        sizes = ", ".join(f"{name} = {_plain_number(value)}" for name, value in pure.items())
        return f"{sizes} on the mean log loss"
    if request.firth:
        return "Firth's (Jeffreys' prior)"
    if math.isinf(asked.C):
        return "none"
    kinds = {0.0: "L2", 1.0: "L1"}
    kind = kinds.get(asked.l1_ratio, f"elastic net, l1_ratio = {_plain_number(asked.l1_ratio)}")
    return f"{kind}, C = {_plain_number(asked.C)}"


def _plain_number(value: object) -> str:
    return f"{value:g}" if type(value) in (int, float) else visible(value)


def _coefficients(fitted: Fitted) -> str:
    by_name = fitted.reported()
    intercept = by_name.pop("(intercept)")
    shown = _largest(by_name)
    names = ["(intercept)", *shown]
    values = aligned([figure(x, 5) for x in [intercept, *shown.values()]])
    ratios = ["", *aligned([figure(odds_ratio(x)) for x in shown.values()])]
    lines = columns(
        ["coefficient", *(shortened(name) for name in names)],
        ["value", *values],
        ["odds ratio", *ratios],
    )
    if len(shown) < len(by_name):
        lines.append(f"  the {len(shown)} largest of {len(by_name):,} by absolute value")
    return "\n".join(lines)


def _largest(by_name: dict[str, float]) -> dict[str, float]:
    if len(by_name) <= LONGEST_TABLE:
        return by_name
    ranked = sorted(by_name, key=lambda name: -abs(by_name[name]))[:LONGEST_TABLE]
    return {name: by_name[name] for name in ranked}
