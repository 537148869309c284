"""The networks of the corpus: perceptrons, small convolutional networks and small Transformers over images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unseen.atlas.corpus.settings import FAMILIES, Run
from unseen.engine.seeds import seeded_torch, spawn

HEADS = 2


def network(run: Run, shape: tuple[int, ...], classes: int) -> nn.Module:
    """A run's network with its first weights, which its name and seed alone decide.

    Args:
        run: Width, depth and seed.
        shape: Channels, height and width of an image.
        classes: How many are told apart.
    """
    made = {"mlp": _perceptron, "cnn": _convolutional, "transformer": Transformer}[FAMILIES[run.family].kind]
    with seeded_torch(spawn(run.seed, "corpus", "weights", run.name)):
        return made(run.settings, shape, classes)


def _perceptron(settings: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> nn.Module:
    width, size = settings["width"], shape[0] * shape[1] * shape[2]
    layers: list[nn.Module] = [nn.Flatten()]
    for k in range(settings["depth"]):
        layers += [nn.Linear(size if k == 0 else width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, classes))


def _convolutional(settings: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> nn.Module:
    """Two layers halve the side, each layer after the first has twice the channels; means over a coarse grid are classified."""
    width, channels = settings["width"], shape[0]
    layers: list[nn.Module] = []
    for k in range(settings["depth"]):
        wide = width if k == 0 else 2 * width
        layers += [nn.Conv2d(channels, wide, 3, stride=2 if k < 2 else 1, padding=1), nn.ReLU()]
        channels = wide
    side = math.ceil(math.ceil(shape[1] / 2) / 2)
    grid = side // (kernel := max(1, side // 4))
    return nn.Sequential(*layers, nn.AvgPool2d(kernel), nn.Flatten(), nn.Linear(channels * grid * grid, classes))


class Block(nn.Module):
    """Attention and a perceptron at each place, both added to what comes in, each behind a layer norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(b, places, width) to the same."""
        b, n, w = x.shape
        q, k, v = self.asked(self.first(x)).reshape(b, n, 3, HEADS, w // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        weight = torch.softmax(q @ k.transpose(-1, -2) / (w // HEADS) ** 0.5, -1)
        x = x + self.joined((weight @ v).transpose(1, 2).reshape(b, n, w))
        return x + self.outer(torch.relu(self.inner(self.second(x))))


class Transformer(nn.Module):
    """Rows of pixels as places, with a learnt position each; the mean over places is classified."""

    def __init__(self, settings: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, across = shape
        width = settings["width"]
        self.rows = nn.Linear(channels * across, width)
        self.places = nn.Parameter(0.1 * torch.randn(height, width))
        self.blocks = nn.Sequential(*(Block(width) for _ in range(settings["depth"])))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(b, channels, height, width) to (b, classes)."""
        places = self.rows(x.transpose(1, 2).flatten(2)) + self.places
        return self.out(self.norm(self.blocks(places)).mean(1))
