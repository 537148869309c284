"""Regression of scores on the levels of several factors, with cluster-robust errors and average marginal effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.codes import dense
from unseen.estimates.estimate import Estimate
from unseen.estimates.means import t_quantile, two_sided_t

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
# Up to here each cluster's own leverage is corrected for (CR2); above, it no longer matters.
CR2_CLUSTERS = 100
# Linear predictors beyond this only occur where a level separates right from wrong.
SEPARATED = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted regression on the levels of factors (first level of each factor as base).

    Attributes:
        link: "logit" for binary scores, "identity" for others.
        beta: Coefficients, shape (p,): intercept, then levels 1 … of each factor in turn.
        covariance: Cluster-robust, shape (p, p).
        model_covariance: Inverse information (times the residual variance for the identity), shape (p, p).
        null: Orthonormal directions that the data don't determine, shape (p, k).
        codes: Level of each factor in each cell, shape (cells, factors).
        design: Design row of each cell, shape (cells, p).
        weight: Rows in each cell, shape (cells,).
        offsets: First column of each factor in beta, shape (factors,).
        sizes: Levels of each factor.
        clusters: Number of distinct clusters.
        firth: Whether separation was met, so that Firth's penalty was added.
        method: In words.
    """

    link: str
    beta: FloatArray
    covariance: FloatArray
    model_covariance: FloatArray
    null: FloatArray
    codes: IntArray
    design: FloatArray
    weight: FloatArray
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    clusters: int
    firth: bool
    method: str

    @property
    def collinear(self) -> tuple[int, ...]:
        """Factors with a level that the other factors determine."""
        if not self.null.shape[1]:
            return ()
        loads = np.abs(self.null).max(axis=1) > 1e-6
        return tuple(
            f for f, (start, size) in enumerate(zip(self.offsets, self.sizes, strict=True))
            if loads[start : start + size - 1].any()
        )  # fmt: skip

    def level_means(self, factor: int, leave_out: Sequence[int] = ()) -> tuple[FloatArray, FloatArray]:
        """Mean predicted score with one factor set to each of its levels and the others as they are.

        Args:
            factor: Its position.
            leave_out: Levels whose rows are not averaged over (rows where the factor is missing).

        Returns:
            Means, shape (levels,), and their derivatives by beta, shape (levels, p).
        """
        x = self.design
        use = self.weight * ~np.isin(self.codes[:, factor], list(leave_out))
        start, size = self.offsets[factor], self.sizes[factor]
        others = x.copy()
        others[:, start : start + size - 1] = 0.0
        eta = others @ self.beta
        shifts = np.concatenate([[0.0], self.beta[start : start + size - 1]])
        total = use.sum()
        if self.link == "logit":
            mu = _expit(eta[:, None] + shifts)
            slope = mu * (1 - mu) * (use / total)[:, None]
        else:
            mu = eta[:, None] + shifts
            slope = np.broadcast_to((use / total)[:, None], mu.shape)
        gradient = slope.T @ others
        for level in range(1, size):
            gradient[level, start + level - 1] = slope[:, level].sum()
        return (use / total) @ mu, gradient

    def effect(self, value: float, gradient: FloatArray, level: float = 0.95) -> tuple[Estimate, float]:
        """A function of the coefficients with its delta-method interval and two-sided p-value.

        Args:
            value: Its value.
            gradient: Its derivative by beta, shape (p,).
            level: Nominal coverage.

        Returns:
            The estimate and the p-value of it being zero.

        Raises:
            Undefined: The factors are collinear, so that the data do not determine it.
        """
        if self.null.shape[1] and np.abs(gradient @ self.null).max() > 1e-6 * max(1e-3, np.abs(gradient).max()):
            raise Undefined("another factor determines this one: their effects can't be told apart.")
        variance = float(gradient @ self.covariance @ gradient)
        if self.firth:
            # Where a level separates, residuals vanish and with them the robust variance.
            variance = max(variance, float(gradient @ self.model_covariance @ gradient))
        if variance <= 1e-18:
            raise Undefined("the scores do not vary given the factors: no interval exists.")
        dof, se = max(self.clusters - 1, 1), math.sqrt(variance)
        half = t_quantile((1 - level) / 2, dof) * se
        method = f"average marginal effect, {self.method}"
        return Estimate(value, value - half, value + half, self.clusters, method, level), two_sided_t(value / se, dof)


