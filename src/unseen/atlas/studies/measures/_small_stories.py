"""Documents of a few sentences about people and things: each is drawn by itself, and what it tells hangs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")
# What each document begins with, and words of a document behind it.
START, LENGTH = "<start>", 14
HER = ("Anna", "Mary", "Sarah", "Emma", "Lisa", "Jane", "Laura", "Alice")
HIS = ("John", "Peter", "David", "Tom", "Mark", "Paul", "James", "Jack")
# Topics: things, places, what they are like and what is done to them.
TOPICS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("bread", "soup", "cake", "rice"), ("kitchen", "market"), ("hot", "sweet"), ("cooked", "tasted")),
    (("book", "letter", "map", "poem"), ("library", "school"), ("long", "famous"), ("read", "wrote")),
    (("car", "bike", "boat", "train"), ("garage", "harbor"), ("fast", "broken"), ("repaired", "drove")),
    (("dog", "cat", "horse", "bird"), ("farm", "park"), ("wild", "hungry"), ("fed", "called")),
    (("coat", "shirt", "hat", "dress"), ("shop", "closet"), ("blue", "warm"), ("wore", "washed")),
    (("song", "piano", "drum", "guitar"), ("theater", "church"), ("loud", "old"), ("played", "heard")),
    (("rose", "tree", "apple", "grass"), ("garden", "forest"), ("green", "tall"), ("watered", "planted")),
    (("chair", "table", "lamp", "bed"), ("bedroom", "office"), ("small", "heavy"), ("painted", "moved")),
)  # fmt: skip
FUNCTION = ("the", "to", "in", "In", "with", "and", "it", "he", "she", "He", "She", "gave", "took", "left", "saw", ".")
# How likely a document takes each word of a list: by Zipf's law, in an order that each world has for itself.
WORDS = tuple(dict.fromkeys((START, *FUNCTION, *HER, *HIS, *(w for t in TOPICS for part in t for w in part))))


@dataclass(frozen=True)
class World:
    """Where documents are drawn from.

    Attributes:
        people: From the likeliest to the least likely.
        topics: The same of topics, and of the words of each.
        forms: Chances of the forms of a later sentence.
        strays: Share of words that are taken from another topic.
    """

    people: tuple[str, ...]
    topics: tuple[tuple[tuple[str, ...], ...], ...]
    forms: np.ndarray
    strays: float = 0.1

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, people: int = 16, topics: int = 8) -> World:
        """A world of so many people and topics."""
        everyone = [*HER, *HIS]
        own = [everyone[i] for i in rng.permutation(len(everyone))[:people]]
        some = [TOPICS[i] for i in rng.permutation(len(TOPICS))[:topics]]
        shuffled = tuple(tuple(tuple(part[i] for i in rng.permutation(len(part))) for part in t) for t in some)
        return cls(tuple(own), shuffled, rng.dirichlet(np.full(4, 4.0)))

    def document(self, rng: np.random.Generator) -> list[str]:
        """One document: somebody does something to a thing, and what becomes of it."""
        topic, who = self._one(self.topics, rng), self._one(self.people, rng)
        thing = self._word(topic, 0, rng)
        made = [START, who, self._word(topic, 3, rng), "the", self._word(topic, 2, rng), thing, "."]
        while len(made) <= LENGTH:
            pronoun = "she" if who in HER else "he"
            form = int(rng.choice(4, p=self.forms))
            if form == 0:
                made += [pronoun.capitalize(), "took", "it", "to", "the", self._word(topic, 1, rng), "."]
            elif form == 1:
                other = self._one([p for p in self.people if p != who], rng)
                made += [pronoun.capitalize(), "gave", "the", thing, "to", other, "."]
                who = other
            elif form == 2:
                made += ["In", "the", self._word(topic, 1, rng), pronoun, self._word(topic, 3, rng), "the", thing, "."]
            else:
                thing, before = self._word(topic, 0, rng), thing
                made += [who, "left", "the", before, "and", "saw", "the", self._word(topic, 2, rng), thing, "."]
        return made[: LENGTH + 1]

    def documents(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Numbers of the words of documents, shape (count, 1 + length)."""
        at = {w: i for i, w in enumerate(WORDS)}
        return np.array([[at[w] for w in self.document(rng)] for _ in range(count)])

    def _word(self, topic: tuple[tuple[str, ...], ...], part: int, rng: np.random.Generator) -> str:
        if rng.random() < self.strays:
            topic = self.topics[int(rng.integers(len(self.topics)))]
        return self._one(topic[part], rng)

    @staticmethod
    def _one(of: Sequence[T], rng: np.random.Generator) -> T:
        chances = 1 / np.arange(1, len(of) + 1)
        return of[int(np.searchsorted(np.cumsum(chances / chances.sum()), rng.random()))]


def unigram_bits(documents: np.ndarray, others: np.ndarray) -> float:
    """Bits of a word of other documents, foretold from how often words stand in these."""
    counts = np.bincount(documents[:, 1:].reshape(-1), minlength=len(WORDS)) + 1
    return float(-np.log2(counts / counts.sum())[others[:, 1:]].mean())
