"""Decoders that are trained by few numbers and written in few bits: a small Transformer, and first blocks of a published model."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from unseen.atlas.studies.measures._small_stories import LENGTH, START, WORDS
from unseen.engine.seeds import seeded_torch
from unseen.learners.architectures.transformer import Transformer
from unseen.measures.bounds.bound import Bound
from unseen.measures.bounds.subspace import Subspace, coded, log_loss_bound, smoothed_bits

LAYERS, HEADS = 2, 4
# Levels of the code on either side of zero, numbers of learnt ones (11 as the authors), documents by which is chosen.
LEVELS, LEARNT, SCREENED = (1, 2, 5), (3, 5, 11), 1_000
# Shares of the uniform distribution, as the authors try them.
SMOOTHING = (0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5)
# Of the published model: blocks that are read once, and the one behind them that changes.
READ = 1
# Logits of few blocks are large and say nothing; by this they are divided, so that the start is near to guessing.
COOLED = 10.0


@dataclass(frozen=True)
class Decoder:
    """Logits as a function of the weights that may change.

    Attributes:
        start: All weights that may change, as they are before training.
        low: Those that change by low rank: queries, values and the head.
        logits: Of weights and what is read, shape (documents, places, words).
    """

    start: Mapping[str, Tensor]
    low: tuple[str, ...]
    logits: Callable[[Mapping[str, Tensor], Tensor], Tensor]

    def space(self, generator: torch.Generator, *, rank: int = 0, size: int | None = None) -> Subspace:
        """All weights where the rank is 0, low-rank changes of some where it is not; all their numbers, or a subspace of them."""
        some = {k: self.start[k] for k in self.low} if rank else self.start
        return Subspace.of(some, generator, rank=rank, size=size)


@dataclass(frozen=True)
class Read:
    """Documents as a decoder reads them.

    Attributes:
        inputs: Words before each place, or what fixed blocks make of them; documents in rows.
        words: What came, shape (documents, places).
    """

    inputs: Tensor
    words: Tensor

    def __len__(self) -> int:
        return len(self.words)

    def rows(self, rows: Tensor | slice) -> Read:
        """Some of the documents."""
        return Read(self.inputs[rows], self.words[rows])

    @classmethod
    def of(cls, documents: np.ndarray) -> Read:
        """Documents as they stand."""
        whole = torch.from_numpy(documents)
        return cls(whole[:, :-1], whole[:, 1:])


def small(width: int, seed: int) -> Decoder:
    """A Transformer of two layers as it is drawn."""
    with seeded_torch(seed):
        model = Transformer(len(WORDS), width=width, layers=LAYERS, heads=HEADS, longest=LENGTH)
    start = dict[str, Tensor]()
    for name, value in model.named_parameters():
        if name.endswith("key_value.weight"):
            start |= zip((name + " of keys", name + " of values"), value.detach().chunk(2), strict=True)
        else:
            start[name] = value.detach()

    def logits(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        whole = {**start, **weights}
        for name in [n.removesuffix(" of keys") for n in whole if n.endswith(" of keys")]:
            whole[name] = torch.cat([whole.pop(name + " of keys"), whole.pop(name + " of values")])
        return functional_call(model, whole, (inputs,))

    ends = ("query.weight", "key_value.weight of values")
    return Decoder(start, (*(n for n in start if n.endswith(ends)), "out.weight"), logits)


@dataclass(frozen=True)
class Blocks:
    """First blocks of a published model, the last of which may change, with a head for the words of stories.

    Attributes:
        fixed: Blocks that are read once.
        layer: The block that may change.
        embedding: Of the words, shape (words, width).
        rotary: Tells places.
        norm: Before the head.
    """

    fixed: tuple[Any, ...]
    layer: Any
    embedding: Tensor
    rotary: Any
    norm: Any

    @classmethod
    def published(cls) -> Blocks:
        """As they were published."""
        from unseen.atlas.studies.measures._known_to_a_model import START as FIRST
        from unseen.atlas.studies.measures._known_to_a_model import reader

        own = reader()
        whole = own.model.model
        tokens = [own.tokens(FIRST if w == START else w if w == "." else f" {w}") for w in WORDS]
        assert all(len(t) == 1 for t in tokens)  # noqa: S101
        embedding = whole.embed_tokens.weight[torch.tensor(tokens)[:, 0]].detach().clone()
        return cls(tuple(whole.layers[:READ]), whole.layers[READ], embedding, whole.rotary_emb, whole.norm)

    def redrawn(self, generator: torch.Generator) -> Blocks:
        """The same shapes with matrices drawn anew, each at its own size."""

        def new(value: Tensor) -> Tensor:
            return torch.randn(value.shape, generator=generator) * value.std()

        made = copy.deepcopy((self.fixed, self.layer))
        with torch.no_grad():
            for part in (*made[0], made[1]):
                for value in part.parameters():
                    if value.dim() == 2:
                        value.copy_(new(value))
        return replace(self, fixed=made[0], layer=made[1], embedding=new(self.embedding))

    def read(self, documents: np.ndarray) -> Read:
        """Documents as the fixed blocks leave them."""
        words = torch.from_numpy(documents)
        with torch.no_grad():
            parts = [self._passed(self.embedding[x], self.fixed) for x in words[:, :-1].split(100)]
        return Read(torch.cat(parts), words[:, 1:])

    def decoder(self) -> Decoder:
        """The last block and what is behind it."""
        start = {k: v.detach() for k, v in self.layer.named_parameters()}
        start |= {"norm": self.norm.weight.detach(), "head": self.embedding}

        def logits(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
            whole = {**start, **weights}
            norm, head = whole.pop("norm"), whole.pop("head")
            out = functional_call(self.layer, whole, (inputs,), self._places(inputs))
            normed = functional_call(self.norm, {"weight": norm}, (out,))
            return normed @ head.T / COOLED

        return Decoder(start, ("self_attn.q_proj.weight", "self_attn.v_proj.weight", "head"), logits)

    def _passed(self, states: Tensor, layers: Sequence[Any]) -> Tensor:
        for layer in layers:
            states = layer(states, **self._places(states))
        return states

    def _places(self, states: Tensor) -> dict[str, Any]:
        n = states.shape[1]
        places = torch.arange(n)[None]
        mask = torch.full((n, n), -math.inf).triu(1)[None, None]
        return {
            "attention_mask": mask, "position_ids": places, "position_embeddings": self.rotary(states, places),
        }  # fmt: skip


@dataclass(frozen=True)
class Training:
    """How numbers are trained.

    Attributes:
        rate: Of Adam, falling to zero.
        steps: Updates.
        batch: Documents of each.
    """

    rate: float
    steps: int
    batch: int


def trained(decoder: Decoder, space: Subspace, read: Read, how: Training, generator: torch.Generator) -> Tensor:
    """The numbers of a space after Adam on the log-loss, document by document in an order that is drawn anew for each pass."""
    numbers = torch.zeros(space.numbers, requires_grad=True)
    by = torch.optim.Adam([numbers], lr=how.rate)
    queue = list[Tensor]()
    for step in range(how.steps):
        if not queue:
            queue = list(torch.randperm(len(read), generator=generator).split(how.batch))
        part = read.rows(queue.pop())
        by.param_groups[0]["lr"] = how.rate * (1 - step / how.steps)
        by.zero_grad()
        made = decoder.logits(space.weights(numbers), part.inputs)
        torch.nn.functional.cross_entropy(made.flatten(0, 1), part.words.flatten()).backward()
        by.step()
    return numbers.detach()


def log_chances(decoder: Decoder, weights: Mapping[str, Tensor], read: Read) -> np.ndarray:
    """Logarithm of the probability of each word that came, shape (documents, places)."""
    with torch.no_grad():
        parts = [
            decoder.logits(weights, x).log_softmax(-1).gather(-1, y[..., None])[..., 0]
            for x, y in zip(read.inputs.split(200), read.words.split(200), strict=True)
        ]
    return torch.cat(parts).double().numpy()


@dataclass(frozen=True)
class Told:
    """A coded decoder.

    Attributes:
        bound: Of its bits a word.
        weights: That are read back from the code.
        sampled: The bound where only the first documents were looked at.
    """

    bound: Bound
    weights: Mapping[str, Tensor]
    sampled: float

    def bits(self, decoder: Decoder, read: Read) -> float:
        """Mean bits of a word of other documents, smoothed as in the bound."""
        made = log_chances(decoder, self.weights, read)
        return float(smoothed_bits(made, len(WORDS), self.bound.terms["smoothing"]).mean())


def told(
    decoder: Decoder, space: Subspace, numbers: Tensor, read: Read, *, tried: int, screened: int = SCREENED
) -> Told:
    """The bound of the best code, among several and among so many networks that were tried.

    Documents are in the order in which they were drawn, so that the first are as good as any. The code is chosen by them.
    """
    first = read.rows(slice(screened))
    found: list[tuple[float, float, Mapping[str, Tensor]]] = []
    for one in coded(numbers, LEVELS, LEARNT):
        weights, nats = space.weights(one.numbers), one.nats + math.log(tried)
        seen = log_chances(decoder, weights, first)
        sampled = log_loss_bound(
            seen,
            len(WORDS),
            nats,
            kind="subspace",
            about="",
            of=len(read),
            choices=tried * len(LEVELS + LEARNT),
            smoothing=SMOOTHING,
        )
        found.append((sampled.value, nats, weights))
    sampled, nats, weights = min(found, key=lambda f: f[0])
    whole = log_chances(decoder, weights, read)
    bound = log_loss_bound(whole, len(WORDS), nats, kind="subspace", about="the coded decoder", smoothing=SMOOTHING)
    return Told(bound, weights, sampled)


def fit(
    decoder: Decoder, read: Read, how: Training, generator: torch.Generator, *, rank: int = 0, size: int | None = None,
    tried: int = 1, screened: int = SCREENED,
) -> Told:  # fmt: skip
    """Train in a space that is drawn, and bound."""
    space = decoder.space(generator, rank=rank, size=size)
    return told(decoder, space, trained(decoder, space, read, how, generator), read, tried=tried, screened=screened)
