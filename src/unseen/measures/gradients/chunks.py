"""Gradients of single examples chunk by chunk: their lengths, their sum, their products, without making them where that goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import MEMORY
from unseen.measures.influence.layers import Layers, Passed

# Examples on which the pass by layers is held against single gradients.
PROBED = 2
# Places up to which patches of a convolution are laid out; of more, single gradients come faster (0.7 times the time at 1,024).
MOST_PLACES = 256


class Chunk(Protocol):
    """Gradients of some examples, as vectors in the order of ``network.trained``."""

    def squares(self) -> Tensor:
        """Squared lengths, shape (b,)."""
        ...

    def total(self) -> Tensor:
        """Their sum, shape (p,)."""
        ...

    def times(self, vector: Tensor) -> Tensor:
        """Their products with a vector of shape (p,), shape (b,)."""
        ...

    def each(self) -> Tensor:
        """They themselves, shape (b, p)."""
        ...


@dataclass(frozen=True, eq=False)
class Made:
    """Gradients as they are.

    Attributes:
        gradients: Shape (b, p).
    """

    gradients: Tensor

    def squares(self) -> Tensor:
        """Squared lengths, shape (b,)."""
        return self.gradients.square().sum(1)

    def total(self) -> Tensor:
        """Their sum, shape (p,)."""
        return self.gradients.sum(0)

    def times(self, vector: Tensor) -> Tensor:
        """Their products with a vector of shape (p,), shape (b,)."""
        return self.gradients @ vector

    def each(self) -> Tensor:
        """They themselves, shape (b, p)."""
        return self.gradients


@dataclass(frozen=True, eq=False)
class Layered:
    """Gradients as what went into each layer and what came back, of a network whose trained parameters all lie in such layers.

    Attributes:
        layers: The layers.
        passed: What a batch left in each.
        order: Where the gradients of the layers, one after another, stand among the trained parameters, shape (p,).
    """

    layers: Layers
    passed: Sequence[Passed]
    order: Tensor

    def squares(self) -> Tensor:
        """Squared lengths, shape (b,)."""
        return torch.stack([one.squares() for one in self.passed]).sum(0)

    def total(self) -> Tensor:
        """Their sum, shape (p,)."""
        return torch.cat([one.total().flatten() for one in self.passed])[self.order]

    def times(self, vector: Tensor) -> Tensor:
        """Their products with a vector of shape (p,), shape (b,)."""
        own = torch.empty_like(vector)
        own[self.order] = vector
        parts = own.split([layer.size for layer in self.layers.layers])
        made = [
            one.times(part.reshape(layer.rows, layer.columns))
            for layer, one, part in zip(self.layers.layers, self.passed, parts, strict=True)
        ]
        return torch.stack(made).sum(0)

    def each(self) -> Tensor:
        """They themselves, shape (b, p)."""
        return torch.cat([one.of_weights().flatten(1) for one in self.passed], 1)[:, self.order]


@dataclass(frozen=True, eq=False)
class Way:
    """How gradients of single examples are had.

    Attributes:
        layers: The layers, where one pass a batch gives all; None where each example goes through by itself.
    """

    layers: Layers | None

    @classmethod
    def of(cls, network: Network, sample: Sample, *, memory: int = MEMORY) -> Way:
        """The fastest way that gives, on the first examples, what ``network.gradients`` gives.

        Args:
            network: What was trained.
            sample: n examples.
            memory: Bytes that a chunk and what comes of it may take.
        """
        return cls(_whole(network, sample, memory))


def chunks(
    network: Network, sample: Sample, *, memory: int = MEMORY, way: Way | None = None
) -> Iterator[tuple[slice, Chunk]]:
    """Gradients of the losses of single examples, chunk by chunk, from one pass a batch where its layers are all known.

    Known are linear and convolutional layers that hold all trained parameters, of a network that answers each example by
    itself: the first examples are held against ``network.gradients``.

    Args:
        network: What was trained.
        sample: n examples.
        memory: Bytes that a chunk and what comes of it may take.
        way: How, where that is known already.

    Yields:
        Rows, and their gradients.

    Raises:
        BadInput: A gradient is not finite.

    >>> from torch import nn
    >>> sample = Sample.of(([[1.0, 2.0], [0.0, 1.0]], [0, 1]))
    >>> [(rows, type(part).__name__) for rows, part in chunks(Network.of(nn.Linear(2, 2), sample), sample)]
    [(slice(0, 2, None), 'Layered')]
    """
    layers = (way or Way.of(network, sample, memory=memory)).layers
    if layers is None:
        for rows, part in network.gradients(sample, memory=memory):
            yield rows, Made(part)
        return
    order = _order(layers)
    for rows, passed in layers.passes(sample, layers.batch(memory, kept=2)):
        yield rows, Layered(layers, passed, order)


def _whole(network: Network, sample: Sample, memory: int) -> Layers | None:
    """The layers, where they hold all trained parameters and give the gradients that single examples have."""
    try:
        layers = Layers.of(network, sample)
        wide = any(one.places > MOST_PLACES and isinstance(one.modules[0], nn.Conv2d) for one in layers.layers)
        if layers.left_out or wide:
            return None
        first, order = sample.take(range(min(PROBED, len(sample)))), _order(layers)
        fast = torch.cat([Layered(layers, one, order).each() for _, one in layers.passes(first, PROBED)])
        slow = torch.cat([part for _, part in network.gradients(first, memory=memory)])
    except (BadInput, RuntimeError):
        return None
    return layers if torch.allclose(fast, slow, rtol=1e-3, atol=1e-5 * float(slow.abs().max())) else None


def _order(layers: Layers) -> Tensor:
    names = {id(p): k for k, p in layers.network.module.named_parameters()}
    starts: dict[str, Tensor] = {}
    at = 0
    for layer in layers.layers:
        own = torch.arange(at, at + layer.size).reshape(layer.rows, layer.columns)
        if layer.bias:
            starts[names[id(layer.modules[0].bias)]] = own[:, -1]
            own = own[:, :-1]
        starts[layer.name] = own.flatten()
        at += layer.size
    return torch.cat([starts[k] for k in layers.network.trained])
