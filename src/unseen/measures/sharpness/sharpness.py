"""Curvature of the loss around trained weights, as it is and in a form that rescaling of the weights leaves alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from unseen.errors import Undefined
from unseen.estimates import Estimate
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import MEMORY, twice_differentiable
from unseen.learners.networks.room import require_room
from unseen.measures.gradients.chunks import chunks

BATCH = 1024
PROBES = 20
LANCZOS = 30
RADIUS = 0.5
ASCENTS = 10


@dataclass(frozen=True)
class Curvature:
    """The Hessian of the mean loss, seen from products with vectors.

    Attributes:
        largest: Largest eigenvalue.
        trace: Its trace, with the interval over random probes.
    """

    largest: float
    trace: Estimate


class Surface:
    """The mean loss of a network on a sample as a function of its weights, as one vector."""

    def __init__(self, network: Network, sample: Sample) -> None:
        self.network, self.sample = network, sample
        self._fixed = network.fixed
        self.weights = network.weights

    def loss(self, weights: Tensor) -> float:
        """Mean loss at some weights."""
        with torch.no_grad():
            return sum(float(self._part(weights, rows)) for rows in self._rows()) / len(self.sample)

    def slope(self, weights: Tensor) -> Tensor:
        """Gradient of the mean loss, shape (p,)."""
        at = weights.detach().requires_grad_()
        made = [torch.autograd.grad(self._part(at, rows), at)[0] for rows in self._rows()]
        return torch.stack(made).sum(0) / len(self.sample)

    def product(self, weights: Tensor, vector: Tensor) -> Tensor:
        """Hessian of the mean loss times a vector, shape (p,): backward through its gradient."""
        at, made = weights.detach().requires_grad_(), torch.zeros_like(weights)
        for rows in self._rows():
            with twice_differentiable():
                (slope,) = torch.autograd.grad(self._part(at, rows), at, create_graph=True)
                # A loss that is linear in the weights has a slope that does not depend on them.
                if slope.requires_grad:
                    (bent,) = torch.autograd.grad(slope, at, vector, materialize_grads=True)
                    made += bent
        return made / len(self.sample)

    def _rows(self) -> list[slice]:
        size = self.network.batch(most=BATCH)
        return [slice(i, i + size) for i in range(0, len(self.sample), size)]

    def _part(self, weights: Tensor, rows: slice) -> Tensor:
        with twice_differentiable():
            outputs = self.network.at(self.network.named(weights), self.sample.inputs[rows], self._fixed)
            return self.network.loss(outputs, self.sample.targets[rows]).sum()


def curvature(
    network: Network, sample: Sample, *, generator: torch.Generator, probes: int = PROBES, steps: int = LANCZOS,
    level: float = 0.95,
) -> Curvature:  # fmt: skip
    """Largest eigenvalue (Lanczos, with all vectors made orthogonal again) and trace (Hutchinson) of the Hessian.

    Args:
        network: The network.
        sample: Examples of which the loss is the mean.
        generator: Draws the first vector and the probes.
        probes: Random signs for the trace; its interval is t over them.
        steps: Most steps of Lanczos.
        level: Coverage of the trace.

    Raises:
        BadInput: The vectors of Lanczos would not fit the memory of the machine.
        Undefined: The loss has no second derivatives (all probes give the same).

    Source: Golub & Van Loan, Matrix Computations, section 10.1; Hutchinson (1989); Yao et al. (2020), PyHessian.
    """
    surface = Surface(network, sample)
    p = len(surface.weights)
    require_room(
        8.0 * p * min(steps, p), f"{network.name}: {min(steps, p)} directions in {p:,} weights",
        "Audit fewer layers, or on a machine with more memory.",
    )  # fmt: skip
    traces = np.array([
        float(v @ surface.product(surface.weights, v)) for v in (_signs(p, generator) for _ in range(probes))
    ])  # fmt: skip
    error = float(traces.std(ddof=1)) / math.sqrt(probes)
    reach = float(stats.t.ppf((1 + level) / 2, probes - 1)) * error
    if not reach > 0:
        raise Undefined("the Hessian has no spread over random directions: the loss is linear in the weights.")
    mean = float(traces.mean())
    trace = Estimate(mean, mean - reach, mean + reach, probes, "Hutchinson, t over random signs", level)
    return Curvature(_lanczos(surface, min(steps, p), generator), trace)


def _lanczos(surface: Surface, steps: int, generator: torch.Generator) -> float:
    vector = torch.randn(len(surface.weights), generator=generator).double()
    basis = [vector / vector.norm()]
    diagonal, beside = list[float](), list[float]()
    for _ in range(steps):
        made = surface.product(surface.weights, basis[-1].float()).double()
        diagonal.append(float(made @ basis[-1]))
        for _again in range(2):
            for other in basis:
                made = made - (made @ other) * other
        size = float(made.norm())
        if size < 1e-7 * max(1.0, abs(diagonal[0])):
            break
        beside.append(size)
        basis.append(made / size)
    n = len(diagonal)
    return float(np.linalg.eigvalsh(np.diag(diagonal) + np.diag(beside[: n - 1], 1) + np.diag(beside[: n - 1], -1))[-1])


def adaptive_sharpness(network: Network, sample: Sample, *, radius: float = RADIUS, steps: int = ASCENTS) -> float:
    """Rise of the mean loss to the worst weights within a radius that goes with their size.

    That is the largest ``L(w + |w| e) − L(w)`` over ``|e| ≤ radius``. Each weight moves in proportion to its own size, so that
    networks that compute the same function in other scales have the same sharpness. Found by projected gradient ascent: a
    lower bound of the maximum, which never falls below 0.

    Args:
        network: The network.
        sample: Examples of which the loss is the mean.
        radius: Largest length of e.
        steps: Steps of the ascent.

    Source: Kwon, Kim, Park & Choi (2021), ASAM, definition 2 and theorem 1; Andriushchenko et al. (2023), A modern look at the
    relationship between sharpness and generalization, equation 4.
    """
    surface = Surface(network, sample)
    size, start = surface.weights.abs(), surface.loss(surface.weights)
    moved, best = torch.zeros_like(size), start
    for k in range(steps):
        slope = surface.slope(surface.weights + size * moved) * size
        length = float(slope.norm())
        if length <= 0:
            break
        moved = moved + (radius if k == 0 else radius / 4) * slope / length
        moved = moved * min(1.0, radius / max(float(moved.norm()), 1e-12))
        best = max(best, surface.loss(surface.weights + size * moved))
    return best - start


def fisher_rao(network: Network, sample: Sample, *, memory: int = MEMORY) -> float:
    """Fisher–Rao norm: mean square of the product of each example's gradient and the weights.

    Source: Liang, Poggio, Rakhlin & Stokes (2019), Fisher–Rao metric, geometry, and complexity of neural networks, definition 2
    (with the empirical Fisher matrix).
    """
    weights = network.weights
    total = sum(
        float(part.times(weights).double().square().sum()) for _, part in chunks(network, sample, memory=memory)
    )
    return total / len(sample)


def _signs(n: int, generator: torch.Generator) -> Tensor:
    return torch.randint(0, 2, (n,), generator=generator).float() * 2 - 1
