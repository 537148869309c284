"""Objectives on tensors: classification by cross-entropy, regression by squared error."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.objectives.base import Batch


def tensor_batch(inputs: Tensor | tuple[Tensor, ...], target: Tensor) -> Batch:
    """Name the tensors of a data set: x0, x1, … for the inputs in the order of the model's arguments, y for the target.

    Raises:
        BadInput: The numbers of rows differ, or there are none.
    """
    xs = inputs if isinstance(inputs, tuple) else (inputs,)
    rows = {len(x) for x in (*xs, target)}
    if len(rows) != 1 or rows == {0}:
        raise BadInput(f"inputs and target need the same number of rows, at least one; got {sorted(rows)}.")
    return {**{f"x{i}": x for i, x in enumerate(xs)}, "y": target}


class Tensors:
    """Supervised learning on tensors.

    Args:
        kind: ``classify``: y holds class numbers (rows,), accuracy is exact; ``regress``: y (rows, …) floats, loss is
            half the squared error summed over outputs, and a row is right where every output is within ``tolerance``.
        tolerance: Largest absolute error of a right answer in regression.
    """

    def __init__(self, kind: Literal["classify", "regress"] = "classify", tolerance: float = 0.5) -> None:
        self.kind, self.tolerance = kind, tolerance

    def outputs(self, model: nn.Module, batch: Batch) -> Tensor:
        """What the model gives for the inputs of a batch."""
        return model(*(batch[f"x{i}"] for i in range(len(batch) - 1)))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean over rows."""
        out = self.outputs(model, batch)
        if self.kind == "classify":
            return nn.functional.cross_entropy(out, batch["y"])
        return 0.5 * (out.reshape(batch["y"].shape) - batch["y"]).square().reshape(len(out), -1).sum(1).mean()

    def scores(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss and accuracy by row."""
        out, y = self.outputs(model, batch), batch["y"]
        if self.kind == "classify":
            return nn.functional.cross_entropy(out, y, reduction="none"), (out.argmax(-1) == y).float()
        error = (out.reshape(y.shape) - y).reshape(len(y), -1)
        return 0.5 * error.square().sum(1), (error.abs() <= self.tolerance).all(1).float()

    def trim(self, batch: Batch) -> Batch:
        """Nothing to cut."""
        return batch

    def lengths(self, data: Batch) -> Tensor | None:
        """No lengths."""
        return None

    def probabilities(self, model: nn.Module, batch: Batch) -> Tensor:
        """Shares of the classes, shape (rows, classes)."""
        return torch.softmax(self.outputs(model, batch), -1)
