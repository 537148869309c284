"""How often bounds of trained networks hold, where the unseen error is known; and what they say once an assumption is broken.

    python benchmarks/bounds.py [--replicates 200] [--examples 200] [--seed 0] [--only PAC]

Each replicate draws examples, trains a perceptron on them, and works out each bound at 95 % beside the error of the same network
(noisy and compressed ones as such) on 20,000 fresh examples. ``holds`` is the share of replicates in which the bound is no smaller,
with its binomial standard error; ``value`` and ``truth`` are means, ``vacuous`` the share that says no more than guessing.
Sketches are of a linear classifier over 24 inputs with 15 times the examples, Koopman operators of one trained behind a rotation of
two inputs, with 200 times.
Broken assumptions follow, each by a bound that is told nothing of it: a prior trained on the examples of the bound, jittered copies
of a fifth of the examples, and the best of 200 networks on one test set. ``refused`` is the share that is told where it can be.
"""

import argparse
import copy
import math
from collections import defaultdict
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import nn

from unseen.errors import BadInput
from unseen.learners.architectures.smooth_leaky import SmoothLeakyReLU
from unseen.learners.networks import Network, Sample
from unseen.measures.bounds.bound import Bound, wrong
from unseen.measures.bounds.compression import compression_bound, written
from unseen.measures.bounds.koopman import koopman_bound
from unseen.measures.bounds.norms import frobenius_bound, spectral_bound
from unseen.measures.bounds.pac_bayes import Noisy, Prior, held_out_bound, pac_bayes_bound
from unseen.measures.bounds.sketch import sketch_bound, written_as_sketches

DRAWS = 400
FRESH = 20_000
CODES = {"compression": written, "pruning and sketches": written_as_sketches}


def drawn(n: int, rng: np.random.Generator, noise: float = 0.1, coins: bool = False, inputs: int = 5) -> Sample:
    """Two classes, told by one of the inputs; a tenth of the labels wrong, or all of them coins."""
    y = rng.integers(0, 2, n)
    x = rng.normal(size=(n, inputs))
    x[:, 0] += 0 if coins else 1.2 * (2 * y - 1)
    return Sample.of((x.astype("float32"), np.where(rng.random(n) < noise, 1 - y, y)))


def apart(n: int, rng: np.random.Generator) -> Sample:
    """Two inputs in the unit disc, two classes with room between them; one label in fifty is wrong."""
    x = rng.uniform(-1, 1, (4 * n, 2))
    x = x[(np.linalg.norm(x, axis=1) < 1) & (np.abs(x[:, 0]) > 0.3)][:n]
    y = (x[:, 0] > 0).astype(int)
    return Sample.of((x.astype("float32"), np.where(rng.random(len(y)) < 0.02, 1 - y, y)))


def fitted(sample: Sample, seed: int, steps: int = 60, net: nn.Module | None = None, rate: float = 0.03) -> nn.Module:
    """A perceptron trained on a sample, or one trained on."""
    torch.manual_seed(seed)
    net = net or nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))
    by = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(steps):
        by.zero_grad()
        nn.functional.cross_entropy(net(sample.inputs), sample.targets).backward()
        by.step()
    return net


def weights(net: nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.detach().clone() for k, v in net.named_parameters()}


