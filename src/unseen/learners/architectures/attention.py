"""Attention with the usual ways of telling positions."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

KeyValues = tuple[Tensor, Tensor]
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

    def keys_values(self, memory: Tensor, start: int = 0) -> KeyValues:
        """Keys and values of a memory (batch, m, width) that begins at a position, each (batch, heads, m, size)."""
        batch, m, _ = memory.shape
        k, v = self.key_value(memory).view(batch, m, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        if self.position == "rotary":
            k = rotate(k, torch.arange(start, start + m, device=memory.device))
        return k, v

    def extend(self, x: Tensor, kept: KeyValues | None) -> tuple[Tensor, KeyValues]:
        """What ``forward`` gives at the last places of a sequence whose earlier keys and values are kept; causal only.

        Args:
            x: The new places, (batch, n, width).
            kept: Keys and values of the places before, each (batch, heads, past, size); None at the start.

        Returns:
            (batch, n, width), and the keys and values of all places so far; what was passed in stays as it was.
        """
        (batch, n, width), past = x.shape, 0 if kept is None else kept[0].shape[2]
        k, v = self.keys_values(x, past)
        if kept is not None:
            k, v = torch.cat([kept[0], k], 2), torch.cat([kept[1], v], 2)
        places = torch.arange(past, past + n, device=x.device)
        q = self.query(x).view(batch, n, self.heads, -1).transpose(1, 2)
        if self.position == "rotary":
            q = rotate(q, places)
        away = places[:, None] - torch.arange(past + n, device=x.device)
        mask: Tensor | None = None
        if self.position == "alibi":
            mask = -alibi_slopes(self.heads).to(x)[:, None, None] * away.abs().to(x)
        if n > 1 and (past or mask is not None):
            mask = (x.new_zeros(n, past + n) if mask is None else mask).masked_fill(away < 0, -math.inf)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=n > 1 and mask is None)
        return self.out(attended.transpose(1, 2).reshape(batch, n, width)), (k, v)

    def read(self, x: Tensor, kept: KeyValues, keep: Tensor | None = None) -> Tensor:
        """``forward`` over a memory whose keys and values are there already; ``keep`` (batch, m) is False at padding."""
        batch, n, width = x.shape
        q = self.query(x).view(batch, n, self.heads, -1).transpose(1, 2)
        mask = None if keep is None else x.new_zeros(keep.shape).masked_fill(~keep, -math.inf)[:, None, None]
        attended = functional.scaled_dot_product_attention(q, *kept, attn_mask=mask)
        return self.out(attended.transpose(1, 2).reshape(batch, n, width))
