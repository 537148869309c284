"""Stories: compositions of known events and questions, after more and after more diverse training data."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from itertools import combinations
from typing import Any

import polars as pl

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.data import Examples
from unseen.tasks.knowledge.stories import Stories

LENGTH = (2, 5)
# The original tasks: which events are told, what is asked (bAbI tasks 1, 11, 12, 9, 10, 2).
ORIGINAL = (
    (("move",), ("where-person",)),
    (("move", "coreference"), ("where-person",)),
    (("move", "conjunction"), ("where-person",)),
    (("move", "negation"), ("yes-no",)),
    (("move", "indefinite"), ("yes-no",)),
    (("move", "grab", "drop"), ("where-object",)),
)
EVENTS = tuple(dict.fromkeys(e for events, _ in ORIGINAL for e in events))
ASKED = tuple(dict.fromkeys(q for _, asked in ORIGINAL for q in asked))
# Any two original tasks in one story, asked as either of them.
PAIRS = tuple(
    (tuple(dict.fromkeys((*a, *b))), tuple(dict.fromkeys((*p, *q)))) for (a, p), (b, q) in combinations(ORIGINAL, 2)
)


def stories(
    n: int, seed: int, events: tuple[str, ...], asked: tuple[str, ...], composed: int = 1, **options: Any
) -> pl.DataFrame:
    """N stories with at least so many kinds of events; full stops and question marks are tokens of their own."""
    found = Stories().sample(n if composed == 1 else 5 * n, seed, events=events, question=asked, **options).table
    found = found.filter(pl.col("composed") >= composed).head(n)
    return found.with_columns(pl.col("input").str.replace_all(r"([.?])", " $1"))


def compositions(n: int, seed: int) -> Examples:
    """N stories of five sentences of five kinds, with any question."""
    return Examples(stories(3 * n, seed, EVENTS, ASKED, 5, length=5).head(n), ("input",), "target")


def complex_stories(n: int, seed: int) -> pl.DataFrame:
    """Where an object is, after five sentences of five kinds that send people to two different places or more.

    The sentence that names the answer does not tell that it does: who took the object says which one it is.
    """
    found = stories(2 * n, seed, EVENTS, ("where-object",), 5, length=5, support=(2, 9))
    places = pl.col("input").str.extract_all(r"went to the \w+")
    return found.filter(places.list.n_unique() >= 2).head(n)


def joined(n: int, seed: int, kinds: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> Examples:
    """N stories in all, in equal parts of each kind."""
    each = -(-n // len(kinds))
    parts = [stories(each, seed + i, *kind, length=LENGTH) for i, kind in enumerate(kinds)]
    return Examples(pl.concat(parts), ("input",), "target")


def fitted(start: Any, train: Examples, known: Examples, seed: int, name: str, steps: int) -> Any:
    """A Transformer over sentence vectors after so many updates; ``start`` is one to go on from, or None."""
    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.sentences import SentenceTransformer
    from unseen.training import TrainConfig, fit_sequences
    from unseen.training.vocabulary import Vocabulary

    config = TrainConfig(
        steps=steps, batch_size=64, lr=5e-3, warmup=50, schedule="cosine", clip=1.0, weight_decay=0.05,
        eval_every=steps, train_eval=64,
    )  # fmt: skip
    return fit_sequences(
        start or (lambda words: SentenceTransformer(len(words), words.numbers["."])), train, None, config,
        torch_generator(seed, "dyna-babi", name), layout="positions", vocabulary=Vocabulary.of(known),
    )  # fmt: skip


def last_place(asked: Examples) -> float:
    """Accuracy of naming the last place that somebody went to."""
    told = pl.col("input").str.extract_all(r"went to the \w+").list.last().str.split(" ").list.last()
    return float((asked.table.select(told).to_series() == asked.table["target"]).mean())  # pyright: ignore[reportArgumentType]


@study(
    slug="dyna-babi",
    claim=[
        ("Diversifying the training data is far more useful for compositions than enlarging it.", "diverse_over_larger"),
        ("Complex compositions stay below 70 % all the same.", "diverse_complex"),
        ("Models that solve the original tasks fall on compositions of their events and questions.", "fall"),
    ],
    source="Tamari et al. (2022), Dyna-bAbI: unlocking bAbI's potential with dynamic synthetic benchmarking, *SEM",
    link="https://arxiv.org/abs/2112.00086",
    did="Generated stories of the bAbI world with chosen events and questions, trained models made for bAbI and T5 on the "
    "original tasks, on more of them and on more diverse ones, and tested compositions.",
    here="Six kinds of original task without giving, stories of two to five sentences, a Transformer of two layers over sentence "
    "vectors from scratch, 1,500 updates of 64. 48,000 original stories against 24,000 of which most join two original tasks. "
    "Compositions are five sentences of five kinds; complex ones put people in two places or more and ask for an object.",
    fidelity="C",
    parts=[
        headline("diverse_over_larger", "Compositions: diverse data above twice the data", claimed=0.1, refuted=0.0,
                 within=DIFFERENCE, basis="'far more useful': a tenth of all answers"),
        headline("diverse_complex", "Complex compositions after diverse data", claimed=0.7, refuted=0.9, within=SHARE,
                 basis="abstract: '<70 %'; 0.9 would be robust"),
        side_part("fall", "Original tasks above compositions, after twice the data", claimed=0.1, refuted=0.0, within=DIFFERENCE,
                  basis="'neither approach succeeded': a tenth of all answers"),
        gate("larger_known", "The original tasks are solved on new stories", at_least=0.95, within=SHARE,
             basis="learnt; the paper's models are above 0.99"),
        gate("diverse_known", "So they are after diverse data", at_least=0.9, within=SHARE, basis="learnt"),
        gate("larger_composed", "Compositions leave room after twice the data", at_most=0.85, within=SHARE,
             basis="room: the least that is claimed is two thirds of what is left"),
        gate("last_place", "Complex compositions: the last place told is the answer", at_most=0.6, within=SHARE,
             basis="room: the story must be followed"),
        control("complex_taught", "Trained on with complex stories, others of them are right", at_least=0.85, within=SHARE,
                basis="above what is claimed to be out of reach: the network suffices"),
        control("known_gain", "Known stories: diverse data above twice the data", at_most=0.05, within=DIFFERENCE,
                basis="half of what is claimed", cuts="composition: the stories asked are of kinds that both have"),
    ],
    units="seeds: stories, initialisation and order redrawn; items as a floor for shares.",
    seeds=range(10, 16),
    code="none could be had; rules and splits are reconstructed from the paper",
    oracle=["tests/atlas/test_dyna_babi.py", "tests/tasks/knowledge/test_knowledge_tasks.py"],
    reconstructed="Diverse data: stories that join any two original tasks, and originals. The figure of 70 % stands among "
    "answers that are six places, or yes, no and maybe.",
    history=[
        Change("2026-11-22", "New plan after one of the first form, whose models had 0.93 of the original tasks right after 1,000 "
               "updates. A single run had 0.83 of them after 400.", (*range(5), 100)),
        Change("2026-11-22", "First pilot: the originals 0.98, compositions of four kinds and more 0.85 after twice the data and "
               "0.92 after diverse data, complex ones 0.66 and 0.67, and 0.83 and 0.91 once taught on 1,500 complex stories. That "
               "left little room for a tenth: of four sorts of compositions, asked of one more network of the larger data (seed "
               "102; nothing else was looked at), those of five kinds leave most (0.77 right; four kinds 0.81, where the answer "
               "rests on two sentences or more 0.79 and 0.76). They are asked now, with a gate, and 3,500 complex stories are "
               "taught in 750 updates. No threshold moved.", (100, 101, 102)),
    ],
    would_take="1,500 updates or more, two trainings of about 25 s of a core a seed and half a one more",
)  # fmt: skip
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Two models, told apart by their training data alone; one is then trained on complex stories."""
    steps, n, n_test = (60, 1500, 100) if quick else (1500, 24_000, 500)
    start = 1000 * seed
    complex_ones = complex_stories(8 * n_test, start + 700)
    asked, taught = complex_ones.head(n_test), complex_ones.slice(n_test)
    tests: Mapping[str, Examples] = {
        "known": joined(n_test, start + 500, ORIGINAL),
        "composed": compositions(n_test, start + 600),
        "complex": Examples(asked, ("input",), "target"),
    }
    data = {
        "larger": joined(2 * n, start + 100, ORIGINAL),
        "diverse": joined(n, start + 200, ORIGINAL + PAIRS),
        "taught": Examples(taught, ("input",), "target"),
    }
    known = Examples(pl.concat([e.table for e in data.values()]), ("input",), "target")
    models = {name: fitted(None, data[name], known, seed, name, steps) for name in ("larger", "diverse")}
    shares = {(m, t): float(models[m].accuracy(test).mean()) for m in models for t, test in tests.items()}
    further = fitted(deepcopy(models["diverse"].model), data["taught"], known, seed, "taught", max(1, steps // 2))
    found: dict[str, Measurement] = {f"{m}_{t}": (share, len(tests[t])) for (m, t), share in shares.items()}
    return found | {
        "diverse_over_larger": shares["diverse", "composed"] - shares["larger", "composed"],
        "known_gain": shares["diverse", "known"] - shares["larger", "known"],
        "fall": shares["larger", "known"] - shares["larger", "composed"],
        "last_place": (last_place(tests["complex"]), len(tests["complex"])),
        "complex_taught": (float(further.accuracy(tests["complex"]).mean()), len(tests["complex"])),
    }
