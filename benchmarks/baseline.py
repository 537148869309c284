"""U705 simulated: level under sampling at a temperature, coverage of the change, chance to find a break.

Each item has a chance to be answered rightly, and each audit draws its answers anew. The null is the same chances; a break
takes 40 % of the right answers of one model; halving takes half of all models'. Run: python benchmarks/baseline.py --replicates 400
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from unseen import auditing
from unseen.checks.base import Found, Settings, Subject
from unseen.responses import Responses
from unseen.responses.kept import KeptScores

Chances = np.ndarray
FAST = Settings(n_resamples=200)


def independent(rng: np.random.Generator, models: int = 4, items: int = 300) -> tuple[Chances, np.ndarray]:
    """Items of any difficulty, each a unit of its own."""
    return rng.beta(0.6, 0.6, size=(models, items)), np.arange(items)


def clustered(rng: np.random.Generator, models: int = 4, clusters: int = 30) -> tuple[Chances, np.ndarray]:
    """Documents of uneven size that share difficulty."""
    size = rng.geometric(0.1, clusters)
    cluster = np.repeat(np.arange(clusters), size)
    ability = rng.normal(0, 1, (models, 1)) + rng.normal(0, 1.5, clusters)[cluster] + rng.normal(0, 1, len(cluster))
    return 1 / (1 + np.exp(-ability)), cluster


def near_ceiling(rng: np.random.Generator) -> tuple[Chances, np.ndarray]:
    """Models that are nearly always right."""
    return 1 - rng.beta(0.5, 12, size=(4, 200)), np.arange(200)


def many_models(rng: np.random.Generator) -> tuple[Chances, np.ndarray]:
    """Thirty models."""
    return independent(rng, models=30, items=200)


def few(rng: np.random.Generator) -> tuple[Chances, np.ndarray]:
    """Six documents, of which one holds half of the items."""
    chances, _ = clustered(rng, clusters=6)
    items = chances.shape[1]
    cluster = np.where(np.arange(items) < items // 2, 0, 1 + np.arange(items) % 5)
    return chances, cluster


WORLDS: dict[str, Callable[[np.random.Generator], tuple[Chances, np.ndarray]]] = {
    "independent": independent, "clustered": clustered, "ceiling": near_ceiling, "30 models": many_models, "few": few,
}  # fmt: skip


def answers(
    chances: Chances, cluster: np.ndarray, rng: np.random.Generator, *, repeats: int = 1, graded: bool = False
) -> Responses:
    """One audit's answers: drawn from the chances; with repeats averaged by the check, or graded in five steps."""
    models, items = chances.shape
    frames: list[pl.DataFrame] = []
    for r in range(repeats):
        score = rng.binomial(4, chances) / 4 if graded else (rng.random(chances.shape) < chances).astype(float)
        frames.append(
            pl.DataFrame(
                {
                    "model": np.repeat([f"m{m}" for m in range(models)], items), "item": [f"i{k}" for k in range(items)] * models,
                    "cluster": [f"c{c}" for c in cluster] * models, "score": score.reshape(-1),
                    "split": ["unseen" if c % 3 == 0 else "seen" for c in cluster] * models,
                    **({"repeat": r} if repeats > 1 else {}),
                }
            )
        )  # fmt: skip
    return Responses.of(pl.concat(frames), score_range=(0.0, 1.0))


def judged(before: Responses, now: Responses) -> list[Any]:
    """Outcomes of U705 after correction."""
    subject = Subject(responses=now, baseline=KeptScores.of(before))
    return list(auditing.run(subject, FAST, select="U705").outcomes)


def level(world: str, replicates: int, *, seed: int = 0, **drawn: Any) -> float:
    """Share of audits of unchanged models in which a loss is found."""
    return float(np.mean([_any_found(world, seed, r, lambda p: p, **drawn) for r in range(replicates)]))


def power(world: str, replicates: int, change: Callable[[Chances], Chances], *, seed: int = 0) -> float:
    """Share of audits in which a loss is found of a model that lost."""
    return float(np.mean([_any_found(world, seed, r, change) for r in range(replicates)]))


def _any_found(world: str, seed: int, r: int, change: Callable[[Chances], Chances], **drawn: Any) -> bool:
    rng = np.random.default_rng([seed, r, *world.encode()])
    chances, cluster = WORLDS[world](rng)
    outcomes = judged(answers(chances, cluster, rng, **drawn), answers(change(chances), cluster, rng, **drawn))
    return any(isinstance(o, Found) for o in outcomes)


def broken(chances: Chances) -> Chances:
    """The first model loses 40 % of its right answers."""
    out = chances.copy()
    out[0] *= 0.6
    return out


def halved(chances: Chances) -> Chances:
    """All models lose half."""
    return chances / 2


def coverage(world: str, replicates: int, *, seed: int = 1) -> float:
    """Share of intervals of the change that hold the change of the mean chance, over models; clusters are drawn anew."""
    hits: list[float] = []
    for r in range(replicates):
        rng = np.random.default_rng([seed, r, *world.encode()])
        chances, cluster = WORLDS[world](rng)
        new = chances * 0.8
        outcomes = judged(answers(chances, cluster, rng), answers(new, cluster, rng))
        for o in outcomes:
            if o.estimate is not None and o.details["side"] == "all":
                m = int(o.details["model"][1:])
                truth = float(np.mean(chances[m] - new[m]))
                hits.append(o.estimate.low <= truth <= o.estimate.high)
    return float(np.mean(hits)) if hits else float("nan")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=40)
    n = parser.parse_args().replicates
    print(
        f"{'world':12s} {'level':>6s} {'repeats':>8s} {'graded':>7s} {'coverage':>9s} {'broken 40 %':>12s} {'halved':>7s}"
    )
    for world in WORLDS:
        print(
            f"{world:12s} {level(world, n):6.3f} {level(world, n, repeats=3):8.3f} {level(world, n, graded=True):7.3f} "
            f"{coverage(world, n):9.3f} {power(world, n, broken):12.3f} {power(world, n, halved):7.3f}"
        )
    print(f"standard error of a level of 0.05: {np.sqrt(0.05 * 0.95 / n):.3f} ({n} replicates)")


if __name__ == "__main__":
    main()
