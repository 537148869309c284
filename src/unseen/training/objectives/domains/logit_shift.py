"""Objectives that shift the logits while training: what a prior or a held-out model already explains is not learnt."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective, Kind


class LogitAdjustment(DomainObjective):
    """Cross-entropy of logits plus tau times the log share of each class in training.

    Args:
        tau: Strength; 0 is plain cross-entropy, 1 is consistent for the balanced error.
        by_domain: Take the shares within the row's domain, so that what the domain tells of the class is not learnt.
    """

    name: ClassVar[str] = "logit-adjustment"
    source: ClassVar[str] = "Menon et al. 2021, equation 10"
    kinds: ClassVar[tuple[Kind, ...]] = ("classify",)
    log_shares: Tensor

    def __init__(self, tau: float = 1.0, by_domain: bool = False) -> None:
        super().__init__()
        self.tau, self.by_domain = tau, by_domain
        self.register_buffer("log_shares", torch.empty(0))

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """Count the classes; with domains, each count has one added so that a class that a domain lacks stays finite."""
        super().prepare(model, data, kind, seed=seed, unlabelled=unlabelled)
        if self.by_domain and "domain" not in data:
            raise BadInput("logit-adjustment by domain needs 'domain' for each row.")
        classes = int(data["y"].max()) + 1
        if self.by_domain:
            cells = torch.bincount(
                data["domain"] * classes + data["y"], minlength=classes * (int(data["domain"].max()) + 1)
            )
            counts = cells.reshape(-1, classes).float() + 1
        else:
            counts = torch.bincount(data["y"], minlength=classes).float()[None]
        self.log_shares = (counts / counts.sum(1, keepdim=True)).log()

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over rows of the cross-entropy of the shifted logits."""
        self.step += 1
        shift = self.log_shares[batch["domain"]] if self.by_domain else self.log_shares
        return self.row_losses(self.outputs(model, batch) + self.tau * shift, batch["y"]).mean()


class MemorisationAware(DomainObjective):
    """Memorisation-aware training: logits are shifted by the log of calibrated held-out class probabilities.

    ``held_out`` holds, for each training row, the probabilities that models gave which were not fitted to it. What those
    get right without having seen the row (a shortcut that most rows share) is taken as given; the model is left to learn
    what they get wrong. The source takes them from ``CrossRisk``. The probabilities q are calibrated by the share of each
    label under each held-out class, P(y | c) ∝ Σ_i q_i(c) [y_i = y], so that the shift is log Σ_c q(c) P(y | c).

    Args:
        temperature: Held-out probabilities are raised to 1 / temperature and normalised.
        calibrated: Whether they are calibrated.
    """

    name: ClassVar[str] = "memorisation-aware"
    source: ClassVar[str] = "Bayat et al. 2025 (MAT) and its code"
    kinds: ClassVar[tuple[Kind, ...]] = ("classify",)
    needs: ClassVar[frozenset[str]] = frozenset({"held_out"})
    confusion: Tensor

    def __init__(self, temperature: float = 1.0, calibrated: bool = True) -> None:
        super().__init__()
        if not temperature > 0:
            raise BadInput(f"temperature must be positive, got {temperature}.")
        self.temperature, self.calibrated = temperature, calibrated
        self.register_buffer("confusion", torch.empty(0))

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """Count labels under held-out classes over all training rows."""
        super().prepare(model, data, kind, seed=seed, unlabelled=unlabelled)
        held_out = self._tempered(data["held_out"])
        counts = held_out.T @ nn.functional.one_hot(data["y"], held_out.shape[1]).to(held_out.dtype)
        self.confusion = counts / counts.sum(1, keepdim=True).clamp(min=1e-12)

    def shift(self, held_out: Tensor) -> Tensor:
        """What is added to the logits, shape (rows, classes)."""
        chances = self._tempered(held_out)
        return ((chances @ self.confusion if self.calibrated else chances) + 1e-6).log()

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over rows of the cross-entropy of the shifted logits."""
        self.step += 1
        return self.row_losses(self.outputs(model, batch) + self.shift(batch["held_out"]), batch["y"]).mean()

    def _tempered(self, held_out: Tensor) -> Tensor:
        return (held_out.clamp(min=1e-12).log() / self.temperature).softmax(-1)


class CrossRisk(DomainObjective):
    """Cross-risk minimisation: two members, each fitted to a half of the rows, turn labels towards the other's answers.

    At each update a row's label becomes the answer of the member that is not fitted to it, with chance
    (p − 1/K) K / (K − 1), p that answer's probability among K classes. Both thus come to follow what is learnt most
    easily, and their held-out answers tell where a label deviates from it. Trains ``Members``; not in the registry,
    since it gives no classifier of its own.
    """

    name: ClassVar[str] = "cross-risk"
    source: ClassVar[str] = "Pezeshki et al. 2024 (XRM), as used by Bayat et al. 2025"
    kinds: ClassVar[tuple[Kind, ...]] = ("classify",)
    needs: ClassVar[frozenset[str]] = frozenset({"index"})
    heads: ClassVar[int] = 2
    labels: Tensor
    side: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("labels", torch.empty(0, dtype=torch.int64))
        self.register_buffer("side", torch.empty(0, dtype=torch.int64))

    def prepare(
        self, model: nn.Module, data: Batch, kind: Kind = "classify", *, seed: int = 0, unlabelled: Tensor | None = None
    ) -> None:
        """Draw the halves, and copy the labels."""
        super().prepare(model, data, kind, seed=seed, unlabelled=unlabelled)
        self.labels = data["y"].clone()
        self.side = torch.from_numpy(self.draws().permutation(len(self.labels)) % 2)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean cross-entropy of each row under the member that is fitted to it; then labels turn."""
        self.step += 1
        rows = batch["index"]
        loss = self.row_losses(self._answers(model, batch, self.side[rows]), self.labels[rows]).mean()
        with torch.no_grad():
            sure, answer = self.held_out(model, batch).max(-1)
            classes = int(self.labels.max()) + 1
            chance = (sure - 1 / classes) * classes / (classes - 1)
            turned = torch.from_numpy(self.draws().random(len(rows))) < chance
            self.labels[rows] = torch.where(turned, answer, self.labels[rows])
        return loss

    def held_out(self, model: nn.Module, batch: Batch) -> Tensor:
        """Probabilities by the member that is not fitted to the row, shape (rows, classes)."""
        return self._answers(model, batch, 1 - self.side[batch["index"]]).softmax(-1)

    def scores(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Held-out loss and accuracy against the true labels."""
        chances = self.held_out(model, batch)
        losses = nn.functional.nll_loss(chances.clamp(min=1e-12).log(), batch["y"], reduction="none")
        return losses, (chances.argmax(-1) == batch["y"]).float()

    def _answers(self, model: nn.Module, batch: Batch, member: Tensor) -> Tensor:
        return model(batch["x0"])[torch.arange(len(member)), member]
