"""Whole audits of simulated tables with known truth: false finds, false "clear", "collect N times as many", power, coverage.

    python benchmarks/whole_audit.py [null clear collect power domains] [--replicates 200] [--shapes plain 'few months']
        [--plants 'U101 .75'] [--gap 0.10] [--whole] [--seed 0] [--out FILE.jsonl]

``null``: tables of ``audit_shapes.py`` on which nothing is to be found, each audited as a whole. Any find that rests on a
p-value is false; the share of audits with one should be at most 0.05, in every shape. Beside it the share of raw p-values
below 0.05, by check, to tell which tests are off. Every outcome goes to FILE, to be looked at again.

``clear``: tables of ``audit_plants.py`` with an effect of exactly ``gap_that_matters``, from too few units to enough. "Clear"
may be said in 2.5 % of them; the share of intervals that hold the effect is printed as well.

``collect``: undecided U101 outcomes name a number of units; a fresh table of that size with the same true gap should decide
in 80 %.

``power``: one model of four that loses 0.05 at 3,000 items against Welch's t, and single effects among much else.

``domains``: coverage of the loss by not having seen a domain (U801), a learner refitted; the truth is the mean estimate over
all tables, since each is drawn from the same domains.
"""

import argparse
import json
import math
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from audit_plants import MIXED, PLANTS, Plant, gap_101, mixed
from audit_shapes import CONTEXT, SHAPES, Shape

PARTS = ["null", "clear", "collect", "power", "domains"]
# Checks whose estimate is zero in truth wherever their null holds.
TRULY_ZERO = ("U101", "U106", "U107", "U203", "U401", "U501")
# Tables beyond this many items are not drawn to see whether so many decide.
MOST_UNITS = 12_000


def record(outcome: Any) -> dict[str, Any]:
    """An outcome as plain data."""
    e = outcome.estimate
    return {
        "code": outcome.code, "outcome": type(outcome).__name__, "about": outcome.about.name, "p": outcome.p_value,
        "value": e and e.value, "low": e and e.low, "high": e and e.high,
    }  # fmt: skip


def audited(shape: Shape, name: str, seed: int) -> list[dict[str, Any]]:
    """All outcomes of the audit of one table; the table depends on the shape's name and the seed alone."""
    import unseen

    table = shape.draw(np.random.default_rng([seed, *name.encode()]))
    audit = unseen.audit(table, seed=seed, strict=True, ignore=[*CONTEXT, *shape.untrue], **shape.columns)
    return [record(o) for o in audit.result.outcomes]


def limit(n: int, rate: float = 0.05) -> float:
    """What a true rate stays below but for two standard errors."""
    return rate + 2 * float(np.sqrt(rate * (1 - rate) / n))


def null(shapes: list[str], replicates: int, seed: int, out: Path | None) -> None:
    print(f"null tables, {replicates} a shape: share of audits with a false find (at most {limit(replicates):.3f})")
    for name in shapes:
        shape, started = SHAPES[name], time.perf_counter()
        wrong, bound, example = Counter[str](), Counter[str](), dict[str, int]()
        audits, tests, zero = 0, defaultdict[str, list[bool]](list), defaultdict[str, list[bool]](list)
        for k in range(seed, seed + replicates):
            outcomes = audited(shape, name, k)
            if out is not None:
                with out.open("a") as file:
                    file.write(json.dumps({"shape": name, "seed": k, "outcomes": outcomes}) + "\n")
            found = {o["code"] for o in outcomes if o["outcome"] == "Found" and o["p"] is not None}
            for o in outcomes:
                if o["p"] is not None:
                    tests[o["code"]].append(o["p"] <= 0.05)
                if o["code"] in TRULY_ZERO and o["low"] is not None:
                    zero[o["code"]].append(o["low"] <= 0 <= o["high"])
            for code in found:
                example.setdefault(code, k)
            bound.update(found & set(shape.model_bound))
            wrong.update(found - set(shape.model_bound))
            audits += bool(found - set(shape.model_bound))
        share = audits / replicates
        mark = "  GIVES WAY" if share > limit(replicates) else ""
        print(f"{name:26} {share:.3f}{mark}  by code: " + (
            ", ".join(f"{c} {n} (seed {example[c]})" for c, n in wrong.most_common()) or "none"
        ) + (f"; not counted: {dict(bound)}" if bound else ""))  # fmt: skip
        held = ", ".join(f"{c} {np.mean(v):.3f} of {len(v)}" for c, v in sorted(zero.items()))
        print(f"{'':26} intervals with zero inside: {held}")
        raw = {c: float(np.mean(v)) for c, v in tests.items() if len(v) >= 20 and np.mean(v) > 0.075}
        print(
            f"{'':26} p ≤ .05 in: "
            + (", ".join(f"{c} {r:.3f} of {len(tests[c])}" for c, r in sorted(raw.items(), key=lambda kv: -kv[1])) or "no more than .075 of any check")
            + f"  ({(time.perf_counter() - started) / replicates:.2f} s an audit)",
            flush=True,
        )  # fmt: skip


