"""A small convolutional network for images."""

from __future__ import annotations

from torch import Tensor, nn


class CNN(nn.Module):
    """Two blocks of convolution and pooling, then a linear read-out.

    Args:
        channels: Channels of the image.
        side: Height and width; both blocks halve it.
        classes: Outputs.
        width: Channels of the first block; the second has twice as many.
    """

    def __init__(self, channels: int, side: int, classes: int, width: int = 16) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.out = nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, side, side) → (batch, classes)."""
        return self.out(self.blocks(x).flatten(1))
