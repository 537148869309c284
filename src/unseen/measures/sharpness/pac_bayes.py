"""Flatness as PAC-Bayes bounds see it: the largest noise on the weights that the training answers stand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from unseen.errors import Undefined
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import logits

DRAWS = 12
RISE = 0.1
HALVINGS = 12
SMALLEST, LARGEST = 1e-5, 10.0
# Weights that are zero move too, by this much of the noise.
FLOOR = 1e-3


@dataclass(frozen=True)
class Radius:
    """Noise that the training answers stand.

    Attributes:
        sigma: Standard deviation at which the error on training examples has risen by ``RISE`` in the mean over draws.
        relative: Whether it is in units of each weight's own size.
    """

    sigma: float
    relative: bool

    @property
    def sharpness(self) -> float:
        """Log of 1 / σ², which bounds grow with."""
        return -2 * math.log(self.sigma)


def noise_radius(
    network: Network, sample: Sample, *, generator: torch.Generator, relative: bool = False, draws: int = DRAWS
) -> Radius:
    """Largest normal noise on the weights under which the training error rises by 0.1, by halving on a log scale.

    The same draws of noise serve for every size, so that the error is compared on like terms.

    Args:
        network: A classifier.
        sample: Training examples.
        generator: Draws the noise.
        relative: Noise in proportion to each weight's own size, so that rescaling of units leaves it as it is (but for weights
            that are zero); else the same for all.
        draws: Draws of noise.

    Raises:
        Undefined: The error does not rise by so much under any noise looked at (the network answers at chance already).

    Source: Jiang et al. (2020), Fantastic generalization measures and where to find them, appendix C.4 (PAC-Bayes flatness and its
    magnitude-aware form, α = 0.1).
    """
    weights = network.trained
    noise = {k: torch.randn(draws, *v.shape, generator=generator) for k, v in weights.items()}
    if relative:
        noise = {k: v * torch.sqrt(weights[k].square() + FLOOR**2) for k, v in noise.items()}
    start = _error(network, sample, {k: v[None] for k, v in weights.items()})
    low, high = math.log(SMALLEST), math.log(LARGEST)

    def rise(size: float) -> float:
        return _error(network, sample, {k: weights[k] + math.exp(size) * v for k, v in noise.items()}) - start

    if rise(high) < RISE:
        raise Undefined(
            f"{network.name}: noise of {LARGEST:g} on the weights does not raise its training error by {RISE:g}."
        )
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rise(middle) < RISE else (low, middle)
    return Radius(math.exp((low + high) / 2), relative)


def _error(network: Network, sample: Sample, weights: dict[str, Tensor]) -> float:
    """Mean share of wrong answers over draws of the weights."""
    fixed = {k: v.detach() for k, v in network.module.named_buffers()}
    truth = sample.targets.reshape(len(sample), -1)[:, 0]

    def answers(own: dict[str, Tensor]) -> Tensor:
        outputs = logits(functional_call(network.module, {**fixed, **own}, (sample.inputs,)))
        return outputs.argmax(1) if network.loss_name != "binary" else (outputs.reshape(len(outputs)) > 0).long()

    with torch.no_grad():
        return float((vmap(answers)(weights) != truth).double().mean())
