"""Objectives that make the features of the domains alike: second moments, kernel means, a fooled discriminator."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unseen.engine.seeds import seeded_torch
from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective, Kind, by_domain

# Bandwidths of DomainBed's sum of Gaussian kernels.
GAMMAS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)


class _Aligned(DomainObjective):
    """Mean risk over domains plus a weighted mean distance over pairs of domains."""

    needs: ClassVar[frozenset[str]] = frozenset({"domain", "features"})

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if weight < 0:
            raise BadInput(f"weight can't be negative, got {weight}.")
        self.weight = weight

    def distance(self, parts: list[Tensor]) -> Tensor:
        """Mean over pairs of domains of the distance of their features, each (rows, d) with at least two rows."""
        raise NotImplementedError

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """Domains with one row in the batch have no distance."""
        self.step += 1
        features = model.features(batch["x0"])
        out, domain = self.shaped(model.head(features)), batch["domain"]
        risk = by_domain(self.row_losses(out, batch["y"]), domain)[1].mean()
        parts = [part for part in (features[domain == d] for d in domain.unique().tolist()) if len(part) > 1]
        return risk + self.weight * self.distance(parts) if len(parts) > 1 else risk


class CORAL(_Aligned):
    """Correlation alignment: mean squared difference of the means and of the covariances of the features.

    Args:
        weight: Of the distance.
    """

    name: ClassVar[str] = "coral"
    source: ClassVar[str] = "Sun & Saenko 2016; the form with means of Gulrajani & Lopez-Paz 2021, code"

    def distance(self, parts: list[Tensor]) -> Tensor:
        """Mean over coordinates, and over pairs of coordinates, of squared differences."""
        # The mean squared difference over pairs is twice the unbiased variance: no loop over pairs is needed.
        means = torch.stack([part.mean(0) for part in parts])
        covariances = torch.stack([covariance(part) for part in parts])
        return 2 * (means.var(0).mean() + covariances.var(0).mean())


class MMD(_Aligned):
    """Maximum mean discrepancy of the features under a sum of Gaussian kernels (biased estimate).

    Args:
        weight: Of the distance.
    """

    name: ClassVar[str] = "mmd"
    source: ClassVar[str] = "Li et al. 2018 (MMD-AAE); kernels of Gulrajani & Lopez-Paz 2021, code"

    def distance(self, parts: list[Tensor]) -> Tensor:
        """Squared, at least zero up to rounding."""
        k, sizes = len(parts), torch.tensor([len(part) for part in parts])
        rows = torch.cat(parts)
        shares = torch.zeros(k, len(rows), dtype=rows.dtype)
        shares[torch.arange(k).repeat_interleave(sizes), torch.arange(len(rows))] = (1 / sizes).repeat_interleave(sizes)
        blocks = shares @ kernel(rows, rows) @ shares.T  # mean kernel of each pair of domains
        inside = blocks.diagonal().sum()
        return 2 * inside / k - 2 * (blocks.sum() - inside) / (k * (k - 1))


class DANN(DomainObjective):
    """Domain-adversarial training: a discriminator tells domains from features, whose gradient reaches them reversed.

    Args:
        weight: Of the reversed gradient at the end.
        anneal: Updates over which it grows, by 2 / (1 + exp(−10 p)) − 1 with p the share made; 0 for full at once.
        width: Of the discriminator's hidden layer.
    """

    name: ClassVar[str] = "dann"
    source: ClassVar[str] = "Ganin et al. 2016, algorithm 1 and the schedule of its experiments"
    needs: ClassVar[frozenset[str]] = frozenset({"domain", "features"})

    def __init__(self, weight: float = 1.0, anneal: int = 500, width: int = 64) -> None:
        super().__init__()
        if weight < 0 or anneal < 0 or width < 1:
            raise BadInput(
                f"weight and anneal can't be negative, width is at least 1; got {weight}, {anneal}, {width}."
            )
        self.weight, self.anneal, self.width = weight, anneal, width
        self.discriminator: nn.Module = nn.Identity()

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """Build the discriminator for the width of the features."""
        super().prepare(model, data, kind, seed=seed, unlabelled=unlabelled)
        with torch.no_grad():
            was = model.training
            width = model.eval().features(data["x0"][:2]).shape[1]  # type: ignore[operator]
            model.train(was)
        with seeded_torch(seed):
            self.discriminator = nn.Sequential(
                nn.Linear(width, self.width), nn.ReLU(), nn.Linear(self.width, int(data["domain"].max()) + 1)
            )

    def strength(self) -> float:
        """Weight of the reversed gradient at this update."""
        if self.anneal == 0:
            return self.weight
        done = min(1.0, int(self.step) / self.anneal)
        return self.weight * (2 / (1 + math.exp(-10 * done)) - 1)

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """Risk plus the discriminator's cross-entropy."""
        features = model.features(batch["x0"])
        risk = self.row_losses(self.shaped(model.head(features)), batch["y"]).mean()
        guess = self.discriminator(reverse_gradient(features, self.strength()))
        self.step += 1
        return risk + nn.functional.cross_entropy(guess, batch["domain"])


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return -ctx.strength * grad, None


def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """The same values; on the way back the gradient is multiplied by −strength."""
    return _Reversal.apply(x, strength)  # type: ignore[no-any-return]


def covariance(x: Tensor) -> Tensor:
    """Unbiased covariance of rows (n, d), shape (d, d)."""
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


def kernel(a: Tensor, b: Tensor, gammas: tuple[float, ...] = GAMMAS) -> Tensor:
    """Sum of Gaussian kernels exp(−gamma ‖a_i − b_j‖²), shape (n, m)."""
    squares = (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp(min=0)
    return torch.stack([torch.exp(-gamma * squares) for gamma in gammas]).sum(0)
