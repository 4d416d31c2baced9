"""The summary of a fit, as plain text that needs no colour, and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from logloss.report.figures import aligned, figure, odds_ratio, visible

if TYPE_CHECKING:
    from logloss.fitted import Fitted

LONGEST_TABLE = 100  # rows of coefficients in the text; all of them are in `Summary.table`
_NAME_WIDTH = 48
_INFINITE = (None, "inf", math.inf)  # values of C that mean: no penalty


@dataclass(frozen=True)
class Summary:
    """What `model.summary()` returns: prints as text, and has the coefficients as a table."""

    fitted: Fitted

    def __str__(self) -> str:
        return summary_text(self.fitted)

    __repr__ = __str__

    @cached_property
    def table(self) -> Any:
        """A pyarrow.Table with the columns name, value, odds_ratio; the intercept is first.

        The intercept has no odds ratio: null.
        """
        import pyarrow as pa

        by_name = self.fitted.coefficient_map()
        ratios = [None, *map(odds_ratio, by_name.values())]
        return pa.table(
            {
                "name": pa.array(["(intercept)", *by_name], pa.string()),
                "value": pa.array([self.fitted.intercept, *by_name.values()], pa.float64()),
                "odds_ratio": pa.array(ratios, pa.float64()),
            }
        )


def summary_text(fitted: Fitted) -> str:
    """Return what was fitted, the coefficients and the certificate; no final line break."""
    blocks = [_title(fitted), _header(fitted), _coefficients(fitted), certificate_text(fitted)]
    return "\n\n".join(blocks)


def certificate_text(fitted: Fitted) -> str:
    """Return the certificate in words, wrapped to lines of readable length."""
    certificate = fitted.certificate
    sentences = [_distance(fitted)]
    error = certificate.coefficient_error
    if math.isfinite(error) and not fitted.options.get("firth"):
        sentences.append(
            f"No coefficient is off by more than about {figure(error, 2)} standard errors."
        )
    if fitted.separation is not None and fitted.separation.exists is False:
        sentences.append(fitted.separation.text)
    elif not fitted.converged:
        sentences.append(f"Not certified: {certificate.status.value}")
    return _wrapped("certificate: " + " ".join(sentences))


def short_distance(fitted: Fitted) -> str:
    """Return the certificate in a few words."""
    gap = fitted.certificate.relative_gap
    if fitted.options.get("firth"):
        return (
            f"modified score of {figure(fitted.certificate.coefficient_error, 2)} standard errors"
        )
    if not math.isfinite(gap):
        return "no certificate"
    words = f"within {figure(gap, 2)} (relative) of the optimum"
    if fitted.certified:
        return words
    return ", ".join(filter(None, ["not certified", words, ending(fitted)]))


def reached(fitted: Fitted) -> str:
    """Return how far a fit came, such as "stopped at 60 s, within 3.0e-05 of the optimum"."""
    gap = fitted.certificate.relative_gap
    near = f"within {figure(gap, 2)} (relative) of the optimum" if math.isfinite(gap) else ""
    return ", ".join(filter(None, [ending(fitted), near]))


def ending(fitted: Fitted) -> str:
    """Return where a fit was stopped before its goal, such as "stopped at 60 s"; "" if it was not.

    A fit that was given a time and took it was stopped by it, any other by its number of steps.
    """
    certificate, budget = fitted.certificate, fitted.options.get("time_budget")
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
    if fitted.options.get("firth"):
        length = figure(certificate.coefficient_error, 2)
        return (
            f"the modified score is {length} standard errors long after"
            f" {certificate.data_reads:,} reads of the data."
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


def _header(fitted: Fitted) -> str:
    columns = len(fitted.coefficients)
    rows = [
        ("rows", f"{fitted.n_rows:,}, {columns:,} column{'' if columns == 1 else 's'}"),
        ("share positive", figure(fitted.positive_share)),
        ("log loss", f"{figure(fitted.loss)} (intercept alone: {figure(fitted.null_loss)})"),
        ("penalty", penalty_text(fitted.options)),
    ]
    if fitted.weights is not None:
        rows.append(("weights", f"{_column(fitted.weights)}, sum {figure(fitted.weight_sum, 6)}"))
    if fitted.offset is not None:
        rows.append(("offset", _column(fitted.offset)))
    rows.append(("time", f"{figure(fitted.certificate.seconds, 2)} s"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name.ljust(width)}  {value}" for name, value in rows)


def _column(name: str) -> str:
    return f"column {visible(name)}" if name else "given as an array"


def penalty_text(options: dict[str, Any]) -> str:
    """Return the penalty that the options of a fit ask for, in words."""
    words = _penalty_words(options)
    if words == "none" or not options.get("standardize"):
        return words
    return f"{words}, per standard deviation of the columns"


def _penalty_words(options: dict[str, Any]) -> str:
    pure = {name: options.get(name) for name in ("l1", "l2") if options.get(name)}
    if pure:
        sizes = ", ".join(f"{name} = {_plain_number(value)}" for name, value in pure.items())
        return f"{sizes} on the mean log loss"
    if options.get("firth"):
        return "Firth's (Jeffreys' prior)"
    strength = options.get("C")
    if strength in _INFINITE:
        return "none"
    mix = options.get("l1_ratio") or 0
    kinds = {0: "L2", 1: "L1"}
    kind = kinds.get(mix, f"elastic net, l1_ratio = {_plain_number(mix)}")
    return f"{kind}, C = {_plain_number(strength)}"


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
        ["coefficient", *(_fitting(name) for name in names)],
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


def _fitting(name: str) -> str:
    text = visible(name)
    return text if len(text) <= _NAME_WIDTH else text[: _NAME_WIDTH - 3] + "..."


def columns(names: Sequence[str], *numbers: Sequence[str]) -> list[str]:
    """Return the lines of a table: the first column flush left, the others flush right."""
    name_width = max(map(len, names))
    widths = [max(map(len, column)) for column in numbers]
    lines = []
    for name, *cells in zip(names, *numbers, strict=True):
        padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append("  ".join(["  " + name.ljust(name_width), *padded]).rstrip())
    return lines


def _wrapped(text: str) -> str:
    import textwrap

    return textwrap.fill(
        text, width=96, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
