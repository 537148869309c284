"""Coverage of prediction-powered intervals with 30 and 100 labels, ours and evalstats' on the same draws.

Worlds: the grid on which evalstats checks its own binary interval (a judge that flips each verdict with a fixed chance),
and ours: confidence under concept, label and covariate shift, lenient judges, graded scores, clusters. Every method sees
the same draws. The form of HiBayES's grader models stands beside where verdicts are 0 and 1. evalstats and ppi-python
live in an environment of their own; without it only ours is run.

    python benchmarks/judges.py [--replicates 5000] [--families concept,label] [--peer /path/to/python/with/both]
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

Draw = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # truth, prediction, has a label, cluster
ACCURACIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
GRID = np.random.default_rng(9).normal(size=20_000)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@cache
def intercept(accuracy: float, slope: float) -> float:
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if sigmoid(middle + slope * GRID).mean() > accuracy else (middle, high)
    return low


def first(n: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n) < labels, np.arange(n)


def flipping(p: float, flip: float, labels: int, rows: int) -> Callable[[np.random.Generator], Draw]:
    """evalstats' own: truth Bernoulli(p), the judge flips it; ``rows`` in all, ``labels`` of them labelled."""

    def draw(rng: np.random.Generator) -> Draw:
        y = (rng.random(rows) < p) * 1.0
        return (y, np.where(rng.random(rows) < flip, 1 - y, y), *first(rows, labels))

    return draw


def concept(accuracy: float, labels: int, rows: int) -> Callable[[np.random.Generator], Draw]:
    """Confidence stays where it was, the chance to be right falls by 1.2 logits."""
    shift = intercept(accuracy, 3.0)

    def draw(rng: np.random.Generator) -> Draw:
        x = rng.normal(size=rows)
        return ((rng.random(rows) < sigmoid(shift + 3 * x)) * 1.0, sigmoid(shift + 1.2 + 3 * x), *first(rows, labels))

    return draw


def label(accuracy: float, labels: int, rows: int) -> Callable[[np.random.Generator], Draw]:
    """Right answers are as confident as ever, but there are fewer of them."""

    def draw(rng: np.random.Generator) -> Draw:
        y = (rng.random(rows) < accuracy) * 1.0
        return (y, sigmoid(1.4 + 2 * (rng.normal(size=rows) + 2 * (y - 0.5))), *first(rows, labels))

    return draw


def covariate(accuracy: float, labels: int, rows: int) -> Callable[[np.random.Generator], Draw]:
    """Hard rows make a long tail of low confidence."""

    def draw(rng: np.random.Generator) -> Draw:
        p = np.exp(-(1 - accuracy) / accuracy * rng.exponential(size=rows))
        return ((rng.random(rows) < p) * 1.0, np.clip(p + 0.1, 0, 1), *first(rows, labels))

    return draw


def lenient(accuracy: float, labels: int, rows: int) -> Callable[[np.random.Generator], Draw]:
    """A judge that accepts one wrong answer in three and refuses one right answer in fifty."""

    def draw(rng: np.random.Generator) -> Draw:
        y, u = (rng.random(rows) < accuracy) * 1.0, rng.random(rows)
        return (y, np.where(y == 1, u > 0.02, u < 1 / 3) * 1.0, *first(rows, labels))

    return draw


def clustered(accuracy: float, labels: int, rows: int) -> Callable[[np.random.Generator], Draw]:
    """Documents of 1 to 20 questions that share a difficulty; labels on rows drawn at random."""
    shift = intercept(accuracy, math.sqrt(1.5**2 + 1))

    def draw(rng: np.random.Generator) -> Draw:
        sizes = rng.integers(1, 21, size=2 + rows // 10)
        unit = np.repeat(np.arange(len(sizes)), sizes)
        n = len(unit)
        x, u = rng.normal(size=n), rng.normal(size=len(sizes))[unit]
        has = np.zeros(n, bool)
        has[rng.permutation(n)[: 2 * labels]] = True
        return (rng.random(n) < sigmoid(shift + 1.5 * x + u)) * 1.0, sigmoid(shift + 1 + 1.5 * x + 0.7 * u), has, unit

    return draw


def graded(shape: tuple[float, float], noise: float, labels: int, rows: int) -> Callable[[np.random.Generator], Draw]:
    """evalstats' beta shapes of graded scores; a judge that is kind (+0.1) and noisy."""

    def draw(rng: np.random.Generator) -> Draw:
        y = rng.beta(*shape, size=rows)
        return (y, np.clip(y + 0.1 + noise * rng.normal(size=rows), 0, 1), *first(rows, labels))

    return draw


def worlds() -> Iterator[tuple[str, str, float, Callable[[np.random.Generator], Draw]]]:
    """Family, name, truth and one draw."""
    for p in (0.3, 0.5, 0.7, 0.9, 0.95):
        for flip in (0.05, 0.15):
            for labels in (30, 100):
                for rows in (200, 2000):
                    yield (
                        "evalstats' grid",
                        f"p={p} flip={flip} n={labels} N={rows}",
                        p,
                        flipping(p, flip, labels, rows),
                    )
    for accuracy in ACCURACIES:
        for kind in (concept, label, covariate, lenient, clustered):
            yield kind.__name__, f"{kind.__name__} {accuracy} n=30", accuracy, kind(accuracy, 30, 330)
    for shape in ((1.0, 1.0), (0.5, 0.5), (2.0, 8.0), (8.0, 2.0), (2.0, 5.0)):
        for noise in (0.05, 0.3):
            truth = shape[0] / sum(shape)
            yield "graded", f"beta{shape} noise={noise} n=30", truth, graded(shape, noise, 30, 330)


def ours() -> dict[str, Callable[[Draw, str], tuple[float, float]]]:
    from unseen.estimates.intervals.means import mean_estimate
    from unseen.estimates.intervals.prediction_powered import ppi_mean

    def powered(d: Draw, family: str) -> tuple[float, float]:
        y, f, has, unit = d
        found, _ = ppi_mean(np.where(has, y, np.nan), f, unit, score_range=(0.0, 1.0))
        return found.low, found.high

    def labels_only(d: Draw, family: str) -> tuple[float, float]:
        y, _, has, unit = d
        found = mean_estimate(y[has], unit[has], binary=family != "graded")
        return max(0.0, found.low), min(1.0, found.high)

    return {"unseen": powered, "labels only": labels_only, "grader GLM": grader_glm}


def grader_glm(d: Draw, family: str) -> tuple[float, float]:
    """The form of HiBayES's grader models for verdicts of 0 and 1: logit P(yes) = β + (human: γ, judge: −γ).

    Priors are standard normal as in its defaults; the posterior is Laplace's approximation, not its sampler, and its
    package is not used. Graders' verdicts count as independent rows, so that what a judge says of the labelled items
    is not paired with what the human says of them.
    """
    y, f, has, _ = d
    if not (np.isin(f, (0.0, 1.0)).all() and np.isin(y, (0.0, 1.0)).all()):
        return math.nan, math.nan
    design, yes, rows = (
        np.array([[1.0, 1.0], [1.0, -1.0]]),
        np.array([y[has].sum(), f.sum()]),
        np.array([has.sum(), len(f)]),
    )
    beta, curvature = np.zeros(2), np.eye(2)
    for _ in range(25):
        p = sigmoid(design @ beta)
        curvature = design.T @ (design * (rows * p * (1 - p))[:, None]) + np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (yes - rows * p) - beta)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    human = design[0]
    middle, error = float(human @ beta), math.sqrt(human @ np.linalg.solve(curvature, human))
    low, high = sigmoid(np.array([middle - 1.959964 * error, middle + 1.959964 * error]))
    return float(low), float(high)


