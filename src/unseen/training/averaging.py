"""Averages of the weights along a run: SWA over its last part, SWAD over the valley of the validation loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from unseen.errors import BadInput

Weights = dict[str, Tensor]


class Averaging(Protocol):
    """Called after each update; ``weights`` after the last."""

    def __call__(self, step: int, model: nn.Module) -> None:
        """Look at the model after ``step`` updates."""
        ...

    def weights(self) -> Weights | None:
        """The average, or None where there is none."""
        ...


class SWA:
    """Mean of the weights after every ``every`` updates from ``start`` on.

    Source: Izmailov et al. (2018), algorithm 1 (with a constant learning rate).

    Args:
        start: First update whose weights count.
        every: Updates between two that count.

    Raises:
        BadInput: A number is below one.
    """

    def __init__(self, start: int, every: int = 1) -> None:
        if start < 1 or every < 1:
            raise BadInput(f"start and every are at least 1, got {start} and {every}.")
        self.start, self.every, self.count = start, every, 0
        self._mean: Weights | None = None

    def __call__(self, step: int, model: nn.Module) -> None:
        """Take the weights into the mean."""
        if step >= self.start and (step - self.start) % self.every == 0:
            self.count += 1
            self._mean = _moved(self._mean, weights_of(model), 1 / self.count)

    def weights(self) -> Weights | None:
        """The mean, or None before ``start``."""
        return self._mean


class SWAD:
    """Mean of the weights of all updates between the start and the end of the valley of the validation loss.

    Source: Cha et al. (2021), algorithm 1; weights are kept as one mean for each stretch of ``every`` updates.

    Args:
        validate: Loss on held-out rows of the training domains.
        every: Updates between two validations.
        start_patience: N_s: the loss was least this many validations ago, and not since.
        end_patience: N_e: the loss stays above the tolerance for this many.
        tolerance: r: times the mean loss at the start gives the threshold of the end.
    """

    def __init__(
        self, validate: Callable[[nn.Module], float], every: int = 20, start_patience: int = 3, end_patience: int = 6,
        tolerance: float = 1.3,
    ) -> None:  # fmt: skip
        if every < 1 or start_patience < 1 or end_patience < 1:
            raise BadInput(f"every and patiences are at least 1, got {every}, {start_patience}, {end_patience}.")
        self.validate, self.every = validate, every
        self.start_patience, self.end_patience, self.tolerance = start_patience, end_patience, tolerance
        self.losses: list[float] = []
        self._stretches: list[Weights] = []
        self._mean: Weights | None = None
        self._count = 0

    def __call__(self, step: int, model: nn.Module) -> None:
        """Take the weights into the mean of the stretch; at its end, validate."""
        self._count += 1
        self._mean = _moved(self._mean, weights_of(model), 1 / self._count)
        if step % self.every:
            return
        was = model.training
        self.losses.append(self.validate(model.eval()))
        model.train(was)
        self._stretches.append(self._mean)
        self._mean, self._count = None, 0

    @property
    def valley(self) -> tuple[int, int] | None:
        """First and last stretch that count, or None where the loss never stopped falling."""
        return loss_valley(self.losses, self.start_patience, self.end_patience, self.tolerance)

    def weights(self) -> Weights | None:
        """Mean over the valley, or None where there is none."""
        found = self.valley
        if found is None:
            return None
        mean: Weights | None = None
        for i, stretch in enumerate(self._stretches[found[0] : found[1] + 1]):
            mean = _moved(mean, stretch, 1 / (i + 1))
        return mean


def loss_valley(
    losses: Sequence[float], start_patience: int = 3, end_patience: int = 6, tolerance: float = 1.3
) -> tuple[int, int] | None:
    """Start and end of averaging by Cha et al. (2021), algorithm 1.

    Args:
        losses: Validation losses in the order of training.
        start_patience: N_s.
        end_patience: N_e.
        tolerance: r.

    Returns:
        First and last place that count, both included; None where no loss is the least of itself and the N_s − 1 after.

    >>> loss_valley([5, 3, 1, 1.1, 1.2, 9, 9, 9], 3, 2)
    (2, 4)
    """
    start, threshold = -1, float("inf")
    for i in range(len(losses)):
        if start < 0:
            window = losses[i - start_patience + 1 : i + 1] if i + 1 >= start_patience else []
            if window and window[0] == min(window):
                start, threshold = i - start_patience + 1, tolerance * sum(window) / start_patience
        elif i - start >= end_patience and min(losses[i - end_patience + 1 : i + 1]) > threshold:
            return start, i - end_patience
    return (start, len(losses) - 1) if start >= 0 else None


def weights_of(model: nn.Module) -> Weights:
    """Copies of the parameters by name (running statistics are computed anew for an average)."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}


@torch.no_grad()
def load_average(model: nn.Module, weights: Weights, x: Tensor, batch_size: int = 256) -> None:
    """Put averaged weights into a model, and compute its batch statistics anew on training inputs.

    Args:
        model: Changed in place; left in evaluation mode.
        weights: By name of parameter.
        x: Training inputs, shape (n, …).
        batch_size: Rows at once; statistics are means over these batches of equal weight.
    """
    model.load_state_dict(weights, strict=False)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)]
    kept = [m.momentum for m in norms]
    if norms:
        model.eval()
        for m in norms:
            m.reset_running_stats()
            m.momentum = None
            m.train()
        for part in x.split(batch_size):
            if len(part) > 1:
                model(part)
        for m, momentum in zip(norms, kept, strict=True):
            m.momentum = momentum
    model.eval()


def _moved(mean: Weights | None, new: Weights, share: float) -> Weights:
    return new if mean is None else {name: value + share * (new[name] - value) for name, value in mean.items()}
