"""Questions with four lettered options: facts of several subjects, and word problems of two steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np

from unseen.adaptation.prompting.chains import voted
from unseen.adaptation.prompting.examples import nearest
from unseen.atlas.studies.measures._worked_word_problems import question as without_wish
from unseen.atlas.studies.measures._worked_word_problems import solution
from unseen.atlas.subjects import Subject
from unseen.tasks import load
from unseen.tasks.knowledge.short_questions import FACTS, Short, drawn

OPTIONS = 4
LETTERS = ascii_uppercase[:OPTIONS]
_SAID = re.compile(r"(?i:answer(?: is)?)[\s:*(]*([A-D])\b")


@dataclass(frozen=True, slots=True)
class Lettered:
    """A question with four options.

    Attributes:
        question: The text.
        options: As they are shown.
        right: The right one.
        about: What it is about; questions about the same may give each other away.
    """

    question: str
    options: tuple[str, ...]
    right: str
    about: str

    @property
    def letter(self) -> str:
        """Of the right option."""
        return LETTERS[self.options.index(self.right)]

    @property
    def text(self) -> str:
        """The question with its options, one a line.

        >>> print(Lettered("Which?", ("w", "x", "y", "z"), "y", "").text)
        Which?
        A. w
        B. x
        C. y
        D. z
        """
        return "\n".join([self.question, *(f"{c}. {o}" for c, o in zip(LETTERS, self.options, strict=True))])

    def turned(self, by: int) -> Lettered:
        """The options moved on by so many places; over four turns each stands once at each place.

        >>> Lettered("Which?", ("w", "x", "y", "z"), "y", "").turned(1).options
        ('x', 'y', 'z', 'w')
        """
        return replace(self, options=(*self.options[by:], *self.options[:by]))


def facts(rng: np.random.Generator, each: int) -> list[Lettered]:
    """So many facts of each of four kinds, none about the same twice; wrong options are answers to others of the kind."""
    made = list[Lettered]()
    for kind in FACTS:
        pool = drawn(kind, 75, rng)
        for question in pool[:each]:
            others = _others(question, pool)
            wrong = [others[i] for i in rng.permutation(len(others))[: OPTIONS - 1]]
            options = [str(o) for o in rng.permutation([question.answers[0], *wrong])]
            made.append(
                Lettered(question.text, tuple(options), question.answers[0], f"{kind} {' '.join(question.about)}")
            )
    return [made[i] for i in rng.permutation(len(made))]


def _others(question: Short, pool: Sequence[Short]) -> list[str]:
    like = [q for q in pool if question.kind != "attribute" or q.about[0] == question.about[0]]
    return list(dict.fromkeys(q.answers[0] for q in like if not set(q.answers) & set(question.answers)))


def problems(rng: np.random.Generator, count: int) -> list[Lettered]:
    """Word problems of two steps; wrong options are numbers on the way and near the right one."""
    return [asked for asked, _ in worked(rng, count)]


def worked(rng: np.random.Generator, count: int) -> list[tuple[Lettered, str]]:
    """The same with who has how many, step by step, as the solver finds it, and the letter.

    >>> [(_, said)] = worked(np.random.default_rng(1), 1)
    >>> said
    'Finn has 12. Sam has 12 * 5 = 60. Tess has 34. Gus has 60 - 34 = 26. Answer: A'
    """
    made = list[tuple[Lettered, str]]()
    for item in load("word-problems").draw_many(count, rng, steps=2, distractors=0, order="forward"):  # type: ignore[attr-defined]
        right = int(str(item.target))
        near = [right + int(d) for d in rng.permutation([*range(-10, 0), *range(1, 11)])]
        way = [int(n[1]) for n in item.hidden["nodes"]]
        wrong = [str(v) for v in dict.fromkeys([*way[-2:], *near]) if v > 0 and v != right][: OPTIONS - 1]
        options = [str(o) for o in rng.permutation([str(right), *wrong])]
        asked = Lettered(without_wish(item), tuple(options), str(right), str(item.item))
        steps = solution(item).removesuffix(f"The answer is {right}.")
        made.append((asked, f"{steps}Answer: {asked.letter}"))
    return made


def letter_in(text: str) -> str | None:
    """The letter that a text ends with saying.

    >>> letter_in("6 + 7 = 13. Answer: B"), letter_in("Answer: A ... so the answer is (C)."), letter_in("13")
    ('B', 'C', None)
    """
    found = _SAID.findall(text)
    return found[-1] if found else None


def near(items: Sequence[Lettered], pool: Sequence[Lettered], shots: int) -> list[list[Lettered]]:
    """The questions of a pool that are nearest to each by words, the nearest last."""
    order = nearest([i.text for i in items], [p.text for p in pool])
    return [[pool[i] for i in row[:shots]][::-1] for row in order]


def likeliest(model: Subject, items: Sequence[Lettered], shown: Sequence[Sequence[Lettered]]) -> list[str]:
    """The letter that is likeliest behind worked questions, in the prompt of MMLU."""
    prompts = [
        "".join(f"{e.text}\nAnswer: {e.letter}\n\n" for e in own) + f"{item.text}\nAnswer:"
        for item, own in zip(items, shown, strict=True)
    ]
    scored = model.score(prompts, [[f" {c}" for c in LETTERS]] * len(prompts))
    return [LETTERS[int(np.argmax([s.logprob for s in row]))] for row in scored]


def elected(items: Sequence[Lettered], said: Sequence[Sequence[str | None]]) -> list[str | None]:
    """The option that is named most often over turns, the first of several; None where none is named.

    Args:
        items: In the order of turn 0.
        said: Of each turn the letter for each item.

    >>> one = Lettered("Which?", ("w", "x", "y", "z"), "y", "")
    >>> elected([one], [["A"], ["B"], ["A"]])
    ['y']
    """
    chosen = list[str | None]()
    for place, item in enumerate(items):
        options = [
            None if turn[place] is None else item.turned(by).options[LETTERS.index(str(turn[place]))]
            for by, turn in enumerate(said)
        ]
        chosen.append(options[voted(options)])
    return chosen


def share(items: Sequence[Lettered], letters: Sequence[str | None]) -> float:
    """Share of items whose letter is said."""
    return float(np.mean([i.letter == c for i, c in zip(items, letters, strict=True)]))


def errors_gone(after: float, before: float, count: int) -> float:
    """Share of errors that go; where there were none, half an error stands for them.

    >>> round(errors_gone(0.8, 0.6, 10), 6)
    0.5
    """
    return 1 - (1 - after) / max(1 - before, 0.5 / count)
