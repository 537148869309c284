"""Walks along arrows whose number of steps alone differs: the tables are drawn alike, only the start moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from unseen.engine.seeds import seeded_torch, spawn, torch_generator
from unseen.learners.architectures.attention import Position
from unseen.learners.architectures.transformer import EncoderDecoder


@dataclass(frozen=True)
class Walks:
    """Questions where a walk ends.

    Attributes:
        arrows: Source and target of each arrow, in random order, (n, arrows, 2).
        start: Where the walk begins, (n,).
        path: The nodes that follow, up to the last; then ``STOP`` up to the longest walk and once more, (n, steps + 1).
        steps: Arrows on the way, (n,).
    """

    arrows: Tensor
    start: Tensor
    path: Tensor
    steps: Tensor

    @property
    def end(self) -> Tensor:
        """The node without an arrow where each walk ends, (n,)."""
        return self.path.gather(1, self.steps[:, None] - 1)[:, 0]


def walks(n: int, steps: tuple[int, int], generator: torch.Generator, *, chains: int, length: int, nodes: int) -> Walks:
    """Tables of chains of one length each over randomly named nodes; the start lies ``steps`` arrows before an end.

    Args:
        n: Number of questions.
        steps: Fewest and most arrows on the way.
        generator: Source of every draw.
        chains: Chains in each table.
        length: Arrows of each chain, at least the most steps.
        nodes: Names of nodes to draw from; ``nodes`` itself stands for the stop in ``path``.
    """
    named = torch.rand(n, nodes, generator=generator).argsort(1)[:, : chains * (length + 1)]
    named = named.view(n, chains, length + 1)
    pairs = torch.stack([named[..., :-1], named[..., 1:]], -1).flatten(1, 2)
    order = torch.rand(n, chains * length, generator=generator).argsort(1)
    pairs = pairs.gather(1, order[..., None].expand(-1, -1, 2))
    left = torch.randint(steps[0], steps[1] + 1, (n,), generator=generator)
    # Chains are alike, so the first is as good as any: names and order of arrows are random.
    chain = functional.pad(named[:, 0], (0, steps[1] + 1), value=nodes)
    at = (length - left)[:, None] + torch.arange(steps[1] + 2)
    found = chain.gather(1, at)
    return Walks(pairs, found[:, 0], found[:, 1:], left)


class Names(nn.Module):
    """Embeds a node by its name, and an arrow, numbered ``nodes + 2 + source * nodes + target``, by both of its names.

    Names are the same vectors wherever they stand; one map each tells the source and the target of an arrow.
    """

    def __init__(self, nodes: int, width: int) -> None:
        super().__init__()
        self.nodes = nodes
        self.own = nn.Embedding(nodes + 2, width)
        self.source, self.target = (nn.Linear(width, width, bias=False) for _ in range(2))

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, n) → (batch, n, width)."""
        pair = (tokens - self.nodes - 2).clamp(min=0)
        arrow = self.source(self.own(pair // self.nodes)) + self.target(self.own(pair % self.nodes))
        node = self.own(tokens.clamp(max=self.nodes + 1))
        return torch.where((tokens >= self.nodes + 2)[..., None], arrow, node)


Kind = Literal["answer", "trace", "shuffled", "step"]


class Walker:
    """An encoder–decoder that reads a table and a start, and writes the end, or every node on the way.

    Args:
        seed: Source of weights and batches.
        kind: What it is taught: ``answer`` (the end alone), ``trace`` (every node on the way, then a stop), ``shuffled``
            (as many tokens, but those before the end are any nodes of the table), ``step`` (as ``trace``, but it sees
            only the last node that it wrote).
        nodes: Names of nodes.
        position: How the decoder is told places; the order of arrows says nothing, so the encoder is told none.
        width: Model width.
        layers: Layers of encoder and of decoder.
    """

    def __init__(
        self, seed: int, kind: Kind, nodes: int, position: Position = "none", width: int = 64, layers: int = 2
    ) -> None:
        self.kind: Kind = kind
        self.nodes = nodes
        self.generator, self.others = torch_generator(seed, "walks"), torch_generator(seed, "others")
        with seeded_torch(spawn(seed, "weights")):
            self.net = EncoderDecoder(nodes + 2, width, layers, 4, position=position)
            self.net.embedding = Names(nodes, width)  # type: ignore[assignment]
        for block in self.net.encoder:
            block.attention.position = "none"  # type: ignore[union-attr]

    def source(self, asked: Walks) -> Tensor:
        """Arrows and start as tokens, (n, arrows + 1)."""
        arrows = self.nodes + 2 + asked.arrows[..., 0] * self.nodes + asked.arrows[..., 1]
        return torch.cat([arrows, asked.start[:, None]], 1)

    def goal(self, asked: Walks) -> Tensor:
        """What is to be written, (n, tokens)."""
        if self.kind == "answer":
            return asked.end[:, None]
        if self.kind != "shuffled":
            return asked.path
        (n, tokens), arrows = asked.path.shape, asked.arrows.shape[1]
        any_ = torch.rand(n, arrows, generator=self.others).argsort(1)[:, :tokens]
        on_the_way = torch.arange(tokens) < asked.steps[:, None] - 1
        return torch.where(on_the_way, asked.arrows[:, :, 0].gather(1, any_), asked.path)

    def following(self, written: Tensor, memory: Tensor) -> Tensor:
        """Logits of the token behind each place, (n, tokens, names)."""
        if self.kind != "step":
            return self.net.decode(written, memory)
        n, tokens = written.shape
        return self.net.decode(written.reshape(-1, 1), memory.repeat_interleave(tokens, 0)).view(n, tokens, -1)

    def fit(self, steps: tuple[int, int], updates: int, *, batch: int = 64, rate: float = 3e-3, **tables: int) -> None:
        """Train on new questions at every update."""
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=rate, weight_decay=0.0, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, updates, pct_start=0.1)
        begin = torch.full((batch, 1), self.nodes + 1)
        for _ in range(updates):
            asked = walks(batch, steps, self.generator, nodes=self.nodes, **tables)
            goal = self.goal(asked)
            logits = self.following(torch.cat([begin, goal[:, :-1]], 1), self.net.encode(self.source(asked)))
            # The stop is taught once; nothing is taught of what would come behind it.
            told = torch.arange(goal.shape[1]) <= asked.steps[:, None]
            optimizer.zero_grad()
            functional.cross_entropy(logits[told], goal[told]).backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            optimizer.step()
            schedule.step()

    @torch.no_grad()
    def write(self, asked: Walks, longest: int, *, told: bool = False) -> Tensor:
        """What it writes by itself, (n, longest), one token for the answer alone; ``told`` the steps, it can't stop before."""
        written, memory = torch.full((len(asked.start), 1), self.nodes + 1), self.net.encode(self.source(asked))
        for place in range(1 if self.kind == "answer" else longest):
            seen = written[:, -1:] if self.kind == "step" else written
            logits = self.following(seen, memory)[:, -1, : self.nodes + 1]
            if told:
                logits[place < asked.steps, self.nodes] = -torch.inf
            written = torch.cat([written, logits.argmax(-1, keepdim=True)], 1)
        return written[:, 1:]

    def right(self, asked: Walks) -> float:
        """Share of questions whose last node written before the stop is the end."""
        written = self.write(asked, asked.path.shape[1] + 1)
        stop = functional.pad(written, (0, 1), value=self.nodes).eq(self.nodes).int().argmax(1)
        last = functional.pad(written, (1, 0), value=self.nodes).gather(1, stop[:, None])[:, 0]
        return float((last == asked.end).double().mean())

    def whole(self, asked: Walks, *, told: bool = False) -> float:
        """Share of questions where every node on the way is right, and the stop unless it was ``told``."""
        same = self.write(asked, asked.path.shape[1], told=told) == asked.path
        return float((same | (torch.arange(same.shape[1]) > asked.steps[:, None] - int(told))).all(1).double().mean())

    def short(self, asked: Walks, steps: int) -> float:
        """Share of questions where it walks rightly for so many steps and then stops."""
        written = self.write(asked, steps + 1)
        return float(
            ((written[:, :-1] == asked.path[:, :steps]).all(1) & (written[:, -1] == self.nodes)).double().mean()
        )