def truth(bound: Bound, network: Network, fresh: Sample, generator: torch.Generator) -> float:
    """Error on fresh examples of the network that the bound is about."""
    if bound.kind.startswith("PAC"):
        noisy = Noisy(network, {k: bound.terms[f"noise of {k}"] for k in network.trained})
        return float(np.mean([noisy.errors(fresh, generator).mean() for _ in range(20)]))
    if bound.kind in CODES:
        short = CODES[bound.kind](network.trained, bound.terms["kept"], int(bound.terms["levels"] // 2))
        own = Network.of(copy.deepcopy(network.module), fresh)
        own.module.load_state_dict({**own.module.state_dict(), **short.weights})
        return float(wrong(own, fresh).mean())
    return float(wrong(network, fresh).mean())


def told(n: int, seed: int) -> dict[str, Callable[[], tuple[Bound, Network, Sample]]]:
    """Every bound, and every broken one, of one replicate."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    sample, other, fresh = drawn(n, rng), drawn(n, rng), drawn(FRESH, rng)
    coins, fair = (drawn(count, rng, 0.5, True, 100) for count in (n, FRESH))
    few = drawn(n // 5, rng)
    near = few.take(np.repeat(np.arange(n // 5), 5))
    copies = Sample(near.inputs + 1e-3 * torch.randn(near.inputs.shape, generator=generator), near.targets)
    named = Sample(copies.inputs, copies.targets, cluster=np.repeat(np.arange(n // 5), 5))
    test, even = drawn(n, rng, 0.5, True), drawn(FRESH, rng, 0.5, True)
    thirties = [drawn(30, rng) for _ in range(200)]
    wide, wide_fresh = drawn(15 * n, rng, 0.02, inputs=24), drawn(FRESH, rng, 0.02, inputs=24)
    flat, flat_fresh = apart(200 * n, rng), apart(FRESH, rng)

    # Examples are all drawn here, networks are trained where a bound asks for them.
    @cache
    def plain() -> Network:
        return Network.of(fitted(sample, seed), sample)

    @cache
    def first() -> nn.Module:
        return fitted(other, seed)

    @cache
    def tuned() -> Network:
        return Network.of(fitted(sample, seed, 5, copy.deepcopy(first()), 1e-3), sample)

    @cache
    def by_heart() -> Network:
        torch.manual_seed(seed)
        return Network.of(
            fitted(coins, seed, 100, nn.Sequential(nn.Linear(100, 32), nn.ReLU(), nn.Linear(32, 2))), coins
        )

    def lied(on: Sample | str | None) -> Prior:
        return Prior(weights(by_heart().module), on) if on is not None else Prior(weights(by_heart().module))

    @cache
    def chosen() -> Network:
        crowd = [Network.of(fitted(one, seed + k, 2), test) for k, one in enumerate(thirties)]
        return min(crowd, key=lambda one: wrong(one, test).mean())

    @cache
    def linear() -> Network:
        torch.manual_seed(seed)
        return Network.of(fitted(wide, seed, 20, nn.Linear(24, 2), 0.1), wide)

    @cache
    def smooth() -> Network:
        torch.manual_seed(seed)
        turn, head = nn.Linear(2, 2), nn.Linear(2, 2)
        for layer in (turn, head):
            nn.init.orthogonal_(layer.weight)
        turn.requires_grad_(False)
        square = nn.Sequential(turn, SmoothLeakyReLU(0.9), head)
        return Network.of(fitted(flat, seed, 60, square).requires_grad_(True), flat)

    def pac(net: Network, on: Sample, prior: Prior | None) -> Bound:
        return pac_bayes_bound(net, on, generator=generator, prior=prior, draws=DRAWS)

    return {
        "held-out examples": lambda: (held_out_bound(plain(), other), plain(), fresh),
        "PAC-Bayes, prior at zero": lambda: (pac(plain(), sample, None), plain(), fresh),
        "PAC-Bayes, prior from other examples": lambda: (
            pac(tuned(), sample, Prior(weights(first()), other)),
            tuned(),
            fresh,
        ),
        "compression": lambda: (compression_bound(plain(), sample), plain(), fresh),
        "Frobenius norms": lambda: (frobenius_bound(plain(), sample), plain(), fresh),
        "spectral norms": lambda: (spectral_bound(plain(), sample), plain(), fresh),
        "pruning and sketches": lambda: (sketch_bound(linear(), wide), linear(), wide_fresh),
        "Koopman operators": lambda: (koopman_bound(smooth(), flat), smooth(), flat_fresh),
        "broken: PAC-Bayes, prior trained on the examples": lambda: (
            pac(by_heart(), coins, lied("other data")),
            by_heart(),
            fair,
        ),
        "  told: that it was": lambda: (pac(by_heart(), coins, lied(coins)), by_heart(), fair),
        "  told: made from nothing": lambda: (pac(by_heart(), coins, lied(None)), by_heart(), fair),
        "broken: held-out, five jittered copies of each": lambda: (held_out_bound(plain(), copies), plain(), fresh),
        "  told: as clusters": lambda: (held_out_bound(plain(), named), plain(), fresh),
        "broken: held-out, best of 200 on it": lambda: (held_out_bound(chosen(), test), chosen(), even),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, list[tuple[float, float, bool]]] = defaultdict(list)
    refused: dict[str, int] = defaultdict(int)
    for k in range(args.replicates):
        generator = torch.Generator().manual_seed(k)
        for name, make in told(args.examples, args.seed + 1_000 * k).items():
            if args.only.lower() not in name.lower():
                continue
            try:
                bound, network, fresh = make()
            except BadInput:
                refused[name] += 1
                continue
            rows[name].append((bound.value, truth(bound, network, fresh, generator), bound.vacuous))
    print(f"{'':52}{'holds':>16}{'value':>8}{'truth':>8}{'vacuous':>9}{'refused':>9}")
    for name in dict.fromkeys([*rows, *refused]):
        found = np.array(rows[name], dtype=float).reshape(-1, 3)
        share = refused[name] / args.replicates
        if not len(found):
            print(f"{name:52}{'–':>16}{'–':>8}{'–':>8}{'–':>9}{share:9.2f}")
            continue
        holds = float((found[:, 0] >= found[:, 1]).mean())
        error = math.sqrt(holds * (1 - holds) / len(found))
        print(
            f"{name:52}{holds:8.3f} ± {error:.3f}{found[:, 0].mean():8.3f}{found[:, 1].mean():8.3f}{found[:, 2].mean():9.2f}{share:9.2f}"
        )


if __name__ == "__main__":
    main()
