"""Regression of scores on the levels of several factors, with cluster-robust errors and average marginal effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.means import t_quantile, two_sided_t
from unseen.estimates.intervals.one_hot import OneHot

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
# Of more than 100 clusters, those with more leverage than this have it corrected in full (CR2), the heaviest first; in the
# others it is a number.
LEVERAGE, HEAVIEST = 0.1, 100
# Rows of one cluster are never taken as wholly independent: a giant cluster would pass for many units.
LEAST_INTRACLASS = 0.02
# Linear predictors beyond this only occur where a level separates right from wrong.
SEPARATED = 12.0
COLLINEAR = "another factor determines this one: their effects can't be told apart."


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
        design: Design row of each cell.
        weight: Rows in each cell, shape (cells,).
        offsets: First column of each factor in beta, shape (factors,).
        sizes: Levels of each factor.
        clusters: Number of distinct clusters.
        firth: Whether separation was met, so that Firth's penalty was added.
        method: In words.
        units: Rows of each cluster in each cell, with the variance of a row under the model.
    """

    link: str
    beta: FloatArray
    covariance: FloatArray
    model_covariance: FloatArray
    null: FloatArray
    codes: IntArray
    design: OneHot
    weight: FloatArray
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    clusters: int
    firth: bool
    method: str
    units: Units

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
        return self.all_level_means([(factor, leave_out)])[0]

    def all_level_means(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[tuple[FloatArray, FloatArray]]:
        """``level_means`` of several factors in one pass over the design.

        Args:
            asked: The position of each factor and the levels whose rows are not averaged over.
        """
        ends = np.cumsum([0, *(self.sizes[factor] for factor, _ in asked)]).tolist()
        slopes = np.empty((ends[-1], len(self.weight)))
        values: list[FloatArray] = []
        eta = self.design.dot(self.beta)
        for (factor, leave_out), first, last in zip(asked, ends[:-1], ends[1:], strict=True):
            own, slope = self.codes[:, factor], slopes[first:last]
            use = self.weight * ~np.isin(own, list(leave_out)) if len(leave_out) else self.weight
            share = use / use.sum()
            shifts = np.concatenate([[0.0], self.beta[self.offsets[factor] :][: last - first - 1]])
            fixed = eta - shifts[own]
            if self.link == "logit":
                # σ'(x) = σ(x)(1 − σ(x)), in as few arrays as there are.
                value = np.multiply.outer(np.exp(-shifts), np.exp(-np.clip(fixed, -40, 40)))
                value += 1.0
                np.reciprocal(value, out=value)
                np.subtract(1.0, value, out=slope)
                slope *= value
                slope *= share
            else:
                value, slope[:] = fixed + shifts[:, None], share
            values.append(value @ share)
        gradients = np.ascontiguousarray(self.design.transposed_dot(slopes.T).T)
        total = slopes.sum(axis=1)
        for (factor, _), first, last in zip(asked, ends[:-1], ends[1:], strict=True):
            start, others = self.offsets[factor], np.arange(1, last - first)
            gradients[first:last, start : start + last - first - 1] = 0.0
            gradients[first + others, start + others - 1] = total[first + 1 : last]
        return [(v, gradients[a:b]) for v, a, b in zip(values, ends[:-1], ends[1:], strict=True)]

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
        self.check(gradient)
        variance = float(gradient @ self.covariance @ gradient)
        if self.firth:
            # Where a level separates, residuals vanish and with them the robust variance.
            variance = max(variance, float(gradient @ self.model_covariance @ gradient))
        if variance <= 1e-18:
            raise Undefined("the scores do not vary given the factors: no interval exists.")
        dof, se = max(1.0, min(self.clusters - 1.0, self.working(gradient)[1])), math.sqrt(variance)
        half = t_quantile((1 - level) / 2, dof) * se
        method = f"average marginal effect, {self.method}"
        return Estimate(value, value - half, value + half, self.clusters, method, level), two_sided_t(value / se, dof)

    def check(self, gradient: FloatArray) -> None:
        """Refuse a function of the coefficients that the data do not determine.

        Raises:
            Undefined: The factors are collinear along it.
        """
        if not self.determines(gradient[None])[0]:
            raise Undefined(COLLINEAR)

    def determines(self, gradients: FloatArray) -> NDArray[np.bool_]:
        """Which functions of the coefficients the data determine, from their derivatives of shape (k, p)."""
        if not self.null.shape[1]:
            return np.ones(len(gradients), dtype=bool)
        size = np.maximum(1e-3, np.abs(gradients).max(axis=1))
        return np.abs(gradients @ self.null).max(axis=1) <= 1e-6 * size

    def working(self, gradient: FloatArray) -> tuple[float, float]:
        """Variance of a function of the coefficients where rows of a cluster are equally correlated, and its dof.

        A row's influence is q = gradientᵀ B x; a cluster adds φ_g = (1 − ρ)Σ q²w + ρ(Σ q√w)² with w the variance of a
        row; the degrees of freedom are Satterthwaite's, (Σφ)²/Σφ² − 1.

        Args:
            gradient: Derivative by beta, shape (p,).
        """
        return self.spread(self.influence(gradient))

    def influence(self, gradient: FloatArray) -> FloatArray:
        """Influence q√w of a row of each cell on functions of the coefficients.

        Args:
            gradient: Derivatives by beta, shape (p,) or (k, p).

        Returns:
            Shape (cells,) or (k, cells); that of a difference is the difference.
        """
        q = self.design.dot(self.bread @ gradient.T).T
        return np.ascontiguousarray(q * np.sqrt(self.units.variance))

    def spread(self, q: FloatArray) -> tuple[float, float]:
        """The variance and degrees of freedom of ``working`` from the influence of rows, shape (cells,)."""
        u, square = self.units, q * q
        if u.single:
            total = float(self.weight @ square)
            return total, total**2 / max(float(self.weight @ (square * square)), 1e-300) - 1
        own = np.bincount(u.cluster, weights=u.rows * square[u.cell], minlength=self.clusters)
        joint = np.bincount(u.cluster, weights=u.rows * q[u.cell], minlength=self.clusters) ** 2
        total = float(np.sum((1 - u.intraclass) * own + u.intraclass * joint))
        firm = max(u.intraclass, LEAST_INTRACLASS)
        share = (1 - firm) * own + firm * joint
        return total, float(share.sum() ** 2 / max(float(share @ share), 1e-300)) - 1

    @property
    def bread(self) -> FloatArray:
        """Inverse information without the residual variance, shape (p, p)."""
        return self.model_covariance / self.units.scale


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Rows of each cluster in each cell of a fit: arrays of shape (pairs,), but for the variance.

    Attributes:
        cluster: Cluster of each pair.
        cell: Cell of each pair.
        rows: Rows of each pair.
        variance: Variance of a row under the model, shape (cells,).
        scale: Residual variance (1 for binary scores).
        intraclass: Correlation of two rows of a cluster given the factors, by moments; at least 0.
        single: Whether every row is a cluster of its own (the arrays of pairs are empty then).
    """

    cluster: IntArray
    cell: IntArray
    rows: FloatArray
    variance: FloatArray
    scale: float
    intraclass: float
    single: bool


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


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Factors and clusters along rows, made ready for a regression: the same for every model that answered the rows.

    Attributes:
        codes: For each factor the level of each row.
        sizes: Number of levels of each factor.
        cluster: Sampling unit of each row, shape (n,).
        unit: The same, numbered densely.
        clusters: Number of distinct clusters.
        cell: Which combination of levels each row has, shape (n,).
        table: Levels of each combination, shape (cells, factors).
        x: Design row of each combination.
        rows: Rows of each combination, shape (cells,).
        null: Orthonormal directions that the rows don't determine, shape (p, k).
    """

    codes: Sequence[IntArray]
    sizes: tuple[int, ...]
    cluster: IntArray
    unit: IntArray
    clusters: int
    cell: IntArray
    table: IntArray
    x: OneHot
    rows: FloatArray
    null: FloatArray

    @classmethod
    def of(cls, codes: Sequence[IntArray], sizes: Sequence[int], cluster: IntArray) -> Design:
        """From the levels of each factor, from 0, and the clusters, each of shape (n,)."""
        _, first, cell = np.unique(mixed_radix(codes, sizes), return_index=True, return_inverse=True)
        table = np.stack([np.asarray(c)[first] for c in codes], axis=1)
        x, rows = OneHot.of(table, sizes), np.bincount(cell).astype(np.float64)
        unit, clusters = dense(cluster)
        return cls(codes, tuple(sizes), cluster, unit, clusters, cell, table, x, rows, _null_space(x, rows))

    def same(self, codes: Sequence[IntArray], sizes: Sequence[int], cluster: IntArray) -> bool:
        """Whether these are the rows of this design."""
        return (
            self.sizes == tuple(sizes)
            and np.array_equal(cluster, self.cluster)
            and all(np.array_equal(a, b) for a, b in zip(codes, self.codes, strict=True))
        )


def regress(
    codes: Sequence[IntArray], sizes: Sequence[int], score: FloatArray, cluster: IntArray, *, shares: bool = False
) -> Fit:
    """Regress scores on the levels of factors: ``regress_on`` a design of these rows.

    Args:
        codes: For each factor the level of each row, shape (n,), from 0.
        sizes: Number of levels of each factor.
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        shares: Whether scores are shares of the best one, so that what is fitted stays within 0 and 1.

    >>> fit = regress([np.array([0, 0, 0, 0, 1, 1, 1, 1])], [2], np.array([1.0, 1, 1, 0, 1, 0, 0, 0]), np.arange(8))
    >>> means, _ = fit.level_means(0)
    >>> means.round(6).tolist()
    [0.75, 0.25]
    """
    return regress_on(Design.of(codes, sizes, cluster), score, shares=shares)


def regress_on(design: Design, score: FloatArray, *, shares: bool = False) -> Fit:
    """Regress scores on the levels of factors: ``regress_all`` of one model.

    Args:
        design: Factors and clusters of the rows.
        score: Shape (n,).
        shares: Whether scores are shares of the best one, within 0 and 1.

    Raises:
        TooFewUnits: Fewer clusters than coefficients that the data determine, plus two.
        Undefined: All scores are equal.
    """
    fit = regress_all(design, [score], shares=shares)[0]
    if isinstance(fit, Exception):
        raise fit
    return fit


def regress_all(
    design: Design, scores: Sequence[FloatArray], *, shares: bool = False
) -> list[Fit | TooFewUnits | Undefined]:
    """Regress the scores of each of several models on the levels of factors, on cells of identical rows.

    Binary scores, and shares: logistic (quasi-)likelihood by Newton's method; where a level separates right from wrong
    (a linear predictor beyond ±12), Firth's penalty ½·log|I| makes the estimate finite. Other scores: least squares. The
    covariance is B·Σ_g u_g u_gᵀ·B with u_g the score of cluster g: CR2, (I − H_gg)^(−1/2) being applied in the space of the
    coefficients for up to 100 clusters, of more where the leverage tr H_gg is above 0.1; in the others it is
    (1 − tr H_gg)^(−1/2), nearly the same. Directions that the data don't determine are kept as ``null``.

    Args:
        design: Factors and clusters of the rows.
        scores: Of each model, shape (n,).
        shares: Whether scores are shares of the best one, within 0 and 1.

    Returns:
        The fit of each model; what ``regress_on`` would raise stands in its place.

    Source: Firth (1993); Heinze & Schemper (2002); Bell & McCaffrey (2002); Pustejovsky & Tipton (2018); Papke &
    Wooldridge (1996), Econometric methods for fractional response variables (shares).
    """
    x, n, cell, null, clusters = design.x, design.rows, design.cell, design.null, design.clusters
    rank = x.width - null.shape[1]
    refused = [_refused(score, clusters, rank) for score in scores]
    some = [score for score, no in zip(scores, refused, strict=True) if no is None]
    if not some:
        return [no for no in refused if no is not None]
    binary = np.array([bool(np.all((score == 0) | (score == 1))) for score in some])
    y = np.stack([np.bincount(cell, weights=score, minlength=len(n)) for score in some], axis=1).astype(np.float64)
    beta, mu, working = np.zeros((x.width, len(some))), np.zeros(y.shape), np.tile(n[:, None], (1, len(some)))
    firth = np.zeros(len(some), dtype=bool)
    curved = np.flatnonzero(binary | shares)
    if len(curved):
        fitted = _newton(x, n, y[:, curved], firth=False, singular=null.shape[1] > 0)
        apart = np.abs(x.dot(fitted)).max(axis=0) > SEPARATED
        if apart.any():
            fitted[:, apart] = _newton(x, n, y[:, curved[apart]], firth=True, singular=True)
        beta[:, curved], firth[curved] = fitted, apart
        mu[:, curved] = _expit(x.dot(fitted))
        working[:, curved] = n[:, None] * np.clip(mu[:, curved] * (1 - mu[:, curved]), 1e-10, None)
    straight = np.flatnonzero(~(binary | shares))
    if len(straight):
        beta[:, straight] = _pinv(x.gram(n)) @ x.transposed_dot(y[:, straight])
        mu[:, straight] = x.dot(beta[:, straight])
    residuals = [score - mu[cell, k] for k, score in enumerate(some)]
    scale = np.ones(len(some))
    for k, residual in enumerate(residuals):
        if not binary[k]:
            squares = float(np.sum(residual**2))
            scale[k] = min(1.0, squares / working[:, k].sum()) if shares else squares / max(len(residual) - rank, 1)
    bread = _pinv(x.gram(working))
    meat, kind, units = _meat(design, residuals, working / n[:, None], bread, scale)
    covariance, starts = bread @ meat @ bread, tuple(np.cumsum([1, *(s - 1 for s in design.sizes)])[:-1].tolist())
    fits: list[Fit] = []
    for k in range(len(some)):
        of = "logistic" if binary[k] else "fractional logistic" if shares else "linear"
        fits.append(Fit(
            "logit" if binary[k] or shares else "identity", beta[:, k].copy(), covariance[k], bread[k] * scale[k], null,
            design.table, x, n, starts, design.sizes, clusters, bool(firth[k]),
            f"{of} regression on factors{', Firth' if firth[k] else ''}, {kind}", units[k],
        ))  # fmt: skip
    rest = iter(fits)
    return [next(rest) if no is None else no for no in refused]


def _refused(score: FloatArray, clusters: int, rank: int) -> TooFewUnits | Undefined | None:
    if score.min() == score.max():
        return Undefined(f"all {len(score)} scores are {score[0]:g}: there is nothing to explain.")
    if clusters < rank + 2:
        return TooFewUnits(f"{rank} coefficients need {rank + 2} independent units, got {clusters}.")
    return None


def _expit(eta: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-np.clip(eta, -40, 40)))


