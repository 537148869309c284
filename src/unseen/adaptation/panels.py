"""Panels: several frozen models answer twice, behind worked examples like the question and then like their own rationales.

Source: Wu et al. (2025), TAGS: A Test-Time Generalist-Specialist Framework with Retrieval-Augmented Reasoning and
Verification, arXiv:2505.18283 (repository JianghaoWu/TAGS, TAGS/utils.py and TAGS/tags.py).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unseen.errors import BadInput

Words = Sequence[Hashable]


@dataclass(frozen=True, slots=True)
class Worked:
    """A question that was answered, with what was thought.

    Attributes:
        question: Its words.
        rationale: What was thought.
        answer: What was answered.
    """

    question: Words
    rationale: Words
    answer: Hashable


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a member of a panel says.

    Attributes:
        rationale: What it thought.
        answer: What it answered.
        score: How reliable that is; its weight in the vote.
    """

    rationale: Words
    answer: Hashable
    score: float = 1.0


# Opinions on questions, each behind examples of its own.
Member = Callable[[Sequence[Words], Sequence[Sequence[Worked]]], Sequence[Opinion]]
# Scores of opinions on questions, 0 or more.
Scorer = Callable[[Sequence[Words], Sequence[Opinion]], Sequence[float]]
# Which texts of a pool are shown for each text: numbers, the most similar first.
Near = Callable[[Sequence[Words], Sequence[Words], int], Sequence[Sequence[int]]]


def similarity(texts: Sequence[Words], pool: Sequence[Words]) -> np.ndarray:
    """Cosine of the words of texts and of a pool, rare words of the pool counting more; shape (texts, pool).

    A word counts log((1 + n) / (1 + texts of the pool with it)) + 1; a text without words is like nothing.

    >>> similarity(["ab"], ["ab", "ac", "cd"]).round(2).tolist()
    [[1.0, 0.43, 0.0]]
    """
    place = {word: i for i, word in enumerate(dict.fromkeys(w for text in (*pool, *texts) for w in text))}

    def counted(some: Sequence[Words]) -> np.ndarray:
        table = np.zeros((len(some), len(place)))
        for row, text in zip(table, some, strict=True):
            np.add.at(row, [place[w] for w in text], 1.0)
        return table

    asked, known = counted(texts), counted(pool)
    weight = np.log((1 + len(pool)) / (1 + (known > 0).sum(axis=0))) + 1
    units = [t * weight / np.maximum(np.linalg.norm(t * weight, axis=1, keepdims=True), 1e-12) for t in (asked, known)]
    return units[0] @ units[1].T


def nearest(texts: Sequence[Words], pool: Sequence[Words], shots: int, *, too_near: float = 1.0) -> list[list[int]]:
    """Numbers of the texts of a pool that are most similar to each text, the most similar first.

    Args:
        texts: Whose like is looked for.
        pool: Where.
        shots: How many are wanted of each; those that are left out as too similar are not replaced.
        too_near: Leaves out what is more similar than this, for it may be the text itself.

    >>> nearest(["ab"], ["ab", "ac", "cd"], 2), nearest(["ab"], ["ab", "ac", "cd"], 2, too_near=0.97)
    ([[0, 1]], [[1]])
    """
    if not shots:
        return [[] for _ in texts]
    like = similarity(texts, pool)
    order = np.argsort(-like, axis=1, kind="stable")[:, :shots]
    return [[int(i) for i in row if like[t, i] <= too_near] for t, row in enumerate(order)]


def panel(
    questions: Sequence[Words], members: Sequence[Member], pool: Sequence[Worked], scorer: Scorer | None = None, *,
    shots: int = 2, by_question: Near = nearest, by_rationale: Near = nearest,
) -> list[tuple[Opinion, ...]]:  # fmt: skip
    """Two opinions of each member on each question, each with its score.

    In the first round all members see the examples whose questions are most like the question, in the second each sees
    those whose rationales are most like its own of the first round.

    Args:
        questions: What is asked.
        members: Who answers; nothing of them is changed.
        pool: Worked examples.
        scorer: Scores each opinion; without one all count the same.
        shots: Examples in front of a question; 0 for none.
        by_question: How those of the first round are found.
        by_rationale: How those of the second are.

    Returns:
        For each question the opinions of the first round, by member, then those of the second.

    Raises:
        BadInput: There is no member.
    """
    if not members:
        raise BadInput("a panel needs a member, got none.")

    def shown(near: Near, texts: Sequence[Words], known: Sequence[Words]) -> list[list[Worked]]:
        return [[pool[i] for i in row] for row in near(texts, known, shots)] if shots else [[] for _ in texts]

    before = shown(by_question, questions, [w.question for w in pool])
    first = [list(member(questions, before)) for member in members]
    rationales = [w.rationale for w in pool]
    second = [
        list(member(questions, shown(by_rationale, [o.rationale for o in said], rationales)))
        for member, said in zip(members, first, strict=True)
    ]
    rounds = first + second
    if scorer is not None:
        rounds = [
            [replace(o, score=float(s)) for o, s in zip(said, scorer(questions, said), strict=True)] for said in rounds
        ]
    return list(zip(*rounds, strict=True))


def elected(opinions: Sequence[Opinion]) -> Hashable:
    """The answer with the largest sum of scores; of several the one that was given first.

    >>> elected([Opinion("", "a", 2), Opinion("", "b", 5), Opinion("", "a", 2)])
    'b'
    """
    if not opinions:
        raise BadInput("a vote needs an opinion, got none.")
    sums: dict[Hashable, float] = {}
    for o in opinions:
        sums[o.answer] = sums.get(o.answer, 0.0) + o.score
    return max(sums, key=lambda answer: sums[answer])
