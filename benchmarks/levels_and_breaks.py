"""Checks of levels under attack: how often U102, U103, U104 and U702 say what is not so, and what they still find.

Each line is one simulated design. "p ≤ .05" is the share of outcomes with such a p-value where nothing is there (nominal
.05), "covers" the share of intervals that hold the truth (nominal .95), "clear of .1" how often an effect of exactly
``gap_that_matters`` is passed (at most .025), "found" the power. Run it on two trees to compare them:

    PYTHONPATH=src python benchmarks/levels_and_breaks.py [--replicates N] [--only U104]

Before (normal or t tests with clusters − 1 degrees of freedom) and after, at 200 replicates (standard error .01 to .03):

    U102  p ≤ .05 under the null: 30 levels × 10 rows, adjusted              .215 → .010   (interval up to 1.31 → within 1)
          8 levels, continuous scores near .97                               .080 → .015
          6 levels, one giant cluster                                        .120 → .000   (139 of 200 judged)
          3 levels, a giant cluster in one of them                           .110 → .050
          5 levels, nested in 90 uneven clusters                             .185 → .040
    U104  covers the break of a slope: 15 clusters, 10 levels                .815 → .974
          22 uneven clusters, 10 levels (named in 1.00 → .60)                .800 → .950
          a break is named where nothing happens, 15 clusters                .315 → .010
          a cliff is called a step, 15 clusters, 10 levels                   .00 → 1.00
    U702  clear of a true flip by ±.1: 30 models, 1,000 items                .86 → .00
          4 models, 1,600 items                                              .14 → .02
          found, flip by ±.2, 22 uneven clusters                             .44 → .10     (what the honest error costs)
    U103  p ≤ .05 under the null: 4 factors of 12 levels, mean .96           .080 → .025
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, Outcome, Settings, Subject
from unseen.checks.registry import selected
from unseen.responses import Responses

Generator = np.random.Generator
Draw = tuple[np.ndarray, np.ndarray]


def clusters(rng: Generator, n: int, kind: str) -> np.ndarray:
    """Cluster of each of n rows: none, some number of even ones, uneven ones or one giant among small ones."""
    if kind == "rows":
        return np.arange(n)
    name, _, count = kind.partition(":")
    k = int(count or 40)
    if name == "even":
        return rng.integers(0, k, n)
    if name == "uneven":
        share = rng.lognormal(0, 1.2, k)
        return rng.choice(k, n, p=share / share.sum())
    return np.where(rng.random(n) < 0.4, 0, rng.integers(1, k, n))  # giant


def scores(rng: Generator, p: np.ndarray, cluster: np.ndarray, spread: float | np.ndarray, kind: str) -> np.ndarray:
    """Scores with mean p: binary, or continuous in [0, 1] and skewed; clusters shift them by up to ``spread``."""
    size = int(cluster.max()) + 1
    room = spread * np.minimum(p, 1 - p) * 2
    mean = np.clip(p + room * (rng.beta(2, 2, size)[cluster] - 0.5) * 2, 1e-6, 1 - 1e-6)
    if kind == "binary":
        return (rng.random(len(p)) < mean).astype(float)
    return rng.beta(6 * mean, 6 * (1 - mean))


def levels_of(rng: Generator, n: int, k: int, cluster: np.ndarray, *, nested: bool, uneven: bool) -> np.ndarray:
    """Level of each row, drawn per row or per whole cluster; uneven shares fall like 1/rank."""
    share = 1 / np.arange(1, k + 1) if uneven else np.ones(k)
    share = share / share.sum()
    if nested:
        return rng.choice(k, int(cluster.max()) + 1, p=share)[cluster]
    return rng.choice(k, n, p=share)


def table(model: object, score: np.ndarray, cluster: np.ndarray, **columns: np.ndarray) -> Responses:
    """Answers of one or several models as a response table."""
    n = len(score)
    frame = pl.DataFrame({
        "model": np.full(n, model) if isinstance(model, str) else model,
        "item": columns.pop("item", np.char.add("i", np.arange(n).astype(str))),
        "score": score, "cluster": np.char.add("c", cluster.astype(str)), **columns,
    })  # fmt: skip
    return Responses.of(frame)


def said(code: str, answers: Responses) -> list[Outcome]:
    """What a check says."""
    return run_check(selected((code,), ())[0], Subject(answers), Settings(), strict=True)


# name, rows, levels, clusters, nested, uneven levels, mean, cluster spread, kind, a second factor
GAPS = (
    ("2 levels, rows", 300, 2, "rows", False, False, 0.6, 0.0, "binary", False),
    ("30 levels, 300 rows", 300, 30, "rows", False, False, 0.6, 0.0, "binary", False),
    ("30 levels, 300 rows, adjusted", 300, 30, "rows", False, False, 0.6, 0.0, "binary", True),
    ("30 levels, 9000 rows, adjusted", 9000, 30, "rows", False, False, 0.6, 0.0, "binary", True),
    ("20 levels, uneven, mean .96", 2000, 20, "rows", False, True, 0.96, 0.0, "binary", False),
    ("20 levels, uneven, mean .96, adjusted", 2000, 20, "rows", False, True, 0.96, 0.0, "binary", True),
    ("8 levels, continuous .97", 600, 8, "rows", False, True, 0.97, 0.0, "beta", True),
    ("30 levels, 30 clusters", 3000, 30, "even:30", False, False, 0.6, 0.6, "binary", False),
    ("30 levels, 30 clusters, adjusted", 3000, 30, "even:30", False, False, 0.6, 0.6, "binary", True),
    ("6 levels, 15 clusters, adjusted", 1500, 6, "even:15", False, False, 0.7, 0.6, "binary", True),
    ("6 levels, 22 uneven clusters, adjusted", 1500, 6, "uneven:22", False, True, 0.7, 0.6, "binary", True),
    ("6 levels, a giant cluster", 1500, 6, "giant:60", False, False, 0.7, 0.8, "binary", False),
    ("3 levels, giant nested cluster", 1500, 3, "giant:60", True, False, 0.7, 0.8, "binary", True),
    ("5 levels, nested in 90 uneven clusters", 1800, 5, "uneven:90", True, False, 0.7, 0.8, "binary", True),
    ("4 levels, nested in 60 clusters, unequal spread", 1500, 4, "uneven:60", True, False, 0.6, 0.9, "binary", False),
    ("12 levels, nested in 200 clusters, continuous", 2000, 12, "even:200", True, True, 0.9, 0.8, "beta", True),
)  # fmt: skip


def gaps(seed: int, shape: tuple, effect: float = 0.0, depth: int = 0) -> tuple[Outcome, float]:
    """U102 on one table; level 1 lies lower by ``effect``. Returns the outcome and how far its interval leaves ±1."""
    _, n, k, kind, nested, uneven, mean, spread, score_kind, second = shape
    rng = np.random.default_rng([seed, n, k, depth])
    cluster = clusters(rng, n, kind)
    level = levels_of(rng, n, k, cluster, nested=nested, uneven=uneven)
    if "unequal" in shape[0]:
        spread = np.where(level == 0, spread, 0.1 * spread)
    score = scores(rng, np.full(n, mean) - effect * (level == 1), cluster, spread, score_kind)
    more = {"other": np.char.add("o", rng.integers(0, 4, n).astype(str))} if second else {}
    outcomes = said("U102", table("m", score, cluster, site=np.char.add("s", level.astype(str)), **more))
    out = next((o for o in outcomes if o.details.get("factor", "site") == "site"), outcomes[0])
    e = out.estimate
    return out, 0.0 if e is None else max(0.0, e.high - 1, -1 - e.low)


def run_gaps(replicates: int) -> None:
    """U102: level, bounds, coverage where there is a gap, power."""
    for shape in GAPS:
        null = [gaps(s, shape) for s in range(replicates)]
        tested = [o for o, _ in null if o.p_value is not None]
        low = sum((o.p_value or 0) <= 0.05 for o in tested)
        beyond = max(b for _, b in null)
        line("U102", shape[0], "p ≤ .05", low, len(tested), f"judged {len(tested)}, beyond ±1 {beyond:.3f}")
    for effect in (0.1, 0.3):
        for shape in (GAPS[0], GAPS[2], GAPS[3], GAPS[9], GAPS[13]):
            out = [gaps(s, shape, effect, 1)[0] for s in range(max(replicates // 2, 5))]
            hit = sum(isinstance(o, Found) and (o.p_value or 0) <= 0.05 for o in out)
            clear = sum(isinstance(o, Clear) for o in out)
            line("U102", f"{shape[0]}, gap {effect}", "found", hit, len(out), f"clear {clear / len(out):.3f}")


# name, rows, levels, clusters, truth over the position t in [0, 1]
def hinge(t: np.ndarray) -> np.ndarray:
    """Flat, then falling from 0.45."""
    return 0.85 - 1.3 * np.maximum(t - 0.45, 0)


def cliff(t: np.ndarray) -> np.ndarray:
    """Flat, then down by 0.4 from one level to the next, and flat again."""
    return np.where(t < 0.58, 0.85, 0.45)


def line_down(t: np.ndarray) -> np.ndarray:
    """A straight fall: no break."""
    return 0.85 - 0.5 * t


def flat(t: np.ndarray) -> np.ndarray:
    """Nothing happens."""
    return 0.7 + 0 * t


FRONTIERS = (
    ("10 levels, rows", 1500, 10, "rows", False, 0.0),
    ("10 levels, 15 clusters", 1500, 10, "even:15", False, 0.7),
    ("10 levels, 22 uneven clusters", 2000, 10, "uneven:22", False, 0.7),
    ("6 levels, 15 clusters", 1200, 6, "even:15", False, 0.7),
    ("12 levels, uneven, 40 clusters", 2400, 12, "even:40", True, 0.5),
    ("5 levels, rows", 400, 5, "rows", True, 0.0),
)


def frontier(seed: int, shape: tuple, truth: Callable[[np.ndarray], np.ndarray]) -> Outcome:
    """U104 on one table."""
    _, n, k, kind, uneven, spread = shape
    rng = np.random.default_rng([seed, n, k, 4])
    cluster = clusters(rng, n, kind)
    share = np.arange(k, 0, -1) + 2.0 if uneven else np.ones(k)
    level = rng.choice(k, n, p=share / share.sum())
    score = scores(rng, truth(level / (k - 1)), cluster, spread, "binary")
    return said("U104", table("m", score, cluster, length=level.astype(float)))[0]


def run_frontiers(replicates: int) -> None:
    """U104: how often a break is stated where there is none, covered where there is one, and a cliff called one."""
    for shape in FRONTIERS:
        k = shape[2]
        null = [frontier(s, shape, flat) for s in range(replicates)]
        tested = [o for o in null if o.p_value is not None]
        line("U104", f"{shape[0]}, flat", "p ≤ .05", sum((o.p_value or 0) <= 0.05 for o in tested), len(tested))
        for truth in (flat, line_down):
            out = null if truth is flat else [frontier(s, shape, truth) for s in range(replicates)]
            stated = sum(o.details.get("break") is not None for o in out)
            line("U104", f"{shape[0]}, {truth.__name__}", "break said", stated, len(out))
        for truth, at in ((hinge, 0.45 * (k - 1)), (cliff, 0.58 * (k - 1))):
            said_at = [frontier(s, shape, truth).details.get("break") for s in range(replicates)]
            stated = [b for b in said_at if b is not None]
            cut = np.ceil(at) - 0.5 if truth is cliff else at
            covers = sum(b["low"] <= cut <= b["high"] for b in stated)
            step = sum(b.get("kind") == "step" for b in stated)
            wide = np.mean([(b["high"] - b["low"]) / (k - 1) for b in stated]) if stated else np.nan
            more = f"stated {len(stated) / replicates:.2f}, as a step {step / replicates:.2f}, width {wide:.2f}"
            line("U104", f"{shape[0]}, {truth.__name__}", "covers", covers, len(stated), more)


# name, items, models, clusters, difference of the pair on each side, spread
FLIPS = (
    ("2 models, 200 items", 200, 2, "rows"),
    ("2 models, 600 items", 600, 2, "rows"),
    ("4 models, 1600 items", 1600, 4, "rows"),
    ("2 models, 20 clusters", 800, 2, "even:20"),
    ("2 models, 22 uneven clusters", 1200, 2, "uneven:22"),
    ("30 models, 1000 items", 1000, 30, "rows"),
)


def flip(seed: int, shape: tuple, size: tuple[float, float]) -> Outcome:
    """U702 on one table of items that all models answer; the first pair differs by size[0] on seen, size[1] beyond."""
    _, n, models, kind = shape
    rng = np.random.default_rng([seed, n, models, 7])
    cluster, unseen = clusters(rng, n, kind), rng.random(n) < 0.5
    spread = 0.0 if kind == "rows" else 0.5
    parts = []
    for m in range(models):
        sign = (m == 0) * 0.5 - (m == 1) * 0.5
        p = 0.6 + sign * np.where(unseen, size[1], size[0])
        parts.append(scores(rng, p, cluster, spread, "binary"))
    answers = table(
        np.repeat(np.char.add("m", np.arange(models).astype(str)), n), np.concatenate(parts), np.tile(cluster, models),
        item=np.tile(np.char.add("i", np.arange(n).astype(str)), models),
        split=np.tile(np.where(unseen, "unseen", "seen"), models),
    )  # fmt: skip
    return said("U702", answers)[0]


def run_flips(replicates: int) -> None:
    """U702: level, false clears of a flip that matters, power, and clears where nothing flips."""
    for shape in FLIPS:
        reps = replicates if shape[2] < 10 else max(replicates // 4, 5)
        for size, what in (((0.0, 0.0), "equal"), ((0.1, -0.0), "no flip"), ((0.1, -0.1), "flip ±.1"),
                           ((0.2, -0.2), "flip ±.2")):  # fmt: skip
            out = [flip(s, shape, size) for s in range(reps)]
            if size[0] * size[1] < 0:
                found = sum(isinstance(o, Found) for o in out)
                line("U702", f"{shape[0]}, {what}", "clear", sum(isinstance(o, Clear) for o in out), reps,
                     f"found {found / reps:.2f}")  # fmt: skip
            else:
                clear = sum(isinstance(o, Clear) for o in out)
                line("U702", f"{shape[0]}, {what}", "p ≤ .05", sum((o.p_value or 1) <= 0.05 for o in out), reps,
                     f"clear {clear / reps:.2f}")  # fmt: skip


SLICES = (
    ("2 factors, rows", 800, (4, 3), "rows", 0.7, 0.0),
    ("4 factors of 12, mean .96", 2000, (12, 12, 12, 12), "rows", 0.96, 0.0),
    ("3 factors of 20, 22 uneven clusters", 4000, (20, 20, 20), "uneven:44", 0.7, 0.6),
    ("3 factors of 6, 80 uneven clusters", 3000, (6, 6, 6), "uneven:80", 0.7, 0.7),
    ("3 factors, a giant cluster", 2000, (6, 6, 6), "giant:100", 0.7, 0.8),
)


def slices(seed: int, shape: tuple, weak: float = 0.0, models: int = 1) -> list[Outcome]:
    """U103 on one table; the slice f0 = 1 and f1 = 1 lies lower by ``weak``."""
    _, n, sizes, kind, mean, spread = shape
    rng = np.random.default_rng([seed, n, 3])
    cluster = clusters(rng, n, kind)
    factor = {f"f{i}": rng.integers(0, k, n) for i, k in enumerate(sizes)}
    p = np.full(n, mean) - weak * ((factor["f0"] == 1) & (factor["f1"] == 1))
    score = np.concatenate([scores(rng, p, cluster, spread, "binary") for _ in range(models)])
    columns = {name: np.tile(np.char.add("v", v.astype(str)), models) for name, v in factor.items()}
    item = np.tile(np.char.add("i", np.arange(n).astype(str)), models)
    model = np.repeat(np.char.add("m", np.arange(models).astype(str)), n)
    return said("U103", table(model, score, np.tile(cluster, models), item=item, **columns))


def run_slices(replicates: int) -> None:
    """U103: level of the confirmed p-value, bounds, and power."""
    for shape in SLICES:
        out = [slices(s, shape)[0] for s in range(replicates)]
        tested = [o for o in out if o.p_value is not None]
        beyond = max((max(o.estimate.high - 1, -1 - o.estimate.low) for o in tested if o.estimate), default=0.0)
        low = sum((o.p_value or 0) <= 0.05 for o in tested)
        line("U103", shape[0], "p ≤ .05", low, replicates, f"judged {len(tested)}, beyond ±1 {max(beyond, 0):.3f}")
    found = [isinstance(slices(s, SLICES[0], 0.35)[0], Found) for s in range(replicates // 2)]
    line("U103", f"{SLICES[0][0]}, a weak slice", "found", sum(found), len(found))
    thirty = [o for s in range(max(replicates // 40, 1)) for o in slices(s, SLICES[3], models=30)]
    line("U103", "30 models", "p ≤ .05", sum(o.p_value is not None and o.p_value <= 0.05 for o in thirty), len(thirty))


def line(code: str, shape: str, what: str, hits: int, of: int, more: str = "") -> None:
    """One figure with its standard error."""
    share = hits / of if of else float("nan")
    error = (share * (1 - share) / of) ** 0.5 if of else float("nan")
    print(f"{code}  {shape:58s} {what:10s} {share:.3f} ± {error:.3f}  ({of})  {more}", flush=True)


PARTS = {"U102": run_gaps, "U104": run_frontiers, "U702": run_flips, "U103": run_slices}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=40)
    parser.add_argument("--only", choices=list(PARTS))
    asked = parser.parse_args()
    for code, part in PARTS.items():
        if asked.only in (None, code):
            started = time.perf_counter()
            part(asked.replicates)
            print(f"{code}: {time.perf_counter() - started:.0f} s", flush=True)
