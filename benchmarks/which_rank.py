"""How often a measure is said to tell something beyond settings, and an environment to turn its order round, where neither is so.

Runs in a grid of settings; score and measure both follow two settings and are otherwise unrelated (null), or the measure also follows
the score (power). Attacks: every third run missing, skewed noise, runs that differ in the seed alone and share their noise. Where both
follow four settings, two that are known do not explain it: the measure does tell something beyond them.

    python benchmarks/which_rank.py [--replicates 40]
"""

from __future__ import annotations

import argparse
import json
from itertools import product

import numpy as np

from unseen.estimates.models.foretelling import foretelling
from unseen.estimates.models.pairwise_information import information, worst_environments

SCENES = ("null", "missing", "skewed", "seeds", "four settings", "power")


def drawn(scene: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[dict[str, int]]]:
    runs = [
        {"width": w, "rate": r, "noise": n, "batch": b, "decay": d, "seed": s}
        for w, r, n, b, d, s in product(range(3), range(2), range(2), range(2), range(2), range(2))
    ]
    if scene == "missing":
        runs = [one for one in runs if rng.random() > 1 / 3]
    by = {k: rng.normal() for k in ("width", "rate", "noise", "batch")[: 4 if scene == "four settings" else 2]}
    effect = np.array([sum(by[k] * one[k] for k in by) for one in runs])
    a, b = rng.exponential(size=(2, len(runs))) if scene == "skewed" else rng.normal(size=(2, len(runs)))
    if scene == "seeds":
        # Runs of one configuration lie side by side: they share most of their noise.
        common = np.repeat(rng.normal(size=(2, len(runs) // 2)), 2, axis=1)
        a, b = np.sqrt(0.8) * common + np.sqrt(0.2) * np.stack([a, b])
    score = effect + a
    measure = effect + (0.5 * b + 0.5 * a if scene == "power" else b)
    return measure, score, runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=40)
    count = parser.parse_args().replicates
    for scene in SCENES:
        beyond, alone, turned = [], [], []
        for seed in range(count):
            rng = np.random.default_rng([seed, SCENES.index(scene)])
            measure, score, runs = drawn(scene, rng)
            beyond.append(information(measure, score, runs, rng=rng, permutations=39).p_value <= 0.05)
            alone.append(foretelling(measure, score, runs).p_value <= 0.05)
            turned.append(len(worst_environments(measure, score, runs).reversed) > 0)
        told = {"scene": scene, "said to tell more": np.mean(beyond), "standard error": np.std(beyond) / np.sqrt(count)}
        print(
            json.dumps(told | {"Kendall alone": np.mean(alone), "an order turned round": np.mean(turned)}), flush=True
        )


if __name__ == "__main__":
    main()
