"""Maximum likelihood with weights under covariate shift: linear, logistic and phase retrieval, and the rate of its risk.

All three models say how y hangs on x; the law of x may differ between source and target.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.difficulty.irt_em import sigmoid, softplus

FloatArray = NDArray[np.float64]
Model = Literal["linear", "logistic", "phase"]


def fit_weighted(
    model: Model, x: FloatArray, y: FloatArray, weights: FloatArray | None = None, *, start: FloatArray | None = None,
    iterations: int = 100, tolerance: float = 1e-9,
) -> FloatArray:  # fmt: skip
    """Maximise Σᵢ wᵢ log p(yᵢ | xᵢ; β); many data sets of one size at once.

    - linear: y = xᵀβ + normal noise; closed form, (XᵀWX)⁻¹XᵀWy.
    - logistic: P(y = 1) = 1/(1 + exp(-xᵀβ)); Newton with step halving.
    - phase: y = (xᵀβ)² + normal noise; β and -β are the same. Levenberg–Marquardt from ``start``.

    Args:
        model: linear, logistic or phase.
        x: Inputs, shape (n, d), or (sets, n, d).
        y: Outcomes, shape (n,) or (sets, n).
        weights: Not negative, the same shape as y; None weighs all alike. Under covariate shift the density ratio
            of target to source.
        start: Where phase retrieval starts, shape (d,) or (sets, d); by default the leading direction of Σ w y x xᵀ.
        iterations: Most steps.
        tolerance: Largest change of β at which it stops.

    Returns:
        β, shape (d,) or (sets, d).

    Raises:
        BadInput: An unknown model, shapes that do not fit, a weight below zero, or a logistic outcome beside 0 and 1.
        TooFewUnits: Fewer rows than parameters.
        Undefined: Logistic classes are separated by a plane, so that the likelihood has no maximum.

    Source: Shimodaira (2000), Improving predictive inference under covariate shift, equation 1.

    >>> x = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> fit_weighted("linear", x, np.array([0.0, 1.0, 5.0]), np.array([1.0, 1.0, 0.0])).round(6).tolist()
    [0.0, 1.0]
    """
    single = x.ndim == 2
    inputs = np.asarray(x, np.float64)[None] if single else np.asarray(x, np.float64)
    outcome = np.asarray(y, np.float64).reshape(inputs.shape[0], -1)
    weight = np.ones_like(outcome) if weights is None else np.asarray(weights, np.float64).reshape(len(inputs), -1)
    _check(model, inputs, outcome, weight)
    weight = weight / weight.mean(axis=1, keepdims=True)
    if model == "linear":
        beta = _solve(_gram(inputs, weight), _project(inputs, weight * outcome))
    elif model == "logistic":
        beta = _newton(inputs, outcome, weight, iterations, tolerance)
    else:
        first = _leading(inputs, outcome * weight) if start is None else np.atleast_2d(start)
        beta = _marquardt(inputs, outcome, weight, np.broadcast_to(first, inputs.shape[::2]), iterations, tolerance)
    return beta[0] if single else beta


def fisher_information(model: Model, x: FloatArray, beta: FloatArray, *, noise: float = 1.0) -> FloatArray:
    """Information of one observation about β, averaged over inputs, shape (d, d).

    linear: E[xxᵀ]/σ²; logistic: E[p(1-p)xxᵀ]; phase: E[4(xᵀβ)²xxᵀ]/σ².

    Args:
        model: linear, logistic or phase.
        x: Draws of the input, shape (n, d).
        beta: True parameters, shape (d,).
        noise: Standard deviation σ of linear and phase outcomes.

    >>> fisher_information("linear", np.array([[2.0], [0.0]]), np.ones(1)).tolist()
    [[2.0]]
    """
    z = x @ beta
    if model == "linear":
        weight = np.full(len(x), noise**-2)
    elif model == "logistic":
        weight = sigmoid(z) * sigmoid(-z)
    else:
        weight = 4 * z**2 / noise**2
    return (x * weight[:, None]).T @ x / len(x)


def fisher_rate(source: FloatArray, target: FloatArray, n: int) -> float:
    """What maximum likelihood on n source rows costs on the target: tr(I_S⁻¹ I_T)/(2n) [nats].

    Args:
        source: Information under source inputs, shape (d, d).
        target: Information under target inputs, shape (d, d).
        n: Rows.

    Raises:
        Undefined: The source says nothing on some direction.

    Source: Ge et al. (2024), Maximum Likelihood Estimation is All You Need for Well-Specified Covariate Shift, theorem
    3.1; the half is that of the second-order expansion of the risk.

    >>> fisher_rate(np.eye(3), 2 * np.eye(3), 30)
    0.1
    """
    if np.linalg.cond(source) > 1e12:
        raise Undefined("the source information is singular: some direction of β never shows in source inputs.")
    return float(np.trace(np.linalg.solve(source, target)) / (2 * n))


def excess_risk(
    model: Model, x: FloatArray, mean: FloatArray, beta: FloatArray, *, noise: float = 1.0
) -> FloatArray:  # fmt: skip
    """Expected negative log-likelihood on target inputs above that of the truth, one value a β [nats].

    Args:
        model: linear, logistic or phase.
        x: Target inputs, shape (n, d).
        mean: True E[y | x], shape (n,); it need not be of the model's form.
        beta: Parameters, shape (sets, d).
        noise: Standard deviation of linear and phase outcomes.

    >>> excess_risk("linear", np.array([[1.0]]), np.array([2.0]), np.array([[1.0], [2.0]])).tolist()
    [0.5, 0.0]
    """
    z = x @ np.atleast_2d(beta).T
    if model == "logistic":
        p = np.clip(mean, 1e-300, 1 - 1e-16)
        entropy = -(p * np.log(p) + (1 - p) * np.log1p(-p))
        return (softplus(z) - mean[:, None] * z - entropy[:, None]).mean(axis=0)
    answer = z if model == "linear" else z**2
    return ((answer - mean[:, None]) ** 2).mean(axis=0) / (2 * noise**2)


def _check(model: str, x: FloatArray, y: FloatArray, weight: FloatArray) -> None:
    if model not in get_args(Model):
        raise BadInput(f"a model is one of {', '.join(get_args(Model))}; got {model!r}.")
    if x.ndim != 3 or y.shape != x.shape[:2] or weight.shape != y.shape:
        raise BadInput(f"one outcome and one weight a row, got x {x.shape}, y {y.shape} and weights {weight.shape}.")
    if weight.min() < 0 or not np.isfinite(weight).all():
        raise BadInput(f"weights are finite and not negative, got {weight.min():g} to {weight.max():g}.")
    if int((weight > 0).sum(axis=1).min()) < x.shape[2]:
        raise TooFewUnits(
            f"{x.shape[2]} parameters need as many rows with weight, got {(weight > 0).sum(axis=1).min()}."
        )
    if model == "logistic" and not np.isin(y, (0.0, 1.0)).all():
        raise BadInput(f"a logistic outcome is 0 or 1, got {y[~np.isin(y, (0.0, 1.0))][0]:g}.")


def _gram(x: FloatArray, w: FloatArray) -> FloatArray:
    return (x * w[..., None]).transpose(0, 2, 1) @ x


def _project(x: FloatArray, v: FloatArray) -> FloatArray:
    return (v[:, None] @ x)[:, 0]


def _solve(gram: FloatArray, right: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.solve(gram, right[..., None])[..., 0], np.float64)


def _newton(x: FloatArray, y: FloatArray, w: FloatArray, iterations: int, tolerance: float) -> FloatArray:
    beta = np.zeros(x.shape[::2])

    def loss(at: FloatArray) -> FloatArray:
        z = _times(x, at)
        return (w * (softplus(z) - y * z)).sum(axis=1)

    now = loss(beta)
    for _ in range(iterations):
        p = sigmoid(_times(x, beta))
        gram = _gram(x, w * p * (1 - p))
        if (np.linalg.cond(gram) > 1e14).any() or np.abs(beta).max() > 1e3:
            raise Undefined("logistic classes are separated by a plane: the likelihood has no maximum. Add rows.")
        step, scale = _solve(gram, _project(x, w * (y - p))), np.ones((len(x), 1))
        after = loss(beta + step)
        for _ in range(30):
            worse = after > now + 1e-12 * np.abs(now)
            if not worse.any():
                break
            scale[worse] /= 2
            after = loss(beta + scale * step)
        beta, now = beta + scale * step, after
        if np.abs(scale * step).max() < tolerance:
            break
    return beta


def _leading(x: FloatArray, v: FloatArray) -> FloatArray:
    """Spectral start: the leading eigenvector of Σ v x xᵀ, scaled so that (xᵀβ)² has the mean of v."""
    direction = np.linalg.eigh(_gram(x, v))[1][..., -1]
    square = (_times(x, direction) ** 2).mean(axis=1)
    return direction * np.sqrt(np.maximum(v.mean(axis=1), 1e-12) / square)[:, None]


def _marquardt(
    x: FloatArray, y: FloatArray, w: FloatArray, start: FloatArray, iterations: int, tolerance: float
) -> FloatArray:
    beta, damping = np.array(start), np.full(len(x), 1e-3)

    def loss(at: FloatArray) -> FloatArray:
        return (w * (y - _times(x, at) ** 2) ** 2).sum(axis=1)

    now = loss(beta)
    for _ in range(iterations):
        z = _times(x, beta)
        gram = _gram(x, w * 4 * z**2)
        diagonal = np.einsum("bii->bi", gram)
        ridged = gram + damping[:, None, None] * (diagonal[..., None] * np.eye(x.shape[2]))
        step = _solve(ridged, _project(x, w * 2 * z * (y - z**2)))
        after = loss(beta + step)
        better = after <= now
        beta[better] += step[better]
        now = np.where(better, after, now)
        damping = np.where(better, damping / 5, damping * 5).clip(1e-12, 1e8)
        if np.abs(step).max() < tolerance:
            break
    return beta


def _times(x: FloatArray, beta: FloatArray) -> FloatArray:
    return (x @ beta[..., None])[..., 0]
