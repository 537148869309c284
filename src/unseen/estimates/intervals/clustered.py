"""CR2 variance and Satterthwaite's degrees of freedom of a linear contrast, with whole clusters as the units.

Bell & McCaffrey's correction needs a working model of how rows vary. Independent rows, the usual choice, make a
cluster's leverage its share of the rows; where rows of a cluster do share an effect, its own effect pulls the mean
towards itself, and a large cluster hides its own deviation. Here the working model is that a cell (the rows of a
cluster that agree in the design) has one effect and that a cluster has another that its cells share; both variances are
estimated from the rows where clusters are few or uneven enough for them to matter. V = Σ_g k_g·r_g², r_g the cluster's
share of the contrast in residuals, k_g the ratio of the variances that the model gives to it before and after fitting:
V is unbiased under that model. The degrees of freedom come from the same model: few or uneven clusters make them
small, and below ``MIN_DOF`` no interval is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.intervals.codes import dense, distinct

FloatArray = NDArray[np.float64]
# Below two, t has no variance: one or two clusters are all that the interval rests on. Between two and four the
# approximation errs to the wide side (simulated: at most .03 of p-values are below .05).
MIN_DOF = 2.0
# From here on the degrees of freedom change an interval by less than 5 %.
MANY = 30.0
# Fewer spare values than this tell nothing about how much clusters differ.
SPARE = 4
# A cluster keeps this share of its working variance after fitting, or it tells nothing about its own deviation.
IDENTIFIED = 1e-6


@dataclass(frozen=True, slots=True)
class Robust:
    """A contrast with its variance.

    Attributes:
        value: The contrast of the coefficients.
        variance: CR2, in squared units of the value.
        dof: Satterthwaite's degrees of freedom under the working model.
        units: Clusters with a row.
        factor: CR2's factor of each cluster's squared residual, in the order of the clusters' integers.
    """

    value: float
    variance: float
    dof: float
    units: int
    factor: FloatArray = field(repr=False)


def effective_clusters(cluster: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Number of equal clusters that would determine a mean as well as these do: (Σ n_g)² / Σ n_g².

    Twenty-two clusters of which one holds 60 % of the rows count for fewer than three. Rows of a cluster are taken to
    move together, so that this is the smallest number that the sizes allow for.

    Args:
        cluster: Integer of the sampling unit of each row, shape (n,).
        weight: Weight of each row, shape (n,).

    Returns:
        A number from 1 to the number of clusters; 0 without rows.

    Source: Kish (1965), section 5.6; Carter, Schnepel & Steigerwald (2017), Asymptotic behavior of a t-test robust to
    cluster heterogeneity, equation 7 at full correlation.

    >>> effective_clusters([0, 0, 1, 1, 2, 2]), round(effective_clusters([0] * 6 + [1, 2, 3, 4]), 2)
    (3.0, 2.5)
    """
    where, _ = dense(np.asarray(cluster).reshape(-1))
    if not len(where):
        return 0.0
    size = np.bincount(where, weights=None if weight is None else np.asarray(weight, np.float64))
    return float(size.sum() ** 2 / (size @ size))


def require_dof(dof: float, units: int, what: str, *, least: float = MIN_DOF) -> None:
    """Refuse an interval that would rest on too few effective clusters.

    Args:
        dof: Satterthwaite's degrees of freedom; one less than the number of clusters where all are alike.
        units: Clusters.
        what: Name of the quantity in the message.
        least: Fewest degrees of freedom.

    Raises:
        TooFewUnits: There are fewer; the message says how many clusters count, and what would help.

    >>> require_dof(1.3, 22, "the gap")
    Traceback (most recent call last):
    ...
    unseen.errors.TooFewUnits: the gap rests on 22 clusters so uneven that they count for 2.3 ...
    """
    if dof < least * (1 - 1e-9):
        raise TooFewUnits(
            f"{what} rests on {units} clusters so uneven that they count for {dof + 1:.1f} of one size; an interval "
            f"needs {least + 1:.0f}. Add clusters, take fewer rows of the largest ones, or set the cluster column to "
            "what is really sampled together."
        )


