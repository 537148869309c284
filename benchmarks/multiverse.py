"""Level, coverage and power of the test of a specification curve (U909), over ways to be clustered.

python benchmarks/multiverse.py --replicates 200
"""

from __future__ import annotations

import argparse

import numpy as np

from unseen.errors import UnseenError
from unseen.estimates.multiverse.null import Rows, curve_test

KINDS = ("items", "even", "uneven", "giant", "divided", "mixed", "few", "spread")


def world(rng, kind, gap):
    """Units, items, sides and right answers; ``gap`` of the answers are lost on unseen rows."""
    sizes = {
        "items": np.ones(200, int), "uneven": np.maximum(1, rng.geometric(1 / 8, 30)), "giant": np.r_[120, np.full(29, 6)],
        "mixed": np.maximum(1, rng.geometric(1 / 8, 30)), "few": np.full(10, 20),
    }.get(kind, np.full(30, 8))  # fmt: skip
    unit = np.repeat(np.arange(len(sizes)), sizes)
    effect = rng.normal(0, 0.8, len(sizes))
    own = np.zeros(len(sizes), bool)
    own[rng.permutation(len(sizes))[: max(3, int(0.4 * len(sizes)))]] = True
    side = own[unit]
    if kind == "divided":
        side = rng.random(len(unit)) < 0.4
    elif kind == "mixed":
        side = np.where(rng.random(len(sizes))[unit] < 0.5, side, rng.random(len(unit)) < 0.4)
    elif kind == "spread":
        own = np.arange(len(sizes)) < 8
        side, effect = own[unit], np.where(own, effect * 2.5, effect * 0.3)
    right = effect[unit] + rng.normal(size=len(unit)) > 0
    return unit, side, (right & ~(side & (rng.random(len(unit)) < 2 * gap))).astype(float)


def main():
    """One row a kind."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--replicates", type=int, default=60)
    asked.add_argument("--draws", type=int, default=199)
    given = asked.parse_args()
    print("clusters   gap   p<=.05  share<=.05  mean z<=.05  covers  n   (standard error of .05:", end=" ")
    print(f"{np.sqrt(0.05 * 0.95 / given.replicates):.3f})")
    for kind in KINDS:
        for gap in (0.0, 0.1):
            rows = []
            for k in range(given.replicates):
                rng = np.random.default_rng([k, KINDS.index(kind)])
                unit, side, score = world(rng, kind, gap)
                n = np.arange(len(unit))
                settings = [
                    Rows(n, score, unit),
                    Rows(n, score, n),
                    Rows(n, score, unit, once=True),
                    Rows(n, score, unit),
                ]
                try:
                    made = curve_test(unit, n, side[:, None].astype(np.int8), settings, draws=given.draws, rng=rng)
                except UnseenError:
                    continue
                inside = made.median.low <= gap <= made.median.high
                rows.append((made.p_value <= 0.05, made.p_share <= 0.05, made.p_together <= 0.05, inside))
            shares = np.mean(rows, axis=0)
            print(f"{kind:8} {gap:5.2f}   " + "   ".join(f"{s:6.3f}" for s in shares) + f"   {len(rows)}")


if __name__ == "__main__":
    main()
