"""One constraint at a time: words to use against a length to keep, in four wordings, by a weaker and a stronger model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Generation, Prompt
from unseen.tasks.instructions.kinds import MANY, Constraint
from unseen.tasks.instructions.writer import SUBJECTS

WEAKER, MODEL = "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"
EACH = 15
SETTINGS = Generation(max_tokens=64, stop=("\n",))
# Four wordings of each; the modes of length are those of the authors' data, in equal parts.
WORDED: Mapping[str, tuple[str, str, str, str]] = {
    "keywords": (
        "Write a sentence with the words {w}.",
        "Could you make up one sentence that uses {w}?",
        "Keywords: {w}. Task: one sentence with all of them.",
        "I need a sentence. These words have to be in it: {w}.",
    ),
    "at most": (
        "Write a text of at most {n} words.",
        "Could you write something that has no more than {n} words?",
        "Task: a text. Length: {n} words or fewer.",
        "I need a short text. It may not go over {n} words.",
    ),
    "at least": (
        "Write a text of at least {n} words.",
        "Could you write something that has no fewer than {n} words?",
        "Task: a text. Length: {n} words or more.",
        "I need a text. It may not fall below {n} words.",
    ),
    "equal to": (
        "Write a text of exactly {n} words.",
        "Could you write something that has precisely {n} words?",
        "Task: a text. Length: {n} words, no more and no fewer.",
        "I need a text. It has to have {n} words exactly.",
    ),
    "between": (
        "Write a text of {n} to {m} words.",
        "Could you write something that has between {n} and {m} words?",
        "Task: a text. Length: from {n} to {m} words.",
        "I need a text. It has to have no fewer than {n} and no more than {m} words.",
    ),
    "around": (
        "Write a text of about {n} words.",
        "Could you write something that has around {n} words?",
        "Task: a text. Length: approximately {n} words.",
        "I need a text. It should have {n} words or so.",
    ),
}
MODES = tuple(mode for mode in WORDED if mode != "keywords")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One constraint that can be worded in four ways.

    Attributes:
        mode: ``keywords``, or a mode of length.
        constraint: What is checked.
        number: Of words, where it is one of length.
    """

    mode: str
    constraint: Constraint
    number: int = 0

    def prompt(self, wording: int) -> Prompt:
        """As the model is asked.

        >>> Instruction("keywords", Constraint("include", ("ship", "fog"))).prompt(0)[0]["content"]
        'Write a sentence with the words ship and fog.'
        """
        *before, last = self.constraint.words or ("",)
        listed = f"{', '.join(before)} and {last}"
        text = WORDED[self.mode][wording].format(w=listed, n=self.number, m=self.constraint.high)
        return [{"role": "user", "content": text}]

    def exactly(self) -> Constraint:
        """The same length to the word."""
        return Constraint("words", (), self.number, self.number)


