"""Tables on which nothing is to be found, in shapes that break statistics: what ``whole_audit.py`` draws.

Split, factors, time and variants change nothing in any of them and models are equal, unless a shape says so; which codes keep a true null then
stands with the shape. Links, difficulties and clusters differ from shape to shape, and from those of the tests: probit,
cauchit and complementary log-log links, heavy tails, beta-binomial clusters whose sizes follow Zipf's law.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from scipy.special import betaincinv, expit, ndtr

# Context that is true of every table, and counts: no null that a table of this file could keep.
CONTEXT = ("U201", "U205", "U206")


@dataclass(frozen=True)
class Shape:
    """One way to draw a null table.

    Attributes:
        draw: A generator of random numbers → the table.
        untrue: Codes whose null does not hold on these tables; they are left out of the audit.
        model_bound: Codes whose null holds only if their response model does; reported, but not counted.
        columns: What the audit is told of the columns.
    """

    draw: Callable[[np.random.Generator], pl.DataFrame]
    untrue: tuple[str, ...] = ()
    model_bound: tuple[str, ...] = ()
    columns: dict[str, Any] = field(default_factory=dict)


def links(name: str, x: np.ndarray) -> np.ndarray:
    """Probability of a right answer at easiness x."""
    if name == "probit":
        return ndtr(x / 1.7)
    if name == "cauchit":
        return 0.5 + np.arctan(x) / np.pi
    if name == "cloglog":
        return 1 - np.exp(-np.exp(np.clip(x - 0.4, -30, 3.3)))
    return expit(x)


def zipf_sizes(clusters: int, items: int, power: float = 1.0) -> np.ndarray:
    """Sizes of clusters that fall as a power of the rank, at least 2 each."""
    raw = 1 / np.arange(1, clusters + 1) ** power
    return np.maximum(2, np.round(items * raw / raw.sum())).astype(int)


def clustered(
    mean: np.ndarray, cluster: np.ndarray, correlation: float, shared: float, rng: np.random.Generator
) -> Any:
    """Beta-binomial clusters: probabilities whose mean over clusters is ``mean`` exactly, shape (items, models).

    One uniform per cluster and model is read through each cell's beta distribution; ``shared`` is the correlation of the
    uniforms (on the normal scale) between models.
    """
    models, groups = mean.shape[1], int(cluster.max()) + 1
    z = np.sqrt(shared) * rng.normal(size=(groups, 1)) + np.sqrt(1 - shared) * rng.normal(size=(groups, models))
    kappa = 1 / correlation - 1
    m = np.clip(mean, 1e-4, 1 - 1e-4)
    return betaincinv(m * kappa, (1 - m) * kappa, np.clip(ndtr(z), 1e-9, 1 - 1e-9)[cluster])


def items_frame(n: int, rng: np.random.Generator, **columns: Any) -> pl.DataFrame:
    """Items with a split at random and columns that do not matter; a column that is given as None is left out."""
    given = {
        "item": [f"i{k}" for k in range(n)],
        "length": rng.integers(1, 7, n),
        "domain": rng.choice(list("pqrs"), n, p=[0.4, 0.3, 0.2, 0.1]),
        "time": rng.integers(2010, 2026, n),
        "split": rng.choice(["seen", "unseen"], n),
    }
    return pl.DataFrame({name: values for name, values in {**given, **columns}.items() if values is not None})


def answered(
    items: pl.DataFrame, p: np.ndarray, rng: np.random.Generator, *, said: np.ndarray | None = None,
    score: np.ndarray | None = None,
) -> pl.DataFrame:  # fmt: skip
    """One row per item and model: a coin with the probability p (items, models), or the given score."""
    models = p.shape[1]
    rows = pl.concat([items.with_columns(model=pl.lit(f"m{m}")) for m in range(models)])
    drawn = (rng.random(p.shape) < p).astype(float) if score is None else score
    rows = rows.with_columns(score=pl.Series(drawn.T.ravel()))
    return rows if said is None else rows.with_columns(confidence=pl.Series(np.clip(said, 0, 1).T.ravel()))


def with_variants(items: pl.DataFrame, easy: np.ndarray, share: float) -> tuple[pl.DataFrame, np.ndarray]:
    """Rewritten variants of the first items, as easy as their originals."""
    k = int(len(items) * share)
    base = items.with_columns(variant_of=pl.lit(None, dtype=pl.String))
    more = items[:k].with_columns(item=pl.col("item") + "-v", variant_of=pl.col("item"))
    return pl.concat([base, more]), np.concatenate([easy, easy[:k]])


def plain(rng: np.random.Generator, spread: float = 0.0) -> pl.DataFrame:
    items = items_frame(240, rng)
    items, easy = with_variants(items, rng.normal(0.3, 1, 240), 1 / 3)
    p = expit(easy[:, None] + spread * np.array([1, 0, 0, -1]))
    return answered(items, p, rng, said=p)


def many_levels(rng: np.random.Generator) -> pl.DataFrame:
    n = 300
    zipf = 1 / np.arange(1, 13)
    items = items_frame(
        n, rng, domain=None, template=[f"t{k}" for k in rng.permutation(np.arange(n) % 30)], city=[f"c{k}" for k in rng.integers(20, size=n)],
        skill=[f"s{k}" for k in rng.choice(12, n, p=zipf / zipf.sum())], weight=rng.lognormal(0, 1, n),
    )  # fmt: skip
    p = links("probit", (0.9 * rng.standard_t(3, n))[:, None] + np.zeros(3))
    return answered(items, p, rng)


def long_levels(rng: np.random.Generator) -> pl.DataFrame:
    n = 30 * 300
    items = pl.DataFrame({
        "item": [f"i{k}" for k in range(n)], "template": [f"t{k % 30}" for k in range(n)],
        "length": rng.integers(1, 9, n), "split": rng.choice(["seen", "unseen"], n),
    })  # fmt: skip
    p = links("cloglog", rng.normal(0, 1, n)[:, None] + np.zeros(2))
    return answered(items, p, rng)


def missing(rng: np.random.Generator) -> pl.DataFrame:
    n = 320
    items = items_frame(n, rng)
    easy = rng.normal(0.2, 1.2, n)
    p = expit(easy[:, None] + np.array([0.5, 0.2, 0.2, -0.2, -0.5]))
    rows = answered(items, p, rng, said=p).with_columns(easy=pl.Series(np.tile(easy, 5)))
    u, name = pl.Series(rng.random(len(rows))), pl.col("model")
    # One model saw few items, one mostly easy ones, one nothing of a level; the others miss cells at random.
    kept = (
        pl.when(name == "m4").then(u < 0.25)
        .when(name == "m3").then((pl.col("easy") > 0) | (u < 0.2))
        .when(name == "m2").then((pl.col("domain") != "q") & (u < 0.9))
        .otherwise(u < 0.7)
    )  # fmt: skip
    return rows.filter(kept).drop("easy")


def rare(rng: np.random.Generator) -> pl.DataFrame:
    n = 500
    items = items_frame(n, rng, split=rng.permutation(np.where(np.arange(n) < n // 20, "unseen", "seen")))
    p = links("cauchit", rng.normal(0.8, 1, n)[:, None] + np.zeros(4))
    return answered(items, p, rng)


def _by_cluster(rng: np.random.Generator, sizes: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Clusters of items, with a site, a year and a depth that belong to the cluster."""
    k = len(sizes)
    cluster = np.repeat(np.arange(k), sizes)
    return cluster, {
        "cluster": [f"k{c}" for c in cluster],
        "site": rng.choice(["north", "south", "east"], k)[cluster],
        "time": rng.integers(2010, 2026, k)[cluster],
        "depth": rng.integers(1, 5, k)[cluster],
        "domain": None,
    }


