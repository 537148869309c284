"""Objectives on the risks of the domains: the worst, equal ones, and ones with a common optimal head."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective, Kind, by_domain


class GroupDRO(DomainObjective):
    """Group distributionally robust optimisation: exponentiated weights on the risks of the domains.

    Args:
        eta: Step of the weights: after each batch q ← q · exp(eta · risk), normalised.
        adjustment: C of the generalisation adjustment, risk + C / sqrt(rows of the group); 0 leaves it out.
    """

    name: ClassVar[str] = "group-dro"
    source: ClassVar[str] = "Sagawa et al. 2020, algorithm 1 and section 3.3"
    needs: ClassVar[frozenset[str]] = frozenset({"domain"})
    logs: Tensor
    margins: Tensor

    def __init__(self, eta: float = 0.01, adjustment: float = 0.0) -> None:
        super().__init__()
        if eta < 0 or adjustment < 0:
            raise BadInput(f"eta and adjustment can't be negative, got {eta} and {adjustment}.")
        self.eta, self.adjustment = eta, adjustment
        self.register_buffer("logs", torch.empty(0))  # logarithms, so that no weight ever is lost to rounding
        self.register_buffer("margins", torch.empty(0))

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """Give all groups the same weight."""
        super().prepare(model, data, kind, seed=seed, unlabelled=unlabelled)
        counts = torch.bincount(data["domain"]).float()
        self.logs = torch.where(counts > 0, 0.0, -torch.inf).log_softmax(0)
        self.margins = self.adjustment / counts.clamp(min=1).sqrt()

    @property
    def weights(self) -> Tensor:
        """Weight of each group, shape (groups,), sum one."""
        return self.logs.exp()

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Weighted sum of the risks of the groups in the batch."""
        self.step += 1
        present, risks = by_domain(self.row_losses(self.outputs(model, batch), batch["y"]), batch["domain"])
        risks = risks + self.margins[present]
        self.logs = self.logs.index_add(0, present, self.eta * risks.detach()).log_softmax(0)
        return (self.weights[present] * risks).sum()


class _Penalised(DomainObjective):
    """Mean risk plus a penalty that grows strong after some updates; the whole divided by a weight above one.

    The division is that of the authors' code (Arjovsky et al. 2019): the gradient keeps its size where the penalty jumps.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"domain"})

    def __init__(self, weight: float, anneal: int) -> None:
        super().__init__()
        if weight < 0 or anneal < 0:
            raise BadInput(f"weight and anneal can't be negative, got {weight} and {anneal}.")
        self.weight, self.anneal = weight, anneal

    def combined(self, risk: Tensor, penalty: Tensor) -> Tensor:
        """Risk and penalty with the weight that holds at this update."""
        weight = self.weight if int(self.step) >= self.anneal else min(1.0, self.weight)
        self.step += 1
        return (risk + weight * penalty) / max(1.0, weight)


class IRM(_Penalised):
    """Invariant risk minimisation (IRMv1): in each domain a head scaled by one shall be optimal.

    The penalty of a domain is the squared gradient of its risk by the scale, without bias: the product of the gradients
    on two halves of the domain's rows. The gradient has a closed form: the mean of Σ_k p_k z_k − z_y for logits z with
    probabilities p, and of f (f − y) for numbers.

    Args:
        weight: Of the penalty once it is annealed.
        anneal: Updates before which the weight is one.
    """

    name: ClassVar[str] = "irm"
    source: ClassVar[str] = "Arjovsky et al. 2019, section 3.1 and appendix D"

    def __init__(self, weight: float = 100.0, anneal: int = 500) -> None:
        super().__init__(weight, anneal)

    def slopes(self, out: Tensor, y: Tensor) -> Tensor:
        """Derivative of the loss of each row by the scale of its outputs, at one; shape (rows,)."""
        if self.kind == "regress":
            return out * (out - y)
        return (out.softmax(-1) * out).sum(-1) - out.gather(-1, y[:, None])[:, 0]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over domains of risk and penalty; a domain with one row in the batch adds its risk alone."""
        out, y, domain = self.outputs(model, batch), batch["y"], batch["domain"]
        risks = by_domain(self.row_losses(out, y), domain)[1]
        slopes = self.slopes(out, y)
        parts = [slopes[domain == d] for d in domain.unique().tolist()]
        penalties = [part[::2].mean() * part[1::2].mean() for part in parts if len(part) > 1]
        return self.combined(risks.mean(), torch.stack(penalties).mean() if penalties else risks.new_zeros(()))


class VREx(_Penalised):
    """Risk extrapolation by variance: mean risk plus the variance of the risks over domains.

    Args:
        weight: Of the variance once it is annealed.
        anneal: Updates before which the weight is one.
    """

    name: ClassVar[str] = "v-rex"
    source: ClassVar[str] = "Krueger et al. 2021 (V-REx)"

    def __init__(self, weight: float = 10.0, anneal: int = 500) -> None:
        super().__init__(weight, anneal)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean and (population) variance over the domains in the batch."""
        risks = by_domain(self.row_losses(self.outputs(model, batch), batch["y"]), batch["domain"])[1]
        return self.combined(risks.mean(), risks.var(unbiased=False))
