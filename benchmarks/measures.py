"""How often intervals of measures that are no mean of row scores cover: alone, and for the difference of two learners.

Rows of one domain: a score that is normal in either class (numbers: a linear law with normal noise), and a second, related
one. The interval is that of a mean over pseudo-values, CR2 over clusters with Satterthwaite's t. Peers: DeLong's variance is the same
for independent rows (tests hold it against a slow one).

    python benchmarks/measures.py [--replicates 400]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import numpy as np

from unseen.errors import TooFewUnits
from unseen.estimates.intervals.means import cluster_robust, t_interval
from unseen.estimates.intervals.pseudo_rows import auroc_rows, average_precision_rows, determination_rows, recall_rows

Rows = tuple[np.ndarray, np.ndarray]
# (rows, share of the positive class, rows a cluster)
SHAPES = ((60, 0.5, 1), (60, 0.1, 1), (100, 0.1, 1), (300, 0.05, 1), (400, 0.3, 1), (400, 0.3, 8))
OF: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "auroc": auroc_rows,
    "average precision": average_precision_rows,
    "average precision at prevalence 0.2": lambda s, y: average_precision_rows(s, y, prevalence=0.2),
    "balanced accuracy": lambda s, y: recall_rows((s > 0.6) == y, y),
}


def drawn(
    rng: np.random.Generator, n: int, share: float, each: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Classes, the scores of two learners and clusters."""
    cluster = np.arange(n) // each
    common = np.sqrt(0.3) * rng.normal(size=cluster.max() + 1)[cluster] if each > 1 else 0.0
    y = rng.random(n) < share
    while not 5 <= y.sum() <= n - 5:
        y = rng.random(n) < share
    base = common + 1.2 * y + rng.normal(size=n) * (np.sqrt(0.7) if each > 1 else 1.0)
    return y, base, base + 0.3 * y + 0.5 * rng.normal(size=n), cluster


def covered(rows: np.ndarray, cluster: np.ndarray, truth: float, y: np.ndarray | None = None) -> float:
    """Whether the interval holds the truth; as in an audit, with the least variance and degrees of freedom by class."""
    try:
        value, variance, dof, _ = cluster_robust(rows, cluster)
    except TooFewUnits:
        return np.nan
    if y is not None:
        counts = np.array([np.count_nonzero(~y), np.count_nonzero(y)])
        variance = max(variance, 0.25 * float(np.square(1 / (counts + 2)).sum()) / 4)
        dof = min(dof, counts.min() - 1)
    low, high = t_interval(value, variance, max(dof, 1.0), 0.95)
    return float(low <= truth <= high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=400)
    count = parser.parse_args().replicates
    for n, share, each in SHAPES:
        y, a, b, _ = drawn(np.random.default_rng(1), 400_000, share, each)
        for name, of in OF.items():
            truth = float(of(a, y).mean()), float(of(b, y).mean())
            alone, paired = [], []
            for seed in range(count):
                y1, a1, b1, cluster = drawn(np.random.default_rng([seed, 2]), n, share, each)
                first, second = of(a1, y1), of(b1, y1)
                alone.append(covered(first, cluster, truth[0], y1))
                paired.append(covered(second - first, cluster, truth[1] - truth[0], y1))
            told = {"measure": name, "rows": n, "share": share, "rows a cluster": each, "value": round(truth[0], 3)}
            print(json.dumps(told | {"alone": np.nanmean(alone), "difference": np.nanmean(paired)}), flush=True)
    for n, noise in ((40, 1.0), (40, 3.0), (400, 1.0)):
        alone, paired = [], []
        for seed in range(count):
            rng = np.random.default_rng([seed, 3])
            x, e, other = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
            y = x + noise * e
            first, second = determination_rows(y, 0.8 * x), determination_rows(y, x + 0.5 * other)
            whole = 1 + noise**2
            truths = 1 - (0.04 + noise**2) / whole, 1 - (0.25 + noise**2) / whole
            alone.append(covered(first, np.arange(n), truths[0]))
            paired.append(covered(second - first, np.arange(n), truths[1] - truths[0]))
        told = {"measure": "r2", "rows": n, "value": round(truths[0], 3)}
        print(json.dumps(told | {"alone": np.mean(alone), "difference": np.mean(paired)}), flush=True)
    print(json.dumps({"nominal": 0.95, "standard error": round((0.95 * 0.05 / count) ** 0.5, 4)}))


if __name__ == "__main__":
    main()
