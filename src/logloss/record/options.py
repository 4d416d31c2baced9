"""The options of `logloss.fit`, `path`, `race`, and the commands of these names: declared once.

From this table follow the checks of a request (request.py), what a model file holds of it
(request_json.py), the options of the command line (cli/options.py) and the table of the manual
(docs/options.md). Functions keep signatures that an editor can read; tests hold them to the table.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from logloss.checks import flag, number, one_of, whole
from logloss.record.option import FIT, PATH, RACE, Check, Option
from logloss.record.weighting import MEANINGS


def _or_none(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


_finite = partial(number, low=0.0, high=sys.float_info.max)
_positive = partial(number, low=0.0, high=math.inf, open_low=True)
_ONLY_FIT, _ONLY_PATH, _ONLY_RACE = (frozenset((face,)) for face in (FIT, PATH, RACE))
_FIT_AND_PATH, _FIT_AND_RACE = _ONLY_FIT | _ONLY_PATH, _ONLY_FIT | _ONLY_RACE
_TABLE = (
    Option(
        "y",
        ...,
        "The column to explain, by name or position (0 the first, -1 the last).",
        ("roles", "target"),
        flags=("--target",),
        metavar="COL",
    ),
    Option(
        "positive",
        None,
        "The positive label; all others of the target are negative.",
        ("roles", "positive"),
        flags=("--positive",),
        metavar="LABEL",
    ),
    Option(
        "n_lambdas",
        100,
        "How many penalties.",
        flags=("--n-lambdas",),
        metavar="N",
        usual="100",
        faces=_ONLY_PATH,
    ),
    Option(
        "lambdas",
        None,
        "The penalties λ on the mean loss.",
        flags=("--lambdas",),
        metavar="A,B,...",
        faces=_ONLY_PATH,
    ),
    Option(
        "lambda_min_ratio",
        None,
        "The least λ as a share of the largest.",
        flags=("--lambda-min-ratio",),
        metavar="R",
        usual="1e-4",
        faces=_ONLY_PATH,
    ),
    Option(
        "leave_one_out",
        False,
        "Estimate the leave-one-out loss, and the best λ.",
        flags=("--leave-one-out",),
        faces=_ONLY_PATH,
    ),
    Option(
        "solvers",
        None,
        "Solvers by name, such as gd,lbfgs,newton; by default a few.",
        flags=("--solvers",),
        metavar="A,B,...",
        faces=_ONLY_RACE,
    ),
    Option(
        "C",
        math.inf,
        "The smaller, the stronger the penalty, as in scikit-learn.",
        ("penalty", "C"),
        _positive,
        ("--C",),
        "C",
        faces=_FIT_AND_RACE,
    ),
    Option(
        "l1_ratio",
        0.0,
        "Share of L1 in the penalty of --C.",
        ("penalty", "l1_ratio"),
        partial(number, low=0.0, high=1.0),
        ("--l1-ratio",),
        "R",
        unlike={PATH: {"default": 1.0, "words": "Share of L1 in the penalty.", "usual": "1"}},
    ),
    Option(
        "l1",
        None,
        "L1 penalty on the mean loss, as in glmnet.",
        ("penalty", "l1"),
        _or_none(_finite),
        ("--l1",),
        "A",
        faces=_FIT_AND_RACE,
    ),
    Option(
        "l2",
        None,
        "L2 penalty on the mean loss, as in glmnet.",
        ("penalty", "l2"),
        _or_none(_finite),
        ("--l2",),
        "B",
        faces=_FIT_AND_RACE,
    ),
    Option(
        "penalty_factors",
        None,
        "Multiply the penalty of a coefficient by F; 0: none. May be repeated.",
        ("penalty", "factors"),
        flags=("--penalty-factor",),
        metavar="NAME=F",
    ),
    Option(
        "bounds",
        None,
        "Keep a coefficient in bounds; an end may be left out: age=0: is not negative."
        " May be repeated.",
        ("penalty", "bounds"),
        flags=("--bound",),
        metavar="NAME=LO:HI",
    ),
    Option(
        "standardize",
        False,
        "Penalise per standard deviation of the columns.",
        ("penalty", "standardize"),
        flag,
        ("--standardize",),
    ),
    Option(
        "fit_intercept", True, "Fit no intercept.", ("", "fit_intercept"), flag, ("--no-intercept",)
    ),
    Option(
        "firth",
        False,
        "Firth's estimate: finite on separated data.",
        ("", "firth"),
        flag,
        ("--firth",),
        faces=_ONLY_FIT,
    ),
    Option(
        "solver",
        "auto",
        "The solver; by default the one that fits.",
        ("solver", "name"),
        flags=("--solver",),
        metavar="S",
        faces=_FIT_AND_PATH,
    ),
    Option(
        "sample_weight",
        None,
        "The column of row weights.",
        ("roles", "weights"),
        flags=("--weights",),
        metavar="COL",
    ),
    Option(
        "class_weight",
        None,
        "Weights of the two labels, multiplied into those of the rows; or balanced, which gives"
        " both the same in total. May be repeated.",
        ("roles", "class_weight"),
        flags=("--class-weight",),
        metavar="LABEL=W",
    ),
    Option(
        "weights_are",
        None,
        "What weights mean: frequency (a row stands for so many), sampling (robust standard"
        " errors, no likelihood) or variance (a row is a mean of so many).",
        ("roles", "weights_are"),
        _or_none(partial(one_of, table=MEANINGS)),
        ("--weights-are",),
        "WORD",
        "whole numbers are frequencies, others sampling weights",
        faces=_FIT_AND_PATH,
    ),
    Option(
        "covariance",
        None,
        "Of the standard errors: hessian, hc0, hc1, or cluster:COL for rows that belong"
        " together; COL is fitted too, unless it is excluded.",
        ("", "covariance"),
        flags=("--covariance",),
        metavar="WORD",
        faces=_ONLY_FIT,
    ),
    Option(
        "groups",
        None,
        "The column COL of --covariance cluster:COL.",
        ("roles", "groups"),
        faces=_ONLY_FIT,
    ),
    Option(
        "offset",
        None,
        "The column added to the log odds.",
        ("roles", "offset"),
        flags=("--offset",),
        metavar="COL",
    ),
    Option(
        "exclude",
        (),
        "Leave a column out; may be repeated.",
        ("roles", "exclude"),
        flags=("--exclude",),
        metavar="COL",
    ),
    Option(
        "missing",
        "auto",
        "Missing values: auto (text: a level, numbers: their mean and an indicator), error,"
        " drop (the row).",
        ("table", "missing"),
        flags=("--missing",),
        metavar="HOW",
        usual="auto",
    ),
    Option(
        "na",
        (),
        'Text that means a missing value, such as "?". May be repeated.',
        ("table", "na"),
        flags=("--na",),
        metavar="TEXT",
    ),
    Option(
        "min_count",
        0.0,
        "Take levels of text with fewer than N rows together.",
        ("table", "min_count"),
        flags=("--min-count",),
        metavar="N",
        usual="0",
    ),
    Option(
        "formula",
        None,
        "The terms to fit in place of the columns, as 'age + C(race) + bs(bmi, df=4)'.",
        ("table", "formula_text"),
        flags=("--formula",),
        metavar="F",
        faces=_ONLY_FIT,
    ),
    Option(
        "prior",
        None,
        "Share of positives in the population: corrects the intercept.",
        ("", "prior"),
        flags=("--prior",),
        metavar="TAU",
        faces=_ONLY_FIT,
    ),
    Option(
        "tol",
        1e-6,
        "Relative gap to the optimum.",
        ("limits", "tol"),
        partial(number, low=0.0, high=1.0, open_low=True),
        ("--tol",),
        "T",
        "1e-6",
        unlike={
            PATH: {"words": "Relative gap to each optimum."},
            RACE: {"words": "Relative gap at which a solver is done."},
        },
    ),
    Option(
        "max_iter",
        None,
        "At most N steps.",
        ("limits", "max_iter"),
        _or_none(whole),
        ("--max-iter",),
        "N",
        unlike={
            PATH: {"words": "At most N steps for each λ."},
            RACE: {"words": "At most N steps of each solver."},
        },
    ),
    Option(
        "time_budget",
        None,
        "Stop after S seconds, with the best point so far.",
        ("limits", "time_budget"),
        _or_none(_positive),
        ("--time-budget",),
        "S",
        unlike={
            PATH: {"words": "Stop after S seconds."},
            RACE: {"default": 10.0, "words": "Seconds for each solver.", "usual": "10"},
        },
    ),
    Option(
        "start",
        None,
        "Go on from a model file, one that was stopped too.",
        flags=("--start",),
        metavar="FILE",
        faces=_ONLY_FIT,
    ),
    Option(
        "random_state",
        None,
        "Seed of solvers that read rows at random.",
        ("solver", "seed"),
        flags=("--random-state",),
        metavar="N",
    ),
    Option(
        "n_threads",
        None,
        "At most this many threads.",
        ("limits", "n_threads"),
        _or_none(whole),
        ("--n-threads",),
        "N",
        least=1,
    ),
    Option(
        "memory",
        None,
        "Memory for the columns of a file, such as 2GB; beyond, they go to a temporary file.",
        ("table", "memory"),
        flags=("--memory",),
        metavar="SIZE",
        usual="half of what is free",
    ),
    Option(
        "spool",
        None,
        "The folder of that temporary file.",
        ("table", "spool"),
        flags=("--spool",),
        metavar="FOLDER",
    ),
    Option("callbacks", (), "Called after each step; a true result stops the fit."),
    Option(
        "announce", None, "Called with the name of a solver before it starts.", faces=_ONLY_RACE
    ),
)
OPTIONS: Mapping[str, Option] = {option.name: option for option in _TABLE}


def options_of(face: str) -> dict[str, Option]:
    """The options of a function, by name, in the order of the table."""
    return {name: one.of(face) for name, one in OPTIONS.items() if face in one.faces}


def check_part(part: str, record: Any) -> None:
    """Raise a UsageError where an option cannot be, in a part of a request ("": its own fields)."""
    for name, field, check in _CHECKS[part]:
        check(name, getattr(record, field))


def _checks() -> dict[str, list[tuple[str, str, Check]]]:
    found: dict[str, list[tuple[str, str, Check]]] = {}
    for option in OPTIONS.values():
        if option.place is not None and option.check is not None:
            part, field = option.place
            found.setdefault(part, []).append((option.name, field, option.check))
    return found


_CHECKS = _checks()
