"""The interval of the gain at the worst quarter of domains: how often it says gain where there is none, and finds one.

Two parts, each with the interval in use (the variance between domains alone is unknown) beside Hartung and Knapp's t over
the few worst domains. Nulls: scores of 0 and 1 of 6 or 10 domains of 60 or 200 rows, levels that differ, what is tried
agreeing with the unchanged learner in most rows; its effect nothing, or differing by domain around 0, or the levels dealt
anew among the domains. Gains: three places whose gain is so many standard errors of their mean.

    python benchmarks/improve_worst.py [--replicates 100]

With 100 replicates (2,400 nulls): false gains 0.5 % ± 0.1 %, with t 0.1 %; gains of 3.8 standard errors found in
53 % (t: 22 %), of 5 in 73 % (t: 59 %), the last two over 4,000 simulated triples.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from unseen.estimates.intervals.meta import mean_of_few, random_effects
from unseen.improving.worst import Scored, picking_rows, worst_places

AGREE = 0.8
# Spread of the levels, spread of the effects, whether levels are dealt anew.
NULLS = (
    (0.0, 0.0, False),
    (0.1, 0.0, False),
    (0.1, 0.03, False),
    (0.1, 0.1, False),
    (0.1, 0.0, True),
    (0.2, 0.05, False),
)


def null(
    rng: np.random.Generator, domains: int, rows: int, spread: float, tau: float, dealt: bool
) -> tuple[bool, bool]:
    """Whether a gain is said: by the interval in use, by t."""
    level = rng.normal(scale=spread, size=domains)
    after = rng.permutation(level) if dealt else level + tau * rng.normal(size=domains)
    picks = picking_rows(np.arange(domains * rows)).reshape(domains, rows)
    made: list[Scored] = []
    for d in range(domains):
        drawn = rng.random(rows)
        fresh = np.where(rng.random(rows) < 1 - AGREE, rng.random(rows), drawn)
        before, tried = (
            (u < np.clip(0.7 + x[d], 0.02, 0.98)).astype(float)[None] for u, x in ((drawn, level), (fresh, after))
        )
        made.append(Scored(f"d{d}", before, tried, picks[d], np.arange(rows), d, True, 0.25 / rows**2))
    places = worst_places(made)
    values, variances = [p.value for p in places], [p.variance for p in places]
    return mean_of_few(values, variances)[0].low > 0, random_effects(values, variances).mean.low > 0


def gain(rng: np.random.Generator, errors: float, tau2: float) -> tuple[bool, bool]:
    """Whether a gain of so many standard errors at three places is found: by the interval in use, by t."""
    values = errors / 3**0.5 + rng.normal(size=3) * (1 + tau2) ** 0.5
    return mean_of_few(values, np.ones(3))[0].low > 0, random_effects(values, np.ones(3)).mean.low > 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=20)
    n = parser.parse_args().replicates
    every: list[tuple[bool, bool]] = []
    for domains in (6, 10):
        for rows in (60, 200):
            for spread, tau, dealt in NULLS:
                rng = np.random.default_rng([domains, rows, round(100 * spread), round(100 * tau), dealt])
                said = [null(rng, domains, rows, spread, tau, dealt) for _ in range(n)]
                every += said
                ours, t = np.mean(said, axis=0)
                told = {"domains": domains, "rows": rows, "spread": spread, "tau": tau, "dealt": dealt}
                print(json.dumps(told | {"false gains": float(ours), "by t": float(t)}), flush=True)
    ours, t = np.mean(every, axis=0)
    print(json.dumps({"nulls": len(every), "false gains": float(ours), "by t": float(t)}))
    for errors in (3.0, 3.8, 5.0):
        for tau2 in (0.0, 0.3):
            rng = np.random.default_rng([int(10 * errors), int(10 * tau2)])
            ours, t = np.mean([gain(rng, errors, tau2) for _ in range(n)], axis=0)
            print(json.dumps({"errors": errors, "tau2": tau2, "found": float(ours), "by t": float(t)}), flush=True)


if __name__ == "__main__":
    main()