def one_hot(codes: IntArray, sizes: Sequence[int], offsets: Sequence[int]) -> FloatArray:
    """Design matrix of shape (rows, p) with an intercept and the levels 1 … of each factor."""
    p = 1 + sum(s - 1 for s in sizes)
    x = np.zeros((len(codes), p))
    x[:, 0] = 1.0
    rows = np.arange(len(codes))
    for f, offset in enumerate(offsets):
        present = codes[:, f] > 0
        x[rows[present], offset + codes[present, f] - 1] = 1.0
    return x


def mixed_radix(columns: Sequence[IntArray], sizes: Sequence[int]) -> NDArray[np.int64]:
    """One integer for each combination of levels, shape (rows,), renumbered where it would overflow.

    >>> mixed_radix([np.array([0, 1]), np.array([2, 0])], [2, 3]).tolist()
    [2, 3]
    """
    key = np.zeros(len(columns[0]) if columns else 0, dtype=np.int64)
    span = 1
    for column, size in zip(columns, sizes, strict=True):
        if span > 2**62 // max(size, 1):
            _, key = np.unique(key, return_inverse=True)
            span = int(key.max()) + 1
        key = key * size + column
        span *= size
    return key


def regress(codes: Sequence[IntArray], sizes: Sequence[int], score: FloatArray, cluster: IntArray) -> Fit:
    """Regress scores on the levels of factors, on cells of identical rows.

    Binary scores: logistic regression by Newton's method; where a level separates right from wrong (a linear predictor
    beyond ±12), Firth's penalty ½·log|I| makes the estimate finite. Other scores: least squares. The covariance is
    B·Σ_g u_g u_gᵀ·B with u_g the score of cluster g: CR2 with up to 100 clusters, (I − H_gg)^(−1/2) being applied
    in the space of the coefficients, else CR1. Directions that the data don't determine are kept as ``null``.

    Args:
        codes: For each factor the level of each row, shape (n,), from 0.
        sizes: Number of levels of each factor.
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).

    Returns:
        The fit.

    Raises:
        TooFewUnits: Fewer clusters than coefficients that the data determine, plus two.
        Undefined: All scores are equal.

    Source: Firth (1993); Heinze & Schemper (2002); Bell & McCaffrey (2002); Pustejovsky & Tipton (2018).

    >>> fit = regress([np.array([0, 0, 0, 0, 1, 1, 1, 1])], [2], np.array([1.0, 1, 1, 0, 1, 0, 0, 0]), np.arange(8))
    >>> means, _ = fit.level_means(0)
    >>> means.round(6).tolist()
    [0.75, 0.25]
    """
    if score.min() == score.max():
        raise Undefined(f"all {len(score)} scores are {score[0]:g}: there is nothing to explain.")
    binary = bool(np.all((score == 0) | (score == 1)))
    _, first, cell = np.unique(mixed_radix(codes, sizes), return_index=True, return_inverse=True)
    table = np.stack([np.asarray(c)[first] for c in codes], axis=1)
    offsets = tuple(np.cumsum([1, *(s - 1 for s in sizes)])[:-1].tolist())
    x = one_hot(table, sizes, offsets)
    n = np.bincount(cell).astype(np.float64)
    y = np.bincount(cell, weights=score).astype(np.float64)
    null = _null_space(x, n)
    unit, _ = dense(cluster)
    clusters = int(unit.max()) + 1
    rank = x.shape[1] - null.shape[1]
    if clusters < rank + 2:
        raise TooFewUnits(f"{rank} coefficients need {rank + 2} independent units, got {clusters}.")
    if binary:
        beta, firth = _newton(x, n, y, firth=False)
        if np.abs(x @ beta).max() > SEPARATED:
            beta, firth = _newton(x, n, y, firth=True)
        mu = _expit(x @ beta)
        working, scale = n * np.clip(mu * (1 - mu), 1e-10, None), 1.0
    else:
        beta, firth, working = _pinv((x * n[:, None]).T @ x) @ (x.T @ y), False, n
        mu = x @ beta
        scale = float(np.sum((score - mu[cell]) ** 2) / max(len(score) - rank, 1))
    bread = _pinv((x * working[:, None]).T @ x)
    meat, kind = _meat(x, cell, unit, score - mu[cell], working / n, bread, clusters, rank)
    method = f"{'logistic' if binary else 'linear'} regression on factors{', Firth' if firth else ''}, {kind}"
    return Fit(
        "logit" if binary else "identity", beta, bread @ meat @ bread, bread * scale, null, table, x, n, offsets,
        tuple(sizes), clusters, firth, method,
    )  # fmt: skip


