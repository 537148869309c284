"""Which of two causes opens the report: a loss of score beside over-confidence, or beside wholes that are wrong though their parts are right.

Each table has one cause of either kind, of random size, on random rows. What a cause costs its reader is the score that is
lost over the rows concerned, as a share of all rows: of a loss, how much lower the chance to be right is there; of
over-confidence, how much less often answers are right than claimed (what is lost by who relies on the claim); of parts, the
wholes that are wrong although their parts are right; of rewording, what reworded items lose. Told is how often the verdict
names the cause that costs more, and how much of the larger cost it passes over, for each value of ``weights.NEAR``.

    python benchmarks/verdicts.py --replicates 60
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from unseen.auditing import run
from unseen.checks.base import Settings, Subject
from unseen.responses import Responses
from unseen.stories import tell

SELECT = {
    "confidence": "U101,U102,U104,U601,U603",
    "parts": "U101,U102,U104,U301",
    "rewording": "U101,U102,U104,U401,U501",
}
# Codes by which a story of the other kind is known.
OTHER = {"confidence": {"U601", "U603"}, "parts": {"U301"}, "rewording": {"U401", "U501"}}
NEARS = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.4, 2.0, 3.0)
Drawn = tuple[pl.DataFrame, float, float]


def _rows(rng: np.random.Generator, n: int) -> tuple[dict[str, np.ndarray], np.ndarray, float]:
    """Factors and split of items, how much lower the chance to be right is on each, and what that costs."""
    size, levels = float(np.exp(rng.uniform(np.log(0.04), np.log(0.5)))), int(rng.integers(2, 6))
    topic = rng.integers(0, levels, n)
    lower = size * (topic == 0)
    split = np.where(rng.uniform(size=n) < 0.5, "seen", "unseen")
    return {"topic": np.array([f"t{k}" for k in topic]), "split": split}, lower, float(lower.mean())


def confidence(rng: np.random.Generator, n: int = 1200) -> Drawn:
    """A loss at one topic, which the confidence follows, and over-confidence on all rows or on unseen ones."""
    columns, lower, cost = _rows(rng, n)
    over = float(np.exp(rng.uniform(np.log(0.04), np.log(0.4))))
    where = np.ones(n, dtype=bool) if rng.uniform() < 0.5 else columns["split"] == "unseen"
    chance = np.clip(0.6 + 0.1 * rng.normal(size=n) - lower, 0.02, 0.98)
    # The answers are right as often as without over-confidence: the claim is too high, not the score too low.
    claimed = np.clip(chance + over * where, 0.0, 1.0)
    frames = [
        pl.DataFrame({"model": m, "item": [f"i{k}" for k in range(n)], **columns, "confidence": claimed,
                      "score": (rng.uniform(size=n) < chance).astype(int)})
        for m in ("m0", "m1")
    ]  # fmt: skip
    return pl.concat(frames), cost, float((claimed - chance).mean())


def parts(rng: np.random.Generator, n: int = 1200) -> Drawn:
    """A loss at one topic, and wholes (a third of the rows, each with two parts) that fail though their parts are right."""
    wholes = n // 3
    columns, lower, _ = _rows(rng, wholes)
    slip = float(np.exp(rng.uniform(np.log(0.04), np.log(0.5))))
    frames, lost, missed = list[pl.DataFrame](), [], []
    for m in ("m0", "m1"):
        chance = np.clip(0.9 - lower, 0.02, 0.98)
        own = rng.uniform(size=(2, wholes)) < chance
        both = own.all(axis=0)
        slipped = both & (rng.uniform(size=wholes) < slip)
        scores = [*own, both & ~slipped]
        lost += [0.9 - chance, 0.9 - chance, 0.81 - chance**2]
        missed.append(chance**2 * slip)
        for k, score in enumerate(scores):
            frames.append(
                pl.DataFrame({
                    "model": m, "item": [f"i{i}.{k}" for i in range(wholes)], **columns, "score": score.astype(int),
                    "parent": [f"i{i}.2" if k < 2 else None for i in range(wholes)],
                }, schema_overrides={"parent": pl.String})
            )  # fmt: skip
    return pl.concat(frames), float(np.mean(lost)), float(np.mean(missed)) / 3


def rewording(rng: np.random.Generator, n: int = 1200) -> Drawn:
    """A loss at one topic, and one of half of the rows, which are reworded."""
    items = n // 2
    columns, lower, cost = _rows(rng, items)
    fall = float(np.exp(rng.uniform(np.log(0.04), np.log(0.4))))
    frames = list[pl.DataFrame]()
    for m in ("m0", "m1"):
        chance = np.clip(0.85 - lower, 0.02, 0.98)
        for k, p in enumerate((chance, np.clip(chance - fall, 0.02, 0.98))):
            frames.append(
                pl.DataFrame({
                    "model": m, "item": [f"i{i}.{k}" for i in range(items)], **columns,
                    "score": (rng.uniform(size=items) < p).astype(int), "variant_of": [f"i{i}.0" if k else None for i in range(items)],
                }, schema_overrides={"variant_of": pl.String})
            )  # fmt: skip
    return pl.concat(frames), cost, fall / 2


SCENES: dict[str, Callable[[np.random.Generator], Drawn]] = {
    "confidence": confidence,
    "parts": parts,
    "rewording": rewording,
}


def once(scene: str, seed: int) -> dict[str, float] | None:
    """Costs and weights of both causes in one table; None where the audit does not tell both."""
    table, loss, other = SCENES[scene](np.random.default_rng([len(scene), seed]))
    telling = tell(run(Subject(responses=Responses.of(table)), Settings(seed=seed), select=SELECT[scene]))
    of_other = [s.weight for s in telling.stories if set(s.codes) & OTHER[scene]]
    of_loss = [s.weight for s in telling.stories if s.condition is not None and "topic" in s.condition.columns]
    if not of_other or not of_loss:
        return None
    return {"loss": loss, "other": other, "w_loss": max(of_loss), "w_other": max(of_other)}


def told(rows: list[dict[str, float]], near: float) -> tuple[float, float, float, float]:
    """How often the costlier cause is named and the cost that is passed over, each with its standard error."""
    named = np.array([(r["w_loss"] >= near * r["w_other"]) == (r["loss"] >= r["other"]) for r in rows], dtype=float)
    passed = np.array([abs(r["loss"] - r["other"]) for r in rows]) * (1 - named)
    n = len(rows)
    return (
        float(named.mean()),
        float(named.std() / math.sqrt(n)),
        float(passed.mean()),
        float(passed.std() / math.sqrt(n)),
    )


def main() -> None:
    """Print the curve of each scene."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=6)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--scene", default="")
    options.add_argument("--keep", default="", help="a file of JSON lines to which costs and weights are added")
    options.add_argument("--kept", default="", help="print the curves of such a file")
    given = options.parse_args()
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in SCENES}
    if given.kept:
        for line in Path(given.kept).read_text().splitlines():
            row = json.loads(line)
            rows[row.pop("scene")].append(row)
    else:
        for scene in (given.scene,) if given.scene else tuple(SCENES):
            started = time.perf_counter()
            for r in range(given.first, given.first + given.replicates):
                if (row := once(scene, r)) is not None:
                    rows[scene].append(row)
                    if given.keep:
                        with Path(given.keep).open("a") as file:
                            file.write(json.dumps({"scene": scene, **row}) + "\n")
            print(
                f"{scene}: {len(rows[scene])} of {given.replicates} tables tell both, {(time.perf_counter() - started) / given.replicates:.2f} s each"
            )
    known = {scene: own for scene, own in rows.items() if own}
    known |= (
        {"confidence and parts": known["confidence"] + known["parts"]} if {"confidence", "parts"} <= set(known) else {}
    )
    for scene, own in known.items():
        print(
            f"\n{scene} ({len(own)} tables; the loss costs more in {np.mean([r['loss'] >= r['other'] for r in own]):.2f})"
        )
        print("  NEAR   costlier named     cost passed over")
        for near in NEARS:
            named, se, passed, error = told(own, near)
            print(f"  {near:4.2f}   {named:.3f} ± {se:.3f}    {passed:.4f} ± {error:.4f}")


if __name__ == "__main__":
    main()
