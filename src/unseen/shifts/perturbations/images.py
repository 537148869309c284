"""Perturbations of grey images: noise, occlusion, blur, light, geometry, texture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from unseen.data import Examples, pixels
from unseen.data.digits import image_column
from unseen.shifts.perturbations.base import Perturbation

Change = Callable[[pixels.Images, float, np.random.Generator], pixels.Images]


def _over(change: Change) -> Callable[[Examples, tuple[str, ...], float, np.random.Generator], list[pl.Series]]:
    """Apply a change of images in [0, 1] to columns of any range."""

    def apply(
        examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator
    ) -> list[pl.Series]:
        made: list[pl.Series] = []
        for name in columns:
            images = examples.column(name).astype(np.float32)
            low, high = float(images.min(initial=0.0)), float(images.max(initial=1.0))
            scaled = (images - low) / (high - low)
            made.append(image_column(name, low + (high - low) * change(scaled, severity, rng)))
        return made

    return apply


def _blur(images: pixels.Images, severity: float, _: np.random.Generator) -> pixels.Images:
    return pixels.blurred(images, 0.2 * severity * min(images.shape[1:]))


def _down(images: pixels.Images, severity: float, _: np.random.Generator) -> pixels.Images:
    return pixels.coarsened(images, 1 + round(severity * (min(images.shape[1:]) / 2 - 1)))


def _turn(images: pixels.Images, severity: float, rng: np.random.Generator) -> pixels.Images:
    left = rng.random(len(images)) < 0.5
    made = images.copy()
    for side, angle in ((left, 75 * severity), (~left, -75 * severity)):
        if side.any():
            made[side] = pixels.rotated(images[side], angle)
    return made


def _texture(name: str) -> Change:
    return lambda x, s, rng: pixels.textured(x, name, 0.9 * s, rng)


IMAGES: tuple[Perturbation, ...] = tuple(
    Perturbation(name, family, "image", title, _over(change))
    for name, family, title, change in (
        ("gaussian-noise", "noise", "normal noise of 0.6 of the range", lambda x, s, r: pixels.gaussian_noise(x, 0.6 * s, r)),
        ("salt-and-pepper", "noise", "half of the pixels black or white", lambda x, s, r: pixels.salt_and_pepper(x, 0.5 * s, r)),
        ("speckle", "noise", "multiplied by noise of deviation 1.5", lambda x, s, r: pixels.speckle(x, 1.5 * s, r)),
        ("occlusion", "occlusion", "a square of 3/4 of the side is grey", lambda x, s, r: pixels.occluded(x, 0.75 * s, r)),
        ("blur", "resolution", "Gaussian blur of a fifth of the side", _blur),
        ("downsampling", "resolution", "2 × 2 blocks remain", _down),
        ("contrast", "light", "a tenth of the contrast remains", lambda x, s, _: pixels.contrasted(x, 1 - 0.9 * s)),
        ("inversion", "light", "the negative", lambda x, s, _: pixels.inverted(x, s)),
        ("rotation", "geometry", "turned by 75 degrees to either side", _turn),
        ("stripes", "texture", "bright stripes behind the strokes", _texture("stripes")),
        ("checks", "texture", "bright checks behind the strokes", _texture("checks")),
        ("grain", "texture", "random grain behind the strokes", _texture("grain")),
    )
)  # fmt: skip
