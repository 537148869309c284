"""Options made longer without a change of what they say, and questions with options turned into true or false."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator
from unseen.probing.variants.length import TAILS
from unseen.tasks.knowledge.short_questions import FACTS, Short, drawn

MODEL = "qwen2.5-coder-0.5b-instruct"
OPTIONS, SHOTS = 4, 5
HEAD = "The following are multiple choice questions (with answers).\n\n"


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with four options.

    Attributes:
        question: The text.
        options: As they are shown.
        key: Place of the right one.
    """

    question: str
    options: tuple[str, ...]
    key: int

    @property
    def text(self) -> str:
        """As MMLU is asked, up to the letter.

        >>> print(Choice("Which?", ("x", "y"), 1).text)
        Which?
        A. x
        B. y
        Answer:
        """
        shown = "".join(f"{ascii_uppercase[i]}. {o}\n" for i, o in enumerate(self.options))
        return f"{self.question}\n{shown}Answer:"

    def longer(self, places: Sequence[int], tail: str) -> Choice:
        """The options at these places said twice.

        >>> Choice("Which?", ("x", "y"), 1).longer([1], "{0}, that is to say {0}").options
        ('x', 'y, that is to say y')
        """
        said = [tail.replace("{0}", o) if i in places else o for i, o in enumerate(self.options)]
        return replace(self, options=tuple(said))

    def right_longer(self, tail: str) -> Choice:
        """The right option longer."""
        return self.longer([self.key], tail)

    def wrong_longer(self, tail: str) -> Choice:
        """All wrong options longer."""
        return self.longer([i for i in range(len(self.options)) if i != self.key], tail)

    def all_longer(self, tail: str) -> Choice:
        """All options longer."""
        return self.longer(range(len(self.options)), tail)


def choice_of(question: Short, among: Sequence[Short], rng: np.random.Generator) -> Choice:
    """Options of other questions of the kind; of the same attribute where the kind has several."""
    like = [q for q in among if q.kind == question.kind and (q.kind != "attribute" or q.about[0] == question.about[0])]
    others = list(dict.fromkeys(q.answers[0] for q in like if not set(q.answers) & set(question.answers)))
    wrong = [others[i] for i in rng.permutation(len(others))[: OPTIONS - 1]]
    key = int(rng.integers(OPTIONS))
    return Choice(question.text, (*wrong[:key], question.answers[0], *wrong[key:]), key)


