"""Solvers: one file an idea. They see an objective, never data, never a type of it."""

from __future__ import annotations

from logloss.solvers.descent import GradientDescent, Nesterov
from logloss.solvers.lbfgs import LBFGS
from logloss.solvers.newton import Newton
from logloss.solvers.newton_cg import NewtonCG

__all__ = ["LBFGS", "GradientDescent", "Nesterov", "Newton", "NewtonCG"]
