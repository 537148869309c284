"""Margins of classifiers: of the outputs, of hidden layers, of the inputs, and within the directions that data have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unseen.errors import BadInput, Undefined
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import logits
from unseen.learners.networks.room import require_room

BATCH = 256
# Steps of the search for the nearest boundary, and how near to it is near enough (difference of outputs, in units of their spread).
STEPS = 50
NEAR = 1e-4
# Share of the variance of the training inputs that the directions of a constrained search carry.
VARIANCE = 0.9


def output_margins(network: Network, sample: Sample) -> np.ndarray:
    """Output of the right class minus the largest other, shape (n,); negative where the answer is wrong.

    Raises:
        BadInput: The targets are no classes.
    """
    outputs = _scores(network, network.outputs(sample.inputs))
    return _gap(outputs, _truth(sample)).double().numpy()


def hidden_margins(network: Network, sample: Sample, layer: str) -> np.ndarray:
    """First-order distance to the decision boundary in a layer's activations, over their spread, shape (n,).

    ``(f_y − f_j) / |∇_h (f_y − f_j)|`` with j the largest other class, over the square root of the total variance of h.

    Args:
        network: The network.
        sample: n examples.
        layer: Name of the submodule whose output counts ("" for the inputs).

    Raises:
        BadInput: There is no such submodule, or the outputs don't depend on it.
        Undefined: The activations do not vary.

    Source: Jiang, Krishnan, Mobahi & Bengio (2019), Predicting the generalization gap in deep networks with margin
    distributions, equations 3 and 6.
    """
    truth, parts, seen = _truth(sample), list[Tensor](), list[Tensor]()
    for start in range(0, len(sample), BATCH):
        rows = slice(start, start + BATCH)
        hidden, outputs = _from(network, layer, sample.inputs[rows])
        gap = _gap(outputs, truth[rows])
        (slope,) = torch.autograd.grad(gap.sum(), hidden, allow_unused=True)
        if slope is None:
            raise BadInput(f"{network.name}: its outputs do not depend on the layer {layer!r}.")
        parts.append((gap.detach() / slope.reshape(len(slope), -1).norm(dim=1).clamp_min(1e-12)).double())
        seen.append(hidden.detach().reshape(len(slope), -1).double())
    spread = torch.cat(seen).var(0, unbiased=False).sum().sqrt()
    if float(spread) <= 0:
        raise Undefined(f"{network.name}: the activations of {layer or 'the inputs'} do not vary.")
    return (torch.cat(parts) / spread).numpy()


def principal_directions(sample: Sample, variance: float = VARIANCE) -> Tensor:
    """Directions that carry most of the variance of the inputs, shape (k, inputs): orthonormal rows.

    Args:
        sample: Training examples.
        variance: Share of the variance that they carry together.

    Raises:
        BadInput: The matrix of their products would not fit the memory of the machine.
        Undefined: The inputs do not vary, or are tokens, which have no directions.
    """
    if not sample.inputs.is_floating_point():
        raise Undefined("the inputs are tokens, which have no directions.")
    flat = sample.inputs.reshape(len(sample), -1).double()
    n, wide = flat.shape
    require_room(
        8.0 * (3 * min(n, wide) ** 2 + 2 * n * wide), f"the principal directions of {n:,} inputs of {wide:,} numbers",
        "Give fewer training examples.",
    )  # fmt: skip
    centred = flat - flat.mean(0)
    # The smaller of the two matrices of products: inputs wider than they are many have at most n directions.
    few = n < wide
    values, vectors = torch.linalg.eigh((centred @ centred.T if few else centred.T @ centred) / n)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    if float(values.sum()) <= 0:
        raise Undefined("the inputs do not vary.")
    share = values.cumsum(0) / values.sum()
    count = int((share < variance).sum()) + 1
    kept = vectors[:, :count]
    if few:
        kept = centred.T @ kept / (n * values[:count]).sqrt()
    return kept.T.float()


def input_margins(
    network: Network, sample: Sample, *, within: Tensor | None = None, steps: int = STEPS, classes: int = 4
) -> np.ndarray:
    """Distance of each input to the nearest point where the answer changes, shape (n,); NaN where none is found.

    Each of the likeliest other classes is approached by linearised steps ``(f_i − f_j) ∇ / |∇|²`` to where its output is that of
    the answer; the nearest of these points counts. The distance is that to the point found, an upper bound of the true one.

    Args:
        network: The network.
        sample: n examples; only whether the answer changes counts, not whether it is right.
        within: Orthonormal rows (k, inputs): the search stays within them (a constrained margin); None searches everywhere.
        steps: Most steps to each class.
        classes: Other classes that are tried, the likeliest first.

    Source: Moosavi-Dezfooli, Fawzi & Frossard (2016), DeepFool, algorithm 2; Mouton, Theunissen & Davel (2023), Input margins
    can predict generalization too, section 3 (directions of principal components).
    """
    parts = [
        _nearest(network, sample.inputs[start : start + BATCH], within, steps, classes)
        for start in range(0, len(sample), BATCH)
    ]
    return torch.cat(parts).double().numpy()


def layers(network: Network) -> tuple[str, ...]:
    """Names of the submodules whose outputs are hidden activations: the last is left out, which gives the answers."""
    leaves = [
        name for name, part in network.module.named_modules()
        if name and not any(True for _ in part.children()) and not isinstance(part, nn.Dropout | nn.Identity | nn.Flatten)
    ]  # fmt: skip
    return tuple(leaves[:-1])


def _nearest(network: Network, x: Tensor, within: Tensor | None, steps: int, classes: int) -> Tensor:
    with torch.no_grad():
        first = _scores(network, logits(network.module(x)))
    answer = first.argmax(1)
    order = first.scatter(1, answer[:, None], -torch.inf).argsort(1, descending=True)
    tried = order[:, : min(classes, first.shape[1] - 1)]
    scale = first.std().clamp_min(1e-6)
    best = torch.full((len(x),), torch.inf)
    for k in range(tried.shape[1]):
        other, at = tried[:, k], x.clone()
        open_, reached = torch.ones(len(x), dtype=torch.bool), torch.zeros(len(x), dtype=torch.bool)
        for _ in range(steps):
            rows = open_.nonzero()[:, 0]
            if not len(rows):
                break
            here = at[rows].clone().requires_grad_()
            outputs = _scores(network, logits(network.module(here)))
            gap = outputs.gather(1, answer[rows, None])[:, 0] - outputs.gather(1, other[rows, None])[:, 0]
            (slope,) = torch.autograd.grad(gap.sum(), here)
            done = gap.detach().abs() <= NEAR * scale
            reached[rows[done]] = True
            flat = slope.reshape(len(rows), -1)
            if within is not None:
                flat = flat @ within.T @ within
            square = flat.square().sum(1)
            stuck = square <= 1e-20
            step = (gap.detach() / square.clamp_min(1e-20))[:, None] * flat
            at[rows] = at[rows] - torch.where((done | stuck)[:, None], 0.0, step).reshape(at[rows].shape)
            open_[rows[done | stuck]] = False
        distance = (at - x).reshape(len(x), -1).norm(dim=1)
        best = torch.where(reached & (distance < best), distance, best)
    return torch.where(torch.isfinite(best), best, torch.nan)


def _scores(network: Network, outputs: Tensor) -> Tensor:
    """Outputs as one column a class, of a network that gives one answer an example."""
    scores = network.class_scores(outputs)
    if scores.dim() != 2:
        raise BadInput(
            f"{network.name}: margins are those of a classifier with one answer an example; its outputs have the shape "
            f"{tuple(outputs.shape)}."
        )
    return scores


def _truth(sample: Sample) -> Tensor:
    if not sample.classes:
        raise BadInput(f"{sample.name}: margins are those of a classifier; the targets are numbers.")
    return sample.targets.reshape(len(sample), -1)[:, 0]


def _gap(outputs: Tensor, truth: Tensor) -> Tensor:
    right = outputs.gather(1, truth[:, None])[:, 0]
    return right - outputs.scatter(1, truth[:, None], -torch.inf).max(1).values


def _from(network: Network, layer: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Activations of a layer as the place where gradients are taken, and the outputs that come of them."""
    if not layer:
        here = x.clone().requires_grad_()
        return here, _scores(network, logits(network.module(here)))
    named = dict(network.module.named_modules())
    if layer not in named:
        raise BadInput(f"{network.name}: no layer {layer!r}; the layers are {', '.join(layers(network))}.")
    held: list[Tensor] = []

    def hold(_module: nn.Module, _given: Sequence[object], made: Any) -> Tensor:
        if not isinstance(made, Tensor) or not made.is_floating_point():
            raise BadInput(
                f"{network.name}: the layer {layer!r} gives {type(made).__name__}, where a tensor of activations is read."
            )
        held.append(made.detach().requires_grad_())
        return held[-1]

    hook = named[layer].register_forward_hook(hold)
    try:
        outputs = _scores(network, logits(network.module(x)))
    finally:
        hook.remove()
    if len(held) != 1:
        raise BadInput(f"{network.name}: the layer {layer!r} is used {len(held)} times for one input.")
    return held[0], outputs