def outcomes_of(table: Any, seed: int, select: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    import unseen

    audit = unseen.audit(table, seed=seed, strict=True, select=select, ignore=CONTEXT)
    return [record(o) for o in audit.result.outcomes]


def carriers(plant: Plant, outcomes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outcomes that are about what carries the effect."""
    mine = [o for o in outcomes if o["code"] == plant.code]
    return [o for o in mine if o["about"].startswith(plant.about)] if plant.about else mine


def covers(o: dict[str, Any], gap: float) -> bool | None:
    """Whether the interval holds the effect; a pair is ordered by its observed means."""
    if o["low"] is None:
        return None
    truth = -gap if o["code"] == "U701" and not o["about"].startswith("m0") else gap
    return bool(o["low"] <= truth <= o["high"])


def clear(plants: list[str], replicates: int, seed: int, gap: float, whole: bool, out: Path | None) -> None:
    print(
        f"true effects of exactly {gap:.2f}, {replicates} tables each, from few to many units: "
        f"clear at most {limit(replicates, 0.025):.3f}"
    )
    for name in plants:
        plant, counts, kept, wrong, below = PLANTS[name], Counter[str](), list[bool](), dict[int, float](), list[bool]()
        tables = outcomes_seen = 0
        started = time.perf_counter()
        for k in range(seed, seed + replicates):
            rng = np.random.default_rng([k, *name.encode()])
            low, high = np.log(plant.units)
            table = plant.draw(rng, gap, round(float(np.exp(rng.uniform(low, high)))))
            outcomes = outcomes_of(table, k, () if whole else (plant.code,))
            if out is not None:
                with out.open("a") as file:
                    file.write(json.dumps({"plant": name, "gap": gap, "seed": k, "outcomes": outcomes}) + "\n")
            mine = carriers(plant, outcomes)
            counts.update(o["outcome"] for o in mine)
            kept += [c for o in mine if (c := covers(o, gap)) is not None]
            below += [o["high"] is not None and o["high"] < gap for o in mine]
            share = float(np.mean([o["outcome"] == "Clear" for o in mine])) if mine else 0.0
            if share:
                wrong[k] = share
            tables, outcomes_seen = tables + bool(mine), outcomes_seen + len(mine)
        rate = sum(wrong.values()) / max(tables, 1)
        shares = ", ".join(f"{kind} {n / max(outcomes_seen, 1):.3f}" for kind, n in sorted(counts.items()))
        held = f"covers {np.mean(kept):.3f} of {len(kept)}" if kept else "no interval"
        mark = "  GIVES WAY" if rate > limit(replicates, 0.025) else ""
        some = f" (seed {min(wrong)})" if wrong else ""
        print(
            f"{name:26} clear {rate:.3f}{mark}{some}  {shares}; {held}; upper end below in {np.mean(below or [0]):.3f}; "
            f"{(time.perf_counter() - started) / replicates:.2f} s",
            flush=True,
        )  # fmt: skip


def collect(replicates: int, seed: int, share: float) -> None:
    """Whether that many units do decide, on fresh tables with the same true gap."""
    import unseen

    print(
        f'"collect N times as many", U101, {replicates} pilots a line, {share:.2f} of what is asked: decided at least 0.800'
    )
    designs = {
        "independent": gap_101(0.75),
        "near ceiling": gap_101(0.97),
        "clusters": gap_101(0.75, "clusters"),
        "rubric": gap_101(0.75, "rubric"),
    }
    for design, draw in designs.items():
        for gap in (0.0, 0.02, 0.05, 0.10, 0.15):
            kinds, factors, asked, beyond, silent = Counter[str](), list[float](), 0, 0, 0
            for k in range(seed, seed + replicates):
                rng = np.random.default_rng([k, round(100 * gap), *design.encode()])
                n = int(rng.integers(80, 300))
                audit = unseen.audit(draw(rng, gap, n), seed=k, strict=True, ignore=CONTEXT)
                open_ = [o for o in audit.result.outcomes if o.code == "U101" and type(o).__name__ == "Undecided"]
                if not open_:
                    continue
                first = open_[int(rng.integers(len(open_)))]
                times = first.details.get("times")
                if times is None:
                    silent += 1
                    continue
                units = math.ceil(share * times * n)
                if units > MOST_UNITS:
                    beyond += 1
                    continue
                asked += 1
                factors.append(times)
                more = outcomes_of(draw(rng, gap, units), k)
                kinds.update(o["outcome"] for o in more if o["code"] == "U101" and o["about"] == first.about.name)
            decided = (kinds["Found"] + kinds["Clear"]) / max(asked, 1)
            mark = "  GIVES WAY" if asked and decided < 0.8 - 2 * np.sqrt(0.16 / asked) else ""
            shown = ", ".join(f"{kind} {n / max(asked, 1):.2f}" for kind, n in sorted(kinds.items()))
            print(
                f"{design:13} gap {gap:.2f}: {asked} undecided, median {np.median(factors) if factors else np.nan:.1f} times, "
                f"decided {decided:.2f}{mark} ({shown})" + (f"; {beyond} ask for over {MOST_UNITS:,}" if beyond else "")
                + (f"; {silent} name no number" if silent else ""),
                flush=True,
            )  # fmt: skip


def power(replicates: int, seed: int) -> None:
    """One affected model of four against Welch's t, and one effect among much else."""
    from scipy.stats import ttest_ind

    found, welch, alone = [], [], []
    draw = gap_101(0.83, models=4, affected=1)
    for k in range(seed, seed + replicates):
        table = draw(np.random.default_rng([k, 3000]), 0.05, 3000)
        # A calibrated confidence, so that its checks have something to test as well.
        p = np.where((table["model"] == "m0") & (table["split"] == "unseen"), 0.78, 0.83)
        table = table.with_columns(confidence=pl.Series(p + 0.02 * np.random.default_rng(k).choice([-1, 1], len(p))))
        mine = [o for o in outcomes_of(table, k) if o["code"] == "U101"]
        found.append(any(o["outcome"] == "Found" and o["about"] == "m0" for o in mine))
        alone.append(any(o["outcome"] == "Found" and o["about"] != "m0" for o in mine))
        own = table.filter(pl.col("model") == "m0")
        sides = [own.filter(pl.col("split") == side)["score"].to_numpy() for side in ("seen", "unseen")]
        welch.append(float(ttest_ind(*sides, equal_var=False).pvalue))
    se = 0.5 / np.sqrt(replicates)
    print(
        f"one model of four loses 0.05 at 3,000 items: U101 finds it in {np.mean(found):.3f} of {replicates} audits "
        f"(standard error at most {se:.3f}); Welch's t at .05 in {np.mean(np.array(welch) <= 0.05):.3f}, at .0125 in "
        f"{np.mean(np.array(welch) <= 0.0125):.3f}; another model is blamed in {np.mean(alone):.3f}",
        flush=True,
    )
    for name, code in MIXED.items():
        hits, others = [], Counter[str]()
        for k in range(seed, seed + replicates):
            outcomes = outcomes_of(mixed(name)(np.random.default_rng([k, *name.encode()]), 0.8, 600), k)
            codes = {o["code"] for o in outcomes if o["outcome"] == "Found" and o["p"] is not None}
            hits.append(code in codes)
            others.update(codes - {code})
        print(
            f"planted {name:14} {code} finds it in {np.mean(hits):.2f}; also {dict(others.most_common(6))}", flush=True
        )


def domains(replicates: int, seed: int) -> None:
    import unseen

    held = defaultdict[str, list[tuple[float, float, float]]](list)
    for k in range(seed, seed + replicates):
        rng = np.random.default_rng([k, 801])
        where = np.repeat(np.arange(8), [30, 40, 40, 50, 50, 60, 70, 100])
        shift, x = np.linspace(-1, 1, 8)[where], rng.normal(size=(len(where), 3))
        y = rng.random(len(where)) < 1 / (1 + np.exp(-(x[:, 0] + x[:, 1] * shift + 1.5 * shift)))
        table = pl.DataFrame(
            {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "site": [f"s{d}" for d in where], "y": y.astype(int)}
        )
        audit = unseen.audit(
            table,
            target="y",
            learner="logistic",
            shifts=["held-out site"],
            executor="serial",
            select=["U801"],
            seed=k,
            strict=True,
        )
        for o in audit.result.outcomes:
            if o.estimate is not None:
                held[o.about.name].append((o.estimate.value, o.estimate.low, o.estimate.high))
    inside = {}
    for name, values in held.items():
        value, low, high = np.array(values).T
        inside[name] = float(np.mean((low <= value.mean()) & (value.mean() <= high)))
    mean = inside.pop("held-out site", np.nan)
    print(
        f"U801, {replicates} tables: domains covered {np.mean(list(inside.values())):.3f} "
        f"({', '.join(f'{v:.2f}' for v in inside.values())}), mean loss covered {mean:.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", choices=PARTS, nargs="*", default=PARTS)
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES))
    parser.add_argument("--plants", nargs="*", default=list(PLANTS))
    parser.add_argument("--gap", type=float, default=0.10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", action="store_true", help="clear: run all checks, not only the one that is asked")
    parser.add_argument(
        "--share", type=float, default=1.0, help="collect: draw this share of the units that are asked for"
    )
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if "null" in given.parts:
        null(given.shapes, given.replicates, given.seed, given.out)
    if "clear" in given.parts:
        clear(given.plants, given.replicates, given.seed, given.gap, given.whole, given.out)
    if "collect" in given.parts:
        collect(given.replicates, given.seed, given.share)
    if "power" in given.parts:
        power(given.replicates, given.seed)
    if "domains" in given.parts:
        domains(given.replicates, given.seed)


if __name__ == "__main__":
    main()
