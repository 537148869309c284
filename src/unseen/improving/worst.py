"""The gain at the worst quarter of domains; the worst are picked on other rows than those that judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from unseen.engine.seeds import numpy_generator
from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.intervals.means import cluster_robust

Judge = Literal["mean", "worst"]
JUDGES: tuple[str, ...] = get_args(Judge)
QUARTER = 0.25
# Share of the rows that tell which domains are the worst.
PICKING = 1 / 3
# An interval over domains needs three, a validated gain two.
LEAST, LEAST_VALIDATED = 3, 2


@dataclass(frozen=True)
class Scored:
    """Scores of one held-out domain.

    Attributes:
        name: Of the domain.
        unchanged: Of the unchanged learner, shape (repeats, n).
        tried: Of what was tried, shape (repeats, n).
        picks: Which rows tell whether the domain is among the worst, shape (n,).
        clusters: Of the rows, shape (n,).
        group: Number of the final test.
        changed: Whether anything was tried; else the two scores are the same.
        floor: Below which the variance of a mean over the rows that judge is not believed.
    """

    name: str
    unchanged: np.ndarray
    tried: np.ndarray
    picks: np.ndarray
    clusters: np.ndarray
    group: int = 0
    changed: bool = True
    floor: float = 0.0


@dataclass(frozen=True)
class Place:
    """One of the worst places: its score with what was tried, minus its score without.

    Attributes:
        name: The domain, or "tried instead of unchanged" where the two have different domains there.
        value: The difference.
        variance: Of it, by rows (or clusters); NaN where nothing was tried.
        rows: That judged.
        between: Variance between repeats.
        group: Number of the final test.
    """

    name: str
    value: float
    variance: float
    rows: int
    between: float
    group: int


def required_judge(name: str) -> Judge:
    """The name of a judge, checked.

    Raises:
        BadInput: There is no such judge.

    >>> required_judge("worst")
    'worst'
    """
    if name not in JUDGES:
        raise BadInput(f"judge {name!r} is not one of {', '.join(JUDGES)}.")
    return name  # type: ignore[return-value]


def picking_rows(clusters: np.ndarray) -> np.ndarray:
    """Rows that pick, a third of them; a cluster is never divided. The same for everything that is tried.

    Args:
        clusters: Number of the cluster of each row, shape (n,).
    """
    present, number = np.unique(clusters, return_inverse=True)
    drawn = numpy_generator(0, "worst domains").permutation(len(present)) < round(PICKING * len(present))
    return drawn[number.reshape(-1)]


def worst_count(domains: int, least: int) -> int:
    """How many domains the worst quarter has.

    >>> worst_count(10, 3), worst_count(20, 3), worst_count(4, 3), worst_count(2, 3)
    (3, 5, 3, 2)
    """
    return min(domains, max(least, math.ceil(QUARTER * domains)))


def worst_places(domains: Sequence[Scored], *, least: int = LEAST) -> list[Place]:
    """The worst quarter of domains with what was tried, against the worst quarter without.

    Each side has its own worst domains, so that a remedy that mends three and spoils three others gains nothing. A
    domain among the worst on both sides is paired with itself by rows; the others are paired in the order of their scores.

    Args:
        domains: Scores of each.
        least: Fewest domains that count as the worst.

    Raises:
        TooFewUnits: All rows of a domain pick, or all judge: its clusters are too few to be divided.
    """
    for one in domains:
        if one.picks.all() or not one.picks.any():
            raise TooFewUnits(f"the rows of {one.name} can't be divided into those that pick and those that judge.")
    count = worst_count(len(domains), least)
    without = _lowest([float(d.unchanged[:, d.picks].mean()) for d in domains], count)
    tried = _lowest([float(d.tried[:, d.picks].mean()) for d in domains], count)
    pairs = [(i, i) for i in tried if i in without]
    pairs += zip((i for i in tried if i not in without), (i for i in without if i not in tried), strict=True)
    return [_place(domains[a], domains[b]) for a, b in pairs]


def _lowest(scores: Sequence[float], count: int) -> list[int]:
    return np.argsort(np.array(scores), kind="stable")[:count].tolist()


def _place(tried: Scored, without: Scored) -> Place:
    after, before = tried.tried[:, ~tried.picks], without.unchanged[:, ~without.picks]
    rows = after.shape[1]
    floor = tried.floor
    if tried is without:
        change = after - before
        if not tried.changed:
            return Place(tried.name, 0.0, math.nan, rows, 0.0, tried.group)
        value, variance = _mean_of(change.mean(0), tried.clusters[~tried.picks])
        return Place(tried.name, value, max(variance, floor), rows, _between(change.mean(1)), tried.group)
    a, va = _mean_of(after.mean(0), tried.clusters[~tried.picks])
    b, vb = _mean_of(before.mean(0), without.clusters[~without.picks])
    name = f"{tried.name} instead of {without.name}"
    between = _between(after.mean(1)) + _between(before.mean(1))
    return Place(name, a - b, max(va + vb, floor), rows, between, tried.group)


def _mean_of(values: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    try:
        value, variance, _, _ = cluster_robust(values, clusters)
    except TooFewUnits:
        return float(values.mean()), float(np.square(values - values.mean()).mean())
    return value, variance


def _between(means: np.ndarray) -> float:
    return float(np.var(means, ddof=1)) if len(means) > 1 else 0.0