def drawn(rng: np.random.Generator, each: int) -> list[Instruction]:
    """So many instructions of keywords and as many of length: 2 to 4 words of one subject, and 8 to 30 words long."""
    made = list[Instruction]()
    for i in range(each):
        words = rng.permutation(SUBJECTS[str(rng.choice(list(SUBJECTS)))])[: 2 + i % 3]
        made.append(Instruction("keywords", Constraint("include", tuple(map(str, words)))))
    for i in range(each):
        n, mode = int(rng.integers(8, 26)), MODES[i % len(MODES)]
        tenth = max(1, n // 10)
        low, high = {
            "at most": (0, n), "at least": (n, MANY), "equal to": (n, n), "between": (n, n + int(rng.integers(3, 6))),
            "around": (n - tenth, n + tenth),
        }[mode]  # fmt: skip
        made.append(Instruction(mode, Constraint("words", (), low, high), n))
    return made


def said(model: Subject, asked: Sequence[tuple[Instruction, int]]) -> list[str]:
    """What a model writes, greedily."""
    return [a.text for a in model.generate([i.prompt(w) for i, w in asked], SETTINGS)]


def share(constraints: Sequence[Constraint], texts: Sequence[str]) -> float:
    """Share of constraints that are met."""
    return float(np.mean([c.met(text) for c, text in zip(constraints, texts, strict=True)]))


@study(
    slug="codi-eval",
    claim=[
        ("Models that follow other constraints in diverse instructions fail those of length.", "length"),
        ("Whether a constraint is met hangs on its wording.", "wording"),
        ("A weaker model stands far below a stronger one.", "stronger"),
    ],
    source="Chen et al. (2024), Benchmarking Large Language Models on Controllable Generation under Diversified Instructions, AAAI",
    link="https://arxiv.org/abs/2401.00690",
    did="Wrote instructions with constraints of sentiment, topic, length, keywords and toxicity in diverse words, had classifiers "
    "and rules judge the answers of open and commercial models, and found length and several aspects at once the weakest, and "
    "open models far below commercial ones.",
    here="Sentences with given words and texts of a given length, in four wordings, judged by rules; pretrained models of 135M and "
    "0.5B in place of open and commercial ones; up to 30 words in place of 200.",
    fidelity="C",
    parts=[
        headline("length", "Share met of constraints of keywords less that of constraints of length", claimed=0.2, refuted=0.0,
                 within=DIFFERENCE, basis="length stands far below keywords for the models of the paper; a fifth is half of that"),
        side_part("wording", "Share of constraints that are met in some of the four wordings and not in others", claimed=0.2,
                  refuted=0.05, within=SHARE, basis="the paper diversifies instructions since wording matters; a fifth is much"),
        side_part("stronger", "Share met by the model of 0.5B less that by the one of 135M", claimed=0.1, refuted=0.0,
                  within=DIFFERENCE, basis="the abstract: a significant gap; ten points"),
        gate("keywords_met", "0.5B: share met of constraints of keywords", at_least=0.5, within=SHARE,
             basis="the model follows instructions of another category"),
        gate("room", "0.5B: share met of all constraints", at_most=0.95, within=SHARE, basis="below the ceiling"),
        control("exact", "Judged by exactly the number of words that is named, length falls below keywords", at_least=0.2,
                within=DIFFERENCE, basis="the effect planted: a length that few texts have; as much as is claimed"),
        control("slack", "Judged by 1 to 64 words, length does not lie below keywords", at_most=0.0, within=DIFFERENCE,
                basis="nothing is left to fail", cuts="limits of length"),
        control("others", "Share met of the keywords of another instruction", at_most=0.1, within=SHARE,
                basis="keywords are not met by chance", cuts="what is judged was not asked for"),
    ],
    units="seeds: words, lengths and wordings redrawn.",
    seeds=range(20, 45),
    code="Xt-cyh/CoDI-Eval (data/instructions/length_lite.jsonl, keyword_lite.jsonl): five modes of length, 200 items each, "
    "within a tenth for 'around'; keywords of two words and more.",
    oracle=["tests/tasks/instructions/test_verifiable.py", "tests/atlas/test_codi_eval.py"],
    reconstructed="Wordings (the authors had a model diversify them), subjects of words, and lengths of 8 to 30 words.",
    history=[
        Change("2026-11-22", "A pilot for another study (seed 100) had been seen: a sentence about a subject with one given word "
               ".42, within a limit of words .58, by instructions of another form. A first form of this plan rested on those; it "
               "was given up, before it was run, for the modes of length and the keywords of the authors' data.", (100,)),
        Change("2026-11-22", "Pilot of two seeds: gates and controls as wanted, five seeds enough; nothing was changed. It "
               "showed that the model of 0.5B does not stand above the one of 135M.", (100, 101)),
        Change("2026-11-23", "Six seeds (10 to 15) left the gate of keywords open, 0.57 [0.40, 0.74] met where 0.5 is asked; about "
               "49 would decide: 25 fresh ones, which take half an hour. Nothing else changed.", tuple(range(10, 16))),
    ],
    would_take="categories with judges (sentiment, topic, toxicity) and longer texts",
    subjects={MODEL: 250_000, WEAKER: 125_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Each constraint by both models, a part of them in all wordings, and all controls on the same answers."""
    rng = numpy_generator(seed, "codi-eval")
    items = drawn(rng, 5 if quick else EACH)
    one = [(item, int(w)) for item, w in zip(items, rng.integers(4, size=len(items)), strict=True)]
    some = items[::3]
    every = [(item, w) for item in some for w in range(4)]
    texts = said(subject(MODEL), [*one, *every])
    weaker = said(subject(WEAKER), one)
    asked, n = [i.constraint for i in items], len(items) // 2
    met = np.array([c.met(t) for (i, _), t in zip(every, texts[len(one) :], strict=True) for c in [i.constraint]])
    wordings = met.reshape(len(some), 4)
    keywords, length = share(asked[:n], texts[:n]), share(asked[n:], texts[n : 2 * n])
    exact = share([i.exactly() for i in items[n:]], texts[n : 2 * n])
    slack = share([Constraint("words", (), 1, 64)] * n, texts[n : 2 * n])
    strangers = [
        Constraint("include", tuple(w for w in c.words if w not in own.words) or ("none",))
        for c, own in zip(asked[1:n] + asked[:1], asked[:n], strict=True)
    ]  # fmt: skip
    return {
        "length": keywords - length, "exact": keywords - exact, "slack": keywords - slack,
        "others": (share(strangers, texts[:n]), n), "keywords_met": (keywords, n), "length_met": (length, n),
        "room": ((keywords + length) / 2, 2 * n),
        "wording": (float((wordings.any(axis=1) & ~wordings.all(axis=1)).mean()), len(some)),
        "stronger": (keywords + length) / 2 - share(asked, weaker), "weaker_met": (share(asked, weaker), 2 * n),
        **{f"{mode.replace(' ', '_')}_met": (share([i.constraint for i in items if i.mode == mode],
           [t for i, t in zip(items, texts, strict=False) if i.mode == mode]), n // len(MODES)) for mode in MODES},
    }  # fmt: skip
