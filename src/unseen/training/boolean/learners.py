"""Learners of functions on the Boolean cube whose bias towards low degree is known: what each does off its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.training.batched.full_batch import adamw_stacked

Floats = NDArray[np.float64]


def random_feature_interpolator(
    points: Floats, targets: Floats, seen: NDArray[np.bool_], *, features: int, rng: np.random.Generator
) -> Floats:
    """Least-norm interpolator on random features (1 + w·x + b)⁶: where gradient descent from zero ends.

    Args:
        points: Shape (n, d).
        targets: Shape (n,); only seen ones are used.
        seen: Shape (n,).
        features: Number of features; w and b are normal with variance 1/d.
        rng: Source of every draw.

    Returns:
        Values at all points, shape (n,).

    Raises:
        BadInput: Fewer features than seen points, so that they need not interpolate.

    Source: Abbe et al. (2023), Generalization on the Unseen, section 3.1 and appendix B (activation).
    """
    if features < seen.sum():
        raise BadInput(f"{features} random features can't interpolate {int(seen.sum())} points. Take more.")
    d = points.shape[1]
    weights, biases = rng.standard_normal((d, features)) / d**0.5, rng.standard_normal(features) / d**0.5
    mapped = (1 + points @ weights + biases) ** 6
    mapped /= np.sqrt((mapped**2).mean())
    gram = mapped[seen] @ mapped[seen].T
    # Least squares by the pseudo-inverse: duplicated rows, as bits that are not used make them, do no harm.
    return mapped @ (mapped[seen].T @ (np.linalg.pinv(gram, rcond=1e-12, hermitian=True) @ targets[seen]))


def diagonal_linear_net(
    points: Floats, targets: Floats, seen: NDArray[np.bool_], *, depth: int, start: float, rate: float, steps: int
) -> Floats:
    """B + Σ_i (Π_l w_il) x_i, all weights started at ``start`` and the bias at 0, by gradient descent on ½ the error.

    Returns:
        Bias and the products θ_i, shape (1 + d,).

    Source: Abbe et al. (2023), Generalization on the Unseen, section 3.3.
    """
    x, y = points[seen], targets[seen]
    layers = np.full((depth, x.shape[1]), start)
    layers[0] = 0.0
    bias = 0.0
    for _ in range(steps):
        product = layers.prod(axis=0)
        error = bias + x @ product - y
        slope = x.T @ error / len(y)
        others = np.array([np.delete(layers, k, axis=0).prod(axis=0) for k in range(depth)])
        layers -= rate * slope * others
        bias -= rate * float(error.mean())
    return np.array([bias, *layers.prod(axis=0)])


def fit_module(
    module: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    lr: float,
    steps: int,
    stop_below: float = 0.0,
) -> int:
    """Full-batch Adam on the squared error, in place; returns the updates made.

    Args:
        module: Maps inputs (n, …) to (n,).
        inputs: All of them at once.
        targets: Shape (n,).
        lr: Learning rate.
        steps: Most updates.
        stop_below: Stop as soon as the loss before an update lies below this.
    """
    optimizer = torch.optim.Adam(module.parameters(), lr=lr)
    for step in range(steps):
        loss = ((module(inputs) - targets) ** 2).mean()
        if float(loss.detach()) < stop_below:
            return step
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return steps


def mlp_start(dimension: int, width: int, generator: torch.Generator, scale: float = 1.0) -> dict[str, Tensor]:
    """One two-layer ReLU network: ``into`` (1, d, width), ``bias`` (1, 1, width), ``out`` (1, width)."""
    return {
        "into": torch.randn(1, dimension, width, generator=generator) * scale / dimension**0.5,
        "bias": torch.randn(1, 1, width, generator=generator) * scale / dimension**0.5,
        "out": torch.randn(1, width, generator=generator) * scale / width**0.5,
    }


def mlp_values(parameters: Mapping[str, Tensor], points: Tensor) -> Tensor:
    """Outputs of stacked ``mlp_start`` networks at all points, shape (models, n)."""
    hidden = torch.relu(torch.matmul(points, parameters["into"]) + parameters["bias"])
    return torch.bmm(hidden, parameters["out"][:, :, None])[..., 0]


def degree_curriculum(
    points: Tensor,
    targets: Tensor,
    parameters: Mapping[str, Tensor],
    stages: list[int],
    *,
    lr: float,
    steps: int,
    fitted: float,
    done: Callable[[Mapping[str, Tensor]], bool],
    batch: int,
    generator: torch.Generator,
) -> int:
    """Train one MLP on samples of growing Hamming balls; the next ball is taken once the loss on this one is small.

    Args:
        points: Of the cube, shape (n, d).
        targets: Shape (n,).
        parameters: As ``mlp_start`` gives them.
        stages: Largest number of -1 in the points of each stage; ``[d]`` alone is training without a curriculum.
        lr: Rate of AdamW, whose moments start anew with each stage.
        steps: Most updates over all stages.
        fitted: Loss below which a stage ends.
        done: Says whether the network counts as having learned; looked at every 20 updates.
        batch: Points drawn with replacement from the ball for each update.
        generator: Source of these draws.

    Returns:
        Updates until ``done``, or ``steps`` where it never was.

    Source: Abbe et al. (2023), Generalization on the Unseen, algorithm 1 (Degree-Curriculum).
    """
    weight = (points < 0).sum(1)
    made, now = 0, parameters
    for stage in stages:
        inside = weight <= stage
        x, y = points[inside], targets[inside]
        ended = [0, False]

        def losses(p: Mapping[str, Tensor], x: Tensor = x, y: Tensor = y) -> Tensor:
            drawn = torch.randint(len(x), (batch,), generator=generator)
            return ((mlp_values(p, x[drawn]) - y[drawn]) ** 2).mean(1)

        def watch(
            step: int, p: Mapping[str, Tensor], x: Tensor = x, y: Tensor = y, ended: list[int | bool] = ended
        ) -> bool:
            ended[:] = [step, done(p)]
            return bool(ended[1]) or float(((mlp_values(p, x) - y) ** 2).mean()) < fitted

        now = adamw_stacked(now, losses, steps=steps - made, lr=lr, betas=(0.9, 0.999), every=20, watch=watch)
        made += int(ended[0])
        if ended[1] or made >= steps:
            break
    return made
