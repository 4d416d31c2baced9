"""The note on arrays: sigmoid, log-likelihood, log loss and their derivatives, with NumPy alone.

With ``z = W·x + b`` and ``ŷ = σ(z) = 1 / (1 + exp(−z))``, everything here is a rearrangement of
that line in which no step overflows, cancels, or reaches 0, 1 or inf before its time.  Put
``e = exp(−|z|)``, which lies in [0, 1]::

    σ(z)      = 1 / (1 + e) for z ≥ 0,  e / (1 + e) for z < 0
    log σ(z)  = min(z, 0) − log1p(e)
    σ′(z)     = σ(z) (1 − σ(z)) = e / (1 + e)²
    ŷ − y     = σ(z) − y for y ≤ 1/2,  (1 − y) − σ(−z) for y > 1/2
    loss      = log(1 + exp(z)) − y z = log1p(e) + (1 − y) max(z, 0) + y max(−z, 0)
              = −y log(ŷ) − (1 − y) log1p(−ŷ)
    logit(p)  = ±log1p((1 − 2m) / m) if m = min(p, 1 − p) > 1/4,  ∓log(m / (1 − m)) otherwise

In a loss ``0 · inf = 0``, and no term is negative, so nothing cancels.  1 − p and 1 − y are exact
above 1/2, and so is 1 − 2m for m ≥ 1/4.  Nothing is ever clipped: a certain and wrong forecast
costs inf.

Shapes.  Every argument is a real number or array of any shape; several are broadcast, but never to
more elements than one of them has: labels (n,) and forecasts (n, 1) are a ValueError, not n² pairs.
Scalars give a scalar.  The result is float64, or float32 if no floating-point argument is wider (it
is computed in float64 and rounded once).  Labels y lie in [0, 1], as probabilities do, or a
ValueError says which one does not; a label between 0 and 1 is the probability that it is 1.

Accuracy.  Each element is within 3 ulp of the exact result (σ′ within 5; ŷ − y within 3 ulp of
max(ŷ, y)) for every z from −inf to inf, with exp, log and log1p within 0.85 ulp, as NumPy's are.
`bce` bounds sums and means.  NaN in, NaN out; never a warning.  u = 2⁻⁵³ below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.floating[Any]]  # for scalar arguments: a NumPy scalar
FloatOrArray: TypeAlias = Any  # float for a mean or sum, FloatArray for "none"
Reduction: TypeAlias = Literal["mean", "sum", "none"]
_Doubles: TypeAlias = NDArray[np.float64]

_BLOCK = 8192  # elements at a time, and partial sums: with their temporaries they fit a cache


def sigmoid(z: ArrayLike) -> FloatArray:
    """Return σ(z) = 1 / (1 + exp(−z)) in [0, 1]: the probability with log-odds z."""
    form, (x,) = _read(z=z)
    with np.errstate(all="ignore"):
        return form.give(_blockwise(_sigmoid, x))


def log_sigmoid(z: ArrayLike) -> FloatArray:
    """Return log σ(z) in [−inf, 0], also where σ(z) itself is rounded to 0 or 1."""
    form, (x,) = _read(z=z)
    with np.errstate(all="ignore"):
        return form.give(_blockwise(_log_sigmoid, x))


def sigmoid_derivative(z: ArrayLike) -> FloatArray:
    """Return dσ/dz = σ(z) (1 − σ(z)) in [0, 1/4]: the variance of a label with log-odds z."""
    form, (x,) = _read(z=z)
    with np.errstate(all="ignore"):
        return form.give(_blockwise(_sigmoid_derivative, x))


def logit(p: ArrayLike) -> FloatArray:
    """Return the log-odds log(p / (1 − p)), the inverse of the sigmoid: −inf at 0, inf at 1."""
    form, (x,) = _read(p=p)
    with np.errstate(all="ignore"):
        return form.give(_blockwise(_logit, x))


def residual(y: ArrayLike, z: ArrayLike) -> FloatArray:
    """Return ŷ − y in [−1, 1], with ŷ = σ(z): the derivative of the loss in the log-odds z.

    For y = 1 and a large z that is −exp(−z), not 0: nothing cancels in the tails, and for labels 0
    and 1 the result is within 3 ulp of itself.  Raises ValueError for a y outside [0, 1].
    """
    form, (t, x) = _read(y=y, z=z)
    with np.errstate(all="ignore"):
        return form.give(_blockwise(_residual, t, x))


def likelihood(y: ArrayLike, p: ArrayLike) -> float:
    """Return Π p^y (1 − p)^(1 − y): the probability of all labels, drawn independently.

    It is 0 where the exact product is below the smallest float, which a thousand rows can reach:
    `log_likelihood` is for that.  Above 1e-307 it is within 2 n u of the exact product, relatively,
    for labels 0 and 1, within 50 n u for soft ones.  Raises ValueError for a y or p outside [0, 1].
    """
    _, (t, q) = _read(y=y, p=p)
    with np.errstate(all="ignore"):
        return _product(_blockwise(_chance, t, q))


def log_likelihood(y: ArrayLike, z: ArrayLike) -> float:
    """Return LL = Σ [y log ŷ + (1 − y) log(1 − ŷ)] ≤ 0, with ŷ = σ(z): minus the sum of losses.

    As accurate as `bce` says of a sum.  Raises ValueError for a y outside [0, 1].
    """
    _, (t, x) = _read(y=y, z=z)
    with np.errstate(all="ignore"):
        return 0.0 - _sum(_blockwise(_logit_loss, t, x))


def bce(
    y: ArrayLike,
    p: ArrayLike,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> FloatOrArray:
    """Return the binary cross-entropy −[y log p + (1 − y) log(1 − p)] of forecasts p, in nats.

    Where log-odds are at hand, `bce_with_logits` is better: a p near 1 no longer holds them.

    Parameters
    ----------
    y, p : array_like
        Labels, and forecasts of y = 1.
    sample_weight : array_like, optional
        Finite weights s ≥ 0.  A weight of 0 takes out an infinite loss (a NaN stays one).
    reduction : {"mean", "sum", "none"}
        ``Σ s·loss / Σ s`` or ``Σ s·loss``, a float; or ``s·loss`` for each element.

    Notes
    -----
    Raises ValueError for a y or p outside [0, 1], a weight that is negative or not finite, or a
    mean of nothing: no rows, or weights that are all 0.

    Each loss is within 3 ulp = 6 u, and none is negative: a sum or mean of up to 2³² elements is
    within 10.1 u = 1.2e-15 of the exact one, relatively (6 u, u for products with weights, 1.01 u
    for each sum, u for the division), and underflow adds at most 2⁻¹⁰⁷² an element.
    """
    form, (t, q) = _read(y=y, p=p)
    with np.errstate(all="ignore"):
        return _reduce(_blockwise(_forecast_loss, t, q), sample_weight, reduction, form)


def bce_with_logits(
    y: ArrayLike,
    z: ArrayLike,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> FloatOrArray:
    """Return the binary cross-entropy log(1 + exp(z)) − y z of log-odds z, in nats.

    It is ``bce(y, sigmoid(z))``, but accurate also where the sigmoid is rounded to 0 or 1: finite
    for every finite z.  Weights, reductions, accuracy and errors are those of `bce`.
    """
    form, (t, x) = _read(y=y, z=z)
    with np.errstate(all="ignore"):
        return _reduce(_blockwise(_logit_loss, t, x), sample_weight, reduction, form)


def bce_gradient(
    X: ArrayLike, y: ArrayLike, coef: ArrayLike, intercept: float
) -> tuple[float, FloatArray, float]:
    """Return the mean loss of z = X·coef + intercept and its gradient: the means of (ŷ − y)[x, 1].

    Parameters
    ----------
    X : array_like (n, d), SciPy sparse (n, d), or one example (d,)
        Features; what is not float64 is widened to it for the products.
    y, coef, intercept : array_like (n,), array_like (d,), float
        Labels, W and b.  For one example y may be a scalar.

    Returns
    -------
    loss, gradient, gradient_intercept : float, array (d,), float
        The loss, d loss / dW and d loss / db at the computed z, as accurate as `bce` and `residual`
        say; and the product Xᵀ(ŷ − y) within γ_n · Σ |x_ij (ŷ_i − y_i)|, γ_n = n u / (1 − n u).

    Raises ValueError for a y outside [0, 1], shapes that do not fit, or no rows.
    """
    rows: Any = X if hasattr(X, "tocsr") else np.atleast_2d(_real("X", X))
    t, w = np.atleast_1d(_real("y", y)), np.atleast_1d(_real("coef", coef))
    if rows.shape != t.shape + w.shape:
        got = f"X {rows.shape}, y {t.shape}, coef {w.shape}"
        raise ValueError(f"shapes do not fit: {got}; wanted (n, d), (n,) and (d,)")
    _require_unit_interval("y", t)
    dtype = _float_dtype(rows, w)
    rows, t, w = (a.astype(np.float64, copy=False) for a in (rows, t, w))
    with np.errstate(all="ignore"):
        z = rows @ w + float(intercept)
        loss, r = _mean(_blockwise(_logit_loss, t, z)), _blockwise(_residual, t, z)
        gradient = (rows.T @ r) / t.size
        return loss, gradient.astype(dtype, copy=False), _sum(r) / t.size


# The formulas, on float64 arrays of at least one dimension.  NumPy's `where` is slow on a random
# mask: minimum, maximum and copysign choose a side without one.


def _blockwise(formula: Callable[..., _Doubles], *arrays: _Doubles) -> _Doubles:
    """Return formula(*arrays), computed block by block so that its temporaries stay in cache."""
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    result = np.empty(shape)
    flat = result.reshape(-1)
    parts = [np.broadcast_to(a, shape).ravel() if a.size > 1 else a.ravel() for a in arrays]
    for start in range(0, flat.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        flat[block] = formula(*(a[block] if a.size > 1 else a for a in parts))
    return result


def _exp_minus_abs(z: _Doubles) -> _Doubles:
    e = np.abs(z)
    np.negative(e, out=e)
    return np.exp(e, out=e)


def _sigmoid(z: _Doubles) -> _Doubles:
    e = _exp_minus_abs(z)
    return np.exp(np.minimum(z, 0.0)) / (1.0 + e)


def _log_sigmoid(z: _Doubles) -> _Doubles:
    return np.minimum(z, 0.0) - np.log1p(_exp_minus_abs(z))


def _sigmoid_derivative(z: _Doubles) -> _Doubles:
    e = _exp_minus_abs(z)
    return e / np.square(1.0 + e)


def _logit(p: _Doubles) -> _Doubles:
    m = np.minimum(p, 1.0 - p)
    size = np.where(m > 0.25, np.log1p((1.0 - 2.0 * m) / m), -np.log(m / (1.0 - m)))
    return np.copysign(size, p - 0.5)


def _residual(y: _Doubles, z: _Doubles) -> _Doubles:
    side = np.copysign(1.0, 0.5 - y)
    return side * (_sigmoid(side * z) - np.minimum(y, 1.0 - y))


def _chance(y: _Doubles, p: _Doubles) -> _Doubles:
    soft = np.power(p, y) * np.power(1.0 - p, 1.0 - y)
    return np.where(y == 1.0, p, np.where(y == 0.0, 1.0 - p, soft))


def _forecast_loss(y: _Doubles, p: _Doubles) -> _Doubles:
    return _times(y, -np.log(p)) + _times(1.0 - y, -np.log1p(-p))


def _logit_loss(y: _Doubles, z: _Doubles) -> _Doubles:
    hinge = _times(1.0 - y, np.maximum(z, 0.0)) + _times(y, np.maximum(-z, 0.0))
    return hinge + np.log1p(_exp_minus_abs(z))


def _times(share: _Doubles | None, value: _Doubles) -> _Doubles:
    """Return share · value, where 0 · inf = 0 (but 0 · NaN = NaN), and None counts as 1."""
    if share is None:
        return value
    product: _Doubles = share * value
    np.copyto(product, 0.0, where=(share == 0.0) & (value == np.inf))
    return product


def _reduce(
    losses: _Doubles, sample_weight: ArrayLike | None, reduction: Reduction, form: _Form
) -> FloatOrArray:
    weights = None
    if sample_weight is not None:
        widened, (weights,) = _read(sample_weight=sample_weight)
        form = _Form(_common({"loss": form.shape, "sample_weight": widened.shape}), form.dtype)
        good = (weights >= 0.0) & (weights < np.inf)
        _require("sample_weight", "be finite and not negative", weights, good)
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    return _REDUCTIONS[reduction](losses, weights, form)


def _mean(losses: _Doubles, weights: _Doubles | None = None) -> float:
    """Return Σ s·loss / Σ s, where neither sum overflows unless a loss is inf."""
    terms, divisor = losses, float(losses.size)
    if weights is not None:
        largest = np.max(weights, initial=0.0)
        weights = np.ldexp(weights, -np.frexp(largest)[1])  # at most 1 now, and exact
        terms = _times(weights, losses)
        divisor = _sum(np.broadcast_to(weights, terms.shape))
    if divisor == 0.0:
        raise ValueError("there is no mean: no rows, or all weights are 0")
    total = _sum(terms)
    if total == np.inf and np.max(terms) < np.inf:  # fewer than 2^64 terms, each below 2^1024
        return float(np.ldexp(_sum(np.ldexp(terms, -64)) / divisor, 64))
    return total / divisor


_REDUCTIONS: dict[str, Callable[[_Doubles, _Doubles | None, _Form], FloatOrArray]] = {
    "mean": lambda losses, weights, _: _mean(losses, weights),
    "sum": lambda losses, weights, _: _sum(_times(weights, losses)),
    "none": lambda losses, weights, form: form.give(_times(weights, losses)),
}


def _sum(values: _Doubles) -> float:
    """Return Σ values, as if summed in twice the precision and rounded once.

    Each addition keeps its exact error, and the errors are summed beside the values (Ogita, Rump
    and Oishi 2005, *Accurate sum and dot product*), in 8,192 lanes joined by a binary tree.  An
    element passes at most m = n / 8192 + 14 additions, an error 2 m, so with γ_k = k u / (1 − k u)
    the result is within u |Σ x| + γ_{2m}² Σ |x|: 1.01 u, relatively, for x ≥ 0 and n ≤ 2³².
    inf and NaN come out as from any other sum.
    """
    flat = values.ravel()
    lanes = min(_BLOCK, 1 << max(flat.size - 1, 0).bit_length())
    whole = flat.size - flat.size % lanes
    total, error = np.zeros(lanes), np.zeros(lanes)
    total[: flat.size - whole] = flat[whole:]
    for block in flat[:whole].reshape(-1, lanes):
        total, lost = _two_sum(total, block)
        error += lost
    while total.size > 1:
        half = total.size // 2
        total, lost = _two_sum(total[:half], total[half:])
        error = error[:half] + error[half:] + lost
    result = float(total[0])
    return result + float(error[0]) if np.isfinite(result) else result


def _two_sum(a: _Doubles, b: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Return fl(a + b) and its exact error (Knuth)."""
    total = a + b
    shifted = total - a
    return total, (a - (total - shifted)) + (b - shifted)


