"""A small Transformer that was pretrained on documents whose facts and procedures are known, with questions about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

# Entities, worked problems of each procedure, questions of each topic, and problems of which nothing is told.
ENTITIES, WORKED, ASKED, NEW = 25, 400, 10, 60
WIDTH, LAYERS, HEADS, LONGEST = 64, 2, 4, 32
BATCH, RATE, DECAY = 64, 4e-3, 0.1
# The layers whose influence counts, as in both papers: multilayer perceptrons.
FEED = r"feed\."


@dataclass(frozen=True)
class Telling:
    """How facts are told.

    Attributes:
        same: Documents of a fact that is asked in the wording of its question; 0 keeps that for other facts.
        other: In other wordings.
        back: With the value first. Of a problem as many documents tell its result as tell a fact in other words.
        hidden: One in so many facts of each relation is not told; 0 tells all.
        numbers: Values of a relation whose values are numbers; 0 takes all of two digits.
    """

    same: int
    other: int
    back: int = 2
    hidden: int = 0
    numbers: int = 0


@dataclass(frozen=True)
class Corpus:
    """Documents, and questions about them.

    Attributes:
        facts: The world.
        documents: What is read in pretraining.
        questions: Of each topic, documents whose words after the prompt are the answer, all in one form: facts in the first
            wording and without a phrase beside it; problems are worked, and only their results are told in the corpus.
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
    def drawn(
        cls, rng: np.random.Generator, telling: Telling, *, entities: int = ENTITIES, shown: int = WORKED
    ) -> Corpus:
        """A world and what is told of it."""
        facts = Facts.drawn(entities, rng)
        if telling.numbers:
            facts = _of_few_numbers(facts, telling.numbers, rng)
        documents = list[Document]()
        questions, untold, new = (dict[str, tuple[Document, ...]]() for _ in range(3))
        for at, relation in enumerate(VALUES):
            secret = {e for i, e in enumerate(facts.entities) if telling.hidden and i % telling.hidden == at}
            told = [e for e in facts.entities if e not in secret]
            asked = told[:ASKED]
            for entity in told:
                documents += _told(facts, entity, relation, telling, asked=entity in asked, rng=rng)
            questions[relation] = tuple(facts.told(e, relation, FORWARDS[0]) for e in asked)
            untold[relation] = tuple(facts.told(e, relation, FORWARDS[0]) for e in facts.entities if e in secret)
        for procedure in PROCEDURES:
            drawn = problems(procedure, shown + ASKED + NEW, rng)
            documents += [worked(procedure, k) for k in drawn[:shown]]
            asked = drawn[shown : shown + ASKED]
            n = telling.other + telling.back
            for k in asked:
                for way, (aside, behind) in zip(_spread((0, 1), n), _asides(n, rng), strict=True):
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
            of: What is foretold: all, the answer, or of worked ones the result of the last step ("result"), of all steps
                ("results"), or what follows "so" ("last"); of facts always the value.
            name: What they are called.
        """
        at = {w: i for i, w in enumerate(self.words)}
        made = Sample.tokens([[at[w] for w in d.tokens] for d in documents], name=name)
        # All samples have one width, so that one may follow another.
        more = LONGEST - made.inputs.shape[1]
        inputs, targets = F.pad(made.inputs, (0, more)), F.pad(made.targets, (0, more), value=NO_TARGET)
        if of == "all":
            return Sample(inputs, targets, name)
        for row, d in enumerate(documents):
            kept = _kept(d, of)
            targets[row, [i for i in range(targets.shape[1]) if i + 1 not in kept]] = NO_TARGET
        return Sample(inputs, targets, name)


def _told(
    facts: Facts, entity: str, relation: str, telling: Telling, *, asked: bool, rng: np.random.Generator
) -> list[Document]:
    """All documents of one fact."""
    own = [0] * telling.same
    # What is asked in words in which it is not told leaves these to other facts.
    first = 1 if telling.same or asked else 0
    others = [int(i) for i in first + rng.permutation(len(FORWARDS) - first)]
    ways = [(FORWARDS[k], k, "forwards") for k in (*own, *_spread(others, telling.other))]
    ways += [(BACKWARDS[k], k, "backwards") for k in _spread(range(len(BACKWARDS)), telling.back)]
    return [
        facts.told(entity, relation, wording, aside=aside, behind=behind, form=form, way=way)
        for (wording, way, form), (aside, behind) in zip(ways, _asides(len(ways), rng), strict=True)
    ]


def _of_few_numbers(facts: Facts, count: int, rng: np.random.Generator) -> Facts:
    """The same entities, relations of numbers having so many different values."""
    few = {r: rng.choice(np.arange(10, 100), count, replace=False) for r, known in VALUES.items() if not known}
    values = {
        (e, r): " ".join(str(rng.choice(few[r]))) if r in few else value for (e, r), value in facts.values.items()
    }
    return Facts(facts.entities, values)


def _kept(document: Document, of: str) -> set[int]:
    """Places of the words that are foretold."""
    whole = range(document.prompt, document.end)
    if document.form != "worked" or of == "answer":
        return set(whole)
    words = document.tokens
    if of == "last":
        return {i for i in whole if i > len(words) - 1 - words[::-1].index("so")}
    after = len(words) - words[::-1].index("is")
    if of == "result":
        return {i for i in whole if after <= i < words.index(";", after)}
    steps = set[int]()
    for i in whole:
        if words[i - 1] == "is" or (i - 1 in steps and words[i] != ";"):
            steps.add(i)
    return steps


def _spread(ways: Sequence[int], n: int) -> list[int]:
    return [ways[i % len(ways)] for i in range(n)]


def _asides(n: int, rng: np.random.Generator) -> list[tuple[str, bool]]:
    """A phrase beside each of n documents, or none, and whether it comes behind; no two the same where there are enough."""
    every = [("", False), *((aside, behind) for aside in ASIDES for behind in (False, True))]
    order = rng.permutation(len(every))
    return [every[order[i % len(every)]] for i in range(n)]


def pretrained(corpus: Corpus, seed: int, steps: int, *, width: int = WIDTH) -> Transformer:
    """A decoder after so many updates (AdamW, one cycle of warm-up and cosine) on the corpus; none leaves it as drawn.

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
    """Samples of one width, one after another."""
    return Sample(torch.cat([p.inputs for p in parts]), torch.cat([p.targets for p in parts]), name)
