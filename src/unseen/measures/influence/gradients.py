"""Influence without curvature: products of gradients, their cosines, and their sums over checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from unseen.errors import BadInput
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import MEMORY
from unseen.measures.influence.result import Influence

Change = Callable[[Tensor], Tensor]


def gradient_dot(network: Network, train: Sample, test: Sample, *, memory: int = MEMORY) -> Influence:
    """Influence as the product of gradients: how much one plain step on the example lowers the test loss.

    Args:
        network: What was trained.
        train: n_train examples.
        test: n_test examples.
        memory: Bytes that gradients of single examples may take at once.

    Source: Koh & Liang (2017), section 2; Charpiat et al. (2019), Input similarity from the neural network perspective.

    >>> from torch import nn
    >>> train = Sample.of(([[1.0, 0.0], [0.0, 1.0]], [0, 1]))
    >>> net = Network.of(nn.Linear(2, 2, bias=False), train)
    >>> [[round(float(x) > 0) for x in row] for row in gradient_dot(net, train, train).scores]
    [[1, 0], [0, 1]]
    """
    return Influence(_products(network, train, test, memory), "gradient dot product")


def gradient_cosine(network: Network, train: Sample, test: Sample, *, memory: int = MEMORY) -> Influence:
    """Influence as the cosine of gradients: ``gradient_dot`` without their lengths; 0 where a gradient is zero.

    Args:
        network: What was trained.
        train: n_train examples.
        test: n_test examples.
        memory: Bytes that gradients of single examples may take at once.

    Source: Hanawa et al. (2021), Evaluation of similarity-based explanations.
    """
    return Influence(_products(network, train, test, memory, _unit), "gradient cosine")


def tracin(
    networks: Sequence[Network], rates: Sequence[float], train: Sample, test: Sample, *, memory: int = MEMORY
) -> Influence:
    """Influence over training: the sum over checkpoints of the rate of learning times the product of gradients.

    Args:
        networks: Checkpoints of one run.
        rates: Rate of learning at each checkpoint, times the number of steps that it stands for.
        train: n_train examples.
        test: n_test examples.
        memory: Bytes that gradients of single examples may take at once.

    Raises:
        BadInput: No checkpoint, or another number of rates.

    Source: Pruthi et al. (2020), Estimating training data influence by tracing gradient descent, equation 1 (TracInCP).
    """
    if not networks or len(networks) != len(rates):
        raise BadInput(f"tracin: {len(networks)} checkpoints and {len(rates)} rates; give one rate a checkpoint.")
    total = sum(rate * _products(network, train, test, memory) for network, rate in zip(networks, rates, strict=True))
    return Influence(np.asarray(total), "TracIn")


def scored(network: Network, sample: Sample, vectors: Tensor, memory: int, change: Change | None = None) -> Tensor:
    """Products of some vectors (k, p) with the gradients of all examples, shape (k, n); one chunk of gradients at a time."""
    made = vectors.new_empty(len(vectors), len(sample))
    for rows, part in network.gradients(sample, memory=memory):
        made[:, rows] = vectors @ (part if change is None else change(part)).T
    return made


def held(width: int, memory: int, copies: int = 2, itemsize: int = 4) -> int:
    """How many vectors of some width fit a memory with their copies; at least one."""
    return max(1, memory // (itemsize * copies * max(1, width)))


def _unit(gradients: Tensor) -> Tensor:
    return gradients / gradients.norm(dim=1, keepdim=True).clamp(min=torch.finfo(gradients.dtype).tiny)


def _products(network: Network, train: Sample, test: Sample, memory: int, change: Change | None = None) -> np.ndarray:
    made: list[Tensor] = []
    # Half for the test gradients that are kept, half for the training gradients that pass by.
    size = held(network.parameters, memory // 2)
    for start in range(0, len(test), size):
        part = test.take(range(start, min(start + size, len(test))))
        vectors = torch.cat(
            [g if change is None else change(g) for _, g in network.gradients(part, memory=memory // 2)]
        )
        made.append(scored(network, train, vectors, memory // 2, change))
    return torch.cat(made).numpy()