def few(rng: np.random.Generator) -> pl.DataFrame:
    cluster, columns = _by_cluster(rng, np.full(12, 25))
    items = items_frame(len(cluster), rng, **columns)
    mean = expit(rng.normal(0.5, 0.8, len(cluster))[:, None] + np.zeros(3))
    return answered(items, clustered(mean, cluster, 0.15, 0.7, rng), rng)


def few_apart(rng: np.random.Generator) -> pl.DataFrame:
    cluster, columns = _by_cluster(rng, np.full(24, 14))
    side = rng.permutation(np.arange(24) % 2)
    items = items_frame(len(cluster), rng, **columns, split=np.where(side, "seen", "unseen")[cluster])
    mean = expit(rng.normal(0.9, 0.8, len(cluster))[:, None] + np.zeros(3))
    return answered(items, clustered(mean, cluster, 0.25, 0.5, rng), rng, said=mean)


def uneven(rng: np.random.Generator) -> pl.DataFrame:
    sizes = rng.permutation(zipf_sizes(22, 330))
    cluster, columns = _by_cluster(rng, sizes)
    side = rng.permutation(np.arange(22) % 2)
    items = items_frame(len(cluster), rng, **columns, split=np.where(side, "seen", "unseen")[cluster])
    mean = links("probit", rng.normal(0.5, 0.8, len(cluster))[:, None] + np.zeros(3))
    return answered(items, clustered(mean, cluster, 0.2, 0.7, rng), rng, said=mean)


