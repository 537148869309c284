"""Lexicons of adjectives that take one of two suffixes, and a character model that is trained on their counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

# What decides the suffix in variable classes.
Origin = Literal["letters", "families", "rules"]
CONSONANTS, VOWELS = "pbtdkgfvszmnlr", "aeiou"
# Ends of classes -able, -ish, -ive, -ous as one segment each; suffixes -ity and -ness likewise.
ENDS, SUFFIXES, START, STOP = "AHIO", "YN", "<", ">"
REGULAR, VARIABLE = "AH", "IO"
# Shares of types that prefer -ity, and of types with both, in the authors' counts (src/gcm/exemplars).
ITY = {"A": 0.977, "H": 0.0, "I": 0.675, "O": 0.316}
BOTH = {"A": 0.08, "H": 0.0, "I": 0.17, "O": 0.12}
TYPES, NONCE, FAMILIES = 400, 100, 40
# Logarithm of counts, base 10; theirs have 1 and 1.
MIDDLE, SPREAD, MOST = 1.0, 0.6, 3.0
ALPHABET = START + STOP + CONSONANTS + VOWELS + ENDS + SUFFIXES

_PLACE = {"lab": "pbfvm", "cor": "tdsznlr", "dor": "kg"}
_MANNER = {"stop": "ptkbdg", "fric": "fvsz", "nas": "mn", "liq": "lr"}
_OTHER = {
    "voi": "bdgvzmnlraeiou", "unv": "ptkfs", "con": CONSONANTS, "obs": "ptkbdgfvsz", "son": "mnlraeiou", "syl": VOWELS,
    "high": "iu", "mid": "eo", "low": "a", "back": "aou", "front": "ei",
}  # fmt: skip
FEATURES: dict[str, frozenset[str]] = {
    s: frozenset(name for name, own in {**_PLACE, **_MANNER, **_OTHER}.items() if s in own) for s in CONSONANTS + VOWELS
} | {end: frozenset({"end", end}) for end in ENDS}
# l and r, m and n differ in no feature above.
FEATURES["l"] |= {"lat"}


def stems(n: int, rng: np.random.Generator, apart_from: Sequence[str] = ()) -> list[str]:
    """So many different stems of two or three syllables, each ending in a consonant."""
    made: dict[str, None] = {}
    others = set(apart_from)
    while len(made) < n:
        parts = [rng.choice(list(CONSONANTS)) + rng.choice(list(VOWELS)) for _ in range(rng.integers(1, 3))]
        stem = "".join(parts) + str(rng.choice(list(CONSONANTS)))
        if stem not in others:
            made[stem] = None
    return list(made)


@dataclass(frozen=True)
class Law:
    """How a variable class chooses its suffix: a score of each stem, high ones prefer -ity.

    Attributes:
        origin: Sums of letters, families of like stems, or a rule on the last segment.
        letters: Weight of each segment at each of the last three places, shape (3, segments).
        families: Stems that those of the class are like, one segment changed; only where families decide.
        answers: Score of each family.
        feature: What a rule asks of the last segment.
        cut: Score above which -ity is preferred.
    """

    origin: Origin
    letters: np.ndarray
    families: tuple[str, ...]
    answers: np.ndarray
    feature: str
    cut: float = 0.5

    @classmethod
    def drawn(cls, origin: Origin, rng: np.random.Generator) -> Law:
        """One for a class."""
        families = [s for s in stems(6 * FAMILIES, rng) if len(s) == 5][:FAMILIES]
        return cls(
            origin, rng.normal(size=(3, len(CONSONANTS + VOWELS))), tuple(families), rng.normal(size=len(families)),
            str(rng.choice(["voi", "stop", "cor", "obs"])),
        )  # fmt: skip

    def stems(self, n: int, rng: np.random.Generator, apart_from: Sequence[str] = ()) -> list[str]:
        """So many different stems of the class."""
        if self.origin != "families":
            return stems(n, rng, apart_from)
        made: dict[str, None] = {}
        others = set(apart_from)
        while len(made) < n:
            stem, at = rng.choice(self.families), rng.integers(5)
            stem = stem[:at] + str(rng.choice(list(VOWELS if stem[at] in VOWELS else CONSONANTS))) + stem[at + 1 :]
            if stem not in others:
                made[stem] = None
        return list(made)

    def scores(self, given: Sequence[str]) -> np.ndarray:
        """Of each stem, with nothing left to chance."""
        segments = CONSONANTS + VOWELS
        if self.origin == "letters":
            return np.array([sum(self.letters[k, segments.index(s[-1 - k])] for k in range(3)) for s in given])
        if self.origin == "rules":
            return np.array([float(self.feature in FEATURES[s[-1]]) for s in given])
        unlike = [[sum(a != b for a, b in zip(s, f, strict=True)) for f in self.families] for s in given]
        return self.answers[np.argmin(unlike, axis=1)]


@dataclass(frozen=True)
class Lexicon:
    """Adjectives with counts.

    Attributes:
        words: Stem and end.
        counts: How often each was met with -ity and with -ness, shape (n, 2).
        alone: How often each was met without a suffix, shape (n,).
        laws: What decides the suffix, by the end of variable classes.
    """

    words: tuple[str, ...]
    counts: np.ndarray
    alone: np.ndarray
    laws: Mapping[str, Law] = field(default_factory=dict[str, "Law"])

    @property
    def prefers(self) -> np.ndarray:
        """Which suffix each is met with more often, 0 for -ity, shape (n,)."""
        return (self.counts[:, 1] > self.counts[:, 0]).astype(int)

    def of(self, ends: str) -> np.ndarray:
        """Positions of words with one of these ends."""
        return np.array([i for i, word in enumerate(self.words) if word[-1] in ends])

    def shuffled(self, rng: np.random.Generator) -> Lexicon:
        """Counts of derivatives of one word for another, whatever its class."""
        return replace(self, counts=rng.permutation(self.counts))

    def flat(self) -> Lexicon:
        """Each derivative counted as often as any other, bases too."""
        seen = (self.counts > 0) / (self.counts > 0).sum(1, keepdims=True)
        mean = self.counts.sum(1).mean()
        return replace(self, counts=seen * mean, alone=np.full(len(self.words), self.alone.mean()))


def lexicon(origin: Origin, rng: np.random.Generator, types: int = TYPES) -> Lexicon:
    """Draw words of all four classes; in variable ones a law decides, but for a tenth of the words."""
    words: list[str] = []
    liking: list[np.ndarray] = []
    laws: dict[str, Law] = {}
    for end in ENDS:
        if end in REGULAR:
            made, prefers = stems(types, rng), rng.random(types) < ITY[end]
        else:
            law = Law.drawn(origin, rng)
            made = law.stems(types, rng)
            score = law.scores(made)
            if origin != "rules":
                law = replace(law, cut=float(np.quantile(score, 1 - ITY[end])))
            laws[end], prefers = law, score > law.cut
            if origin != "rules":
                prefers = np.where(rng.random(types) < 0.1, rng.random(types) < ITY[end], prefers)
        double = rng.random(types) < BOTH[end]
        most = np.where(double, rng.uniform(0.5, 1.0, types), 1.0)
        words += [stem + end for stem in made]
        liking.append(np.where(prefers, most, 1 - most))
    share = np.concatenate(liking)
    n = len(words)
    size = np.clip(rng.normal(MIDDLE, SPREAD, n), 0, MOST)
    derived = 10**size
    alone = 10 ** (size + rng.normal(0, 0.3, n))
    counts = np.stack([derived * share, derived * (1 - share)], axis=1)
    return Lexicon(tuple(words), np.where(counts > 0, np.maximum(np.rint(counts), 1), 0), np.rint(alone), laws)


def preferences(
    trained_on: Lexicon, asked: Sequence[str], updates: int, generator: torch.Generator, *, width: int = 64,
    batch: int = 128,
) -> np.ndarray:  # fmt: skip
    """Train a GRU on words drawn by their counts; ln P(-ity) - ln P(-ness) after each asked word, shape (m,)."""
    import torch

    from unseen.engine.seeds import draw_seed, seeded_torch
    from unseen.learners.architectures.recurrent import Recurrent

    words = trained_on.words
    forms = [*words, *(w + SUFFIXES[0] for w in words), *(w + SUFFIXES[1] for w in words)]
    weights = np.concatenate([trained_on.alone, trained_on.counts[:, 0], trained_on.counts[:, 1]])
    rows, chance = _encoded(forms), torch.tensor(weights, dtype=torch.float64)
    with seeded_torch(draw_seed(generator)):
        model = Recurrent(len(ALPHABET), width, "gru")
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, updates)
    for _ in range(updates):
        drawn = rows[torch.multinomial(chance, batch, replacement=True, generator=generator)]
        loss = torch.nn.functional.cross_entropy(model(drawn[:, :-1]).flatten(0, 1), drawn[:, 1:].flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
        falling.step()
    last = torch.tensor([len(w) for w in asked])
    with torch.no_grad():
        logits = model(_encoded(asked)[:, :-1])[torch.arange(len(asked)), last].double().numpy()
    return logits[:, ALPHABET.index(SUFFIXES[0])] - logits[:, ALPHABET.index(SUFFIXES[1])]


def _encoded(forms: Sequence[str]) -> torch.Tensor:
    """Start, segments, stop and more stops, shape (n, longest + 2)."""
    import torch

    longest = max(map(len, forms)) + 2
    return torch.tensor([[ALPHABET.index(s) for s in (START + form).ljust(longest, STOP)] for form in forms])
