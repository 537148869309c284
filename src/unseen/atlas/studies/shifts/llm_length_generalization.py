"""Parity beyond the length that was seen: Transformers trained on it, and a pretrained model that is shown examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.atlas.small_models import small_decoder
from unseen.atlas.studies._float32 import subject
from unseen.atlas.studies.shifts._coin_flips import (
    END,
    WORDINGS,
    Flips,
    drawn,
    first_slip,
    retold,
    said,
    shown,
    tokens,
)
from unseen.atlas.subjects import Subject
from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Generation

MODEL = "qwen2.5-coder-0.5b-instruct"
# Lengths that are trained or shown, the longest of them, and twice that.
SHORT, SEEN, BEYOND = (1, 2, 3, 4), 4, 8
WIDTHS = (24, 32, 48)
LAYERS, UPDATES, ROWS, TEST = 2, 800, 12_000, 200
ITEMS, SHOTS = 8, 8
SCRATCH = Generation(max_tokens=112, stop=("\n", f" {END}"))
DIRECT = Generation(max_tokens=8, stop=("\n", f" {END}"))


def trained(
    seed: int, width: int, *, scratchpad: bool, position: str, longest: int = SEEN, updates: int = UPDATES
) -> Any:
    """A decoder trained on flips up to a length."""
    rng = numpy_generator(seed, "llm-length-generalization", "train", longest)
    rows = drawn(rng, range(1, longest + 1), ROWS)
    return small_decoder(
        tokens(rows, scratchpad=scratchpad), seed, f"{width} {scratchpad} {position} {longest}", steps=updates, width=width,
        layers=LAYERS, position=position, lr=4e-3, longest=4 * BEYOND, known=tokens(rows[:50], scratchpad=True),
    )  # fmt: skip


def share(fitted: Any, items: Sequence[Flips], *, scratchpad: bool) -> float:
    """Share of final answers that are right: the last token that is written."""
    written, _ = fitted.predict(tokens(items, scratchpad=scratchpad), 2 * BEYOND)
    return float(np.mean([bool(w) and w[-1] == i.answer for w, i in zip(written, items, strict=True)]))


def asked(
    model: Subject,
    items: Sequence[Flips],
    shots: Sequence[Flips],
    *,
    scratchpad: bool,
    states: Sequence[Sequence[str]] = (),
) -> list[str]:
    """What a pretrained model writes behind worked examples."""
    prompts = [shown(shots, i, scratchpad=scratchpad, states=states) for i in items]
    return [a.text for a in model.generate(prompts, SCRATCH if scratchpad else DIRECT)]


def right(items: Sequence[Flips], texts: Sequence[str]) -> float:
    """Share of answers that are right."""
    return float(np.mean([said(t) == i.answer for i, t in zip(items, texts, strict=True)]))


@study(
    slug="llm-length-generalization",
    claim=[
        ("Transformers that are trained on answers alone fall far beyond the trained length, at every size.", "drop"),
        ("Worked examples in the prompt of a pretrained model carry further than training on worked examples.", "fewshot"),
        ("Size does not help.", "scale"),
        ("Training on worked examples falls too.", "scratch"),
        ("Of examples in the prompt, worked ones carry further than answers alone.", "worked"),
    ],
    source="Anil et al. (2022), Exploring Length Generalization in Large Language Models, NeurIPS",
    link="https://arxiv.org/abs/2207.04901",
    did="Fine-tuned models of up to 137B on parity and Boolean assignments of short lengths, directly and with scratchpads: both "
    "fall beyond them whatever the size; shown scratchpads in the prompt instead, they carry much further.",
    here="Parity as coins that are flipped: decoders of three sizes trained from scratch on lengths of one to four, and a "
    "pretrained model of 0.5B that is shown eight examples of the same lengths, in one of four wordings a seed; tested at "
    "twice the length. "
    "No Boolean assignments. Computed in float32.",
    fidelity="C",
    parts=[
        headline("drop", "Trained on answers: share right at the longest trained length less that at twice it, mean of three sizes",
                 claimed=0.3, refuted=0.05, within=DIFFERENCE, basis="the figures: from nearly one to chance, a half; three "
                 "fifths of that"),
        headline("fewshot", "What training on worked examples loses beyond the length, less what such examples in the prompt lose",
                 claimed=0.2, refuted=0.0, within=DIFFERENCE, basis="the abstract: a dramatic improvement; a fifth, of at most a "
                 "half"),
        side_part("scale", "Trained on answers, twice the length: share right of the largest less that of the smallest",
                  claimed=0.1, refuted=0.25, within=DIFFERENCE, basis="the abstract: independent of scale; half of the way from "
                  "chance to right would be a quarter"),
        side_part("scratch", "Trained on worked examples: share of answers right at the trained length less that at twice it",
                  claimed=0.2, refuted=0.05, within=DIFFERENCE, basis="the figures: fine-tuned scratchpads fall as well"),
        side_part("worked", "Prompt, twice the length: share right after worked examples less that after answers alone",
                  claimed=0.15, refuted=0.0, within=DIFFERENCE, basis="the abstract: a dramatic improvement; a third of the way "
                  "from chance to right"),
        gate("learnt", "Trained on answers: share right at the trained length, mean of three sizes", at_least=0.9, within=SHARE,
             basis="learnt on new items"),
        gate("scratch_learnt", "Trained on worked examples: share right at the trained length", at_least=0.9, within=SHARE,
             basis="learnt on new items"),
        gate("prompted", "Prompt: share right after worked examples at the shown length", at_least=0.7, within=SHARE,
             basis="well above chance, a half"),
        control("longer", "Trained on worked examples of up to twice the length: share right there", at_least=0.8, within=SHARE,
                basis="what is seen of that length is learnt there"),
        control("senseless", "Prompt, shown length: share right after examples whose states are drawn by chance", at_most=0.7,
                within=SHARE, basis="no more than is asked of sound ones; chance is a half", cuts="what the scratchpads say"),
    ],
    units="seeds: initialisation, order, names, flips, wordings and examples redrawn.",
    seeds=range(10, 15),
    code="None was found; the tasks and the three ways are those of the paper's sections 3 to 5.",
    oracle=["tests/atlas/test_llm_length_generalization.py"],
    reconstructed="Names, wordings, lengths of up to four (direct training on longer ones takes more updates than are had here), "
    "sizes of 16 to 60 thousand weights, learned positions.",
    sweeps=[
        Sweep("how positions are told, at the smallest size", "drop",
              {"learned": "drop_learned", "learned from a drawn start": "drop_offset", "not at all": "drop_none"}),
    ],
    history=[
        Change("2026-11-22", "Tried on no seed: which lengths decoders of this size learn in 800 updates (four, not six), and "
               "that worked examples are learnt up to five. Thresholds are from the paper."),
        Change("2026-11-23", "Pilot of two seeds: behind four examples in mixed wordings (Ann yes: tails) the pretrained model is "
               "right in 0.44 at the shown length, where 0.7 is asked and chance is a half; all other gates and controls lie on "
               "their side.", (100, 101)),
        Change("2026-11-23", "Looks at the shown length alone. Four examples in the wording of the question: 8 of 16 are right. "
               "Eight that repeat each step (Ann flips it: tails): 10 of 16, by the model of 1.5B 7 of 16. Eight with the state "
               "before and behind (Ann flips it, heads to tails): 14 of 24. The last is taken, with a word that ends an "
               "answer; the gate may not be met, and no model at hand is better. No threshold changed.", (102, 103, 104)),
    ],
    would_take="pretrained models that are fine-tuned on lengths of ten to twenty, as in the paper",
    subjects={MODEL: 150_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Three sizes trained on answers, one on worked examples, the pretrained model in three ways; then controls and positions."""
    rng = numpy_generator(seed, "llm-length-generalization")
    updates, n = (40, 2) if quick else (UPDATES, ITEMS)
    seen, beyond = drawn(rng, [SEEN], TEST), drawn(rng, [BEYOND], TEST)

    def direct(width: int, position: str) -> tuple[float, float]:
        fitted = trained(seed, width, scratchpad=False, position=position, updates=updates)
        return share(fitted, seen, scratchpad=False), share(fitted, beyond, scratchpad=False)

    sizes = [direct(w, "absolute") for w in WIDTHS]
    offset, none = direct(WIDTHS[0], "random-offset"), direct(WIDTHS[0], "none")
    scratch = trained(seed, WIDTHS[1], scratchpad=True, position="absolute", updates=updates)
    at_seen, at_beyond = (share(scratch, items, scratchpad=True) for items in (seen, beyond))
    longer = trained(seed, WIDTHS[1], scratchpad=True, position="absolute", longest=BEYOND, updates=updates * 5 // 4)

    model, wording = subject(MODEL), int(rng.integers(len(WORDINGS)))
    shots, short, long = (retold(x, wording) for x in (drawn(rng, SHORT, SHOTS), seen[:n], beyond[:n]))
    written = asked(model, long, shots, scratchpad=True)
    few_seen, few_beyond = right(short, asked(model, short, shots, scratchpad=True)), right(long, written)
    plain = right(long, asked(model, long, shots, scratchpad=False))
    random = [[("heads", "tails")[int(b)] for b in rng.integers(2, size=len(s.turns))] for s in shots]
    senseless = right(short, asked(model, short, shots, scratchpad=True, states=random))
    slips = [first_slip(i, t) for i, t in zip(long, written, strict=True)]
    drop = float(np.mean([s - b for s, b in sizes]))
    return {
        "drop": drop, "fewshot": (at_seen - at_beyond) - (few_seen - few_beyond), "scale": sizes[-1][1] - sizes[0][1],
        "scratch": at_seen - at_beyond, "worked": few_beyond - plain, "learnt": (float(np.mean([s for s, _ in sizes])), 3 * TEST),
        "scratch_learnt": (at_seen, TEST), "prompted": (few_seen, n), "longer": (share(longer, beyond, scratchpad=True), TEST),
        "senseless": (senseless, n), "drop_learned": sizes[0][0] - sizes[0][1], "drop_offset": offset[0] - offset[1],
        "drop_none": none[0] - none[1], "few_beyond": (few_beyond, n), "plain_beyond": (plain, n),
        **{f"slips_{kind}": (slips.count(kind) / len(slips), n) for kind in ("state", "steps", "answer")},
    }  # fmt: skip
