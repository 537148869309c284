"""A small Transformer that was pretrained on documents whose facts and procedures are known, with questions about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from unseen.engine.seeds import numpy_generator, seeded_torch, spawn
from unseen.learners.architectures.transformer import Transformer
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.losses import NO_TARGET
from unseen.tasks.knowledge.documents import (
    ASIDES,
    BACKWARDS,
    FORWARDS,
    PROCEDURES,
    VALUES,
    Document,
    Facts,
    problems,
    result,
    worked,
)  # fmt: skip

if TYPE_CHECKING:
    from torch import Tensor

# Entities, worked problems of each procedure, questions of each topic, and problems of which nothing is told.
ENTITIES, WORKED, ASKED, NEW = 25, 400, 10, 60
# One in so many facts of each relation is not told.
UNTOLD = 5
# Documents of a fact: in the wording of its question, in others, and backwards. Of a problem as many tell its result as tell
# a fact in other words than those of its question.
SAME, OTHER, BACK = 2, 6, 2
WIDTH, LAYERS, HEADS, LONGEST = 64, 2, 4, 32
BATCH, RATE, DECAY = 64, 4e-3, 0.1
# The layers whose influence counts, as in both papers: multilayer perceptrons.
FEED = r"feed\."


@dataclass(frozen=True)
class Corpus:
    """Documents, and questions about them.

    Attributes:
        facts: The world.
        documents: What is read in pretraining.
        questions: Of each topic, documents whose words after the prompt are the answer. Those of facts are in the first wording
            and without a phrase beside it; those of procedures are worked, and only their results are told in the corpus.
        untold: Facts of each relation that no document tells, in the first wording.
        new: Worked problems of each procedure of which nothing is told.
        words: All words, by number.
    """

    facts: Facts
    documents: tuple[Document, ...]
    questions: dict[str, tuple[Document, ...]]
    untold: dict[str, tuple[Document, ...]]
    new: dict[str, tuple[Document, ...]]
    words: tuple[str, ...]

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, entities: int = ENTITIES, shown: int = WORKED) -> Corpus:
        """A world and what is told of it."""
        facts = Facts.drawn(entities, rng)
        documents = list[Document]()
        questions, untold, new = (dict[str, tuple[Document, ...]]() for _ in range(3))
        for at, relation in enumerate(VALUES):
            asked = [facts.told(entity, relation, FORWARDS[0]) for entity in facts.entities]
            secret = [i % UNTOLD == at for i in range(entities)]
            for entity in (e for e, hidden in zip(facts.entities, secret, strict=True) if not hidden):
                ways = [(FORWARDS[0], 0, "forwards")] * SAME
                others = [int(i) for i in 1 + rng.permutation(len(FORWARDS) - 1)]
                ways += [(FORWARDS[k], k, "forwards") for k in _spread(others, OTHER)]
                ways += [(BACKWARDS[k], k, "backwards") for k in _spread(range(len(BACKWARDS)), BACK)]
                for (wording, way, form), (aside, behind) in zip(ways, _asides(len(ways), rng), strict=True):
                    documents.append(
                        facts.told(entity, relation, wording, aside=aside, behind=behind, form=form, way=way)
                    )
            untold[relation] = tuple(d for d, hidden in zip(asked, secret, strict=True) if hidden)
            questions[relation] = tuple(d for d, hidden in zip(asked, secret, strict=True) if not hidden)[:ASKED]
        for procedure in PROCEDURES:
            drawn = problems(procedure, shown + ASKED + NEW, rng)
            documents += [worked(procedure, k) for k in drawn[:shown]]
            asked = drawn[shown : shown + ASKED]
            for k in asked:
                for way, (aside, behind) in zip(_spread((0, 1), OTHER + BACK), _asides(OTHER + BACK, rng), strict=True):
                    documents.append(result(procedure, k, way, aside, behind=behind))
            questions[procedure] = tuple(worked(procedure, k) for k in asked)
            new[procedure] = tuple(worked(procedure, k) for k in drawn[shown + ASKED :])
        order = rng.permutation(len(documents))
        every = [*documents, *(d for some in (*questions.values(), *untold.values(), *new.values()) for d in some)]
        words = sorted({w for d in every for w in d.tokens} | {w for aside in ASIDES for w in aside.split()} | {","})
        return cls(facts, tuple(documents[i] for i in order), questions, untold, new, tuple(words))

    def sample(self, documents: Sequence[Document], *, of: str = "all", name: str = "train") -> Sample:
        """Documents as tokens.

        Args:
            documents: Some.
            of: all, or answer: only that is foretold; last: of it only what follows the last "so".
            name: What they are called.
        """
        at = {w: i for i, w in enumerate(self.words)}
        # The longest one gives all samples one width.
        made = Sample.tokens([[at[w] for w in d.tokens] for d in documents], length=LONGEST, name=name)
        if of == "all":
            return made
        targets = made.targets.clone()
        for row, d in enumerate(documents):
            start = d.prompt
            if of == "last" and "so" in d.tokens[start:]:
                start = len(d.tokens) - d.tokens[::-1].index("so")
            targets[row, : start - 1] = NO_TARGET
            targets[row, d.end - 1 :] = NO_TARGET
        return Sample(made.inputs, targets, name)


def _spread(ways: Sequence[int], n: int) -> list[int]:
    return [ways[i % len(ways)] for i in range(n)]


def _asides(n: int, rng: np.random.Generator) -> list[tuple[str, bool]]:
    """A phrase beside each of n documents, or none, and whether it comes behind; no two the same where there are enough."""
    every = [("", False), *((aside, behind) for aside in ASIDES for behind in (False, True))]
    order = rng.permutation(len(every))
    return [every[order[i % len(every)]] for i in range(n)]


def pretrained(corpus: Corpus, seed: int, steps: int, *, width: int = WIDTH) -> Transformer:
    """A decoder after so many updates (AdamW, warm-up, cosine) on the corpus; none leaves it as drawn.

    Args:
        corpus: What it reads.
        seed: Source of weights and order.
        steps: Updates.
        width: Width of the residual stream.
    """
    with seeded_torch(spawn(seed, "weights")):
        model = Transformer(len(corpus.words), width=width, layers=LAYERS, heads=HEADS, longest=LONGEST)
    if not steps:
        return model.eval()
    sample, rng = corpus.sample(corpus.documents), numpy_generator(seed, "order")
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, betas=(0.9, 0.98))
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=warm / steps)
    length = (sample.targets != NO_TARGET).sum(1).numpy() + 1
    queue = list[np.ndarray]()
    for _ in range(steps):
        if not queue:
            # Of one length as far as can be, so that little is filled up.
            order = rng.permutation(len(sample))
            order = order[np.argsort(length[order] + rng.uniform(-3, 3, len(order)), kind="stable")]
            batches = np.array_split(order, max(1, len(order) // BATCH))
            queue = [batches[i] for i in rng.permutation(len(batches))]
        rows = queue.pop()
        most = int(length[rows].max())
        logits = model(sample.inputs[rows, :most])
        loss = F.cross_entropy(logits.flatten(0, 1), sample.targets[rows, :most].flatten(), ignore_index=NO_TARGET)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return model.eval()


def right(model: Transformer, corpus: Corpus, questions: Sequence[Document]) -> float:
    """Share of questions of which each word of the answer is the likeliest after those before it."""
    sample = corpus.sample(questions, of="answer")
    with torch.no_grad():
        best = model(sample.inputs).argmax(-1)
    asked = sample.targets != NO_TARGET
    return float(((best == sample.targets) | ~asked).all(1).double().mean())


def network(model: Transformer, sample: Sample) -> Network:
    """The network whose perceptrons count as trained."""
    return Network.of(model, sample, layers=FEED)


def joined(parts: Sequence[Sample], name: str = "train") -> Sample:
    """Samples one after another, filled up to one width."""
    most = max(p.inputs.shape[1] for p in parts)

    def wide(values: Tensor, fill: int) -> Tensor:
        return F.pad(values, (0, most - values.shape[1]), value=fill)

    inputs = torch.cat([wide(p.inputs, 0) for p in parts])
    return Sample(inputs, torch.cat([wide(p.targets, NO_TARGET) for p in parts]), name)
