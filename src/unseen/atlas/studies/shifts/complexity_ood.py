"""More steps than trained are harder than longer inputs; traces of the steps narrow the gap."""

from __future__ import annotations

from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.data import Examples
from unseen.shifts import DeeperAtMatchedLength, Split
from unseen.tasks.strings.programs import RegisterProgram

STEPS, LENGTH = 2, 4


def programs(n: int, seed: int, trace: bool, *, length: tuple[int, int], steps: tuple[int, int]) -> Examples:
    """Programs on two registers modulo two whose loops repeat at most twice, so that no numeral is new."""
    drawn = RegisterProgram(registers=2, modulus=2, trace=trace).sample(n, seed, length=length, steps=steps)
    times = [int(tokens[tokens.index("repeat") + 1]) for tokens in drawn.table["input"].to_list()]
    return drawn.take([row for row, k in enumerate(times) if k <= STEPS])


def deeper(n: int, seed: int, trace: bool) -> Split:
    """Train on at most two executed steps; unseen are three and four at the same lengths."""
    pool = programs(n, seed, trace, length=(3, LENGTH), steps=(1, 2 * STEPS))
    return DeeperAtMatchedLength("steps", STEPS, seen_share=0.05).split(pool, np.random.default_rng(seed))


def answers_right(fitted: Any, examples: Examples, n: int) -> tuple[float, int]:
    """Share of examples whose last written token is the right answer, with their number; traces are free-running."""
    asked = examples.take(np.arange(min(n, len(examples))))
    written, _ = fitted.predict(asked)
    right = [bool(w) and w[-1] == t[-1] for w, t in zip(written, asked.table["target"].to_list(), strict=True)]
    return float(np.mean(right)), len(right)


@first_form(
    slug="complexity-ood",
    claim="With input length and primitives matched, accuracy falls beyond the trained number of steps more than under a "
    "length-only shift of equal size; supervision by step traces narrows the gap.",
    source="Bridging Reasoning to Learning: Unmasking Illusions using Complexity Out of Distribution Generalization (2025)",
    thresholds=[
        Threshold(
            "steps_beyond_length", "above", 0.05, "Twice the steps cost over 5 points more than twice the length"
        ),
        Threshold("steps_gap", "above", 0.1, "Twice the steps at matched length cost over 10 points"),
        Threshold(
            "trace_narrows", "above", 0.0, "The gap in steps is smaller with step traces than with answers alone"
        ),
    ],
    units="seeds: programs, initialisation and order redrawn",
    reduced="Register programs on two registers modulo two, a GRU of width 64; trained on 1 or 2 steps and 3 or 4 lines, "
    "tested on 3 or 4 steps, or on 6 to 8 lines; pointer chasing, Transformer and composition-only shift left out.",
    reconstructed="Loops repeat at most twice on both sides, so that numerals match. A trace lists the asked "
    "register after each step; its last token is scored, written freely.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Accuracy on seen programs, more steps and more lines, with answers alone and with traces."""
    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.recurrent import Recurrent
    from unseen.training import TrainConfig, Vocabulary, fit_sequences

    n, steps, n_test = (1500, 30, 100) if quick else (16_000, 850, 300)
    config = TrainConfig(
        steps=steps, lr=1e-2, warmup=steps // 12, schedule="cosine", clip=1.0, eval_every=steps, train_eval=64
    )
    found: dict[str, Any] = {}
    for name, trace in (("answer", False), ("trace", True)):
        split = deeper(n, seed, trace)
        longer = programs(n_test, seed + 1, trace, length=(LENGTH + 2, 2 * LENGTH), steps=(1, STEPS))
        fitted = fit_sequences(
            lambda v: Recurrent(len(v), width=64, cell="gru"), split.train, None, config, torch_generator(seed, name),
            layout="lm", vocabulary=Vocabulary.of(split.train, split.unseen, longer),
        )  # fmt: skip
        for side, examples in (("seen", split.seen), ("steps", split.unseen), ("length", longer)):
            found[f"{name}_{side}"] = answers_right(fitted, examples, n_test)
    gap = {name: found[f"{name}_seen"][0] - found[f"{name}_steps"][0] for name in ("answer", "trace")}
    return {
        **found,
        "steps_gap": gap["answer"],
        "steps_beyond_length": found["answer_length"][0] - found["answer_steps"][0],
        "trace_narrows": gap["answer"] - gap["trace"],
    }
