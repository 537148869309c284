"""Noise of gradients: how far those of single examples scatter about their mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from unseen.errors import TooFewUnits
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import MEMORY


@dataclass(frozen=True)
class GradientNoise:
    """The covariance of the gradients of single examples, by its trace, and the square of their mean.

    Attributes:
        variance: Trace of the covariance, with n − 1.
        signal: Squared length of the expected gradient, without what noise adds to it; may fall below 0.
    """

    variance: float
    signal: float

    @property
    def scale(self) -> float:
        """Examples at which noise and signal of a batch are alike (simple noise scale); infinite without signal."""
        return self.variance / self.signal if self.signal > 0 else float("inf")


def gradient_noise(network: Network, sample: Sample, *, memory: int = MEMORY) -> GradientNoise:
    """Variance and signal of a network's gradients on a sample.

    Raises:
        TooFewUnits: Fewer than two examples.

    Source: McCandlish, Kaplan & Amodei (2018), An empirical model of large-batch training, equation 2.9 and appendix A.1; Jiang
    et al. (2020), section 4.4 (variance of gradients at the end of training).
    """
    n = len(sample)
    if n < 2:
        raise TooFewUnits(f"the noise of gradients needs 2 examples, got {n}.")
    squares, total = 0.0, torch.zeros(network.parameters, dtype=torch.float64)
    for _, part in network.gradients(sample, memory=memory):
        squares += float(part.square().sum(1).double().sum())
        total += part.sum(0).double()
    mean = float((total / n).square().sum())
    variance = (squares - n * mean) / (n - 1)
    return GradientNoise(variance, mean - variance / n)
