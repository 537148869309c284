"""Multilayer perceptrons with ReLU or quadratic activation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn


class Quadratic(nn.Module):
    """The activation x²."""

    def forward(self, x: Tensor) -> Tensor:
        """(…) → (…)."""
        return x * x


class MLP(nn.Module):
    """Layers of the given widths, (batch, widths[0]) → (batch, widths[-1]).

    Args:
        widths: Input, hidden and output widths.
        activation: Between the layers.
        bias: Whether layers have one; the analysis of modular arithmetic goes without.
    """

    def __init__(
        self, widths: Sequence[int], activation: Literal["relu", "quadratic", "tanh"] = "relu", *, bias: bool = True
    ) -> None:
        super().__init__()
        chosen = {"relu": nn.ReLU, "quadratic": Quadratic, "tanh": nn.Tanh}[activation]
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise(widths)):
            layers += [*([chosen()] if i else []), nn.Linear(a, b, bias=bias)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, widths[0]) → (batch, widths[-1])."""
        return self.layers(x)


def initialise(module: nn.Module, generator: torch.Generator, scale: float = 1.0) -> nn.Module:
    """Draw all weights anew from a generator: matrices uniform as PyTorch's default for linear layers, biases zero.

    Args:
        module: Changed in place and returned.
        generator: Source of every draw.
        scale: Factor on all matrices; large values delay generalisation (grokking).
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() < 2:
                # Gains of normalisation layers keep their ones.
                if "bias" in name:
                    parameter.zero_()
                continue
            fan_in = parameter.shape[1] * parameter[0][0].numel()
            bound = scale / fan_in**0.5
            if "embedding" in name:
                parameter.normal_(0.0, 0.02 * scale if parameter.shape[1] > 8 else scale, generator=generator)
            else:
                parameter.uniform_(-bound * 3**0.5, bound * 3**0.5, generator=generator)
    return module
