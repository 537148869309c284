"""Networks trained in a random subspace, so that few numbers have to be written down: SubLoRA, and bounds of a log-loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unseen.errors import BadInput
from unseen.measures.bounds.bound import DRAWN, Bound, checked
from unseen.measures.bounds.coding import adaptive_nats
from unseen.measures.bounds.compression import LEVELS, STEP_BITS, written

# Low-rank changes are this large over their rank.
ALPHA = 32.0
# Shares of the uniform distribution that are mixed into predictions, so that no loss is without a limit.
SMOOTHING: Sequence[float] = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Subspace:
    """Weights as a function of few numbers: a start, low-rank changes of the matrices, and a random projection of both.

    Everything but the numbers comes from a seed that was fixed before the data, and costs nothing to write.

    Attributes:
        start: Weights at zero, by their names.
        rank: Rank of the change of each matrix (LoRA); 0 changes all weights freely.
        size: Numbers that are trained; None for as many as there are (LoRA alone).
        first: Start of the right factors of the changes, that read what comes in; the left ones start at nothing.
        left: First factor of the projection, shape (rows, √size).
        right: Second factor of the projection, shape (columns, √size).
    """

    start: Mapping[str, Tensor]
    rank: int
    size: int | None
    first: Mapping[str, Tensor]
    left: Tensor
    right: Tensor

    @classmethod
    def of(
        cls, start: Mapping[str, Tensor], generator: torch.Generator, *, rank: int = 0, size: int | None = None
    ) -> Subspace:
        """A subspace whose projection is the product of two smaller ones (Kronecker).

        Args:
            start: Weights before training.
            generator: Draws projection and factors.
            rank: Of the change of each matrix.
            size: Numbers that are trained, a square number.

        Raises:
            BadInput: The size is no square, or there are fewer weights than that.

        Source: Lotfi et al. (2024), Non-vacuous generalization bounds for large language models, section 4; Lotfi et al. (2022),
        section 3 (Kronecker projections); Hu et al. (2022), LoRA, section 4.1 (which factor is random; its size as in their code).
        """
        first = {
            k: (2 * torch.rand(rank, v.shape[1], generator=generator) - 1) / math.sqrt(v.shape[1])
            for k, v in start.items()
            if rank and v.dim() == 2
        }
        whole = sum(rank * (v.shape[0] + v.shape[1]) if k in first else v.numel() for k, v in start.items())
        if size is None:
            return cls(start, rank, None, first, torch.empty(0), torch.empty(0))
        edge = math.isqrt(size)
        if edge * edge != size or size > whole:
            raise BadInput(
                f"a subspace of {size} numbers: give a square number, at most {whole:,} (all that can change)."
            )
        long = math.ceil(math.sqrt(whole))
        left, right = (torch.randn(long, edge, generator=generator) / math.sqrt(edge) for _ in range(2))
        return cls(start, rank, size, first, left, right)

    @property
    def numbers(self) -> int:
        """How many numbers are trained."""
        return self._whole if self.size is None else self.size

    @property
    def _whole(self) -> int:
        return sum(
            self.rank * (v.shape[0] + v.shape[1]) if k in self.first else v.numel() for k, v in self.start.items()
        )

    def weights(self, numbers: Tensor) -> dict[str, Tensor]:
        """The weights at these numbers, shape (numbers,)."""
        flat = numbers
        if self.size is not None:
            edge = self.left.shape[1]
            flat = (self.left @ numbers.reshape(edge, edge) @ self.right.T).reshape(-1)
        made, at = dict[str, Tensor](), 0
        for name, value in self.start.items():
            if name in self.first:
                (out, wide), r = value.shape, self.rank
                left = flat[at : at + out * r].reshape(out, r)
                right = self.first[name] + flat[at + out * r : at + r * (out + wide)].reshape(r, wide)
                at += r * (out + wide)
                made[name] = value + ALPHA / r * left @ right
            else:
                made[name] = value + flat[at : at + value.numel()].reshape(value.shape)
                at += value.numel()
        return made


@dataclass(frozen=True)
class Coded:
    """Numbers of a subspace as they are written down.

    Attributes:
        numbers: What is read back.
        nats: Length, with the choice of levels.
    """

    numbers: Tensor
    nats: float


def coded(numbers: Tensor, levels: Sequence[int] = LEVELS, learnt: Sequence[int] = ()) -> list[Coded]:
    """The same numbers at each of several precisions, among which is chosen afterwards: each pays for the choice.

    Args:
        numbers: What is written, shape (numbers,).
        levels: Levels on either side of zero, in even steps.
        learnt: Numbers of levels that lie where the numbers are, and are written too.
    """
    made: list[tuple[Tensor, float]] = []
    for count in levels:
        one = written({"numbers": numbers}, 1.0, count)
        made.append((one.weights["numbers"], one.nats))
    made += [_by_codebook(numbers, count) for count in learnt]
    return [Coded(read, nats + math.log(len(made))) for read, nats in made]


def learnt_levels(numbers: Tensor, count: int, *, rounds: int = 50) -> Tensor:
    """Levels with the least squared error that Lloyd's algorithm finds from even ones, cut to 16 bits.

    Args:
        numbers: What is rounded to them, shape (numbers,).
        count: Levels.
        rounds: At most.

    Source: Lotfi et al. (2022), PAC-Bayes compression bounds so tight that they can explain generalization, section 3.2 (levels
    learnt by k-means, written in half precision).
    """
    values = numbers.double()
    largest = values.abs().max()
    edges = torch.linspace(-1, 1, count + 1, dtype=torch.float64) * largest
    made = (edges[1:] + edges[:-1]) / 2
    for _ in range(rounds):
        own = _nearest(values, made)
        sizes = torch.bincount(own, minlength=count)
        sums = torch.zeros(count, dtype=torch.float64).index_add_(0, own, values)
        moved = torch.where(sizes > 0, sums / sizes.clamp(min=1), made)
        if torch.equal(moved, made):
            break
        made = moved
    return made.half().float()


def _nearest(values: Tensor, levels: Tensor) -> Tensor:
    return (values[:, None] - levels.to(values)).abs().argmin(1)


def _by_codebook(numbers: Tensor, count: int) -> tuple[Tensor, float]:
    levels = learnt_levels(numbers, count)
    own = _nearest(numbers, levels)
    return levels[own], count * STEP_BITS * math.log(2) + adaptive_nats(own.numpy(), count)


def smoothed_bits(log_chances: np.ndarray, letters: int, share: float) -> np.ndarray:
    """Bits of each token under a prediction that is mixed with the uniform one.

    Args:
        log_chances: Logarithms of the probabilities of what came.
        letters: Size of the vocabulary.
        share: Of the uniform distribution.
    """
    return -np.log2((1 - share) * np.exp(log_chances) + share / letters)


def log_loss_bound(
    log_chances: np.ndarray, letters: int, nats: float, *, kind: str, about: str, delta: float = 0.05,
    smoothing: Sequence[float] = SMOOTHING, of: int | None = None, choices: int = 1,
) -> Bound:  # fmt: skip
    """Bound of the bits per token of a network whose code has this length, over the best smoothing of a grid that is paid for.

    Smoothed losses lie within Δ = log₂(1 + (1 − α) V / α) of each other, so that Hoeffding's inequality holds for their means over
    texts: bits ≤ bits on the texts + Δ √((nats + ln 1/δ) / 2n). Where the loss is told of m texts drawn from all n (``of``), their
    mean is that of all within Δ √(ln 1/δ / 2m), and δ is split by r = m / (m + n): r δ for the code, the rest for the draw.

    Args:
        log_chances: Logarithms of the probabilities of what came, shape (texts, tokens); texts are drawn apart.
        letters: Size of the vocabulary V.
        nats: Length of the code of the network.
        kind: What the bound is called.
        about: The network.
        delta: Chance that it fails.
        smoothing: Shares α that are tried.
        of: Texts that the network was made with, of which these were drawn after it was made; None where these are all.
        choices: Networks among which was chosen by the texts that were drawn; all are fixed before the draw.

    Raises:
        BadInput: There are more texts than those they were drawn from.

    Source: Lotfi et al. (2024), theorem 3.1, section 4.1 (prediction smoothing) and section 4.2 (subsampling; here the choice of α
    and of networks is paid for in both terms).
    """
    m = len(log_chances)
    n = m if of is None else of
    if n < m:
        raise BadInput(f"{m:,} texts can't be drawn from {n:,} (of=…).")
    checked(delta)
    share_of_code = 1.0 if of is None else m / (m + n)
    spare = nats + math.log(len(smoothing)) - math.log(share_of_code * delta)
    room = math.sqrt(spare / (2 * n))
    if of is not None:
        room += math.sqrt((math.log(choices * len(smoothing)) - math.log((1 - share_of_code) * delta)) / (2 * m))
    found: list[tuple[float, float, float]] = []
    for share in smoothing:
        seen = float(smoothed_bits(log_chances, letters, share).mean())
        span = math.log2(1 + (1 - share) * letters / share)
        found.append((seen + span * room, seen, share))
    value, seen, share = min(found)
    return Bound(
        kind=kind, about=about, value=value, confidence=1 - delta, seen=seen, guess=math.log2(letters), examples=n,
        assumes=(DRAWN, "the code for weights, the subspace and the start were fixed without these examples"),
        terms={"bits of the network": nats / math.log(2), "smoothing": share},
    )  # fmt: skip
