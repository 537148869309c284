"""Is a PAC-Bayes bound tighter when the loss is limited by the norm of its gradients instead of by its largest value?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from unseen.atlas.plan import SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.engine.seeds import numpy_generator, seeded_torch, torch_generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from unseen.learners.networks import Network, Sample
    from unseen.measures.bounds.gradient_norm import Tilted

# Hidden layers of the networks, and training examples of each class.
SHAPES = ((16,), (32,), (16, 16), (32, 32), (16, 16, 16), (32, 32, 32))
EACH = (200, 800)
# Deviation of the prior, over that of torch's initial weights; and draws of the prior and the posterior.
PRIOR, PRIORS = 1.0, (0.5, 1.0, 2.0)
NETWORKS, POSTERIOR = 100, 10
FRESH, TEST, STEPS = 1_000, 2_000, 500
# Examples of a step, and weight of the KL in training: a posterior is free, and the whole weight leaves it at the prior.
BATCH, WEIGHT = 200, 0.5
# Strength over examples at which terms of posteriors are compared.
TILT = 0.1
POSITIVE = (0.0, math.inf)


@dataclass(frozen=True)
class Digits:
    """Gaussians with the means and covariances of the digits' classes: inputs that satisfy what the bound assumes."""

    means: Tensor
    covariances: Tensor

    @classmethod
    def fitted(cls) -> Digits:
        """Pixels in units of their deviation; covariances with a tenth of their mean variance on the diagonal."""
        import torch
        from sklearn.datasets import load_digits

        loaded: Any = load_digits()
        x = (loaded.data - loaded.data.mean()) / loaded.data.std()
        parts = [x[loaded.target == k] for k in range(10)]
        covariances = [np.cov(p.T) + 0.1 * np.trace(np.cov(p.T)) / 64 * np.eye(64) for p in parts]
        means = np.stack([p.mean(0) for p in parts])
        return cls(torch.tensor(means, dtype=torch.float32), torch.tensor(np.stack(covariances), dtype=torch.float32))

    def drawn(self, each: int, generator: torch.Generator) -> Sample:
        """As many examples of each class, in any order."""
        import torch

        from unseen.learners.networks import Sample

        roots = torch.linalg.cholesky(self.covariances.double()).float()
        y = torch.arange(10).repeat_interleave(each)[torch.randperm(10 * each, generator=generator)]
        noise = torch.randn(len(y), 64, generator=generator)
        return Sample(self.means[y] + torch.einsum("mij,mj->mi", roots[y], noise), y)


