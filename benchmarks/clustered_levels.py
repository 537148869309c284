"""Levels and coverage of checks where clusters are few, uneven or giant, and where few times share a shock.

    python benchmarks/clustered_levels.py [--replicates 100] [--only U101,U107] [--seed 0] [--beside SRC]

Nothing is there to be found: a p-value of at most .05 is a false one (for either direction), and the interval should
hold zero. Printed are the shares of all tables with p <= .05, of the tables with an estimate whose interval covers zero,
and of those that the check declines, with binomial standard errors. ``--beside SRC`` runs the same tables on another
copy of the library (the ``src`` folder of an older checkout) and prints its shares first.
"""

import argparse
import json
import os
import subprocess
import sys
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from unseen.auditing import run_check
from unseen.checks.base import Settings, Subject
from unseen.checks.registry import all_checks
from unseen.responses import Responses

SIZES = ("even", "lognormal", "zipf", "giant")
SIDES = ("within", "both", "rare", "interaction")
CLUSTERED = ("U101", "U105", "U107", "U502")
CONFIDENT = ("U601", "U602", "U603")
# What is true where it is not zero; U601's calibration error can't lie below it, and its coverage says nothing.
TRUTH = {"U602": 0.6}
TIMED = ("U106", "U503")


def sizes(kind: str, rng: np.random.Generator, clusters: int = 22, rows: int = 1200) -> np.ndarray:
    """Rows of each cluster; the giant one holds 50 to 70 %."""
    if kind == "giant":
        first = rng.uniform(0.5, 0.7)
        share = np.r_[first, np.full(clusters - 1, (1 - first) / (clusters - 1))]
    else:
        share = {"even": np.ones(clusters), "zipf": 1 / np.arange(1, clusters + 1.0)}.get(kind)
        share = rng.lognormal(0, 1, clusters) if share is None else share
    return np.maximum(3, share / share.sum() * rows).astype(int)


def scores(latent: np.ndarray, kind: str) -> np.ndarray:
    """Standard normal values as real, bounded or binary scores."""
    return {"real": latent, "bounded": ndtr(latent), "binary": (latent < ndtri(0.7)).astype(float)}[kind]


def clustered(size: str, side: str, kind: str, correlation: float, rng: np.random.Generator) -> pl.DataFrame:
    """Items of clusters that share an effect; the split, a level, a similarity and variants change nothing."""
    n_of = sizes(size, rng)
    groups = len(n_of)
    cluster = np.repeat(np.arange(groups), n_of)
    n = len(cluster)
    if side == "within":
        seen = rng.permutation(np.arange(groups) % 2 == 0)[cluster]
    else:
        seen = rng.random(n) >= (0.05 if side == "rare" else 0.5)
    effect = rng.normal(size=groups)[cluster]
    if side == "interaction":
        effect = (effect + rng.normal(size=(groups, 2))[cluster, seen.astype(int)]) / np.sqrt(2)
    latent = np.sqrt(correlation) * effect + np.sqrt(1 - correlation) * rng.normal(size=n)
    similarity = ndtr(0.8 * rng.normal(size=groups)[cluster] + 0.6 * rng.normal(size=n))
    table = pl.DataFrame({
        "model": "m", "item": np.arange(n).astype(str), "score": scores(latent, kind),
        "split": np.where(seen, "seen", "unseen"), "cluster": cluster.astype(str), "similarity": similarity,
        "steps": rng.integers(1, 5, n), "operation": rng.choice(list("pqr"), n),
        "variant_of": pl.Series([None] * n, dtype=pl.String),
    })  # fmt: skip
    if kind == "binary":
        # Over clusters confidence is the chance of being right, and it ranks right above wrong with an AUROC of 0.6.
        confidence = ndtr(ndtri(0.7) + 0.22 * rng.normal(size=n))
        table = table.with_columns(score=(ndtr(latent) < confidence).astype(float), confidence=confidence)
    return table


def with_variants(size: str, kind: str, correlation: float, rng: np.random.Generator) -> pl.DataFrame:
    """Originals and variants; a cluster likes its variants more or less than others do."""
    n_of = sizes(size, rng)
    cluster = np.repeat(np.arange(len(n_of)), n_of)
    n, own = len(cluster), rng.normal(size=len(cluster))
    half = np.sqrt(correlation)
    parts = []
    for name in ("", "-v"):
        effect = rng.normal(size=len(n_of))[cluster]
        latent = half * effect + np.sqrt(1 - correlation) * (own + rng.normal(size=n)) / np.sqrt(2)
        parts.append(pl.DataFrame({
            "model": "m", "item": [f"{i}{name}" for i in range(n)], "score": scores(latent, kind),
            "cluster": cluster.astype(str),
            "variant_of": [f"{i}" if name else None for i in range(n)],
        }, schema_overrides={"variant_of": pl.String}))  # fmt: skip
    return pl.concat(parts)


