"""PAC-Bayes bounds of a network with Gaussian noise on its weights, around a prior that saw none or some of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from unseen.errors import BadInput
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import BATCH
from unseen.measures.bounds.binary import binomial_upper, kl_upper, maurer
from unseen.measures.bounds.bound import DRAWN, Bound, Units, checked, guess_error, shared_rows, units_of, wrong

# Noise on the weights of each tensor that is tried, over the root mean square of its weights.
NOISE: Sequence[float] = (0.003, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.45, 0.7, 1.0)
# Deviations that a prior may have, one for each tensor: sixteen a decade, from 1e-4 to 10.
SCALES: Sequence[float] = tuple(10.0 ** (k / 16) for k in range(-64, 17))
# Noisy networks whose answers are taken, each to as many examples; and those by which the noise is chosen, each to all.
DRAWS, EACH, PILOT = 3000, 128, 4
# Share of the chance to fail that goes to the Monte Carlo estimate of the risk.
SHARE = 0.1
# A prior that is said to be made without data answers no better than guessing, but for this chance.
LUCK = 1e-9


@dataclass(frozen=True)
class Prior:
    """Weights around which a prior is laid, and what they were made from.

    Attributes:
        weights: By the names of the parameters; None for zeros.
        made_from: "nothing" (zeros, or weights before training), "other data", or the examples that they were trained on,
            none of which may be among those of the bound.
    """

    weights: Mapping[str, Tensor] | None = None
    made_from: str | Sample = "nothing"


@dataclass(frozen=True)
class Noisy:
    """A network with Gaussian noise on its weights.

    Attributes:
        network: The network in the middle.
        deviation: Of the noise, by the names of the parameters.
    """

    network: Network
    deviation: Mapping[str, float]

    def errors(self, sample: Sample, generator: torch.Generator) -> np.ndarray:
        """1 where one noisy network answers wrong, shape (n,)."""
        weights = {
            name: value + self.deviation[name] * torch.randn(value.shape, generator=generator)
            for name, value in self.network.trained.items()
        }
        told, fixed = list[Tensor](), self.network.fixed
        with torch.no_grad():
            for inputs in sample.inputs.split(BATCH):
                told.append(self.network.class_scores(self.network.at(weights, inputs, fixed)).argmax(1))
        wrongs = (torch.cat(told) != sample.targets).reshape(len(sample), -1)
        return wrongs.double().mean(1).numpy()

    def risk(self, sample: Sample, units: Units, draws: int, generator: torch.Generator) -> tuple[float, int]:
        """Mean error over noisy networks, each on examples drawn anew, and how many there were.

        Few examples a network let the same work see more networks, which is what its upper limit counts. Where examples are no
        units of their own each network answers to all.
        """
        if units.count < len(sample):
            draws = max(1, draws // 10)
            return float(np.mean([units.risk(self.errors(sample, generator)) for _ in range(draws)])), draws
        few = min(EACH, len(sample))
        rows = torch.randint(len(sample), (draws, few), generator=generator).numpy()
        return float(np.mean([self.errors(sample.take(at), generator).mean() for at in rows])), draws


def gaussian_kl(
    network: Network,
    prior: Mapping[str, Tensor] | None,
    deviation: Mapping[str, float],
    scales: Sequence[float] = SCALES,
) -> tuple[float, float]:
    """Relative entropy of the noisy network to the best prior of a grid, and what the choice of it costs, in nats.

    Args:
        network: The network in the middle of the posterior.
        prior: Middle of the prior; None for zeros.
        deviation: Noise of the posterior, by the names of the parameters.
        scales: Deviations of the prior, one of which is chosen for each tensor; each is as likely beforehand.
    """
    total = 0.0
    for name, value in network.trained.items():
        moved = value if prior is None else value - prior[name]
        square, size = float(moved.double().square().sum()), value.numel()
        ratio = [(deviation[name] / s) ** 2 for s in scales]
        total += min(
            size / 2 * (r - 1 - math.log(r)) + square / (2 * s * s) for r, s in zip(ratio, scales, strict=True)
        )
    return total, len(network.trained) * math.log(len(scales))


def pac_bayes_bound(
    network: Network, sample: Sample, *, generator: torch.Generator, prior: Prior | None = None, delta: float = 0.05,
    noise: Sequence[float] = NOISE, scales: Sequence[float] = SCALES, draws: int = DRAWS, pilot: int = PILOT,
) -> Bound:  # fmt: skip
    """Bound of the error of a network whose weights are noisy, by kl inversion (Maurer), the noise chosen to be best.

    The noise of a tensor is about a multiple of the root mean square of its weights, and one of the grid of the prior, so that
    a prior nearby costs the way to it alone. PAC-Bayes bounds hold for all posteriors at once, so that its choice is free; the
    deviation of the prior is paid for by a union bound over a grid. The risk on the examples is estimated by fresh draws after
    the choice, and enters with its own upper limit.

    Args:
        network: The network.
        sample: Examples; those that the prior was trained on may not be among them.
        generator: Draws the noise.
        prior: Around which weights, and what they were made from; by default zeros.
        delta: Chance that the bound fails, its Monte Carlo part included.
        noise: Multiples that are tried.
        scales: Deviations that the prior may have, for each tensor.
        draws: Noisy networks whose mean error is taken.
        pilot: Noisy networks for each multiple by which one is chosen.

    Raises:
        BadInput: The prior has seen examples of the bound, or can't have been made from nothing; its weights don't fit.

    Source: Maurer (2004), theorem 5; Langford & Caruana (2001), (Not) bounding the true error, section 3 (Monte Carlo, union over
    priors); Dziugaite & Roy (2017), Computing nonvacuous generalization bounds, section 3; Perez-Ortiz et al. (2021), Tighter risk
    certificates for neural networks (priors from a part of the data).
    """
    checked(delta)
    prior = prior or Prior()
    units = units_of(sample)
    _refuse_seen(network, sample, prior, units)
    choices = [_noisy(network, size, scales) for size in noise]

    costs = [sum(gaussian_kl(network, prior.weights, noisy.deviation, scales)) for noisy in choices]

    def value(risk: float, cost: float) -> float:
        return maurer(risk, cost, units.count, delta * (1 - SHARE))

    first = [np.mean([units.risk(noisy.errors(sample, generator)) for _ in range(pilot)]) for noisy in choices]
    best = min(range(len(choices)), key=lambda k: (round(value(float(first[k]), costs[k]), 9), costs[k]))
    cost, guess = costs[best], guess_error(network, sample)
    # What says nothing before the limit of the Monte Carlo estimate is added is not worth a narrow one.
    draws = draws if value(float(first[best]), cost) < guess else max(1, draws // 10)
    risk, used = choices[best].risk(sample, units, draws, generator)
    upper = kl_upper(risk, -math.log(delta * SHARE) / used)
    return Bound(
        kind=f"PAC-Bayes, {_named(prior)}", about=f"{network.name} with noise of {noise[best]:g} times its weights",
        value=value(upper, cost), confidence=1 - delta, seen=risk, guess=guess,
        examples=units.count, assumes=(DRAWN, _assumed(prior)),
        terms={
            "kl": cost, "noise": noise[best], "error of the noisy network, upper limit": upper,
            **{f"noise of {k}": v for k, v in choices[best].deviation.items()},
        },
    )  # fmt: skip


def held_out_bound(network: Network, sample: Sample, *, delta: float = 0.05) -> Bound:
    """Bound of the error from examples that the network was not trained on: the tail of the binomial.

    Args:
        network: The network.
        sample: Examples that neither training nor any choice has seen.
        delta: Chance that it fails.

    Source: Langford (2005), Tutorial on practical prediction theory for classification, theorem 3.3.
    """
    units, answers = units_of(sample), wrong(network, sample)
    value = binomial_upper(units.errors(answers), units.count, math.log(checked(delta)))
    return Bound(
        kind="held-out examples", about=network.name,
        value=value, confidence=1 - delta, seen=units.risk(answers),
        guess=guess_error(network, sample), examples=units.count,
        assumes=(DRAWN, "neither training nor any choice has seen them"),
    )  # fmt: skip


def _noisy(network: Network, size: float, scales: Sequence[float]) -> Noisy:
    deviation: dict[str, float] = {}
    for name, value in network.trained.items():
        wanted = max(size * float(value.double().square().mean().sqrt()), scales[0])
        deviation[name] = min(scales, key=lambda s: abs(math.log(s / wanted)))
    return Noisy(network, deviation)


def _refuse_seen(network: Network, sample: Sample, prior: Prior, units: Units) -> None:
    if prior.weights is not None:
        wanted = {k: tuple(v.shape) for k, v in network.trained.items()}
        given = {k: tuple(v.shape) for k, v in prior.weights.items() if k in wanted}
        if wanted != given:
            lacking = next(k for k in wanted if given.get(k) != wanted[k])
            raise BadInput(
                f"the prior has other weights than {network.name}: {lacking} is {given.get(lacking, 'missing')}."
            )
    if isinstance(prior.made_from, Sample):
        both = shared_rows(prior.made_from, sample)
        if both:
            raise BadInput(
                f"{both:,} of {len(sample):,} examples of the bound stand among those that the prior was trained on: a bound holds "
                "for examples that its prior has not seen. Leave them out of one side."
            )
        return
    if prior.made_from not in ("nothing", "other data"):
        raise BadInput(f"a prior is made from 'nothing', 'other data', or a Sample; got {prior.made_from!r}.")
    if prior.made_from == "nothing" and prior.weights is not None and sample.targets.dim() == 1:
        from scipy import stats

        own = replace(network, module=_with(network, prior.weights), name="prior")
        share = 1 - units.risk(wrong(own, sample))
        # One class may be most of the examples, and a network that says it always has seen nothing.
        chance = max(1 - guess_error(network, sample), float(sample.targets.bincount().max()) / len(sample))
        right = math.floor(share * units.count)
        if stats.binom.sf(right - 1, units.count, chance) < LUCK:
            raise BadInput(
                f"a prior made from nothing answers {share:.0%} right, where guessing gives {chance:.0%}: it has seen data like "
                "these. Give the examples that it was trained on (made_from), or say 'other data' if none of these were among them."
            )


def _with(network: Network, weights: Mapping[str, Tensor]) -> torch.nn.Module:
    import copy

    made = copy.deepcopy(network.module)
    made.load_state_dict({**made.state_dict(), **{k: weights[k] for k in network.trained}})
    return made


def _named(prior: Prior) -> str:
    if isinstance(prior.made_from, Sample):
        return "prior trained on other examples of these"
    return "prior at zero" if prior.weights is None else f"prior made from {prior.made_from}"


def _assumed(prior: Prior) -> str:
    if isinstance(prior.made_from, Sample):
        return f"the prior was trained on {len(prior.made_from):,} other examples and nothing else"
    return "the prior was chosen without these examples"
