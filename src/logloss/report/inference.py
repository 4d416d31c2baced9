"""Standard errors, tests and limits as text and as columns of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from logloss.record.estimates import INTERCEPT
from logloss.report.figures import aligned, columns, figure, odds_ratio, visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from logloss.record.estimates import Findings
    from logloss.record.fitted import Fitted

LONGEST_TABLE = 100  # rows of coefficients in the text; all of them are in `Summary.table`
_NAME_WIDTH = 48
_NAME_WIDTH_HERE = 32
_NAME_END = 8
_SMALLEST = 1e-300


def coefficient_columns(fitted: Fitted, findings: Findings | None) -> dict[str, list[Any]]:
    """Name of a column → its values, the intercept first; NaN where not known."""
    by_name = fitted.coefficient_map()
    if findings is None:
        names = [INTERCEPT, *by_name]
        estimate = [fitted.intercept, *by_name.values()]
        known = {name: [math.nan] * len(names) for name in _COLUMNS}
    else:
        names, estimate = list(findings.names), findings.estimate.tolist()
        known = {name: getattr(findings, name).tolist() for name in _COLUMNS}
    odds = {"odds_ratio": estimate, "odds_lower": known["lower"], "odds_upper": known["upper"]}
    return {
        "name": names,
        "estimate": estimate,
        **known,
        **{word: _odds(names, values) for word, values in odds.items()},
    }


_COLUMNS = ("standard_error", "z", "p_value", "lower", "upper")


def _odds(names: Sequence[str], values: Sequence[float]) -> list[float]:
    return [
        math.nan if name == INTERCEPT else odds_ratio(x)
        for name, x in zip(names, values, strict=True)
    ]


def measures(findings: Findings, null_model: str) -> list[tuple[str, str]]:
    """Lines of the head of a summary: what sums up the fit, and what it is compared with."""
    s = findings.statistics

    def shown(name: str, digits: int = 8) -> str:
        return "not defined" if s[name] is None else figure(s[name], digits)

    if s["log_likelihood"] is None:
        why = "none, as weights are sampling weights: no deviance, AIC or likelihood ratio"
        return [("likelihood", why), ("Tjur's R²", shown("tjur", 4))]
    df = s["lr_df"]
    p = "" if s["lr_p"] is None else f", p {_p(s['lr_p'], '= ')}"
    degrees = f"{df} degree{'' if df == 1 else 's'} of freedom"
    lines = [
        ("log-likelihood", shown("log_likelihood")),
        ("deviance", f"{shown('deviance')} ({null_model}: {shown('null_deviance')})"),
        ("AIC, BIC", "" if s["aic"] is None else f"{shown('aic')}, {shown('bic')}"),
        ("R²", f"{shown('mcfadden', 4)} (McFadden), {shown('tjur', 4)} (Tjur)"),
        ("LR test", "" if s["lr"] is None else f"χ² = {shown('lr', 6)} on {degrees}{p}"),
    ]
    return [(name, words) for name, words in lines if words]


def inference_table(findings: Findings) -> str:
    """The coefficients with standard errors, z, p, limits and odds ratios."""
    f, shown = findings, _largest(findings)
    lines = columns(
        ["coefficient", *(shortened(f.names[j], _NAME_WIDTH_HERE) for j in shown)],
        ["estimate", *aligned([_estimate(f, j) for j in shown])],
        *(column for column in _known(f, shown) if any(cell.strip() for cell in column[1:])),
    )
    if len(shown) < len(f.names):
        lines.append(f"  the {len(shown)} of {len(f.names):,} with the largest |z|")
    lines.append(f"  standard errors {f.covariance}")
    return "\n".join(lines)


def _known(f: Findings, shown: Sequence[int]) -> list[list[str]]:
    """Columns of figures; one of which nothing is known has empty cells."""
    return [
        ["std. error", *_figures([f.standard_error[j] for j in shown], 4)],
        ["z", *aligned([_z(f.z[j]) for j in shown])],
        ["p", *(_p(f.p_value[j]) for j in shown)],
        [f"{100.0 * f.level:g} % from", *_figures([f.lower[j] for j in shown], 4)],
        ["to", *_figures([f.upper[j] for j in shown], 4)],
        ["odds ratio", *_figures(_odds_ratios(f, f.estimate, shown), 4)],
        ["from", *_figures(_odds_ratios(f, f.lower, shown), 4)],
        ["to", *_figures(_odds_ratios(f, f.upper, shown), 4)],
    ]


def _odds_ratios(f: Findings, values: NDArray[np.float64], shown: Sequence[int]) -> list[float]:
    """Of values on the scale of the coefficients; the intercept has none."""
    return [math.nan if f.names[j] == INTERCEPT else odds_ratio(values[j]) for j in shown]


def inference_notes(findings: Findings) -> list[str]:
    """What to know: aliases, and whatever the findings say."""
    aliases = [
        f"{visible(name)} = {combination_text(parts)}"
        for name, parts in list(findings.aliases.items())[:LONGEST_TABLE]
    ]
    notes = [f"note: {note}" for note in findings.notes]
    if not aliases:
        return notes
    one = len(findings.aliases) == 1
    which = "a column is" if one else f"{len(findings.aliases):,} columns are"
    they = "it is" if one else "they are"
    why = f"as {they} made up of others, which carry the effect"
    return [f"note: {which} not estimable, {why}: {'; '.join(aliases)}", *notes]


def combination_text(parts: Any) -> str:
    """A combination in words, such as "x1 + 2·x2 − 0.5"; "0" where there is nothing."""
    text = ""
    for name, factor in parts.items():
        size = f"{abs(factor):.6g}"
        what = size if name == INTERCEPT else visible(name)
        if name != INTERCEPT and size != "1":
            what = f"{size}·{what}"
        sign = "−" if factor < 0 else "+"
        text += f" {sign} {what}" if text else (f"−{what}" if factor < 0 else what)
    return text or "0"


def shortened(name: str, width: int = _NAME_WIDTH) -> str:
    """A name as it is shown in a table: of a long one the beginning and the end."""
    text = visible(name)
    if len(text) <= width:
        return text
    return f"{text[: width - _NAME_END - 3]}...{text[-_NAME_END:]}"


def _figures(values: Sequence[float], digits: int) -> list[str]:
    """Aligned; nothing where a value is not known."""
    return aligned(["" if math.isnan(x) else figure(float(x), digits) for x in values])


def _estimate(findings: Findings, j: int) -> str:
    value = float(findings.estimate[j])
    if math.isnan(value):
        return "±inf" if findings.names[j] in findings.infinite else ""
    return figure(value, 5)


def _z(z: float) -> str:
    return "" if math.isnan(z) else f"{z:.2f}"


def _p(p: float, equal: str = "") -> str:
    """A p-value: never 0."""
    if math.isnan(p):
        return ""
    return f"< {_SMALLEST:g}" if p < _SMALLEST else equal + figure(p, 3)


def _largest(findings: Findings) -> list[int]:
    """The rows that are shown: all, or those of the largest |z|, the intercept among them."""
    n = len(findings.names)
    if n <= LONGEST_TABLE + 1:
        return list(range(n))
    ranked = sorted(range(n), key=lambda j: -_size(findings, j))
    return sorted(ranked[:LONGEST_TABLE])


def _size(findings: Findings, j: int) -> float:
    if findings.names[j] == INTERCEPT:
        return math.inf
    return abs(findings.z[j]) if not math.isnan(findings.z[j]) else 0.0