def cell_contrast(
    cell: NDArray[np.integer], score: FloatArray, cluster: NDArray[np.integer], weight: FloatArray
) -> Robust:
    """A weighted sum of the means of cells, robust to clusters.

    Args:
        cell: Cell of each row, shape (n,); rows of negative cells and of cells without weight are left out.
        score: Shape (n,).
        cluster: Integer of the sampling unit of each row, shape (n,).
        weight: Weight of each cell's mean, shape (cells,).

    Returns:
        As :func:`robust_contrast`; ``factor`` is in the order of the clusters that have a row in a weighted cell.

    Raises:
        TooFewUnits: Fewer than 2 clusters, or most of them stand alone in their cells.
        Undefined: A weighted cell has no row.

    >>> fit = cell_contrast(np.array([0, 0, 1, 1]), np.array([1.0, 3, 0, 0]), np.arange(4), np.array([1.0, -1]))
    >>> fit.value, fit.variance, fit.dof
    (2.0, 1.0, 2.0)
    """
    # Rows by number: gathering them so is several times faster than by a mask.
    keep = np.flatnonzero((cell >= 0) & (weight != 0)[cell])
    used, column = np.flatnonzero(weight), np.cumsum(weight != 0) - 1
    where, score, (unit, units) = column[cell[keep]], score[keep], dense(cluster[keep])
    size, contrast = len(used), weight[used]
    counts = np.bincount(where, minlength=size).astype(np.float64)
    if (counts == 0).any():
        raise Undefined(f"{int((counts == 0).sum())} of {size} cells compared have no row.")
    if units == len(score):
        # Every row is a cluster: the same formula in closed form.
        mean = np.bincount(where, weights=score) / counts
        factor = np.empty(units)
        factor[unit] = (counts / np.maximum(counts - 1, 1))[where]
        each = np.bincount(where, weights=(score - mean[where]) ** 2).astype(np.float64)
        return _independent(contrast, counts, mean, each, factor)
    pairs, at = np.unique(unit * size + where, return_inverse=True)
    rows = np.bincount(at).astype(np.float64)
    mean, group, column = np.bincount(at, weights=score) / rows, pairs // size, pairs % size
    x = np.zeros((len(pairs), size))
    x[np.arange(len(pairs)), column] = 1.0
    spare = max(0.0, float(score @ score) - float(rows @ (mean * mean)))
    return robust_contrast(x, mean, rows, group, contrast, size=rows, within=spare)


def cell_contrasts(
    cell: NDArray[np.integer], score: FloatArray, cluster: NDArray[np.integer], weights: FloatArray
) -> list[Robust]:
    """Several weighted sums of the means of the same cells, as :func:`cell_contrast` gives them.

    Where every row is a cluster of its own they share one pass over the rows, and ``factor`` is left empty.

    Args:
        cell: Cell of each row, shape (n,), from 0.
        score: Shape (n,).
        cluster: Integer of the sampling unit of each row, shape (n,).
        weights: Weight of each cell's mean, shape (contrasts, cells).

    >>> rows = np.array([0, 0, 1, 1]), np.array([1.0, 3, 0, 0]), np.arange(4)
    >>> [fit.value for fit in cell_contrasts(*rows, np.array([[1.0, -1], [-1, 1]]))]
    [2.0, -2.0]
    """
    if distinct(cluster) < len(score):
        return [cell_contrast(cell, score, cluster, weight) for weight in weights]
    size = weights.shape[1]
    counts = np.bincount(cell, minlength=size).astype(np.float64)
    mean = np.bincount(cell, weights=score, minlength=size) / np.maximum(counts, 1)
    each = np.bincount(cell, weights=(score - mean[cell]) ** 2, minlength=size).astype(np.float64)
    used = weights != 0
    empty = np.count_nonzero(used & (counts == 0), axis=1)
    if empty.any():
        first = int(np.flatnonzero(empty)[0])
        raise Undefined(f"{int(empty[first])} of {int(used[first].sum())} cells compared have no row.")
    share, spare = weights * weights / np.maximum(counts, 1), np.maximum(counts - 1, 1)
    variance, dof = (share * (each / spare)).sum(axis=1), share.sum(axis=1) ** 2 / (share * share / spare).sum(axis=1)
    numbers = ((weights @ mean).tolist(), variance.tolist(), dof.tolist(), (used @ counts).tolist())
    return [Robust(value, v, d, int(n), np.empty(0)) for value, v, d, n in zip(*numbers, strict=True)]


