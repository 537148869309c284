"""A strong student under a weak supervisor: plain training, the confidence loss, and the gap that is recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unseen.errors import BadInput, Undefined
from unseen.estimates import Estimate

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def hardened(chances: Tensor, shares: Tensor) -> Tensor:
    """A batch's own predictions made hard, with classes as frequent as the supervisor says they are.

    For two classes the threshold is the quantile that gives class 1 its share of the batch. For more, chances are
    divided by their own mean and multiplied by the share before the largest is taken.

    Args:
        chances: Predicted class probabilities, shape (batch, classes).
        shares: Frequency of each class in the supervisor's labels, shape (classes,).

    Returns:
        Class of each row, shape (batch,).

    Source: Burns et al. (2023), Weak-to-Strong Generalization, appendix A.4: the threshold adapts so that the batch
    keeps its balance.
    """
    import torch

    if chances.shape[1] == 2:
        order = chances[:, 1].argsort(descending=True, stable=True)
        found = torch.zeros(len(chances), dtype=torch.int64, device=chances.device)
        found[order[: round(float(shares[1]) * len(chances))]] = 1
        return found
    return (chances / chances.mean(0).clamp(min=1e-12) * shares).argmax(1)


def confidence_loss(logits: Tensor, weak: Tensor, weight: float) -> Tensor:
    """(1 - weight) × cross-entropy with weak labels + weight × cross-entropy with the student's own hard predictions.

    Args:
        logits: Of the student, shape (batch, classes).
        weak: Probabilities that the supervisor gives, shape (batch, classes).
        weight: α of the paper, from 0 (plain training) to 1.

    Returns:
        Mean over the batch [nats].

    Raises:
        BadInput: The weight lies outside 0 to 1.

    Source: Burns et al. (2023), equation 1.
    """
    from torch.nn import functional

    if not 0 <= weight <= 1:
        raise BadInput(f"weight lies between 0 and 1, got {weight}.")
    plain = functional.cross_entropy(logits, weak)
    if weight == 0:
        return plain
    own = hardened(logits.detach().softmax(-1), weak.mean(0))
    return (1 - weight) * plain + weight * functional.cross_entropy(logits, own)


def train_student(
    model: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator, *, steps: int, weight: float = 0.0,
    warmup: float = 0.2, batch_size: int = 64, lr: float = 1e-3,
) -> nn.Module:  # fmt: skip
    """Train a model in place on a supervisor's labels (Adam).

    Args:
        model: Gives logits (batch, classes).
        x: Inputs, shape (n, …).
        labels: Class probabilities (n, classes): soft or hard, weak or true.
        generator: Order of rows.
        steps: Updates.
        weight: Final weight of the student's own predictions; 0 is plain training.
        warmup: Share of the updates over which the weight rises from 0.
        batch_size: Rows an update.
        lr: Learning rate.

    Returns:
        The model, in evaluation mode.
    """
    import torch

    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    model.train()
    for step in range(steps):
        rows = torch.randint(len(x), (batch_size,), generator=generator)
        now = weight * min(1.0, step / max(1.0, warmup * steps))
        optimizer.zero_grad()
        confidence_loss(model(x[rows]), labels[rows], now).backward()
        optimizer.step()
    return model.eval()


def gap_recovered(weak: float, student: float, ceiling: float) -> float:
    """Performance gap recovered: 0 at the supervisor's score, 1 at that of the same student under true labels.

    Args:
        weak: Score of the supervisor.
        student: Score of the student under its labels.
        ceiling: Score of the student under true labels.

    Raises:
        Undefined: The ceiling is not above the supervisor.

    >>> gap_recovered(0.6, 0.75, 0.9)
    0.5...
    """
    if ceiling <= weak:
        raise Undefined(
            f"the ceiling ({ceiling:g}) is not above the supervisor ({weak:g}): there is no gap to recover. "
            "Take a weaker supervisor or a stronger student."
        )
    return (student - weak) / (ceiling - weak)


def gap_recovered_estimate(
    weak: np.ndarray, student: np.ndarray, ceiling: np.ndarray, rng: np.random.Generator, *, resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Performance gap recovered on one test set, with a percentile bootstrap over its items.

    Args:
        weak: Score of each item under the supervisor, shape (items,).
        student: The same items under the student.
        ceiling: The same items under the student with true labels.
        rng: Source of resamples.
        resamples: How many; those without a gap are left out, and refused where they are many.
        level: Nominal coverage.

    Raises:
        BadInput: The three arrays differ in length.
        Undefined: There is no gap on these items, or in too many resamples.
    """
    if not len(weak) == len(student) == len(ceiling):
        raise BadInput(f"the same items are needed three times, got {len(weak)}, {len(student)}, {len(ceiling)}.")
    value = gap_recovered(float(weak.mean()), float(student.mean()), float(ceiling.mean()))
    stacked = np.stack([weak, student, ceiling]).astype(float)
    means = np.stack([stacked[:, rng.integers(0, len(weak), len(weak))].mean(1) for _ in range(resamples)])
    gap = means[:, 2] - means[:, 0]
    tail = (1 - level) / 2
    if (gap <= 0).mean() >= tail:
        raise Undefined(
            f"{(gap <= 0).mean():.1%} of resamples have no gap between supervisor and ceiling, so that no {level:.0%} "
            "interval of the share recovered exists. Use more test items or a weaker supervisor."
        )
    ratio = (means[:, 1] - means[:, 0])[gap > 0] / gap[gap > 0]
    low, high = np.quantile(ratio, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), len(weak), "percentile bootstrap over items", level)
