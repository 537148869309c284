"""Dominoes of two real digits: a simple spurious cue above, the core cue below.

Source: Shah et al. (2020), The Pitfalls of Simplicity Bias in Neural Networks, section 3 (MNIST-CIFAR dominoes), here with
two handwritten digits of 8 × 8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from unseen.data.digits import digit_images, image_column
from unseen.data.examples import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors

Groups = tuple[Sequence[int], Sequence[int]]
SPURIOUS: Groups = ((0,), (1,))
CORE: Groups = ((2, 4, 6, 8), (3, 5, 7, 9))
# Which pixels of a domino carry which cue, for ``shuffle_block``.
TOP = np.repeat([True, False], 8)[:, None].repeat(8, axis=1)
BOTTOM = ~TOP


def dominoes(
    n: int | None = None,
    *,
    ratio: float = 0.95,
    spurious: Groups = SPURIOUS,
    core: Groups = CORE,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Examples:
    """Images of 16 × 8 pixels: the lower digit decides the label, the upper one agrees with it at a given ratio.

    Args:
        n: How many; by default every image of a core digit once. No image of a core digit stands in two dominoes, those
            of the spurious digits return.
        ratio: Share of dominoes in which the spurious cue agrees with the core cue, met to one domino.
        spurious: Digits above that stand for class 0 and class 1.
        core: Digits below that stand for class 0 and class 1; by default even and odd, which is harder than 0 and 1.
        label_noise: Share of labels that are flipped, against both cues.
        seed: Decides pairs, noise and order.

    Returns:
        Columns item, image, label (text "0" or "1", the target), core and spurious (class of each cue), agrees (whether
        the cues agree), digit (the lower one), source and spurious_source (the originals). Factors: spurious, core,
        agrees, digit.

    Raises:
        BadInput: More dominoes than images of core digits, a share outside [0, 1], or groups that overlap.

    >>> made = dominoes(100, ratio=0.9)
    >>> made.column("image").shape, int(made.table["agrees"].sum())
    ((100, 16, 8), 90)
    """
    for name, share in (("ratio", ratio), ("label_noise", label_noise)):
        if not 0 <= share <= 1:
            raise BadInput(f"{name} is a share in 0 … 1, got {share}.")
    for name, groups in (("spurious", spurious), ("core", core)):
        if not groups[0] or not groups[1] or set(groups[0]) & set(groups[1]):
            raise BadInput(f"{name} needs two groups of digits without a common one, got {groups}.")
    images, digits = digit_images()
    rng = np.random.default_rng(seed)
    below = rng.permutation(np.flatnonzero(np.isin(digits, [*core[0], *core[1]])))
    count = len(below) if n is None else n
    if not 2 <= count <= len(below):
        raise BadInput(f"there are {len(below)} images of the core digits, so 2 … {len(below)} dominoes; got {count}.")
    below = below[:count]
    truth = np.isin(digits[below], core[1]).astype(np.int64)
    agrees = np.zeros(count, dtype=bool)
    agrees[rng.permutation(count)[: round(ratio * count)]] = True
    cue = np.where(agrees, truth, 1 - truth)
    above = np.empty(count, dtype=np.int64)
    for value in (0, 1):
        pool = rng.permutation(np.flatnonzero(np.isin(digits, spurious[value])))
        above[cue == value] = np.resize(pool, int((cue == value).sum()))
    label = truth.copy()
    flipped = rng.permutation(count)[: round(label_noise * count)]
    label[flipped] = 1 - label[flipped]
    table = pl.DataFrame(
        [
            pl.Series("item", [f"domino-{row:04d}" for row in below.tolist()]),
            image_column("image", np.concatenate([images[above], images[below]], axis=1)),
            pl.Series("label", label.astype(str).tolist()),
            pl.Series("core", truth.astype(str).tolist()),
            pl.Series("spurious", cue.astype(str).tolist()),
            pl.Series("agrees", agrees),
            pl.Series("digit", digits[below].astype(str).tolist()),
            pl.Series("source", [f"digit-{row:04d}" for row in below.tolist()]),
            pl.Series("spurious_source", [f"digit-{row:04d}" for row in above.tolist()]),
        ]
    )
    names = ("spurious", "core", "agrees", "digit")
    return Examples(table, ("image",), "label", Factors(Factor(name, "categorical") for name in names))
