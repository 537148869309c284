"""Training of many networks of one shape at once, each with its own settings, order of examples and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from unseen.atlas.corpus.images import Images
from unseen.atlas.corpus.networks import network
from unseen.atlas.corpus.settings import FAMILIES, LOSS, Run
from unseen.engine.seeds import torch_generator
from unseen.errors import BadInput

# Updates between two looks at the training loss.
LOOK = 10
BETAS, SMALL = (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class Trained:
    """What became of one run.

    Attributes:
        run: The run.
        weights: Its last weights by name.
        steps: Updates made.
        loss: Training loss at the end, on the labels that it was given, not augmented.
    """

    run: Run
    weights: Mapping[str, Tensor]
    steps: int
    loss: float

    @property
    def reached(self) -> bool:
        """Whether it reached the common loss."""
        return self.loss <= LOSS


def train(runs: Sequence[Run], given: Images, *, updates: int | None = None) -> list[Trained]:
    """Train runs of one shape, each to the common loss, in one stack of weights.

    AdamW, rate and decay by run; examples are drawn with replacement by a generator of the run's own name, so that a run learns
    the same alone and in a stack (to rounding). A run that is done leaves the stack.

    Args:
        runs: Runs that differ in rate, decay, noise and moves at most.
        given: Their images.
        updates: Most updates; by default those of the family.

    Raises:
        BadInput: The runs do not fit one stack.

    Source: Loshchilov & Hutter (2019), Decoupled weight decay regularization, algorithm 2; one common loss is the protocol of
    Jiang et al. (2020), Fantastic generalization measures and where to find them, section 5.
    """
    if len({run.shape for run in runs}) != 1:
        raise BadInput("runs of one stack share family, width, depth, batch and seed; these do not.")
    stack = _Stack(list(runs), given)
    for start in range(0, updates or FAMILIES[runs[0].family].updates, LOOK):
        stack.advance(start)
        stack.leave(start + LOOK)
        if not stack.runs:
            break
    else:
        stack.leave(stack.step, all_of_them=True)
    return [stack.done[run.name] for run in runs]


class _Stack:
    """Networks of one shape as one set of stacked weights."""

    def __init__(self, runs: list[Run], given: Images) -> None:
        self.runs, self.done, self.step = runs, dict[str, Trained](), 0
        nets = [network(run, given.train.shape[1:], given.classes) for run in runs]
        self.base = nets[0]
        self.weights = {k: torch.stack([dict(n.named_parameters())[k].detach() for n in nets])
                        for k, _ in self.base.named_parameters()}  # fmt: skip
        self.first = {k: torch.zeros_like(v) for k, v in self.weights.items()}
        self.second = {k: torch.zeros_like(v) for k, v in self.weights.items()}
        self.draws = [torch_generator(run.seed, "corpus", "order", run.name) for run in runs]
        self.rate = torch.tensor([float(run.settings["rate"]) for run in runs])
        self.decay = torch.tensor([float(run.settings["decay"]) for run in runs])
        self.labels = torch.stack([torch.from_numpy(given.mislabelled(run.settings["noise"])) for run in runs])
        self.whole = torch.from_numpy(given.train)
        self.moves, side = given.moves, given.train.shape[-1]
        padded = nn.functional.pad(self.whole, [self.moves] * 4)
        # (n, channels, height, width, down, across): every place that a window of the image's size can have.
        self.windows = padded.unfold(2, side, 1).unfold(3, side, 1)

    def advance(self, start: int) -> None:
        """Make the updates up to the next look."""
        batch, n = int(self.runs[0].settings["batch"]), len(self.whole)
        rows = torch.stack([torch.randint(n, (LOOK, batch), generator=g) for g in self.draws])
        span = 2 * self.moves + 1
        to = torch.stack([torch.randint(span, (2, LOOK, batch), generator=g) for g in self.draws])
        still = torch.tensor([not run.settings["moves"] for run in self.runs])
        to[still] = self.moves
        # Half of the examples stay in place, so that networks learn those that they are judged on.
        to = torch.where(
            torch.stack([torch.rand(1, LOOK, batch, generator=g) for g in self.draws]) < 0.5, to, self.moves
        )
        labels = self.labels.gather(1, rows.reshape(len(rows), -1)).reshape(rows.shape)
        for k in range(LOOK):
            at = rows[:, k]
            x = self.windows[at, :, to[:, 0, k], to[:, 1, k]]
            self._update(x, labels[:, k], start + k + 1)

    def _update(self, x: Tensor, y: Tensor, step: int) -> None:
        for value in self.weights.values():
            value.requires_grad_()
        total = self._losses(x, y).sum()
        slopes = torch.autograd.grad(total, list(self.weights.values()))
        self.step = step
        with torch.no_grad():
            for (key, value), slope in zip(self.weights.items(), slopes, strict=True):
                value.requires_grad = False
                many = (-1,) + (1,) * (value.dim() - 1)
                rate = self.rate.reshape(many)
                first, second = self.first[key], self.second[key]
                first.mul_(BETAS[0]).add_(slope, alpha=1 - BETAS[0])
                second.mul_(BETAS[1]).addcmul_(slope, slope, value=1 - BETAS[1])
                size = (second / (1 - BETAS[1] ** step)).sqrt_().add_(SMALL)
                value.mul_(1 - rate * self.decay.reshape(many))
                value.sub_(rate * (first / (1 - BETAS[0] ** step)) / size)

    def _losses(self, x: Tensor, y: Tensor, *, shared: bool = False) -> Tensor:
        """Mean loss of each network, shape (networks,); of the same inputs for all where they are shared."""

        def one(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return nn.functional.cross_entropy(functional_call(self.base, weights, (x,)), y)

        return vmap(one, in_dims=(0, None if shared else 0, 0))(self.weights, x, y)

    def leave(self, step: int, *, all_of_them: bool = False) -> None:
        """Take out the runs that have reached the loss, or whose loss is no number."""
        with torch.no_grad():
            losses = self._losses(self.whole, self.labels, shared=True).double().numpy()
        going = (losses <= LOSS) | ~np.isfinite(losses) | all_of_them
        for i in np.flatnonzero(going):
            run = self.runs[i]
            self.done[run.name] = Trained(
                run, {k: v[i].clone() for k, v in self.weights.items()}, step, float(losses[i])
            )
        if not going.any():
            return
        stay = torch.from_numpy(np.flatnonzero(~going))
        self.runs = [self.runs[i] for i in stay.tolist()]
        self.draws = [self.draws[i] for i in stay.tolist()]
        self.rate, self.decay, self.labels = self.rate[stay], self.decay[stay], self.labels[stay]
        for held in (self.weights, self.first, self.second):
            for key in held:
                held[key] = held[key][stay].clone()
