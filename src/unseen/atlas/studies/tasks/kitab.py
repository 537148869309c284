"""All books of an author that meet a constraint: from memory, and with the author's books in the prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Generation
from unseen.tasks.base import Example
from unseen.tasks.knowledge.books import BookQuestions

MODEL = "qwen2.5-coder-0.5b-instruct"
ITEMS, SHOTS, AUTHORS = 24, 3, 240
SETTINGS = Generation(max_tokens=64, stop=("\n\n",))


class Draw:
    """Questions of one seed in a world of its own, and worked ones of other authors."""

    def __init__(self, seed: int, items: int) -> None:
        self.task, self.rng = BookQuestions(world=seed, authors=AUTHORS), numpy_generator(seed, "kitab")
        # No author twice.
        self._taken = set[str]()
        self.shown = self._some(SHOTS, number=1)
        self.asked = self._some(items, number=1)
        self.free = self._some(items // 2, number=0)

    def _some(self, count: int, *, number: int) -> list[Example]:
        made = list[Example]()
        while len(made) < count:
            (item,) = self.task.draw_many(1, self.rng, number=number, books=(4, 10), distractors=0)
            # A constraint that all books meet, or none but one of ten, asks for nothing or for one word.
            fits = number == 0 or 0.3 <= float(item.factors["constrainedness"]) <= 0.8  # type: ignore[arg-type]
            if fits and str(item.hidden["author"]) not in self._taken:
                self._taken.add(str(item.hidden["author"]))
                made.append(item)
        return made

    def told(self, item: Example, *, marked: bool = False) -> str:
        """The author's books with their years, one a line; with ``marked`` whether each is wanted."""
        lines = re.split(r"(?<=\d{4})\. ", str(item.input).split("\n")[0].removesuffix("."))
        right = set(str(item.target).split("\n"))
        said = [
            f"{line}. {'yes' if line.split(' published ')[1].rsplit(' in ', 1)[0] in right else 'no'}" for line in lines
        ]
        return "\n".join(said if marked else [f"{line}." for line in lines])

    def question(self, item: Example) -> str:
        """What is asked."""
        return str(item.input).split("\n")[-1]


def prompts(draw: Draw, items: Sequence[Example], told: Sequence[str], shown: Sequence[str]) -> list[str]:
    """Questions behind worked ones, each with what is told of its author; nothing where that is empty."""

    def asked(item: Example, context: str) -> str:
        return f"{context + chr(10) if context else ''}Question: {draw.question(item)}\nAnswer:\n"

    before = "".join(f"{asked(e, context)}{e.target}\n\n" for e, context in zip(draw.shown, shown, strict=True))
    return [before + asked(e, context) for e, context in zip(items, told, strict=True)]


class Tally:
    """What answers hold, by the measures of the paper.

    Attributes:
        irrelevant: Mean share of titles given that are none of the author's; 1 where none is given.
        complete: Mean share of the right titles that are given.
        lift: Of the author's titles given, share that meets the constraint, less that of all of the author's books.
        all_correct: Share of answers that are just the right titles.
        titles: The author's titles that are given, summed over answers.
    """

    def __init__(self, draw: Draw, items: Sequence[Example], texts: Sequence[str]) -> None:
        rows = [draw.task.tally(e, t) for e, t in zip(items, texts, strict=True)]
        named = [bool(r["irrelevant"] + r["satisfied"] + r["unsatisfied"]) for r in rows]
        self.irrelevant = float(np.mean([r["irrelevant"] if n else 1.0 for r, n in zip(rows, named, strict=True)]))
        self.complete = float(np.mean([r["complete"] for r in rows]))
        self.all_correct = float(np.mean([r["all_correct"] for r in rows]))
        base = [1 - float(e.factors["constrainedness"]) for e in items]  # type: ignore[arg-type]
        own = [(r["satisfied"], r["satisfied"] + r["unsatisfied"], b) for r, b in zip(rows, base, strict=True)]
        met = [(s / o, b) for s, o, b in own if o > 0]
        self.titles = len(met)
        self.met = float(np.mean([m for m, _ in met])) if met else float("nan")
        self.lift = float(np.mean([m - b for m, b in met])) if met else float("nan")


def answers(model: Subject, asked: Sequence[str]) -> list[str]:
    """What a model lists, greedily."""
    return [a.text.strip() for a in model.generate(asked, SETTINGS)]


