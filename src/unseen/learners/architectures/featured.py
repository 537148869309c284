"""Classifiers in two parts, features and a linear head, which domain objectives and test-time adaptation read."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Featured(Protocol):
    """A module with ``forward(x) == head(features(x))``."""

    head: nn.Linear

    def features(self, x: Tensor) -> Tensor:
        """(batch, …) → (batch, d)."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """(batch, …) → (batch, outputs)."""
        ...


class FeaturedMLP(nn.Module):
    """Vectors: hidden layers with ReLU, then a linear head.

    Args:
        inputs: Width of the input.
        outputs: Classes, or 1 for a number.
        width: Of each hidden layer.
        layers: Hidden layers, at least one.
        batch_norm: Whether each is normalised over the batch.
        dropout: Share of hidden units that are dropped in training.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int = 64, layers: int = 2, *, batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        blocks: list[nn.Module] = []
        for i in range(layers):
            blocks.append(nn.Linear(inputs if i == 0 else width, width))
            blocks += [nn.BatchNorm1d(width)] if batch_norm else []
            blocks.append(nn.ReLU())
            blocks += [nn.Dropout(dropout)] if dropout else []
        self.body = nn.Sequential(*blocks)
        self.head = nn.Linear(width, outputs)

    def features(self, x: Tensor) -> Tensor:
        """(batch, inputs) → (batch, width)."""
        return self.body(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) → (batch, outputs)."""
        return self.head(self.features(x))


class FeaturedCNN(nn.Module):
    """Small images: two blocks of convolution and pooling, then a linear head.

    Args:
        channels: Of the image.
        side: Height and width, at least 4; each block halves it.
        outputs: Classes.
        width: Channels of the first block; the second has twice as many.
        batch_norm: Whether each block is normalised over the batch.
    """

    def __init__(self, channels: int, side: int, outputs: int, width: int = 16, *, batch_norm: bool = False) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for a, b in ((channels, width), (width, 2 * width)):
            blocks.append(nn.Conv2d(a, b, 3, padding=1))
            blocks += [nn.BatchNorm2d(b)] if batch_norm else []
            blocks += [nn.ReLU(), nn.MaxPool2d(2)]
        self.shape = (channels, side, side)
        self.body = nn.Sequential(*blocks)
        self.head = nn.Linear(2 * width * (side // 4) ** 2, outputs)

    def features(self, x: Tensor) -> Tensor:
        """(batch, channels, side, side), or flat → (batch, d)."""
        return self.body(x.reshape(len(x), *self.shape)).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, side, side), or flat → (batch, outputs)."""
        return self.head(self.features(x))
