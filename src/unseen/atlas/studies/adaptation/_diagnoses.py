"""Questions on patients whose two telling findings name a disease, told by templates, and small networks that answer them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unseen.adaptation.panels import Opinion, Words, Worked
from unseen.engine.seeds import draw_seed, seeded_torch
from unseen.learners.architectures.transformer import Transformer

FIELDS, FINDINGS, DISEASES, OPTIONS = 4, 9, 10, 4
# Templates that networks may have seen, and others; each has three words of its own.
SEEN, NEW = 6, 3
FIRST_DISEASE = 2 * FIELDS * FINDINGS
FIRST_FILLER = FIRST_DISEASE + FIELDS * DISEASES
THINK, ANSWER, JUDGE, GOOD, BAD = (FIRST_FILLER + 3 * (SEEN + NEW) + i for i in range(5))
VOCABULARY = BAD + 1
# Tokens of a question, and of a worked one (thoughts, answer).
ASKED, WORKED = 13, 18
WIDTH, LAYERS, BATCH, RATE = 64, 2, 32, 5e-3
# Share of sequences whose last case has the disease of one before; share of these with other names.
ALIKE, RENAMED = 0.8, 0.7


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its solution.

    Attributes:
        tokens: Question, thoughts and answer, shape (18,).
        disease: Which one it is.
        field: The field of medicine.
    """

    tokens: np.ndarray
    disease: int
    field: int

    @property
    def question(self) -> tuple[int, ...]:
        """Words and options."""
        return tuple(self.tokens[:ASKED].tolist())

    @property
    def answer(self) -> int:
        """The disease, as a word."""
        return int(self.tokens[-1])

    def worked(self) -> Worked:
        """As an example."""
        return Worked(self.question, tuple(self.tokens[ASKED + 1 : ASKED + 3].tolist()), self.answer)


class Medicine:
    """Which two findings tell which disease, drawn once: a disease of a field has two findings of that field.

    Args:
        rng: Source of the rules.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        pairs = list(combinations(range(FINDINGS), 2))
        self.rules = [
            tuple(field * FINDINGS + f for f in pairs[int(i)])
            for field in range(FIELDS)
            for i in rng.choice(len(pairs), DISEASES, replace=False)
        ]

    def case(
        self, rng: np.random.Generator, field: int, *, templates: Sequence[int], lay: float, known: Sequence[int]
    ) -> Case:
        """A patient of a field: the two findings of a disease among four, and four diseases to choose from.

        Args:
            rng: Source of the draws.
            field: The field.
            templates: How it may be told.
            lay: Chance that a finding is told in its lay word.
            known: Diseases of the field, from 0, that may be asked and offered.
        """
        own = [field * DISEASES + k for k in known]
        disease = int(rng.choice(own))
        keys, others = set(self.rules[disease]), [d for d in own if d != disease]
        rivals = [int(d) for d in rng.permutation(others)]
        # Rivals that share a finding come first, so that one finding does not tell.
        rivals = sorted(rivals, key=lambda d: not keys & set(self.rules[d]))[: OPTIONS - 1]
        shown = set(keys)
        for f in rng.permutation(np.arange(field * FINDINGS, (field + 1) * FINDINGS)).tolist():
            told = shown | {f}
            if len(told) <= 4 and not any(set(self.rules[d]) <= told for d in rivals):
                shown = told
        findings = rng.permutation(sorted(shown)).tolist()
        words = [2 * f + int(rng.random() < lay) for f in findings]
        start, between, end = (FIRST_FILLER + 3 * int(rng.choice(templates)) + i for i in range(3))
        question = [start]
        for i in range(4):
            question += [words[i] if i < len(words) else between, between if i < 3 else end]
        options = rng.permutation([disease, *rivals]).tolist()
        first, second = sorted(keys)
        thoughts = [THINK, 2 * first, 2 * second, ANSWER, FIRST_DISEASE + disease]
        tokens = [*question, *(FIRST_DISEASE + d for d in options), *thoughts]
        return Case(np.array(tokens), disease, field)

    def wrong(self, case: Case, rng: np.random.Generator) -> np.ndarray:
        """The case with an answer that does not hold: another option, half of the time with that option's findings as thoughts."""
        tokens = case.tokens.copy()
        options = tokens[ASKED - OPTIONS : ASKED].tolist()
        other = int(rng.choice([o for o in options if o != FIRST_DISEASE + case.disease]))
        if rng.random() < 0.5:
            first, second = sorted(self.rules[other - FIRST_DISEASE])
            tokens[ASKED + 1 : ASKED + 3] = [2 * first, 2 * second]
        tokens[-1] = other
        return tokens


