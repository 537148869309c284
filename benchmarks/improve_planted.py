"""How often `improve` mends what was planted: a shortcut, a column that changes its sign, offsets, a shift of labels.

Small forms, a logistic learner, one process, each fit once. A replicate counts where the choice took a remedy that mends
the planted cause in most tests, and the interval of the judged gain lies above zero. The remedies raced are those that
practitioners would try first. `--null` runs tables without a plant ("rough null": a rare class, noise that differs by
site) under all remedies that apply: "helped" and "above zero" are then false.

    python benchmarks/improve_planted.py [--replicates 20] [--plant shortcut] [--null null] [--judge mean] [--sites 10]
    [--rows 200] [--first 0] [--keep FILE]

With `--keep`, replicates are added to a file as they finish, those found there are not run again, and the figures are of
all replicates in the file that were made the same way.

Measured with --first 200 (mended; judge, sites x rows of a site):

    shortcut     worst, 10 x 400  20 of 20 (1.00, standard error 0.00)
    sign change  worst, 10 x 400  20 of 20 (1.00, standard error 0.00)
    offset       mean, 10 x 200   19 of 20 (0.95, standard error 0.05)
    label shift  mean, 10 x 200   20 of 20 (1.00, standard error 0.00)
    nothing      mean, 6 x 60     0 of 400 said to gain (seeds from 1000, 2000, 3000, 5000 and 7000)
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from unseen.engine.store import Store
from unseen.improving import UNCHANGED, improve
from unseen.refitting import ask

# Sites and rows of a site; the worst quarter of sites is judged by few rows, and gets more of them.
SITES, ROWS, ROWS_WORST = 10, 200, 400
# Nulls race every remedy there is: small enough for hundreds of them.
NULL_SITES, NULL_ROWS = 6, 60
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


def form(plant: str, sites: int | None, rows: int | None) -> tuple[int, int]:
    """Sites and rows of a site, as asked or as usual."""
    if plant not in PLANTS:
        return sites or NULL_SITES, rows or NULL_ROWS
    return sites or SITES, rows or (ROWS_WORST if PLANTS[plant][0] == "worst" else ROWS)


def tried(plant: str, seed: int, judge: str, sites: int, rows: int) -> dict[str, Any]:
    """What came of one table."""
    asked = ask(planted(plant, seed, sites, rows), "logistic", ["held-out site"], target="y", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        found = improve(
            asked, remedies=TRIED if plant in PLANTS else (), race=True, repeats=1, judge=judge, seed=seed,
            executor="serial", store=Store(folder),
        )[0]  # fmt: skip
    gained = found.selected.gained
    mends = PLANTS.get(plant, ("", ()))[1]
    taken = sum(n for key, n in gained.chosen.items() if key.split(" ")[0] in mends)
    low = gained.estimate.low if gained.estimate else float("nan")
    return {
        "mended": taken > len(found.design.folds) / 2 and low > 0, "above zero": low > 0, "helped": found.helped,
        "gain": gained.estimate.value if gained.estimate else 0.0,
        "unchanged": gained.chosen.get(UNCHANGED, 0), "fits": found.fits, "chosen": dict(gained.chosen),
        "low": low, "worst": dict(gained.worst), "alone": sum(r.verdict == "gains" for r in found.ranking) > 0,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--plant", action="append", choices=list(PLANTS))
    parser.add_argument("--judge", choices=["mean", "worst"])
    parser.add_argument("--null", choices=["null", "rough null"])
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--sites", type=int)
    parser.add_argument("--rows", type=int, help="rows of a site")
    parser.add_argument("--keep", type=Path, help="file of finished replicates")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop opening replicates after so long")
    given = parser.parse_args()
    began = time.perf_counter()
    for plant in [given.null] if given.null else given.plant or list(PLANTS):
        judge = given.judge or PLANTS.get(plant, ("mean",))[0]
        sites, rows = form(plant, given.sites, given.rows)
        made = {"plant": plant, "judge": judge, "sites": sites, "rows": rows}
        kept = [json.loads(line) for line in given.keep.read_text().splitlines()] if _there(given.keep) else []
        done = [r for r in kept if all(r[k] == v for k, v in made.items())]
        known = {r["seed"] for r in done}
        for seed in range(given.first, given.first + given.replicates):
            if seed not in known and time.perf_counter() - began < 60 * given.minutes:
                done.append(made | {"seed": seed} | tried(plant, seed, judge, sites, rows))
                if given.keep:
                    with given.keep.open("a") as file:
                        file.write(json.dumps(done[-1]) + "\n")
        if done:
            print(json.dumps(made | figures(done)), flush=True)


def _there(path: Path | None) -> bool:
    return path is not None and path.exists()


def figures(done: list[dict[str, Any]]) -> dict[str, Any]:
    """Rates with their standard errors, and means."""
    n = len(done)
    shown: dict[str, Any] = {"replicates": n}
    for k in ("mended", "above zero", "helped", "alone"):
        rate = sum(bool(r[k]) for r in done) / n
        shown[k] = f"{rate:.3f} ± {(rate * (1 - rate) / n) ** 0.5:.3f}"
    return shown | {
        "gain": float(np.mean([r["gain"] for r in done])),
        "fits": float(np.mean([r["fits"] for r in done])),
    }


if __name__ == "__main__":
    main()
