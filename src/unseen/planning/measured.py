"""What a pilot tells of a design: clusters, correlations, means, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unseen.checks._rows import ItemMeans, item_means, scored, shared_items
from unseen.checks.base import Settings, Subject
from unseen.errors import TooFewUnits
from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.designs import Layout
from unseen.estimates.intervals.means import mean_estimate, t_quantile
from unseen.planning.plan import Basis

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is measured in a pilot.

    Attributes:
        layout: Clusters and rows of one model (mean over models).
        unseen_share: Share of the rows that is unseen.
        intraclass: Correlation of two rows of one cluster on one side.
        carried: The correlation with which the error of a gap follows from rows and clusters: the same where each cluster
            lies on one side, less where clusters on both sides cancel what their rows share.
        sides: Clusters of the seen and of the unseen side, and how many of one size these count for.
        basis: The same and more, with intervals.
        notes: What could not be measured.
    """

    layout: Layout
    unseen_share: float
    intraclass: float
    carried: float
    sides: dict[str, tuple[float, float]]
    basis: tuple[Basis, ...]
    notes: tuple[str, ...]


def measured(subject: Subject, settings: Settings) -> Facts:
    """Cluster sizes, intraclass correlation, pairing and means of the rows that are seen or unseen."""
    rows, answers = scored(subject), subject.answers
    seen, unseen = rows.take(answers.is_split("seen")), rows.take(answers.is_split("unseen"))
    sizes: list[FloatArray] = []
    parts: list[tuple[FloatArray, NDArray[np.int64], NDArray[np.bool_]]] = []
    basis: list[Basis] = []
    for name, part in rows.each():
        a, b = seen[part], unseen[part]
        kept = a | b
        if not (a.any() and b.any()):
            continue
        score, cluster = rows.score[part] / rows.scale, rows.cluster[part].astype(np.int64)
        sizes.append(np.bincount(dense(cluster[kept])[0]).astype(np.float64))
        parts.append((score[kept], cluster[kept], b[kept]))
        for word, side in (("seen", a), ("unseen", b)):
            try:
                mean = mean_estimate(score[side], cluster[side], level=settings.level, binary=rows.binary)
            except TooFewUnits:
                continue
            basis.append(Basis(f"{name}, mean of {word} rows", mean.value, "measured", mean.low, mean.high))
    size = np.concatenate(sizes)
    clusters, mean_rows = float(np.mean([len(s) for s in sizes])), float(size.mean())
    uneven = float(size.var() / mean_rows**2)
    layout = Layout(clusters, mean_rows, uneven)
    share = float(np.mean(np.concatenate([b for _, _, b in parts])))
    counted = [
        Basis("items of each model", round(layout.items), "counted"),
        Basis("unseen share", share, "counted"),
        Basis("clusters", round(clusters), "counted"),
        Basis("rows per cluster", mean_rows, "counted", note=f"from {size.min():.0f} to {size.max():.0f}"),
    ]
    notes: list[str] = []
    intraclass = 0.0
    if not layout.single:
        counted.append(
            Basis(
                "unevenness of clusters",
                math.sqrt(uneven),
                "counted",
                note="standard deviation of sizes over their mean",
            )
        )
        known = intraclass_correlation(parts, settings.level)
        if known is None:
            notes.append(
                "The intraclass correlation can't be measured: no two rows of one side share a cluster, or scores are constant. "
                "It is planned for as zero."
            )
        else:
            intraclass = max(0.0, known[0])
            note = "within a side, over all models; a value below zero is planned for as zero"
            counted.append(Basis("intraclass correlation", known[0], "measured", known[1], known[2], note))
    paired = pairing(item_means(subject), settings.level)
    if paired is not None:
        note = "of the scores of two neighbours in the ranking on one item"
        counted.append(Basis("pairing between models", paired[0], "measured", paired[1], paired[2], note))
    carried, sides = _carried(parts, layout, intraclass)
    if carried < 0.9 * intraclass:
        notes.append("Clusters lie on both sides, which takes part of what their rows share out of the gap.")
    return Facts(layout, share, intraclass, carried, sides, (*counted, *basis), tuple(notes))


def _carried(
    parts: list[tuple[FloatArray, NDArray[np.int64], NDArray[np.bool_]]], layout: Layout, intraclass: float
) -> tuple[float, dict[str, tuple[float, float]]]:
    """The correlation that gives this layout the design effect of its gap, and clusters by side; means over models.

    Cluster effects enter a gap with the weights n_a/N_a − n_b/N_b, rows with 1/N_a and 1/N_b:
    V = σ²·[(1 − ρ)·(1/N_a + 1/N_b) + ρ·Σ(n_a/N_a − n_b/N_b)²].
    """
    ratios: list[float] = []
    counts: dict[str, list[tuple[float, float]]] = {"seen": [], "unseen": []}
    for _, cluster, unseen in parts:
        where, size = dense(cluster)
        a, b = (np.bincount(where[side], minlength=size).astype(np.float64) for side in (~unseen, unseen))
        weight = a / a.sum() - b / b.sum()
        ratios.append(float(weight @ weight) / (1 / a.sum() + 1 / b.sum()))
        for name, n in (("seen", a), ("unseen", b)):
            counts[name].append((float(np.count_nonzero(n)), float(n.sum() ** 2 / (n @ n))))
    sides = {name: (float(np.mean([k for k, _ in n])), float(np.mean([e for _, e in n]))) for name, n in counts.items()}
    spare = layout.rows * (1 + layout.uneven) - 1
    if layout.single or spare <= 0:
        return 0.0, sides
    return min(1.0, max(0.0, intraclass * (float(np.mean(ratios)) - 1) / spare)), sides


