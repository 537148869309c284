"""Programs with local structures that training lacks are the hard ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.atlas.small_models import share_right, small_decoder
from unseen.data import Examples
from unseen.errors import TooFewUnits
from unseen.measures.structure.local_structures import (
    ObservedStructures,
    compound_scores,
    hold_out_unlike,
    ngram_structures,
    predicts,
    select_by_coverage,
)
from unseen.shifts import HeldOutLevel, Split
from unseen.tasks.grammar.queries import COLOURS, NOUNS, RELATIONS, SHAPES, QueryPrograms

WORDS = {**dict.fromkeys(NOUNS, "N"), **dict.fromkeys((*COLOURS, *SHAPES), "V"), **dict.fromkeys(RELATIONS, "R")}


def pool_of(n: int, rng: np.random.Generator) -> Examples:
    """Questions with programs of at most one relative clause, and the template of each: its words by their kind."""
    drawn = QueryPrograms().sample(n, rng, depth=(0, 1), template=("count", "exists", "verify", "query"), form="tokens")
    shape = [" ".join(WORDS.get(t, t) for t in target) for target in drawn.table["target"].to_list()]  # pyright: ignore[reportCallIssue, reportArgumentType]
    return Examples(drawn.table.with_columns(pl.Series("shape", shape)), drawn.inputs, drawn.target, drawn.factors)


def template_split(pool: Examples, rng: np.random.Generator) -> Split:
    """A third of the program templates are unseen, whichever they are."""
    shapes = sorted(set(pool.table["shape"].to_list()))
    held = [shapes[i] for i in rng.permutation(len(shapes))[: len(shapes) // 3]]
    return HeldOutLevel("shape", held).split(pool, rng)


def words(program: list[str]) -> list[str]:
    """The program in prefix order without its punctuation, on which bigrams tell more."""
    return [t for t in program if t not in ("(", ")", ",")]


def area(scores: np.ndarray, right: np.ndarray) -> float:
    """Area under the curve; one half where fewer than two answers are right, or wrong, so that nothing is told."""
    try:
        return predicts(scores, right).value
    except TooFewUnits:
        return 0.5


@first_form(
    slug="unobserved-local-structures",
    claim="A test example is hard if its program holds a local structure unlike those observed in training: this score "
    "predicts success with higher AUC than other rules, splits built from it are harder than random-template splits, "
    "and training sets chosen by coverage of structures beat random ones of equal size.",
    source="Bogin, Gupta & Berant (2022), Unobserved Local Structures Make Compositional Generalization Hard",
    thresholds=[
        Threshold("advantage", "above", 0.0, "The score's AUC is above that of the best of bigrams, length, compounds"),
        Threshold("auc", "above", 0.6, "The score's AUC on unseen templates is above 0.6"),
        Threshold(
            "adversarial_drop", "above", 0.05, "The split by structures is over 5 points harder than by templates"
        ),
        Threshold("coverage_gain", "above", 0.0, "A covering training set beats a random one of equal size"),
    ],
    units="seeds: questions, splits, initialisation and order redrawn",
    reduced="One procedural grammar of questions to query programs in place of five data sets, one Transformer from "
    "scratch of 60k parameters, 200 training examples (100 for the choice by coverage).",
    reconstructed="Similarity of structures with one differing symbol is the Jaccard overlap of the symbols' contexts; "
    "the compound rule is the Chernoff coefficient of one example; coverage is greedy. "
    "One training holds out templates and structures together, so that both splits share it.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """One training with unseen templates and unseen structures at once, then a random and a covering choice."""
    rng = np.random.default_rng(seed)
    size, n_test, steps = (60, 60, 15) if quick else (200, 300, 300)
    pool = pool_of(800 if quick else 2000, rng)

    def trained(rows: Examples, name: str) -> Any:
        return small_decoder(
            rows, seed, name, steps=steps, layers=2, batch_size=32, position="rotary", known=pool, longest=128
        )

    inside, beyond = hold_out_unlike(pool.table["structures"].to_list(), rng)
    easier, hard = template_split(pool.take(inside), rng), pool.take(beyond)
    train = easier.train.take(rng.permutation(len(easier.train))[:size])
    sides = [part.take(rng.permutation(len(part))[:n_test]) for part in (easier.unseen, hard)]
    fitted = trained(train, "both")
    by_template, by_structure = (share_right(fitted, side) for side in sides)
    right = np.concatenate([fitted.accuracy(side) for side in sides])
    asked, known = pl.concat([side.table for side in sides]), train.table
    structures, observed = asked["structures"].to_list(), known["structures"].to_list()
    flat = [[ngram_structures(words(t)) for t in table["target"].to_list()] for table in (asked, known)]
    areas = {
        "auc": area(ObservedStructures(observed).scores(structures), right),
        "auc_bigrams": area(ObservedStructures(flat[1]).scores(flat[0]), right),
        "auc_length": area(-asked["target"].list.len().to_numpy().astype(float), right),
        "auc_compounds": area(compound_scores(structures, observed), right),
    }

    free = template_split(pool, rng)
    test = free.unseen.take(rng.permutation(len(free.unseen))[: 2 * n_test])
    chosen = select_by_coverage(free.train.table["structures"].to_list(), size // 2, rng)
    covering, random = free.train.take(chosen), free.train.take(rng.permutation(len(free.train))[: size // 2])
    by_coverage, by_chance = (share_right(trained(r, n), test) for r, n in ((covering, "cover"), (random, "random")))
    return {
        **areas,
        "advantage": areas["auc"] - max(v for k, v in areas.items() if k != "auc"),
        "unseen_templates": by_template,
        "unseen_structures": by_structure,
        "covering_set": by_coverage,
        "random_set": by_chance,
        "adversarial_drop": by_template[0] - by_structure[0],
        "coverage_gain": by_coverage[0] - by_chance[0],
    }
