"""Many small models trained side by side on the full batch: AdamW over parameters with a leading axis of models.

For losses written by hand over plain tensors, with masks and a decay of each model's own; ``training.stacked`` takes
modules, batches and evaluations instead. They round differently, and which runs generalise late can hang on that: their
updates are kept apart, and a test holds both against torch's AdamW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from unseen.errors import BadInput

Parameters = Mapping[str, Tensor]


def adamw_stacked(
    parameters: Parameters,
    losses: Callable[[Parameters], Tensor],
    *,
    steps: int,
    lr: float = 1e-3,
    weight_decay: float | Tensor = 0.0,
    masks: Parameters | None = None,
    betas: tuple[float, float] = (0.9, 0.98),
    eps: float = 1e-8,
    every: int = 0,
    watch: Callable[[int, Parameters], bool] | None = None,
) -> dict[str, Tensor]:
    """Train k models at once with full-batch AdamW; none feels the others.

    Args:
        parameters: Initial values, each of shape (k, …); they are copied.
        losses: Maps parameters to the k losses, shape (k,).
        steps: Updates made.
        lr: Learning rate.
        weight_decay: Decoupled decay, one number or one a model, shape (k,).
        masks: Zeros and ones of the parameters' shapes; a masked weight is zero at the start and stays so. A parameter
            without a mask keeps all weights.
        betas: Decay of the running moments.
        eps: Added to the root of the second moment.
        every: Updates between two calls of ``watch``; 0 never calls it. The first call comes before the first update.
        watch: Sees (updates made, parameters); training ends where it returns True.

    Returns:
        The parameters after the last update, detached.

    Raises:
        BadInput: The parameters differ in their number of models.

    Source: Loshchilov & Hutter (2019), Decoupled weight decay regularization, algorithm 2.
    """
    counts = {name: value.shape[0] for name, value in parameters.items()}
    if len(set(counts.values())) != 1:
        raise BadInput(f"stacked parameters need one leading axis of models, got {counts}.")
    k = next(iter(counts.values()))
    masks = masks or {}
    now = {name: value.detach().clone() for name, value in parameters.items()}
    for name, mask in masks.items():
        now[name] *= mask
    decay = torch.as_tensor(weight_decay, dtype=next(iter(now.values())).dtype).expand(k)
    keep = {name: (1 - lr * decay).reshape(-1, *[1] * (value.dim() - 1)) for name, value in now.items()}
    first = {name: torch.zeros_like(value) for name, value in now.items()}
    second = {name: torch.zeros_like(value) for name, value in now.items()}
    for step in range(steps):
        if every and watch is not None and step % every == 0 and watch(step, now):
            return now
        gradients = stacked_gradients(now, losses)
        correct_first, correct_second = 1 - betas[0] ** (step + 1), 1 - betas[1] ** (step + 1)
        for name, value in now.items():
            gradient = gradients[name]
            if name in masks:
                gradient = gradient * masks[name]
            first[name].lerp_(gradient, 1 - betas[0])
            second[name].mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
            root = (second[name] / correct_second).sqrt_().add_(eps)
            value.mul_(keep[name]).addcdiv_(first[name], root, value=-lr / correct_first)
    if every and watch is not None:
        watch(steps, now)
    return now


def stacked_gradients(parameters: Parameters, losses: Callable[[Parameters], Tensor]) -> dict[str, Tensor]:
    """Gradient of each model's own loss, in the shapes of the parameters."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    # The losses share no parameter, so the gradient of their sum holds each model's own.
    found = torch.autograd.grad(losses(leaves).sum(), list(leaves.values()))
    return dict(zip(leaves, found, strict=True))
