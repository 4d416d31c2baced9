"""A slice of `make prove`: random certificates against exact minima. None may be false.

Seeds are the same for ever; `python -m tests.search SEED` shows one problem. Also the size of the
instrument: what it draws must hold enough hard problems for its silence to mean something.
"""

from __future__ import annotations

import pytest
from search.campaign import covered, table, verdict_of, wrong
from search.judge import Verdict

SEEDS = range(300)


@pytest.fixture(scope="module")
def found() -> list[Verdict]:
    return [verdict_of(seed) for seed in SEEDS]


def test_no_certificate_is_false(found: list[Verdict]) -> None:
    bad = wrong(found)
    assert not bad, f"{[v.seed for v in bad]}\n{table(found)}"


def test_nearly_all_that_can_be_certified_are(found: list[Verdict]) -> None:
    due = [v for v in found if v.due]
    missed = [v.seed for v in due if not v.proven]
    assert len(missed) <= 0.05 * len(due), f"{covered(found)}: {missed}"


def test_the_slice_is_hard(found: list[Verdict]) -> None:
    assert sum(v.exists for v in found) > 0.75 * len(found)
    assert sum(v.exists and 1e-11 <= v.own < 1e-6 for v in found) > 20
    assert sum(v.exists and v.own < 1e-11 for v in found) > 5
    assert sum(not v.exists for v in found) > 10
