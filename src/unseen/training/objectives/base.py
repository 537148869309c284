"""The contract between the loop and what it lowers."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

# Named tensors with one row an example; all have the same number of rows.
Batch = dict[str, Tensor]


class Objective(Protocol):
    """What the loop needs to know of a problem."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The scalar that an update lowers."""
        ...

    def scores(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss and accuracy of each example, both of shape (rows,), float; called without gradients."""
        ...

    def trim(self, batch: Batch) -> Batch:
        """The batch without columns that are padding in every row."""
        ...

    def lengths(self, data: Batch) -> Tensor | None:
        """What batches are sorted by under ``TrainConfig.bucket``, shape (rows,), or None."""
        ...
