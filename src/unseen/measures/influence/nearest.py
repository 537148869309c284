"""Training examples whose gradients point the same way: what a network can't tell apart, it was told twice."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import MEMORY
from unseen.measures.influence.gradients import held
from unseen.measures.influence.layers import Layers

# Numbers that stand for the gradient of a layer: 24 on the side of its outputs times 24 on that of its inputs.
SIDE = 24


def sketched(
    network: Network, sample: Sample, *, generator: Generator, side: int = SIDE, memory: int = MEMORY
) -> Tensor:
    """Gradients of single examples by all linear and convolutional layers, drawn together to a few numbers a layer.

    Each layer's gradient, a matrix, is multiplied from both sides by random ones, so that products of sketches are in the mean
    products of gradients; a side that is narrower already is left as it is.

    Args:
        network: What was trained.
        sample: n examples.
        generator: Source of the random matrices.
        side: Width of a sketch on either side.
        memory: Bytes that a batch may take.

    Returns:
        Shape (n, d).

    Source: Choe et al. (2024), What is your data worth to GPT? (LoGra).
    """
    layers = Layers.of(network, sample)
    dtype = next(iter(network.trained.values())).dtype
    both = [
        (_drawn(one.rows, side, generator, dtype), _drawn(one.columns, side, generator, dtype)) for one in layers.layers
    ]
    made = [
        torch.cat(
            [((g.gradients[0] @ out).transpose(1, 2) @ (g.inputs @ into)).flatten(1)
             for g, (out, into) in zip(passed, both, strict=True)], 1,
        )
        for _, passed in layers.passes(sample, layers.batch(memory, kept=0))
    ]  # fmt: skip
    return torch.cat(made)


def nearest(vectors: Tensor, *, memory: int = MEMORY) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other row by cosine.

    Args:
        vectors: Shape (n, d).
        memory: Bytes that cosines may take at once.

    Returns:
        Row of the nearest, and its cosine, each of shape (n,); −1 and 0 for a row of zeros.

    >>> nearest(torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1]]))[0]
    array([2, 2, 0])
    """
    length = vectors.norm(dim=1)
    # A gradient that rounding has eaten up has no direction.
    none = length <= 1e-12 * length.max().clamp(min=torch.finfo(vectors.dtype).tiny)
    unit = torch.where(none[:, None], 0.0, vectors / length.clamp(min=torch.finfo(vectors.dtype).tiny)[:, None])
    at, value = torch.empty(len(unit), dtype=torch.long), unit.new_empty(len(unit))
    size = held(len(unit), memory)
    for start in range(0, len(unit), size):
        rows = slice(start, min(start + size, len(unit)))
        cosines = unit[rows] @ unit.T
        own = torch.arange(len(cosines))
        cosines[own, own + start] = -torch.inf
        cosines[:, none] = -torch.inf
        value[rows], at[rows] = cosines.max(1)
    value[none] = 0.0
    at[none] = -1
    return at.numpy(), value.clamp(max=1.0).double().numpy()


def _drawn(width: int, side: int, generator: Generator, dtype: torch.dtype) -> Tensor:
    if width <= side:
        return torch.eye(width, dtype=dtype)
    return torch.randn(width, side, generator=generator, dtype=dtype) / side**0.5
