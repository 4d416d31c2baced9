"""What a fit is compared with is called what it is, and has the loss that it should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize_scalar

import logloss
from logloss.cli import main

rng = np.random.default_rng(1)
N = 200
X = rng.normal(size=(N, 2))
SHIFT = rng.normal(size=N) + 1.0
S = rng.integers(0, 4, N).astype(float)
Y = (rng.random(N) < logloss.sigmoid(X[:, 0] + SHIFT - 1.5)).astype(float)

NAMES = {
    (True, False): "intercept alone",
    (True, True): "intercept and offset alone",
    (False, True): "offset alone",
    (False, False): "all coefficients 0",
}


def total(z: Any, s: Any) -> float:
    """Twice the negative log-likelihood at log odds z."""
    return float(2.0 * np.sum(s * (np.logaddexp(0.0, z) - Y * z)))


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_the_null_model_is_named_and_right(intercept: bool, offset: bool, weighted: bool) -> None:
    o, s = (SHIFT if offset else np.zeros(N)), (S if weighted else np.ones(N))
    roles: dict[str, Any] = {"offset": SHIFT} if offset else {}
    roles |= {"sample_weight": S} if weighted else {}
    model = logloss.fit(X, Y, fit_intercept=intercept, **roles)
    best = minimize_scalar(lambda b: total(b + o, s), tol=1e-14).fun if intercept else total(o, s)
    summary = model.summary()
    figures = summary.to_dict()
    assert figures["null_deviance"] == pytest.approx(best, rel=1e-12)
    assert model.fitted.null_loss == pytest.approx(best / 2.0 / s.sum(), rel=1e-12)
    A = sm.add_constant(X) if intercept else X
    peer = sm.GLM(Y, A, sm.families.Binomial(), offset=o, freq_weights=s).fit(tol=1e-14)
    assert figures["lr"] == pytest.approx(best - peer.deviance, rel=1e-9)
    assert figures["lr_df"] == 2
    assert figures["mcfadden"] == pytest.approx(1.0 - peer.deviance / best, rel=1e-9)
    text = str(summary)
    assert text.count(f"({NAMES[intercept, offset]}: ") == 2
    others = set(NAMES.values()) - {NAMES[intercept, offset]}
    assert not any(f"({name}: " in text for name in others)


@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0, 700.0, 1e5])
@pytest.mark.parametrize("start", [0.0, 500.0, -1e4])
def test_the_null_model_is_found_for_any_offset(size: float, start: float) -> None:
    o = start + size * SHIFT
    model = logloss.fit(X, Y, offset=o, C=1.0)
    bounds = (-o.max() - 50.0, -o.min() + 50.0)
    grid = np.concatenate([-o, np.linspace(*bounds, 2001)])  # the minimum is near one of them
    near = min(grid, key=lambda b: total(b + o, 1.0))
    width = (bounds[1] - bounds[0]) / 1000.0
    found = minimize_scalar(
        lambda b: total(b + o, 1.0), bounds=(near - width, near + width), method="bounded"
    )
    assert model.fitted.null_loss * 2.0 * N <= found.fun * (1.0 + 1e-12)


def test_the_command_line_and_formulas_name_it_too(tmp_path: Any, capfd: Any) -> None:
    table = tmp_path / "t.csv"
    rows = "\n".join(f"{a},{o},{int(y)}" for a, o, y in zip(X[:, 0], SHIFT, Y, strict=True))
    table.write_text("a,o,y\n" + rows)
    arguments = ["fit", str(table), "--target", "y", "--formula", "0 + a"]
    assert main(arguments) == 0
    plain = capfd.readouterr().out
    assert plain.count("(all coefficients 0: ") == 2
    assert main([*arguments, "--offset", "o"]) == 0
    moved = capfd.readouterr().out
    assert moved.count("(offset alone: ") == 2
    assert "intercept alone" not in plain + moved
