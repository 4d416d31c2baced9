"""A request: typed, checked before any work, and saved whole; files of before load as they were."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import logloss
from logloss.errors import ModelFileError, UsageError
from logloss.fitting.problem import problem
from logloss.model.model import Model
from logloss.record.fitted import Fitted
from logloss.record.penalty_options import PenaltyOptions
from logloss.record.request import ARRAY, Limits, Request, Roles, SolverChoice
from logloss.record.request_json import SAVED, request_from_json, request_to_json
from logloss.table.treatment import Missing, TableOptions

names = st.text(st.characters(codec="utf-8"), max_size=6)
sizes = st.none() | st.floats(0.0, 1e300)
shares = st.floats(0.0, 1.0)
labels = st.one_of(names, st.booleans(), st.integers(-(2**60), 2**60), st.floats(-1e9, 1e9))
counts = st.none() | st.integers(1, 2**40)
ends = st.tuples(st.none() | st.floats(-9.0, 0.0), st.none() | st.floats(0.0, 9.0))
columns = st.none() | names

penalties = st.builds(
    PenaltyOptions,
    C=st.floats(min_value=1e-300) | st.just(math.inf),
    l1_ratio=shares,
    l1=sizes,
    l2=sizes,
    factors=st.none() | st.dictionaries(names, st.floats(0.0, 1e9), max_size=3),
    bounds=st.none() | st.dictionaries(names, ends, max_size=3),
    standardize=st.booleans(),
)
limits = st.builds(
    Limits,
    tol=shares,
    max_iter=counts,
    time_budget=st.none() | st.floats(1e-9, 1e9),
    n_threads=counts,
)
tables = st.builds(
    TableOptions,
    missing=st.sampled_from(Missing),
    na=st.lists(names, max_size=3).map(tuple),
    min_count=st.floats(0.0, 1e9),
    memory=counts,
    formula_text=st.none() | st.just("a + b"),
)
roles = st.builds(
    Roles,
    groups=columns,
    exclude=st.lists(names, max_size=3).map(tuple),
    positive=st.none() | labels,
    class_weight=st.none()
    | st.just("balanced")
    | st.dictionaries(names, st.floats(0.0, 1e9), max_size=2),
    weights_are=st.none() | st.sampled_from(["frequency", "sampling", "variance"]),
)
solvers = st.builds(
    SolverChoice,
    name=names,
    settings=st.dictionaries(names, st.booleans() | st.floats(-9.0, 9.0) | names, max_size=3),
    seed=st.none() | st.integers(0, 2**62),
)
requests = st.builds(
    Request,
    penalty=penalties,
    limits=limits,
    table=tables,
    roles=roles,
    solver=solvers,
    fit_intercept=st.booleans(),
    firth=st.booleans(),
    prior=st.none() | st.floats(1e-9, 1.0 - 1e-9),
    covariance=st.none() | st.sampled_from(["hessian", "HC0", "HC1", "cluster"]),
)


@settings(max_examples=300)
@given(requests)
def test_every_field_comes_back_from_json(request_: Request) -> None:
    text = json.dumps(request_to_json(request_), allow_nan=False)
    assert request_from_json(json.loads(text), "options") == request_


BESIDE = {"target", "weights", "offset", "spool", "given", "untold", "others"}


def test_no_field_is_forgotten() -> None:
    """Each field is saved, but those that stand elsewhere in the file, or are of one machine."""
    parts = {"penalty", "limits", "table", "roles", "solver"}
    usual = Request()
    found = {("", one.name) for one in fields(Request)} - {("", part) for part in parts}
    found |= {(part, one.name) for part in parts for one in fields(getattr(usual, part))}
    saved = {(one.part, one.name) for one in SAVED.values()}
    assert {name for _, name in found - saved} == BESIDE
    assert saved <= found


@pytest.mark.parametrize("key", SAVED)
@pytest.mark.parametrize("value", [[[1]], {"a": []}, -3, "\x00?"])
def test_an_option_of_another_type_is_refused(key: str, value: Any) -> None:
    try:
        found = request_from_json({key: value}, "options")
    except ModelFileError as error:
        assert error.message.startswith(f"options.{key}")
        return
    assert request_to_json(found)[key] == value  # a text, or a label, may be any


def test_a_label_with_two_weights_is_refused() -> None:
    for twice in ([["a", 1.0], ["a", 2.0]], [[1, 1.0], [True, 1.0]]):
        with pytest.raises(ModelFileError, match="each label once"):
            request_from_json({"class_weight": twice}, "options")


# ---- files of before, word for word as their versions wrote them

PATHS = (
    '{"C": "inf", "l1_ratio": 0.0, "l1": 0.01, "l2": 0.0, "standardize": false, "solver": "auto"}'
)
FIRST = (
    '{"C": 0.5, "l1_ratio": 0.0, "l1": null, "l2": null, "standardize": true, "fit_intercept":'
    ' false, "firth": false, "solver": "gd", "tol": 1e-06, "max_iter": null, "time_budget": null}'
)
LAST = (
    '{"C": "inf", "l1_ratio": 0.0, "l1": 0.003, "l2": 0.01, "standardize": true,'
    ' "penalty_factors": {"a": 0.0}, "bounds": {"extra": [0.0, null]}, "fit_intercept": true,'
    ' "class_weight": [["yes", 2.0]], "firth": false, "solver": "auto", "tol": 1e-06,'
    ' "max_iter": 7, "time_budget": 2.5, "missing": "drop", "min_count": 40.0, "prior": 0.2,'
    ' "covariance": null, "groups": ""}'
)


@pytest.mark.parametrize("text", ["{}", PATHS, FIRST, LAST])
def test_options_of_before_load_and_are_written_as_they_were(text: str) -> None:
    record = json.loads(text)
    request = request_from_json(record, "options")
    assert request_to_json(request) == record
    assert list(request_to_json(request)) == list(record)
    assert request.untold == set(SAVED) - record.keys()
    told = replace(request, prior=0.3)  # what is set later is told
    assert request_to_json(told) == {**record, "prior": 0.3}


def test_options_of_before_are_typed() -> None:
    request = request_from_json(json.loads(LAST), "options")
    assert request.penalty.bounds == {"extra": (0.0, None)}
    assert math.inf == request.penalty.C
    assert request.roles.class_weight == {"yes": 2.0}
    assert request.table.missing is Missing.DROP
    assert (request.limits.max_iter, request.limits.seconds) == (7, 2.5)
    assert Request().limits.seconds == math.inf


def test_options_of_a_newer_version_are_kept() -> None:
    record = {**json.loads(LAST), "horizon": {"a": [1, None]}}
    request = request_from_json(record, "options")
    assert request_to_json(request) == record


def test_a_file_of_before_takes_its_table() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=90), "y": rng.integers(0, 2, 90)})
    record = json.loads(logloss.fit(frame, "y", C=2.0).dumps())
    record["options"] = {"C": 2.0, "l1_ratio": 0.0, "l1": None, "l2": None}
    model = Model(Fitted.from_json(record)).attach(frame, class_weight={0: 1.0, 1: 1.0})
    assert model.influence().degrees_of_freedom > 1.0
    again = json.loads(model.dumps())["options"]
    assert again == {**record["options"], "class_weight": [[0, 1.0], [1, 1.0]]}


# ---- what a fit remembers


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "id"])
    frame["w"] = rng.integers(1, 4, 120)
    frame["place"] = np.array(["town", "city", "farm"])[rng.integers(0, 3, 120)]
    frame["y"] = np.where(rng.random(120) < logloss.sigmoid(frame["a"]), "yes", "no")
    return frame


def test_a_fit_remembers_all_that_was_asked(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "sample_weight": "w", "class_weight": {"yes": np.float32(2)}, "C": np.float64(0.5),
        "l1_ratio": 0.25, "solver": logloss.solvers.SAGA(refresh=False), "tol": np.float64(1e-4),
        "max_iter": np.int64(500), "penalty_factors": {"place": 0.5}, "bounds": {"a": "+"},
        "standardize": np.True_, "missing": "drop", "na": ["?", "none"], "min_count": 3,
        "positive": np.str_("no"), "exclude": ["id"], "prior": 0.25, "random_state": 11,
        "n_threads": 1, "time_budget": 60, "memory": "2GB", "spool": str(tmp_path),
        "weights_are": "sampling",
    }  # fmt: skip
    model = logloss.fit(table(), "y", **asked)
    loaded = Fitted.from_json(json.loads(model.dumps())).request
    assert replace(model.fitted.request, table=loaded.table) == loaded
    levels = [name for name in model.coefficients if name.startswith("place")]
    assert loaded.penalty.factors == dict.fromkeys(levels, 0.5)
    assert loaded.penalty.bounds == {"a": (0.0, None)}
    assert (loaded.penalty.C, loaded.penalty.l1_ratio, loaded.penalty.standardize) == (
        0.5,
        0.25,
        True,
    )
    assert loaded.limits == Limits(1e-4, 500, 60.0, 1)
    assert loaded.table == TableOptions(Missing.DROP, ("?", "none"), 3.0, 2 * 10**9)
    assert loaded.roles == Roles(
        "y", "w", None, None, ("id",), "no", {"yes": 2.0}, weights_are="sampling"
    )
    assert loaded.solver == SolverChoice("saga", {"refresh": False}, 11)
    assert loaded.prior == 0.25
    assert str(tmp_path) not in model.dumps()  # a folder of this machine is nobody's business


def test_a_role_that_was_an_array_or_a_position_is_remembered_as_such() -> None:
    frame = table()
    X, y = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy()
    found = logloss.fit(X, y, offset=np.zeros(120), covariance="cluster", groups=y)
    kept = found.fitted.request.roles
    assert (kept.target, kept.offset, kept.weights, kept.groups) == (ARRAY, ARRAY, None, ARRAY)
    by_position = logloss.fit(frame, "-1", groups="id", exclude="id").fitted.request.roles
    assert (by_position.target, by_position.groups, by_position.exclude) == ("y", "id", ("id",))


def test_a_seed_is_drawn_once() -> None:
    frame = table()
    draw = np.random.default_rng(5)
    fits = [
        logloss.fit(frame[["a", "b"]], frame["y"], solver="sgd", max_iter=3, random_state=seed)
        for seed in (draw, int(np.random.default_rng(5).integers(2**31 - 1)))
    ]
    assert fits[0].fitted.request.solver.seed == fits[1].fitted.request.solver.seed
    assert fits[0].coefficients == fits[1].coefficients


@pytest.mark.parametrize(
    "wrong",
    [
        {"C": 0.0}, {"C": 1.0, "l1": 1.0}, {"tol": 0.0}, {"max_iter": 0}, {"n_threads": 0},
        {"time_budget": -1.0}, {"weights_are": "x"}, {"firth": True, "l2": 1.0},
        {"firth": True, "solver": "newton"}, {"covariance": "HC0", "l2": 1.0}, {"prior": 2.0},
        {"prior": 0.1, "fit_intercept": False}, {"fit_intercept": "no"}, {"missing": "x"},
        {"solver": "newton", "l1": 1.0}, {"solver": "x"}, {"random_state": -1}, {"na": [1]},
        {"min_count": -1.0}, {"memory": "x"}, {"covariance": "cluster"}, {"standardize": "x"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_the_table_is_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        logloss.fit("no such file.csv", "y", **wrong)
    with pytest.raises(UsageError, match="no such file"):
        logloss.fit("no such file.csv", "y")


@pytest.mark.parametrize(
    "wrong",
    [
        {"l1_ratio": 2.0}, {"solver": "newton"}, {"tol": 0.0}, {"bounds": {}, "solver": "lbfgs"},
        {"random_state": "x"}, {"n_lambdas": 0}, {"lambdas": [-1.0]}, {"weights_are": 1},
    ],
)  # fmt: skip
def test_a_path_that_cannot_be_is_refused_before_the_table_is_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^(?!no such).*"):
        logloss.path("no such file.csv", "y", **wrong)


def test_models_of_paths_and_searches_hold_a_request_too() -> None:
    frame = table()
    fits = logloss.path(frame, "y", l1_ratio=0.5, n_lambdas=3, exclude=["id"], bounds={"a": "+"})
    kept = fits.model(1).fitted.request
    size = float(fits.lambdas[1])
    assert (kept.penalty.l1, kept.penalty.l2) == (0.5 * size, 0.5 * size)
    assert math.inf == kept.penalty.C
    assert (kept.roles.exclude, kept.penalty.bounds) == (("id",), {"a": (0.0, None)})
    assert fits.template.request.penalty.l1 is None
    one = logloss.LogisticRegressionCV(Cs=[0.1, 1.0], cv="alo", class_weight="balanced")
    kept = one.fit(frame[["a", "b"]], frame["y"]).model_.fitted.request
    assert (kept.penalty.C, kept.penalty.l1) == (one.C_, None)
    assert kept.roles.class_weight == "balanced"


def test_a_problem_is_made_of_a_request_alone() -> None:
    """The same request on the same table, by hand, is the fit that `logloss.fit` makes."""
    frame = table()
    model = logloss.fit(frame, "y", l2=0.1, exclude=["id", "w"])
    request = Request(PenaltyOptions(l2=0.1), roles=Roles("y", exclude=["id", "w"]))
    found = problem(request, frame)
    assert found.request == model.fitted.request
    objective, where = found.task.objective(found.request.penalty, exact=True)
    beta = where.inner(model.fitted.coefficients, model.intercept)
    assert objective.value_gradient(beta)[0] == pytest.approx(model.fitted.objective, rel=1e-12)


def test_there_is_one_way_from_a_table_to_a_task() -> None:
    """Targets are encoded and schemas learned in one place outside of the table's rooms."""
    steps = {"split", "encode_target", "class_weights", "learn_any"}
    found: dict[str, set[str]] = {}
    package = Path(logloss.__file__).parent
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and room != "table":
                for name in steps & {one.name for one in node.names}:
                    found.setdefault(name, set()).add(str(path.relative_to(package)))
    assert found == {name: {"fitting/problem.py"} for name in steps}


def test_nobody_reads_options_by_their_keys() -> None:
    """Options are attributes: `options` is a view for the file and for users."""
    found = []
    for path in sorted((Path(logloss.__file__).parent).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.unparse(node) if isinstance(node, ast.Call | ast.Subscript) else ""
            if text.startswith(("fitted.options", "self._fitted.options", "self.options")):
                found.append(f"{path.name}: {text}")
    assert not found
