"""Norms of trained weights: of all, of each layer as the map that it is, of paths, and of the way from the first weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.learners.networks import Network
from unseen.learners.networks.network import logits

STEPS = 100
# Change of a singular value from step to step at which the iteration ends, as a share.
NEAR = 1e-5
LINEAR = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
# Modules through which paths of squared weights go as they do through those of the network.
POSITIVE = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ReLU, nn.LeakyReLU, nn.Flatten, nn.Dropout, nn.Identity, nn.AvgPool1d,
    nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.MaxPool1d, nn.MaxPool2d, nn.Sequential, nn.ModuleList,
)  # fmt: skip


@dataclass(frozen=True)
class LayerNorms:
    """The weights of one layer without its bias.

    Attributes:
        name: Name of the submodule.
        frobenius: Root of the sum of squared weights, each counted once.
        spectral: Largest factor by which the layer, as the map that it is on its inputs, lengthens a vector.
        moved: Frobenius norm of the weights less the first ones; NaN where these are not known.
    """

    name: str
    frobenius: float
    spectral: float
    moved: float


def layer_norms(
    network: Network, example: Tensor, *, generator: torch.Generator, first: Mapping[str, Tensor] | None = None
) -> tuple[LayerNorms, ...]:
    """Norms of every linear or convolutional layer that one input passes.

    The spectral norm is that of the layer as a linear map on inputs of the size that it is given here, by power iteration with
    its transpose: of a convolution it is not that of the matrix into which its weights may be folded.

    Args:
        network: The network.
        example: One input, shape (1, …).
        generator: Draws the first vectors.
        first: Weights before training, by name.

    Raises:
        BadInput: No such layer is passed.

    Source: Bartlett, Foster & Telgarsky (2017), Spectrally-normalized margin bounds for neural networks, theorem 1.1; Sedghi,
    Gupta & Long (2019), The singular values of convolutional layers.
    """
    seen = _inputs(network.module, example)
    if not seen:
        raise BadInput(f"{network.name}: has no linear or convolutional layer whose norm could be told.")
    made: list[LayerNorms] = []
    for name, (layer, given) in seen.items():
        weight = layer.weight.detach().double()
        before = None if first is None else first.get(f"{name}.weight")
        moved = math.nan if before is None else float((weight - before.double()).norm())
        made.append(LayerNorms(name, float(weight.norm()), _spectral(layer, given, generator), moved))
    return tuple(made)


def _inputs(module: nn.Module, example: Tensor) -> dict[str, tuple[Any, Tensor]]:
    """Layers that one input passes, each with what it is given."""
    seen: dict[str, tuple[Any, Tensor]] = {}

    def watch(name: str, part: nn.Module) -> Any:
        def note(layer: nn.Module, given: Any) -> None:
            seen[name] = (layer, given[0].detach())

        return part.register_forward_pre_hook(note)

    hooks = [watch(name, part) for name, part in module.named_modules() if isinstance(part, LINEAR)]
    try:
        with torch.no_grad():
            module(example)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _spectral(layer: nn.Module, given: Tensor, generator: torch.Generator) -> float:
    """Largest singular value of a layer without its bias."""
    if isinstance(layer, nn.Linear):
        return float(torch.linalg.matrix_norm(layer.weight.detach().double(), 2))
    free: Any = copy.deepcopy(layer).double()
    if getattr(free, "bias", None) is not None:
        free.bias = None
    vector = torch.randn(given.shape, generator=generator).double()
    value = 0.0
    for _ in range(STEPS):
        vector = (vector / vector.norm().clamp_min(1e-30)).requires_grad_()
        out = free(vector)
        (back,) = torch.autograd.grad(out, vector, out.detach())
        now = float(out.detach().norm())
        vector = back.detach()
        if abs(now - value) <= NEAR * now:
            return now
        value = now
    return value


def path_norm(network: Network, shape: tuple[int, ...]) -> float:
    """Root of the sum, over all paths from an input to an output, of the product of squared weights; biases begin paths.

    One pass with squared weights on an input of ones. Rescaling a unit's incoming and outgoing weights leaves it as it is.

    Args:
        network: A network of linear and convolutional layers, rectifiers and pooling.
        shape: Shape of one input.

    Raises:
        BadInput: It has other parts (attention, norms of layers), through which no such paths go.

    Source: Neyshabur, Salakhutdinov & Srebro (2015), Path-SGD, equation 7; Jiang et al. (2020), appendix C.5 (one pass).
    """
    strange = sorted({type(m).__name__ for m in network.module.modules()} - {kind.__name__ for kind in POSITIVE})
    if strange:
        raise BadInput(
            f"{network.name}: a norm over paths is that of linear layers and rectifiers; it has {', '.join(strange)}."
        )
    squared = copy.deepcopy(network.module).double()
    with torch.no_grad():
        for value in squared.parameters():
            value.square_()
        return math.sqrt(float(logits(squared(torch.ones(1, *shape).double())).sum()))


def distance(network: Network, first: Mapping[str, Tensor]) -> float:
    """Euclidean distance of all trained weights from the first ones.

    Raises:
        BadInput: The first weights are not those of such a network.

    Source: Nagarajan & Kolter (2019), Generalization in deep networks: the role of distance from initialization.
    """
    total = 0.0
    for name, value in network.trained.items():
        before = first.get(name)
        if before is None or before.shape != value.shape:
            raise BadInput(f"{network.name}: the first weights have no {name} of the shape {tuple(value.shape)}.")
        total += float((value.double() - before.double()).square().sum())
    return math.sqrt(total)


def products(layers: tuple[LayerNorms, ...]) -> dict[str, float]:
    """Logarithms of products over layers, as bounds have them.

    Returns:
        ``frobenius`` and ``spectral``: log of the product of the norms; ``bartlett``: log of the product of squared spectral norms
        times the sum of ``(moved / spectral)²``, NaN where the first weights are not known.

    Source: Neyshabur, Bhojanapalli & Srebro (2018), A PAC-Bayesian approach to spectrally-normalized margin bounds, theorem 1.

    >>> found = products((LayerNorms("a", 3.0, 2.0, 1.0), LayerNorms("b", 1.0, 0.5, 1.0)))
    >>> round(found["frobenius"], 3), round(found["spectral"], 3), round(found["bartlett"], 3)
    (1.099, 0.0, 1.447)
    """
    spectral = sum(math.log(max(one.spectral, 1e-30)) for one in layers)
    ratios = sum((one.moved / max(one.spectral, 1e-30)) ** 2 for one in layers)
    return {
        "frobenius": sum(math.log(max(one.frobenius, 1e-30)) for one in layers),
        "spectral": spectral,
        "bartlett": 2 * spectral + math.log(ratios) if ratios > 0 else math.nan,
    }