def peers() -> dict[str, Callable[[Draw, str], tuple[float, float]]]:
    from evalstats.tests import _ppi_single_logit_t, _ppi_single_wilson  # pyright: ignore[reportMissingImports]
    from ppi_py import ppi_mean_ci  # pyright: ignore[reportMissingImports]

    def evalstats(d: Draw, family: str) -> tuple[float, float]:
        y, f, has, _ = d
        labels = np.where(has, y, np.nan)
        binary = bool(np.isin(f, (0.0, 1.0)).all())
        found = _ppi_single_wilson(f, labels, 0.05) if binary else _ppi_single_logit_t(f, labels, 0.05, lo=0.0, hi=1.0)
        return found.ci_low, found.ci_high

    def authors(d: Draw, family: str) -> tuple[float, float]:
        y, f, has, _ = d
        low, high = ppi_mean_ci(y[has], f[has], f[~has], alpha=0.05)
        return float(np.squeeze(low)), float(np.squeeze(high))

    return {"evalstats": evalstats, "ppi-python (z)": authors}


def run(
    methods: dict[str, Callable[[Draw, str], tuple[float, float]]], replicates: int, families: str = ""
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for family, name, truth, draw in worlds():
        if families and family not in families.split(","):
            continue
        rng = np.random.default_rng([replicates, *name.encode()])
        hits, widths = dict.fromkeys(methods, 0), dict.fromkeys(methods, 0.0)
        for _ in range(replicates):
            one = draw(rng)
            for method, interval in methods.items():
                low, high = interval(one, family)
                low, high = (max(0.0, low), min(1.0, high)) if low == low else (low, high)
                hits[method] += low - 1e-12 <= truth <= high + 1e-12
                widths[method] += high - low
        found[name] = {
            "family": family,
            **{m: {"coverage": hits[m] / replicates, "width": widths[m] / replicates} for m in methods},
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--peer", help="interpreter with evalstats and ppi-python")
    parser.add_argument("--families", default="", help="only these, separated by commas (concept,label,covariate …)")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.as_peer:
        warnings.simplefilter("ignore")
        print(json.dumps(run(peers(), given.replicates, given.families)))
        return
    found = run(ours(), given.replicates, given.families)
    if given.peer:
        command = [
            given.peer,
            __file__,
            "--as-peer",
            "--replicates",
            str(given.replicates),
            "--families",
            given.families,
        ]
        theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        found = {name: row | theirs[name] for name, row in found.items()}
    methods = [m for m in next(iter(found.values())) if m != "family"]
    print(f"{given.replicates} draws a world; se of a coverage of .95: {math.sqrt(0.95 * 0.05 / given.replicates):.4f}")
    for name, row in found.items():
        print(f"{name:34s}", *(f"{m} {row[m]['coverage']:.3f} ({row[m]['width']:.3f})" for m in methods), sep="  ")
    print("\nfamily: worst and mean coverage, worlds below .93, mean width")
    for family in dict.fromkeys(row["family"] for row in found.values()):
        rows = [row for row in found.values() if row["family"] == family]
        for m in methods:
            cover, width = [r[m]["coverage"] for r in rows], np.mean([r[m]["width"] for r in rows])
            if math.isnan(width):
                continue
            below = sum(c < 0.93 for c in cover)
            print(f"{family:16s} {m:16s} {min(cover):.3f}  {np.mean(cover):.3f}  {below} of {len(rows)}  {width:.3f}")


if __name__ == "__main__":
    main()
