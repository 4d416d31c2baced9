"""The harness of the benchmarks: its own objective, its optima, and the search of a tolerance.

A benchmark that evaluates the wrong objective, or calls something the optimum that is none, lies
about everybody. Truth comes from closed forms and from SciPy's general optimisers.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from benchmarks import epochs, objective, paths, problems, reference, reference_l1, rounds, search
from benchmarks.peers import OTHERS, PEERS
from benchmarks.peers.base import Peer, PeerMissing, Solution
from benchmarks.peers.epochs import ScikitLearnSag
from benchmarks.peers.paths import PATH_PEERS
from benchmarks.problems import ELASTIC, L1, L2, NONE, Problem, Task
from benchmarks.worker import Job, PeerFailed, Timed, TooSlow
from scipy.optimize import minimize


def _task(
    *, n: int = 120, d: int = 6, l1_ratio: float = 0.0, C: float = 1.0, intercept: bool = True
) -> Task:
    rng = np.random.default_rng(n + d)
    X = rng.standard_normal((n, d)) * np.geomspace(0.3, 3.0, d)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(0.4 - X[:, 0] + 0.3 * X[:, 1]))).astype(float)
    return Task(X, y, C, intercept, l1_ratio)


def _by_scipy(task: Task) -> float:
    """min F by L-BFGS-B on w = u − v with u, v ≥ 0, where |w| is u + v and smooth."""
    d = task.X.shape[1]

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        u, v, b = x[:d], x[d:-1], x[-1] if task.fit_intercept else 0.0
        smooth = replace(task, l1_ratio=0.0)
        value = objective.value(smooth, u - v, b) - 0.5 * smooth.l2 * float((u - v) @ (u - v))
        value += task.l1 * float(u.sum() + v.sum()) + 0.5 * task.l2 * float((u - v) @ (u - v))
        slope, _ = objective.gradient(task, u - v, b)
        return value, np.concatenate([slope[:-1] + task.l1, task.l1 - slope[:-1], slope[-1:]])

    bounds = [(0.0, None)] * (2 * d) + [(None, None)]
    found = minimize(
        function,
        np.zeros(2 * d + 1),
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 200_000, "ftol": 0.0, "gtol": 1e-11},
    )
    return float(found.fun)


# ---- the objective ----


@pytest.mark.parametrize(
    ("l1_ratio", "C", "kind"),
    [
        (0.0, math.inf, NONE),
        (0.0, 2.0, L2),
        (1.0, 2.0, L1),
        (0.5, 2.0, ELASTIC),
        (1.0, math.inf, NONE),
    ],
)
def test_objective_is_the_mean_loss_and_the_penalty_of_scikit_learn(
    l1_ratio: float, C: float, kind: str
) -> None:
    X, y = np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]]), np.array([1.0, 0.0, 1.0])
    task = Task(X, y, C, True, l1_ratio)
    w, b = np.array([2.0, -0.25]), 0.5
    z = [3.0, 1.5, -0.25]  # by hand
    loss = sum(math.log1p(math.exp(s)) for s in (-z[0], z[1], -z[2]))
    # C Σ loss + l1_ratio ‖w‖₁ + (1 − l1_ratio)/2 ‖w‖², divided by C n
    penalty = 0.0 if math.isinf(C) else (l1_ratio * 2.25 + (1 - l1_ratio) / 2 * 4.0625) / (C * 3)
    assert objective.value(task, w, b) == pytest.approx(loss / 3 + penalty, rel=1e-15)
    assert task.penalty == kind


def test_objective_is_finite_far_out_and_the_same_on_sparse_data() -> None:
    X, y = np.array([[1e3, 0.0], [0.0, -1e3]]), np.array([0.0, 1.0])
    dense, sparse = Task(X, y, math.inf, False), Task(sp.csr_matrix(X), y, math.inf, False)
    assert objective.value(dense, np.ones(2), 0.0) == 1000.0
    assert objective.value(sparse, np.ones(2), 0.0) == 1000.0
    assert objective.value(dense, -np.ones(2), 0.0) == 0.0


def test_gradient_is_that_of_the_smooth_part() -> None:
    task = _task(l1_ratio=0.5)
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal(6), 0.3
    slope, _ = objective.gradient(task, w, b)
    for j in range(7):
        step = np.zeros(7)
        step[j] = 1e-6
        high = objective.value(task, w + step[:-1], b + step[-1])
        low = objective.value(task, w - step[:-1], b - step[-1])
        kink = task.l1 * np.sign(w[j]) if j < 6 else 0.0
        assert (high - low) / 2e-6 == pytest.approx(slope[j] + kink, abs=1e-9)


# ---- the optima ----


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("C", [0.05, 1.0, 100.0])
def test_reference_is_the_minimum_that_scipy_finds(
    l1_ratio: float, intercept: bool, C: float
) -> None:
    task = _task(l1_ratio=l1_ratio, intercept=intercept, C=C)
    found, other = reference.solve(task), _by_scipy(task)
    assert found.uncertainty <= 1e-12
    assert found.value <= other * (1.0 + 1e-12)
    assert other == pytest.approx(found.value, rel=1e-8)


def test_reference_with_all_coefficients_zero_is_the_entropy_of_the_labels() -> None:
    task = _task(l1_ratio=1.0)
    mean = float(task.y.mean())
    largest = float(np.abs(task.X.T @ (mean - task.y)).max())
    strong = replace(task, C=0.999 / largest)
    entropy = -mean * math.log(mean) - (1 - mean) * math.log(1 - mean)
    assert reference.solve(strong).value == pytest.approx(entropy, rel=1e-13)
    assert reference.solve(replace(task, C=1.01 / largest)).value < entropy * (1 - 1e-9)


@pytest.mark.parametrize("copies", [1, 3])
def test_reference_of_wide_sparse_and_duplicate_columns(copies: int) -> None:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((40, 150))
    y = (rng.random(40) < 0.5).astype(float)
    task = Task(np.hstack([X] * copies), y, 1.0, True, 1.0)
    dense = reference.solve(task)
    sparse = reference.solve(replace(task, X=sp.csr_matrix(task.X)))
    once = reference.solve(replace(task, X=X))
    assert dense.uncertainty <= 1e-11
    assert sparse.value == pytest.approx(dense.value, rel=1e-12)
    assert once.value == pytest.approx(dense.value, rel=1e-11)  # copies buy nothing under L1


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_lower_bound_holds_at_any_point(l1_ratio: float, intercept: bool) -> None:
    task = _task(l1_ratio=l1_ratio, intercept=intercept)
    optimum = reference_l1.solve(task)
    rng = np.random.default_rng(1)
    for size in (0.0, 1e-6, 1e-3, 0.1, 1.0):
        beta = optimum.beta + size * rng.standard_normal(7)
        beta[-1] *= intercept
        assert reference_l1.lower_bound(task, beta) <= optimum.value * (1 + 1e-14)


def test_a_reference_that_a_peer_beats_is_reported() -> None:
    task = _task(l1_ratio=1.0)
    optimum = reference_l1.solve(task)
    solution = Solution(optimum.beta[:-1], float(optimum.beta[-1]))
    assert abs(search.relative_gap(task, optimum.value, solution)) < 1e-13
    with pytest.raises(search.NotOptimal, match="below the reference"):
        search.relative_gap(task, optimum.value * (1 + 1e-6), solution)
    assert search.relative_gap(task, optimum.value, Solution(np.full(6, np.nan), 0.0)) == math.inf


# ---- the search of the loosest tolerance ----


class FakePeer(Peer):
    """Its gap is a thousandth of its tolerance; tighter ones take longer."""

    name = "fake"
    module = "numpy"
    distribution = "numpy"
    layouts = ("c", "f")

    def prepare(self, task: Task) -> None:
        raise NotImplementedError

    def fit(self, tolerance: float) -> float | None:
        raise NotImplementedError

    def solution(self) -> Solution:
        raise NotImplementedError


class FakeWorker:
    """Answers at once; its one coefficient is the gap."""

    seconds_at = staticmethod(lambda _tolerance, _layout: 1e-3)
    gap_at = staticmethod(lambda tolerance: tolerance / 1e3)
    calls: list[tuple[str, float]] = []  # noqa: RUF012 - emptied by the fixture

    def __init__(self, job: Job, limit: float) -> None:
        self.job, self.limit = job, limit

    def fit(self, tolerance: float, _at_least: float = 0.0) -> Timed:
        self.calls.append((self.job.layout, tolerance))
        seconds = self.seconds_at(tolerance, self.job.layout)
        if seconds > self.limit:
            raise TooSlow(f"{TooSlow.note} {self.limit:.0f} s")
        return Timed((seconds,), Solution(np.array([self.gap_at(tolerance)]), 0.0))

    def __enter__(self) -> FakeWorker:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Job, Task]:
    monkeypatch.setitem(PEERS, "fake", FakePeer)
    monkeypatch.setattr(search, "Worker", FakeWorker)
    monkeypatch.setattr(search, "relative_gap", lambda _task, _optimum, s: float(s.coef[0]))
    monkeypatch.setattr(FakeWorker, "calls", [])
    task = Task(np.ones((4, 1)), np.array([0.0, 1.0, 0.0, 1.0]), 1.0, False)
    return Job(Problem("fake", "fake"), "fake", "", tmp_path), task


def _settings(fake: tuple[Job, Task], limit: float = 60.0, fresh: bool = True) -> Any:
    return search.settings(fake[0], fake[1], 1.0, limit, fresh)


def test_search_finds_the_loosest_half_decade(fake: tuple[Job, Task]) -> None:
    found = _settings(fake)
    assert {s.layout for s in found} == {"c", "f"}
    # gap = tolerance/1e3 ≤ 1e-6: 1e-3 on the ladder, and 3e-3 does not reach it.
    assert [s.tolerance for s in found] == [1e-3, 1e-3]


def test_search_goes_beyond_the_first_rung(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeWorker, "gap_at", staticmethod(lambda tolerance: tolerance / 5e8))
    assert _settings(fake)[0].tolerance == pytest.approx(300.0)


def test_search_climbs_past_rungs_where_nothing_moves(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = staticmethod(lambda tolerance: 0.3 if tolerance > 1e-8 * 1.5 else 1e-7)
    monkeypatch.setattr(FakeWorker, "gap_at", moves)
    assert _settings(fake)[0].tolerance == pytest.approx(1e-8)


def test_search_gives_up_where_the_gap_stays(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    stays = staticmethod(lambda tolerance: max(tolerance, 1e-5))
    monkeypatch.setattr(FakeWorker, "gap_at", stays)
    found = _settings(fake)
    assert [(s.tolerance, s.gap, s.note) for s in found] == [
        (None, 1e-5, "does not get nearer")
    ] * 2


def test_a_peer_above_the_limit_is_left_out_at_its_first_such_fit(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = staticmethod(lambda tolerance, _layout: 100.0 if tolerance < 5e-2 else 1.0)
    monkeypatch.setattr(FakeWorker, "seconds_at", slow)
    found = _settings(fake)
    assert [(s.tolerance, s.note) for s in found] == [(None, "slower than 60 s")]
    assert FakeWorker.calls == [("c", 1e-2)]
    assert _settings(fake, limit=200.0, fresh=False)[0].tolerance == 1e-3  # more patience: anew
    later = _settings(fake, limit=60.0, fresh=False)  # remembered, and too slow for less
    assert {(s.tolerance, s.note) for s in later} == {(None, "slower than 60 s")}


def test_slow_fits_are_not_repeated(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = staticmethod(lambda _tolerance, layout: 12.0 if layout == "c" else 10.0)
    monkeypatch.setattr(FakeWorker, "seconds_at", slow)
    found = _settings(fake)
    assert FakeWorker.calls == [("c", 1e-2), ("c", 1e-3), ("f", 1e-3)]
    assert (found[0].layout, found[0].seconds) == ("f", 10.0)
    assert search.fastest(fake[0], found, 60.0) is found[0]
    assert len(FakeWorker.calls) == 3


def test_slow_fits_are_loosened_beyond_the_first_rung(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeWorker, "seconds_at", staticmethod(lambda _tolerance, _layout: 8.0))
    monkeypatch.setattr(FakeWorker, "gap_at", staticmethod(lambda tolerance: tolerance / 5e7))
    assert _settings(fake)[0].tolerance == pytest.approx(10.0)


def test_slow_fits_are_timed_without_a_warm_up(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "Worker", FakeWorker)
    monkeypatch.setattr(rounds, "relative_gap", lambda _task, _optimum, s: float(s.coef[0]))
    monkeypatch.setattr(rounds, "_PAUSE", 0.0)
    chosen = [
        search.Setting("fake", layout, 1e-3, time, 1e-6)
        for layout, time in (("c", 0.1), ("f", 9.0))
    ]
    turns = rounds.run(fake[0], fake[1], 1.0, chosen, rounds.Plan(1, 60.0, 60.0))
    assert [layout for layout, _ in FakeWorker.calls] == ["c", "c", "f"]
    assert [turn.setting.layout for turn in turns] == ["c", "f"]


# ---- who takes part ----


def test_every_problem_with_l1_has_peers_and_the_smooth_solvers_sit_it_out() -> None:
    assert {peer.skip(_task(l1_ratio=1.0)) for peer in OTHERS if peer.name.endswith("lbfgs")} == {
        "not made for L1"
    }
    for problem in problems.PROBLEMS.values():
        task = replace(_task(), l1_ratio=problem.l1_ratio, fit_intercept=problem.fit_intercept)
        able = [peer.name for peer in OTHERS if peer.skip(replace(task, C=problem.C)) is None]
        assert {"sklearn-saga", "glum-irls"} <= set(able)
        assert ("celer" in able) == (problem.l1_ratio == 1.0 and not problem.fit_intercept)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_peers_that_are_installed_solve_the_problem_of_the_harness(
    l1_ratio: float, intercept: bool
) -> None:
    """A wrong scale of a penalty or a penalised intercept would leave a gap far above this."""
    task = _task(l1_ratio=l1_ratio, intercept=intercept)
    optimum = reference.solve(task).value
    tried = 0
    for kind in (peer for peer in OTHERS if peer.module == "sklearn"):
        if kind.skip(task) is None:
            peer = kind()
            peer.prepare(task)
            peer.fit(1e-9)
            assert search.relative_gap(task, optimum, peer.solution()) < 1e-7, kind.name
            tried += 1
    assert tried >= 1


# ---- paths and epochs ----


def test_a_path_starts_where_all_coefficients_are_zero() -> None:
    task = _task(l1_ratio=1.0)
    lambdas = paths.grid(task, 5)
    assert lambdas[-1] == pytest.approx(lambdas[0] * 1e-4)
    first = reference_l1.solve(paths.at(task, float(lambdas[0]) * (1 + 1e-9)))
    assert np.array_equal(first.beta[:-1], np.zeros(6))
    second = reference_l1.solve(paths.at(task, float(lambdas[0]) * 0.99))
    assert np.count_nonzero(second.beta[:-1]) == 1


@pytest.mark.parametrize("name", ["logloss", "logloss-alo"])
def test_our_path_is_within_its_tolerance(name: str) -> None:
    task = _task(l1_ratio=1.0)
    lambdas = paths.grid(task, 4)
    optima = [reference_l1.solve(paths.at(task, float(strength))).value for strength in lambdas]
    peer = PATH_PEERS[name]()
    peer.prepare(task, lambdas)
    assert paths.Entry(peer, 1e-8).timed() > 0.0
    found = peer.solutions()
    assert np.abs(paths.gaps(task, lambdas, np.array(optima), found)).max() < 1e-8


def test_gaps_of_a_path_are_those_of_its_strengths() -> None:
    task = _task(l1_ratio=1.0)
    lambdas = paths.grid(task, 4)
    solved = [reference_l1.solve(paths.at(task, float(strength))) for strength in lambdas]
    optima = np.array([one.value for one in solved])
    found = np.array([one.beta for one in solved])
    assert np.abs(paths.gaps(task, lambdas, optima, found)).max() < 1e-12
    late = np.vstack([found[:1], found[:-1]])  # each solved for the strength before
    assert paths.gaps(task, lambdas, optima, late)[1:].min() > 1e-6
    assert len(paths.gaps(task, lambdas, optima, found[:2])) == 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_number_of_epochs_is_the_first_that_reaches_the_gap() -> None:
    task = _task(n=300)
    optimum = reference.solve(task).value
    peer = ScikitLearnSag()
    peer.prepare(task)
    count = epochs.epochs_to(peer, task, optimum, seed=0)
    assert 1 < count < 200
    for tried, reached in ((count - 1, False), (count, True)):
        peer.fit(tried, 0)
        assert (search.relative_gap(task, optimum, peer.solution()) <= 1e-4) == reached


def test_sag_of_scikit_learn_has_no_step_for_l1() -> None:
    with pytest.raises(PeerMissing, match="no step for L1"):
        epochs._measure("a9a_l1", "sklearn-sag", _task(l1_ratio=1.0), 1.0, None)  # type: ignore[arg-type]


def test_a_failing_peer_is_an_outcome_not_the_end(
    fake: tuple[Job, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> float:
        raise PeerFailed("ValueError: no")

    monkeypatch.setattr(FakeWorker, "seconds_at", staticmethod(fail))
    found = _settings(fake)
    assert [(s.tolerance, s.note) for s in found] == [(None, "ValueError: no")] * 2
