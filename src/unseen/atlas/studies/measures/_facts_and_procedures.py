"""A small Transformer that was pretrained on documents whose facts and procedures are known, with questions about them."""

from __future__ import annotations

import math
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
# Documents that hold the answer of a question: told forwards and backwards; of a problem its result in two wordings.
FORTH, BACK = 8, 2
# Values of a relation, as many as there are words.
NUMBERS = 12
WIDTH, LAYERS, HEADS, LONGEST = 64, 2, 4, 26
BATCH, RATE, DECAY = 64, 4e-3, 0.1
# The layers whose influence counts, as in both papers: multilayer perceptrons.
FEED = r"feed\."


@dataclass(frozen=True)
class Corpus:
    """Documents, and questions about them.

    Attributes:
        facts: The world.
        documents: What is read in pretraining.
        questions: Of each topic, all in one form, what comes after the prompt being the answer. Facts are asked in a wording in
            which the corpus tells other facts; problems are worked, and only their results are told there.
        new: Worked problems of each procedure of which nothing is told.
        words: All words, by number.
    """

    facts: Facts
    documents: tuple[Document, ...]
    questions: dict[str, tuple[Document, ...]]
    new: dict[str, tuple[Document, ...]]
    words: tuple[str, ...]

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, entities: int = ENTITIES, shown: int = WORKED) -> Corpus:
        """A world and what is told of it."""
        facts = _of_few_numbers(Facts.drawn(entities, rng), rng)
        documents = list[Document]()
        questions, new = (dict[str, tuple[Document, ...]]() for _ in range(2))
        for relation in VALUES:
            asked = list[Document]()
            for at, entity in enumerate(facts.entities):
                # What is asked is told in other wordings than the question's, which tells other facts.
                held = 1 if at < ASKED else 0
                others = [int(i) for i in held + rng.permutation(len(FORWARDS) - held)]
                ways = [(FORWARDS[k], k, "forwards") for k in _spread(others, FORTH)]
                ways += [(BACKWARDS[k], k, "backwards") for k in _spread(range(len(BACKWARDS)), BACK)]
                for (wording, way, form), (aside, behind) in zip(ways, _asides(len(ways), rng), strict=True):
                    documents.append(
                        facts.told(entity, relation, wording, aside=aside, behind=behind, form=form, way=way)
                    )
                if held:
                    asked.append(facts.told(entity, relation, FORWARDS[0]))
            questions[relation] = tuple(asked)
        for procedure in PROCEDURES:
            drawn = problems(procedure, shown + ASKED + NEW, rng)
            documents += [worked(procedure, k) for k in drawn[:shown]]
            asked = drawn[shown : shown + ASKED]
            for k in asked:
                for way, (aside, behind) in zip(_spread((0, 1), FORTH + BACK), _asides(FORTH + BACK, rng), strict=True):
                    documents.append(result(procedure, k, way, aside, behind=behind))
            questions[procedure] = tuple(worked(procedure, k) for k in asked)
            new[procedure] = tuple(worked(procedure, k) for k in drawn[shown + ASKED :])
        order = rng.permutation(len(documents))
        every = [*documents, *(d for some in (*questions.values(), *new.values()) for d in some)]
        words = sorted({w for d in every for w in d.tokens} | {w for aside in ASIDES for w in aside.split()} | {","})
        return cls(facts, tuple(documents[i] for i in order), questions, new, tuple(words))

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


def _of_few_numbers(facts: Facts, rng: np.random.Generator) -> Facts:
    """The same entities, relations of numbers having as many different values as those of words."""
    few = {r: rng.choice(np.arange(10, 100), NUMBERS, replace=False) for r, known in VALUES.items() if not known}
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
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(1.0, (k + 1) / warm) * (1 + math.cos(math.pi * k / steps)) / 2
    )
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