def fitted(
    cases: Sequence[Case], names: Sequence[Sequence[int]], medicine: Medicine, steps: int, rng: np.random.Generator
) -> Transformer:
    """A network trained on one to three cases in a row, and on judging cases of which half are wrong.

    In most sequences the last case has the disease of one before; in most of these diseases bear other names, so that
    only what stands before can tell. So the network learns facts, and to read examples.

    Args:
        cases: What is learnt from.
        names: Names of diseases of each field that may stand for another.
        medicine: For wrong thoughts.
        steps: Updates.
        rng: Source of draws.
    """
    with seeded_torch(draw_seed(rng)):
        net = Transformer(VOCABULARY, WIDTH, LAYERS, 4, position="rotary", longest=3 * WORKED)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    table, by = np.stack([c.tokens for c in cases]), {d: np.array([], int) for d in range(FIELDS * DISEASES)}
    by |= {d: np.array([i for i, c in enumerate(cases) if c.disease == d]) for d in {c.disease for c in cases}}
    disease, field = np.array([c.disease for c in cases]), np.array([c.field for c in cases])
    judged = np.concatenate([np.stack([medicine.wrong(c, rng) for c in cases]), table])
    verdict = np.repeat([BAD, GOOD], len(cases))
    marks = np.tile(np.arange(WORKED) > ASKED, 3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50) * (1 - 0.95 * step / steps)
        rows = rng.integers(len(cases), size=(BATCH, 3))
        alike, renamed = rng.random(BATCH) < ALIKE, np.zeros(BATCH, dtype=bool)
        maps = np.tile(np.arange(VOCABULARY), (BATCH, 1))
        for b in np.flatnonzero(alike):
            model = rows[b, rng.integers(2)]
            rows[b, 2] = rng.choice(by[int(disease[model])])
            if renamed_now := rng.random() < RENAMED:
                renamed[b] = renamed_now
                for f in set(field[rows[b]].tolist()):
                    known = np.unique(disease[field == f])
                    maps[b, FIRST_DISEASE + known] = FIRST_DISEASE + rng.permutation(names[f])[: len(known)]
        tokens = np.take_along_axis(maps, table[rows].reshape(BATCH, -1), axis=1)
        counts = np.tile(marks, (BATCH, 1))
        counts[renamed, : 2 * WORKED] = False
        loss = _loss(net, torch.tensor(tokens), torch.tensor(counts))
        pick = rng.integers(len(judged), size=2 * BATCH)
        told = np.column_stack([judged[pick], np.full(2 * BATCH, JUDGE), verdict[pick]])
        last = np.zeros(told.shape, dtype=bool)
        last[:, -1] = True
        loss = loss + _loss(net, torch.tensor(told), torch.tensor(last))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return net.eval()


def _loss(net: Transformer, tokens: Tensor, counts: Tensor) -> Tensor:
    logits = net(tokens[:, :-1])
    return F.cross_entropy(logits[counts[:, 1:]], tokens[:, 1:][counts[:, 1:]])


class Doctor:
    """A frozen network as a member of a panel: it thinks of two findings, then chooses an option.

    Args:
        net: Who answers.
        temperature: 0 for the likeliest words; else they are drawn.
        rng: Source of draws.
    """

    def __init__(self, net: Transformer, temperature: float = 0.0, rng: np.random.Generator | None = None) -> None:
        self.net, self.temperature, self.rng = net, temperature, rng

    @torch.no_grad()
    def __call__(self, questions: Sequence[Words], shown: Sequence[Sequence[Worked]]) -> list[Opinion]:
        """Opinions; the most similar example stands next to the question."""
        texts = [
            [t for w in reversed(some) for t in (*w.question, THINK, *w.rationale, ANSWER, w.answer)]
            + [*q, THINK]
            for q, some in zip(questions, shown, strict=True)
        ]  # fmt: skip
        said: list[Opinion | None] = [None] * len(texts)
        for length in {len(t) for t in texts}:
            at = [i for i, t in enumerate(texts) if len(t) == length]
            logits, kept = self.net.extend(torch.tensor([texts[i] for i in at]), self.net.state())
            thoughts: list[Tensor] = []
            for _ in range(2):
                thoughts.append(self._word(logits[:, -1]))
                logits, kept = self.net.extend(thoughts[-1][:, None], kept)
            logits, kept = self.net.extend(torch.full((len(at), 1), ANSWER), kept)
            options = torch.tensor([questions[i][-OPTIONS:] for i in at])
            chosen = self._word(logits[:, -1].gather(1, options))
            answers = options.gather(1, chosen[:, None])[:, 0].tolist()
            for i, thought, answer in zip(at, torch.stack(thoughts, 1).tolist(), answers, strict=True):
                said[i] = Opinion(tuple(thought), answer)
        return [o for o in said if o is not None]

    def _word(self, logits: Tensor) -> Tensor:
        if not self.temperature or self.rng is None:
            return logits.argmax(-1)
        chance = (logits / self.temperature).softmax(-1).cumsum(-1)
        drawn = torch.tensor(self.rng.random((len(logits), 1)), dtype=chance.dtype)
        return (chance < drawn).sum(-1).clamp(max=logits.shape[1] - 1)


class Reviewer:
    """A frozen network that scores opinions from 1 to 5 by its doubt whether thoughts and answer hold.

    Args:
        net: Who judges.
    """

    def __init__(self, net: Transformer) -> None:
        self.net = net

    @torch.no_grad()
    def __call__(self, questions: Sequence[Words], opinions: Sequence[Opinion]) -> list[float]:
        """Scores."""
        rows = [[*q, THINK, *o.rationale, ANSWER, o.answer, JUDGE] for q, o in zip(questions, opinions, strict=True)]
        logits = self.net(torch.tensor(rows))[:, -1, [BAD, GOOD]]
        return (1 + 4 * logits.softmax(-1)[:, 1]).round().tolist()
