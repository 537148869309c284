"""Objectives on one row at a time: the mean loss, smoothed, focused or weighted."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective, Kind


class ERM(DomainObjective):
    """Empirical risk minimisation: the mean loss."""

    name: ClassVar[str] = "erm"
    source: ClassVar[str] = "Vapnik 1998; Gulrajani & Lopez-Paz 2021"


class LabelSmoothing(DomainObjective):
    """Cross-entropy against the label mixed with the uniform distribution.

    Args:
        smoothing: Share of the uniform distribution, in [0, 1).
    """

    name: ClassVar[str] = "label-smoothing"
    source: ClassVar[str] = "Szegedy et al. 2016, section 7"
    kinds: ClassVar[tuple[Kind, ...]] = ("classify",)

    def __init__(self, smoothing: float = 0.1) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise BadInput(f"smoothing is a share in [0, 1), got {smoothing}.")
        self.smoothing = smoothing

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over rows."""
        self.step += 1
        return nn.functional.cross_entropy(self.outputs(model, batch), batch["y"], label_smoothing=self.smoothing)


class Focal(DomainObjective):
    """Cross-entropy of each row times (1 − p)^gamma, p the probability of its label: easy rows count less.

    Args:
        gamma: At least 0; 0 is the plain cross-entropy.
    """

    name: ClassVar[str] = "focal"
    source: ClassVar[str] = "Lin et al. 2017, equation 4"
    kinds: ClassVar[tuple[Kind, ...]] = ("classify",)

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        if gamma < 0:
            raise BadInput(f"gamma can't be negative, got {gamma}.")
        self.gamma = gamma

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over rows."""
        self.step += 1
        each = self.row_losses(self.outputs(model, batch), batch["y"])
        return ((-torch.expm1(-each)).clamp(min=0) ** self.gamma * each).mean()


class WeightedLikelihood(DomainObjective):
    """Maximum weighted likelihood: the loss of each row times a given weight (a density ratio), divided by the rows.

    Weights with mean one over the training rows keep the learning rate's meaning. Under a well specified model plain
    maximum likelihood is the better choice; under a misspecified one the weighted form is (Ge et al. 2024).
    """

    name: ClassVar[str] = "weighted-likelihood"
    source: ClassVar[str] = "Shimodaira 2000; Ge et al. 2024"
    needs: ClassVar[frozenset[str]] = frozenset({"weight"})

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over rows of weight times loss."""
        self.step += 1
        return (batch["weight"] * self.row_losses(self.outputs(model, batch), batch["y"])).mean()
