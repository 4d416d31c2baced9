"""Who is timed.  Each module imports its library only when a fit is prepared."""

from __future__ import annotations

from benchmarks.peers import (
    adelie,
    celer,
    glmnet,
    glum,
    intelex,
    liblinear,
    logloss,
    scikit_learn,
    skglm,
    statsmodels,
)
from benchmarks.peers.base import Peer

OURS: tuple[type[Peer], ...] = (logloss.Logloss, logloss.LoglossEstimator)
OTHERS: tuple[type[Peer], ...] = (
    scikit_learn.Lbfgs,
    scikit_learn.NewtonCholesky,
    scikit_learn.NewtonCg,
    scikit_learn.Saga,
    scikit_learn.Liblinear,
    scikit_learn.LiblinearDual,
    intelex.IntelexLbfgs,
    intelex.IntelexNewtonCg,
    glum.GlumIrls,
    glum.GlumLbfgs,
    statsmodels.Statsmodels,
    liblinear.LiblinearNewton,
    liblinear.LiblinearL1,
    celer.Celer,
    skglm.Skglm,
    adelie.Adelie,
    glmnet.Glmnet,
    glmnet.GlmnetPath,
)
PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (*OURS, *OTHERS)}
