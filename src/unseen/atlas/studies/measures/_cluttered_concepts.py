"""Pictures of concepts among more and more clutter, networks that tell them, and the attributes that stand for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Kind = Literal["objects", "noise", "waves"]
SIDE, SHAPES, TEXTURES, DIGITS = 20, 5, 5, 10
# Combinations of a shape and a texture, then digits.
CONCEPTS = SHAPES * TEXTURES + DIGITS
WIDTHS = (16, 32, 64)
EACH_SEEN, EACH_OTHER = 60, 40
LEVELS = 6
OBJECTS = (0, 2, 4, 8, 16, 32)
AMOUNT = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7)
WAVES = (0, 1, 2, 4, 8, 16)


def drawn_shapes(which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Masks of disc, square, diamond, cross and ring, of radius 1 in coordinates of shape (n, side, side)."""
    far, tall = np.hypot(x, y), np.maximum(abs(x), abs(y))
    kinds = [
        far < 1, tall < 0.85, abs(x) + abs(y) < 1.1, (np.minimum(abs(x), abs(y)) < 0.3) & (tall < 1),
        (far < 1) & (far > 0.55),
    ]  # fmt: skip
    return np.choose(which[:, None, None], kinds)


def drawn_textures(which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Brightness of plain, two kinds of stripes, checks and a slope, in pixels, shape (n, side, side)."""
    across, down = np.floor(x) % 4 < 2, np.floor(y) % 4 < 2
    slope = np.clip(0.5 + x / 16, 0.25, 1)
    kinds = [np.ones_like(x), 0.35 + 0.65 * across, 0.35 + 0.65 * down, 0.35 + 0.65 * (across ^ down), slope]
    return np.choose(which[:, None, None], kinds)


def background(n: int, kind: Kind, level: int, rng: np.random.Generator) -> np.ndarray:
    """Grey pictures of short bars, noise or waves, more of them at higher levels, shape (n, side, side)."""
    grid = np.arange(SIDE, dtype=float)
    if kind == "noise":
        return AMOUNT[level] * rng.random((n, SIDE, SIDE))
    made = np.zeros((n, SIDE, SIDE))
    if kind == "waves":
        for _ in range(WAVES[level]):
            along, down = rng.uniform(-0.3, 0.3, (2, n, 1, 1))
            turn = rng.uniform(0, 1, (n, 1, 1))
            made += np.sin(2 * np.pi * (along * grid[None, None] + down * grid[None, :, None] + turn))
        return 0.35 + 0.25 * made / np.sqrt(WAVES[level]) if level else made
    for _ in range(OBJECTS[level]):
        top, left = rng.integers(-2, SIDE, (2, n, 1, 1))
        tall, wide = rng.integers(1, 6, (2, n, 1, 1))
        inside = (
            (grid[None, :, None] >= top) & (grid[None, :, None] < top + tall)
            & (grid[None, None] >= left) & (grid[None, None] < left + wide)
        )  # fmt: skip
        made = np.where(inside, rng.uniform(0.15, 0.9, (n, 1, 1)), made)
    return made


def pictures(
    concepts: np.ndarray, kind: Kind, level: int, digits: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """One picture of each concept of a list, shape (n, side, side); digits are drawn from those given."""
    n = len(concepts)
    behind = background(n, kind, level, rng)
    grid = np.arange(SIDE, dtype=float) - (SIDE - 1) / 2
    x, y = (grid[None, None] - rng.uniform(-3, 3, (n, 1, 1)), grid[None, :, None] - rng.uniform(-3, 3, (n, 1, 1)))
    x, y = np.broadcast_arrays(x, y)
    radius = rng.uniform(5, 6.5, (n, 1, 1))
    formed = np.minimum(concepts, SHAPES * TEXTURES - 1)
    mask = drawn_shapes(formed // TEXTURES, x / radius, y / radius).astype(float)
    own = drawn_textures(formed % TEXTURES, x, y) * rng.uniform(0.8, 1, (n, 1, 1))
    for i in np.flatnonzero(concepts >= SHAPES * TEXTURES):
        rows = np.flatnonzero(digits[1] == concepts[i] - SHAPES * TEXTURES)
        ink = np.kron(digits[0][rng.choice(rows)], np.ones((2, 2)))
        top, left = rng.integers(0, SIDE - 15, 2)
        mask[i], own[i] = 0, 1
        mask[i, top : top + 16, left : left + 16] = ink
    return mask * own + (1 - mask) * behind


@dataclass(frozen=True)
class World:
    """Pictures of one kind and level.

    Attributes:
        seen: Of known concepts, to learn from, shape (n, side, side).
        known: Their concepts, as positions among known ones.
        other: Further pictures of all concepts, by concept, shape (CONCEPTS, m, side, side).
    """

    seen: np.ndarray
    known: np.ndarray
    other: np.ndarray


def world(
    kind: Kind, level: int, known: np.ndarray, digits: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> World:
    """Draw one; half of the digits' pictures are seen ones."""
    half = np.arange(len(digits[1])) % 2 == 0
    position = np.repeat(np.arange(len(known)), EACH_SEEN)
    seen = pictures(known[position], kind, level, (digits[0][half], digits[1][half]), rng)
    every = np.repeat(np.arange(CONCEPTS), EACH_OTHER)
    other = pictures(every, kind, level, (digits[0][~half], digits[1][~half]), rng)
    return World(seen, position, other.reshape(CONCEPTS, EACH_OTHER, SIDE, SIDE))


@dataclass(frozen=True)
class Told:
    """What a network makes of a world.

    Attributes:
        strongest: Largest activity of each map, of other pictures, shape (CONCEPTS, m, D).
        mean: Mean activity of each map, which the head reads.
        weights: Of the head, shape (known, D).
        bias: Of the head.
        right: Share of other pictures of known concepts that it tells.
    """

    strongest: np.ndarray
    mean: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    right: float


def told(given: World, known: np.ndarray, updates: int, generator: torch.Generator, batch: int = 64) -> Told:
    """Train a network of three convolutions and a head on mean activities, by Adam with a falling rate."""
    import torch
    from torch import nn

    from unseen.engine.seeds import draw_seed, seeded_torch

    with seeded_torch(draw_seed(generator)):
        a, b, c = WIDTHS
        body = nn.Sequential(
            nn.Conv2d(1, a, 3, 2, 1), nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, 3, 1, 1), nn.BatchNorm2d(b), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(b, c, 3, 1, 1), nn.BatchNorm2d(c), nn.ReLU(),
        )  # fmt: skip
        head = nn.Linear(c, len(known))
    x = torch.tensor(given.seen, dtype=torch.float32)[:, None]
    y = torch.tensor(given.known)
    parameters = [*body.parameters(), *head.parameters()]
    adam = torch.optim.Adam(parameters, lr=5e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, updates)
    for _ in range(updates):
        rows = torch.randint(len(x), (batch,), generator=generator)
        loss = nn.functional.cross_entropy(head(body(x[rows]).mean((2, 3))), y[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        falling.step()
    body.eval()
    with torch.no_grad():
        maps: Tensor = body(torch.tensor(given.other.reshape(-1, 1, SIDE, SIDE), dtype=torch.float32))
        strongest, mean = maps.amax((2, 3)).double().numpy(), maps.mean((2, 3)).double().numpy()
        weights, bias = head.weight.double().numpy(), head.bias.double().numpy()
    shape = (CONCEPTS, EACH_OTHER, WIDTHS[-1])
    strongest, mean = strongest.reshape(shape), mean.reshape(shape)
    guess = (mean[known] @ weights.T + bias).argmax(2)
    return Told(strongest, mean, weights, bias, float(np.mean(guess == np.arange(len(known))[:, None])))
