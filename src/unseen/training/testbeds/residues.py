"""Stacks of two-layer networks over a table of residues, the testbed of grokking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from unseen.tasks import load

Activation = Literal["relu", "quadratic"]


@dataclass(frozen=True)
class ResidueTable:
    """All cells of a∘b modulo p, in an order drawn at random, the first ``n_train`` of them seen.

    Attributes:
        p: The modulus.
        inputs: One-hot a beside one-hot b, shape (cells, 2·p).
        labels: As trained on, shape (cells,).
        clean: The true results, shape (cells,).
        n_train: How many are seen.
    """

    p: int
    inputs: Tensor
    labels: Tensor
    clean: Tensor
    n_train: int

    @property
    def corrupted(self) -> Tensor:
        """Which training labels are wrong, shape (n_train,)."""
        return (self.labels != self.clean)[: self.n_train]

    @staticmethod
    def of(
        p: int,
        *,
        train: float,
        rng: np.random.Generator,
        corruption: float = 0.0,
        operation: str = "add",
        unordered: bool = False,
    ) -> ResidueTable:
        """The table of the task ``modular-arithmetic``; order, split and wrong labels come from the generator.

        Args:
            p: The modulus.
            train: Share of the cells that is seen.
            rng: Source of every draw.
            corruption: Share of wrong labels.
            operation: Of the task.
            unordered: Keep cells with a < b only: a network that adds equal embeddings of a and b has otherwise seen
                (b, a) with (a, b).
        """
        task = load(
            "modular-arithmetic", p=p, operation=operation, corruption=corruption, world=int(rng.integers(2**31))
        )
        assert task.size is not None  # noqa: S101  the table is finite
        cells = [task.at(i) for i in rng.permutation(task.size)]  # pyright: ignore[reportAttributeAccessIssue]
        if unordered:
            cells = [c for c in cells if int(str(c.factors["a"])) < int(str(c.factors["b"]))]
        pairs = torch.tensor([[int(str(c.factors["a"])), int(str(c.factors["b"]))] for c in cells])
        hot = torch.nn.functional.one_hot
        inputs = torch.cat([hot(pairs[:, 0], p), hot(pairs[:, 1], p)], dim=1).float()
        labels = torch.tensor([int(c.target[0]) for c in cells])
        clean = torch.tensor([int(str(c.factors["result"])) for c in cells])
        return ResidueTable(p, inputs, labels, clean, round(train * len(cells)))


def start(p: int, width: int, models: int, generator: torch.Generator, scale: float = 1.0) -> dict[str, Tensor]:
    """Equal initial weights for each of ``models``: ``into`` (models, 2·p, width) and ``out`` (models, width, p).

    Normal, with variance scale²/(rows of the matrix).
    """
    into = torch.randn(2 * p, width, generator=generator) * scale / (2 * p) ** 0.5
    out = torch.randn(width, p, generator=generator) * scale / width**0.5
    return {"into": into.repeat(models, 1, 1), "out": out.repeat(models, 1, 1)}


def logits(
    parameters: Mapping[str, Tensor], inputs: Tensor, activation: Activation, gates: Tensor | None = None
) -> Tensor:
    """Outputs of all models, shape (models, cells, p).

    Args:
        parameters: ``into`` and ``out`` as in ``start``.
        inputs: Shape (cells, 2·p).
        activation: Of the hidden layer.
        gates: Factors on the hidden layer, broadcast to (models, cells, width): dropout, or pruned neurons.
    """
    hidden = torch.matmul(inputs, parameters["into"])
    hidden = torch.relu(hidden) if activation == "relu" else hidden * hidden
    return torch.bmm(hidden if gates is None else hidden * gates, parameters["out"])


def start_embedded(p: int, embedding: int, width: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Initial weights of one network that sums embeddings of a and b: embedding, in, out, unembedding.

    Shapes (1, p, embedding), (1, embedding, width), (1, width, embedding), (1, embedding, p); normal, with variance
    1/(rows of the matrix).
    """
    shapes = {
        "embed": (p, embedding),
        "into": (embedding, width),
        "back": (width, embedding),
        "unembed": (embedding, p),
    }
    return {name: torch.randn(1, *shape, generator=generator) / shape[0] ** 0.5 for name, shape in shapes.items()}


def embedded_logits(parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    """Outputs of ``start_embedded`` networks, shape (models, cells, p): linear, ReLU, linear, without biases.

    Neighbouring linear maps are multiplied first, which is exact and cheap where there are more cells than residues.
    """
    p = parameters["embed"].shape[1]
    first = torch.bmm(parameters["embed"], parameters["into"])
    hidden = torch.relu(torch.matmul(inputs[:, :p] + inputs[:, p:], first))
    return torch.bmm(hidden, torch.bmm(parameters["back"], parameters["unembed"]))


def right(outputs: Tensor, answers: Tensor) -> Tensor:
    """Share of cells where the largest output is the answer, shape (models,)."""
    return (outputs.argmax(-1) == answers).float().mean(-1)
