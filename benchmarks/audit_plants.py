"""Tables with one effect of a size that is known exactly, on the scale of the check that looks for it.

``plant(rng, gap, units)`` draws a table of about ``units`` independent items in which the named outcomes have a true effect
of ``gap``; everything else in the table is null. Means are set on the scale of the score, so no approximation enters.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from audit_shapes import answered, clustered, items_frame, with_variants, zipf_sizes
from scipy.optimize import brentq
from scipy.special import expit

Draw = Callable[[np.random.Generator, float, int], pl.DataFrame]


@dataclass(frozen=True)
class Plant:
    """An effect of exactly the size that is asked for.

    Attributes:
        code: The check that asks for it.
        draw: (generator, effect, independent units) → table.
        about: Starts of the names of the outcomes that carry it; all of the code where empty.
        units: From how few to how many units the effect is looked for, so that some tables are too small.
    """

    code: str
    draw: Draw
    about: tuple[str, ...] = ()
    units: tuple[int, int] = (60, 400)


def rows_of(
    items: pl.DataFrame, p: np.ndarray, rng: np.random.Generator, *, design: str = "", said: np.ndarray | None = None
) -> pl.DataFrame:
    """Answers with the means ``p`` (items, models): independent, in even or uneven clusters, or as a rubric."""
    n = len(items)
    if design in ("clusters", "uneven"):
        sizes = np.full(max(n // 6, 2), 6) if design == "clusters" else zipf_sizes(max(n // 8, 2), n, 0.7)
        # Clusters lie at random over the items, so that each may be on both sides.
        cluster = rng.permutation(np.resize(np.repeat(np.arange(len(sizes)), rng.permutation(sizes)), n))
        items = items.with_columns(cluster=pl.Series([f"k{c}" for c in cluster]))
        p = clustered(p, np.unique(cluster, return_inverse=True)[1], 0.12, 0.3, rng)
    if design == "rubric":
        return answered(items, p, rng, score=np.clip(rng.beta(1.2 * p, 1.2 * (1 - p)), 0, 1))
    return answered(items, p, rng, said=said)


def means(n: int, base: float, models: int) -> np.ndarray:
    """Equal means of all items, for models 0.04 apart."""
    return np.tile(base - 0.04 * np.arange(models), (n, 1))


def gap_101(base: float, design: str = "", share: float = 0.5, models: int = 3, affected: int | None = None) -> Draw:
    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        unseen = rng.permutation(np.arange(n) < round(share * n))
        items = items_frame(n, rng, split=np.where(unseen, "unseen", "seen"))
        p = np.full((n, models), base)
        p[:, :affected] -= gap * unseen[:, None]
        return rows_of(items, p, rng, design=design)

    return draw


def gap_apart(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    """Whole clusters of ten are seen or unseen."""
    k = max(n // 10, 4)
    cluster = np.repeat(np.arange(k), 10)
    unseen = rng.permutation(np.arange(k) % 2)[cluster]
    items = items_frame(10 * k, rng, cluster=[f"k{c}" for c in cluster], split=np.where(unseen, "unseen", "seen"))
    p = np.tile(0.75 - gap * unseen[:, None], (1, 3))
    return answered(items, clustered(p, cluster, 0.15, 0.3, rng), rng)


def levels_102(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    items = items_frame(n, rng, site=rng.choice(["north", "south", "east"], n, p=[0.6, 0.3, 0.1]))
    return rows_of(items, means(n, 0.75, 2) - gap * (items["site"] == "south").to_numpy()[:, None], rng)


def many_102(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    items = items_frame(n, rng, template=[f"t{k}" for k in rng.permutation(np.arange(n) % 12)])
    return rows_of(items, means(n, 0.75, 2) - gap * (items["template"] == "t3").to_numpy()[:, None], rng)


def slice_103(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    items = items_frame(n, rng, depth=rng.integers(1, 5, n))
    inside = ((items["domain"] == "p") & (items["depth"] > 2)).to_numpy()
    return rows_of(items, means(n, 0.75, 2) - gap * inside[:, None], rng)


def step_104(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    items = items_frame(n, rng)
    past = (items["length"] > 3).to_numpy()
    return rows_of(
        items.with_columns(split=pl.Series(np.where(past, "unseen", "seen"))),
        means(n, 0.8, 2) - gap * past[:, None],
        rng,
    )


def cliff_104(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    """No split: the reference is the lower half of the levels, and the fall is in the upper half alone."""
    items = items_frame(n, rng).drop("split")
    return rows_of(items, means(n, 0.95, 2) - gap * (items["length"] > 3).to_numpy()[:, None], rng)


def valley_105(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    items = items_frame(n, rng, length=rng.integers(1, 6, n))
    at = (items["length"] == 3).to_numpy() & (items["split"] == "unseen").to_numpy()
    return rows_of(items, means(n, 0.75, 2) - gap * at[:, None], rng)


def decay_106(design: str = "") -> Draw:
    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        time = rng.permutation(np.concatenate([[0, 100], rng.integers(0, 101, n - 2)]))
        return rows_of(
            items_frame(n, rng, time=time), means(n, 0.8, 3) - gap * (time / 100)[:, None], rng, design=design
        )

    return draw


def within_107(design: str = "") -> Draw:
    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        unseen = rng.permutation(np.arange(n) % 2)
        domain = np.where(rng.random(n) < 0.35 + 0.3 * unseen, "hard", "easy")
        items = items_frame(n, rng, split=np.where(unseen, "unseen", "seen"), domain=domain, length=None)
        p = means(n, 0.85, 3) - gap * unseen[:, None] - 0.2 * (domain == "hard")[:, None]
        return rows_of(items, p, rng, design=design)

    return draw


def compounding_108(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    items = items_frame(n, rng, length=None, long=rng.choice(["no", "yes"], n), deep=rng.choice(["no", "yes"], n))
    long, deep = ((items[name] == "yes").to_numpy() for name in ("long", "deep"))
    p = means(n, 0.85, 2) - (0.1 * long + 0.1 * deep + gap * (long & deep))[:, None]
    return rows_of(items, p, rng)


def extra_logits(gap: float, theta: float, models: int, spread: float) -> float:
    """The loss in logits of one model of several that is ``gap`` in mean score, after the mean loss is taken off."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()

    def score(ability: float) -> float:
        return float(weights @ expit(ability - spread * nodes))

    def extra(delta: float) -> float:
        return score(theta - delta / models) - score(theta - delta) - gap

    return 0.0 if gap == 0 else float(brentq(extra, 1e-6, 8))