def giant(rng: np.random.Generator) -> pl.DataFrame:
    sizes = rng.permutation(np.concatenate([[180], np.full(36, 5)]))
    cluster, columns = _by_cluster(rng, sizes)
    side = rng.permutation(np.arange(37) % 2)
    items = items_frame(len(cluster), rng, **columns, split=np.where(side, "seen", "unseen")[cluster])
    mean = expit(rng.normal(0.4, 0.8, len(cluster))[:, None] + np.zeros(3))
    return answered(items, clustered(mean, cluster, 0.15, 1.0, rng), rng, said=mean)


def giant_within(rng: np.random.Generator) -> pl.DataFrame:
    """A giant that lies on both sides, with a split that each cluster takes in its own proportion."""
    sizes = rng.permutation(np.concatenate([[180], np.full(36, 5)]))
    cluster, columns = _by_cluster(rng, sizes)
    unseen = rng.random(len(cluster)) < rng.beta(2, 2, len(sizes))[cluster]
    items = items_frame(len(cluster), rng, **columns, split=np.where(unseen, "unseen", "seen"))
    mean = links("cloglog", rng.normal(0.2, 0.8, len(cluster))[:, None] + np.zeros(3))
    return answered(items, clustered(mean, cluster, 0.15, 0.8, rng), rng, said=mean)


def thirty(rng: np.random.Generator) -> pl.DataFrame:
    n = 100
    items = items_frame(n, rng, time=None)
    p = links("probit", rng.normal(0, 1.2, n)[:, None] + np.repeat(np.linspace(-1, 1, 15), 2))
    return answered(items, p, rng)


def guessing(rng: np.random.Generator) -> pl.DataFrame:
    """Four options and harder unseen items: U101 has a true gap, equal difficulty has none."""
    n = 300
    items = items_frame(n, rng, target=rng.choice(list("ABCD"), n))
    hard = 1.5 * (items["split"] == "unseen").to_numpy()
    p = 0.25 + 0.75 * expit((rng.normal(0.4, 1, n) - hard)[:, None] + np.array([1.5, 0.5, -0.5, -1.5]))
    rows = answered(items, p, rng, said=p)
    wrong = np.array(list("ABCD"))[
        (np.searchsorted(list("ABCD"), rows["target"].to_numpy().astype(str)) + rng.integers(1, 4, len(rows))) % 4
    ]
    return rows.with_columns(
        prediction=pl.when(pl.col("score") == 1).then(pl.col("target")).otherwise(pl.Series(wrong)),
        choices=pl.lit(4),
    )  # fmt: skip


def ceiling(rng: np.random.Generator) -> pl.DataFrame:
    items = items_frame(200, rng, domain=rng.choice(["p", "q"], 200))
    items, easy = with_variants(items, rng.normal(4.5, 1.6, 200), 0.3)
    p = expit(easy[:, None] + np.zeros(4))
    return answered(items, p, rng, said=p)


