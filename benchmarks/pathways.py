"""Level, power and coverage of U906: are the units that carry answers to seen inputs those that carry unseen ones?

Run: python benchmarks/pathways.py [--replicates 100]

Ten networks are trained on three classes around corners, and inputs drawn anew for each replicate. Unseen inputs are drawn alike; alike in 15 clusters of
uneven size; nearer to the boundary (which changes answers, and no units); with two classes only; or of classes told by other
inputs, which the network learnt too.

2026-11-22, 60 replicates of 150 inputs a side, perceptrons of one and two hidden layers: p is 0.05 or less in 0.05 (standard error 0.03)
and 0.07 (0.03) where unseen inputs are alike, 0.07 and 0.05 in clusters, 0.10 (0.04) and 0.10 (0.04) nearer to the boundary, 0.08 (0.04) and 0.12 (0.04)
with two of three classes (0.26 and 0.28 of 50 as long as a mix of classes counted), and 0.95 (0.03) and 0.92 (0.04) of classes told by other inputs. The
interval leaves 0 out in 0.00 to 0.08 of the first eight, and in 0.90 of the last two; it covers the mean gain of a network in 0.95 to 1.00.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import nn

from unseen.learners.networks import Network, Sample
from unseen.measures.pathways.carried import carried_over
from unseen.measures.pathways.units import Units

WIDE = 12
NETWORKS = 10


def drawn(n: int, rng: np.random.Generator, kind: str) -> Sample:
    """Inputs of one kind; classes are told by the first three inputs, or by the next three."""
    y = rng.integers(0, 2 if kind == "two classes" else 3, n)
    x = rng.normal(size=(n, WIDE))
    cluster = np.arange(n)
    if kind == "clusters":
        cluster = rng.choice(40, n, p=(w := np.arange(1, 41) ** -0.7) / w.sum())
        x += 0.7 * rng.normal(size=(40, WIDE))[cluster]
    at = 3 if kind == "other inputs" else 0
    x[np.arange(n), at + y] += 1.2 if kind == "nearer" else 2.5
    return Sample(torch.tensor(x, dtype=torch.float32), torch.tensor(y), kind, cluster=cluster)


def trained(rng: np.random.Generator, depth: int) -> nn.Module:
    """A perceptron on both ways of telling the classes."""
    torch.manual_seed(int(rng.integers(2**31)))
    hidden = [part for _ in range(depth - 1) for part in (nn.Linear(24, 24), nn.ReLU())]
    net = nn.Sequential(nn.Linear(WIDE, 24), nn.ReLU(), *hidden, nn.Linear(24, 3))
    parts = [drawn(300, rng, kind) for kind in ("alike", "other inputs")]
    x, y = torch.cat([s.inputs for s in parts]), torch.cat([s.targets for s in parts])
    step = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(60):
        step.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        step.step()
    return net


def main() -> None:
    """Print one row a kind of unseen inputs and depth."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--examples", type=int, default=150)
    asked = parser.parse_args()
    print(f"{asked.replicates} replicates, {asked.examples} inputs a side")
    print(f"{'unseen':14} depth  seen  unseen  gained   p <= .05    covers 0  covers the network's mean")
    for kind in ("alike", "clusters", "nearer", "two classes", "other inputs"):
        for depth in (1, 2):
            made = np.array(
                [one for k in range(NETWORKS) for one in of_network(k, depth, kind, asked.replicates, asked.examples)]
            )
            share, covered = made[:, 3].mean(), made[:, 4:].mean(0)
            error = np.sqrt(max(share * (1 - share), 0.02) / len(made))
            seen, unseen, gained = made[:, :3].mean(0)
            print(
                f"{kind:14} {depth:5d} {seen:5.2f} {unseen:7.2f} {gained:7.3f}   {share:.2f} ({error:.2f}) {covered[0]:8.2f} "
                f"{covered[1]:10.2f}"
            )


def of_network(k: int, depth: int, kind: str, replicates: int, examples: int) -> np.ndarray:
    """One row a draw of inputs: the shares, what is gained, whether p <= 0.05, and whether 0 and the mean gain are covered."""
    net = trained(np.random.default_rng([k, depth]), depth)
    rows = []
    for r in range(max(2, replicates // NETWORKS)):
        rng = np.random.default_rng([k, depth, r])
        seen = drawn(examples, rng, "clusters" if kind == "clusters" else "alike")
        unseen = drawn(examples, rng, kind)
        told = carried_over(
            Units.of(Network.of(net, seen), seen), seen, unseen, rng=rng, permutations=99, bootstraps=60
        )
        g = told.gained
        rows.append(
            (told.seen.value, told.unseen.value, g.value, told.p_value <= 0.05, g.low <= 0 <= g.high, g.low, g.high)
        )
    made = np.array(rows, dtype=float)
    mean = made[:, 2].mean()
    return np.column_stack([made[:, :5], (made[:, 5] <= mean) & (mean <= made[:, 6])])


if __name__ == "__main__":
    main()
