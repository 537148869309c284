"""Thoughts in a prompt, from general to made for one kind of problem, and stacks higher than those shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.studies._float32 import subject
from unseen.atlas.studies._together import at_once
from unseen.atlas.studies.adaptation._stacks import Stack, asked, drawn, plan_in
from unseen.atlas.subjects import Subject
from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Generation

MODEL = "qwen2.5-coder-0.5b-instruct"
LOW, HIGH, ITEMS, SHOTS = 4, 6, 12, 3


def right(model: Subject, prompt: str, shown: Sequence[Stack], items: Sequence[Stack]) -> np.ndarray:
    """Whether the plan that greedy decoding writes works."""
    return solved(model, [asked(s, prompt, shown) for s in items], items)


def solved(model: Subject, prompts: Sequence[str], items: Sequence[Stack]) -> np.ndarray:
    """Whether the plans that follow prompts work."""
    settings = Generation(max_tokens=60 + 12 * len(items[0].order), stop=("\n\n",))
    answers = model.generate(prompts, settings)
    return np.array([s.solved_by(plan_in(a.text)) for s, a in zip(items, answers, strict=True)])


@study(
    slug="chain-of-thoughtlessness",
    claim=[
        ("Thoughts help where the prompt is made for the one kind of problem.", "specific"),
        ("What they bring goes as stacks grow past those shown.", "decay"),
        ("Thoughts for the whole domain help little.", "general"),
    ],
    source="Stechly, Valmeekam & Kambhampati (2024), Chain of Thoughtlessness? An Analysis of CoT in Planning, NeurIPS",
    link="https://arxiv.org/abs/2405.04776",
    did="Prompted GPT-4 and Claude 3 for plans in Blocksworld with worked examples whose thoughts were made for any planning "
    "problem, for the domain, for stacking from the table or for stacking in alphabetical order, and raised the stack "
    "past those shown.",
    here="A pretrained code model of 0.5B, all blocks on the table and one stack in alphabetical order as the goal, told pair by "
    "pair in any order; prompts without thoughts, with those for the domain and with those for alphabetical stacks, shortened; "
    "three worked examples of four blocks, and stacks of four and six. Computed in float32.",
    fidelity="C",
    parts=[
        headline("specific", "Four blocks: share solved with thoughts for alphabetical stacks less that without thoughts",
                 claimed=0.2, refuted=0.0, within=DIFFERENCE, basis="the abstract: meaningful improvements where exceedingly "
                 "specific; a fifth of all problems is meaningful"),
        headline("decay", "Share solved with these thoughts at four blocks less that at six", claimed=0.2, refuted=0.0,
                 within=DIFFERENCE, basis="the abstract: improvements quickly deteriorate; all that is claimed of them"),
        side_part("general", "Four blocks: what thoughts for the domain bring, less what those for alphabetical stacks bring",
                  claimed=-0.1, refuted=0.0, within=DIFFERENCE, basis="the abstract: improvements only where exceedingly specific"),
        gate("learnt", "Four blocks in alphabetical order, with their thoughts: share solved", at_least=0.6, within=SHARE,
             basis="the prompt works at the size that it shows"),
        gate("room", "Four blocks in alphabetical order, without thoughts: share solved", at_most=0.75, within=SHARE,
             basis="room for thoughts to help"),
        control("shown", "Six blocks, alphabetical: share solved with examples of six less that with examples of four",
                at_least=0.1, within=DIFFERENCE, basis="the size can be shown; half of what is claimed"),
        control("told", "With the plan of the question above it: share solved at four less that at six", at_most=0.15,
                within=DIFFERENCE, basis="below what is claimed", cuts="nothing is left to be thought out"),
    ],
    units="seeds: stacks and worked examples redrawn.",
    seeds=range(10, 18),
    code="kstechly/cot-scheduling (cot/domain_utils: coins and last letters, raised past the examples in the same way); the "
    "prompts for Blocksworld are not in it and follow section 4 of the paper.",
    oracle=["tests/atlas/test_stacks.py"],
    reconstructed="Wording of the prompts, which are shortened; three examples; blocks are letters.",
    history=[
        Change("2026-11-22", "Written; thresholds before any run of it."),
        Change("2026-11-22", "A look at six problems of three blocks in alphabetical order: all are solved with thoughts, and all "
               "without, so that thoughts have no room to help (0.75 asked at most). A goal told from the top down is a plan "
               "read backwards. Seeds wait for stacks that are not solved so.", (100,)),
        Change("2026-11-22", "The pairs of a goal are told in any order. Without thoughts, ten stacks of each height: six of three "
               "blocks are solved, six of four and none of five. The least height that leaves room stays at three. No "
               "threshold changed, and nothing was asked with thoughts.", (100,)),
        Change("2026-11-22", "Pilot of one seed of gates and controls: three blocks by the alphabet are solved without thoughts in "
               "11 of 12 (0.75 allowed), with them in 10; examples of seven blocks help with seven no more than those of three "
               "(-0.08, 0.1 asked). Seeds wait for four blocks, and for a height at which examples of it help.", (100,)),
        Change("2026-11-23", "A look at gates and a control, twelve stacks of each height: four blocks are solved without thoughts "
               "in 4, with thoughts in 2, though 9 thoughts name the right order: plans begin with the lowest block. Thoughts for "
               "alphabetical stacks say now what goes on what. Examples of the height help at five and six blocks (0.50, 0.25). "
               "Heights are four and six; the prompt for stacking in any order, in no part, went. No threshold changed.", (100,)),
        Change("2026-11-23", "Pilot of two seeds: four blocks are solved with thoughts in 0.88 (0.6 asked) and without in 0.21 "
               "(0.75 allowed), with the plan in sight in all at both heights; examples of six blocks help with six by 0.00 and "
               "0.25 (0.1 asked), which may stay open. Nothing changed but how many seeds may follow.", (100, 101)),
    ],
    would_take="models that stack three blocks with thoughts and not without, from 3B on",
    subjects={MODEL: 320_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Three prompts at the height shown, the most specific one above it, and both controls."""
    rng, n = numpy_generator(seed, "chain-of-thoughtlessness"), 4 if quick else ITEMS
    shown = {size: [drawn(rng, size, sorted_=True) for _ in range(SHOTS)] for size in (LOW, HIGH)}
    items = {size: [drawn(rng, size, sorted_=True, but=shown[size]) for _ in range(n)] for size in (LOW, HIGH)}

    def shares(model: Subject) -> dict[str, float]:
        def share(prompt: str, size: int, examples: int = LOW) -> float:
            return float(right(model, prompt, shown[examples], items[size]).mean())

        def told(size: int) -> float:
            some = items[size][: n // 2]
            return float(solved(model, [asked(s, "direct", [*shown[LOW][:2], s]) for s in some], some).mean())

        return {
            "direct": share("direct", LOW), "universal": share("universal", LOW), "specific": share("lexicographic", LOW),
            "told_low": told(LOW), "high": share("lexicographic", HIGH), "high_shown": share("lexicographic", HIGH, HIGH),
            "told_high": told(HIGH),
        }  # fmt: skip

    found = at_once(subject(MODEL), shares)
    return {
        "specific": found["specific"] - found["direct"], "decay": found["specific"] - found["high"],
        "general": found["universal"] - found["specific"], "learnt": (found["specific"], n), "room": (found["direct"], n),
        "shown": found["high_shown"] - found["high"], "told": found["told_low"] - found["told_high"],
        "universal_right": (found["universal"], n), "high_right": (found["high"], n),
    }  # fmt: skip