def floor(rng: np.random.Generator) -> pl.DataFrame:
    items = items_frame(260, rng)
    p = links("cauchit", rng.normal(-6, 3, 260)[:, None] + np.zeros(4))
    return answered(items, p, rng, said=p)


def bounded(rng: np.random.Generator) -> pl.DataFrame:
    """A rubric: scores of 0 to 1, U-shaped, a third of them at an end."""
    items = items_frame(240, rng)
    items, easy = with_variants(items, rng.normal(0.8, 1.5, 240), 1 / 3)
    mean = np.clip(links("probit", easy[:, None] + np.zeros(4)), 0.01, 0.99)
    score = np.round(rng.beta(0.7 * mean, 0.7 * (1 - mean)), 2)
    return answered(items, mean, rng, score=score)


def losses(rng: np.random.Generator) -> pl.DataFrame:
    """Negated losses without a bound, skewed: lognormal items and answers."""
    items = items_frame(300, rng)
    item, own = rng.normal(0, 0.7, (300, 1)), rng.normal(0, 0.8, (300, 4))
    return answered(items, item + own, rng, score=-np.exp(item + own + np.zeros(4)))


def repeats(rng: np.random.Generator) -> pl.DataFrame:
    items = items_frame(70, rng)
    p = expit(rng.normal(0.3, 2, 70)[:, None] + np.zeros(4))
    return pl.concat([answered(items, p, rng, said=p).with_columns(repeat=pl.lit(r)) for r in range(5)])


def confident(rng: np.random.Generator) -> pl.DataFrame:
    """Calibrated confidence that does not know all, an irrelevant factor of 8 levels, and unlabelled rows from the same source."""
    n = 500
    items = items_frame(n, rng, domain=None, source=[f"s{k}" for k in rng.integers(8, size=n)])
    # Confidence is the mean of a beta distribution from which the row's own probability is drawn: calibrated exactly.
    said = expit(rng.normal(0.5, 1.1, n)[:, None] + np.zeros(2))
    p = rng.beta(4 * said, 4 * (1 - said))
    rows = answered(items, p, rng, said=said)
    hidden = pl.Series(np.tile(rng.random(n) < 0.35, 2))
    return rows.with_columns(score=pl.when(hidden).then(None).otherwise(pl.col("score")))


def parts(rng: np.random.Generator) -> pl.DataFrame:
    """Wholes of two parts in clusters: wrong although both are right, and right although one is wrong, in just 2 %."""
    k = 160
    cluster = rng.integers(50, size=k)
    base = items_frame(k, rng, cluster=[f"k{c}" for c in cluster])
    mean = links("probit", rng.normal(0.9, 0.8, k)[:, None] + np.zeros(3))
    p = clustered(mean, cluster, 0.15, 0.7, rng)
    one, two = rng.random(p.shape) < p, rng.random(p.shape) < p
    both, u = one & two, rng.random(p.shape)
    # Rote memorisation is counted among all wholes, so a whole with a wrong part may be right in 0.02 / P(not both).
    right = np.where(both, u > 0.02, u < 0.02 / np.maximum(1 - p**2, 0.05))
    none = pl.lit(None, dtype=pl.String)
    tables = [answered(base.with_columns(parent=none), p, rng, score=right.astype(float))]
    for name, score in (("a", one), ("b", two)):
        part = base.with_columns(parent=pl.col("item"), item=pl.col("item") + f"/{name}")
        tables.append(answered(part, p, rng, score=score.astype(float)))
    return pl.concat(tables)


def dated(rng: np.random.Generator) -> pl.DataFrame:
    """A cutoff in time between 28 months that each have their own luck; a similarity to training that does not matter."""
    n = 420
    month = rng.integers(28, size=n)
    own = np.concatenate([rng.beta(2, 5, 28)])
    items = items_frame(
        n, rng, time=month, cluster=[f"month{m:02d}" for m in month], split=np.where(month < 15, "seen", "unseen"),
        similarity=np.clip(own[month] + rng.normal(0, 0.1, n), 0, 1),
    )  # fmt: skip
    mean = expit(rng.normal(0.4, 0.8, n)[:, None] + np.zeros(3))
    return answered(items, clustered(mean, month, 0.08, 0.8, rng), rng)


