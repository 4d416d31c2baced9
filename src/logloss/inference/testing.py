"""Tests of a fit: its terms, and the fit against a part of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from logloss.checks import one_of
from logloss.inference.chosen_covariance import covariance
from logloss.inference.kinds import INFINITE, EstimateKind, Refusal, Refusals
from logloss.inference.nesting import check_nested
from logloss.inference.term_tests import TermTest, nested, tests_table, wald_tests
from logloss.inference.terms import Hypothesis, terms_of

if TYPE_CHECKING:
    from logloss.inference.results import Results

NO_WALD: Refusals = {
    EstimateKind.SEPARATED: Refusal(
        INFINITE + "Wald tests do not hold", "likelihood ratios do: test(method='lr')"
    )
}
NO_COMPARISON: Refusals = {
    EstimateKind.FIRTH: Refusal(
        "the likelihoods of Firth fits do not compare: each has a penalty of its own",
        "test the columns in which they differ: test([...])",
    )
}


def tests_of_terms(results: Results, terms: Collection[str] | str | None, method: str) -> Any:
    """See `Model.test`."""
    chosen = terms_of(results.fitted.schema, terms)
    return tests_table(one_of("method", method, METHODS)(results, chosen))


def _likelihood_ratio(results: Results, terms: list[Hypothesis]) -> list[TermTest]:
    results.check_likelihood("likelihood-ratio tests", "take method='wald'")
    return results.likelihood("likelihood-ratio tests of terms").ratio_tests(terms)


def _wald(results: Results, terms: list[Hypothesis]) -> list[TermTest]:
    e = results.estimates()
    results.check(NO_WALD)
    return wald_tests(e.names, e.values, covariance(results, None, None, None).matrix, terms)


METHODS: Mapping[str, Callable[[Results, list[Hypothesis]], list[TermTest]]] = {
    "lr": _likelihood_ratio,
    "wald": _wald,
}


def compare(one: Results, other: Results) -> TermTest:
    """The likelihood ratio of two fits, one a part of the other; see `Model.likelihood_ratio`."""
    pair = sorted((one, other), key=lambda each: each.estimates().rank)
    for each in pair:
        each.check_likelihood("likelihood ratios", "test columns: test([...], method='wald')")
        each.check(NO_COMPARISON)
    found = nested(*((each.marked(), each.estimates()) for each in pair))
    check_nested(*((each.estimates(), each.evidence) for each in pair))
    return found