def equated_203(design: str = "", shift: float = 0.5, domain: str = "") -> Draw:
    """One model of four loses more than difficulty explains on unseen items, or on those of a domain; both are harder."""

    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        items = items_frame(n, rng)
        unseen = (items["domain"] == domain if domain else items["split"] == "unseen").to_numpy()
        ability = np.array([1.0, 0.8, 0.4, 0.0])
        # On the unseen side all abilities are lower by the shift, which difficulty takes.
        delta = extra_logits(gap, ability[0] - shift, 4, 1.0)
        lost = unseen[:, None] * (shift + delta * (np.arange(4) == 0))
        x = -rng.normal(0, 1, n)[:, None] + ability - lost
        if design == "clusters":
            cluster = rng.permutation(np.resize(np.arange(max(n // 6, 2)), n))
            items = items.with_columns(cluster=pl.Series([f"k{c}" for c in cluster]))
            # Half of the variance of difficulty belongs to the cluster, so that items of one are alike.
            own = rng.normal(0, np.sqrt(0.5), cluster.max() + 1)[cluster] + rng.normal(0, np.sqrt(0.5), n)
            x = -own[:, None] + ability - lost
        return answered(items, expit(x), rng)

    return draw


def composites(kind: str, design: str = "") -> Draw:
    """Wholes of two parts: wrong although both are right ("gap"), or right although one is wrong ("rote")."""

    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        items = items_frame(n, rng).with_columns(parent=pl.lit(None, dtype=pl.String))
        size, models = n, 3
        one, two = rng.random((size, models)) < 0.8, rng.random((size, models)) < 0.8
        both = one & two
        rate = np.full((size, models), 1 - gap if kind == "gap" else 0.8)
        if design == "clusters":
            cluster = rng.permutation(np.resize(np.arange(max(n // 6, 2)), n))
            items = items.with_columns(cluster=pl.Series([f"k{c}" for c in cluster]))
            rate = clustered(rate, cluster, 0.12, 0.3, rng)
        u = rng.random((size, models))
        rote = gap / (1 - 0.64) if kind == "rote" else 0.0
        whole = np.where(both, u < rate, u < rote)
        tables = [answered(items, rate, rng, score=whole.astype(float))]
        for name, score in (("a", one), ("b", two)):
            part = items.with_columns(parent=pl.col("item"), item=pl.col("item") + f"/{name}")
            tables.append(answered(part, rate, rng, score=score.astype(float)))
        return pl.concat(tables)

    return draw


def novel_303(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    """Additive on the logit over domain and site; new pairs score ``gap`` less than that."""
    items = items_frame(
        n, rng, site=rng.choice(["north", "south", "east", "west"], n), domain=rng.choice(list("pqrs"), n)
    )
    a, b = (np.unique(items[name].to_numpy(), return_inverse=True)[1] for name in ("domain", "site"))
    unseen = a == b
    p = expit(1.0 - 0.3 * a + 0.3 * b)[:, None] - gap * unseen[:, None]
    items = items.with_columns(split=pl.Series(np.where(unseen, "unseen", "seen"))).drop("length", "time")
    return rows_of(items, np.tile(np.clip(p, 0.01, 1), (1, 2)), rng)


def variants(affected: int | None, models: int) -> Draw:
    """Every original has one variant; the first ``affected`` models lose on it, item by item."""

    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        items = items_frame(n, rng).with_columns(variant_of=pl.lit(None, dtype=pl.String))
        again = items.with_columns(item=pl.col("item") + "-v", variant_of=pl.col("item"))
        # An item's own chance lies between 0.55 and 0.95, and is lower by the gap for its variant.
        p = np.tile(rng.uniform(0.55, 0.95, (n, 1)), (1, models))
        lost = p.copy()
        lost[:, :affected] -= gap
        return pl.concat([answered(items, p, rng), answered(again, lost, rng)])

    return draw


def over_601(design: str = "") -> Draw:
    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        p = rng.uniform(0.15, 0.85, (n, 2))
        return rows_of(items_frame(n, rng), p, rng, said=p + gap, design=design)

    return draw


def mixed_601(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    """Four stated confidences: over-confident where sure, under-confident where unsure, so that the lean is zero."""
    said = rng.choice([0.2, 0.35, 0.65, 0.8], (n, 2))
    return rows_of(items_frame(n, rng), said + gap * np.where(said > 0.5, -1, 1), rng, said=said)


def transfer_603(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    items = items_frame(n, rng)
    said = rng.uniform(0.2, 0.9, (n, 2))
    return rows_of(items, said - gap * (items["split"] == "unseen").to_numpy()[:, None], rng, said=said)


def unlabelled_604(concept: bool) -> Draw:
    """Half of the rows have no label, and a score that is lower by the gap, with or without a lower confidence."""

    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        items = items_frame(n, rng).drop("split")
        hidden = rng.random(n) < 0.5
        said = rng.uniform(0.3, 0.95, (n, 2)) - (0 if concept else gap * hidden[:, None])
        rows = rows_of(items, said - (gap * hidden[:, None] if concept else 0), rng, said=said)
        return rows.with_columns(score=pl.when(pl.Series(np.tile(hidden, 2))).then(None).otherwise(pl.col("score")))

    return draw


def flip_702(models: int) -> Draw:
    """The first two models change places between seen and unseen: ahead by the gap, then behind by it."""

    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        items = items_frame(n, rng)
        p = np.full((n, models), 0.75)
        p[:, 0] += gap / 2 * np.where(items["split"] == "seen", 1, -1)
        p[:, 1] -= gap / 2 * np.where(items["split"] == "seen", 1, -1)
        p[:, 2:] -= 0.3 + 0.1 * np.arange(models - 2)
        return rows_of(items, p, rng)

    return draw


def pair_701(design: str = "") -> Draw:
    """Two models whose chances differ by the gap on every item, with items that differ between 0.3 and 0.9."""

    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        easy = rng.uniform(0.3, 0.9, n)
        return rows_of(items_frame(n, rng), np.stack([easy, easy - gap], axis=1), rng, design=design)

    return draw


def similar_502(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    """A straight line over a similarity between 0 and 1, whose 10 % and 90 % quantiles lie 0.8 apart."""
    similarity = rng.permutation((np.arange(n) + 0.5) / n)
    return rows_of(
        items_frame(n, rng, similarity=similarity), means(n, 0.7, 2) + gap / 0.8 * (similarity[:, None] - 0.5), rng
    )


def cutoff_503(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
    time = rng.permutation(np.arange(n))
    late = time >= n // 2
    items = items_frame(n, rng, time=time, split=np.where(late, "unseen", "seen"))
    return rows_of(items, means(n, 0.75, 2) - gap * late[:, None], rng)


def mixed(plant: str) -> Draw:
    """Many columns, variants and confidence, and one effect: for the power of an audit that has much else to test."""

    def draw(rng: np.random.Generator, gap: float, n: int) -> pl.DataFrame:
        items = items_frame(n, rng, depth=rng.integers(1, 5, n), site=rng.choice(["north", "south", "east"], n))
        items, easy = with_variants(items, rng.normal(0.3, 1, n), 1 / 3)
        x = np.tile(easy[:, None], (1, 4))
        has = {name: items[name].to_numpy() for name in ("length", "depth", "domain", "site", "time", "split")}
        if plant == "gap":
            x = x - gap * (has["split"] == "unseen")[:, None]
        elif plant == "slice":
            x = x - 2.5 * gap * ((has["domain"] == "q") & (has["site"] == "south"))[:, None]
        elif plant == "break":
            x = x - gap * np.maximum(0, has["length"] - 4)[:, None]
        elif plant == "variants":
            x = x - gap * items["variant_of"].is_not_null().to_numpy()[:, None]
        elif plant == "time":
            x = x - 0.15 * gap * (has["time"] - 2018)[:, None]
        elif plant == "interaction":
            x = x - 2 * gap * ((has["length"] > 4) & (has["depth"] > 2))[:, None]
        p = expit(x)
        return answered(items, p, rng, said=expit(2.0 * x + 0.5) if plant == "overconfident" else p)

    return draw


PLANTS: dict[str, Plant] = {
    "U101 .75": Plant("U101", gap_101(0.75)),
    "U101 near ceiling": Plant("U101", gap_101(0.995)),
    "U101 15 % unseen": Plant("U101", gap_101(0.75, share=0.15), units=(80, 600)),
    "U101 clusters": Plant("U101", gap_101(0.75, "clusters"), units=(90, 500)),
    "U101 uneven clusters": Plant("U101", gap_101(0.75, "uneven"), units=(100, 500)),
    "U101 clusters apart": Plant("U101", gap_apart, units=(240, 800)),
    "U101 rubric": Plant("U101", gap_101(0.75, "rubric")),
    "U102 one level of 3": Plant("U102", levels_102, ("m0 · site", "m1 · site"), units=(80, 700)),
    "U102 one level of 12": Plant("U102", many_102, ("m0 · template", "m1 · template"), units=(150, 900)),
    "U103 slice": Plant("U103", slice_103, units=(100, 1200)),
    "U104 step past the seen": Plant("U104", step_104, ("m0 · length", "m1 · length"), units=(60, 500)),
    "U104 cliff, no split": Plant("U104", cliff_104, ("m0 · length", "m1 · length"), units=(60, 400)),
    "U105 valley": Plant("U105", valley_105, ("m0 · length", "m1 · length", "length"), units=(150, 1500)),
    "U106 decay": Plant("U106", decay_106(), units=(100, 800)),
    "U106 decay, clusters": Plant("U106", decay_106("clusters"), units=(150, 900)),
    "U107 within": Plant("U107", within_107()),
    "U107 within, uneven": Plant("U107", within_107("uneven"), units=(120, 600)),
    "U108 pair": Plant(
        "U108",
        compounding_108,
        tuple(f"m{m} · {pair}" for m in (0, 1) for pair in ("long × deep", "deep × long")),
        units=(200, 1500),
    ),
    "U203 one of four": Plant("U203", equated_203(), ("m0",), units=(80, 500)),
    "U203 one at a level": Plant("U203", equated_203(domain="q"), ("domain",), units=(150, 900)),
    "U203 clusters": Plant("U203", equated_203("clusters"), ("m0",), units=(120, 600)),
    "U301 gap": Plant("U301", composites("gap"), units=(40, 250)),
    "U301 gap, clusters": Plant("U301", composites("gap", "clusters"), units=(80, 300)),
    "U302 rote": Plant("U302", composites("rote"), units=(30, 250)),
    "U303 new pairs": Plant("U303", novel_303, units=(100, 800)),
    "U401 variants": Plant("U401", variants(None, 2), units=(30, 300)),
    "U501 one of three": Plant("U501", variants(1, 3), ("m0",), units=(30, 300)),
    "U502 similarity": Plant("U502", similar_502, units=(80, 700)),
    "U503 cutoff": Plant("U503", cutoff_503, units=(150, 1200)),
    "U601 over-confident": Plant("U601", over_601(), units=(80, 500)),
    "U601 both ways": Plant("U601", mixed_601, units=(80, 500)),
    "U601 over, clusters": Plant("U601", over_601("clusters"), units=(120, 600)),
    "U603 transfer": Plant("U603", transfer_603, units=(100, 800)),
    "U604 lower confidence": Plant("U604", unlabelled_604(concept=False), units=(120, 800)),
    "U604 concept shift": Plant("U604", unlabelled_604(concept=True), units=(120, 800)),
    "U701 pair": Plant("U701", pair_701()),
    "U701 pair, clusters": Plant("U701", pair_701("clusters"), units=(90, 500)),
    "U702 flip, 2 models": Plant("U702", flip_702(2), ("seen / unseen",), units=(60, 700)),
    "U702 flip, 6 models": Plant("U702", flip_702(6), ("seen / unseen",), units=(60, 700)),
}
# Power of a whole audit against one effect among much else; the effect is in logits, 0.8 for all.
MIXED: dict[str, str] = {
    "gap": "U101",
    "slice": "U103",
    "break": "U104",
    "overconfident": "U601",
    "variants": "U401",
    "time": "U106",
    "interaction": "U108",
}
