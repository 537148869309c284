"""Plans held against simulated audits: power at the planned number, and the share of questions that it decides.

Three ways to a number of clusters: from expected numbers, from a pilot's ``unseen plan``, and, for contrast, the formula
that U003 had before, (smallest gap found at 1 - level / gap that matters)² times the pilot's clusters. Fresh tables of
that size are judged by whole audits of U101 and U701 under their correction; every model's gap is one question.

    python benchmarks/plan.py [--replicates 40]
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import polars as pl

from unseen import auditing
from unseen.checks.base import Clear, Found, Settings, Subject
from unseen.errors import TooFewUnits
from unseen.estimates.testing.power import detectable_from_error, error_of
from unseen.planning import Design, from_numbers, from_pilot
from unseen.responses import Responses

SELECT = ["U003", "U101", "U701"]
MODELS = 3
# Clusters of a pilot, rows a cluster, their coefficient of variation, intraclass correlation, unseen share, score.
SHAPES = {
    "items alone": (200, 1, 0.0, 0.0, 0.4, 0.7),
    "clusters of 8": (40, 8, 0.0, 0.1, 0.4, 0.7),
    "uneven clusters": (40, 8, 0.7, 0.1, 0.4, 0.7),
    "few unseen, high score": (60, 5, 0.0, 0.05, 0.25, 0.9),
    "strong clusters": (50, 4, 0.0, 0.4, 0.5, 0.6),
}


def table(rng, clusters, rows, uneven, rho, share, score, gap, affected=MODELS):
    if rows == 1:
        size = np.ones(clusters, int)
    elif uneven:
        size = np.maximum(1, np.round(rng.gamma(1 / uneven**2, rows * uneven**2, clusters))).astype(int)
    else:
        size = np.full(clusters, rows)
    unseen = np.arange(clusters) < round(share * clusters)
    cluster = np.repeat(np.arange(clusters), size)
    frames = []
    for j in range(MODELS):
        mean = np.where(unseen, score - gap * (j < affected), score)
        p = rng.beta(mean * (1 / rho - 1), (1 - mean) * (1 / rho - 1)) if rho else mean
        frames.append(
            pl.DataFrame(
                {
                    "model": f"m{j}",
                    "item": [f"i{i}" for i in range(len(cluster))],
                    "cluster": [f"c{c}" for c in cluster],
                    "split": np.where(unseen[cluster], "unseen", "seen"),
                    "score": (rng.random(len(cluster)) < p[cluster]) * 1.0,
                }
            )
        )
    return Responses.of(pl.concat(frames))


def judge(rng, clusters, shape, gap, affected=MODELS):
    _, rows, uneven, rho, share, score = shape
    made = table(rng, clusters, rows, uneven, rho, share, score, gap, affected)
    result = auditing.run(Subject(responses=made), Settings(n_resamples=200), select=SELECT)
    told = sorted((o for o in result.outcomes if o.code == "U101"), key=lambda o: o.about.name)
    return [isinstance(o, Found) for o in told], [isinstance(o, Found | Clear) for o in told]


def old_clusters(pilot):
    """The clusters that U003 asked for before."""
    result = auditing.run(Subject(responses=pilot), Settings(), select=SELECT)
    worst = max((o.estimate for o in result.outcomes if o.code == "U101" and o.estimate), key=error_of)
    return math.ceil(worst.units * (detectable_from_error(error_of(worst)) / 0.1) ** 2)


def share_of(hits):
    p = float(np.mean(hits))
    return f"{p:.3f} ± {math.sqrt(max(p * (1 - p), 1e-9) / len(hits)):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=20)
    replicates = parser.parse_args().replicates
    print(
        f"{replicates} fresh tables of {MODELS} models; gap that matters 0.1; gaps of decided tables 0, .03, .06, .1, .15"
    )
    print(f"{'shape':24}{'power, planned':>17}{'decided, numbers':>19}{'decided, pilot':>18}{'decided, before':>18}")
    for name, shape in SHAPES.items():
        k, rows, uneven, rho, share, score = shape
        design = Design(
            models=MODELS, clusters=k, rows_per_cluster=rows, uneven=uneven, intraclass=rho or None,
            unseen_share=share, score=score, factors=0,
        )  # fmt: skip
        plan = from_numbers(design, select=SELECT)
        find = next(n.clusters for n in plan.questions[0].to_find if n.gap == 0.1)
        decide = next(n.clusters for n in plan.questions[0].to_decide if n.gap == 0.1)
        rng = np.random.default_rng(0)
        power, numbers, piloted, before = [], [], [], []
        for i in range(replicates):
            # One affected model: with more, every finding eases the level of the next.
            power += judge(rng, find, shape, 0.1, affected=1)[0][:1]
            gap = (0.0, 0.03, 0.06, 0.1, 0.15)[i % 5]
            numbers += judge(rng, decide, shape, gap)[1]
            pilot = table(rng, k, rows, uneven, rho, share, score, gap)
            try:
                from_plan = from_pilot(pilot, select=SELECT).questions[0]
            except TooFewUnits:
                continue
            piloted += judge(rng, next(n.clusters for n in from_plan.to_decide if n.gap == 0.1), shape, gap)[1]
            before += judge(rng, old_clusters(pilot), shape, gap)[1]
        told = (share_of(hits) for hits in (power, numbers, piloted, before))
        print(f"{name:24}{next(told):>17}{next(told):>19}{next(told):>18}{next(told):>18}", flush=True)


if __name__ == "__main__":
    main()