@study(
    slug="kitab",
    claim=[
        ("With the author's books in the prompt far fewer titles are irrelevant.", "irrelevant"),
        ("That does not help to meet the constraint.", "lift"),
        ("Few answers are wholly right even so.", "all_correct"),
    ],
    source="Abdin et al. (2024), KITAB: Evaluating LLMs on Constraint Satisfaction for Information Retrieval, ICLR",
    link="https://arxiv.org/abs/2310.15511",
    did="Asked GPT-4 and GPT-3.5 for all books of real authors that meet one or two constraints, from memory, with the author's "
    "books in the prompt and with books that the model had listed itself: without context much is irrelevant or made "
    "up, the more the less known the author; with it less is, but constraints are not met better.",
    here="Authors and books of a made-up world with one constraint, so that from memory nothing can be known; a pretrained model "
    "of 0.5B behind three worked questions. What popularity does can not be tested in such a world.",
    fidelity="C",
    parts=[
        headline("irrelevant", "Share of titles that are none of the author's, from memory less with the books in the prompt",
                 claimed=0.3, refuted=0.0, within=DIFFERENCE, basis="the abstract: context mitigates irrelevant information; from "
                 "memory all is irrelevant here, so that less than a third would be none"),
        headline("lift", "Of the author's titles given, share that meets the constraint above that of all of the author's books",
                 claimed=0.1, refuted=0.25, within=DIFFERENCE, basis="the abstract: not helpful for satisfying constraints; a "
                 "tenth is little, a quarter is half of what there is to be won"),
        side_part("all_correct", "Share of answers that are just the right titles, with the books in the prompt", claimed=0.3,
                  refuted=0.6, within=SHARE, basis="the abstract: fundamental barriers; fewer than a third wholly right"),
        gate("copies", "Without a constraint: share of the author's books that are listed", at_least=0.6, within=SHARE,
             basis="books in the prompt can be listed"),
        gate("few", "Of the author's books, share that meets the constraint", at_most=0.8, within=SHARE,
             basis="room above those that any list would meet"),
        control("marked", "The same lift where the prompt says of each book whether it is wanted", at_least=0.25, within=DIFFERENCE,
                basis="constraints are met where the judgement is told; as much as would refute"),
        control("others", "With another author's books in the prompt: share of titles that are none of the author's",
                at_least=0.8, within=SHARE, basis="nearly all", cuts="the books in the prompt are not the author's"),
    ],
    units="seeds: world, authors, constraints, wordings and worked questions redrawn.",
    seeds=range(10, 16),
    code="Not read: its data are of real authors; measures are those of section 4.2.",
    oracle=["tests/atlas/test_kitab.py", "tests/tasks/knowledge/test_worlds.py"],
    reconstructed="World, wordings and worked questions (the paper shows none).",
    history=[
        Change("2026-11-22", "Written; thresholds before any run of it."),
    ],
    would_take="real authors with books and readers counted, and models from 7B on that know some of them",
    subjects={MODEL: 250_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """From memory, with the books, without a constraint, and both controls."""
    model, draw = subject(MODEL), Draw(seed, 8 if quick else ITEMS)
    half = draw.asked[: len(draw.asked) // 2]
    shown = [draw.told(e) for e in draw.shown]
    other = draw.asked[1:] + draw.asked[:1]

    def tallied(items: Sequence[Example], told: Sequence[str], before: Sequence[str]) -> Tally:
        return Tally(draw, items, answers(model, prompts(draw, items, told, before)))

    memory = tallied(half, [""] * len(half), [""] * SHOTS)
    given = tallied(draw.asked, [draw.told(e) for e in draw.asked], shown)
    free = tallied(draw.free, [draw.told(e) for e in draw.free], shown)
    marked = tallied(half, [draw.told(e, marked=True) for e in half], [draw.told(e, marked=True) for e in draw.shown])
    strange = tallied(half, [draw.told(e) for e in other[: len(half)]], shown)
    few = 1 - float(np.mean([float(e.factors["constrainedness"]) for e in draw.asked]))  # type: ignore[arg-type]
    n = len(draw.asked)
    return {
        "irrelevant": memory.irrelevant - given.irrelevant, "lift": given.lift, "all_correct": (given.all_correct, n),
        "copies": (free.complete, len(draw.free)), "few": few, "marked": marked.lift, "others": (strange.irrelevant, len(half)),
        "irrelevant_given": (given.irrelevant, n), "irrelevant_memory": (memory.irrelevant, len(half)),
        "complete_given": (given.complete, n), "met_given": (given.met, given.titles), "met_marked": marked.met,
        "answers_with_own": given.titles / n,
    }  # fmt: skip
