"""What all domain objectives share: named tensors, loss by row, batches that hold several domains, draws by step."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch

Kind = Literal["classify", "regress"]


class DomainObjective(nn.Module):
    """An objective on named tensors ``x0`` (n, …), ``y`` (n,) and, where needed, ``domain`` (n,) and others.

    It is a module so that what it learns beside the model (a discriminator) goes through the same optimizer, and what it
    keeps (weights of groups, multipliers, updates made) goes into checkpoints. One object serves one run: ``prepare``
    comes first.

    Attributes:
        name: In the registry.
        source: Where it was published.
        needs: What a batch holds beside x0 and y: "domain", "index", "weight", "held_out"; "features" where the model
            must be in two parts; "unlabelled" where inputs without labels are given to ``prepare``.
        kinds: Targets that it is defined for.
        heads: Outputs of the model for each class or number.
        balanced: Whether batches hold their domains in equal shares.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()
    kinds: ClassVar[tuple[Kind, ...]] = ("classify", "regress")
    heads: ClassVar[int] = 1

    step: Tensor
    seed: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.kind: Kind = "classify"
        self.tolerance = 0.5
        self.balanced = "domain" in self.needs
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """Look at the training data once before the first update.

        Args:
            model: That is to be trained.
            data: All training rows.
            kind: Of the target.
            seed: Of the draws that the objective makes itself.
            unlabelled: Inputs without labels, shape (m, …), for the objectives that use them.

        Raises:
            BadInput: The kind of target, a tensor or a part of the model is not what the objective needs.
        """
        if kind not in self.kinds:
            raise BadInput(f"{self.name} is defined for {' and '.join(self.kinds)}, not for {kind}.")
        if "features" in self.needs and not (hasattr(model, "features") and hasattr(model, "head")):
            raise BadInput(
                f"{self.name} reads features: {type(model).__name__} needs features(x) and head (see FeaturedMLP)."
            )
        for name in sorted(self.needs & {"domain", "index", "weight", "held_out"}):
            if name not in data:
                raise BadInput(f"{self.name} needs {name!r} for each row, got {', '.join(data)}.")
        if "domain" in self.needs and len(data["domain"].unique()) < 2:
            raise BadInput(f"{self.name} compares domains: it needs at least two in training, got one.")
        self.kind = kind
        self.seed.fill_(seed)

    def outputs(self, model: nn.Module, batch: Batch) -> Tensor:
        """Logits (rows, classes), or numbers (rows,)."""
        return self.shaped(model(batch["x0"]))

    def shaped(self, out: Tensor) -> Tensor:
        """Outputs of a head as ``row_losses`` takes them: numbers lose their column."""
        return out if self.kind == "classify" else out.squeeze(-1)

    def row_losses(self, out: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy [nats], or half the squared error, shape (rows,)."""
        if self.kind == "classify":
            return nn.functional.cross_entropy(out, y, reduction="none")
        return 0.5 * (out - y).square()

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The scalar that an update lowers; the mean loss unless a subclass says otherwise."""
        self.step += 1
        return self.row_losses(self.outputs(model, batch), batch["y"]).mean()

    def scores(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Plain loss and accuracy by row; the same for all objectives, so that runs compare."""
        out, y = self.outputs(model, batch), batch["y"]
        right = out.argmax(-1) == y if self.kind == "classify" else (out - y).abs() <= self.tolerance
        return self.row_losses(out, y), right.float()

    def trim(self, batch: Batch) -> Batch:
        """Nothing to cut."""
        return batch

    def lengths(self, data: Batch) -> Tensor | None:
        """No lengths."""
        return None

    def order(self, data: Batch, size: int, generator: torch.Generator) -> Tensor:
        """Row numbers of one epoch, cut into batches of ``size`` by the loop.

        Balanced, each batch holds as many rows of each of its domains (up to one): all domains where each gets at least
        four rows, else as many domains as do, drawn anew for each batch. Small domains start over.
        """
        if not self.balanced:
            return torch.randperm(len(data["y"]), generator=generator)
        return balanced_order(data["domain"], size, generator)

    def draws(self) -> np.random.Generator:
        """Draws of this update: a function of seed and updates made, so that a resumed run goes on the same."""
        return np.random.default_rng([int(self.seed), int(self.step)])


def balanced_order(domain: Tensor, size: int, generator: torch.Generator, *, least: int = 4) -> Tensor:
    """An epoch of batches with equal shares of domains.

    Args:
        domain: Domain of each row, shape (n,), int64.
        size: Rows a batch.
        generator: Source of the draws.
        least: Rows of a domain in a batch below which a batch holds fewer domains.

    Returns:
        Row numbers, shape (ceil(n / size) · size,).
    """
    rows = [(domain == d).nonzero()[:, 0] for d in domain.unique().tolist()]
    count = max(1, min(len(rows), max(2, size // least), size))
    queues = [part[torch.randperm(len(part), generator=generator)] for part in rows]
    used = [0] * len(rows)
    batches: list[Tensor] = []
    for _ in range(-(-len(domain) // size)):
        chosen = torch.randperm(len(rows), generator=generator)[:count].tolist()
        for place, d in enumerate(chosen):
            wanted = size // count + (place < size % count)
            while wanted:
                if used[d] == len(queues[d]):
                    queues[d], used[d] = rows[d][torch.randperm(len(rows[d]), generator=generator)], 0
                part = queues[d][used[d] : used[d] + wanted]
                batches.append(part)
                used[d] += len(part)
                wanted -= len(part)
    return torch.cat(batches)


def by_domain(values: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of values by domain present: (domains present, (k,)), means (k,) with gradients."""
    present, place = domain.unique(return_inverse=True)
    sums = torch.zeros(len(present), dtype=values.dtype).index_add(0, place, values)
    return present, sums / torch.bincount(place, minlength=len(present))
