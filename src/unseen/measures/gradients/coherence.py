"""Coherence of the gradients of single examples: how far a step for one example helps another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from torch import Tensor

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import COPIES, MEMORY
from unseen.learners.networks.room import require_room
from unseen.measures.gradients.chunks import Way, chunks

MIN_CLUSTERS = 10


@dataclass(frozen=True)
class Coherence:
    """What the gradients of n examples share.

    Attributes:
        estimate: Expected inner product of the gradients of two examples of different clusters, over the expected square of
            one: 0 where gradients have nothing in common, 1 where all are the same.
        alignment: Cosine of the gradient of each example and the sum of those of all others, shape (n,); NaN where it is zero.
        norms: Length of each gradient, shape (n,).
        total: Sum of all gradients, shape (p,).
    """

    estimate: Estimate
    alignment: np.ndarray
    norms: np.ndarray
    total: Tensor

    @property
    def helped(self) -> float:
        """Examples that a step for one example helps, itself included (m-coherence of the sample): 1 to n."""
        n = len(self.norms)
        return max(1.0, 1.0 + (n - 1) * self.estimate.value)


def coherence(network: Network, sample: Sample, *, memory: int = MEMORY, level: float = 0.95) -> Coherence:
    """Coherence of a network's gradients on a sample, in two passes that never hold all of them.

    With s the sum of the gradients and s_c that of a cluster of n_c examples it is ``(|s|² − Σ|s_c|²) / (n² − Σn_c²)`` over the
    mean of ``|g|²``. The interval leaves out one cluster at a time (delete-one jackknife, t with clusters − 1 degrees of freedom).

    Args:
        network: The network.
        sample: n examples; those of one cluster count as one draw.
        memory: Bytes that gradients may take at once.
        level: Coverage.

    Raises:
        BadInput: The sums of gradients would not fit the memory of the machine.
        TooFewUnits: Fewer than ten clusters.
        Undefined: All gradients are zero.

    Source: Chatterjee & Zielinski (2020), Making coherence out of nothing at all, arXiv:2008.01217, definition 1, without the
    terms of an example with itself, which make it 1/n where there is none.
    """
    clusters = sample.clusters
    order = np.argsort(clusters, kind="stable")
    sizes = np.bincount(clusters).astype(float)
    if len(sizes) < MIN_CLUSTERS:
        raise TooFewUnits(f"coherence needs {MIN_CLUSTERS} independent examples, got {len(sizes)}.")
    require_room(
        4.0 * (COPIES + 6) * network.parameters, f"{network.name}: sums of gradients of {network.parameters:,} weights",
        "Audit fewer layers, or on a machine with more memory.",
    )  # fmt: skip
    ordered = sample.take(order)
    n, of = len(sample), clusters[order]
    squares, own = np.zeros(n), np.zeros(len(sizes))
    total: Tensor | None = None
    within: Tensor | None = None
    current = -1
    alone, way = len(sizes) == n, Way.of(network, ordered, memory=memory)
    for rows, part in chunks(network, ordered, memory=memory, way=way):
        squares[rows] = part.squares().double().numpy()
        total = part.total().double() if total is None else total + part.total().double()
        if alone:
            continue
        each = part.each()
        for i, c in enumerate(of[rows]):
            if c != current:
                if within is not None:
                    own[current] = float(within @ within)
                within, current = each[i].double(), int(c)
            else:
                within = within + each[i].double() if within is not None else each[i].double()
    if total is None or not squares.any():
        raise Undefined(
            "all gradients are zero: the network answers every example with certainty, or is not trained by this loss."
        )
    if within is not None:
        own[current] = float(within @ within)
    # The order of examples is that of their clusters.
    own = squares if alone else own
    whole = float(total @ total)
    dots = np.zeros(n)
    single = total.float()
    for rows, part in chunks(network, ordered, memory=memory, way=way):
        dots[rows] = part.times(single).double().numpy()
    estimate = _jackknifed(
        whole, own, np.bincount(of, dots, len(sizes)), np.bincount(of, squares, len(sizes)), sizes, level
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = np.sqrt(np.maximum(whole - 2 * dots + squares, 0.0))
        cosine = (dots - squares) / (np.sqrt(squares) * rest)
    back = np.argsort(order, kind="stable")
    return Coherence(estimate, cosine[back], np.sqrt(squares)[back], single)


def _jackknifed(
    whole: float, own: np.ndarray, dots: np.ndarray, squares: np.ndarray, sizes: np.ndarray, level: float
) -> Estimate:
    """The ratio, and its spread over the samples without one cluster.

    Args:
        whole: Squared length of the sum of all gradients.
        own: Squared length of each cluster's sum, shape (c,).
        dots: Inner product of each cluster's sum with the sum of all, shape (c,).
        squares: Sum of the squared lengths of each cluster's gradients, shape (c,).
        sizes: Examples of each cluster, shape (c,).
        level: Coverage.
    """
    n, c = sizes.sum(), len(sizes)

    def ratio(top: np.ndarray, pairs: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return (top / pairs) / mean

    point = float(ratio(np.array(whole - own.sum()), np.array(n**2 - (sizes**2).sum()), np.array(squares.sum() / n)))
    left = n - sizes
    without = ratio(
        whole - 2 * dots + own - (own.sum() - own),
        left**2 - ((sizes**2).sum() - sizes**2),
        (squares.sum() - squares) / left,
    )
    error = float(np.sqrt((c - 1) / c * ((without - without.mean()) ** 2).sum()))
    reach = float(stats.t.ppf((1 + level) / 2, c - 1)) * error
    return Estimate(
        point, point - reach, point + reach, c, "mean product of two gradients over the mean square, jackknife", level
    )


def alignment_with(network: Network, sample: Sample, total: Tensor, *, memory: int = MEMORY) -> np.ndarray:
    """Cosine of the gradient of each example with a direction that did not see it, shape (n,); NaN where a gradient is zero.

    Args:
        network: The network.
        sample: Examples that are no part of the direction.
        total: The direction, as the sum of the training gradients, shape (p,).
        memory: Bytes that gradients may take at once.
    """
    made = np.full(len(sample), np.nan)
    unit = total / total.norm()
    for rows, part in chunks(network, sample, memory=memory):
        length = part.squares().sqrt().double().numpy()
        with np.errstate(invalid="ignore"):
            made[rows] = np.clip(part.times(unit).double().numpy() / length, -1, 1)
    return made
