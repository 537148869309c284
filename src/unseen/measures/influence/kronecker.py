"""Influence by Kronecker factors of the curvature, layer by layer: K-FAC, and EK-FAC with eigenvalues fitted to the gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from unseen.errors import BadInput, Undefined
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import MEMORY
from unseen.learners.networks.room import require_room
from unseen.measures.influence.gradients import held
from unseen.measures.influence.layers import Layer, Layers, Passed
from unseen.measures.influence.output_curvature import count, directions
from unseen.measures.influence.result import Influence

# Damping as a share of the mean eigenvalue of a layer (Grosse et al. 2023, section 3.1 of the appendix).
DAMPING = 0.1
# Directions that are all taken where no more are needed; beyond, one pseudo-target an example is drawn.
FEW = 10


@dataclass(frozen=True, eq=False)
class Factor:
    """The curvature of one layer, Q_out diag(eigenvalues) Q_in on matrices of the shape of its weight.

    Attributes:
        layer: The layer.
        inwards: Eigenvectors of the factor of inputs, shape (columns, columns).
        outwards: Eigenvectors of the factor of gradients at outputs, shape (rows, rows).
        eigenvalues: Shape (rows, columns).
        damping: λ.
    """

    layer: Layer
    inwards: Tensor
    outwards: Tensor
    eigenvalues: Tensor
    damping: float

    def rotated(self, passed: Passed) -> Tensor:
        """Gradients of single examples by the weight, in the basis of the eigenvectors, shape (b, rows, columns)."""
        if passed.inputs.shape[1] > len(self.outwards):
            return self.outwards.T @ passed.of_weights() @ self.inwards
        # Fewer places than rows: what goes in and what comes back are turned, not their product.
        return torch.bmm((passed.gradients[0] @ self.outwards).transpose(1, 2), passed.inputs @ self.inwards)

    def inverse(self, passed: Passed) -> Tensor:
        """(G + λI)⁻¹ times gradients of single examples, shape (b, rows, columns)."""
        return self.outwards @ (self.rotated(passed) / (self.eigenvalues + self.damping)) @ self.inwards.T

    def own(self, passed: Passed) -> Tensor:
        """gᵀ (G + λI)⁻¹ g for each example, shape (b,)."""
        weights = 1 / (self.eigenvalues + self.damping)
        if passed.inputs.shape[1] > 1:
            return (self.rotated(passed).square() * weights).sum((1, 2))
        # At one place the gradient is an outer product, and so is its square.
        x, g = passed.inputs[:, 0] @ self.inwards, passed.gradients[0, :, 0] @ self.outwards
        return ((g.square() @ weights) * x.square()).sum(1)


@dataclass(frozen=True, eq=False)
class Kronecker:
    """The curvature of a network at its training sample as Kronecker factors; blocks between layers are taken as zero.

    Attributes:
        layers: Its linear and convolutional layers.
        factors: One a layer.
        corrected: EK-FAC: eigenvalues are those of single gradients in the factors' basis, not products of the factors' own.
    """

    layers: Layers
    factors: tuple[Factor, ...]
    corrected: bool

    @classmethod
    def fit(
        cls,
        network: Network,
        train: Sample,
        *,
        corrected: bool = True,
        draws: int | None = None,
        damping: float | None = None,
        generator: Generator | None = None,
        memory: int = MEMORY,
    ) -> Kronecker:
        """Fit factors to a sample: two passes over it, one without the correction.

        Args:
            network: What was trained.
            train: n examples.
            corrected: Fit eigenvalues (EK-FAC), or take products (K-FAC).
            draws: Pseudo-targets drawn an example, as in the paper (1); 0 takes the expectation over all; by default that for
                up to 10 outputs, else 1, for which a generator is needed.
            damping: λ of every layer; by default 0.1 times the mean eigenvalue of the layer.
            generator: Source of the draws.
            memory: Bytes that a batch and its gradients may take.

        Raises:
            BadInput: No linear or convolutional layer, pseudo-targets without a generator, or a damping that is not positive, or
                factors that would not fit the memory of the machine.
            Undefined: The loss has no second derivatives by the outputs.

        Source: Martens & Grosse (2015); Grosse & Martens (2016) for convolutions; George et al. (2018), algorithm 1;
        Grosse et al. (2023), section 3.2.
        """
        if damping is not None and not damping > 0:
            raise BadInput(f"the damping is a number above 0; got {damping:g}.")
        layers = Layers.of(network, train)
        wide = count(network, network.outputs(train.inputs[:1]))
        draws = (0 if wide <= FEW else 1) if draws is None else draws
        batch = layers.batch(memory, starts=draws or wide, kept=0)

        def starts(outputs: Tensor, targets: Tensor) -> Tensor:
            return directions(network, outputs, targets, draws, generator)

        require_room(
            # Two factors a layer in double precision, and what their eigenvectors take beside them.
            24.0 * sum(one.columns**2 + one.rows**2 for one in layers.layers), f"{network.name}: its Kronecker factors",
            "Audit fewer layers, or on a machine with more memory.",
        )  # fmt: skip
        inner = [torch.zeros(one.columns, one.columns, dtype=torch.float64) for one in layers.layers]
        outer = [torch.zeros(one.rows, one.rows, dtype=torch.float64) for one in layers.layers]
        for _, passed in layers.passes(train, batch, starts):
            for at, one in enumerate(passed):
                x, g = one.inputs.flatten(0, 1), one.gradients.flatten(0, 2)
                inner[at] += (x.T @ x).double()
                outer[at] += (g.T @ g).double()
        if not any(bool(s.any()) for s in outer):
            raise Undefined(
                f"{network.name}: its loss ({network.loss_name}) has no second derivatives by the outputs, so that there is no "
                "curvature to divide by. Give the loss that reads outputs as they come of the last layer (cross-entropy in "
                "place of the likelihood of log-probabilities)."
            )
        n = len(train)
        dtype = next(iter(network.trained.values())).dtype
        basis: list[tuple[Tensor, Tensor]] = []
        values: list[Tensor] = []
        for layer, a, s in zip(layers.layers, inner, outer, strict=True):
            # Over places both factors are sums, and their product counts the places twice.
            a_values, a_vectors = torch.linalg.eigh(a / n)
            s_values, s_vectors = torch.linalg.eigh(s / (n * layer.places))
            basis.append((a_vectors.to(dtype), s_vectors.to(dtype)))
            values.append((s_values.clamp(min=0)[:, None] * a_values.clamp(min=0)).to(dtype))
        if corrected:
            batch = layers.batch(
                memory, starts=draws or wide, kept=2 if any(one.places > 1 for one in layers.layers) else 0
            )
            sums = [torch.zeros_like(v, dtype=torch.float64) for v in values]
            for _, passed in layers.passes(train, batch, starts):
                for at, (one, (inwards, outwards)) in enumerate(zip(passed, basis, strict=True)):
                    sums[at] += squares(one, inwards, outwards)
            values = [(s / n).to(dtype) for s in sums]
        factors = tuple(
            Factor(layer, inwards, outwards, v, damping or DAMPING * max(float(v.mean()), torch.finfo(dtype).tiny))
            for layer, (inwards, outwards), v in zip(layers.layers, basis, values, strict=True)
        )
        return cls(layers, factors, corrected)

    @property
    def damping(self) -> float:
        """Mean λ over the layers."""
        return float(np.mean([f.damping for f in self.factors]))

    def scores(self, train: Sample, test: Sample, *, memory: int = MEMORY) -> Influence:
        """Influence of training on test examples.

        Args:
            train: n_train examples.
            test: n_test examples.
            memory: Bytes: half for the test gradients that are kept, half for the batches that pass by.
        """
        layers, made = self.layers, list[Tensor]()
        dtype = self.factors[0].inwards.dtype
        size = held(layers.parameters, memory // 2, copies=3)
        for start in range(0, len(test), size):
            part = test.take(range(start, min(start + size, len(test))))
            kept = [torch.empty(len(part), f.layer.size, dtype=dtype) for f in self.factors]
            for rows, passed in layers.passes(part, layers.batch(memory // 2, kept=3)):
                for factor, one, into in zip(self.factors, passed, kept, strict=True):
                    into[rows] = factor.inverse(one).flatten(1)
            whole = torch.zeros(len(part), len(train), dtype=dtype)
            for rows, passed in layers.passes(train, layers.batch(memory // 2, kept=1)):
                for one, own in zip(passed, kept, strict=True):
                    whole[:, rows] += own @ one.of_weights().flatten(1).T
            made.append(whole)
        name = "EK-FAC" if self.corrected else "K-FAC"
        return Influence(torch.cat(made).numpy(), name, self.damping, layers.left_out)

    def own(self, sample: Sample, *, memory: int = MEMORY) -> np.ndarray:
        """Influence of each example on its own loss, shape (n,): large for examples that nothing else would explain.

        Args:
            sample: n examples.
            memory: Bytes that a batch may take.
        """
        made = np.zeros(len(sample))
        for rows, passed in self.layers.passes(sample, self.layers.batch(memory, kept=2)):
            for factor, one in zip(self.factors, passed, strict=True):
                made[rows] += factor.own(one).double().numpy()
        return made


def squares(passed: Passed, inwards: Tensor, outwards: Tensor) -> Tensor:
    """Sum over examples and directions of the squared entries of the gradients in a basis, shape (rows, columns)."""
    x = passed.inputs @ inwards
    if passed.inputs.shape[1] == 1:
        # At one place the gradient is an outer product, and so is its square: no gradient is made.
        g = (passed.gradients @ outwards).square().sum(0)
        return (g[:, 0].T @ x[:, 0].square()).double()
    total = torch.zeros(len(outwards), len(inwards), dtype=torch.float64)
    for sent in passed.gradients:
        total += torch.bmm((sent @ outwards).transpose(1, 2), x).square().sum(0).double()
    return total


def ekfac(
    network: Network, train: Sample, test: Sample, *, draws: int | None = None, damping: float | None = None,
    generator: Generator | None = None, memory: int = MEMORY,
) -> Influence:  # fmt: skip
    """Influence by eigenvalue-corrected Kronecker factors.

    Args:
        network: What was trained.
        train: n_train examples.
        test: n_test examples.
        draws: As in ``Kronecker.fit``.
        damping: As in ``Kronecker.fit``.
        generator: Source of the draws.
        memory: Bytes that gradients may take.

    Source: Grosse et al. (2023), Studying large language model generalization with influence functions.

    >>> from torch import nn
    >>> train = Sample.of(([[1.0, 0.0], [0.0, 1.0]], [0, 1]))
    >>> net = Network.of(nn.Linear(2, 2), train)
    >>> found = ekfac(net, train, train)
    >>> found.scores.shape, found.method, bool(found.scores[0, 0] > 0)
    ((2, 2), 'EK-FAC', True)
    """
    fitted = Kronecker.fit(network, train, draws=draws, damping=damping, generator=generator, memory=memory)
    return fitted.scores(train, test, memory=memory)


def kfac(
    network: Network, train: Sample, test: Sample, *, draws: int | None = None, damping: float | None = None,
    generator: Generator | None = None, memory: int = MEMORY,
) -> Influence:  # fmt: skip
    """Influence by Kronecker factors as they are: eigenvalues are products of those of the factors.

    Args:
        network: What was trained.
        train: n_train examples.
        test: n_test examples.
        draws: As in ``Kronecker.fit``.
        damping: As in ``Kronecker.fit``.
        generator: Source of the draws.
        memory: Bytes that gradients may take.

    Source: Martens & Grosse (2015), Optimizing neural networks with Kronecker-factored approximate curvature.
    """
    fitted = Kronecker.fit(
        network, train, corrected=False, draws=draws, damping=damping, generator=generator, memory=memory
    )
    return fitted.scores(train, test, memory=memory)