def _product(factors: _Doubles) -> float:
    """Return Π factors with the exponents kept apart, so that only the result can underflow."""
    mantissa, exponent = np.frexp(factors.ravel())
    power = int(exponent.sum(dtype=np.int64))
    while mantissa.size > 1:
        half = mantissa.size // 2
        last = mantissa[2 * half :]
        mantissa, exponent = np.frexp(mantissa[:half] * mantissa[half : 2 * half])
        power += int(exponent.sum(dtype=np.int64))
        mantissa = np.concatenate((mantissa, last))
    return float(np.ldexp(np.prod(mantissa), max(power, -5000)))


# What comes in, and what goes out.


class _Form(NamedTuple):
    """What the caller gets back: the broadcast shape of what was given, and its precision."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def give(self, values: _Doubles) -> FloatArray:
        shaped: FloatArray = values.astype(self.dtype, copy=False).reshape(self.shape)
        return shaped[()]  # a scalar where there is no dimension


def _read(**given: Any) -> tuple[_Form, list[_Doubles]]:
    arrays = {name: _real(name, value) for name, value in given.items()}
    for name in [name for name in arrays if name in ("y", "p")]:
        _require_unit_interval(name, arrays[name])
    typed = [a for name, a in arrays.items() if type(given[name]) is not float]  # as in NumPy 2
    form = _Form(_common({n: a.shape for n, a in arrays.items()}), _float_dtype(*typed))
    return form, [np.atleast_1d(a.astype(np.float64, copy=False)) for a in arrays.values()]


def _common(shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape to which all are broadcast; ValueError where it has more elements than any."""
    shape = np.broadcast_shapes(*shapes.values())
    if math.prod(shape) > max(map(math.prod, shapes.values())):
        raise ValueError(f"shapes do not fit: {shapes} would pair up to {shape}; try ravel()")
    return shape


def _real(name: str, value: ArrayLike) -> NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers (labels are 0 and 1), not {array.dtype}")
    return array


def _float_dtype(*arrays: Any) -> np.dtype[Any]:
    floating = [a.dtype for a in arrays if a.dtype.kind == "f"]
    widest: np.dtype[Any] = np.result_type(*(floating or [np.float64]))
    return widest if widest.itemsize < 8 else np.dtype(np.float64)


def _require_unit_interval(name: str, array: NDArray[Any]) -> None:
    with np.errstate(all="ignore"):
        inside = np.min(array, initial=0) >= 0 and np.max(array, initial=1) <= 1
    if not inside:
        _require(name, "lie in [0, 1]", array, ~((array < 0) | (array > 1)))  # a NaN may pass


def _require(name: str, rule: str, array: NDArray[Any], good: NDArray[np.bool_]) -> None:
    if good.all():
        return
    place = tuple(int(i) for i in np.argwhere(~good)[0])
    where = f" at {list(place)}" if array.size > 1 else ""
    raise ValueError(f"{name} must {rule}, but {array[place]}{where} does not")