def _pinv(a: FloatArray) -> FloatArray:
    return np.linalg.pinv(a, rcond=1e-11, hermitian=True).astype(np.float64, copy=False)


def _null_space(x: OneHot, n: FloatArray) -> FloatArray:
    # Columns are brought to equal length, so that a rare level is not taken for a combination of others.
    gram = x.gram(n)
    length = np.sqrt(gram.diagonal())
    length[length == 0] = 1.0
    values, vectors = np.linalg.eigh(gram / np.outer(length, length))
    null = vectors[:, values < 1e-9 * max(1.0, values.max())] / length[:, None]
    return np.linalg.qr(null)[0] if null.shape[1] else null


def _newton(x: OneHot, n: FloatArray, y: FloatArray, *, firth: bool, singular: bool) -> FloatArray:
    """Coefficients of several logistic regressions on the same cells, shape (p, models)."""
    beta, models = np.zeros((x.width, y.shape[1])), np.arange(y.shape[1])
    share = (y.sum(axis=0) + 0.5) / (n.sum() + 1)
    beta[0] = np.log(share / (1 - share))
    rows, right, eta = n[:, None], y, x.dot(beta)
    for _ in range(60 if firth else 25):
        mu = _expit(eta)
        w = rows * mu * (1 - mu)
        gram, residual = x.gram(w), right - rows * mu
        if firth or singular:
            inverse = _pinv(gram)
            if firth:
                residual = residual + w * x.quadratic(inverse) * (0.5 - mu)
            step = (inverse @ x.transposed_dot(residual).T[..., None])[..., 0].T
        else:
            step = np.linalg.solve(gram, x.transposed_dot(residual).T[..., None])[..., 0].T
        largest = np.abs(step).max(axis=0)
        beta[:, models] += step * np.minimum(1.0, 3.0 / np.maximum(largest, 1e-12))
        eta = x.dot(beta[:, models])
        going = largest >= 1e-8
        if not firth:
            going &= np.abs(eta).max(axis=0) <= 2 * SEPARATED
        if not going.any():
            break
        if not going.all():
            models, right, eta = models[going], right[:, going], eta[:, going]
    return beta


