"""scikit-learn-intelex: oneDAL under scikit-learn's interface; dense data only.

On sparse data it calls scikit-learn, which takes part itself.
"""

from __future__ import annotations

from benchmarks.peers.scikit_learn import Lbfgs, NewtonCg


class IntelexLbfgs(Lbfgs):
    name = "sklearnex-lbfgs"
    module = "sklearnex"
    distribution = "scikit-learn-intelex"
    layouts = ("c", "f")


class IntelexNewtonCg(NewtonCg):
    name = "sklearnex-newton-cg"
    module = "sklearnex"
    distribution = "scikit-learn-intelex"
    layouts = ("c", "f")
