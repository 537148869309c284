"""Gaps at equal difficulty (U203) where no model has one: guessing, slopes, clusters, gaps, levels; and where one has.

    python benchmarks/equal_difficulty.py --replicates 100

For each shape: share of audits with a find, share of tests with p below 0.05 and a positive value, share of 95 %
intervals that hold the truth (0 where there is no gap), and how many audits had no test.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl

from unseen.auditing import run
from unseen.checks.base import Found, Settings, Subject
from unseen.responses import Responses

SHAPES = {
    "plain": {}, "harder by 1.5": {"harder": 1.5}, "guessing, options known": {"floor": 0.25, "letters": True},
    "guessing, options unknown": {"floor": 0.25}, "guessing, 30 models, known": {"floor": 0.25, "models": 30, "letters": True},
    "guessing, 30 models, unknown": {"floor": 0.25, "models": 30},
    "letters without guessing": {"letters": True}, "log slopes 0.4": {"slopes": 0.4}, "log slopes 0.7": {"slopes": 0.7},
    "30 models": {"models": 30}, "a third missing": {"missing": 0.33}, "40 clusters": {"clusters": 40, "uneven": 0.0},
    "22 uneven clusters": {"clusters": 22, "uneven": 1.2}, "one giant cluster": {"clusters": 30, "giant": 0.6},
    "11 levels": {"levels": 11}, "11 levels, guessing": {"levels": 11, "floor": 0.25, "letters": True},
    "loss of 1 logit": {"extra": 1.0}, "loss of 1 logit, guessing": {"extra": 1.0, "floor": 0.25, "letters": True},
}  # fmt: skip


def table(
    rng, *, models=4, items=800, harder=1.0, floor=0.0, letters=False, slopes=0.0, missing=0.0, clusters=0, uneven=0.0,
    giant=0.0, levels=0, extra=0.0,
):  # fmt: skip
    ability = np.linspace(-1, 1, models) if models < 10 else rng.normal(0, 1, models)
    unseen = rng.random(items) < 0.5
    difficulty = rng.normal(0, 1.2, items)
    group = rng.integers(max(levels, 1), size=items)
    shift = rng.normal(0, 1, max(levels, 1))[group] if levels else harder * unseen
    slope = np.exp(rng.normal(0, slopes, items))
    effect = 0.0
    cluster = np.arange(items)
    if clusters:
        size = np.exp(rng.normal(0, uneven, clusters))
        if giant:
            size[0] = giant / (1 - giant) * size[1:].sum()
        cluster = rng.choice(clusters, items, p=size / size.sum())
        unseen = (np.arange(clusters) % 2 == 1)[cluster]
        shift = harder * unseen
        effect = rng.normal(0, 0.5, (models, clusters))[:, cluster]
    logit = slope * (ability[:, None] + effect - (difficulty + shift))
    logit[0] -= extra * (unseen if not levels else group == 0)
    chance = floor + (1 - floor) / (1 + np.exp(-logit))
    score = rng.random((models, items)) < chance
    frame = pl.DataFrame({
        "model": np.repeat([f"m{k:02d}" for k in range(models)], items),
        "item": np.tile([f"q{i:04d}" for i in range(items)], models),
        "score": score.ravel().astype(float),
    })  # fmt: skip
    more = {"bench": [f"b{k:02d}" for k in group]} if levels else {"split": np.where(unseen, "unseen", "seen").tolist()}
    if clusters:
        more["cluster"] = [f"c{k}" for k in cluster]
    if letters:
        more["target"] = np.array(list("ABCD"))[rng.integers(4, size=items)].tolist()
    frame = frame.with_columns(**{k: pl.Series(v * models) for k, v in more.items()})
    return frame.filter(rng.random(len(frame)) >= missing)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--shape", default="")
    options = parser.parse_args()
    print(f"{options.replicates} tables each")
    for name, shape in SHAPES.items():
        if options.shape not in name:
            continue
        found, small, holds, none, hits = [], [], [], 0, []
        for k in range(options.replicates):
            frame = table(np.random.default_rng(k), **shape)
            result = run(Subject(responses=Responses.of(frame)), Settings(), select=["U203"], strict=True)
            tests = [o for o in result.outcomes if o.p_value is not None]
            none += not tests
            found.append(any(isinstance(o, Found) and o.about.name != "m00" for o in tests))
            hits.append(any(isinstance(o, Found) and o.about.name == "m00" for o in tests))
            free = [o for o in tests if not shape.get("extra")]
            small += [o.p_value < 0.05 and o.estimate.value > 0 for o in free]
            holds += [o.estimate.low <= 0 <= o.estimate.high for o in free]
        n = len(found)
        rate, level, cover = (np.mean(v) if v else float("nan") for v in (found, small, holds))
        print(f"{name}: others found {rate:.3f} ± {np.sqrt(max(rate * (1 - rate), 0.25 / n / n) / n):.3f}, m00 found "
              f"{np.mean(hits):.2f}, p < .05 {level:.3f}, coverage {cover:.3f}, untested {none}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
