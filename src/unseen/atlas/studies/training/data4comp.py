"""More primitives and less repetition in training make unseen combinations right; simple examples teach more."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.atlas.small_models import share_right, small_decoder
from unseen.data import Examples
from unseen.tasks.grammar.scan_like import ScanLike

FEW, MANY = 4, 60
# Short action sequences keep a training step cheap; conjunctions stay.
SHORT: dict[str, Any] = {"actions": (1, 10), "conjunctions": (0, 1)}


def with_lone_jump(composed: Examples, task: ScanLike, share: float = 0.1) -> Examples:
    """Training examples without jump, and jump alone as a share of the rows (as in the split of SCAN)."""
    alone = task.sample(1, 0, use=0, difficulty=0, turn=False)
    n = round(len(composed) * share / (1 - share))
    return Examples(pl.concat([composed.table, *[alone.table] * n]), composed.inputs, composed.target, composed.factors)


def jump_train(n: int, primitives: int, seed: int, difficulty: tuple[int, int] = (0, 40)) -> Examples:
    """N different commands over all primitives but jump, and jump alone."""
    task = ScanLike(primitives=primitives)
    return with_lone_jump(task.sample(n, seed, use=(1, primitives - 1), difficulty=difficulty, **SHORT), task)


def around_right_train(n: int, primitives: int, seed: int) -> Examples:
    """N different commands in which nothing is done around right."""
    drawn = ScanLike(primitives=primitives).sample(round(1.4 * n), seed, **SHORT)
    kept = [
        row for row, phrases in enumerate(drawn.table["phrases"].to_list()) if "around right" not in " ".join(phrases)
    ]
    return drawn.take(kept[:n])


def jump_test(n: int, seed: int) -> Examples:
    """Commands of SCAN with jump in combinations."""
    drawn = ScanLike(primitives=FEW).sample(4 * n, seed, difficulty=(1, 40), **SHORT)
    rows = [row for row, verbs in enumerate(drawn.table["primitives"].to_list()) if "jump" in verbs]
    return drawn.take(rows[:n])


def around_right_test(n: int, seed: int) -> Examples:
    """Commands of SCAN in which something is done around right."""
    drawn = ScanLike(primitives=FEW).sample(12 * n, seed, **SHORT)
    rows = [row for row, phrases in enumerate(drawn.table["phrases"].to_list()) if "around right" in " ".join(phrases)]
    return drawn.take(rows[:n])


@first_form(
    slug="data4comp",
    claim="More complex training sets raise accuracy on held-out compositions, through more diverse examples and through "
    "less repetition, each by itself; on synthetic data simple examples induce more compositionality than hard ones.",
    source="Zhou, Jiang & Bansal (2023), Data Factors for Better Compositional Generalization",
    thresholds=[
        Threshold(
            "diversity_jump", "above", 0.1, "60 primitives instead of 4 at equal size and repetition: over 10 points"
        ),
        Threshold("diversity_around", "above", 0.0, "The same raises around right"),
        Threshold(
            "repetition_jump", "above", 0.05, "4000 examples once, not 400 ten times, at 60 primitives: over 5 points"
        ),
        Threshold(
            "simple_over_hard", "above", 0.0, "Commands of at most 3 operations teach jump better than of at least 5"
        ),
    ],
    units="seeds: commands, initialisation and order redrawn",
    reduced="Decoder-only Transformer of 60k parameters, commands of at most 10 actions, 4000 training examples, 1500 "
    "updates; jump and around right only, no length split; the natural-language part is not tested.",
    reconstructed="Numbered verbs serve as further primitives. Difficulty counts the operations of a command.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Accuracy on held-out combinations after training on six different sets of one size."""
    n, steps, n_test = (300, 10, 30) if quick else (4000, 1500, 300)
    complex_set = jump_train(n, MANY, seed)
    repeated = jump_train(n // 10, MANY, seed)
    sets = {
        "jump_4": jump_train(n, FEW, seed),
        "jump_60": complex_set,
        "jump_60_repeated": repeated.take(np.resize(np.arange(len(repeated)), len(complex_set))),
        "jump_60_simple": jump_train(n, MANY, seed, (0, 3)),
        "jump_60_hard": jump_train(n, MANY, seed, (5, 40)),
        "around_4": around_right_train(n, FEW, seed),
        "around_60": around_right_train(n, MANY, seed),
    }
    tests = {"jump": jump_test(n_test, seed + 1), "around": around_right_test(n_test, seed + 1)}
    # Fresh examples in the manner of each training set tell whether it was learned at all.
    n_seen = n_test // 3
    fresh = {
        "jump_4": jump_train(n_seen, FEW, seed + 2),
        "jump_60_simple": jump_train(n_seen, MANY, seed + 2, (0, 3)),
        "jump_60_hard": jump_train(n_seen, MANY, seed + 2, (5, 40)),
        "around_4": around_right_train(n_seen, FEW, seed + 2),
        "around_60": around_right_train(n_seen, MANY, seed + 2),
    }
    found: dict[str, tuple[float, int]] = {}
    for name, train in sets.items():
        test = tests[name.split("_")[0]]
        fitted = small_decoder(train, seed, name, steps=steps, layers=2, position="rotary", known=test)
        found[name] = share_right(fitted, test)
        known = fresh[name] if name in fresh else jump_train(n_seen, MANY, seed + 2)
        found[f"{name}_seen"] = share_right(fitted, known)
    return {
        **found,
        "diversity_jump": found["jump_60"][0] - found["jump_4"][0],
        "diversity_around": found["around_60"][0] - found["around_4"][0],
        "repetition_jump": found["jump_60"][0] - found["jump_60_repeated"][0],
        "simple_over_hard": found["jump_60_simple"][0] - found["jump_60_hard"][0],
    }
