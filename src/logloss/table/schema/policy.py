"""How columns are to become coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """How columns are to become coefficients.

    Attributes
    ----------
    na : tuple of str
        Texts that stand for a missing value: for the schema to remember.
    penalised : callable
        Says of a column by its name whether its coefficients are penalised: if they are, each level
        has one.
    missing : bool
        Whether missing values are taken for a level, or a mean with an indicator; else refused.
    min_count : float
        Levels of less weight are taken together.
    intercept : bool
        Whether an intercept is fitted. Where none is, a constant column or the levels of a column
        stand for it.
    """

    na: tuple[str, ...] = ()
    penalised: Callable[[str], bool] = bool
    missing: bool = True
    min_count: float = 0.0
    intercept: bool = True
