"""Feasible learning: every training row's loss is bounded; multipliers of the rows weigh them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective, Kind


class FeasibleLearning(DomainObjective):
    """Find weights with loss_i ≤ epsilon for each row i, by gradient descent and ascent on the Lagrangian.

    Dual step first (alternating updates): λ_i ← max(0, λ_i + dual_lr (loss_i − epsilon − λ_i / alpha)), then a descent
    step on the mean over the batch of λ_i loss_i. In the plain form alpha is infinite. The relaxed (resilient) form
    allows slack u_i ≥ 0 at cost alpha/2 ‖u‖²; its least over u, u_i = λ_i / alpha, gives the term above, and multipliers
    stay bounded where the plain problem has no solution.

    Args:
        epsilon: Bound on the loss of each row [nats, or half squared standard deviations].
        dual_lr: Step of the multipliers.
        alpha: Cost of slack; None for the plain form.
        start: Multipliers at the beginning.
    """

    name: ClassVar[str] = "feasible"
    source: ClassVar[str] = "Ramirez et al. 2025, feasible learning and its resilient form"
    needs: ClassVar[frozenset[str]] = frozenset({"index"})
    multipliers: Tensor

    def __init__(
        self, epsilon: float = 0.1, dual_lr: float = 0.1, alpha: float | None = None, start: float = 1.0
    ) -> None:
        super().__init__()
        if epsilon < 0 or not dual_lr > 0 or start < 0 or (alpha is not None and not alpha > 0):
            raise BadInput(
                f"epsilon and start can't be negative, dual_lr and alpha are positive; got epsilon={epsilon}, "
                f"start={start}, dual_lr={dual_lr}, alpha={alpha}."
            )
        self.epsilon, self.dual_lr, self.alpha, self.start = epsilon, dual_lr, alpha, start
        self.register_buffer("multipliers", torch.empty(0))

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """One multiplier a row."""
        super().prepare(model, data, kind, seed=seed, unlabelled=unlabelled)
        self.multipliers = torch.full((int(data["index"].max()) + 1,), float(self.start))

    @property
    def slack(self) -> Tensor:
        """Slack of each row under the relaxed form, λ / alpha; zero under the plain one, shape (n,)."""
        return torch.zeros_like(self.multipliers) if self.alpha is None else self.multipliers / self.alpha

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over the batch of multiplier times loss, after the multipliers' step."""
        self.step += 1
        each, rows = self.row_losses(self.outputs(model, batch), batch["y"]), batch["index"]
        with torch.no_grad():
            violation = each - self.epsilon - self.slack[rows]
            self.multipliers[rows] = (self.multipliers[rows] + self.dual_lr * violation).clamp(min=0)
        return (self.multipliers[rows] * each).mean()


class ResilientFeasible(FeasibleLearning):
    """Feasible learning in its relaxed form, by name.

    Args:
        epsilon: Bound on the loss of each row.
        dual_lr: Step of the multipliers.
        alpha: Cost of slack.
        start: Multipliers at the beginning.
    """

    name: ClassVar[str] = "feasible-relaxed"

    def __init__(self, epsilon: float = 0.1, dual_lr: float = 0.1, alpha: float = 1.0, start: float = 1.0) -> None:
        super().__init__(epsilon, dual_lr, alpha, start)
