"""How often `improve` mends what was planted: a shortcut, offsets of domains, a shift of labels.

Small forms: ten sites of 200 rows, a logistic learner, the remedies that practitioners would try, one worker. A replicate
counts where the choice took a remedy that mends the planted cause in most tests, and the interval of the judged gain lies
above zero. `--null null` (or "rough null": a rare class, noise that differs by site) runs tables without a plant instead: "helped" is then false.

    python benchmarks/improve_planted.py [--replicates 20] [--plant shortcut] [--null null] [--judge mean] [--sites 10]
    [--rows 200] [--first 0]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time

import numpy as np
import polars as pl

from unseen.engine.store import Store
from unseen.improving import UNCHANGED, improve
from unseen.refitting import ask

SITES, ROWS = 10, 200
# Plant → (judge that it is made for, remedies that mend it).
PLANTS = {
    "shortcut": ("worst", ("stable-columns", "group-dro-weights", "v-rex-weights")),
    "sign change": ("worst", ("stable-columns", "group-dro-weights", "v-rex-weights")),
    "offset": ("mean", ("within-domains",)),
    "label shift": ("mean", ("em-recalibration", "black-box-recalibration")),
}
TRIED = ("stable-columns", "within-domains", "em-recalibration", "class-balance", "regularised", "domain-balance")


def planted(plant: str, seed: int, sites: int = SITES, rows: int = ROWS) -> pl.DataFrame:
    """A table with one planted cause, or with none ("null", "rough null")."""
    rng = np.random.default_rng([seed, 9])
    site = np.repeat(np.arange(sites), rows)
    share = np.full(sites, 0.5)
    if plant == "rough null":
        return rough(rng, site, sites)
    if plant == "label shift":
        share = rng.permutation(np.where(np.arange(sites) % 2 == 0, 0.1, 0.9))
    y = (rng.random(len(site)) < share[site]).astype(int)
    strength = {"shortcut": 0.8, "sign change": 0.8, "offset": 1.5, "label shift": 0.7, "null": 0.8}[plant]
    a = rng.normal(size=len(site)) + strength * (2 * y - 1)
    columns = {"a": a, "b": rng.normal(size=len(site))}
    if plant == "offset":
        columns["a"] = a + 2.0 * rng.normal(size=sites)[site]
    if plant == "shortcut":
        bad = rng.permutation(sites)[: max(2, round(0.3 * sites))]
        agree = np.where(np.isin(site, bad), 0.25, 0.95)
        columns["cue"] = np.where(rng.random(len(site)) < agree, y, 1 - y).astype(float)
    if plant == "sign change":
        # In a third of the sites a strong column means the contrary.
        turned = rng.permutation(sites)[: max(2, round(0.3 * sites))]
        columns["turning"] = rng.normal(size=len(site)) + 1.5 * np.where(np.isin(site, turned), -1, 1) * (2 * y - 1)
    return pl.DataFrame(columns | {"site": [f"s{i}" for i in site], "y": np.where(y == 1, "yes", "no")})


def rough(rng: np.random.Generator, site: np.ndarray, sites: int) -> pl.DataFrame:
    """A null of another make: a rare class, noise that differs by site, inputs of uneven sites; one law for all."""
    noise = np.exp(0.5 * rng.normal(size=sites))[site]
    x = rng.standard_t(4, size=(len(site), 3)) * noise[:, None] + 0.7 * rng.normal(size=(sites, 3))[site]
    y = rng.random(len(site)) < 1 / (1 + np.exp(-(x[:, 0] - 0.5 * x[:, 1] - 2)))
    names = ("a", "b", "c")
    return pl.DataFrame(
        {n: x[:, j] for j, n in enumerate(names)} | {"site": [f"s{i}" for i in site], "y": np.where(y, "yes", "no")}
    )


def tried(plant: str, seed: int, judge: str, sites: int = SITES, rows: int = ROWS) -> dict[str, object]:
    """What came of one table."""
    asked = ask(planted(plant, seed, sites, rows), "logistic", ["held-out site"], target="y", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        found = improve(
            asked, remedies=TRIED, race=True, judge=judge, seed=seed, executor="serial", store=Store(folder)
        )[0]
    gained = found.selected.gained
    mends = PLANTS.get(plant, ("", ()))[1]
    taken = sum(n for key, n in gained.chosen.items() if key.split(" ")[0] in mends)
    low = gained.estimate.low if gained.estimate else float("nan")
    return {
        "mended": taken > len(found.design.folds) / 2 and low > 0, "above zero": low > 0, "helped": found.helped,
        "gain": gained.estimate.value if gained.estimate else 0.0,
        "unchanged": gained.chosen.get(UNCHANGED, 0), "fits": found.fits, "chosen": dict(gained.chosen),
        "low": low, "worst": dict(gained.worst),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--show", action="store_true", help="print every replicate")
    parser.add_argument("--plant", action="append", choices=list(PLANTS))
    parser.add_argument("--judge", choices=["mean", "worst"])
    parser.add_argument("--null", choices=["null", "rough null"])
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--sites", type=int, default=SITES)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of a site")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop opening replicates after so long")
    given = parser.parse_args()
    began = time.perf_counter()
    for plant in [given.null] if given.null else given.plant or list(PLANTS):
        judge = given.judge or PLANTS.get(plant, ("mean",))[0]
        rows: list[dict[str, object]] = []
        for seed in range(given.first, given.first + given.replicates):
            if time.perf_counter() - began < 60 * given.minutes:
                rows.append(tried(plant, seed, judge, given.sites, given.rows))
                if given.show:
                    print(json.dumps(rows[-1]), flush=True)
        shown = {
            k: float(np.mean([float(r[k]) for r in rows])) for k in ("mended", "above zero", "helped", "gain", "fits")
        }  # type: ignore[arg-type]
        told = {"plant": plant, "judge": judge, "replicates": len(rows), **shown}
        print(json.dumps(told | {"seconds": round(time.perf_counter() - began, 1)}), flush=True)


if __name__ == "__main__":
    main()
