"""Changes of the training side alone: corrupted labels and repeated examples."""

from __future__ import annotations

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Split


def corrupt_labels(split: Split, share: float, rng: np.random.Generator) -> Split:
    """Give a share of the training examples the target of another class; ``corrupted`` marks them.

    Args:
        split: Seen and unseen stay as they are.
        share: Share of training examples, in [0, 1].
        rng: Which examples, and which wrong target.

    Raises:
        BadInput: The share is outside [0, 1], or there are fewer than two targets.
    """
    train = split.train
    if not 0 <= share <= 1:
        raise BadInput(f"a share of corrupted labels lies in 0 … 1, got {share}.")
    if train.target is None:
        raise BadInput("these examples have no target to corrupt.")
    targets = train.table[train.target].to_list()
    levels = sorted({repr(t): t for t in targets}.items())
    if len(levels) < 2:
        raise BadInput("corrupting labels needs at least two different targets.")
    index = {key: i for i, (key, _) in enumerate(levels)}
    chosen = rng.permutation(len(targets))[: round(share * len(targets))]
    for row in chosen.tolist():
        # One of the other levels, each as likely: the drawn number skips the true one.
        draw = int(rng.integers(len(levels) - 1))
        targets[row] = levels[draw + (draw >= index[repr(targets[row])])][1]
    mark = np.zeros(len(targets), dtype=bool)
    mark[chosen] = True
    table = train.table.with_columns(
        pl.Series(train.target, targets, dtype=train.table.schema[train.target]), pl.Series("corrupted", mark)
    )
    return Split(Examples(table, train.inputs, train.target, train.factors), split.seen, split.unseen, split.guarantees)


def repeat_examples(split: Split, distinct: int, rng: np.random.Generator) -> Split:
    """Fill the training side with fewer distinct examples, each repeated, at an unchanged size.

    Args:
        split: Seen and unseen stay as they are.
        distinct: How many different training examples remain.
        rng: Which ones.

    Raises:
        BadInput: There are fewer than ``distinct``, or it is below 1.
    """
    n = len(split.train)
    if not 1 <= distinct <= n:
        raise BadInput(f"{distinct} distinct examples were asked for, the training side has {n}.")
    kept = rng.permutation(n)[:distinct]
    return Split(split.train.take(np.resize(kept, n)), split.seen, split.unseen, split.guarantees)
