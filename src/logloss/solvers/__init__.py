"""Solvers: one file an idea. They see an objective, never data, never a type of it."""

from __future__ import annotations

from logloss.solvers.averaged import SAG, SAGA
from logloss.solvers.descent import GradientDescent, Nesterov
from logloss.solvers.lbfgs import LBFGS
from logloss.solvers.newton import Newton
from logloss.solvers.newton_cg import NewtonCG
from logloss.solvers.pointwise import Perceptron, SigmoidUpdate
from logloss.solvers.prox_newton import ProxNewton
from logloss.solvers.stochastic import SGD, Adam, Constant, InverseScaling, InverseTime

__all__ = [
    "LBFGS",
    "SAG",
    "SAGA",
    "SGD",
    "Adam",
    "Constant",
    "GradientDescent",
    "InverseScaling",
    "InverseTime",
    "Nesterov",
    "Newton",
    "NewtonCG",
    "Perceptron",
    "ProxNewton",
    "SigmoidUpdate",
]
