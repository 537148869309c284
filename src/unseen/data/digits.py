"""Real handwritten digits in constructed domains: rotation, inversion, texture, blur, stroke width, corruption.

The images are scikit-learn's copy of the test set of the UCI optical recognition of handwritten digits (1,797 images of
8 × 8 grey levels); each is assigned to a domain at random, so that domains differ by the construction alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from unseen.data import pixels
from unseen.data.examples import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors

Layout = Literal["partition", "all"]


@dataclass(frozen=True)
class DigitKind:
    """How one kind of domain is made.

    Attributes:
        title: What it changes.
        levels: Default levels, one a domain.
        change: (images, level, rng) to images.
        ordered: Column that holds the level as a number, or None where levels have no order.
        unit: Unit of the level, written behind it in the name of the domain.
    """

    title: str
    levels: tuple[Any, ...]
    change: Callable[[pixels.Images, Any, np.random.Generator], pixels.Images]
    ordered: str | None = None
    unit: str = ""

    def domain(self, level: Any) -> str:
        """The name of the domain of a level."""
        return f"{level:g}{self.unit}" if self.ordered else str(level)


def _texture(images: pixels.Images, level: str, rng: np.random.Generator) -> pixels.Images:
    return images if level == "plain" else pixels.textured(images, level, 0.6, rng)


def _noise(images: pixels.Images, level: str, rng: np.random.Generator) -> pixels.Images:
    amounts = {"gaussian": 0.3, "salt-and-pepper": 0.2, "speckle": 0.8, "occlusion": 0.4}
    return images if level == "clean" else pixels.NOISES[level](images, amounts[level], rng)


DIGIT_KINDS: dict[str, DigitKind] = {
    "rotation": DigitKind(
        "turned counter-clockwise", (0, 15, 30, 45, 60, 75), lambda x, v, _: pixels.rotated(x, v), "angle", "°"
    ),
    "inversion": DigitKind(
        "light on dark, or dark on light",
        ("as written", "inverted"),
        lambda x, v, _: pixels.inverted(x) if v == "inverted" else x,
    ),
    "texture": DigitKind("a pattern behind the strokes", ("plain", *pixels.TEXTURES), _texture),
    "blur": DigitKind("Gaussian blur", (0, 0.5, 0.75, 1.0, 1.5), lambda x, v, _: pixels.blurred(x, v), "blur", " px"),
    "stroke": DigitKind(
        "strokes widened or thinned on each side",
        (-0.5, -0.25, 0, 0.25, 0.5),
        lambda x, v, _: pixels.restroked(x, v),
        "stroke",
        " px",
    ),
    "corruption": DigitKind("pixels corrupted by one kind of noise", ("clean", *pixels.NOISES), _noise),
}


def digit_images() -> tuple[pixels.Images, np.ndarray]:
    """All images, shape (1797, 8, 8) in [0, 1], and their digits, shape (1797,)."""
    from sklearn.datasets import load_digits

    pixel, digit = load_digits(return_X_y=True)
    return (np.asarray(pixel) / 16).astype(np.float32).reshape(-1, 8, 8), np.asarray(digit, dtype=np.int64)


def image_column(name: str, images: np.ndarray) -> pl.Series:
    """Images of shape (n, …) as a fixed-shape float32 column."""
    return pl.Series(name, images.astype(np.float32), dtype=pl.Array(pl.Float32, images.shape[1:]))


def digit_domains(
    kind: str, *, levels: Sequence[Any] | None = None, seed: int = 0, layout: Layout = "partition"
) -> Examples:
    """Digits in domains of one kind.

    Args:
        kind: One of ``DIGIT_KINDS``.
        levels: Levels to build, one a domain, instead of the kind's own: angles [degrees], blur and stroke radius
            [pixels], names of textures or noises.
        seed: Decides which image goes where, and the noise.
        layout: "partition" puts each original image into exactly one domain, digits balanced over domains, so that no
            image stands on both sides of a shift. "all" gives each image in every domain; ``source`` then names the
            original and must serve as the cluster: rows with one source are not independent.

    Returns:
        Columns item, image (8 × 8 float32 in [0, 1]), digit (text "0" … "9", the target), domain, source, and for the
        ordered kinds (rotation, blur, stroke) the level as a number. Rows are in the order of the originals.

    Raises:
        BadInput: An unknown kind, layout or level, or fewer than two different levels.

    >>> digits = digit_domains("rotation", levels=[0, 30])
    >>> len(digits), digits.column("image").shape, digits.table["domain"].unique(maintain_order=True).sort().to_list()
    (1797, (1797, 8, 8), ['0°', '30°'])
    """
    if kind not in DIGIT_KINDS:
        raise BadInput(f"no digit domains of kind {kind!r}; the kinds are {', '.join(DIGIT_KINDS)}.")
    if layout not in ("partition", "all"):
        raise BadInput(f"a layout is 'partition' or 'all', got {layout!r}.")
    made = DIGIT_KINDS[kind]
    chosen = _levels(kind, made, levels)
    images, digits = digit_images()
    rng = np.random.default_rng(seed)
    parts: list[pl.DataFrame] = []
    assigned = _balanced(digits, len(chosen), rng)
    for number, level in enumerate(chosen):
        rows = np.flatnonzero(assigned == number) if layout == "partition" else np.arange(len(images))
        source = [f"digit-{row:04d}" for row in rows.tolist()]
        domain = made.domain(level)
        columns: list[pl.Series] = [
            pl.Series("item", source if layout == "partition" else [f"{s}/{domain}" for s in source]),
            image_column("image", made.change(images[rows], level, rng)),
            pl.Series("digit", digits[rows].astype(str).tolist()),
            pl.Series("domain", [domain] * len(rows)),
            pl.Series("source", source),
        ]
        if made.ordered:
            columns.append(pl.Series(made.ordered, [float(level)] * len(rows)))
        parts.append(pl.DataFrame(columns))
    factors = [Factor("domain", "categorical")] + ([Factor(made.ordered, "ordered")] if made.ordered else [])
    table = pl.concat(parts).sort("source", "domain")
    return Examples(table, ("image",), "digit", Factors(factors))


def _levels(kind: str, made: DigitKind, levels: Sequence[Any] | None) -> tuple[Any, ...]:
    chosen = made.levels if levels is None else tuple(levels)
    wrong = [v for v in chosen if (not isinstance(v, int | float) or v != v if made.ordered else v not in made.levels)]
    if wrong:
        known = "numbers" if made.ordered else f"one or more of {', '.join(made.levels)}"
        raise BadInput(f"level {wrong[0]!r} of digit domains {kind!r} is unknown; the levels are {known}.")
    if len({made.domain(v) for v in chosen}) != len(chosen) or len(chosen) < 2:
        raise BadInput(f"digit domains {kind!r} need at least two different levels, got {list(chosen)}.")
    return chosen


def _balanced(digits: np.ndarray, domains: int, rng: np.random.Generator) -> np.ndarray:
    """A domain for each image, at random, each digit spread evenly; the odd ones out go to random domains."""
    assigned = np.empty(len(digits), dtype=np.int64)
    for digit in np.unique(digits):
        rows = rng.permutation(np.flatnonzero(digits == digit))
        assigned[rows] = (np.arange(len(rows)) + rng.integers(domains)) % domains
    return assigned
