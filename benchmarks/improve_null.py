"""How often `improve` says that a remedy helped when none does: at most the nominal rate.

Four nulls. Tables: rows whose answer given the inputs is one well-specified logistic law in every domain, under domains
that differ in their inputs, so that no remedy beats plain likelihood; ten remedies are tried. Exact tables:
the same without differences between domains. Gains: the whole choice and its intervals on simulated scores, where 20
remedies help in some domains as much as they harm in others, mean zero; and on one later stretch, where
every remedy only adds noise, of rows and of fits.

    python benchmarks/improve_null.py [replicates of tables] [replicates of gains]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time

import numpy as np
import polars as pl

from unseen.engine.store import Store
from unseen.improving import UNCHANGED, Candidate, Gains, design, improve
from unseen.improving.attempts import Attempt
from unseen.refitting import ask

TRIED = (
    "domain-balance", "group-balance", "class-balance", "domain-sampling", "crafted-augmentation", "domain-ensemble",
    "em-recalibration", "logit-adjustment", "lame", "t3a",
)  # fmt: skip


def table(seed: int, *, rows: int = 800, domains: int = 10, apart: float = 0.7) -> pl.DataFrame:
    """One logistic law in all domains; their inputs lie ``apart`` standard deviations from each other."""
    rng = np.random.default_rng([seed, 1])
    centre = apart * rng.normal(size=(domains, 3))
    site = rng.integers(domains, size=rows)
    x = centre[site] + rng.normal(size=(rows, 3))
    y = rng.random(rows) < 1 / (1 + np.exp(-(x @ [1.0, -0.5, 0.0])))
    # One column of arrays goes to the learner as it is: most of the time would else be spent on preprocessing.
    inputs = pl.Series("x", x.astype(np.float32), dtype=pl.Array(pl.Float32, 3))
    return pl.DataFrame(
        [
            inputs,
            pl.Series("site", [f"s{i}" for i in site]),
            pl.Series("y", np.where(y, "p", "q")),
            pl.Series("week", np.arange(rows) // 20),
        ]
    )


def said_on_tables(seed: int, *, apart: float, smallest: float) -> tuple[bool, bool]:
    """Whether the verdict is "helped", and whether a remedy alone is said to gain."""
    asked = ask(table(seed, apart=apart), "logistic", ["held-out site"], target="y", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        found = improve(
            asked, remedies=TRIED, seed=seed, smallest_gain=smallest, executor="serial", store=Store(folder)
        )[0]
    return found.helped, any(r.verdict == "gains" for r in found.ranking)


def said_on_gains(
    seed: int,
    *,
    candidates: int = 20,
    domains: int = 12,
    spread: float = 0.03,
    flips: float = 0.1,
    shared: float = 0.0,
    repeats: int = 2,
    shift: str = "held-out site",
) -> tuple[bool, bool]:
    """The same on simulated scores: each candidate has an effect of its own in each domain, mean zero over domains."""
    rng = np.random.default_rng([seed, 2])
    frame = table(seed, rows=domains * 100, domains=domains)
    asked = ask(frame, "logistic", [shift], target="y", seed=seed)
    made = design(asked.problem, asked.cases, repeats=repeats, rows=20_000, seed=seed)
    names = [Candidate("placebo", {"number": i}) for i in range(candidates)]
    site = made.problem.examples.table["site"].rank("dense").to_numpy().astype(int) - 1
    effect = rng.normal(scale=spread, size=(candidates, domains))
    attempts = {}
    for fitting in made.fittings:
        own = attempts.setdefault((fitting.name, fitting.repeat), {})
        base = {s: (rng.random(len(r)) < 0.7).astype(float) for s, r in fitting.tests.items()}
        own[UNCHANGED] = Attempt(base, "", 1.0, 1.0)
        for i, one in enumerate(names):
            scores = {}
            moved = shared * rng.normal()
            for side, rows in fitting.tests.items():
                # A share of the rows changes; more of them for the better where the effect is positive.
                better = np.clip((flips + effect[i][site[rows]] + moved) / 2, 0, 1)
                worse = np.clip((flips - effect[i][site[rows]] - moved) / 2, 0, 1)
                drawn = rng.random(len(rows))
                scores[side] = base[side] + (drawn < better) - (drawn > 1 - worse)
            own[one.key] = Attempt(scores, "", 1.0, 1.0)
    gains = Gains(made, attempts, names, 0.95)
    chosen = gains.gained([gains.choose(fold, made.validation) for fold in made.folds])
    single = [gains.gained([one] * len(made.folds)) for one in names]
    helped = chosen.estimate is not None and chosen.estimate.low > 0
    return helped, min(s.p_value or 1.0 for s in single if s.estimate and s.estimate.value > 0) * candidates <= 0.05


def rate(hits: list[bool]) -> dict[str, float]:
    n, k = len(hits), sum(hits)
    half = 1.96 * np.sqrt(max(k, 1) / n * (1 - max(k, 1) / n) / n)
    return {"rate": k / n, "half_width": round(float(half), 4), "replicates": n}


def main() -> None:
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    gains = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    began = time.perf_counter()
    found: dict[str, object] = {}
    for name, apart in (("domains differ", 0.7), ("domains alike", 0.0)):
        said = [said_on_tables(s, apart=apart, smallest=0.0) for s in range(tables)]
        found[f"tables, {name}"] = {"verdict": rate([a for a, _ in said]), "any remedy": rate([b for _, b in said])}
    said = [said_on_gains(s) for s in range(gains)]
    found["gains, mean zero over domains"] = {
        "verdict": rate([a for a, _ in said]), "any remedy": rate([b for _, b in said])
    }  # fmt: skip
    said = [said_on_gains(s, spread=0.0, repeats=5, shift="later week", shared=0.02) for s in range(gains)]
    found["gains, none on one later stretch"] = {
        "verdict": rate([a for a, _ in said]), "any remedy": rate([b for _, b in said])
    }  # fmt: skip
    found["nominal"] = {"verdict": 0.025, "any remedy": 0.05}
    found["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
