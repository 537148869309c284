"""Adversarial training: the loss at the worst input within a ball around each row's own."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective

Norm = Literal["linf", "l2"]


class Adversarial(DomainObjective):
    """Cross-entropy (or half the squared error) at inputs that projected gradient ascent moved within a ball.

    The ascent starts at a random point of the ball and takes steps of 2.5 epsilon / steps. It runs with the model in
    evaluation mode, so that statistics of batch norm see training rows alone and dropout draws nothing.

    Args:
        epsilon: Radius of the ball, in the unit of the inputs as the model gets them; 0 is plain training.
        norm: linf (each input by itself) or l2 (of a whole row).
        steps: Of the ascent.
    """

    name: ClassVar[str] = "adversarial"
    source: ClassVar[str] = "Madry et al. 2018, equation 2.1 and section 2.1"

    def __init__(self, epsilon: float = 0.1, norm: Norm = "linf", steps: int = 5) -> None:
        super().__init__()
        if epsilon < 0 or steps < 1 or norm not in ("linf", "l2"):
            raise BadInput(
                f"epsilon can't be negative, steps are at least 1 and norm is linf or l2; "
                f"got epsilon={epsilon}, steps={steps}, norm={norm!r}."
            )
        self.epsilon, self.norm, self.steps = epsilon, norm, steps

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean loss at the moved inputs."""
        moved = self.attacked(model, batch)
        self.step += 1
        return self.row_losses(self.outputs(model, {**batch, "x0": moved}), batch["y"]).mean()

    def attacked(self, model: nn.Module, batch: Batch) -> Tensor:
        """The inputs after the ascent, shape of ``x0``; no parameter gets a gradient from it."""
        x = batch["x0"]
        noise = torch.from_numpy(self.draws().uniform(-1, 1, tuple(x.shape))).to(x.dtype)
        delta = self._projected(self.epsilon * noise)
        training = model.training
        model.eval()
        for _ in range(self.steps):
            delta.requires_grad_(True)
            total = self.row_losses(self.outputs(model, {**batch, "x0": x + delta}), batch["y"]).sum()
            (slope,) = torch.autograd.grad(total, delta)
            delta = self._projected(delta.detach() + 2.5 * self.epsilon / self.steps * self._direction(slope))
        model.train(training)
        return x + delta

    def _direction(self, slope: Tensor) -> Tensor:
        return slope.sign() if self.norm == "linf" else slope / _lengths(slope).clamp(min=1e-12)

    def _projected(self, delta: Tensor) -> Tensor:
        if self.norm == "linf":
            return delta.clamp(-self.epsilon, self.epsilon)
        return delta * (self.epsilon / _lengths(delta).clamp(min=1e-12)).clamp(max=1.0)


def _lengths(rows: Tensor) -> Tensor:
    """Euclidean length of each row, with as many dimensions as the rows."""
    return rows.flatten(1).norm(dim=1).reshape(-1, *[1] * (rows.dim() - 1))
