"""Masks over weights: by magnitude, at random, and by three scores at initialisation (SNIP, GraSP, SynFlow)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from unseen.errors import BadInput

Tensors = Mapping[str, Tensor]
Loss = Callable[[Tensors], Tensor]


def keep_highest(scores: Tensors, density: float) -> dict[str, Tensor]:
    """Masks that keep the highest-scored weights of all tensors together.

    Args:
        scores: One score a weight, by name of its tensor.
        density: Share of all weights that stays, in (0, 1]; rounded to a whole number of weights, at least 1.

    Returns:
        Ones and zeros in the shapes of the scores; among equal scores the first ones stay.

    Raises:
        BadInput: The density lies outside (0, 1], or a score is not a number.

    >>> keep_highest({"a": torch.tensor([3.0, 1.0]), "b": torch.tensor([2.0])}, 2 / 3)
    {'a': tensor([1., 0.]), 'b': tensor([1.])}
    """
    if not 0 < density <= 1:
        raise BadInput(f"the density is a share in (0, 1], got {density}.")
    flat = torch.cat([score.detach().reshape(-1) for score in scores.values()])
    if bool(flat.isnan().any()):
        raise BadInput(f"{int(flat.isnan().sum())} of {len(flat)} scores are not numbers.")
    order = flat.argsort(descending=True, stable=True)
    mask = torch.zeros_like(flat)
    mask[order[: max(1, round(density * len(flat)))]] = 1
    sizes = [score.numel() for score in scores.values()]
    return {
        name: part.reshape(score.shape) for (name, score), part in zip(scores.items(), mask.split(sizes), strict=True)
    }


def magnitude_scores(weights: Tensors) -> dict[str, Tensor]:
    """|w|. Source: Han et al. (2015), Learning both Weights and Connections, section 3."""
    return {name: value.detach().abs() for name, value in weights.items()}


def random_scores(weights: Tensors, generator: torch.Generator) -> dict[str, Tensor]:
    """Independent uniform scores: a random mask of the same density."""
    return {name: torch.rand(value.shape, generator=generator, dtype=value.dtype) for name, value in weights.items()}


def snip_scores(weights: Tensors, loss: Loss) -> dict[str, Tensor]:
    """|w·∂L/∂w|: how much the loss feels a weight's gate.

    Source: Lee et al. (2019), SNIP, equation 6 (without its normalisation, which changes no order).
    """
    gradients = _gradients(weights, loss)
    return {name: (value.detach() * gradients[name]).abs() for name, value in weights.items()}


def grasp_scores(weights: Tensors, loss: Loss) -> dict[str, Tensor]:
    """w·Hg: what the squared norm of the gradient g would fall by (to first order, halved) with the weight removed.

    Weights that carry the flow of the gradient have high scores and stay.

    Source: Wang et al. (2020), Picking Winning Tickets Before Training by Preserving Gradient Flow, equation 8; its
    score -w·Hg is removed from the top, so the sign is turned here.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in weights.items()}
    first = torch.autograd.grad(loss(leaves), list(leaves.values()), create_graph=True)
    # Along the fixed direction g, the derivative of <gradient, g> is the Hessian times g.
    along = sum(((g * g.detach()).sum() for g in first), torch.zeros((), dtype=first[0].dtype))
    product = torch.autograd.grad(along, list(leaves.values()))
    return {name: value.detach() * h for (name, value), h in zip(weights.items(), product, strict=True)}


def synflow_scores(weights: Tensors, flow: Loss, density: float, rounds: int = 100) -> dict[str, Tensor]:
    """Scores of iterated synaptic flow: |w|·∂R/∂|w| with R the network of absolute weights fed with ones.

    The mask shrinks geometrically to the density in ``rounds``; a weight cut in an earlier round scores 0.

    Args:
        weights: By name.
        flow: R as a function of (absolute) weights; it has no data in it.
        density: Share that the last round keeps.
        rounds: Rounds of scoring; a layer can't lose all weights before the others when there are many.

    Returns:
        Scores of the last round, to be cut at ``density``.

    Source: Tanaka et al. (2020), Pruning neural networks without any data by iteratively conserving synaptic flow,
    algorithm 1.
    """
    kept: Tensors = {name: torch.ones_like(value) for name, value in weights.items()}
    scores: dict[str, Tensor] = {}
    for done in range(rounds):
        absolute = {name: value.detach().abs() * kept[name] for name, value in weights.items()}
        gradients = _gradients(absolute, flow)
        scores = {name: value * gradients[name] for name, value in absolute.items()}
        if done + 1 < rounds:
            kept = keep_highest(scores, density ** ((done + 1) / rounds))
    return scores


def match_norm(weights: Tensors, target: float, order: int) -> dict[str, Tensor]:
    """All weights times one factor, so that their joint L1 (order 1) or L2 norm (order 2) equals the target.

    >>> match_norm({"a": torch.tensor([3.0]), "b": torch.tensor([-4.0])}, 10.0, 2)
    {'a': tensor([6.]), 'b': tensor([-8.])}
    """
    factor = target / joint_norm(weights, order)
    return {name: value.detach() * factor for name, value in weights.items()}


def joint_norm(weights: Tensors, order: int) -> float:
    """L1 or L2 norm of all weights taken as one vector."""
    return float(torch.cat([value.detach().reshape(-1) for value in weights.values()]).norm(order))


def overlap(one: Tensors, other: Tensors) -> float:
    """Weights that two masks both keep, as a share of those that either keeps (Jaccard)."""
    both = sum(float((one[name] * other[name]).sum()) for name in one)
    return both / sum(float(((one[name] + other[name]) > 0).sum()) for name in one)


def _gradients(weights: Tensors, loss: Loss) -> dict[str, Tensor]:
    leaves = {name: value.detach().requires_grad_() for name, value in weights.items()}
    return dict(zip(leaves, torch.autograd.grad(loss(leaves), list(leaves.values())), strict=True))