def _meat(
    design: Design, residuals: Sequence[FloatArray], working: FloatArray, bread: FloatArray, scale: FloatArray
) -> tuple[FloatArray, str, list[Units]]:
    """Sums of squared scores of each model, shape (models, p, p), their kind, and what the variances rest on."""
    x, cell, clusters = design.x, design.cell, design.clusters
    leverage = np.clip(working * x.quadratic(bread), 0.0, 1.0)
    if clusters == len(cell):
        none = np.empty(0, dtype=np.int64)
        squares = np.stack([np.bincount(cell, weights=r * r, minlength=len(x.columns)) for r in residuals], axis=1)
        units = [
            Units(none, none, np.empty(0), np.ascontiguousarray(working[:, k]) * scale[k], float(scale[k]), 0.0, single=True)
            for k in range(len(residuals))
        ]  # fmt: skip
        return x.gram(squares * _inflation(leverage) ** 2), "robust (HC2)", units
    pair, inverse = np.unique(design.unit.astype(np.int64) * len(working) + cell, return_inverse=True)
    pairs = (pair // len(working), pair % len(working), inverse)
    found = [
        _clustered_meat(
            design, pairs, r, np.ascontiguousarray(working[:, k]), leverage[:, k], bread[k], float(scale[k])
        )
        for k, r in enumerate(residuals)
    ]
    return np.stack([meat for meat, _ in found]), "cluster-robust (CR2)", [units for _, units in found]


def _clustered_meat(
    design: Design, pairs: tuple[IntArray, IntArray, IntArray], residual: FloatArray, working: FloatArray,
    leverage: FloatArray, bread: FloatArray, scale: float,
) -> tuple[FloatArray, Units]:  # fmt: skip
    x, clusters = design.x, design.clusters
    of_cluster, of_cell, inverse = pairs
    sums = np.bincount(inverse, weights=residual).astype(np.float64)
    rows = np.bincount(inverse).astype(np.float64)
    scores = x.grouped(of_cluster, of_cell, sums, clusters)
    trace = np.bincount(of_cluster, weights=rows * leverage[of_cell], minlength=clusters)
    heavy = np.flatnonzero(trace > (LEVERAGE if clusters > HEAVIEST else 0.0))
    heavy = heavy[np.argsort(-trace[heavy], kind="stable")[:HEAVIEST]]
    light = np.ones(clusters, dtype=bool)
    light[heavy] = False
    scores[light] *= _inflation(np.minimum(trace[light], 0.75))[:, None]
    counts = rows * working[of_cell]
    values, vectors = np.linalg.eigh(bread)
    keep = values > values.max() * 1e-11
    half, back = vectors[:, keep] * np.sqrt(values[keep]), vectors[:, keep] / np.sqrt(values[keep])
    starts = np.searchsorted(of_cluster, np.arange(clusters + 1))
    for g in heavy.tolist():
        mine = slice(int(starts[g]), int(starts[g + 1]))
        z = x.dense(of_cell[mine]) @ half
        lam, u = np.linalg.eigh((z * counts[mine][:, None]).T @ z)
        scores[g] = back @ (u @ (_inflation(lam) * (u.T @ (half.T @ scores[g]))))
    within = _intraclass(of_cluster, sums, rows, residual)
    return scores.T @ scores, Units(of_cluster, of_cell, rows, working * scale, scale, within, single=False)


def _inflation(leverage: FloatArray) -> FloatArray:
    # A direction that one cluster alone determines has no residual left to inflate.
    return np.where(leverage < 1 - 1e-8, 1 / np.sqrt(np.clip(1 - leverage, 1e-8, None)), 0.0)


def _intraclass(cluster: IntArray, sums: FloatArray, rows: FloatArray, residual: FloatArray) -> float:
    squares, n = float(residual @ residual), len(residual)
    total, size = np.bincount(cluster, weights=sums), np.bincount(cluster, weights=rows)
    pairs = float(size @ size) - n
    return 0.0 if pairs <= 0 else min(1.0, max(0.0, (float(total @ total) - squares) / pairs / (squares / n)))
