"""Slab data: one coordinate that a line separates, others that need several slabs; and the shuffling of a block.

Source: Shah et al. (2020), The Pitfalls of Simplicity Bias in Neural Networks, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from unseen.data.digits import image_column
from unseen.data.examples import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors

# Weights of the slabs within their class, as in the authors' code (scripts/gendata.py): both classes have mean zero and
# the same variance, so that neither a coordinate nor its square tells them apart on average.
WEIGHTS = {5: (1 / 8, 1 / 2, 3 / 4, 1 / 2, 1 / 8), 7: (1 / 16, 1 / 4, 7 / 16, 1 / 2, 7 / 16, 1 / 4, 1 / 16)}


def slab_coordinate(
    label: np.ndarray, slabs: int, rng: np.random.Generator, *, margin: float = 0.1, noise: float = 0.0
) -> np.ndarray:
    """One coordinate in [-1, 1] of which alternating slabs belong to the two classes.

    Slabs are equally wide and 2·margin apart. Those of the paper, 5 and 7, are weighted so that both classes have the same
    mean and variance (``WEIGHTS``); the best single threshold is right in 11/16 and 5/8 of the cases. In other numbers
    inner slabs are twice as likely as the two outer ones: 1 for two slabs (linear), 3/4 for three.

    Args:
        label: Class 0 or 1, shape (n,).
        slabs: How many (k); 2 is the linear block, 5 and 7 are those of the paper.
        rng: Source of the draws.
        margin: Half the distance between slabs.
        noise: Share of rows whose coordinate is uniform in [-margin, margin], whatever the label; for two slabs the best
            threshold is then right in 1 - noise/2 (noisy linear block).

    Returns:
        Values, shape (n,).

    Raises:
        BadInput: Fewer than 2 slabs, a margin that leaves them no width, or a noise outside [0, 1].

    >>> bool((np.abs(slab_coordinate(np.array([0, 1] * 50), 2, np.random.default_rng(0))) >= 0.1).all())
    True
    """
    width = (2 - 2 * margin * (slabs - 1)) / slabs if slabs > 1 else 0.0
    if slabs < 2 or margin < 0 or width <= 0:
        raise BadInput(f"{slabs} slabs with margin {margin} do not fit in [-1, 1]; ask for 2 or more, or less margin.")
    if not 0 <= noise <= 1:
        raise BadInput(f"noise is a share in 0 … 1, got {noise}.")
    weight = np.array(WEIGHTS.get(slabs, (1, *[2] * (slabs - 2), 1)), float)
    number = np.empty(len(label), dtype=np.int64)
    for value in (0, 1):
        own = np.arange(slabs) % 2 == value
        rows = np.flatnonzero(label == value)
        number[rows] = rng.choice(np.flatnonzero(own), size=len(rows), p=weight[own] / weight[own].sum())
    values = -1 + number * (width + 2 * margin) + width * rng.random(len(label))
    return np.where(rng.random(len(label)) < noise, rng.uniform(-margin, margin, len(label)), values)


def slab_data(
    n: int,
    *,
    blocks: Sequence[int] = (2, 5, 5, 5, 5, 5, 5, 5, 5, 5),
    margin: float = 0.1,
    noise: float = 0.0,
    seed: int = 0,
) -> Examples:
    """Slab data with one number of slabs a coordinate; labels are balanced, coordinates independent given the label.

    Args:
        n: Rows.
        blocks: Slabs of each coordinate: (2, k, k, …) is LMS-k, (5, 7, 7, …) is MS-(5,7).
        margin: Half the distance between slabs.
        noise: Share of rows without signal in the coordinates with the fewest slabs (the noisy simple block).
        seed: Source of the draws.

    Returns:
        Columns item, input (float32, shape (len(blocks),)), label (text "0" or "1", the target) and ``simple`` (whether
        the simple block carries the label in this row), a factor.

    Raises:
        BadInput: No coordinate or no row, or slabs that do not fit.
    """
    if n < 2 or not blocks:
        raise BadInput(f"slab data need at least 2 rows and 1 coordinate, got {n} and {len(blocks)}.")
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) % 2)
    # All simple coordinates lose their signal in the same rows: otherwise two of them repair each other.
    noisy = rng.random(n) < noise
    columns: list[np.ndarray] = []
    for slabs in blocks:
        values = slab_coordinate(label, slabs, rng, margin=margin)
        if slabs == min(blocks) and noise:
            values = np.where(noisy, rng.uniform(-margin, margin, n), values)
        columns.append(values)
    table = pl.DataFrame(
        [
            pl.Series("item", [f"slab-{seed}-{i:06d}" for i in range(n)]),
            image_column("input", np.stack(columns, axis=1)),
            pl.Series("label", label.astype(str).tolist()),
            pl.Series("simple", ~noisy),
        ]
    )
    return Examples(table, ("input",), "label", Factors([Factor("simple", "categorical")]))


def lms(n: int, k: int = 5, *, dim: int = 10, margin: float = 0.1, noise: float = 0.0, seed: int = 0) -> Examples:
    """LMS-k: one linear coordinate, dim - 1 coordinates of k slabs (``noise`` above 0: the noisy linear variant).

    >>> lms(100, 7, dim=4).column("input").shape
    (100, 4)
    """
    return slab_data(n, blocks=(2, *[k] * (dim - 1)), margin=margin, noise=noise, seed=seed)


def shuffle_block(examples: Examples, block: Sequence[str] | np.ndarray, rng: np.random.Generator) -> Examples:
    """Take one block of the inputs from another row, the rest and the target from this one.

    The block keeps its own distribution and loses what it says about the target: accuracy on the result is the
    randomised-feature accuracy of the source, and its drop tells how much a learner relies on the block.

    Args:
        examples: What to shuffle.
        block: Names of input columns, moved together; or a boolean mask of the shape of the single array input
            (``dominoes.TOP``, the first coordinate of slab data).
        rng: Which row gives to which.

    Raises:
        BadInput: A name that is no input, or a mask of another shape, or one that takes nothing.

    Source: Shah et al. (2020), section 4 (S-randomised and S^c-randomised accuracy).
    """
    order = rng.permutation(len(examples))
    table = examples.table
    if isinstance(block, np.ndarray) and block.dtype == bool:
        name = examples.inputs[0]
        values = examples.column(name)
        if len(examples.inputs) != 1 or block.shape != values.shape[1:] or not block.any():
            raise BadInput(
                f"a mask needs one array input and its shape {values.shape[1:]}, with at least one entry set; "
                f"got shape {block.shape} for the inputs {', '.join(examples.inputs)}."
            )
        moved = image_column(name, np.where(block, values[order], values))
        return Examples(table.with_columns(moved), examples.inputs, examples.target, examples.factors)
    names = [str(name) for name in block]
    unknown = [name for name in names if name not in examples.inputs]
    if unknown or not names:
        raise BadInput(
            f"a block consists of inputs, got {unknown[0] if unknown else 'none'!r}; "
            f"the inputs are {', '.join(examples.inputs)}."
        )
    return Examples(table.with_columns(table.select(names)[order]), examples.inputs, examples.target, examples.factors)
