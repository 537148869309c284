"""Tent: entropy minimisation over the affine parameters of normalisation layers, with a guard against collapse."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from unseen.adaptation.base import Batch, FloatArray, Source
from unseen.adaptation.batch_norm import AdaptedNorm, probabilities_of_logits, with_adapted_norms
from unseen.errors import BadInput


def mean_entropy(logits: Tensor) -> Tensor:
    """Mean entropy of the rows' distributions [nats], (n, classes) → scalar.

    Source: Wang, Shelhamer, Liu, Olshausen & Darrell (2021), Tent: Fully test-time adaptation by entropy minimization,
    section 3.1.
    """
    logs = torch.log_softmax(logits, -1)
    return -(logs.exp() * logs).sum(-1).mean()


class Tent:
    """Tent with a collapse guard.

    Each batch is normalised by its own statistics; one or more Adam steps on the mean entropy change the scale and
    shift of the normalisation layers and nothing else. As in the paper the prediction is that of the forward pass
    before the step, unless ``again`` asks for one more pass; with one step a batch, ``episodic`` needs ``again``, for
    else the step is forgotten before it tells.

    The guard watches the predictions, mixed over batches (each counts for ``memory`` of what stood before it). Where
    the entropy of the predicted classes falls below ``bound`` times that of the source's classes, or the mean largest
    probability rises by more than ``jump`` over the first batch's, the parameters return to the source's, the batch is
    predicted anew with these, and ``messages`` says so. Batches of truly one class also trip it; what they get is the
    unadapted parameters, under the batch's statistics.

    Args:
        source: With a module that has batch-norm layers, or layer or group norms in their absence.
        rate: Of Adam.
        steps: A batch.
        again: Whether to predict after the last step.
        prior: N of ``BatchNormAdaptation``; the paper's 0 uses the batch alone.
        guard: Whether the guard acts.
        bound: See above, 0 to 1.
        jump: See above, 0 to 1.
        memory: See above, 0 to 1.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"inputs"})

    def __init__(
        self, source: Source, *, rate: float = 1e-3, steps: int = 1, again: bool = False, prior: float = 0.0,
        guard: bool = True, bound: float = 0.5, jump: float = 0.3, memory: float = 0.5,
    ) -> None:  # fmt: skip
        if rate <= 0 or steps < 1 or prior < 0:
            raise BadInput(
                f"Tent takes a rate above 0, 1 step or more and a prior of 0 or more: {rate}, {steps}, {prior}."
            )
        module: nn.Module = source.need("module", "Tent")
        if any(isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)) for m in module.modules()):
            self.module, _ = with_adapted_norms(module, prior)
        else:
            self.module = copy.deepcopy(module).eval()
        self.module.requires_grad_(False)
        self.parameters = affine_parameters(self.module)
        for p in self.parameters:
            p.requires_grad_(True)
        self._start = [p.detach().clone() for p in self.parameters]
        share = source.prior
        self.lowest = bound * float(-(share * np.log(share)).sum())
        self.rate, self.steps, self.again = rate, steps, again
        self.guard, self.jump, self.memory = guard, jump, memory
        self.messages: list[str] = []
        self.reset()

    def reset(self) -> None:
        """Back to the source's parameters; the messages stay."""
        with torch.no_grad():
            for p, start in zip(self.parameters, self._start, strict=True):
                p.copy_(start)
        self._optimizer = torch.optim.Adam(self.parameters, lr=self.rate)
        self._shares: FloatArray | None = None
        self._first: float | None = None
        self._sure = 0.0

    def predict(self, batch: Batch) -> FloatArray:
        """Probabilities, and a step on their entropy."""
        x: Tensor = batch.need("inputs", "Tent")
        logits = self.module(x)
        for i in range(self.steps):
            logits = self.module(x) if i else logits
            loss = mean_entropy(logits)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
        p = self._plain(x) if self.again else probabilities_of_logits(logits)
        reason = self._collapse(p) if self.guard else None
        if reason is None:
            return p
        where = "" if batch.domain is None else f" in domain {batch.domain!r}"
        self.messages.append(f"Tent went back to the source's parameters{where}: {reason}.")
        self.reset()
        return self._plain(x)

    def _plain(self, x: Tensor) -> FloatArray:
        with torch.no_grad():
            return probabilities_of_logits(self.module(x))

    def _collapse(self, p: FloatArray) -> str | None:
        shares = np.bincount(p.argmax(1), minlength=p.shape[1]) / len(p)
        sure = float(p.max(1).mean())
        if self._shares is None or self._first is None:
            self._shares, self._first, self._sure = shares, sure, sure
        else:
            self._shares = self.memory * self._shares + (1 - self.memory) * shares
            self._sure = self.memory * self._sure + (1 - self.memory) * sure
        present = self._shares[self._shares > 0]
        spread = float(-(present * np.log(present)).sum())
        if spread < self.lowest:
            return f"the entropy of the predicted classes fell to {spread:.2f}, below {self.lowest:.2f}"
        if self._sure - self._first > self.jump:
            return f"the mean largest probability rose from {self._first:.2f} to {self._sure:.2f}"
        return None


def affine_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Scales and shifts of the batch-norm layers, or of layer and group norms where there are none.

    Raises:
        BadInput: There are none.
    """
    for kinds in ((AdaptedNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), (nn.LayerNorm, nn.GroupNorm)):
        found = [p for m in module.modules() if isinstance(m, kinds) for p in (m.weight, m.bias) if p is not None]
        if found:
            return found
    raise BadInput(
        f"{type(module).__name__} has no normalisation layer with scale and shift: Tent has nothing to change."
    )
