"""Weights of training rows: ratios of target to training density, and balance over groups and domains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RowWeights:
    """Weights of rows with mean one.

    Attributes:
        values: Shape (n,), non-negative.
        method: How they were made, in words.
        clipped: Rows whose weight was cut.
    """

    values: FloatArray
    method: str
    clipped: int = 0

    @property
    def effective_rows(self) -> float:
        """Kish's (Σw)² / Σw²: as many equally weighted rows vary as little."""
        return effective_rows(self.values)


def effective_rows(weights: FloatArray) -> float:
    """Kish's effective number of rows, (Σw)² / Σw².

    >>> effective_rows(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    return float(weights.sum() ** 2 / np.square(weights).sum())


def normalised(weights: FloatArray, method: str, *, clip: float | None = None) -> RowWeights:
    """Weights divided by their mean, those above ``clip`` times the mean cut first.

    Args:
        weights: Shape (n,), non-negative.
        method: Goes into the result.
        clip: Largest weight in units of the mean; None leaves all.

    Raises:
        BadInput: A weight is negative or not a number; clip is not above one.
        Undefined: All are zero.
    """
    values = np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any():
        raise BadInput(f"{method}: weights are finite numbers of at least 0, one a row.")
    if clip is not None and not clip > 1:
        raise BadInput(f"clip is a multiple of the mean weight above 1, or None, got {clip}.")
    if not values.sum() > 0:
        raise Undefined(f"{method}: all {len(values)} weights are zero; training and target rows don't overlap.")
    values = values / values.mean()
    over = 0
    if clip is not None:
        over = int((values > clip).sum())
        values = np.minimum(values, clip)
    return RowWeights(values / values.mean(), method, over)


def classifier_ratio(
    source: FloatArray,
    target: FloatArray,
    rng: np.random.Generator,
    *,
    classifier: Any = None,
    folds: int = 5,
    clip: float | None = 20.0,
) -> RowWeights:
    """Density ratio at the source rows by a classifier that tells target from source, cross-fitted.

    With odds of the target o(x), the ratio is o(x) · n_source / n_target (Bayes). No row is weighed by a classifier that
    was fitted to it.

    Source: Bickel, Brückner & Scheffer (2009); Sugiyama, Suzuki & Kanamori (2012), chapter 4.

    Args:
        source: Training rows, shape (n, d).
        target: Rows of the target domain, shape (m, d); no labels are needed.
        rng: Draws the folds.
        classifier: Any with ``fit`` and ``predict_proba``, unfitted; by default logistic regression on standardised
            columns and their squares.
        folds: Of the cross-fitting.
        clip: Largest weight in units of the mean.

    Returns:
        Weights of the source rows, mean one.

    Raises:
        TooFewUnits: Fewer rows a side than folds.
        BadInput: The columns differ, or a value is missing.
    """
    source, target = _pair(source, target)
    if min(len(source), len(target)) < folds or folds < 2:
        raise TooFewUnits(
            f"a ratio by classifier needs at least {max(2, folds)} rows a side for {folds} folds, got "
            f"source={len(source)} and target={len(target)}."
        )
    from sklearn.base import clone

    model = _logistic() if classifier is None else classifier
    at, bt = rng.permutation(len(source)) % folds, rng.permutation(len(target)) % folds
    ratio = np.empty(len(source))
    for k in range(folds):
        a, b = source[at != k], target[bt != k]
        fresh: Any = clone(model)
        fitted: Any = fresh.fit(np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)]))
        chance = np.clip(fitted.predict_proba(source[at == k])[:, 1], 1e-9, 1 - 1e-9)
        ratio[at == k] = chance / (1 - chance) * len(a) / len(b)
    return normalised(ratio, f"classifier, {folds} folds", clip=clip)


@dataclass(frozen=True, eq=False)
class Ulsif:
    """A fitted least-squares ratio: Σ_l θ_l exp(−‖x − c_l‖² / 2 σ²) on standardised columns.

    Attributes:
        theta: Shape (kernels,), non-negative.
        centres: Standardised, shape (kernels, d).
        sigma: Width of the kernels.
        ridge: Of the fit.
        score: Leave-one-out value of ½ mean over source of r² − mean over target of r.
        mean: Of the target's columns.
        scale: Of the target's columns.
    """

    theta: FloatArray
    centres: FloatArray
    sigma: float
    ridge: float
    score: float
    mean: FloatArray
    scale: FloatArray

    def ratio(self, x: FloatArray) -> FloatArray:
        """Ratio of target to source density at rows (n, d), shape (n,)."""
        return (
            _kernel((np.asarray(x, dtype=np.float64) - self.mean) / self.scale, self.centres, self.sigma) @ self.theta
        )


def ulsif(
    source: FloatArray,
    target: FloatArray,
    rng: np.random.Generator,
    *,
    kernels: int = 100,
    sigmas: tuple[float, ...] = (0.3, 0.6, 1.0, 2.0, 4.0),
    ridges: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0),
) -> Ulsif:
    """Density ratio by unconstrained least squares, width and ridge chosen by leave-one-out in closed form.

    Source: Kanamori, Hido & Sugiyama (2009), uLSIF (coefficients below zero are cut, in each left-out fit too).

    Args:
        source: Rows in the denominator, shape (n, d).
        target: Rows in the numerator, shape (m, d); kernels stand on a draw of them.
        rng: Draws kernels, and rows where the sides differ in number (leave-one-out takes pairs).
        kernels: At most this many.
        sigmas: Widths to try, in units of sqrt(d) standard deviations of the target.
        ridges: Ridges to try.

    Raises:
        TooFewUnits: Fewer than 3 rows a side.
        BadInput: The columns differ, or a value is missing.
    """
    source, target = _pair(source, target)
    if min(len(source), len(target)) < 3:
        raise TooFewUnits(f"ulsif needs 3 rows a side, got source={len(source)} and target={len(target)}.")
    mean, scale = target.mean(0), target.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    a, b = (source - mean) / scale, (target - mean) / scale
    centres = b[rng.choice(len(b), min(kernels, len(b)), replace=False)]
    pairs = min(len(a), len(b))
    left, right = rng.permutation(len(a))[:pairs], rng.permutation(len(b))[:pairs]
    best: Ulsif | None = None
    for sigma in (s * float(np.sqrt(a.shape[1])) for s in sigmas):
        ka, kb = _kernel(a, centres, sigma), _kernel(b, centres, sigma)
        gram, moment = ka.T @ ka / len(a), kb.mean(0)
        for ridge in ridges:
            score = _leave_one_out(gram, moment, ka, kb, left, right, ridge)
            if best is None or score < best.score:
                theta = np.maximum(np.linalg.solve(gram + ridge * np.eye(len(gram)), moment), 0)
                best = Ulsif(theta, centres, sigma, ridge, score, mean, scale)
    if best is None:
        raise BadInput("ulsif needs at least one width and one ridge to try.")
    return best


def ulsif_ratio(
    source: FloatArray, target: FloatArray, rng: np.random.Generator, *, clip: float | None = 20.0
) -> RowWeights:
    """Weights of the source rows by ``ulsif``, mean one; arguments and errors as in ``classifier_ratio``."""
    fitted = ulsif(source, target, rng)
    return normalised(fitted.ratio(source), f"uLSIF, width {fitted.sigma:.2g}, ridge {fitted.ridge:g}", clip=clip)


def gaussian_ratio(
    x: FloatArray, source: tuple[FloatArray, FloatArray], target: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Exact ratio of two normal densities, the oracle of the estimates above.

    Args:
        x: Rows, shape (n, d).
        source: Mean (d,) and covariance (d, d) of the denominator.
        target: The same of the numerator.

    Returns:
        Shape (n,).

    >>> one = np.eye(1)
    >>> gaussian_ratio(np.array([[0.5]]), (np.zeros(1), one), (np.ones(1), one)).tolist()
    [1.0]
    """
    from scipy.stats import multivariate_normal

    rows = np.atleast_2d(np.asarray(x, dtype=np.float64))
    flat: Any = rows if rows.shape[1] > 1 else rows[:, 0]
    law: Any = multivariate_normal
    logs = [np.atleast_1d(law(mean, covariance).logpdf(flat)) for mean, covariance in (target, source)]
    return np.exp(logs[0] - logs[1])


