"""How a Transformer knows where a token stands."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from unseen.errors import BadInput

Scheme = Literal["learned", "sinusoidal", "random-offset", "randomized", "rotary", "alibi", "none"]
SCHEMES: tuple[str, ...] = get_args(Scheme)


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Sines and cosines of positions (..., ) -> (..., width). Source: Vaswani et al. (2017), section 3.5."""
    rates = torch.exp(torch.arange(0, width, 2, device=positions.device) * (-math.log(10_000.0) / width))
    angles = positions[..., None].float() * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Turn pairs of features by angles that grow with position, so that products depend on distance alone.

    Args:
        x: (batch, heads, time, features), an even number of features.
        positions: (time,).

    Source: Su et al. (2021), eq. 34, with the two halves as pairs.
    """
    half = x.shape[-1] // 2
    rates = torch.exp(torch.arange(half, device=x.device) * (-math.log(10_000.0) / half))
    angles = positions[:, None].float() * rates
    sin, cos = angles.sin(), angles.cos()
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def alibi_bias(heads: int, queries: Tensor, keys: Tensor) -> Tensor:
    """Penalty that grows with distance, shape (heads, queries, keys).

    Head h of H has slope 2^(-8 h / H), h = 1 … H. Source: Press et al. (2022), section 3; distance without sign,
    so that encoders look both ways.
    """
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1, device=keys.device) / heads)
    return -slopes[:, None, None] * (queries[:, None] - keys[None, :]).abs()


class Positions(nn.Module):
    """What is added to embeddings under a scheme: a learned table, sinusoids at some positions, or nothing.

    Args:
        scheme: learned, sinusoidal, random-offset (sinusoids from a random start while training), randomized (sorted
            random positions below ``longest``; Ruoss et al. 2023), rotary, alibi or none.
        width: Features of a token.
        longest: Rows of the learned table; range of random positions.

    Raises:
        BadInput: The scheme does not exist, or a sequence is longer than ``longest`` where that is a limit.
    """

    def __init__(self, scheme: Scheme, width: int, longest: int) -> None:
        super().__init__()
        if scheme not in SCHEMES:
            raise BadInput(f"positions are one of {', '.join(SCHEMES)}; got {scheme!r}.")
        self.scheme: Scheme = scheme
        self.width, self.longest = width, longest
        self.table = nn.Embedding(longest, width) if scheme == "learned" else None
        if self.table is not None:
            nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, x: Tensor, start: int = 0, span: int | None = None) -> Tensor:
        """x: (batch, time, width) -> the same with positions start, start + 1, … of ``span`` in all."""
        time = x.shape[1]
        if self.scheme in ("rotary", "alibi", "none"):
            return x
        at = torch.arange(start, start + time, device=x.device)
        limited = self.scheme in ("learned", "random-offset", "randomized")
        if limited and max(start + time, span or 0) > self.longest:
            raise BadInput(
                f"{self.scheme} positions reach {self.longest} tokens, got {max(start + time, span or 0)}. "
                "Raise longest, or take sinusoidal, rotary or alibi positions."
            )
        if self.table is not None:
            return x + self.table(at)
        if self.scheme == "random-offset" and self.training:
            at = at + torch.randint(0, self.longest - time + 1, (len(x), 1), device=x.device)
        if self.scheme == "randomized":
            if self.training:
                at = torch.rand(len(x), self.longest, device=x.device).topk(time, 1).indices.sort(1).values
            else:  # evenly spread: the mean of the sorted draws, and the same for every call
                at = (at * self.longest) // max(span or 0, start + time)
        return x + sinusoids(at, self.width)