def few_months(rng: np.random.Generator) -> pl.DataFrame:
    """As ``dated``, with 12 months of very different sizes and a similarity that belongs to the month."""
    sizes = rng.permutation(zipf_sizes(12, 300, 0.8))
    month = np.repeat(np.arange(12), sizes)
    items = items_frame(
        len(month), rng, time=month, cluster=[f"month{m:02d}" for m in month],
        split=np.where(month < 6, "seen", "unseen"), similarity=rng.random(12)[month],
    )  # fmt: skip
    mean = expit(rng.normal(0.4, 0.8, len(month))[:, None] + np.zeros(3))
    return answered(items, clustered(mean, month, 0.12, 0.8, rng), rng)


def combinations(rng: np.random.Generator) -> pl.DataFrame:
    """Unseen are some pairs of domain and site, and lengths beyond 5; neither matters."""
    n = 420
    domain = rng.choice(list("pqrs"), n)
    items = items_frame(n, rng, domain=domain, site=rng.choice(["north", "south", "east", "west"], n))
    held = {("p", "north"), ("q", "south"), ("r", "east"), ("s", "west")}
    pairs = zip(items["domain"], items["site"], strict=True)
    unseen = np.array([pair in held for pair in pairs]) | (items["length"].to_numpy() > 5)
    items = items.with_columns(split=pl.Series(np.where(unseen, "unseen", "seen")))
    p = links("cauchit", rng.normal(0.2, 1.5, n)[:, None] + np.zeros(4))
    return answered(items, p, rng)


# The equal ease that U204 tests holds on Rasch tables only.
NOT_RASCH = ("U204",)
# A factor that belongs to clusters makes items of a level alike: U005 is right to say so.
NESTED = ("U005",)
# Luck of a model in a cluster makes single items contradict the order of the models.
LUCK = ("U202",)
# Models differ, and U701 is right to say so; the others must stay at their rate beside its true finds.
APART = ("U701",)
SHAPES: dict[str, Shape] = {
    "plain": Shape(plain),
    "plain, models differ": Shape(partial(plain, spread=0.4), untrue=APART),
    "many levels": Shape(many_levels, model_bound=NOT_RASCH),
    "30 x 300 levels": Shape(long_levels, model_bound=NOT_RASCH),
    "missing cells": Shape(missing, untrue=APART),
    "5 % unseen": Shape(rare, model_bound=NOT_RASCH),
    "few clusters, both sides": Shape(few, untrue=NESTED + LUCK, model_bound=NOT_RASCH),
    "few clusters a side": Shape(few_apart, untrue=NESTED + LUCK, model_bound=NOT_RASCH),
    "22 uneven clusters": Shape(uneven, untrue=NESTED + LUCK, model_bound=NOT_RASCH),
    "a giant cluster": Shape(giant, untrue=NESTED, model_bound=NOT_RASCH),
    "a giant on both sides": Shape(giant_within, untrue=NESTED + LUCK, model_bound=NOT_RASCH),
    "30 models": Shape(thirty, untrue=APART, model_bound=NOT_RASCH),
    "guessing, harder unseen": Shape(
        guessing, untrue=("U101", "U107", "U303", "U005", *APART), model_bound=NOT_RASCH,
    ),
    "ceiling": Shape(ceiling),
    "floor": Shape(floor, model_bound=NOT_RASCH),
    "bounded scores": Shape(bounded, model_bound=NOT_RASCH),
    "unbounded losses": Shape(losses, model_bound=NOT_RASCH),
    "repeats": Shape(repeats),
    "confidence, unlabelled": Shape(confident, model_bound=NOT_RASCH),
    "parts and wholes": Shape(parts, untrue=LUCK, model_bound=NOT_RASCH),
    "cutoff in time": Shape(dated, untrue=LUCK, model_bound=NOT_RASCH),
    "few months": Shape(few_months, untrue=LUCK, model_bound=NOT_RASCH),
    "held-out combinations": Shape(combinations, model_bound=NOT_RASCH),
}  # fmt: skip
