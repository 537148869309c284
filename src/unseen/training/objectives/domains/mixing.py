"""Training on mixtures of rows."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective


class Mixup(DomainObjective):
    """Each row is mixed with another of its batch; the losses against both targets are mixed in the same shares.

    Args:
        alpha: Of the Beta distribution of the share, one draw a batch.
        lam: A fixed share instead of a draw; 1 is plain risk minimisation.
    """

    name: ClassVar[str] = "mixup"
    source: ClassVar[str] = "Zhang et al. 2018, section 2"

    def __init__(self, alpha: float = 0.2, lam: float | None = None) -> None:
        super().__init__()
        if not alpha > 0:
            raise BadInput(f"alpha must be positive, got {alpha}.")
        if lam is not None and not 0 <= lam <= 1:
            raise BadInput(f"lam is a share in [0, 1], or None for a draw, got {lam}.")
        self.alpha, self.lam = alpha, lam

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over rows; draws are a function of the seed and of the updates made."""
        rng = self.draws()
        self.step += 1
        share = float(rng.beta(self.alpha, self.alpha)) if self.lam is None else self.lam
        x, y = batch["x0"], batch["y"]
        other = torch.from_numpy(rng.permutation(len(x)))
        out = self.shaped(model(share * x + (1 - share) * x[other]))
        if self.kind == "regress":
            return self.row_losses(out, share * y + (1 - share) * y[other]).mean()
        return (share * self.row_losses(out, y) + (1 - share) * self.row_losses(out, y[other])).mean()
