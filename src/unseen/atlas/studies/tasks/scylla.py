"""The gap between known and unknown numbers over five levels of complexity, for three sizes of model."""

from __future__ import annotations

import polars as pl

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.atlas.studies.tasks._scylla_gap_peak import gap_peak
from unseen.data import Examples
from unseen.engine.seeds import numpy_generator
from unseen.tasks.base import Example
from unseen.tasks.logic.scylla import Scylla

# Two problems a level, from O(N) to O(2^N).
LEVELS = (
    ("find-minimum", "find-maximum"),
    ("sort-numbers", "remove-duplicates"),
    ("three-sum", "three-sum-multiple-of-ten"),
    ("four-sum", "four-sum-multiple-of-ten"),
    ("subset-sum", "subset-sum-multiple-of-ten"),
)
PROBLEMS = tuple(problem for level in LEVELS for problem in level)
SIZES = {"small": 12, "middle": 24, "large": 48}


def digits(tokens: list[str]) -> list[str]:
    """Numbers as two digits or, for sums, three, so that unknown numbers are made of known tokens."""
    return [c for token in tokens for c in (f"{int(token):02d}" if token.isdigit() else [token])]


def numbers(answer: list[str]) -> list[str]:
    """Numbers of an answer in digits; an odd digit left over stands alone and is refused or wrong."""
    return ["".join(answer[i : i + 2]) for i in range(0, len(answer), 2)]


def tabled(items: list[Example]) -> Examples:
    """Items in digits."""
    columns = {"input": [digits(list(e.input)) for e in items], "target": [digits(list(e.target)) for e in items]}
    return Examples(pl.DataFrame(columns), ("input",), "target")


@first_form(
    slug="scylla",
    claim="The gap between in-distribution and out-of-distribution elements is non-monotonic in the complexity of the "
    "problem, with a peak inside (the critical complexity), and the peak moves to higher complexity for larger models.",
    source="Qi et al. (2024), Quantifying Generalization Complexity for Large Language Models, section 4",
    thresholds=[
        Threshold("peak_large", "above", 0.0, "Largest model: an inner level has a larger gap than both ends."),
        Threshold("peak_small", "above", 0.0, "Smallest model: an inner level has a larger gap than both ends."),
        Threshold("shift", "above", 0.0, "The peak of the largest model stands at a higher level than the smallest's."),
    ],
    units="seeds: division of the numbers, items, initialisation and order redrawn.",
    reduced="Three Transformers of width 12, 24 and 48 trained on the problems (paper: 28 language models prompted); "
    "two problems at each of five levels; lists of 5 or 6 numbers below 100.",
    reconstructed="In distribution are half of the numbers, known by construction rather than sampled from the model; "
    "numbers are written in digits, so that all tokens of unknown numbers were seen. The critical complexity is the "
    "mean position of the largest gap (0 to 4) under resampling of items; the height of the peak is cross-fitted.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Three models trained on known numbers, scored at each level on known and unknown ones."""
    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.transformer import Transformer
    from unseen.training import TrainConfig, Vocabulary, fit_sequences
    from unseen.training.testbeds.verified import verified

    steps, n, n_test = (60, 2000, 20) if quick else (700, 30_000, 60)
    task = Scylla(ceiling=100, id_share=0.5, world=seed)
    settings = {"problem": PROBLEMS, "length": (5, 6)}
    train = tabled(task.draw_many(n, 10 * seed, elements="id", **settings))
    tests = {
        (side, level): [
            e
            for i, problem in enumerate(problems)
            for e in task.draw_many(n_test, 1000 * seed + 10 * level + i + 5, elements=side, length=(5, 6), problem=problem)
        ]
        for side in ("id", "ood")
        for level, problems in enumerate(LEVELS)
    }  # fmt: skip
    sets = {key: tabled(items) for key, items in tests.items()}
    words = Vocabulary.of(train, *sets.values())
    config = TrainConfig(
        steps=steps, batch_size=64, lr=6e-3, warmup=50, schedule="cosine", clip=1.0, eval_every=steps, train_eval=64
    )
    found, critical = dict[str, Measurement](), dict[str, float]()
    for name, width in SIZES.items():
        fitted = fit_sequences(
            lambda v, width=width: Transformer(len(v), width=width, layers=2, heads=2, longest=64),
            train, None, config, torch_generator(seed, "scylla"), layout="lm", vocabulary=words,
        )  # fmt: skip
        scores = {
            key: verified(fitted, sets[key], lambda row, answer, items=items: task.verify(items[row], numbers(answer)))
            for key, items in tests.items()
        }
        peak = gap_peak(
            [scores["id", level] for level in range(5)], [scores["ood", level] for level in range(5)],
            numpy_generator(seed, f"scylla {name}"),
        )  # fmt: skip
        critical[name] = peak.place
        found |= {f"peak_{name}": peak.height, f"critical_{name}": peak.place}
        found |= {f"{name}_{side}_{level}": (float(s.mean()), len(s)) for (side, level), s in scores.items()}
    return {**found, "shift": critical["large"] - critical["small"]}