def balanced_weights(*columns: Any) -> RowWeights:
    """Every group (combination of the columns' values that occurs) weighs the same.

    Args:
        *columns: Each of shape (n,): the label and the shortcut, say, or one column of group names.

    Raises:
        BadInput: No column, or of different lengths.

    >>> balanced_weights(["a", "a", "a", "b"]).values.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    group = _groups(columns)
    return normalised(1.0 / np.bincount(group)[group], "groups weigh the same")


def domain_balanced_weights(domains: Any, labels: Any = None) -> RowWeights:
    """Every domain weighs the same and, where labels are given, within each domain every class that it has.

    Args:
        domains: Shape (n,).
        labels: Classes, shape (n,), or None.

    >>> domain_balanced_weights(["a", "a", "a", "b"], [0, 0, 1, 1]).values.round(3).tolist()
    [0.5, 0.5, 1.0, 2.0]
    """
    domain = _groups((domains,))
    if labels is None:
        return balanced_weights(domains)
    cell = _groups((domains, labels))
    classes = np.bincount(domain[np.unique(cell, return_index=True)[1]])
    return normalised(1.0 / (classes[domain] * np.bincount(cell)[cell]), "domains and their classes weigh the same")


def _groups(columns: tuple[Any, ...]) -> NDArray[np.intp]:
    found = [np.unique(np.asarray(c).astype(str), return_inverse=True)[1] for c in columns]
    if not found or len({len(c) for c in found}) != 1 or len(found[0]) == 0:
        raise BadInput(f"groups need columns of one length, at least one row; got {[len(c) for c in found]}.")
    return np.unique(np.stack(found, 1), axis=0, return_inverse=True)[1].reshape(-1)


def _pair(source: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    a, b = (np.asarray(v, dtype=np.float64).reshape(len(v), -1) for v in (source, target))
    if a.shape[1] != b.shape[1]:
        raise BadInput(f"source has {a.shape[1]} columns and target {b.shape[1]}; they must be the same.")
    for name, side in (("source", a), ("target", b)):
        if not np.isfinite(side).all():
            raise BadInput(f"{name}, row {int(np.flatnonzero(~np.isfinite(side).all(1))[0]) + 1}: missing or infinite.")
    return a, b


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    return make_pipeline(StandardScaler(), FunctionTransformer(_with_squares), LogisticRegression(max_iter=1000))


def _with_squares(x: FloatArray) -> FloatArray:
    # The log ratio of two normal densities is quadratic: squares make it exact for axis-parallel ones.
    return np.concatenate([x, np.square(x)], axis=1)


def _kernel(x: FloatArray, centres: FloatArray, sigma: float) -> FloatArray:
    squares = np.square(x).sum(1)[:, None] + np.square(centres).sum(1) - 2 * x @ centres.T
    return np.exp(-np.maximum(squares, 0) / (2 * sigma**2))


def _leave_one_out(
    gram: FloatArray, moment: FloatArray, ka: FloatArray, kb: FloatArray, left: Any, right: Any, ridge: float
) -> float:
    """Mean over pairs i of ½ r₍ᵢ₎(a_i)² − r₍ᵢ₎(b_i), r₍ᵢ₎ fitted without a_i and b_i, by the Sherman-Morrison formula."""
    n, m = len(ka), len(kb)
    u, v = ka[left], kb[right]
    # Without a_i: gram is (n gram − u uᵀ)/(n − 1); the system times (n − 1)/n keeps the inverse of one matrix.
    base = np.linalg.inv(gram + ridge * (n - 1) / n * np.eye(len(gram)))
    rest = (m * moment - v) / (m - 1)
    bu, br = u @ base, rest @ base
    theta = br + bu * ((u * br).sum(1) / (n - (u * bu).sum(1)))[:, None]
    theta = np.maximum(theta * (n - 1) / n, 0)
    return float(np.mean(0.5 * np.square((u * theta).sum(1)) - (v * theta).sum(1)))