class Draw:
    """Questions of one seed, worked ones first, and how an option is said twice in each."""

    def __init__(self, seed: int, count: int) -> None:
        rng = numpy_generator(seed, "generalization-stress-test")
        pool = {k: drawn(k, 75, rng) for k in FACTS}
        order = rng.permutation([k for k in FACTS for _ in range(-(-(count + SHOTS) // len(FACTS)))])[: count + SHOTS]
        taken = {k: iter(qs) for k, qs in pool.items()}
        made = [choice_of(next(taken[k]), pool[k], rng) for k in order]
        self.shown, self.asked = made[:SHOTS], made[SHOTS:]
        self.tails = [TAILS[int(i)] for i in rng.integers(len(TAILS), size=len(made))]
        # Of each question the wrong option that is asked about as true or false.
        self.wrong = [int(rng.choice([i for i in range(OPTIONS) if i != c.key])) for c in made]

    def worked(self, *, long: bool = False) -> str:
        """Worked questions; with ``long`` the right option is the long one in each."""
        shown = [c.right_longer(t) if long else c for c, t in zip(self.shown, self.tails, strict=False)]
        return HEAD + "".join(f"{c.text} {ascii_uppercase[c.key]}\n\n" for c in shown)


def chosen(model: Subject, before: str, asked: Sequence[Choice]) -> np.ndarray:
    """Place of the option with the likeliest letter."""
    letters = [f" {ascii_uppercase[i]}" for i in range(OPTIONS)]
    scored = model.score([before + c.text for c in asked], [letters] * len(asked))
    return np.array([int(np.argmax([s.logprob for s in row])) for row in scored])


def called_true(model: Subject, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
    """Whether the right option, and one wrong option, is called true."""
    every = list(zip([*draw.shown, *draw.asked], draw.wrong, strict=True))
    line = "Question: {}\nAnswer: {}\nIs this answer true or false?"
    worked = "".join(
        f"{line.format(c.question, c.options[c.key if i % 2 else w])} {'true' if i % 2 else 'false'}\n\n"
        for i, (c, w) in enumerate(every[:SHOTS])
    )
    asked = every[SHOTS:]
    prompts = [worked + line.format(c.question, c.options[i]) for c, w in asked for i in (c.key, w)]
    scored = model.score(prompts, [[" true", " false"]] * len(prompts))
    true = np.array([a.logprob > b.logprob for a, b in scored])
    return true[::2], true[1::2]


@study(
    slug="generalization-stress-test",
    claim=[
        ("A longer right option raises accuracy although it says the same.", "right_longer"),
        ("Longer wrong options lower it.", "wrong_longer"),
        ("The same questions as true or false are answered less well.", "type"),
    ],
    source="Zhao et al. (2025), Stress Testing Generalization: How Minor Modifications Undermine Large Language Model "
    "Performance, arXiv",
    link="https://arxiv.org/abs/2502.12459",
    did="Changed the length of options, the type of question and irrelevant nouns in MMLU, ARC and GSM8K without changing what is "
    "asked: with longer right options Qwen2.5 1.5B rose on MMLU from 60 to 89, with longer wrong ones it fell to 36.",
    here="One pretrained model of 0.5B parameters on facts of four kinds with four lettered options, five worked questions, the "
    "likeliest letter. An option is made longer by saying it twice. Irrelevant nouns are not changed.",
    fidelity="C",
    parts=[
        headline("right_longer", "Points gained where the right option alone is longer", claimed=0.06, refuted=0.0,
                 within=DIFFERENCE, basis="29 points for Qwen2.5 1.5B; 6 are the smallest change that the abstract names"),
        headline("wrong_longer", "Points lost where all wrong options are longer", claimed=0.06, refuted=0.0,
                 within=DIFFERENCE, basis="24 points for Qwen2.5 1.5B; 6 are the smallest change that the abstract names"),
        side_part("type", "Points lost where right means to call the right option true and a wrong one false", claimed=0.06,
                  refuted=0.0, within=DIFFERENCE, basis="25 points for GPT-4; chance is .25 in both types"),
        gate("original", "Right on the questions as they are", at_least=0.35, within=SHARE, basis="chance is .25"),
        gate("room", "Right on the questions as they are", at_most=0.9, within=SHARE, basis="room for a rise"),
        control("planted", "Points gained by a longer right option where it is the long one in the worked questions too",
                at_least=0.06, within=DIFFERENCE, basis="a cue that was shown; as much as is claimed without it"),
        control("even", "Points of that gain which go where the wrong options are longer as well", at_least=0.06, within=DIFFERENCE,
                basis="as much as is claimed", cuts="all options are longer, so that length tells nothing"),
    ],
    units="seeds: questions, wordings, options, their order and the worked questions redrawn.",
    seeds=range(10, 15),
    code="No code was found; the prompt is that of MMLU's authors.",
    oracle=["tests/atlas/test_generalization_stress_test.py"],
    reconstructed="How an option is made longer: it is said twice in one of three ways (the paper has a model write it).",
    history=[
        Change("2026-11-22", "Written; thresholds from the abstract before any run."),
        Change("2026-11-22", "After a pilot of one seed two controls changed their form, no threshold of the claim: the planted "
               "cue is judged against the same worked questions, and the cut is asked to take 6 points of the gain away (that "
               "accuracy stays within 6 points where all options are longer would take a thousand questions).", (100,)),
    ],
    would_take="items with irrelevant nouns, and MMLU itself",
    subjects={MODEL: 150_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """The same questions in each form."""
    model, draw = subject(MODEL), Draw(seed, 16 if quick else 60)
    asked, tails, n = draw.asked, draw.tails[SHOTS:], 16 if quick else 60
    before, keys = draw.worked(), np.array([c.key for c in draw.asked])
    forms: dict[str, list[Choice]] = {
        "original": asked,
        "right": [c.right_longer(t) for c, t in zip(asked, tails, strict=True)],
        "wrong": [c.wrong_longer(t) for c, t in zip(asked, tails, strict=True)],
        "all": [c.all_longer(t) for c, t in zip(asked, tails, strict=True)],
    }
    picked = {name: chosen(model, before, form) for name, form in forms.items()}
    share = {name: float((p == keys).mean()) for name, p in picked.items()}
    shown = draw.worked(long=True)
    cue, plain = (float((chosen(model, shown, forms[f]) == keys).mean()) for f in ("right", "original"))
    called, miscalled = called_true(model, draw)
    return {
        "right_longer": share["right"] - share["original"], "wrong_longer": share["original"] - share["wrong"],
        "type": share["original"] - float((called & ~miscalled).mean()),
        "original": (share["original"], n), "room": (share["original"], n), "planted": cue - plain,
        "even": share["right"] - share["all"], "all_longer": (share["all"], n),
        "said_true": (float(np.concatenate([called, miscalled]).mean()), 2 * n),
        **{f"said_{ascii_uppercase[i]}": (float((picked["original"] == i).mean()), n) for i in range(OPTIONS)},
    }  # fmt: skip
