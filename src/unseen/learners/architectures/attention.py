"""Attention with the usual ways of telling positions."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Position = Literal["absolute", "sinusoidal", "random-offset", "rotary", "alibi", "none"]


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary position embedding: pairs of features turned by angles that grow with the position.

    Args:
        x: (batch, heads, n, width), width even.
        positions: (n,).

    Source: Su et al. (2021), RoFormer, section 3.2.
    """
    half = x.shape[-1] // 2
    rates = 10_000 ** (-torch.arange(half, dtype=x.dtype, device=x.device) / half)
    angle = positions.to(x.dtype)[:, None] * rates
    cosine, sine = angle.cos(), angle.sin()
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], dim=-1)


def alibi_slopes(heads: int) -> Tensor:
    """Slopes of the linear biases, a geometric series from 2^(-8/heads).

    Source: Press et al. (2022), Train Short, Test Long, section 3.

    >>> alibi_slopes(2).tolist()
    [0.0625, 0.00390625]
    """
    return 2.0 ** (-8.0 / heads * torch.arange(1, heads + 1))


def sinusoids(n: int, width: int) -> Tensor:
    """Sines and cosines of geometrically spaced rates, (n, width)."""
    rates = torch.exp(-math.log(10_000) * torch.arange(0, width, 2) / width)
    angle = torch.arange(n)[:, None] * rates
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :width]


class Attention(nn.Module):
    """Multi-head attention of queries (batch, n, width) over a memory (batch, m, width).

    Args:
        width: Model width, a multiple of heads.
        heads: Number of heads.
        causal: Queries see the memory up to their own place.
        position: rotary and alibi act here; the others at the embedding.
    """

    def __init__(self, width: int, heads: int, *, causal: bool, position: Position = "none") -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.heads, self.causal, self.position = heads, causal, position

    def forward(self, x: Tensor, memory: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """Attend; ``keep`` (batch, m) is False at padding."""
        memory = x if memory is None else memory
        (batch, n, width), m = x.shape, memory.shape[1]
        q = self.query(x).view(batch, n, self.heads, -1).transpose(1, 2)
        k, v = self.key_value(memory).view(batch, m, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        if self.position == "rotary":
            q, k = rotate(q, torch.arange(n, device=x.device)), rotate(k, torch.arange(m, device=x.device))
        mask: Tensor | None = None
        if self.position == "alibi":
            distance = (torch.arange(n)[:, None] - torch.arange(m)).abs().to(x)
            mask = -alibi_slopes(self.heads).to(x)[:, None, None] * distance
        if self.causal and (mask is not None or keep is not None):
            future = torch.ones(n, m, dtype=torch.bool, device=x.device).triu(1)
            mask = (mask if mask is not None else x.new_zeros(n, m)).masked_fill(future, -math.inf)
        if keep is not None:
            bias = x.new_zeros(batch, 1, 1, m).masked_fill(~keep[:, None, None], -math.inf)
            mask = bias if mask is None else mask + bias
        attended = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=self.causal and mask is None
        )
        return self.out(attended.transpose(1, 2).reshape(batch, n, width))
