"""A core cue, a spurious cue that agrees with it in most rows, and enough noise to learn the other rows by heart."""

from __future__ import annotations

import numpy as np
import polars as pl

from unseen.data import pixels
from unseen.data.digits import digit_images, image_column
from unseen.data.examples import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors

FACTORS = Factors(Factor(name, "categorical") for name in ("spurious", "agrees", "group"))


def cue_and_noise(
    n: int, *, ratio: float = 0.9, columns: int = 1798, noise: float = 0.5, scale: float = 5.0, seed: int = 0
) -> Examples:
    """Two cues of one width, the spurious one larger, and columns of noise that is each row's own.

    Args:
        n: Rows.
        ratio: Share of rows in which the spurious cue agrees with the label, met to one row.
        columns: Of noise.
        noise: Standard deviation of the noise; 0 leaves nothing to learn rows by heart with.
        scale: Of the spurious cue; the core cue has 1. Both are ±1 times it with a standard deviation of 0.12 of it.
        seed: Source of the draws.

    Returns:
        Columns item, input (float32, core cue, spurious cue, noise), label (text "0" or "1", the target), and the
        factors spurious (what the spurious cue says), agrees, and group (label and spurious cue).

    Raises:
        BadInput: Fewer than 2 rows, or a share outside [0, 1].

    Source: Bayat et al. (2025), The Pitfalls of Memorization, section 2, with the numbers of its code.

    >>> made = cue_and_noise(100, columns=8)
    >>> made.column("input").shape, int(made.table["agrees"].sum())
    ((100, 10), 90)
    """
    rng = np.random.default_rng(seed)
    label, agrees = _labels(n, ratio, rng)
    cue = np.where(agrees, label, 1 - label)
    core, spurious = ((1 + 0.12 * rng.normal(size=n)) * (2 * side - 1) for side in (label, cue))
    inputs = np.concatenate([core[:, None], scale * spurious[:, None], noise * rng.normal(size=(n, columns))], axis=1)
    return _examples("row", image_column("input", inputs), label, cue)


def digits_on_backgrounds(
    n: int | None = None, *, ratio: float = 0.95, brightness: float = 0.6, seed: int = 0
) -> Examples:
    """Handwritten digits, even or odd, before stripes or bars that agree with the label in most images.

    Args:
        n: How many; by default every image once.
        ratio: Share of images in which the background agrees (stripes behind even digits, bars behind odd ones).
        brightness: Of the background, in [0, 1].
        seed: Decides images, backgrounds and order.

    Returns:
        Columns item, image (8 × 8 float32), label (text "0" even or "1" odd, the target), and the factors spurious (0
        stripes, 1 bars), agrees and group.

    Raises:
        BadInput: Fewer than 2 or more than 1,797 images, or a share outside [0, 1].

    >>> made = digits_on_backgrounds(200)
    >>> made.column("image").shape, int(made.table["agrees"].sum())
    ((200, 8, 8), 190)
    """
    images, digits = digit_images()
    count = len(images) if n is None else n
    if count > len(images):
        raise BadInput(f"there are {len(images)} images of digits, got n={count}.")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(images))[:count]
    label = digits[chosen] % 2
    _, agrees = _labels(count, ratio, rng)
    cue = np.where(agrees, label, 1 - label)
    made = np.empty_like(images[chosen])
    for side, texture in enumerate(("stripes", "bars")):
        rows = cue == side
        made[rows] = pixels.textured(images[chosen[rows]], texture, brightness, rng)
    return _examples("digit", image_column("image", made), label, cue)


def _labels(n: int, ratio: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if n < 2 or not 0 <= ratio <= 1:
        raise BadInput(f"rows are at least 2 and ratio is a share in 0 … 1, got {n} and {ratio}.")
    agrees = np.zeros(n, dtype=bool)
    agrees[rng.permutation(n)[: round(ratio * n)]] = True
    return rng.permutation(np.arange(n) % 2), agrees


def _examples(name: str, inputs: pl.Series, label: np.ndarray, cue: np.ndarray) -> Examples:
    table = pl.DataFrame(
        [
            pl.Series("item", [f"{name}-{i:05d}" for i in range(len(label))]),
            inputs,
            pl.Series("label", label.astype(str).tolist()),
            pl.Series("spurious", cue.astype(str).tolist()),
            pl.Series("agrees", label == cue),
            pl.Series("group", [f"{y}/{c}" for y, c in zip(label.tolist(), cue.tolist(), strict=True)]),
        ]
    )
    return Examples(table, (inputs.name,), "label", FACTORS)
