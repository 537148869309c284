"""A pretrained language model as it stands, and the influence that texts whose facts and procedures are known would have on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from unseen.engine.seeds import numpy_generator, seeded_torch, torch_generator
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.losses import NO_TARGET
from unseen.measures.influence import Kronecker
from unseen.tasks.knowledge.plain_texts import Text

MODEL = "smollm2-135m-instruct"
# The last block of each third of the thirty, whose multilayer perceptrons count; others are held fixed.
BLOCKS = (9, 19, 29)
# What stands between texts in pretraining.
START = "<|endoftext|>"
# Texts that the curvature is fitted on, and their tokens.
WRITTEN, LONG = 64, 32
MEMORY = 1 << 33
BATCH = 24


@dataclass(frozen=True)
class Reader:
    """A model with its tokenizer.

    Attributes:
        model: As transformers has it, in single precision.
        tokenizer: Its tokenizer.
    """

    model: Any
    tokenizer: Any

    def tokens(self, text: str) -> list[int]:
        """Tokens of a text, or of a part of one."""
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def sample(self, texts: Sequence[Text], of: str = "all", name: str = "texts") -> Sample:
        """Texts as tokens, each after the token that starts one.

        Args:
            texts: Some.
            of: What is foretold: all, steps (with the answer), or the answer.
            name: What they are called.
        """
        parts = [[self.tokens(p) for p in (START + t.prompt, t.steps, t.answer, t.end)] for t in texts]
        made = Sample.tokens([[i for p in row for i in p] for row in parts], name=name)
        if of == "all":
            return made
        targets = made.targets.clone()
        for row, (prompt, steps, answer, _) in zip(targets, parts, strict=True):
            first = len(prompt) + (len(steps) if of == "answer" else 0)
            row[: first - 1] = NO_TARGET
            row[len(prompt) + len(steps) + len(answer) - 1 :] = NO_TARGET
        return Sample(made.inputs, targets, name)

    def right(self, texts: Sequence[Text]) -> list[bool]:
        """Whether each token of steps and answer is the likeliest after those before it, for each text."""
        sample = self.sample(texts, "steps")
        with torch.no_grad():
            best = self.model(sample.inputs).logits.argmax(-1)
        return ((best == sample.targets) | (sample.targets == NO_TARGET)).all(1).tolist()

    def written(self, n: int, long: int, seed: int) -> Sample:
        """Texts that the model writes by itself, each token drawn as likely as it holds it to be."""
        start = torch.full((n, 1), self.tokens(START)[0])
        with seeded_torch(seed), torch.no_grad():
            made = self.model.generate(
                start, attention_mask=torch.ones_like(start), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                max_new_tokens=long, min_new_tokens=long, use_cache=True,
            )  # fmt: skip
        return Sample.tokens(made.tolist(), name="texts of its own")


@cache
def reader() -> Reader:
    """The model; one copy a process."""
    from unseen.learners.language.loading import load
    from unseen.learners.language.published import place_of

    found = load(place_of(MODEL), dtype="float32", device="cpu")
    return Reader(found.model.requires_grad_(False), found.tokenizer)


@cache
def fitted(written: int = WRITTEN, seed: int = 0) -> Kronecker:
    """EK-FAC of the perceptrons of some blocks, on texts that the model writes: the nearest thing to what it was trained on.

    The model is one and so is its curvature: it is fitted once a process, whatever is asked.
    """
    own = reader()
    sample = own.written(written, LONG, seed)
    layers = rf"layers\.({'|'.join(map(str, BLOCKS))})\.mlp\."
    network = Network.of(own.model, sample, layers=layers, name=MODEL)
    return Kronecker.fit(network, sample, draws=1, generator=torch_generator(seed, "labels"), memory=MEMORY)


def by_block(kronecker: Kronecker, train: Reader, texts: Sequence[Text], test: Sample) -> np.ndarray:
    """Influence of texts on examples, each block by itself, shape (blocks, examples, texts); their sum is the influence.

    Args:
        kronecker: Of the perceptrons of the blocks.
        train: Makes tokens of the texts.
        texts: Some; those of one length go together.
        test: Examples.
    """
    layers, factors = kronecker.layers, kronecker.factors
    block = [next(i for i, b in enumerate(BLOCKS) if f".{b}." in f.layer.name) for f in factors]
    kept = [torch.empty(len(test), f.layer.size) for f in factors]
    for rows, passed in layers.passes(test, BATCH):
        for factor, one, into in zip(factors, passed, kept, strict=True):
            into[rows] = factor.inverse(one).flatten(1)
    made = np.zeros((len(BLOCKS), len(test), len(texts)))
    order = np.argsort([len(train.tokens(t.text)) for t in texts], kind="stable")
    for part in np.array_split(order, -(-len(texts) // BATCH)):
        sample = train.sample([texts[i] for i in part])
        for _, passed in layers.passes(sample, BATCH):
            for at, one, own in zip(block, passed, kept, strict=True):
                made[at][:, part] += (own @ one.of_weights().flatten(1).T).double().numpy()
    return made


def drawn(seed: int, what: str) -> np.random.Generator:
    """Source of what a seed draws of texts."""
    return numpy_generator(seed, f"known to a model: {what}")
