"""Level and coverage of the checks on forms of one item: U402 (order of options) and U405 (rewrites).

    python benchmarks/forms.py [--replicates 100] [--seed 0] [--only "U402 place"]

Worlds are drawn in which the truth is known. ``found`` is the share of tables with a finding (alone, at 5 %), ``covers`` that of
intervals that hold the truth, ``clear`` that of tables that are cleared; with binomial standard errors.
"""

import argparse
import math
from collections import Counter

import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, Settings, Subject
from unseen.checks.registry import all_checks
from unseen.responses import Responses

OPTIONS = ("iron", "mercury", "copper", "zinc")


def answers(choice: np.ndarray, *, options: bool, per_cluster: np.ndarray) -> pl.DataFrame:
    """A table from choices, shape (items, forms, repeats): with options, the content chosen in each rotation."""
    i, f, r = (axis.reshape(-1) for axis in np.meshgrid(*map(np.arange, choice.shape), indexing="ij"))
    shown = [[OPTIONS[(j - k) % 4] for j in range(4)] for k in range(4)]
    said = choice.reshape(-1)
    columns = {
        "model": ["m"] * len(said), "item": [f"{a}" if b == 0 else f"{a}~{b}" for a, b in zip(i, f, strict=True)],
        "variant_of": [None if b == 0 else f"{a}" for a, b in zip(i, f, strict=True)], "repeat": r,
        "score": (said == 0).astype(float), "cluster": [f"c{per_cluster[a]}" for a in i], "target": ["iron"] * len(said),
        "prediction": [OPTIONS[v] if options else f"answer {v}" for v in said],
    }  # fmt: skip
    if options:
        columns |= {"choices": [shown[b] for b in f], "variant": ["order" if b else "original" for b in f]}
    else:
        columns["target"] = ["answer 0"] * len(said)
        columns["variant"] = ["typos" if b else "original" for b in f]
    return pl.DataFrame(columns)