def intraclass_correlation(
    parts: list[tuple[FloatArray, NDArray[np.int64], NDArray[np.bool_]]], level: float
) -> tuple[float, float, float] | None:
    """Correlation of two rows of one cluster and side, from the analysis of variance, with its F interval.

    ρ = (F − 1) / (F + n₀ − 1), F = MSB / MSW between and within the clusters of a side and n₀ the mean size corrected for
    unequal ones. Mean squares are averaged over models; the degrees of freedom are those of one model, since models
    answer the same clusters. The limits divide F by the quantiles of its null distribution.

    Args:
        parts: For each model: scores, clusters, and whether a row is unseen; shapes (n,).
        level: Nominal coverage.

    Returns:
        Value and ends, or None where no two rows share a cluster and side or scores are constant.

    Source: Donner (1986), A review of inference procedures for the intraclass correlation coefficient, equations 1–4.
    """
    from scipy import special

    between, within, df_b, df_w, size = np.mean([_squares(*part) for part in parts], axis=0).tolist()
    if df_b < 1 or df_w < 1 or between + within <= 0:
        return None
    ratio = between / df_b / max(within / df_w, 1e-12)
    tail = (1 - level) / 2

    def correlation(f: float) -> float:
        return (f - 1) / (f + size - 1)

    high = ratio / float(special.fdtri(df_b, df_w, tail))
    low = ratio / float(special.fdtri(df_b, df_w, 1 - tail))
    return correlation(ratio), correlation(low), correlation(high)


def _squares(score: FloatArray, cluster: NDArray[np.int64], unseen: NDArray[np.bool_]) -> tuple[float, ...]:
    """Sums of squares between and within the clusters of a side, their degrees of freedom, and n₀."""
    between = within = spare = uneven = 0.0
    cells = 0
    for side in (unseen, ~unseen):
        where, size = dense(cluster[side])
        n = np.bincount(where, minlength=size).astype(np.float64)
        mean = np.bincount(where, weights=score[side], minlength=size) / n
        between += float(n @ (mean - score[side].mean()) ** 2)
        within += float(np.sum((score[side] - mean[where]) ** 2))
        spare += len(where) - size
        uneven += float(n.sum() - (n @ n) / n.sum())
        cells += size
    free = max(1, cells - 2)
    # A cluster on both sides tells about its effect once: no more degrees of freedom than clusters.
    few = min(free, max(1, dense(cluster)[1] - 1))
    return between * few / free, within, few, spare, uneven / free


def pairing(means: dict[str, ItemMeans], level: float) -> tuple[float, float, float] | None:
    """Correlation of two models' scores on one item, over neighbours in the ranking, jackknife over clusters."""
    order = sorted(means, key=lambda name: -float(means[name].mean.mean()))
    xy, xx, yy, unit = [], [], [], []
    for a, b in pairwise(order):
        x, y = means[a], means[b]
        ia, ib = shared_items(x, y)
        if len(ia) < 3:
            continue
        u, v = x.mean[ia] - x.mean[ia].mean(), y.mean[ib] - y.mean[ib].mean()
        xy.append(u * v)
        xx.append(u * u)
        yy.append(v * v)
        unit.append(x.cluster[ia])
    if not xy:
        return None
    where, size = dense(np.concatenate(unit))
    sums = [np.bincount(where, np.concatenate(v), size).astype(np.float64) for v in (xy, xx, yy)]
    if min(s.sum() for s in sums[1:]) <= 0:
        return None

    def ratio(c: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
        return c / np.sqrt(np.maximum(a * b, 1e-300))

    return _jackknife(ratio, tuple(sums), np.arange(size), level)


def _jackknife(
    ratio: Callable[..., FloatArray], sums: tuple[FloatArray, ...], unit: NDArray[np.int64], level: float
) -> tuple[float, float, float] | None:
    """A ratio of sums over clusters with the interval of Fisher's z, its error by leaving out each cluster in turn."""
    k = len(unit)
    if k < 3:
        return None
    totals = [s.sum() for s in sums]
    value = float(np.clip(ratio(*(np.asarray([t]) for t in totals))[0], -0.999, 0.999))
    left = np.arctanh(np.clip(ratio(*(t - s for t, s in zip(totals, sums, strict=True))), -0.999, 0.999))
    error = math.sqrt((k - 1) / k * float(np.sum((left - left.mean()) ** 2)))
    half = t_quantile((1 - level) / 2, k - 1) * error
    centre = math.atanh(value)
    return value, math.tanh(centre - half), math.tanh(centre + half)
