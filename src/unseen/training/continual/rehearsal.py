"""Rehearsal of earlier tasks: how often each is met again, and training on tasks that come one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from unseen.errors import BadInput

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Schedule = Literal["power", "uniform", "exponential", "none"]
SCHEDULES: tuple[Schedule, ...] = ("power", "uniform", "exponential", "none")


def revisit_shares(ages: np.ndarray, schedule: Schedule, *, strength: float = 1.0) -> np.ndarray:
    """Share of the rehearsal that each earlier task gets.

    Args:
        ages: Phases since each task was last learned, at least 1, shape (tasks,).
        schedule: ``power``: age to the power minus strength; ``exponential``: exp(-strength × age); ``uniform``: all
            alike; ``none``: zero.
        strength: Exponent or rate; larger forgets older tasks faster.

    Returns:
        Shares that sum to 1 (0 for ``none``), shape (tasks,).

    Raises:
        BadInput: An unknown schedule, an age below 1 or a strength that is not positive.

    Source: Gandhi et al. (2024), Catastrophic Interference is Mitigated in Naturalistic Power-Law Learning
    Environments: the chance of meeting a task falls as a power of the time since it was last met.

    >>> revisit_shares(np.array([3, 2, 1]), "power").round(2).tolist()
    [0.18, 0.27, 0.55]
    """
    age = np.asarray(ages, dtype=float)
    if schedule not in SCHEDULES:
        raise BadInput(f"schedule is one of {', '.join(SCHEDULES)}; got {schedule!r}.")
    if not strength > 0:
        raise BadInput(f"strength must be positive, got {strength}.")
    if len(age) and age.min() < 1:
        raise BadInput(f"ages count phases and start at 1, got {age.min():g}.")
    if schedule == "none" or not len(age):
        return np.zeros(len(age))
    # Both laws are taken relative to the youngest task, so that exp(-age) can't vanish for all of them.
    weight = {
        "power": lambda: (age / age.min()) ** -strength,
        "exponential": lambda: np.exp(-strength * (age - age.min())),
        "uniform": lambda: np.ones(len(age)),
    }[schedule]()
    return weight / weight.sum()


def rehearsal_counts(
    ages: np.ndarray, budget: int, schedule: Schedule, rng: np.random.Generator, *, strength: float = 1.0,
    capacity: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """How many rows of each earlier task are rehearsed in a phase; the same number in total for every schedule.

    Args:
        ages: As in ``revisit_shares``, shape (tasks,).
        budget: Rows in total.
        schedule: As in ``revisit_shares``.
        rng: Source of the draw.
        strength: As in ``revisit_shares``.
        capacity: Most rows that each task has, shape (tasks,); what one can't give goes to the others.

    Returns:
        Whole numbers that sum to the budget, or to the whole capacity where that is less; all 0 for ``none``.

    Raises:
        BadInput: A negative budget.
    """
    if budget < 0:
        raise BadInput(f"budget must not be negative, got {budget}.")
    shares = revisit_shares(ages, schedule, strength=strength)
    counts = np.zeros(len(shares), dtype=np.int64)
    if schedule == "none" or not len(shares):
        return counts
    room = np.full(len(shares), budget, dtype=np.int64) if capacity is None else np.asarray(capacity, dtype=np.int64)
    while (left := min(budget, int(room.sum())) - int(counts.sum())) > 0:
        open_ = np.where(counts < room, shares, 0.0)
        if open_.sum() == 0:  # shares can underflow to zero for old tasks
            open_ = (counts < room).astype(float)
        counts = np.minimum(counts + rng.multinomial(left, open_ / open_.sum()), room)
    return counts


def rehearsal_rows(
    phases: np.ndarray, budget: int, schedule: Schedule, rng: np.random.Generator, *, strength: float = 1.0
) -> np.ndarray:
    """Rows to refit on when data come in phases: all of the newest, and a scheduled sample of the earlier ones.

    Any learner that can be refitted can use it, whether or not it is a network.

    Args:
        phases: Phase of each row (any ordered values: months, batches), shape (rows,).
        budget: Rows of earlier phases.
        schedule: As in ``revisit_shares``; the age of a phase is its rank from the newest.
        rng: Source of the draw.
        strength: As in ``revisit_shares``.

    Returns:
        Sorted row numbers.

    >>> months = np.repeat([1, 2, 3], 4)
    >>> len(rehearsal_rows(months, 3, "power", np.random.default_rng(0)))
    7
    """
    known, where = np.unique(phases, return_inverse=True)
    earlier = len(known) - 1
    rows = [np.flatnonzero(where == k) for k in range(earlier + 1)]
    capacity = np.array([len(r) for r in rows[:-1]], dtype=np.int64)
    ages = np.arange(earlier, 0, -1)
    counts = rehearsal_counts(ages, budget, schedule, rng, strength=strength, capacity=capacity)
    drawn = [rng.choice(r, int(k), replace=False) for r, k in zip(rows[:-1], counts, strict=True)]
    return np.sort(np.concatenate([rows[-1], *drawn]))


class Guard(Protocol):
    """What protects earlier tasks beside rehearsal: a penalty, or a change of the gradient."""

    def loss(self, model: nn.Module) -> Tensor | float:
        """Added to the loss of a batch."""
        ...

    def before_step(self, model: nn.Module) -> None:
        """Called with the gradients in place."""
        ...

    def after_step(self, model: nn.Module) -> None:
        """Called after the update, gradients still in place."""
        ...

    def end_task(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        """Called when a task is done, with its rows."""
        ...


@dataclass
class SequenceRun:
    """What a run over tasks measured.

    Attributes:
        accuracy: Of each task (column) after each phase (row), shape (phases, tasks).
        early: Accuracy on the task being learned after ``probe`` updates of its phase, shape (phases,).
        losses: Mean test loss, same shape as accuracy [nats].
    """

    accuracy: np.ndarray
    early: np.ndarray
    losses: np.ndarray

    @property
    def retained(self) -> float:
        """Mean final accuracy over all tasks but the last."""
        return float(self.accuracy[-1, :-1].mean())

    @property
    def forgetting(self) -> float:
        """Mean fall of accuracy from just after learning to the end, over all tasks but the last."""
        return float((np.diag(self.accuracy)[:-1] - self.accuracy[-1, :-1]).mean())


def train_sequence(
    model: nn.Module,
    tasks: Sequence[tuple[Tensor, Tensor]],
    tests: Sequence[tuple[Tensor, Tensor]],
    *,
    updates: int,
    generator: torch.Generator,
    rng: np.random.Generator,
    batch_size: int = 64,
    lr: float = 0.05,
    momentum: float = 0.0,
    schedule: Schedule = "none",
    budget: int = 0,
    strength: float = 1.0,
    stored: int | None = None,
    halves: bool = False,
    guard: Guard | None = None,
    probe: int = 10,
    loss: Callable[[Any, Any], Any] | None = None,
) -> SequenceRun:
    """Train one classifier on tasks that come one after another, with plain SGD and an equal number of updates each.

    Args:
        model: Changed in place.
        tasks: Rows of each task: inputs (n, …) and classes (n,).
        tests: The same, held out.
        updates: A phase.
        generator: Order of rows.
        rng: Which rows are rehearsed.
        batch_size: Rows an update.
        lr: Learning rate.
        momentum: Of SGD.
        schedule: Which earlier tasks are rehearsed.
        budget: Rehearsed rows a phase, in all.
        strength: Of the schedule.
        stored: Only the first rows of each task are kept for rehearsal, at most this many; all by default.
        halves: Half of each batch is rehearsal, however few rows there are; else batches come from the union.
        guard: Penalty or projection.
        probe: Updates after which accuracy on the new task is taken.
        loss: Of logits and classes; cross-entropy by default.

    Returns:
        Accuracies after each phase.
    """
    import torch
    from torch.nn import functional

    criterion = loss or functional.cross_entropy
    accuracy, losses = np.zeros((len(tasks), len(tests))), np.zeros((len(tasks), len(tests)))
    early = np.zeros(len(tasks))
    for phase, (x_new, y_new) in enumerate(tasks):
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
        x_old, y_old = _memory(tasks[:phase], budget, schedule, strength, stored, rng)
        x_all, y_all = torch.cat([x_new, x_old]), torch.cat([y_new, y_old])
        model.train()
        for step in range(updates):
            if halves and len(x_old):
                a = torch.randint(len(x_new), (batch_size // 2,), generator=generator)
                b = torch.randint(len(x_old), (batch_size // 2,), generator=generator) + len(x_new)
                rows = torch.cat([a, b])
            else:
                rows = torch.randint(len(x_all), (batch_size,), generator=generator)
            value = criterion(model(x_all[rows]), y_all[rows])
            if guard is not None:
                value = value + guard.loss(model)
            optimizer.zero_grad()
            value.backward()
            if guard is not None:
                guard.before_step(model)
            optimizer.step()
            if guard is not None:
                guard.after_step(model)
            if step + 1 == probe:
                early[phase] = _score(model, *tests[phase])[0]
                model.train()
        if guard is not None:
            guard.end_task(model, x_new, y_new)
        for k, (x, y) in enumerate(tests):
            accuracy[phase, k], losses[phase, k] = _score(model, x, y)
    return SequenceRun(accuracy, early, losses)


def _memory(
    earlier: Sequence[tuple[Tensor, Tensor]], budget: int, schedule: Schedule, strength: float, stored: int | None,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    import torch

    if not earlier:
        return torch.empty(0), torch.empty(0, dtype=torch.int64)
    limits = np.array([len(y) if stored is None else min(stored, len(y)) for _, y in earlier])
    ages = np.arange(len(earlier), 0, -1)
    counts = rehearsal_counts(ages, budget, schedule, rng, strength=strength, capacity=limits)
    rows = [torch.as_tensor(rng.permutation(int(n))[: int(k)]) for n, k in zip(limits, counts, strict=True)]
    x = torch.cat([x[r] for (x, _), r in zip(earlier, rows, strict=True)])
    return x, torch.cat([y[r] for (_, y), r in zip(earlier, rows, strict=True)])


def _score(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    import torch
    from torch.nn import functional

    model.eval()
    with torch.no_grad():
        logits = model(x)
    return float((logits.argmax(-1) == y).double().mean()), float(functional.cross_entropy(logits, y))
