"""Does the Koopman factor of trained weights order networks by their gaps, and does training against it help?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unseen.atlas.digit_tasks import split_digits
from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.engine.seeds import numpy_generator, seeded_torch

if TYPE_CHECKING:
    from torch import Tensor, nn

INPUTS, WIDTH, SLOPE = 64, 64, 0.3
ROWS, STEPS, BATCH = 200, 400, 50
# What networks of the family differ in: rate, decay of the weights, initial weights and their scale.
RATES, DECAYS, STARTS = (0.01, 0.03, 0.1), (0.0, 3e-3), (("orthogonal", 1.0), ("uniform", 1.0), ("uniform", 2.0))
# Weight of the penalty: the middle one is the study's.
WEIGHTS, WEIGHT = (0.03, 0.1, 0.3), 0.1
WIDTHS = (64, 128, 256)


@dataclass(frozen=True)
class Trained:
    """A network after training.

    Attributes:
        weights: Of the two layers before the last, shape (width, in).
        seen: Loss on its training examples.
        unseen: Loss on others.
        right_seen: Share of training examples that are answered right.
        right: Share of others.
    """

    weights: tuple[Tensor, ...]
    seen: float
    unseen: float
    right_seen: float
    right: float

    @property
    def gap(self) -> float:
        """Loss on unseen examples less that on seen ones, in nats."""
        return self.unseen - self.seen


def perceptron(width: int, start: str, scale: float) -> nn.Sequential:
    """Two smooth layers that are one to one, and one to the classes."""
    from torch import nn

    from unseen.learners.architectures.smooth_leaky import SmoothLeakyReLU

    net = nn.Sequential(
        nn.Linear(INPUTS, width), SmoothLeakyReLU(SLOPE), nn.Linear(width, width), SmoothLeakyReLU(SLOPE), nn.Linear(width, 10)
    )  # fmt: skip
    for layer in inner(net):
        if start == "orthogonal":
            nn.init.orthogonal_(layer.weight)
        layer.weight.data *= scale
    return net


def inner(net: nn.Sequential) -> list[nn.Linear]:
    """The layers before the last."""
    from torch import nn

    return [m for m in net if isinstance(m, nn.Linear)][:-1]


def log_factor(weights: Sequence[Tensor]) -> Tensor:
    """The logarithm of ``Π |W|^s / det(W'W)^(1/4)``, s half the inputs and one, over the inputs; with gradients."""
    import torch

    total = torch.zeros(())
    for w in weights:
        values = torch.linalg.svdvals(w)
        total = total + ((w.shape[1] / 2 + 1) * values[0].log() - values.log().sum() / 2) / w.shape[1]
    return total


def trained(
    seen: tuple[Tensor, Tensor], unseen: tuple[Tensor, Tensor], seed: int, steps: int, *, rate: float = 0.03, decay: float = 0.0,
    start: str = "uniform", scale: float = 1.0, penalty: float = 0.0, aimless: bool = False,
) -> Trained:  # fmt: skip
    """Descent with momentum on the log-loss, with the Koopman factor at some weight.

    Where the penalty makes training diverge, it ends there: such a network answers by chance.

    Args:
        seen: Training inputs and classes.
        unseen: Others.
        seed: Initial weights and order.
        steps: Updates.
        rate: Of the descent.
        decay: Of the weights.
        start: "uniform" (torch's own) or "orthogonal".
        scale: Of the initial weights before the last layer.
        penalty: Weight of the factor.
        aimless: The gradient of the factor has its entries shuffled: as long, and leading nowhere.
    """
    import torch
    from torch import nn

    x, y = seen
    with seeded_torch(seed):
        net = perceptron(WIDTH, start, scale)
        layers = inner(net)
        by = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=decay)
        for _ in range(steps):
            rows = torch.randint(len(y), (BATCH,))
            by.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            if penalty and not all(bool(m.weight.isfinite().all()) for m in layers):
                break
            if penalty:
                pulls = torch.autograd.grad(
                    penalty * log_factor([m.weight for m in layers]), [m.weight for m in layers]
                )
                for m, pull in zip(layers, pulls, strict=True):
                    turned = pull.flatten()[torch.randperm(pull.numel())].view_as(pull) if aimless else pull
                    m.weight.grad = turned if m.weight.grad is None else m.weight.grad + turned
            by.step()
        with torch.no_grad():
            told = [
                (nn.functional.cross_entropy(net(a), b), (net(a).argmax(1) == b).double().mean())
                for a, b in (seen, unseen)
            ]
    (loss_seen, right_seen), (loss, right) = told
    return Trained(
        tuple(m.weight.detach() for m in layers), float(loss_seen), float(loss), float(right_seen), float(right)
    )


