"""The gap between familiar and unfamiliar numbers over five levels of complexity, asked of pretrained models of three sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unseen.atlas.plan import SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.studies.tasks._scylla_gap_peak import gap_peak
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Generation
from unseen.tasks.draws import Draws
from unseen.tasks.logic.scylla_problems import LEVELS, PROBLEMS, Numbers

SIZES = ("smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
SHORT = ("135m", "500m", "1500m")
# What each problem asks, by level; {} is what is asked for beyond the numbers.
ASKED: Mapping[str, Mapping[str, str]] = {
    "O(N)": {"find-minimum": "Find the smallest number.", "find-maximum": "Find the largest number."},
    "O(N-N^2)": {
        "sort-numbers": "Sort the numbers in ascending order.",
        "two-sum": "Find two numbers of the list whose sum is {}.",
    },
    "O(N^2-N^3)": {
        "three-sum": "Find three numbers of the list whose sum is {}.",
        "three-sum-multiple-of-ten": "Find three numbers of the list whose sum is a multiple of 10.",
    },
    "O(N^3-N^4)": {
        "four-sum": "Find four numbers of the list whose sum is {}.",
        "four-sum-multiple-of-ten": "Find four numbers of the list whose sum is a multiple of 10.",
    },
    "O(2^N)": {
        "subset-sum": "Find at least two, but not all, numbers of the list whose sum is {}.",
        "subset-sum-multiple-of-ten": "Find at least two, but not all, numbers of the list whose sum is a multiple of 10.",
    },
}
WORDINGS = (
    "{} List: {}. Answer with numbers only, separated by commas.",
    "Here is a list of numbers: {1}. {0} Write only the numbers of the answer, separated by commas.",
    "{1}\n{0} Reply with the numbers only, separated by commas.",
    "Given [{1}]: {0} Give just the numbers, separated by commas, and no explanation.",
)
# The authors find that elements which models write by themselves lie below 100 nearly always; unfamiliar ones below 10,000.
FAMILIAR, UNFAMILIAR = (0, 100), (1000, 10_000)
# Prompts asked at once: answers are kept when all of a group are there, and half a minute's work may be lost.
AT_ONCE = 20


class Item:
    """A problem over numbers from one side.

    Args:
        name: Of the problem.
        bounds: The numbers lie from the first to below the second.
        d: Draws them.
    """

    def __init__(self, name: str, bounds: tuple[int, int], d: Draws) -> None:
        problem, low = PROBLEMS[name], bounds[0]
        self.name = name
        while True:
            length = max(d.between(5, 7), problem.shortest)
            self.numbers: Numbers = [low + i for i in d.many(length, bounds[1] - low)]
            found = problem.ask(d, self.numbers)
            if found is not None:
                self.question: Numbers = found
                break
        words = ASKED[problem.level][name].format(*self.question)
        self.prompt = d.choice(WORDINGS).format(words, ", ".join(map(str, self.numbers)))

    def right(self, said: str) -> bool:
        """Whether an answer is right, by the numbers in its first line."""
        given = [int(n) for n in re.findall(r"\d+", said.strip().split("\n")[0])]
        return bool(given) and bool(PROBLEMS[self.name].check(self.numbers, self.question, given))


def drawn(seed: int, side: str, level: str, each: int) -> list[Item]:
    """Items of a level on one side, half of each of its two problems."""
    d = Draws(f"scylla {seed} {side} {level}")
    bounds = FAMILIAR if side == "id" else UNFAMILIAR
    return [Item(name, bounds, d) for name in ASKED[level] for _ in range(each)]


def scores(model: Subject, items: list[Item]) -> np.ndarray:
    """Which items a model answers rightly, without steps in between."""
    # Seven numbers of four digits, a token a digit, with commas and blanks.
    settings = Generation(max_tokens=64, stop=("\n",))
    prompts = [[{"role": "user", "content": i.prompt}] for i in items]
    said = [a for at in range(0, len(prompts), AT_ONCE) for a in model.generate(prompts[at : at + AT_ONCE], settings)]
    return np.array([float(i.right(a.text)) for i, a in zip(items, said, strict=True)])


@study(
    slug="scylla",
    claim=[
        ("Over the complexity of problems the gap between familiar and unfamiliar elements first grows and then falls.", "peak"),
        ("The level at which it peaks is a higher one for larger models.", "shift"),
        ("Beyond its peak, accuracy on both sides is low.", "beyond"),
    ],
    source="Qi et al. (2025), Quantifying Generalization Complexity for Large Language Models, ICLR",
    link="https://arxiv.org/abs/2410.01769",
    did="Asked 28 language models of 1.8B parameters and more, step by step, to solve 20 problems at five levels of time "
    "complexity, over numbers that each model writes by itself and over others below 10,000: the gap peaks at a level inside, "
    "and at a higher one for larger models.",
    here="Three pretrained models of 135M to 1.5B parameters, two problems a level, lists of 5 to 7 numbers; the answer is asked "
    "for without steps in between.",
    fidelity="C",
    parts=[
        headline("peak", "1.5B: gap at the best inner level above the higher end, cross-fitted", claimed=0.05, refuted=0.0,
                 within=(-2.0, 2.0), basis="figures 6 and 7: peaks of .1 to .25, some .05 above the ends"),
        headline("shift", "Levels by which the peak of 1.5B lies above that of 135M", claimed=0.5, refuted=0.0, within=(-4.0, 4.0),
                 basis="figure 7: one to two levels from the smallest to the largest model of a family"),
        side_part("beyond", "1.5B: accuracy on both sides at O(2^N)", claimed=0.2, refuted=0.4, within=SHARE,
                  basis="figure 5: .18 and less but for the largest models (.36)"),
        gate("familiar_low", "1.5B: right at O(N) on familiar numbers", at_least=0.5, within=SHARE, basis="figure 5: .78 at 1.8B"),
        gate("familiar_inner", "1.5B: right at O(N^2-N^3) on familiar numbers", at_least=0.15, within=SHARE,
             basis="a gap at an inner level needs room to fall"),
        gate("small_low", "135M: right at O(N) on familiar numbers", at_least=0.3, within=SHARE,
             basis="without a level that it masters a model has no critical complexity"),
        control("harder", "1.5B: on familiar numbers O(N) is answered better than O(2^N)", at_least=0.2, within=(-1.0, 1.0),
                basis="figure 5: the levels are levels of difficulty (.78 to .05 at 1.8B)"),
        control("same_side", "1.5B: between two halves of the familiar items there is no gap", at_most=0.1, within=(-1.0, 1.0),
                basis="chance", cuts="the difference between familiar and unfamiliar numbers"),
    ],
    units="seeds: numbers, questions and wordings redrawn; items as a floor for shares.",
    seeds=range(10, 15),
    code="The authors' repository could not be had; problems, levels and the pipeline of elements are those of section 3 and table "
    "1 of the paper.",
    oracle=["tests/tasks/logic/test_logic_tasks.py", "tests/atlas/test_gap_peak.py", "tests/atlas/test_scylla.py"],
    reconstructed="Familiar numbers lie below 100, where the authors find nearly all elements that models write by themselves; "
    "unfamiliar ones from 1,000 to 9,999. The critical complexity is the mean position of the largest gap under resampling.",
    history=[
        Change("2026-11-22", "New plan after one of the first form, which trained small Transformers.", tuple(range(5))),
        Change("2026-11-22", "Run without a pilot: gates and thresholds come from the paper, and what could be mended is out of "
               "our reach, since answers with steps take some 300 tokens each. Before that the longest answer was raised from 30 "
               "tokens, which cut sorted lists of numbers of four digits."),
    ],
    would_take="models from 4B parameters on that reason step by step (some 300 tokens an answer): about 1 GPU hour",
    subjects=dict.fromkeys(SIZES, 80_000),
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """All levels and sides, each model on the same items."""
    each = 2 if quick else 4
    items = {(side, level): drawn(seed, side, level, each) for side in ("id", "ood") for level in LEVELS}
    found, place = dict[str, Measurement](), dict[str, float]()
    parts = dict[tuple[str, str], np.ndarray]()
    for name, short in zip(SIZES, SHORT, strict=True):
        flat = scores(subject(name), [i for group in items.values() for i in group])
        parts = dict(zip(items, np.split(flat, len(items)), strict=True))
        found |= {
            f"{short}_{side}_{LEVELS.index(level)}": (float(s.mean()), len(s)) for (side, level), s in parts.items()
        }
        sides = [[parts[side, level] for level in LEVELS] for side in ("id", "ood")]
        peak = gap_peak(sides[0], sides[1], numpy_generator(seed, f"scylla {short}"))
        place[short] = peak.place
        found |= {f"peak_{short}": peak.height, f"critical_{short}": peak.place}
    large = [s for side in ("id", "ood") for s in [found[f"1500m_{side}_4"]] if isinstance(s, tuple)]
    familiar = [found[f"1500m_id_{k}"] for k in range(len(LEVELS))]
    shares = [s[0] for s in familiar if isinstance(s, tuple)]
    halves = [parts["id", level] for level in LEVELS]
    return {
        **found,
        "peak": found["peak_1500m"],
        "shift": place["1500m"] - place["135m"],
        "beyond": (sum(s for s, _ in large) / 2, sum(n for _, n in large)),
        "familiar_low": familiar[0],
        "familiar_inner": familiar[2],
        "small_low": found["135m_id_0"],
        "harder": shares[0] - shares[4],
        "same_side": float(np.mean([h[::2].mean() - h[1::2].mean() for h in halves])),
    }
