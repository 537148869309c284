"""Sorting longer sequences after training together with an auxiliary hint task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unseen.atlas.plan import (
    DIFFERENCE,
    SHARE,
    Change,
    Measurement,
    Sweep,
    control,
    gate,
    headline,
    side_part,
    study,
)
from unseen.engine.seeds import numpy_generator, torch_generator
from unseen.training.vocabulary import EMPTY, EOS, PAD, SPECIAL

NUMBERS, TRAINED, TEST = 12, 5, 300
# Lengths beyond the trained ones; the last is the headline's.
BEYOND = (10, 12, 15)
FAR = BEYOND[-1]
# Rows of an update that are sorted in every case, and those that ask a hint beside them where there is one.
SORTED, HINTS = 40, 24
SORT = len(SPECIAL)
ASK, FIRST = SORT + 1, SORT + 2
TOKENS = (*SPECIAL, "sort", "hint", *(str(i) for i in range(NUMBERS)), *(f"#{i}" for i in range(1, TRAINED + 1)))
Rows = tuple[np.ndarray, np.ndarray]


def sequences(n: int, low: int, high: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """N sequences of numbers that may repeat, padded with -1 to (n, high), and their lengths."""
    length = rng.integers(low, high + 1, n)
    drawn = rng.integers(0, NUMBERS, (n, high))
    return np.where(np.arange(high) < length[:, None], drawn, -1), length


def asked(numbers: np.ndarray, prefix: int, width: int) -> np.ndarray:
    """Prefix, numbers and mark in rows of so many tokens; all else is padding."""
    tokens = np.full((len(numbers), width), PAD)
    tokens[:, 0] = prefix
    tokens[:, 1 : 1 + numbers.shape[1]] = np.where(numbers < 0, PAD, FIRST + numbers)
    tokens[np.arange(len(numbers)), 1 + (numbers >= 0).sum(1)] = EMPTY
    return tokens


def sorting(n: int, low: int, high: int, rng: np.random.Generator) -> Rows:
    """Tokens and labels: sequences, and behind the mark the same numbers in order and an end mark."""
    numbers, length = sequences(n, low, high, rng)
    tokens = asked(numbers, SORT, 2 * high + 2)
    labels = np.full(tokens.shape, PAD)
    order = np.sort(np.where(numbers < 0, NUMBERS, numbers), 1)
    row = np.arange(n)
    for k in range(high):
        has = length > k
        tokens[row[has], length[has] + 2 + k] = FIRST + order[has, k]
        labels[row[has], length[has] + 1 + k] = FIRST + order[has, k]
    labels[row, 2 * length + 1] = EOS
    return tokens, labels


def hinting(n: int, kind: str, rng: np.random.Generator) -> Rows:
    """Tokens and labels of a hint: a sequence and one of its numbers, answered by one token.

    ``successor``: the next larger number of the sequence, or the end mark. ``count``: how often the number occurs.
    ``shuffled``: the answers of ``successor``, handed round among the rows.
    """
    numbers, length = sequences(n, 1, TRAINED, rng)
    tokens = asked(numbers, ASK, 2 * TRAINED + 2)
    labels = np.full(tokens.shape, PAD)
    row = np.arange(n)
    query = numbers[row, rng.integers(0, length)]
    if kind == "count":
        answer = FIRST + NUMBERS - 1 + (numbers == query[:, None]).sum(1)
    else:
        above = np.where(numbers > query[:, None], numbers, NUMBERS).min(1)
        answer = np.where(above == NUMBERS, EOS, FIRST + above)
    tokens[row, length + 2] = FIRST + query
    labels[row, length + 2] = rng.permutation(answer) if kind == "shuffled" else answer
    return tokens, labels


def batch(*parts: Rows) -> dict[str, Any]:
    """Rows of one width as tensors for the loop."""
    import torch

    tokens, labels = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return {"tokens": torch.from_numpy(tokens), "labels": torch.from_numpy(labels)}


def trained(data: dict[str, Any], seed: int, name: str, steps: int, rows: int, model: Any = None) -> Any:
    """A causal Transformer of two layers without positions, trained for a number of updates; goes on with one if given."""
    from unseen.learners.architectures.transformer import Transformer
    from unseen.training.config import TrainConfig
    from unseen.training.fitting import build
    from unseen.training.loop import train

    generator = torch_generator(seed, "task-hinting", 2, name)
    if model is None:
        model = build(lambda: Transformer(len(TOKENS), 48, 2, 4, position="none"), None, generator)
    config = TrainConfig(
        steps=steps, batch_size=rows, lr=5e-3, warmup=min(50, steps // 2), schedule="cosine", clip=1.0, weight_decay=0.01,
        eval_every=steps, train_eval=64,
    )  # fmt: skip
    train(model, objective(), data, config, generator)
    return model


def objective() -> Any:
    """Cross-entropy of answer tokens over all rows of a batch, and whether whole answers are right."""
    from unseen.training.objectives.sequences import Sequences
    from unseen.training.vocabulary import Vocabulary

    return Sequences(Vocabulary(TOKENS), "lm")


def right(model: Any, rows: Rows) -> tuple[float, int]:
    """Share of rows whose whole answer is right, with their number."""
    from unseen.training.loop import score

    return float(score(model, objective(), batch(rows))[1].mean()), len(rows[0])


@study(
    slug="task-hinting",
    claim=[
        ("Training on sorting together with the successor hint raises accuracy on long sequences far above training on "
         "sorting alone.", "gain"),
        ("Other hints help far less.", "over_count"),
    ],
    source="Awasthi & Gupta (2023), Improving Length-Generalization in Transformers via Task Hinting",
    link="https://arxiv.org/abs/2310.00726",
    did="Trained causal Transformers of two layers and more without positions on sorting up to 20 of 100 numbers, which may "
    "repeat, alone and together with a hint task, and tested lengths up to 100: from below 1 % right to above 92 % with the "
    "successor hint, much less with others.",
    here=f"Up to {TRAINED} of {NUMBERS} numbers that may repeat, two layers of width 48 without positions, 1,300 updates of "
    f"{SORTED} sorted rows in every case, and {HINTS} rows of a hint beside them; tested on {FAR}, and on {BEYOND[0]} and "
    f"{BEYOND[1]}. Of the hints, successor and count. At five times the trained length nothing is right with or without a hint at "
    "this size, far below the paper's. Probing, length-dependent parameters and the increment task are left out.",
    fidelity="C",
    parts=[
        headline("gain", f"Sequences of {FAR} sorted: with the successor hint less alone", claimed=0.2, refuted=0.0,
                 within=DIFFERENCE, basis="abstract: from below 0.01 to above 0.92 at five times the length; a fifth is the least "
                 "of that which 'significantly improve' could mean"),
        side_part("over_count", f"Sequences of {FAR} sorted: with the successor hint less with the count hint", claimed=0.1,
                  refuted=0.0, within=DIFFERENCE, basis="abstract: hints 'differ dramatically'; half of what the headline needs"),
        gate("learnt_alone", f"New sequences of {TRAINED} are sorted, trained alone", at_least=0.9, within=SHARE, basis="learnt"),
        gate("learnt_hinted", f"New sequences of {TRAINED} are sorted, with the successor hint", at_least=0.9, within=SHARE,
             basis="learnt"),
        gate("hint_learnt", "Successors in new sequences are right", at_least=0.9, within=SHARE, basis="learnt"),
        gate("room", f"There is room: sequences of {FAR} sorted, trained alone", at_most=0.8, within=SHARE,
             basis="ceiling: what is claimed must fit above"),
        control("shown", f"With lengths up to {FAR} trained for a fifth of the updates more, the network of sorting alone "
                "sorts them", at_least=0.8, within=SHARE, basis="nothing is unseen then; the task is in reach of the network"),
        control("cut", f"Sequences of {FAR} sorted: with shuffled hint answers less alone", at_most=0.1, within=DIFFERENCE,
                basis="half of what is claimed", cuts="what the hint tells: as many hint rows, their answers handed round"),
    ],
    units="seeds: sequences, initialisation and order redrawn; 300 sequences a share.",
    seeds=range(10, 20),
    code="None could be had; reconstructed from the paper's abstract, its reviews (no positions) and summaries (repetitions, two "
    "layers)",
    oracle=["tests/atlas/test_task_hinting.py"],
    reconstructed="Mix (three of eight rows ask a hint, the loss is a mean over all answer tokens), what count asks (how often "
    "a number occurs), rate, updates, sizes. All networks sort as many rows. How much longer test sequences are is swept.",
    sweeps=[Sweep("length of the test", "gain", {f"{n}": f"gain at {n}" for n in BEYOND})],
    history=[
        Change("2026-11-22", "New plan after one of the first form, whose numbers all differed: sorting alone carried to three "
               "times the length then (0.75 to 1.00) and left hints no room. First tries on one seed with numbers that repeat: 24 "
               "numbers up to 8 were not learnt in 800 updates (0.41); 12 up to 5 are. Where hint rows have as much weight "
               "as sorted ones, sorting is not learnt in time (0.81); as a mean over tokens it is.", (*range(5), 100)),
        Change("2026-11-22", "Pilot: gates and controls hold, but at twice the length sorting alone leaves no room (0.91 and 0.86 "
               "right; gain -0.61 and -0.13). The headline's length is three times the trained one (0.45 and 0.21 right alone, "
               "gain -0.44 and -0.14); thresholds stayed. There 64 rows were sorted alone and 40 beside hints; now it "
               "is 40 in either case, with more updates.", (100, 101)),
    ],
    would_take="the paper's size: 100 numbers, lengths up to 20, and some GPU hours a network",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Exact sorting at a trained length and beyond, alone, with each hint, and with one that tells nothing."""
    rows, steps = (400, 40) if quick else (16_000, 1300)
    rng = numpy_generator(seed, "task-hinting", 2)
    tests = {n: sorting(TEST, n, n, rng) for n in (TRAINED, *BEYOND)}
    numbers, hints = sorting(rows, 1, TRAINED, rng), rows * HINTS // SORTED
    models = {"alone": trained(batch(numbers), seed, "alone", steps, SORTED)}
    for kind in ("successor", "count", "shuffled"):
        models[kind] = trained(batch(numbers, hinting(hints, kind, rng)), seed, kind, steps, SORTED + HINTS)
    share = {f"{name} at {n}": right(model, test) for name, model in models.items() for n, test in tests.items()}
    questions = hinting(TEST, "successor", rng)
    hint_learnt = right(models["successor"], questions)
    further = batch(sorting(rows, 1, FAR, rng))
    longer = trained(further, seed, "shown", max(1, steps // 5), SORTED, models["alone"])

    def over(name: str, other: str, n: int = FAR) -> float:
        return share[f"{name} at {n}"][0] - share[f"{other} at {n}"][0]

    return {
        **share,
        "gain": over("successor", "alone"),
        **{f"gain at {n}": over("successor", "alone", n) for n in BEYOND},
        "over_count": over("successor", "count"),
        "learnt_alone": share[f"alone at {TRAINED}"],
        "learnt_hinted": share[f"successor at {TRAINED}"],
        "hint_learnt": hint_learnt,
        "room": share[f"alone at {FAR}"],
        "shown": right(longer, tests[FAR]),
        "cut": over("shuffled", "alone"),
    }
