"""Objectives on two answers that agree on labelled rows and shall differ on unlabelled ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective, Kind


class SharedHeads(nn.Module):
    """Several linear heads on the features of one module; outputs (rows, heads, classes).

    Args:
        module: With ``features`` and ``head``; its head becomes the first.
        heads: How many; those after the first are drawn anew from torch's global stream.

    Raises:
        BadInput: The module is not in two parts.
    """

    def __init__(self, module: Any, heads: int = 2) -> None:
        super().__init__()
        if not (hasattr(module, "features") and hasattr(module, "head")):
            raise BadInput(f"shared heads need features(x) and head on {type(module).__name__} (see FeaturedMLP).")
        self.base = module
        self.extra = nn.ModuleList()
        for _ in range(heads - 1):
            head = copy.deepcopy(module.head)
            head.reset_parameters()
            self.extra.append(head)

    def features(self, x: Tensor) -> Tensor:
        """(rows, …) → (rows, d)."""
        return self.base.features(x)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, …) → (rows, heads, classes)."""
        features = self.features(x)
        return torch.stack([head(features) for head in (self.base.head, *self.extra)], 1)


class Members(nn.Module):
    """Several modules with nothing in common; outputs (rows, members, classes).

    Args:
        build: Makes one.
        members: How many.
    """

    def __init__(self, build: Callable[[], nn.Module], members: int = 2) -> None:
        super().__init__()
        self.members = nn.ModuleList(build() for _ in range(members))

    def features(self, x: Tensor) -> Tensor:
        """Features of the members side by side, (rows, sum of widths)."""
        return torch.cat([member.features(x) for member in self.members], 1)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        """(rows, …) → (rows, members, classes)."""
        return torch.stack([member(x) for member in self.members], 1)


class _TwoHeaded(DomainObjective):
    needs: ClassVar[frozenset[str]] = frozenset({"unlabelled"})
    kinds: ClassVar[tuple[Kind, ...]] = ("classify",)
    heads: ClassVar[int] = 2
    shared: ClassVar[bool]

    def __init__(self, weight: float, batch: int) -> None:
        super().__init__()
        if weight < 0 or batch < 1:
            raise BadInput(f"weight can't be negative and batch is at least 1, got {weight} and {batch}.")
        self.weight, self.batch = weight, batch
        self.unlabelled = torch.empty(0)

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """Keep the unlabelled inputs."""
        super().prepare(model, data, kind, seed=seed, unlabelled=unlabelled)
        if unlabelled is None or len(unlabelled) == 0:
            raise BadInput(f"{self.name} needs unlabelled inputs on which its heads shall differ; pass unlabelled=….")
        self.unlabelled = unlabelled
        self.priors = torch.bincount(data["y"]).float() / len(data["y"])

    def drawn(self) -> Tensor:
        """Unlabelled rows of this update."""
        rows = self.draws().choice(len(self.unlabelled), min(self.batch, len(self.unlabelled)), replace=False)
        return self.unlabelled[torch.from_numpy(rows)]

    def losses(self, out: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of each row and head, (rows, heads)."""
        return nn.functional.cross_entropy(out.transpose(1, 2), y[:, None].expand(-1, out.shape[1]), reduction="none")

    def scores(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Means over the heads."""
        out = model(batch["x0"])
        return self.losses(out, batch["y"]).mean(1), (out.argmax(-1) == batch["y"][:, None]).float().mean(1)


class DivDis(_TwoHeaded):
    """Diversify: heads on shared features fit the labels and share no information on unlabelled rows.

    Args:
        weight: Of the mutual information between each pair of heads' answers, over the unlabelled batch.
        prior_weight: Of the divergence of each head's mean answer from the label shares, against constant answers.
        batch: Unlabelled rows an update.
    """

    name: ClassVar[str] = "divdis"
    source: ClassVar[str] = "Lee et al. 2023 (DivDis), section 3"
    shared: ClassVar[bool] = True

    def __init__(self, weight: float = 10.0, prior_weight: float = 10.0, batch: int = 64) -> None:
        super().__init__(weight, batch)
        self.prior_weight = prior_weight

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean cross-entropy of the heads, mutual information, and divergence from the shares."""
        x = self.drawn()
        self.step += 1
        fit = self.losses(model(batch["x0"]), batch["y"]).mean()
        chances = model(x).softmax(-1)
        pairs = [(i, j) for i in range(chances.shape[1]) for j in range(i)]
        shared = torch.stack([mutual_information(chances[:, i], chances[:, j]) for i, j in pairs]).mean()
        means = chances.mean(0)
        drift = (means * (means.clamp(min=1e-12).log() - self.priors.clamp(min=1e-12).log())).sum(-1).mean()
        return fit + self.weight * shared + self.prior_weight * drift


class DBAT(_TwoHeaded):
    """Diversity by disagreement: a second model fits the labels and disagrees with the first on unlabelled rows.

    The first is trained alone for ``first`` updates and left as it is; then the second, whose further loss on an unlabelled
    row is −log(p₁(c)(1 − p₂(c)) + (1 − p₁(c)) p₂(c)), c the answer of the first.

    Args:
        weight: Of the disagreement.
        first: Updates of the first model.
        batch: Unlabelled rows an update.
    """

    name: ClassVar[str] = "d-bat"
    source: ClassVar[str] = "Pagliardini et al. 2023 (D-BAT), with its form for several classes"
    shared: ClassVar[bool] = False

    def __init__(self, weight: float = 1.0, first: int = 500, batch: int = 64) -> None:
        super().__init__(weight, batch)
        self.first = first

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """Of the member whose turn it is; the other is not run, so that no momentum or decay moves it."""
        x = self.drawn()
        turn = int(int(self.step) >= self.first)
        self.step += 1
        fit = self.row_losses(model.members[turn](batch["x0"]), batch["y"]).mean()
        if not turn:
            return fit
        with torch.no_grad():
            first = model.members[0].eval()(x).softmax(-1)
        return fit + self.weight * disagreement(first, model.members[1](x).softmax(-1)).mean()


def mutual_information(a: Tensor, b: Tensor) -> Tensor:
    """Of two answers whose joint distribution is the mean over rows of the product of their probabilities [nats].

    Args:
        a: Probabilities (rows, classes).
        b: The same for the other answer.

    >>> sure = torch.eye(2)
    >>> round(float(mutual_information(sure, sure)), 4), float(mutual_information(sure, torch.full((2, 2), 0.5)))
    (0.6931, 0.0)
    """
    joint = a.T @ b / len(a)
    product = a.mean(0)[:, None] * b.mean(0)
    return (joint * (joint.clamp(min=1e-12).log() - product.clamp(min=1e-12).log())).sum()


def disagreement(first: Tensor, second: Tensor) -> Tensor:
    """−log of the chance that exactly one answers the first's likeliest class, shape (rows,) [nats]."""
    top = first.argmax(-1, keepdim=True)
    a, b = first.gather(-1, top)[:, 0], second.gather(-1, top)[:, 0]
    return -(a * (1 - b) + (1 - a) * b).clamp(min=1e-12).log()