def clusters(kind: str, items: int, rng: np.random.Generator) -> np.ndarray:
    """Cluster of each item: each its own, five a cluster, or one giant cluster with 40 % and pairs."""
    if kind == "alone":
        return np.arange(items)
    if kind == "fives":
        return np.arange(items) // 5
    giant = int(0.4 * items)
    return np.concatenate([np.zeros(giant, dtype=int), 1 + np.arange(items - giant) // 2])


def shared(chance: float, cluster: np.ndarray, rng: np.random.Generator, *, tied: bool) -> np.ndarray:
    """A chance for each item; tied, it is 0 or a half of all by cluster (0.02 → a share of clusters at 0.3)."""
    if not tied:
        return np.full(len(cluster), chance)
    high = max(0.3, chance * 1.5)
    return np.where(rng.random(cluster.max() + 1) < chance / high, high, 0.0)[cluster]


def two_forms(
    chance: float, kind: str, items: int, rng: np.random.Generator, options: bool
) -> tuple[pl.DataFrame, float]:
    """Two forms that differ with this chance."""
    cluster = clusters(kind, items, rng)
    differ = rng.random(items) < shared(chance, cluster, rng, tied=kind != "alone")
    choice = np.zeros((items, 2, 1), dtype=int)
    choice[differ, 1, 0] = rng.integers(1, 4, size=int(differ.sum()))
    return answers(choice, options=options, per_cluster=cluster), chance


def four_forms(
    chance: float, kind: str, items: int, rng: np.random.Generator, options: bool
) -> tuple[pl.DataFrame, float]:
    """Each of four forms slips to the second answer with a chance p: a pair differs with chance 2p(1 - p) = ``chance``."""
    p = (1 - math.sqrt(1 - 2 * chance)) / 2
    cluster = clusters(kind, items, rng)
    choice = (rng.random((items, 4, 1)) < p).astype(int)
    return answers(choice, options=options, per_cluster=cluster), chance


def guessing(kind: str, items: int, rng: np.random.Generator) -> tuple[pl.DataFrame, float]:
    """Content at random in each rotation: no place draws."""
    return answers(rng.integers(4, size=(items, 4, 1)), options=True, per_cluster=clusters(kind, items, rng)), 0.0


def own_places(kind: str, items: int, rng: np.random.Generator) -> tuple[pl.DataFrame, float]:
    """Each item (each cluster) draws to a place of its own, evenly over places: no place of the model."""
    cluster = clusters(kind, items, rng)
    place = rng.integers(4, size=cluster.max() + 1)[cluster]
    return answers(((place[:, None] - np.arange(4)[None]) % 4)[:, :, None], options=True, per_cluster=cluster), 0.0


def drawn(share: float, kind: str, items: int, rng: np.random.Generator) -> tuple[pl.DataFrame, float]:
    """A share of items always takes what stands first: an excess of 3/4 each."""
    cluster = clusters(kind, items, rng)
    first = rng.random(items) < share
    content = np.where(first[:, None], -np.arange(4)[None] % 4, rng.integers(4, size=items)[:, None])
    return answers(content[:, :, None], options=True, per_cluster=cluster), 0.75 * share


def repeated(kind: str, items: int, rng: np.random.Generator) -> tuple[pl.DataFrame, float]:
    """Guessing, three answers to each order: what differs by chance is taken off."""
    return answers(rng.integers(4, size=(items, 4, 3)), options=True, per_cluster=clusters(kind, items, rng)), 0.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument("--only", default="", help="begin of the names of worlds")
    given = parser.parse_args()
    worlds = [
        *((f"U405 two forms, differ in {c:.0%}, {k}", "U405", 0, lambda r, c=c, k=k: two_forms(c, k, given.items, r, False))
          for c in (0.02, 0.10) for k in ("alone", "fives", "giant")),
        *((f"U405 four forms, differ in {c:.0%}", "U405", 0, lambda r, c=c: four_forms(c, "alone", given.items, r, False))
          for c in (0.02, 0.3)),
        ("U402 choice, differ in 2%", "U402", 0, lambda r: two_forms(0.02, "alone", given.items, r, True)),
        ("U402 choice, differ in 30%", "U402", 0, lambda r: four_forms(0.3, "alone", given.items, r, True)),
        ("U402 choice, guessing thrice", "U402", 0, lambda r: repeated("alone", given.items, r)),
        *((f"U402 place, guessing, {k}", "U402", 1, lambda r, k=k: guessing(k, given.items, r)) for k in ("alone", "giant")),
        *((f"U402 place, each its own, {k}", "U402", 1, lambda r, k=k: own_places(k, given.items, r)) for k in ("alone", "fives")),
        *((f"U402 place, {s:.0%} take the first", "U402", 1, lambda r, s=s: drawn(s, "alone", given.items, r)) for s in (0.1, 0.4)),
    ]  # fmt: skip
    print(f"{'world':44s} truth  found        covers       clear        declined   ({given.replicates} tables)")
    for number, (name, code, place, draw) in enumerate(worlds):
        if not name.startswith(given.only):
            continue
        count: Counter[str] = Counter()
        for replicate in range(given.replicates):
            table, truth = draw(np.random.default_rng([given.seed, number, replicate]))
            outcomes = run_check(
                all_checks()[code], Subject(Responses.of(table)), Settings(seed=replicate, n_resamples=400), strict=True
            )
            outcome = outcomes[place]
            count["found"] += isinstance(outcome, Found)
            count["clear"] += isinstance(outcome, Clear)
            if outcome.estimate is None:
                count["declined"] += 1
            else:
                count["covers"] += outcome.estimate.low <= truth <= outcome.estimate.high
        n = given.replicates
        shares = [
            f"{count[k] / n:.3f} ± {math.sqrt(count[k] / n * (1 - count[k] / n) / n):.3f}"
            for k in ("found", "covers", "clear")
        ]
        print(f"{name:44s} {truth:.3f}  {'  '.join(shares)}  {count['declined']}", flush=True)


if __name__ == "__main__":
    main()
