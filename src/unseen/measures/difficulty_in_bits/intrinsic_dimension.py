"""In how many directions data vary, from the distances to two neighbours; what was sampled together is one draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
# Three clusters have a first and a second neighbour each; fewer than this many leave no interval worth the name.
LEAST = 20
# Distances that are held at once.
HELD = 4_000_000


def two_nn(
    points: ArrayLike, clusters: ArrayLike | None = None, *, discard: float = 0.1, level: float = 0.95
) -> Estimate:
    """Intrinsic dimension from the ratio of the distances to the second and to the first neighbour.

    Around each point the density is taken as constant out to its second neighbour; then the ratio μ has the distribution
    1 − μ^(−d), whatever the density is, and d is the slope of −log(1 − F(μ)) over log μ through the origin. Neighbours are
    the two nearest other clusters, and all points of a cluster count as one: frames of one film are near to each other in
    as many directions as a film has, not as the world. Equal points are one.

    Args:
        points: Shape (n, …).
        clusters: What was sampled together, shape (n,); by default each point is by itself.
        discard: Share of the largest ratios that the line leaves out; they reach farthest, and bend first.
        level: Coverage of the interval, from the jackknife over whole clusters; those that have a neighbour in common, or
            are neighbours, move together, which widens it by a third.

    Returns:
        The dimension. In ten and more directions it is too small, since ends of the data are near to most points.

    Raises:
        BadInput: Points and clusters differ in number, or a coordinate is not finite.
        TooFewUnits: There are fewer than 20 clusters.
        Undefined: Nearly all ratios are one, as on a lattice.

    Source: Facco, d'Errico, Rodriguez & Laio (2017), Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information.

    >>> rng = np.random.default_rng(0)
    >>> angle, height = rng.uniform(0, 6, 800), rng.uniform(0, 6, 800)
    >>> print(two_nn(np.c_[angle * np.cos(angle), angle * np.sin(angle), height]).format(1))
    1.9 [1.7, 2.1]
    """
    x = np.asarray(points, np.float64)
    x = x.reshape(len(x), -1)
    if not np.isfinite(x).all():
        raise BadInput("two_nn: a coordinate is not finite; leave such rows out.")
    x, where = _units(x, clusters)
    count = int(where.max(initial=-1)) + 1
    if count < LEAST:
        raise TooFewUnits(
            f"intrinsic dimension: {count} clusters of different points, {LEAST} are needed: each has two others as neighbours."
        )
    found = neighbours(x, where)
    weight = 1 / np.bincount(where)[where]
    order = np.argsort(found.ratio, kind="stable")
    ratio, weight, own = found.ratio[order], weight[order], where[order]
    value = _slope(ratio, weight, discard)
    # The neighbours are those of all points: a cluster that is left out takes its own ratios along, and no others.
    left = np.array([_slope(ratio[own != c], weight[own != c], discard) for c in range(count)])
    pull = left - left.mean()
    near = _linked(where, found)
    spread = float(np.sqrt(max(pull @ near @ pull, pull @ pull) * (count - 1) / count))
    reach = float(stats.t.ppf((1 + level) / 2, count - 1)) * spread
    return Estimate(
        value, max(0.0, value - reach), value + reach, count,
        f"two nearest neighbours ({discard:.0%} of the ratios left out), jackknife over clusters with those near to them",
        level,
    )  # fmt: skip


@dataclass(frozen=True)
class Neighbours:
    """The two nearest other clusters of each point.

    Attributes:
        ratio: Distance to the second over that to the first, shape (n,).
        first: The nearest cluster, shape (n,).
        second: The next, shape (n,).
    """

    ratio: Floats
    first: NDArray[np.intp]
    second: NDArray[np.intp]


def neighbours(points: Floats, clusters: NDArray[np.integer]) -> Neighbours:
    """The two nearest other clusters of each point, by brute force.

    Args:
        points: Shape (n, d).
        clusters: Integers from 0, shape (n,), at least three.

    >>> neighbours(np.array([[0.0], [1.0], [3.0]]), np.arange(3)).ratio
    array([3. , 2. , 1.5])
    """
    order = np.argsort(clusters, kind="stable")
    # Differences of squares lose what is small beside the distance to the origin.
    centred = points - points.mean(0)
    sorted_points, own = centred[order], clusters[order]
    starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
    norms = np.einsum("ij,ij->i", sorted_points, sorted_points)
    made, one, two = np.empty(len(points)), np.empty(len(points), np.intp), np.empty(len(points), np.intp)
    step = max(1, HELD // len(points))
    for at in range(0, len(points), step):
        rows = slice(at, at + step)
        squared = norms[rows, None] + norms[None] - 2 * sorted_points[rows] @ sorted_points.T
        nearest = np.minimum.reduceat(squared, starts, axis=1)
        nearest[np.arange(len(nearest)), own[rows]] = np.inf
        first, second = np.argpartition(nearest, 1, axis=1)[:, :2].T
        members = [_least(sorted_points[rows], sorted_points, starts, g, squared) for g in (first, second)]
        made[rows], one[rows], two[rows] = members[1] / members[0], first, second
    back = np.argsort(order, kind="stable")
    return Neighbours(np.maximum(made, 1.0)[back], one[back], two[back])


def separation(points: ArrayLike, classes: ArrayLike) -> float:
    """Smallest distance between two points of different classes: what a classifier has to resolve.

    Args:
        points: Shape (n, …).
        classes: Shape (n,), at least two.

    Raises:
        Undefined: There is one class, or the same point has two.

    Source: Boopathy et al. (2023), Model-agnostic measure of generalization difficulty.

    >>> separation([[0.0], [1.0], [1.5], [4.0]], [0, 0, 1, 1])
    0.5
    """
    x = np.asarray(points, np.float64)
    x = x.reshape(len(x), -1)
    own = np.unique(np.asarray(classes), return_inverse=True)[1]
    if own.max(initial=0) < 1:
        raise Undefined("separation: all points are of one class.")
    centred = x - x.mean(0)
    norms = np.einsum("ij,ij->i", centred, centred)
    best = np.inf
    step = max(1, HELD // len(x))
    for at in range(0, len(x), step):
        rows = slice(at, at + step)
        squared = norms[rows, None] + norms[None] - 2 * centred[rows] @ centred.T
        squared[own[rows, None] == own[None]] = np.inf
        i, j = np.unravel_index(int(np.argmin(squared)), squared.shape)
        if own[at + i] != own[j]:
            best = min(best, float(np.linalg.norm(x[at + i] - x[j])))
    if best == 0:
        raise Undefined(
            "separation: the same input stands in two classes, so that no resolution tells them apart. Look at its label."
        )
    return best


def _least(some: Floats, points: Floats, starts: NDArray[np.intp], group: NDArray[np.intp], squared: Floats) -> Floats:
    """Distance of each row to the nearest member of a cluster, from the difference itself."""
    ends = np.r_[starts[1:], len(points)]
    spans = zip(starts[group], ends[group], strict=True)
    member = np.array([start + int(np.argmin(squared[i, start:end])) for i, (start, end) in enumerate(spans)])
    return np.linalg.norm(some - points[member], axis=1)


def _linked(clusters: NDArray[np.integer], found: Neighbours) -> csr_array:
    """1 where two clusters are neighbours, or have one in common; shape (clusters, clusters)."""
    from scipy.sparse import csr_array

    count = int(clusters.max()) + 1
    rows = np.r_[np.arange(count), clusters, clusters]
    columns = np.r_[np.arange(count), found.first, found.second]
    reach = csr_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    near = (reach @ reach.T).tocsr()
    near.data[:] = 1.0
    return near


def _slope(ratio: Floats, weight: Floats, discard: float) -> float:
    """Slope through the origin of −log(1 − F) over log μ, each point with its weight; ratios rise."""
    mu, w = np.log(ratio), weight
    share = np.cumsum(w) / w.sum()
    kept = share <= 1 - discard + 1e-12
    below, mu, w = share[kept], mu[kept], w[kept]
    across = float(np.sum(w * mu**2))
    if across <= 0:
        raise Undefined(
            "intrinsic dimension: the two neighbours of nearly all points are equally far, as on a lattice."
        )
    return float(np.sum(w * mu * -np.log1p(-np.minimum(below, 1 - 1e-12))) / across)


def _units(x: Floats, clusters: ArrayLike | None) -> tuple[Floats, NDArray[np.intp]]:
    """Each point once, and its cluster as an integer from 0: clusters that share a point are joined."""
    _, rows, same = np.unique(x, axis=0, return_index=True, return_inverse=True)
    same = same.reshape(-1)
    if clusters is None:
        return x[rows], np.arange(len(rows))
    own = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
    if len(own) != len(x):
        raise BadInput(f"two_nn: {len(x):,} points, but {len(own):,} clusters. Give one cluster a point.")
    if len(rows) == len(x):
        return x, own
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    shift = int(own.max()) + 1
    size = shift + len(rows)
    graph = coo_array((np.ones(len(x)), (own, same + shift)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    return x[rows], np.unique(labels[own[rows]], return_inverse=True)[1]
