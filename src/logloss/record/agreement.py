"""What one part of a model file says of another: each list has an entry for each coefficient.

A file that lost an entry, or has one too many, would give another coefficient's figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logloss.record.centers import check_points
from logloss.record.estimates import INTERCEPT, Estimates
from logloss.record.request_json import check_named


def agreed(fields: Mapping[str, Any]) -> Estimates | None:
    """The estimates of a model file, whose other `fields` have been read; None where it has none.

    Raises
    ------
    ModelFileError
        Where the request, the verdict, the centers or the estimates are of other coefficients.
    """
    names = fields["schema"].coefficient_names
    request, verdict, centers = fields["request"], fields["separation"], fields["centers"]
    check_named(request, names)
    everything = (INTERCEPT, *names) if request.fit_intercept else names
    if verdict is not None:
        verdict.check_names(everything, fields["schema"].column_names)
    if centers is not None:
        check_points(centers, names, fields["coefficients"], fields["intercept"])
    if fields["estimates"] is None:
        return None
    found = Estimates.from_json(fields["estimates"], everything)
    endless = verdict.columns if verdict is not None and verdict.exists is False else {}
    found.check_finite(endless)
    return found
