"""False discoveries and power of the audit as a whole, over simulated tables with known truth.

    python benchmarks/whole_audit.py [--tables 200] [--seed 0] [--workers 2]

Null tables: items differ in difficulty, but split, factors, time, variants and models change nothing, and confidence is the
true probability. Any finding that rests on a p-value is then false, so the share of tables with one is the error rate.
Planted tables carry one effect each; power is the share of tables in which its check finds it.
"""

import argparse
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import polars as pl
from scipy.special import expit

MODELS = ("amber", "birch", "cedar", "dune")
PLANTS = {
    "gap": "U101",
    "slice": "U103",
    "break": "U104",
    "overconfident": "U601",
    "variants": "U401",
    "time": "U106",
    "interaction": "U108",
}


def table(seed: int, plant: str | None = None, items: int = 600) -> pl.DataFrame:
    """One table: items × models, a third of the items with a rewritten variant."""
    rng = np.random.default_rng(seed)
    base = pl.DataFrame({
        "item": [f"i{k}" for k in range(items)],
        "difficulty": rng.normal(0, 1.0, items),
        "length": rng.integers(1, 9, items),
        "depth": rng.integers(1, 5, items),
        "domain": rng.choice(list("pqrst"), items),
        "site": rng.choice(["north", "south", "east"], items),
        "time": rng.integers(2010, 2026, items),
        "split": rng.choice(["seen", "unseen"], items),
        "variant_of": pl.Series([None] * items, dtype=pl.String),
    })  # fmt: skip
    variants = base[: items // 3].with_columns(item=pl.col("item") + "-v", variant_of=pl.col("item"))
    rows = pl.concat([base, variants])
    rows = rows.join(pl.DataFrame({"model": MODELS}), how="cross")
    logit = -rows["difficulty"].to_numpy() + 0.3
    unseen, is_variant = (rows["split"] == "unseen").to_numpy(), rows["variant_of"].is_not_null().to_numpy()
    length, depth = rows["length"].to_numpy(), rows["depth"].to_numpy()
    if plant == "gap":
        logit = logit - 0.8 * unseen
    elif plant == "slice":
        logit = logit - 2.0 * ((rows["domain"] == "q").to_numpy() & (rows["site"] == "south").to_numpy())
    elif plant == "break":
        logit = logit - 0.8 * np.maximum(0, length - 4)
    elif plant == "variants":
        logit = logit - 0.8 * is_variant
    elif plant == "time":
        logit = logit - 0.12 * (rows["time"].to_numpy() - 2018)
    elif plant == "interaction":
        logit = logit - 1.6 * ((length > 4) & (depth > 2))
    p = expit(logit)
    said = expit(2.0 * logit + 0.5) if plant == "overconfident" else p
    return rows.with_columns(score=pl.Series((rng.random(len(p)) < p).astype(float)), confidence=pl.Series(said)).drop(
        "difficulty"
    )


def one(plant: str | None, seed: int) -> tuple[list[str], list[str]]:
    import unseen

    # U206 asks for the distance to mastery, which is truly there on every one of these tables.
    audit = unseen.audit(table(seed, plant), seed=seed, strict=True, ignore=["U206"])
    return [o.code for o in audit.found if o.p_value is not None], [o.code for o in audit.found if o.p_value is None]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--planted", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.workers) as pool:
        null = list(pool.map(partial(one, None), range(given.seed, given.seed + given.tables), chunksize=5))
        wrong = [codes for codes, _ in null if codes]
        share = len(wrong) / len(null)
        se = np.sqrt(max(share * (1 - share), 0.05 * 0.95) / len(null))
        print(f"null tables with a false finding: {len(wrong)}/{len(null)} = {share:.3f} (nominal 0.05, se {se:.3f})")
        print("  by check:", dict(Counter(c for codes in wrong for c in set(codes)).most_common()))
        print(
            "  facts reported on null tables:", dict(Counter(c for _, facts in null for c in set(facts)).most_common())
        )
        for plant, code in PLANTS.items():
            results = list(pool.map(partial(one, plant), range(10_000, 10_000 + given.planted), chunksize=5))
            power = np.mean([code in found for found, _ in results])
            others = Counter(c for found, _ in results for c in set(found) if c != code)
            print(
                f"planted {plant}: {code} finds it in {power:.2f} of {given.planted} tables; also {dict(others.most_common(5))}"
            )


if __name__ == "__main__":
    main()
