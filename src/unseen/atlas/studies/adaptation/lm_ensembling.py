"""Weak predictors added to a strong one: how far perplexity falls, and whether their own perplexity foretells it."""

from __future__ import annotations

import pydoc
from collections.abc import Mapping, Sequence

import numpy as np

from unseen.atlas.plan import ANY, DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.studies.adaptation._mixed_predictions import KneserNey, cached, perplexity, weights
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator

MODEL = "smollm2-135m-instruct"
VOCABULARY = 49_152
TEXTS, LETTERS, WINDOW = 90, 1_200, 100
# Of the texts so many are counted, so many weigh, the others judge.
COUNTED, WEIGHED = 50, 15


def documented() -> list[str]:
    """Beginnings of the documentation of estimators of scikit-learn, by name; one line each."""
    from sklearn.utils import all_estimators

    found = [" ".join(pydoc.getdoc(kind).split()) for _, kind in sorted(all_estimators())]
    return [text[: text.rindex(" ", 0, LETTERS)] for text in found if len(text) > LETTERS][: TEXTS + 1]


def windows(text: str) -> list[str]:
    """A text in pieces of a hundred letters or so, each beginning with a space; together they are the text.

    >>> "".join(windows(" " + "one two " * 40)) == " " + "one two " * 40
    True
    """
    cuts, at = [0], 0
    while len(text) - at > 2 * WINDOW:
        at = text.index(" ", at + WINDOW)
        cuts.append(at)
    return [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def scored(
    model: Subject, before: str, texts: Sequence[str], *, short: bool = False
) -> list[tuple[list[str], np.ndarray]]:
    """Tokens of each text and their probabilities; with ``short`` nothing but the last hundred letters or so is in sight."""
    pieces = [windows(t) if short else [t] for t in texts]
    flat = [p for some in pieces for p in some]
    rows = iter(model.score(["Text:" if short else before] * len(flat), [[p] for p in flat]))
    found = list[tuple[list[str], np.ndarray]]()
    for some in pieces:
        own = [next(rows)[0] for _ in some]
        tokens = [t for s in own for t in s.tokens]
        found.append((tokens, np.exp([x for s in own for x in s.logprobs])))
    return found


@study(
    slug="lm-ensembling",
    claim=[
        ("Weaker predictors that differ lower the perplexity of a much stronger one.", "gain"),
        ("What a predictor adds does not follow from its own perplexity.", "rank"),
    ],
    source="Herel & Mikolov (2023), Advancing State of the Art in Language Modeling, arXiv preprint",
    link="https://arxiv.org/abs/2312.03735",
    did="Proposed to publish the probabilities of models on development and test sets, mixed those of published ones with weights "
    "from the development set, and lowered the best perplexities on several benchmarks, by up to ten percent.",
    here="A pretrained model of 135M with a text of the domain in sight, Kneser–Ney over three tokens and a cache, on the "
    "documentation of scikit-learn; a second form of the strong model sees a hundred letters only.",
    fidelity="C",
    parts=[
        headline("gain", "Share of the perplexity that goes by adding Kneser–Ney and cache", claimed=0.03, refuted=0.0,
                 within=DIFFERENCE, basis="the abstract: new records by up to ten percent; three percent are the least that "
                 "would be one"),
        side_part("rank", "Share that goes by the cache less that by the form with little in sight, whose own perplexity is lower",
                  claimed=0.005, refuted=-0.005, within=DIFFERENCE, basis="the abstract: a suboptimal model can have value; half a "
                  "percent is what published steps are worth"),
        gate("weaker", "Log perplexity of the better added predictor less that of the strong one", at_least=0.3, within=ANY,
             basis="a third higher: far weaker alone", unit="nats"),
        gate("ranked", "Log perplexity of the cache less that of the form with little in sight", at_least=0.3, within=ANY,
             basis="their order is clear", unit="nats"),
        gate("aligned", "Share of texts that are cut into the same tokens by both forms", at_least=0.9, within=SHARE,
             basis="probabilities are of the same tokens"),
        control("leak", "Share that goes by adding counts of the test texts themselves", at_least=0.1, within=DIFFERENCE,
                basis="the effect planted: as much as the best of the abstract"),
        control("renamed", "Share that goes by adding Kneser–Ney whose tokens are renamed", at_most=0.005, within=DIFFERENCE,
                basis="half a percent", cuts="what is counted is not what follows"),
    ],
    units="seeds: which texts are counted, weigh and judge.",
    seeds=range(10, 20),
    code="Not read: the paper's repository holds probabilities on benchmarks that can't be had here.",
    oracle=["tests/atlas/test_mixed_predictions.py"],
    reconstructed="Texts, the order of Kneser–Ney and its discount of 0.75.",
    history=[
        Change("2026-11-22", "Written; thresholds from the abstract before any run of it."),
        Change("2026-11-22", "Pilot of two seeds of this form: no gate or control failed, and nothing was changed.", (100, 101)),
    ],
    would_take="the benchmarks of the paper with their models' probabilities",
    subjects={MODEL: 1_600_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Counts from some texts, weights from others, perplexities on the rest."""
    rng, model, every = numpy_generator(seed, "lm-ensembling"), subject(MODEL), documented()
    before, texts = f"Text: {every[0]}\nText:", [f" {t}" for t in every[1:]]
    strong, short = scored(model, before, texts), scored(model, before, texts, short=True)
    same = np.array([a[0] == b[0] for a, b in zip(strong, short, strict=True)])
    order = [int(i) for i in rng.permutation(np.flatnonzero(same))]
    counted, dev, test = order[:COUNTED], order[COUNTED : COUNTED + WEIGHED], order[COUNTED + WEIGHED :]
    tokens = [t for t, _ in strong]
    names = sorted({t for text in tokens for t in text})
    other = dict(zip(names, (names[int(i)] for i in rng.permutation(len(names))), strict=True))
    counts = KneserNey([tokens[i] for i in counted], VOCABULARY)
    renamed = KneserNey([[other[t] for t in tokens[i]] for i in counted], VOCABULARY)
    leak = KneserNey([tokens[i] for i in (*counted, *dev, *test)], VOCABULARY)

    def of(name: str, places: Sequence[int]) -> np.ndarray:
        rows = {
            "strong": lambda i: strong[i][1], "short": lambda i: short[i][1], "cache": lambda i: cached(tokens[i], VOCABULARY),
            "counts": lambda i: counts.of(tokens[i]), "renamed": lambda i: renamed.of(tokens[i]),
            "leak": lambda i: leak.of(tokens[i]),
        }[name]  # fmt: skip
        return np.concatenate([rows(i) for i in places])

    some = ("strong", "short", "cache", "counts", "renamed", "leak")
    p = {(n, side): of(n, places) for n in some for side, places in (("dev", dev), ("test", test))}
    alone = {n: float(np.log(perplexity(p[n, "test"]))) for n in some}

    def gain(*added: str) -> float:
        members = ("strong", *added)
        w = weights(np.stack([p[n, "dev"] for n in members]))
        return 1 - perplexity(w @ np.stack([p[n, "test"] for n in members])) / perplexity(p["strong", "test"])

    gains = {n: gain(n) for n in ("short", "cache", "counts")}
    return {
        "gain": gain("counts", "cache"), "rank": gains["cache"] - gains["short"],
        "weaker": min(alone["counts"], alone["cache"]) - alone["strong"], "ranked": alone["cache"] - alone["short"],
        "aligned": (float(same.mean()), len(same)), "leak": gain("leak"), "renamed": gain("renamed"),
        **{f"gain_{n}": g for n, g in gains.items()}, **{f"log_perplexity_{n}": v for n, v in alone.items()},
    }  # fmt: skip
