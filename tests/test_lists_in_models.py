"""Lists of a model file that have an entry for each coefficient, level, term or class.

With one entry less, one more, or one of another type, the file is refused with words: else the
figure of one coefficient is told of another.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import logloss
from logloss.errors import ModelFileError
from logloss.files.strict_json import parse
from logloss.record.fitted import Fitted


def table() -> pa.Table:
    rng = np.random.default_rng(1)
    n = 160
    a, b = rng.normal(size=n).round(1), rng.normal(size=n).round(1)
    letters = np.array(list("abc"))[rng.integers(0, 3, n)]
    y = (rng.random(n) < 1 / (1 + np.exp(-a))).astype(int)
    weights = rng.random(n) + 0.5
    return pa.table({"a": a, "b": b, "c": a + b, "g": letters, "s": weights, "y": y})


TABLE = table()
LEAK = TABLE.append_column("leak", TABLE["y"])
TIMES = np.arange(60.0)
PLAIN = {"exclude": ["c", "s"]}
MODELS = {
    "plain": logloss.fit(TABLE, "y", **PLAIN),
    "no intercept": logloss.fit(TABLE, "y", fit_intercept=False, **PLAIN),
    "sampling weights": logloss.fit(TABLE, "y", sample_weight="s", exclude=["c"]),
    "aliased": logloss.fit(TABLE, "y", exclude=["s"]),
    "aliased, no intercept": logloss.fit(TABLE, "y", exclude=["s"], fit_intercept=False),
    "separated": logloss.fit(LEAK, "y", exclude=["c", "s"]),
    "formula": logloss.fit(TABLE, "y", formula="bs(a, df=4) + C(g):b"),
    "far from 0": logloss.fit(
        pa.table({"t": 1e9 + TIMES, "u": 1e9 + 60 + TIMES + 1e-4 * (TIMES % 7)}), TIMES % 2
    ),
}
DOCUMENTS = {name: json.loads(MODELS.pop(name).dumps()) for name in list(MODELS)}

Change = Callable[[Any], Any]
LISTS: dict[str, Change] = {
    "the first is missing": lambda found: found[1:],
    "the last is missing": lambda found: found[:-1],
    "one more": lambda found: [*found, found[-1]],
    "none": lambda _: [],
    "a text": lambda found: "".join(map(str, found)),
    "a list in it": lambda found: [*found[:-1], [found[-1]]],
    "null": lambda _: None,
}
MAPPINGS: dict[str, Change] = {
    "the first is missing": lambda found: dict(list(found.items())[1:]),
    "the last is missing": lambda found: dict(list(found.items())[:-1]),
    "one more": lambda found: found | {"one more": next(iter(found.values()))},
    "a list": lambda found: list(found.values()),
    "a list in it": lambda found: found | {next(iter(found)): [1.0]},
    "null": lambda _: None,
}
OF_COEFFICIENTS = [
    "estimates.values", "estimates.covariance", "estimates.robust.matrix", "coefficients",
    "separation.estimates", "separation.standard_errors", "centers.points", "classes",
    "schema.coefficients", "schema.terms", "schema.state", "certificate", "weighting", "rows",
]  # fmt: skip


def at(document: Any, path: list[Any]) -> Any:
    for key in path:
        document = document[key] if isinstance(document, list) else document.get(key)
        if document is None:
            return None
    return document


def cases() -> Iterator[Any]:
    for name, document in DOCUMENTS.items():
        paths: list[list[Any]] = [path.split(".") for path in OF_COEFFICIENTS]
        for k, column in enumerate(document["schema"]["columns"]):
            paths += [["schema", "columns", k, key] for key in ("levels", "shares")][: len(column)]
        paths += [["history", 0]]
        for path in paths:
            found = at(document, path)
            if not found or (path[0] == "centers" and name.startswith("aliased")):
                continue  # the point of a coefficient of 0 does no harm
            changes = LISTS if isinstance(found, list) else MAPPINGS
            for what in changes:
                yield pytest.param(name, path, what, id=f"{name}-{'.'.join(map(str, path))}-{what}")


@pytest.mark.parametrize(("name", "path", "what"), list(cases()))
def test_a_list_of_another_length_is_refused(name: str, path: list[Any], what: str) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    found = at(document, path)
    changes = LISTS if isinstance(found, list) else MAPPINGS
    at(document, path[:-1])[path[-1]] = changes[what](found)
    with pytest.raises(ModelFileError) as caught:
        Fitted.from_json(parse(json.dumps(document).encode()))
    assert caught.value.message.isprintable()
    assert str(path[0]) in caught.value.message


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_files_themselves_are_read(name: str) -> None:
    document = DOCUMENTS[name]
    again = Fitted.from_json(parse(json.dumps(document).encode()))
    assert json.loads(again.dumps()) == document


@pytest.mark.parametrize(
    ("name", "path", "value", "words"),
    [
        ("aliased", "estimates.aliases", {}, "'c' is neither alias nor separated, with nan"),
        ("plain", "estimates.aliases", {"a": {"b": 1.0}}, "'a' is an alias, with"),
        ("separated", "separation.causes", [], None),
        (
            "separated",
            "separation.causes",
            [{"names": ["q"], "columns": ["q"], "rows": 1, "together": False}],
            "rows and columns of the table",
        ),
        (
            "separated",
            "separation.causes",
            [{"names": ["leak"], "columns": ["leak"], "rows": 10**9, "together": False}],
            "rows and columns of the table",
        ),
        ("far from 0", "centers.intercept", 0.0, "not that of these points"),
    ],
)
def test_parts_of_a_file_agree(name: str, path: str, value: Any, words: str | None) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    *way, last = path.split(".")
    at(document, way)[last] = value
    if words is None:
        Fitted.from_json(document)
        return
    with pytest.raises(ModelFileError, match=words):
        Fitted.from_json(document)
