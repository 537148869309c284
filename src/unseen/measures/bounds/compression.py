"""Compression bounds: a network whose quantised weights are short to write has little room to fit by chance."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from unseen.learners.networks import Network, Sample
from unseen.measures.bounds.binary import binomial_upper
from unseen.measures.bounds.bound import DRAWN, Bound, checked, guess_error, units_of, wrong
from unseen.measures.bounds.coding import adaptive_nats

# Shares of the weights of a tensor that are kept, and levels on either side of zero to which they are rounded.
KEPT: Sequence[float] = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.02, 0.01)
LEVELS: Sequence[int] = (1, 2, 3, 5, 8, 15)
# Bits of the step of a tensor: a float cut to bfloat16.
STEP_BITS = 16


@dataclass(frozen=True)
class Written:
    """Weights as they are written down.

    Attributes:
        weights: What is read back, by the names of the parameters.
        nats: Length of what was written: minus the logarithm of a probability that was fixed beforehand.
    """

    weights: Mapping[str, Tensor]
    nats: float


def written(weights: Mapping[str, Tensor], kept: float, levels: int) -> Written:
    """Weights with the smallest set to zero and the others rounded, and the length of their code.

    Each tensor is written as its step (16 bits) and one letter a weight, by adaptive arithmetic coding: zeros are letters too, so
    that where they stand is part of the length.

    Args:
        weights: By the names of the parameters.
        kept: Share of the largest of each tensor that is kept.
        levels: Levels on either side of zero.
    """
    made, nats = dict[str, Tensor](), 0.0
    for name, value in weights.items():
        flat = value.double().reshape(-1)
        count = max(1, round(kept * flat.numel()))
        least = float(flat.abs().kthvalue(flat.numel() - count + 1).values)
        own = flat.abs() >= least
        step = _step(flat[own], levels)
        letters = torch.where(own, (flat / step).round().clamp(-levels, levels), torch.zeros_like(flat)).long()
        made[name] = (letters * step).float().reshape(value.shape)
        nats += STEP_BITS * math.log(2) + adaptive_nats((letters + levels).numpy(), 2 * levels + 1)
    return Written(made, nats)


def compression_bound(
    network: Network, sample: Sample, *, delta: float = 0.05, kept: Sequence[float] = KEPT, levels: Sequence[int] = LEVELS
) -> Bound:  # fmt: skip
    """Bound of the error of the network after pruning and rounding, the best of a grid that is paid for.

    With a prior P over all such weights, fixed before the data, the error of each lies below the tail of the binomial at the level
    δ P(weights), all at once.

    Args:
        network: The network.
        sample: The examples it was trained on.
        delta: Chance that it fails.
        kept: Shares of weights that are tried.
        levels: Levels that are tried.

    Source: Langford (2005), theorem 4.1 (Occam's razor bound); Zhou et al. (2019), Non-vacuous generalization bounds at the
    ImageNet scale (pruning and rounding); Lotfi et al. (2022), PAC-Bayes compression bounds so tight that they can explain
    generalization.
    """
    units = units_of(sample)
    price = math.log(len(kept) * len(levels))
    best: tuple[float, float, float, float, int] | None = None
    for share in kept:
        for count in levels:
            made = written(network.trained, share, count)
            nats = made.nats + price
            # No error at all would not help: the code alone is too long.
            if best is not None and -math.expm1(-nats / units.count) >= best[0]:
                continue
            answers = wrong(_with(network, made.weights), sample)
            value = occam(units.errors(answers), units.count, nats, delta)
            if best is None or (value, nats) < (best[0], best[2]):
                best = (value, units.risk(answers), nats, share, count)
    assert best is not None  # noqa: S101
    value, risk, nats, share, count = best
    return Bound(
        kind="compression", about=f"{network.name} with {100 * share:.0f} % of its weights, each one of {2 * count + 1} values",
        value=value, confidence=1 - delta, seen=risk, guess=guess_error(network, sample), examples=units.count,
        assumes=(DRAWN, "the code for weights was fixed without these examples"),
        terms={"bits": nats / math.log(2), "kept": share, "levels": float(2 * count + 1)},
    )  # fmt: skip


def occam(errors: float, n: int, nats: float, delta: float) -> float:
    """Bound of the error of one of many networks, whose code has this length: holds for all of them at once.

    Args:
        errors: Errors among n examples; see ``Units.errors``.
        n: Independent examples.
        nats: Minus the logarithm of the probability that it had beforehand.
        delta: Chance that it fails.
    """
    return binomial_upper(errors, n, math.log(checked(delta)) - nats)


def _step(values: Tensor, levels: int) -> float:
    """The distance of levels with the least squared error, cut to 16 bits."""
    largest = float(values.abs().max())
    if largest <= 0:
        return 1.0
    tried = [float(torch.tensor(largest * f / levels).bfloat16()) for f in np.linspace(0.3, 1.0, 15)]
    return min(tried, key=lambda s: float((values - (values / s).round().clamp(-levels, levels) * s).square().sum()))


def _with(network: Network, weights: Mapping[str, Tensor]) -> Network:
    module = copy.deepcopy(network.module)
    module.load_state_dict({**module.state_dict(), **weights})
    return replace(network, module=module)
