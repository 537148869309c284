"""Descent along what gradients of many examples share: each coordinate winsorised, or the median of a few means."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective


class _Steered(DomainObjective):
    """An objective whose gradient is a robust mean of the examples' gradients."""

    def steered(self, model: nn.Module, loss: Tensor, directions: dict[str, Tensor]) -> Tensor:
        """A scalar with the value of a loss and these gradients, so that any optimizer follows them."""
        total = loss.detach()
        for name, parameter in model.named_parameters():
            if name in directions:
                total = total + ((parameter - parameter.detach()) * directions[name].detach()).sum()
        return total


class Winsorised(_Steered):
    """Each coordinate of the examples' gradients is drawn in to its c-th lowest and highest value before the mean is taken.

    A direction that fewer than c + 1 examples of a batch ask for can't move the weights; one that many share is hardly
    touched. 0 is plain descent. Needs the gradient of each example (``torch.func``), batch size times parameters of memory.

    Args:
        percent: Share of a batch that is drawn in at either end [%]; of 100 rows c percent are c values.
    """

    name: ClassVar[str] = "winsorised"
    source: ClassVar[str] = "Chatterjee 2020 (Coherent gradients), section 3; Chatterjee & Zielinski 2022"

    def __init__(self, percent: float = 4.0) -> None:
        super().__init__()
        if not 0 <= percent < 50:
            raise BadInput(f"percent is a share of the batch at either end, from 0 to below 50, got {percent:g}.")
        self.percent = percent

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean loss, with the winsorised mean as its gradient."""
        self.step += 1
        c = int(self.percent / 100 * len(batch["y"]) + 1e-9)
        if c == 0:
            return self.row_losses(self.outputs(model, batch), batch["y"]).mean()
        losses, each = self.gradients(model, batch)
        # All parameters at once: many small tensors would cost more in calls than in work.
        flat = winsorised_mean(torch.cat([g.flatten(1) for g in each.values()], 1), c)
        parts = flat.split([g[0].numel() for g in each.values()])
        directions = {name: part.view_as(g[0]) for (name, g), part in zip(each.items(), parts, strict=True)}
        return self.steered(model, losses.mean(), directions)

    def gradients(self, model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of each row, shape (rows,), and its gradients by parameter, shape (rows, …).

        Raises:
            BadInput: The module mixes rows (batch norm in training), so that a row has no gradient of its own.
        """
        mixing = [n for n, m in model.named_modules() if isinstance(m, _BatchNorm) and m.training]
        if mixing:
            raise BadInput(
                f"{self.name} needs the gradient of each row, and {mixing[0]} takes statistics over the batch. Use layer or "
                "group norm, or median-of-means."
            )
        free = {k: v.detach() for k, v in model.named_parameters() if v.requires_grad}
        held = {k: v.detach() for k, v in model.named_parameters() if not v.requires_grad}
        held |= {k: v.detach() for k, v in model.named_buffers()}

        def one(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            out = self.shaped(functional_call(model, {**parameters, **held}, (x[None],)))
            loss = self.row_losses(out, y[None])[0]
            return loss, loss

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="There is a performance drop")
            each, losses = vmap(grad(one, has_aux=True), in_dims=(None, 0, 0), randomness="different")(
                free, batch["x0"], batch["y"]
            )
        return losses, each


class MedianOfMeans(_Steered):
    """The batch is cut into groups, and each coordinate of the gradient is the median of the groups' means.

    With three groups it costs what plain descent does: no gradient of single examples is needed.

    Args:
        groups: Parts of a batch; 1 is plain descent.
    """

    name: ClassVar[str] = "median-of-means"
    source: ClassVar[str] = "Zielinski, Krishnan & Chatterjee 2020 (Weak and strong gradient directions), M3"

    def __init__(self, groups: int = 3) -> None:
        super().__init__()
        if groups < 1:
            raise BadInput(f"groups are one or more parts of a batch, got {groups}.")
        self.groups = groups

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean loss, with the median of the groups' gradients as its gradient.

        Raises:
            BadInput: A batch has fewer rows than groups.
        """
        self.step += 1
        rows = len(batch["y"])
        if rows < self.groups:
            raise BadInput(f"{self.name} cuts a batch into {self.groups} groups; it has {rows} rows.")
        each = self.row_losses(self.outputs(model, batch), batch["y"])
        if self.groups == 1:
            return each.mean()
        learnt = {k: v for k, v in model.named_parameters() if v.requires_grad}
        # Rows of a batch come in random order: neighbours are a random group.
        parts = [part.mean() for part in each.tensor_split(self.groups)]
        slopes = [
            torch.autograd.grad(part, list(learnt.values()), retain_graph=part is not parts[-1], allow_unused=True)
            for part in parts
        ]
        directions = {
            name: _median(torch.stack([s for s in made if s is not None]))
            for name, made in zip(learnt, zip(*slopes, strict=True), strict=True)
            if all(s is not None for s in made)
        }
        return self.steered(model, each.mean(), directions)


def winsorised_mean(values: Tensor, c: int) -> Tensor:
    """Mean over the first axis after the c lowest values are raised to the next one, and the c highest lowered.

    Args:
        values: Shape (n, …).
        c: Values at either end; 2c < n.

    Raises:
        BadInput: Nothing would be left in the middle.

    Source: Tukey (1962), The future of data analysis; Chatterjee 2020, section 3.

    >>> winsorised_mean(torch.tensor([[-9.0], [0.0], [1.0], [2.0], [99.0]]), 1)
    tensor([1.])
    """
    n = len(values)
    if c < 0 or 2 * c >= n:
        raise BadInput(f"winsorising needs more than {2 * c} values, got {n}.")
    if c == 0:
        return values.mean(0)
    low, high = _ends(values, c)
    return values.clamp(min=low, max=high).mean(0)


def _ends(values: Tensor, c: int) -> tuple[Tensor, Tensor]:
    """The (c + 1)-th lowest and highest values over the first axis."""
    n = len(values)
    if values.device.type == "cpu":
        # numpy sorts along a short axis with vector instructions, some fifty times faster than torch does.
        ordered = torch.from_numpy(np.sort(values.detach().numpy(), axis=0))
    else:
        ordered = values.detach().sort(0).values
    return ordered[c], ordered[n - 1 - c]


def _median(values: Tensor) -> Tensor:
    """Median over the first axis; of an even number the mean of the middle two."""
    n = len(values)
    ordered = values.sort(0).values
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


__all__ = ["MedianOfMeans", "Winsorised", "winsorised_mean"]