@dataclass(frozen=True)
class MeanField:
    """A Gaussian over weights with a deviation of its own for each.

    Attributes:
        middle: Means, by the names of the parameters.
        log_deviation: Logarithms of the deviations.
        prior: Deviation of the prior around zero, by the names of the parameters.
    """

    middle: Mapping[str, Tensor]
    log_deviation: Mapping[str, Tensor]
    prior: Mapping[str, float]

    def drawn(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Weights of one network."""
        import torch

        return {
            k: m + self.log_deviation[k].exp() * torch.randn(m.shape, generator=generator)
            for k, m in self.middle.items()
        }

    def kl(self) -> Tensor:
        """Relative entropy to the prior, in nats."""
        import torch

        parts = [
            ((2 * (self.log_deviation[k] - math.log(s))).exp() + (m / s) ** 2).sum() / 2
            - (self.log_deviation[k] - math.log(s)).sum() - m.numel() / 2
            for (k, m), s in zip(self.middle.items(), self.prior.values(), strict=True)
        ]  # fmt: skip
        return torch.stack(parts).sum()


def perceptron(hidden: tuple[int, ...]) -> nn.Module:
    """A smooth perceptron from 64 pixels to 10 classes."""
    from torch import nn

    sizes = (64, *hidden)
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 10))


def prior_of(net: nn.Module, scale: float) -> dict[str, float]:
    """Deviations that go with those of torch's initial weights: 1 / √(3 inputs)."""
    made: dict[str, float] = {}
    for name, value in net.named_parameters():
        if value.dim() == 2:
            made[name] = scale / math.sqrt(3 * value.shape[1])
        else:
            made[name] = made[name.replace("bias", "weight")]
    return made


def trained(
    network: Network, sample: Sample, prior: Mapping[str, float], steps: int, generator: torch.Generator
) -> MeanField:
    """A posterior of small expected loss plus a part of KL / n, by Adam on one draw of the weights a step."""
    import torch

    middle = {k: v.clone().requires_grad_() for k, v in network.trained.items()}
    wide = {k: torch.full_like(v, math.log(0.3 * prior[k])).requires_grad_() for k, v in middle.items()}
    posterior = MeanField(middle, wide, prior)
    by = torch.optim.Adam([*middle.values(), *wide.values()], lr=1e-2)
    for _ in range(steps):
        by.zero_grad()
        rows = torch.randint(len(sample), (BATCH,), generator=generator)
        loss = network.loss(network.at(posterior.drawn(generator), sample.inputs[rows]), sample.targets[rows]).mean()
        (loss + WEIGHT * posterior.kl() / len(sample)).backward()
        by.step()
    return MeanField({k: v.detach() for k, v in middle.items()}, {k: v.detach() for k, v in wide.items()}, prior)


def judged(network: Network, posterior: MeanField, sample: Sample, generator: torch.Generator) -> tuple[float, float]:
    """Mean loss of networks drawn from the posterior, and the share that their mean probabilities answer right."""
    import torch

    losses, chances = list[float](), list[torch.Tensor]()
    with torch.no_grad():
        for _ in range(POSTERIOR):
            outputs = network.at(posterior.drawn(generator), sample.inputs)
            losses.append(float(network.loss(outputs, sample.targets).mean()))
            chances.append(outputs.softmax(1))
    right = torch.stack(chances).mean(0).argmax(1) == sample.targets
    return float(np.mean(losses)), float(right.double().mean())


def costs(found: Tilted, n: int, how: str) -> dict[float, np.ndarray]:
    """What limits the moment of each network of the prior, for each strength."""
    from unseen.measures.bounds.gradient_norm import strengths

    return {s: getattr(found, how)(s / n) for s in strengths(n)}


def of_prior(
    network: Network, prior: Mapping[str, float], fresh: Sample, digits: Digits, count: int, drawn: torch.Generator
) -> Tilted:
    """Losses and gradients of networks drawn from the prior."""
    import torch

    from unseen.measures.bounds.gradient_norm import tilted

    networks = [
        {k: prior[k] * torch.randn(v.shape, generator=drawn) for k, v in network.trained.items()} for _ in range(count)
    ]
    return tilted(network, networks, fresh, digits.covariances)


def exact() -> float:
    """Term over moment of a linear loss, where the log-Sobolev inequality is an equality."""
    from unseen.measures.bounds.gradient_norm import Tilted

    x = np.random.default_rng(0).normal(size=100_000)
    return float((lambda t: t.term(0.5) / t.moment(0.5))(
        Tilted((3 + 0.5 * x)[None], np.full((1, len(x)), 0.25), np.zeros(len(x), dtype=int))
    )[0])  # fmt: skip


@study(
    slug="gradient-norm-pac-bayes",
    claim=[
        ("A PAC-Bayes bound by the norm of the loss's gradients is tighter than that by its largest value, for the same posterior.",
         "over_bounded"),
        ("The bound holds for the test loss.", "slack"),
        ("What the loss adds to the bound is far less.", "term_over_bounded"),
        ("The gradient term orders architectures as their gaps do.", "order"),
        ("The gradients of trained networks shrink as the sample grows.", "shrinks"),
    ],
    source="Gat, Adi, Schwing & Hazan (2022), On the Importance of Gradient Norm in PAC-Bayesian Bounds, NeurIPS",
    link="https://arxiv.org/abs/2210.06143",
    did="Replaced the largest value of the loss by a mean of its gradients' norm through log-Sobolev inequalities, and measured "
    "the term for Bayesian networks of several architectures on image data.",
    here="Mean-field posteriors of six perceptrons (tanh, depth 1 to 3, width 16 and 32) on 2,000 and 8,000 digits drawn from "
    "Gaussians with the means and covariances of scikit-learn's digits, as many of each class, so that the inequality holds and "
    "fresh "
    "examples are had. The counterpart takes the largest loss that 100 networks of the prior have on 1,000 examples, which favours "
    "it. Strength of the bound from five powers of n, paid for.",
    fidelity="C",
    parts=[
        headline("over_bounded", "Bound by gradients over that by the largest loss, same posterior (mean ratio)", claimed=0.9,
                 refuted=1.0, within=POSITIVE, unit="ratio",
                 basis="'tighter than uniform-bound counterparts': a tenth; 1 is no gain"),
        side_part("slack", "Bound less test loss, where it is least", claimed=0.0, refuted=-0.05, within=(-math.inf, math.inf),
                  unit="nats", basis="a bound: 0; 0.05 nats is more than the error of estimation"),
        side_part("term_over_bounded", "What the loss costs by gradients over the same by its largest value, at strength √n",
                  claimed=0.5, refuted=1.0, within=POSITIVE, unit="ratio", scale="log", basis="half; 1 is no gain"),
        side_part("order", "Kendall's coefficient of the term of posteriors and the gap, over architectures",
                  claimed=0.3, refuted=0.0,
                  within=(-1.0, 1.0), basis="'a surrogate of the model complexity'; 0 is none"),
        side_part("shrinks", "Gradient term of posteriors at 8,000 examples over that at 2,000, both at a tilt of 0.1", claimed=0.9,
                  refuted=1.0, within=POSITIVE, unit="ratio", scale="log", basis="a tenth less; 1 is no change"),
        gate("learnt", "Right on unseen digits, 8,000 examples, mean over architectures", at_least=0.9, within=SHARE,
             basis="the rule of all studies"),
        gate("moment", "Exact moment over the gradient term, means over networks of the prior", at_most=1.05, within=POSITIVE,
             basis="the inequality, and 5 % for 1,000 examples"),
        gate("steady", "Cost of the loss from half of the prior's networks over that from the other half", at_most=1.25,
             within=POSITIVE, basis="the mean of exponentials is no matter of one network"),
        control("exact", "Term over moment of a linear loss of a Gaussian", at_least=0.95, within=POSITIVE,
                basis="equality there, but for 100,000 draws"),
        control("lipschitz", "Gradient term over that with the largest gradient in place of the mean", at_most=0.67,
                within=POSITIVE,
                basis="a third of the gain or more rests on the mean", cuts="the mean over examples and networks"),
    ],
    units="seeds: digits, initial weights, posterior and draws of the prior",
    seeds=range(10, 15),
    code="none could be had; theorem from the abstract, with the Gaussian log-Sobolev inequality in the inputs and "
    "Herbst's argument",
    oracle=["tests/measures/bounds/test_gradient_norm.py", "tests/atlas/test_gradient_norm_pac_bayes.py"],
    reconstructed="The form of the term, deviation of the prior (swept), strengths, architectures; inputs are simulated.",
    sweeps=[Sweep("deviation of the prior over that of initial weights", "over_bounded",
                  {f"{p:g}": "over_bounded" if p == PRIOR else f"over_bounded at {p:g}" for p in PRIORS})],
    history=[
        Change("2026-11-22", "First plan; thresholds before any pilot.", ()),
        Change("2026-11-22", "Pilot: posteriors trained with the whole KL on 200 and 800 examples stayed at the prior (0.46 "
               "right), so that they are trained with half of it (a posterior is free) on 2,000 and 8,000, with widths 16 and 32. "
               "The moment was compared at the worst of 150 networks, a maximum of noise (1.11); means are compared instead.",
               (100, 101)),
        Change("2026-11-22", "Second pilot: gates and controls hold. The term at the tilt of the bound shrinks with the sample by "
               "construction, so that the part on shrinking compares trained networks at one tilt, from before this pilot. Five "
               "seeds, as the pilot proposed.", (100, 101)),
    ],
    would_take="the authors' networks and images, for which the inequality is not known to hold",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """All architectures at both sizes; the sweep of the prior on one of them."""
    import torch

    from unseen.estimates.models.concordance import kendall_tau
    from unseen.learners.networks import Network
    from unseen.measures.bounds.gradient_norm import pac_bayes_loss_bound, tilted

    rng, drawn, digits = numpy_generator(seed, "gradient-norm"), torch_generator(seed, "gradient-norm"), Digits.fitted()
    count, steps = (40, 150) if quick else (NETWORKS, STEPS)
    fresh, test = digits.drawn(FRESH // 10, drawn), digits.drawn(TEST // 10, drawn)
    rows: list[dict[str, float]] = []
    for hidden in SHAPES[:2] if quick else SHAPES:
        with seeded_torch(int(rng.integers(2**31))):
            net = perceptron(hidden)
        for scale in PRIORS if hidden == SHAPES[0] else (PRIOR,):
            prior = prior_of(net, scale)
            network = Network.of(net, test)
            found = of_prior(network, prior, fresh, digits, count, drawn)
            for each in EACH:
                sample = digits.drawn(each, drawn)
                n = len(sample)
                posterior = trained(network, sample, prior, steps, drawn)
                seen, _ = judged(network, posterior, sample, drawn)
                unseen, right = judged(network, posterior, test, drawn)
                kl, root = float(posterior.kl()), math.sqrt(n)
                made = {
                    how: pac_bayes_loss_bound(how, seen, kl, n, costs(found, n, how), guess=math.log(10))
                    for how in ("term", "bounded", "lipschitz")
                }
                with torch.no_grad():
                    own = [posterior.drawn(drawn) for _ in range(10)]
                term = paid(found, root, n, "term")
                rows.append({
                    "scale": scale, "n": n, "gap": unseen - seen, "right": right, "slack": made["term"].value - unseen,
                    "ratio": made["term"].value / made["bounded"].value, "value": made["term"].value, "kl": kl,
                    "term": term, "cost": term / paid(found, root, n, "bounded"),
                    "lipschitz": term / paid(found, root, n, "lipschitz"),
                    "moment": float(found.moment(1.0).mean() / found.term(1.0).mean()),
                    "steady": steadiness(found, root, n),
                    "own": float(tilted(network, own, fresh, digits.covariances).term(TILT).mean()),
                })  # fmt: skip

    def over(name: str, **where: float) -> list[float]:
        return [row[name] for row in rows if all(row[k] == v for k, v in where.items())]

    large, small = 10 * EACH[1], 10 * EACH[0]
    return {
        "over_bounded": float(np.exp(np.mean(np.log(over("ratio", scale=PRIOR))))),
        **{
            f"over_bounded at {p:g}": float(np.exp(np.mean(np.log(over("ratio", scale=p)))))
            for p in PRIORS
            if p != PRIOR
        },
        "slack": min(over("slack", scale=PRIOR)),
        "term_over_bounded": float(np.exp(np.mean(np.log(over("cost", scale=PRIOR))))),
        "order": float(kendall_tau(over("own", scale=PRIOR, n=large), over("gap", scale=PRIOR, n=large))),
        "shrinks": float(np.mean(over("own", scale=PRIOR, n=large)) / np.mean(over("own", scale=PRIOR, n=small))),
        "learnt": float(np.mean(over("right", scale=PRIOR, n=large))),
        "moment": max(over("moment", scale=PRIOR)),
        "steady": max(over("steady", scale=PRIOR)),
        "exact": exact(),
        "lipschitz": float(np.exp(np.mean(np.log(over("lipschitz", scale=PRIOR))))),
        "bound, nats": float(np.mean(over("value", scale=PRIOR, n=large))),
        "gap, nats": float(np.mean(over("gap", scale=PRIOR, n=large))),
        "kl, nats": float(np.mean(over("kl", scale=PRIOR, n=large))),
        "vacuous": float(np.mean(np.array(over("value", scale=PRIOR)) >= math.log(10))),
    }


def paid(found: Tilted, strength: float, n: int, how: str) -> float:
    """What the loss adds to the bound at a strength: ``ln E_p e^{λc} / λ``."""
    values = strength * getattr(found, how)(strength / n)
    return float(np.logaddexp.reduce(values) - math.log(len(values))) / strength


def steadiness(found: Tilted, strength: float, n: int) -> float:
    """The larger over the smaller of what the two halves of the prior's networks give."""
    values = strength * found.term(strength / n)
    halves = [np.logaddexp.reduce(v) - math.log(len(v)) for v in (values[::2], values[1::2])]
    return float(max(halves) / min(halves))