def norm_product(weights: Sequence[Tensor]) -> float:
    """Logarithm of the product of Frobenius norms."""
    return sum(math.log(float(w.norm())) for w in weights)


def growth(width: int, seed: int) -> tuple[float, float]:
    """How the logarithms of the factor and of the product of Frobenius norms rise from width 64 to this with orthogonal weights."""
    import torch

    from unseen.measures.bounds.koopman import koopman_factor

    with seeded_torch(seed):
        weights = [[torch.linalg.qr(torch.randn(w, w))[0] for _ in range(2)] for w in (WIDTHS[0], width)]
    first, last = weights
    return koopman_factor(last) - koopman_factor(first), norm_product(last) - norm_product(first)


@study(
    slug="koopman-bound",
    claim=[
        ("Networks with a larger Koopman bound have larger gaps between unseen and seen loss.", "order"),
        ("Training against the factor of the bound improves the accuracy on unseen examples.", "gain"),
        ("Among networks that fit alike, it orders gaps better than the product of Frobenius norms.", "order_less_norms"),
        ("It is small where condition numbers are small: training against it lowers both.", "conditioned"),
    ],
    source="Hashimoto, Sonoda, Ishikawa, Nitanda & Suzuki (2024), Koopman-based Generalization Bound: New Aspect for Full-Rank "
    "Weights, ICLR",
    link="https://arxiv.org/abs/2302.05825",
    did="Proved a bound by norms and determinants of full-rank weights, which is independent of the width for orthogonal ones, and "
    "looked at its correlation with the gap in a synthetic regression, at a penalty made of it on MNIST with few examples, and at "
    "singular values of AlexNet on CIFAR-10.",
    here="Perceptrons with two smooth layers of 64 on 200 of scikit-learn's digits: 18 that differ in rate, decay and start are "
    "ordered by the factor of their two layers (|W|^s over the fourth root of det W'W, s half the inputs and one), and others are "
    "trained with its logarithm as a penalty. The other factors of the bound are not known at this size and left out, so that "
    "networks are of one shape.",
    fidelity="C",
    parts=[
        headline("order", "Kendall's coefficient of the factor and the gap over networks that fit", claimed=0.3, refuted=0.0,
                 within=(-1.0, 1.0), basis="'the bound describes the gap': 0.3 is what is called an order elsewhere here; 0 is "
                 "none"),
        headline("gain", "Accuracy on unseen digits gained by the penalty", claimed=0.01, refuted=0.0, within=DIFFERENCE,
                 basis="a figure of test accuracies that part: one point is the least to be seen"),
        side_part("order_less_norms", "The coefficient less that of the product of Frobenius norms", claimed=0.1, refuted=0.0,
                  within=(-2.0, 2.0), basis="'a complement to norm-based bounds'; 0 is no gain"),
        side_part("conditioned", "Condition numbers with the penalty over those without (mean ratio over layers)", claimed=0.5,
                  refuted=1.0, within=(0.0, math.inf), unit="ratio", scale="log", basis="'small when condition numbers are small'"),
        gate("learnt", "Right on unseen digits without penalty", at_least=0.85, within=SHARE,
             basis="200 examples; nine of ten digits are had with all"),
        gate("fit", "Networks of the family that answer 98 % of their training examples right", at_least=0.6, within=SHARE,
             basis="gaps are compared among networks that fit"),
        gate("spread", "Largest less smallest gap among them", at_least=0.05, within=(0.0, math.inf), unit="nats",
             basis="else there is nothing to order"),
        control("more_data", "Accuracy gained by three times the examples", at_least=0.01, within=DIFFERENCE,
                basis="there is room for a gain"),
        control("rotations", "What the factor's logarithm gains from width 64 to 256 with orthogonal weights, over what that of "
                "the product of Frobenius norms does", at_most=0.1, within=(-1.0, 1.0),
                basis="'completely independent of the width': the factor that is measured is the one of the theorem"),
        control("aimless", "Accuracy gained by a penalty whose gradient is as long and leads nowhere", at_most=0.005,
                within=DIFFERENCE, basis="half of what is claimed", cuts="that the penalty lowers the factor"),
    ],
    units="seeds: digits, initial weights and order of training",
    seeds=range(20, 46),
    code="none could be had, nor the text of the experiments; theorem and claims from the abstract, its reviews and the literature "
    "on it",
    oracle=["tests/measures/bounds/test_koopman.py", "tests/atlas/test_koopman_bound.py"],
    reconstructed="Networks, images, family and penalty (the logarithm of the factor over the inputs); the penalty's weight is "
    "swept.",
    sweeps=[Sweep("weight of the penalty", "gain",
                  {f"{w:g}": "gain" if w == WEIGHT else f"gain at {w:g}" for w in WEIGHTS})],
    history=[
        Change("2026-11-22", "First plan; thresholds before any pilot.", ()),
        Change("2026-11-22", "Pilots: with 300 examples and 0.003, 0.01 and 0.03 as weights of the penalty no accuracy was gained "
               "(0.002, 0 and 0), and three times the examples gained 0.014 only. With 200 there is more room (0.04 to 0.06), and "
               "a weight of 0.1 gained 0.007 to 0.014: it is taken, with 0.03 and 0.3 beside it. The decay of weights was added as "
               "a rival. No threshold was moved.", (101, 102, 103, 104, 105)),
        Change("2026-11-23", "Eight seeds (10 to 17) left the order of networks open, 0.07 [-0.03, 0.18] where 0.3 is claimed and "
               "0 refutes; about 26 would decide: as many fresh ones. In one training diverged at the largest swept weight: "
               "such a network counts with the answers that it gives, by chance.", tuple(range(10, 18))),
    ],
    would_take="the authors' set-up, and MNIST with 1,000 examples (an hour on a GPU)",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """The family, and one network with and without penalties."""
    import torch

    from unseen.estimates.models.concordance import kendall_tau

    rng = numpy_generator(seed, "koopman-bound")
    parts = split_digits(rng, ROWS, 2 * ROWS)
    few, more, unseen = ((torch.from_numpy(x), torch.from_numpy(y).long()) for x, y in parts)
    drawn, steps = int(rng.integers(2**31)), 200 if quick else STEPS
    family = [
        trained(few, unseen, drawn + k, steps, rate=rate, decay=decay, start=start, scale=scale)
        for k, (rate, decay, (start, scale)) in enumerate((r, d, s) for r in RATES for d in DECAYS for s in STARTS)
    ]
    fit = [one for one in family if one.right_seen >= 0.98]
    gaps = [one.gap for one in fit]
    factors = [float(log_factor(one.weights)) for one in fit]
    plain = trained(few, unseen, drawn, steps)
    steered = {w: trained(few, unseen, drawn, steps, penalty=w) for w in WEIGHTS}
    decayed = trained(few, unseen, drawn, steps, decay=DECAYS[-1])
    aimless = trained(few, unseen, drawn, steps, penalty=WEIGHT, aimless=True)
    both = tuple(torch.cat([a, b]) for a, b in zip(few, more, strict=True))
    larger = trained((both[0], both[1]), unseen, drawn, steps)
    held = all(bool(w.isfinite().all()) for w in steered[WEIGHT].weights)
    ratios = [
        math.log(float(torch.linalg.cond(a))) - math.log(float(torch.linalg.cond(b)))
        for a, b in zip(steered[WEIGHT].weights, plain.weights, strict=True)
        if held
    ]
    rise, norms = growth(WIDTHS[-1], drawn)
    order = float(kendall_tau(factors, gaps)) if len(fit) > 3 else 0.0
    other = float(kendall_tau([norm_product(one.weights) for one in fit], gaps)) if len(fit) > 3 else 0.0
    return {
        "order": order, "order_less_norms": order - other, "order by norms": other,
        "gain": steered[WEIGHT].right - plain.right,
        **{f"gain at {w:g}": steered[w].right - plain.right for w in WEIGHTS if w != WEIGHT},
        "learnt": plain.right, "fit": len(fit) / len(family), "spread": max(gaps) - min(gaps) if gaps else 0.0,
        "more_data": larger.right - plain.right, "rotations": rise / norms, "aimless": aimless.right - plain.right,
        "gain by decay of weights": decayed.right - plain.right,
        **({"conditioned": math.exp(float(np.mean(ratios))),
            "factor less, by the penalty": float(log_factor(plain.weights) - log_factor(steered[WEIGHT].weights))} if held else {}),
    }  # fmt: skip