def timed(
    times: int, grown: bool, clusters: str, kind: str, correlation: float, rng: np.random.Generator
) -> pl.DataFrame:
    """Items of few times that share a shock; clusters are none, within a time, or across times."""
    n = 900
    share = 1.35 ** np.arange(times) if grown else np.ones(times)
    at = np.sort(rng.choice(times, n, p=share / share.sum()))
    latent = np.sqrt(correlation) * rng.normal(size=times)[at] + np.sqrt(1 - correlation) * rng.normal(size=n)
    table = pl.DataFrame({
        "model": "m", "item": np.arange(n).astype(str), "score": scores(latent, kind),
        "time": [date(2022, 1, 1) + timedelta(days=30 * int(t)) for t in at],
        "split": np.where(at < times // 2, "seen", "unseen"),
    })  # fmt: skip
    if clusters == "nested":
        table = table.with_columns(
            cluster=pl.Series([f"{t}-{k}" for t, k in zip(at, rng.integers(0, 8, n), strict=True)])
        )
    elif clusters == "crossed":
        author = rng.integers(0, 30, n)
        latent = latent + 0.4 * rng.normal(size=30)[author]
        table = table.with_columns(cluster=pl.Series(author.astype(str)), score=scores(latent / latent.std(), kind))
    return table


def designs() -> dict[str, tuple]:
    """Every table design by its name."""
    out: dict[str, tuple] = {}
    for kind in ("real", "bounded", "binary"):
        for size in SIZES:
            for side in SIDES:
                for correlation in (0.1, 0.5):
                    name = f"{size}, {side}, {kind}, icc {correlation}"
                    codes = CLUSTERED + CONFIDENT if kind == "binary" else CLUSTERED
                    out[name] = (codes, clustered, (size, side, kind, correlation))
    for kind in ("real", "binary"):
        for size in SIZES:
            out[f"{size}, variants, {kind}, icc 0.3"] = (("U401", "U501"), with_variants, (size, kind, 0.3))
        for times in (4, 6, 10, 20, 60):
            for clusters in ("none", "nested", "crossed"):
                for grown in (False, True):
                    name = f"{times} times{' growing' if grown else ''}, clusters {clusters}, {kind}"
                    out[name] = (TIMED, timed, (times, grown, clusters, kind, 0.1))
    return out


def levels(only: set[str], which: list[str], replicates: int, seed: int) -> dict[str, list[float]]:
    """By check and design: false p-values, coverage of zero, share declined."""
    checks = dict(all_checks())
    checks = {code: c if not isinstance(c, type) else c() for code, c in checks.items()}
    settings = Settings(n_resamples=300)
    out: dict[str, list[float]] = {}
    for number, (name, (codes, draw, arguments)) in enumerate(designs().items()):
        codes = [c for c in codes if c in only]
        if not codes or not any(w in name for w in which):
            continue
        counts = {c: [0, 0, 0, 0] for c in codes}
        for r in range(replicates):
            table = draw(*arguments, np.random.default_rng([seed, number, r]))
            if table["score"].n_unique() < 2:
                continue
            for code in codes:
                subject = Subject(Responses.of(table))
                for outcome in run_check(checks[code], subject, settings, strict=True):
                    if outcome.p_value is None or outcome.estimate is None:
                        counts[code][2] += 1
                    else:
                        counts[code][0] += outcome.p_value <= 0.05
                        counts[code][1] += outcome.estimate.low <= TRUTH.get(code, 0.0) <= outcome.estimate.high
                    counts[code][3] += 1
        for code, (found, covered, declined, of) in counts.items():
            if of:
                out[f"{code} | {name}"] = [found / of, covered / max(of - declined, 1), declined / of, of]
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--only", default="U101,U107,U106,U503")
    parser.add_argument("--shapes", default="", help="parts of names of designs, by ';'")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--beside", help="src folder of another copy of the library")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    new = levels(set(options.only.split(",")), options.shapes.split(";"), options.replicates, options.seed)
    if options.json:
        print(json.dumps(new))
        return
    old: dict[str, list[float]] = {}
    if options.beside:
        again = [sys.executable, __file__, "--json"]
        again += [f"--{k}={getattr(options, k)}" for k in ("replicates", "only", "shapes", "seed")]
        done = subprocess.run(
            again, env={**os.environ, "PYTHONPATH": options.beside}, capture_output=True, text=True, check=True
        )
        old = json.loads(done.stdout)
    print(f"{'check and design':60s} {'p <= .05':>24s} {'covers truth':>24s} {'declined':>14s}")
    for name, (found, covered, declined, of) in sorted(new.items()):
        was = old.get(name)
        error = np.sqrt(max(found * (1 - found), 1e-9) / of)
        columns = [
            f"{'' if was is None else f'{was[0]:.3f} → '}{found:.3f} ± {error:.3f}",
            f"{'' if was is None else f'{was[1]:.3f} → '}" + (f"{covered:.3f}" if declined < 1 else "—"),
            f"{'' if was is None else f'{was[2]:.2f} → '}{declined:.2f}",
        ]
        print(f"{name:60s} {columns[0]:>24s} {columns[1]:>24s} {columns[2]:>14s}", flush=True)


if __name__ == "__main__":
    main()