def _independent(
    contrast: FloatArray, counts: FloatArray, mean: FloatArray, squares: FloatArray, factor: FloatArray
) -> Robust:
    """A contrast of the means of cells whose rows are all independent, from their sums of squared residuals."""
    share, spare = contrast * contrast / counts, np.maximum(counts - 1, 1)
    return Robust(
        float(contrast @ mean), float(np.sum(share * squares / spare)),
        float(share.sum() ** 2 / np.sum(share**2 / spare)), int(counts.sum()), factor,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Cells:
    """What is fitted: arrays over cells (or rows), and over clusters where a name says so."""

    x: FloatArray
    mean: FloatArray
    weight: FloatArray
    size: FloatArray
    group: NDArray[np.int64]
    units: int

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums by cluster, of shape (clusters,) or (clusters, columns)."""
        if values.ndim == 1:
            return np.bincount(self.group, weights=values, minlength=self.units).astype(np.float64, copy=False)
        return np.stack([self.sums(column) for column in values.T], axis=1)


def robust_contrast(
    x: FloatArray, mean: FloatArray, weight: FloatArray, cluster: NDArray[np.integer], contrast: FloatArray,
    *, size: FloatArray | None = None, within: float = 0.0,
) -> Robust:  # fmt: skip
    """A contrast of weighted least-squares coefficients over cells, robust to clusters.

    Args:
        x: Design, one row a cell or a row of the table, shape (k, p); p is small.
        mean: Mean score of each cell, shape (k,).
        weight: Weight of each cell (its rows) or row (a kernel's weight), shape (k,).
        cluster: Integer of the sampling unit of each cell, shape (k,).
        contrast: Weights of the coefficients, shape (p,).
        size: Rows behind each mean, shape (k,); 1 where it is not given.
        within: Sum of squared deviations of the rows from their cell's mean.

    Returns:
        Value, variance, degrees of freedom and clusters. The variance is 0 where no residual is left.

    Raises:
        TooFewUnits: Fewer than 2 clusters, or most of them stand alone in what they are compared with.
        Undefined: The columns are collinear, or the contrast weighs none of them.

    Source: Bell & McCaffrey (2002), section 3; Imbens & Kolesár (2016), Robust standard errors in small samples: some
    practical advice, section II.C (degrees of freedom from an estimated model with cluster effects); Pustejovsky &
    Tipton (2018), Small-sample methods for cluster-robust variance estimation, equations 6–9.

    >>> fit = robust_contrast(np.ones((4, 1)), np.arange(4.0), np.ones(4), np.arange(4), np.ones(1))
    >>> fit.value, round(fit.variance, 4), round(fit.dof, 4)
    (1.5, 0.4167, 3.0)
    """
    group, units = dense(cluster)
    if units < 2:
        raise TooFewUnits(f"an interval needs at least 2 independent units, got {units} ({len(mean)} cells).")
    cells = _Cells(x, mean, weight, np.ones(len(mean)) if size is None else size, group, units)
    weighted = x * weight[:, None]
    gram = weighted.T @ x
    length = np.sqrt(gram.diagonal())
    if (length == 0).any() or np.linalg.cond(gram / np.outer(length, length)) > 1e10:
        raise Undefined("the points do not determine a line: all of them lie at one place.")
    bread = np.linalg.inv(gram).astype(np.float64, copy=False)
    beta = bread @ (weighted.T @ mean)
    share, fitted = weighted @ (bread @ contrast), x @ beta
    if not share.any():
        raise Undefined("the contrast weighs no coefficient.")
    residual = mean - fitted
    # Sums of floats leave dust where a residual is zero, and dust would pass for variation.
    residual[np.abs(residual) <= 1e-12 * np.maximum(np.abs(mean), np.abs(fitted))] = 0.0
    r = cells.sums(share * residual)
    factor, dof = _satterthwaite(cells, weighted, share, bread, np.ones(len(mean)), 1.0)
    # Many even clusters: the sizes allow for no model that would change the interval.
    if dof < MANY and float(cells.size.sum()) > units:
        own, common = _components(cells, residual, within)
        if common is not None:
            factor, dof = _satterthwaite(cells, weighted, share, bread, own, common)
    return Robust(float(contrast @ beta), float(factor @ (r * r)), dof, units, factor)


def _satterthwaite(
    cells: _Cells, weighted: FloatArray, share: FloatArray, bread: FloatArray, own: FloatArray, common: float
) -> tuple[FloatArray, float]:
    """CR2's factors and degrees of freedom where cells have variance ``own`` and those of a cluster share ``common``."""
    total, sums = cells.sums(share), cells.sums(weighted)
    before = cells.sums(own * share * share) + common * total * total
    cross = cells.sums((own * share)[:, None] * weighted) + common * total[:, None] * sums
    square = (weighted * own[:, None]).T @ weighted + common * (sums.T @ sums)
    pull = cells.sums(share[:, None] * cells.x) @ bread
    after = before - 2 * np.sum(cross * pull, axis=1) + np.sum((pull @ square) * pull, axis=1)
    known = after > IDENTIFIED * before
    if before[known].sum() < 0.5 * before.sum():
        raise TooFewUnits(
            f"{int(np.sum(~known & (before > 0)))} of {cells.units} clusters stand alone in what they are compared "
            "with, so that nothing bounds their error. Add clusters."
        )
    k = np.where(known, before / np.where(known, after, 1.0), 0.0)
    # Clusters without a residual of their own count as the others do.
    scale = float(before.sum() / before[known].sum())
    # The residuals' covariance is a diagonal with a part of rank 2p: its squared trace needs no (clusters)² matrix.
    low, p = np.concatenate([cross, pull], axis=1), square.shape[0]
    middle = np.block([[np.zeros((p, p)), -np.eye(p)], [-np.eye(p), square]])
    small = (low * k[:, None]).T @ low @ middle
    trace2 = float(np.sum((k * before) ** 2) + 2 * np.sum(k * k * before * (after - before)) + np.sum(small * small.T))
    return scale * k, float(before[known].sum() ** 2 / trace2)


def _components(cells: _Cells, residual: FloatArray, within: float) -> tuple[FloatArray, float | None]:
    """Variance of each cell's mean about its cluster, and what a cluster's cells share; None where nothing tells."""
    per = np.bincount(cells.group, minlength=cells.units)
    rows_spare = float(cells.size.sum()) - len(cells.size)
    own = 0.0
    crossed = per[cells.group] > 1
    if rows_spare > 0:
        noise = within / rows_spare / cells.size
        if crossed.any() and within > 0:
            own = spread_beyond(residual, cells.x, noise, np.where(crossed, cells.group, -1))
            if own is None:
                return noise, None
        noise = noise + own
    else:
        spare = max(len(residual) - cells.units - cells.x.shape[1] + 1, 1)
        centred = residual - (cells.sums(residual) / per)[cells.group]
        noise = np.full(len(residual), float(centred @ centred) / spare)
    varied = float(np.mean(residual**2)) + within
    if varied <= 0:
        return noise, None
    noise = np.maximum(noise, 1e-9 * varied)
    precise = cells.sums(1 / noise)
    mean = cells.sums(residual / noise) / precise
    x = cells.sums(cells.x / noise[:, None]) / precise[:, None]
    common = spread_beyond(mean, x, 1 / precise)
    if common is None:
        # Clusters that lie in many cells leave no spare one after regression on all of them.
        common = spread_beyond(mean, np.ones((cells.units, 1)), 1 / precise)
    return noise, common


def spread_beyond(
    value: FloatArray, x: FloatArray, noise: FloatArray, group: NDArray[np.int64] | None = None
) -> float | None:
    """Median-unbiased variance of effects beyond known noise, after regression on x (and a mean for each group).

    Args:
        value: One effect each, shape (k,).
        x: What they are regressed on, shape (k, p).
        noise: Known variance of each value, shape (k,).
        group: Integer of a group that has a mean of its own, shape (k,); negative values are left out.

    Returns:
        The variance, 0 where noise explains the scatter; None where fewer than 4 values are left after the regression.

    Source: Paule & Mandel (1982), with the median of χ² in place of its mean (Viechtbauer 2021, Median-unbiased
    estimators for the amount of heterogeneity in meta-analysis).
    """
    from scipy import special

    if group is not None:
        keep = group >= 0
        value, x, noise = value[keep], x[keep], noise[keep]
        group, _ = dense(group[keep])

    def left(extra: float) -> tuple[float, float, int]:
        w = 1 / (noise + extra)
        y, z, spare = value, x, len(value)
        if group is not None:
            total = np.bincount(group, weights=w)
            y = y - (np.bincount(group, weights=w * y) / total)[group]
            z = z - np.stack([np.bincount(group, weights=w * c) / total for c in z.T], axis=1)[group]
            spare -= len(total)
        roots, vectors = np.linalg.eigh((z * w[:, None]).T @ z)
        kept = roots > 1e-9 * max(float(roots[-1]), 1e-300)
        basis = vectors[:, kept]
        rest = y - z @ (basis @ ((basis.T @ (z.T @ (w * y))) / roots[kept]))
        return float(w @ (rest * rest)), float((w * w) @ (rest * rest)), spare - int(kept.sum())

    q, slope, spare = left(0.0)
    if spare < SPARE:
        return None
    target, extra = float(special.chdtri(spare, 0.5)), 0.0
    # Q is convex and falls: Newton's steps from the left never overshoot.
    for _ in range(50):
        if q <= target * 1.001:
            break
        extra += (q - target) / slope
        q, slope, _ = left(extra)
    return extra
