"""What a fit looks like: a summary as text and as a table, and reliability of predictions.

Reads `Fitted` (or plain arrays) only; never the data, never the solver.
"""

from logloss.report.reliability import ReliabilityBin, reliability, reliability_text
from logloss.report.text import (
    Summary,
    certificate_text,
    first_words,
    reached,
    summary_text,
    verdict_words,
)

__all__ = [
    "ReliabilityBin",
    "Summary",
    "certificate_text",
    "first_words",
    "reached",
    "reliability",
    "reliability_text",
    "summary_text",
    "verdict_words",
]
