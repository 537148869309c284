"""Changes of grey images, shape (n, height, width) in [0, 1]: what constructed domains and perturbations share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput

Images = NDArray[np.float32]
# Strokes are widened on a grid this much finer, so that a quarter of a pixel is a step.
FINER = 4


def _grey(images: np.ndarray) -> Images:
    return np.clip(images, 0.0, 1.0).astype(np.float32)


def rotated(images: Images, degrees: float) -> Images:
    """Turn counter-clockwise about the centre; what comes from outside is 0.

    >>> corner = np.zeros((1, 3, 3), np.float32)
    >>> corner[0, 0, 2] = 1
    >>> int(rotated(corner, 90)[0].argmax())
    0
    """
    from scipy import ndimage

    return _grey(ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1))


def blurred(images: Images, sigma: float) -> Images:
    """Gaussian blur with this standard deviation [pixels]."""
    from scipy import ndimage

    return _grey(ndimage.gaussian_filter(images, (0, sigma, sigma))) if sigma > 0 else images


def inverted(images: Images, share: float = 1.0) -> Images:
    """Blend with the negative: share 0 leaves the image, 1 is its negative, 0.5 is plain grey."""
    return _grey((1 - share) * images + share * (1 - images))


def contrasted(images: Images, gain: float) -> Images:
    """Scale the distance of every pixel from the image's mean by a gain; below 1 is flatter."""
    mean = images.mean((1, 2), keepdims=True)
    return _grey(mean + gain * (images - mean))


def restroked(images: Images, radius: float) -> Images:
    """Widen bright strokes by a radius on each side [pixels, in quarters], or thin them where it is negative."""
    from scipy import ndimage

    steps = round(abs(radius) * FINER)
    if steps == 0:
        return images
    fine = ndimage.zoom(images, (1, FINER, FINER), order=1, grid_mode=True, mode="grid-constant")
    disc = np.hypot(*np.mgrid[-steps : steps + 1, -steps : steps + 1]) <= steps + 0.25
    change = ndimage.grey_dilation if radius > 0 else ndimage.grey_erosion
    made = change(fine, footprint=disc[None], mode="constant")
    n, height, width = images.shape
    return _grey(made.reshape(n, height, FINER, width, FINER).mean((2, 4)))


def coarsened(images: Images, factor: int) -> Images:
    """Replace blocks of factor × factor pixels by their mean; a block that is cut at the border is averaged alone."""
    if factor <= 1:
        return images
    _, height, width = images.shape
    rows, columns = np.arange(0, height, factor), np.arange(0, width, factor)
    sums = np.add.reduceat(np.add.reduceat(images, rows, axis=1), columns, axis=2)
    tall, wide = np.diff([*rows, height]), np.diff([*columns, width])
    means = sums / (tall[:, None] * wide[None, :])
    return _grey(means.repeat(tall, axis=1).repeat(wide, axis=2))


def gaussian_noise(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Add independent normal noise with this standard deviation."""
    return _grey(images + rng.normal(0, amount, images.shape))


def salt_and_pepper(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Set this share of the pixels to black or white, each as likely."""
    hit = rng.random(images.shape) < amount
    return _grey(np.where(hit, rng.random(images.shape) < 0.5, images))


def speckle(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Multiply each pixel by 1 + normal noise with this standard deviation."""
    return _grey(images * (1 + rng.normal(0, amount, images.shape)))


def occluded(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Cover a square of this share of the side, at a random place, with mid grey."""
    n, height, width = images.shape
    tall, wide = max(1, round(amount * height)), max(1, round(amount * width))
    top, left = rng.integers(0, height - tall + 1, n), rng.integers(0, width - wide + 1, n)
    row, column = np.arange(height)[None, :, None], np.arange(width)[None, None, :]
    top, left = top[:, None, None], left[:, None, None]
    covered = (row >= top) & (row < top + tall) & (column >= left) & (column < left + wide)
    return _grey(np.where(covered, 0.5, images))


NOISES: dict[str, Callable[[Images, float, np.random.Generator], Images]] = {
    "gaussian": gaussian_noise,
    "salt-and-pepper": salt_and_pepper,
    "speckle": speckle,
    "occlusion": occluded,
}
TEXTURES = ("stripes", "bars", "diagonals", "checks", "dots", "grain")


def textured(images: Images, texture: str, amount: float, rng: np.random.Generator) -> Images:
    """Lay a pattern of this brightness behind the strokes: each pixel is the brighter of image and pattern.

    Each image gets a phase of its own, so that no single pixel tells the texture.

    Raises:
        BadInput: There is no such texture.
    """
    if texture not in TEXTURES:
        raise BadInput(f"no texture {texture!r}; the textures are {', '.join(TEXTURES)}.")
    n, height, width = images.shape
    if texture == "grain":
        pattern = rng.random(images.shape)
    else:
        down, right = (rng.integers(0, 4, (n, 1, 1)) for _ in range(2))
        row, column = np.arange(height)[None, :, None] + down, np.arange(width)[None, None, :] + right
        pattern = {
            "stripes": row % 3 == 0,
            "bars": column % 3 == 0,
            "diagonals": (row + column) % 4 == 0,
            "checks": (row // 2 + column // 2) % 2 == 0,
            "dots": (row % 2 == 0) & (column % 2 == 0),
        }[texture]
    return _grey(np.maximum(images, amount * np.broadcast_to(pattern, images.shape)))
