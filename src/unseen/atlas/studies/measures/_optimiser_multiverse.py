"""Networks under many optimiser settings at once, and ways to learn that space from a few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.estimates.multiverse.surrogate import fitted, next_setting

FloatArray = NDArray[np.float64]
WIDTH, BATCH = 32, 64
FIRST = 6


def trained_together(
    data: Sequence[tuple[np.ndarray, np.ndarray]],
    rates: FloatArray,
    second: FloatArray,
    *,
    adam: bool,
    steps: int,
    seed: int,
) -> list[FloatArray]:
    """Accuracy of perceptrons that differ in the settings of their optimiser alone, shape (k,) for each set but the first.

    All k see the same batches and begin with the same weights.

    Args:
        data: Training rows, then sets to be scored on, each as (x, y).
        rates: Learning rate of each, shape (k,).
        second: Epsilon of Adam, or the momentum of plain descent, shape (k,).
        adam: Which of the two.
        steps: Updates.
        seed: Of weights and batches.
    """
    import torch

    (x, y), *others = ((torch.as_tensor(a, dtype=torch.float32), torch.as_tensor(b)) for a, b in data)
    generator = torch.Generator().manual_seed(seed)
    k = len(rates)
    sizes = [(x.shape[1], WIDTH), (WIDTH, WIDTH), (WIDTH, 10)]
    made: list[Any] = []
    for a, b in sizes:
        # He's scale; biases at zero.
        made.append((torch.randn(a, b, generator=generator) * (2 / a) ** 0.5).repeat(k, 1, 1))
        made.append(torch.zeros(k, 1, b))
    moved, squared = [torch.zeros_like(p) for p in made], [torch.zeros_like(p) for p in made]
    rate = torch.as_tensor(rates, dtype=torch.float32).reshape(k, 1, 1)
    other = torch.as_tensor(second, dtype=torch.float32).reshape(k, 1, 1)

    def outputs(weights: Sequence[Any], rows: Any) -> Any:
        h = rows.expand(k, *rows.shape)
        for layer in range(3):
            h = torch.baddbmm(weights[2 * layer + 1], h, weights[2 * layer])
            h = torch.relu(h) if layer < 2 else h
        return h

    for step in range(1, steps + 1):
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        leaves = [p.requires_grad_() for p in made]
        out = outputs(leaves, x[rows])
        loss = torch.nn.functional.cross_entropy(out.reshape(-1, 10), y[rows].repeat(k), reduction="sum") / BATCH
        slopes = torch.autograd.grad(loss, leaves)
        with torch.no_grad():
            for i, (p, g) in enumerate(zip(made, slopes, strict=True)):
                if adam:
                    moved[i] = 0.9 * moved[i] + 0.1 * g
                    squared[i] = 0.999 * squared[i] + 0.001 * g * g
                    root = (squared[i] / (1 - 0.999**step)).sqrt()
                    made[i] = p - rate * (moved[i] / (1 - 0.9**step)) / (root + other)
                else:
                    moved[i] = other * moved[i] + g
                    made[i] = p - rate * moved[i]
    with torch.no_grad():
        scored = [(torch.nan_to_num(outputs(made, new)).argmax(-1) == truth) for new, truth in others]
        return [right.double().mean(1).numpy() for right in scored]


def errors(way: str, space: FloatArray, answers: FloatArray, runs: int, rng: np.random.Generator) -> FloatArray:
    """Root mean squared error of the surrogate over the space after each run, from the first six on, shape (runs − 5,).

    Args:
        way: "designed", "random", or "shuffled" (designed by the gains of other settings).
        space: All settings, shape (m, d), in [0, 1].
        answers: What each gives, shape (m,).
        runs: Runs in all.
        rng: Source of the first six, of random runs and of the search for scales.
    """
    taken = rng.choice(len(space), FIRST, replace=False).tolist()
    found: list[float] = []
    while True:
        made = fitted(space[taken], answers[taken], rng)
        found.append(float(np.sqrt(np.mean((made.predicted(space)[0] - answers) ** 2))))
        if len(taken) == runs:
            return np.array(found)
        left = np.setdiff1d(np.arange(len(space)), taken)
        if way == "random":
            taken.append(int(rng.choice(left)))
            continue
        at = next_setting(made, space[left], space)
        # Where the gains are those of other settings, the best of them is any.
        taken.append(int(left[at]) if way == "designed" else int(rng.permutation(left)[at]))


def runs_to(target: float, along: FloatArray) -> int:
    """Runs after which the error stays at or below a target; one more than were made where it never does."""
    above = np.flatnonzero(along > target)
    return FIRST + (int(above[-1]) + 1 if len(above) else 0)


def spread_out(at: Mapping[str, FloatArray]) -> FloatArray:
    """All combinations of coordinates, shape (m, d), the last fastest."""
    return np.stack([a.ravel() for a in np.meshgrid(*at.values(), indexing="ij")], 1)
