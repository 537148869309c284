"""PAC-Bayes bounds of a loss that has no largest value, by the norm of its gradients in the inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special
from torch import Tensor

from unseen.errors import BadInput
from unseen.learners.networks import Network, Sample
from unseen.measures.bounds.bound import DRAWN, Bound, checked

# Points of the integral over the tilt.
POINTS = 12
# Powers of n that are tried as the strength of the bound; each is paid for.
POWERS: Sequence[float] = (0.5, 0.625, 0.75, 0.875, 1.0)


@dataclass(frozen=True)
class Tilted:
    """Losses of networks on fresh examples and the squares of their gradients in the inputs.

    Attributes:
        losses: Shape (networks, m).
        squares: ``g' Σ g`` with the gradient g of each loss in the inputs and the covariance Σ of the inputs, shape (networks, m).
        groups: Groups within which inputs are Gaussian, shape (m,): classes.
    """

    losses: np.ndarray
    squares: np.ndarray
    groups: np.ndarray

    def __post_init__(self) -> None:
        if self.losses.shape != self.squares.shape or self.losses.shape[-1:] != self.groups.shape:
            raise BadInput(
                f"losses {self.losses.shape}, squares {self.squares.shape} and groups {self.groups.shape} do not fit each other."
            )
        if (self.squares < 0).any() or not np.isfinite(self.losses).all():
            raise BadInput("losses are finite and squares of gradients not negative.")

    def term(self, tilt: float) -> np.ndarray:
        """``∫₀^α E[g'Σg e^{−sℓ}] / 2E[e^{−sℓ}] ds`` of each network, the mean over groups: limits ``moment`` by log-Sobolev.

        Args:
            tilt: α, the strength of the bound over the number of examples.
        """
        at, weight = np.polynomial.legendre.leggauss(POINTS)
        made = np.zeros(len(self.losses))
        for s, w in zip(tilt * (at + 1) / 2, tilt * weight / 2, strict=True):
            made += w / 2 * self._by_group(lambda rows, s=s: np.sum(
                special.softmax(-s * self.losses[:, rows], axis=1) * self.squares[:, rows], axis=1
            ))  # fmt: skip
        return made

    def moment(self, tilt: float) -> np.ndarray:
        """``E ℓ + ln E[e^{−αℓ}] / α`` of each network, the mean over groups: what the term is a limit of."""
        return self._by_group(
            lambda rows: self.losses[:, rows].mean(1) + _log_mean(-tilt * self.losses[:, rows]) / tilt
        )

    def lipschitz(self, tilt: float) -> np.ndarray:
        """The same term with the largest square in place of the mean: what a Lipschitz constant would give."""
        return np.full(len(self.losses), tilt * float(self.squares.max()) / 2)

    def bounded(self, tilt: float) -> np.ndarray:
        """The same for losses between 0 and the largest one seen (Hoeffding's lemma)."""
        return np.full(len(self.losses), tilt * float(self.losses.max()) ** 2 / 8)

    def _by_group(self, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        names, counts = np.unique(self.groups, return_counts=True)
        parts = [measure(self.groups == name) * count for name, count in zip(names, counts, strict=True)]
        return np.sum(parts, axis=0) / len(self.groups)


def tilted(network: Network, networks: Sequence[Mapping[str, Tensor]], sample: Sample, covariances: Tensor) -> Tilted:
    """Losses and squares of gradients of several networks of one shape, on examples whose class is their group.

    Args:
        network: Of this shape, with its loss.
        networks: Weights of each.
        sample: Fresh examples, m of them.
        covariances: Covariance of the inputs of each class, shape (classes, inputs, inputs).

    Source: Gat, Adi, Schwing & Hazan (2022), On the importance of gradient norm in PAC-Bayesian bounds; the Gaussian log-Sobolev
    inequality with a covariance (Ledoux 2001, The concentration of measure phenomenon, chapter 5).
    """
    losses, squares = list[np.ndarray](), list[np.ndarray]()
    roots = torch.linalg.cholesky(covariances.double()).float()
    own = roots[sample.targets]
    for weights in networks:
        inputs = sample.inputs.clone().requires_grad_()
        each = network.loss(network.at(weights, inputs), sample.targets)
        (slope,) = torch.autograd.grad(each.sum(), inputs)
        # g' Σ g = |R' g|² with Σ = R R'.
        squares.append(torch.einsum("mij,mi->mj", own, slope).double().square().sum(1).numpy())
        losses.append(each.detach().double().numpy())
    return Tilted(np.stack(losses), np.stack(squares), sample.targets.numpy())


def pac_bayes_loss_bound(
    kind: str, seen: float, kl: float, n: int, costs: Mapping[float, np.ndarray], *, guess: float, delta: float = 0.05
) -> Bound:  # fmt: skip
    """The least ``L + (KL + ln 1/δ' + ln E_p e^{λ c(w)}) / λ`` over strengths λ that share δ.

    Args:
        kind: What limits the moment: "gradient norm", "bounded loss" …
        seen: Mean loss of the posterior on the n examples.
        kl: Relative entropy of posterior to prior.
        n: Examples.
        costs: For each strength λ the limit c(w) of each network drawn from the prior, at the tilt λ / n.
        guess: Loss of guessing.
        delta: Chance that it fails.

    Source: Alquier, Ridgway & Chopin (2016), theorem 4.1, with c from ``Tilted``.
    """
    chance = math.log(checked(delta) / len(costs))
    paid = {strength: float(_log_mean(strength * cost)) / strength for strength, cost in costs.items()}
    found = {strength: seen + (kl - chance) / strength + paid[strength] for strength in costs}
    best = min(found, key=lambda s: found[s])
    return Bound(
        kind=kind, about="networks drawn from the posterior", value=found[best], confidence=1 - delta, seen=seen, guess=guess,
        examples=n,
        assumes=(
            DRAWN,
            "the prior was chosen without them",
            "inputs of a class are Gaussian, and as many of each class were drawn as are to come",
            "means over the prior and over fresh examples are exact: estimated, without a confidence of their own",
        ),
        terms={"kl": kl, "strength": best, "paid for the loss": paid[best]},
    )  # fmt: skip


def strengths(n: int, powers: Sequence[float] = POWERS) -> list[float]:
    """Strengths of the bound that are tried: powers of n."""
    return [float(n) ** power for power in powers]


def _log_mean(values: np.ndarray) -> np.ndarray:
    """Logarithm of the mean of exponentials over the last axis."""
    return np.logaddexp.reduce(values, axis=-1) - math.log(values.shape[-1])