def _expit(eta: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-np.clip(eta, -40, 40)))


def _pinv(a: FloatArray) -> FloatArray:
    return np.linalg.pinv(a, rcond=1e-11, hermitian=True).astype(np.float64, copy=False)


def _null_space(x: FloatArray, n: FloatArray) -> FloatArray:
    # Columns are brought to equal length, so that a rare level is not taken for a combination of others.
    gram = (x * n[:, None]).T @ x
    length = np.sqrt(gram.diagonal())
    length[length == 0] = 1.0
    values, vectors = np.linalg.eigh(gram / np.outer(length, length))
    null = vectors[:, values < 1e-9 * max(1.0, values.max())] / length[:, None]
    return np.linalg.qr(null)[0] if null.shape[1] else null


def _newton(x: FloatArray, n: FloatArray, y: FloatArray, *, firth: bool) -> tuple[FloatArray, bool]:
    beta = np.zeros(x.shape[1])
    share = (y.sum() + 0.5) / (n.sum() + 1)
    beta[0] = math.log(share / (1 - share))
    for _ in range(60 if firth else 25):
        mu = _expit(x @ beta)
        w = n * mu * (1 - mu)
        inverse = _pinv((x * w[:, None]).T @ x)
        residual = y - n * mu
        if firth:
            leverage = w * np.einsum("ij,ij->i", x @ inverse, x)
            residual = residual + leverage * (0.5 - mu)
        step = inverse @ (x.T @ residual)
        largest = float(np.abs(step).max())
        beta = beta + step * min(1.0, 3.0 / max(largest, 1e-12))
        if largest < 1e-8 or (not firth and float(np.abs(x @ beta).max()) > 2 * SEPARATED):
            break
    return beta, firth


def _meat(
    x: FloatArray, cell: IntArray, cluster: IntArray, residual: FloatArray, working: FloatArray, bread: FloatArray,
    clusters: int, rank: int,
) -> tuple[FloatArray, str]:  # fmt: skip
    rows, p = len(cell), x.shape[1]
    correction = clusters / (clusters - 1) * (rows - 1) / max(rows - rank, 1)
    if clusters == rows:
        squares = np.bincount(cell, weights=residual * residual, minlength=len(x))
        return (x * squares[:, None]).T @ x * correction, "robust (HC1)"
    pair, inverse = np.unique(cluster.astype(np.int64) * len(x) + cell, return_inverse=True)
    of_cluster, of_cell = pair // len(x), pair % len(x)
    sums = np.bincount(inverse, weights=residual)
    scores = np.zeros((clusters, p))
    for j in range(p):
        scores[:, j] = np.bincount(of_cluster, weights=sums * x[of_cell, j], minlength=clusters)
    if clusters > CR2_CLUSTERS:
        return scores.T @ scores * correction, "cluster-robust (CR1)"
    counts = np.bincount(inverse).astype(np.float64) * working[of_cell]
    values, vectors = np.linalg.eigh(bread)
    keep = values > values.max() * 1e-11
    half, back = vectors[:, keep] * np.sqrt(values[keep]), vectors[:, keep] / np.sqrt(values[keep])
    for g in range(clusters):
        mine = of_cluster == g
        z = x[of_cell[mine]] @ half
        lam, u = np.linalg.eigh((z * counts[mine][:, None]).T @ z)
        # A direction that one cluster alone determines has no residual left to inflate.
        inflate = np.where(lam < 1 - 1e-8, 1 / np.sqrt(np.clip(1 - lam, 1e-8, None)), 0.0)
        scores[g] = back @ (u @ (inflate * (u.T @ (half.T @ scores[g]))))
    return scores.T @ scores, "cluster-robust (CR2)"
