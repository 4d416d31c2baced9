"""Model files by a stranger: refused with words, or a model on which everything works."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import logloss
from logloss.errors import LoglossError, ModelFileError
from logloss.files.strict_json import parse
from logloss.model.model import Model, load


def tables() -> dict[str, pa.Table]:
    rng = np.random.default_rng(0)
    n = 120
    x, letters = rng.normal(size=n), np.array(list("abc"))[rng.integers(0, 3, n)]
    y = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    holes = pa.array(np.where(rng.random(n) < 0.1, np.nan, x), from_pandas=True)
    b = x.round(1)
    return {
        "plain": pa.table({"x": holes, "g": letters, "u": rng.normal(size=n), "y": y}),
        "separated": pa.table({"x": np.r_[0:10, 20:30], "z": y[:20], "y": [0] * 10 + [1] * 10}),
        "aliased": pa.table({"a": x, "b": b, "c": x + b, "y": y}),
    }


TABLES = tables()
MODELS = {
    "plain": (logloss.fit(TABLES["plain"], "y"), "plain"),
    "penalised": (logloss.fit(TABLES["plain"], "y", C=1.0, bounds={"u": "+"}), "plain"),
    "separated": (logloss.fit(TABLES["separated"], "y"), "separated"),
    "firth": (logloss.fit(TABLES["separated"], "y", firth=True), "separated"),
    "aliased": (logloss.fit(TABLES["aliased"], "y"), "aliased"),
    "formula": (
        logloss.fit(TABLES["plain"], "y", formula="bs(u, df=4) + C(g) + scale(u):g"),
        "plain",
    ),
}
DOCUMENTS = {name: json.loads(model.dumps()) for name, (model, _) in MODELS.items()}
ACTS: list[Callable[[Model, pa.Table], Any]] = [
    lambda model, _: str(model.summary()),
    lambda model, _: model.fitted.dumps(),
    lambda model, _: model.confidence_intervals(),
    lambda model, _: model.with_prior(0.1),
    lambda model, table: model.predict_proba(table),
    lambda model, table: model.evaluate(table).text(80),
    lambda model, table: model.attach(table).test(),
    lambda model, table: logloss.fit(table, "y", start=model, max_iter=2),
]
WRONG = [
    None, True, False, 0, -1, 5, 0.5, -0.5, 1e308, -1e308, 1e-320, 2**62, 10**400, "", "x", "nan",
    "-inf", "\x1b[31m", "\ud800", "(intercept)", [], [1], ["a"], [["a"]], {}, {"a": 1}, {"a": {}},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value[:3]):
            yield from places(item, (*path, key))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(MODELS)), data=st.data())
def test_any_wrong_value_is_refused_or_does_no_harm(name: str, data: st.DataObject) -> None:
    """At each place of a real model file; whatever is done with the model then, no trace."""
    document = copy.deepcopy(DOCUMENTS[name])
    path = data.draw(st.sampled_from(list(places(document))))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(st.sampled_from(WRONG))
    try:
        model = Model(type(MODELS[name][0].fitted).from_json(parse(json.dumps(document).encode())))
    except ModelFileError as error:
        assert error.message.isprintable()
        return
    for act in ACTS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                act(model, TABLES[MODELS[name][1]])
            except LoglossError as error:
                assert str(error)


def changed(name: str, *changes: tuple[str, Any]) -> bytes:
    document = copy.deepcopy(DOCUMENTS[name])
    for path, value in changes:
        *way, last = path.split(".")
        inner = document
        for key in way:
            inner = inner[key]
        assert last in inner, path
        inner[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("name", "path", "value", "words"),
    [
        ("plain", "classes", ["no", 1], "two labels of one kind"),
        ("plain", "classes", [False, 2], "two labels of one kind"),
        ("plain", "weight_sum", 0, "above 0"),
        ("plain", "weight_sum", -1.0, "above 0"),
        ("plain", "estimates.entropy", 5, "from 0 to 0.69"),
        ("plain", "estimates.entropy", -0.1, "from 0 to 0.69"),
        ("plain", "estimates.tjur", 2, "from -1 to 1"),
        ("plain", "estimates.loss", -1, "of 0 or more"),
        ("plain", "null_loss", -1, "of 0 or more"),
        ("plain", "loss", "-inf", "of 0 or more"),
        ("plain", "options.l2", -1.0, "not negative"),
        ("plain", "options.C", 0, "above 0"),
        ("plain", "options.l1_ratio", 7, "from 0 to 1"),
        ("plain", "options.prior", 1, "between 0 and 1"),
        ("plain", "intercept", 10**300, "finite number"),
        ("formula", "centers.intercept", 1e308, "not that of these points"),
        ("formula", "centers.intercept", -5.0, "not that of these points"),
        ("formula", "centers.points.bs(u, df=4)[1]", 1e308, "not that of these points"),
        ("formula", "centers.points.bs(u, df=4)[1]", -1e308, "not that of these points"),
        ("aliased", "estimates.aliases", {"q": {"a": 1}}, "'q' is no coefficient"),
        ("separated", "separation.columns", {"q": "inf"}, "'q' is no coefficient"),
        ("separated", "separation.estimates", {"\x1b[2J": 1}, "is no coefficient"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, name: str, path: str, value: Any, words: str
) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(changed(name, (path, value)))
    with pytest.raises(ModelFileError) as caught:
        load(file)
    assert words in caught.value.message
    assert path.split(".", maxsplit=1)[0] in caught.value.message
    assert caught.value.message.isprintable()


def test_a_verdict_that_the_data_contradict_is_told() -> None:
    changes = {"exists": False, "rows": 1, "columns": {"u": "inf"}}
    forged = json.loads(
        changed("plain", *((f"separation.{key}", value) for key, value in changes.items()))
    )
    del forged["estimates"]
    model = Model(type(MODELS["plain"][0].fitted).from_json(forged))
    with pytest.raises(LoglossError, match="the data are not"):
        model.attach(TABLES["plain"]).confidence_intervals(method="wald")


def test_a_doubled_key_is_found_at_once() -> None:
    """428 kB took 27 s where each key was counted."""
    keys = ",".join(f'"k{i}":1' for i in range(400_000))
    with pytest.raises(ModelFileError, match="'k399999' stands twice"):
        parse(f'{{{keys},"k399999":2}}'.encode())


def test_a_coefficient_too_many_is_found_at_once() -> None:
    document = copy.deepcopy(DOCUMENTS["plain"])
    document["coefficients"] |= {f"k{i}": 1 for i in range(400_000)}
    with pytest.raises(ModelFileError, match="'k0' is not in the schema"):
        type(MODELS["plain"][0].fitted).from_json(document)
