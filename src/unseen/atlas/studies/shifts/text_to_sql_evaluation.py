"""Text-to-SQL models score high on new questions and low on new queries, and higher with variables anonymised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.data import Examples
from unseen.data.advising import advising, written_out
from unseen.engine.seeds import numpy_generator
from unseen.learners.template_slots import TemplateSlots

LONGEST = 40
# Shares of queries held out, and of the questions of other queries that test both models on queries they have seen.
HELD, KNOWN = 0.2, 0.08
Rows = list[dict[str, Any]]


def sides(rows: Rows, rng: np.random.Generator) -> dict[str, Rows]:
    """Two training sets of one size and two tests that both models take.

    ``new``: half of the questions of the held-out queries. ``known``: questions of the other queries. ``by query`` holds
    none of the held-out queries, ``by question`` the other half of their questions.
    """
    numbers = sorted({r["query"] for r in rows})
    held = set(rng.permutation(numbers)[: round(HELD * len(numbers))].tolist())
    inside, outside = (
        [rows[i] for i in rng.permutation(len(rows)) if (rows[i]["query"] in held) is side] for side in (True, False)
    )
    parts = dict[str, Rows]()
    ranks = dict[int, int]()
    new, other = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in inside:
        rank = ranks[row["query"]] = ranks.get(row["query"], -1) + 1
        (other if rank % 2 else new).append(row)
    n = round(KNOWN * len(outside))
    parts["new"], parts["known"], parts["by query"] = new, outside[:n], outside[n:]
    mixed = [*outside[n:], *other]
    parts["by question"] = [mixed[i] for i in rng.permutation(len(mixed))[: len(parts["by query"])]]
    return parts


def examples(rows: Rows, form: str) -> tuple[Examples, list[list[str]]]:
    """Questions with their queries as token lists; values written out (``literal``), joined (``joined``) or named."""
    pairs = [
        (r["question"].lower().split(), r["template"].split())
        if form == "named"
        else written_out(r, one_word=form == "joined")
        for r in rows
    ]
    table = pl.DataFrame({
        "item": [str(i) for i in range(len(rows))], "input": [p[0] for p in pairs], "target": [p[1] for p in pairs],
        "template": [r["template"] for r in rows],
    })  # fmt: skip
    return Examples(table, ("input",), "target"), [p[1] for p in pairs]


def right(answers: Sequence[list[str]], truth: Sequence[list[str]]) -> tuple[float, int]:
    """Share of queries that are right to the last token, with their number."""
    return float(np.mean([a == t for a, t in zip(answers, truth, strict=True)])), len(truth)


def copying(train: Rows, tests: Mapping[str, Rows], seed: int, form: str, steps: int) -> dict[str, tuple[float, int]]:
    """Share of each test that the LSTM with attention and copying gets right."""
    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.copying import CopyingLSTM
    from unseen.training import TrainConfig, Vocabulary, fit_sequences

    made, sets = examples(train, form)[0], {k: examples(v, form) for k, v in tests.items()}
    config = TrainConfig(
        steps=steps, batch_size=16, lr=6e-3, warmup=steps // 10, schedule="cosine", clip=1.0, eval_every=steps,
        train_eval=64, bucket=8,
    )  # fmt: skip
    fitted = fit_sequences(
        lambda v: CopyingLSTM(len(v), 96, dropout=0.3), made, None, config, torch_generator(seed, "copying", form),
        vocabulary=Vocabulary.of(made, *(e for e, _ in sets.values())),
    )  # fmt: skip
    return {name: right(fitted.predict(e, LONGEST + 20)[0], truth) for name, (e, truth) in sets.items()}


def baseline(train: Rows, tests: Mapping[str, Rows], seed: int) -> dict[str, tuple[float, int]]:
    """Share of each test that the template baseline gets right."""
    fitted = TemplateSlots().fit(examples(train, "joined")[0], numpy_generator(seed, "baseline"))
    made = {name: examples(rows, "joined") for name, rows in tests.items()}
    return {name: right(fitted.answers(e), truth) for name, (e, truth) in made.items()}


@study(
    slug="text-to-sql-evaluation",
    claim=[
        ("Divided by questions, test sets measure robustness to wording: on new queries models get far fewer right.", "drop"),
        ("Variables in the place of values take a challenge away: accuracy rises.", "inflation"),
        ("A baseline that picks a template and fills its slots is competitive where only questions are new.", "baseline_lead"),
    ],
    source="Finegan-Dollak et al. (2018), Improving Text-to-SQL Evaluation Methodology, ACL",
    link="https://arxiv.org/abs/1806.09029",
    did="Standardised seven text-to-SQL data sets, added Advising, and compared neural models and a template baseline on a "
    "division by questions and one by queries, with values and with variables in their place.",
    here="The authors' Advising questions whose query has 40 tokens or fewer (1,369 questions, 59 queries), an LSTM with attention "
    "and copying of width 96 (theirs 200), 1,300 updates of 16. Both divisions are drawn anew for each seed and are tested on the "
    "same questions after as many training questions, so that only what was trained on differs. Other data sets are left out.",
    fidelity="B",
    parts=[
        headline("drop", "Accuracy lost when all questions of the tested queries leave the training set", claimed=0.2,
                 refuted=0.0, within=DIFFERENCE, basis="authors' tables: the baseline has 0.45 (ATIS) to 0.83 (Advising) on new "
                 "questions and completely fails on new queries; their sample run of the copying model has 0.0000 on new queries "
                 "of Advising. Twenty points are less than half of the least of these"),
        headline("inflation", "New questions: accuracy gained with names in the place of values", claimed=0.04, refuted=0.0,
                 within=DIFFERENCE, basis="authors' table, baseline with oracle entities: 0.83 to 0.87 on Advising, 0.45 to 0.49 "
                 "on ATIS, 0.54 to 0.59 on Scholar"),
        side_part("baseline_lead", "New questions: the baseline above the copying model", claimed=-0.05, refuted=-0.2,
                  within=DIFFERENCE, basis="'competitive': within five points; twenty below is not"),
        gate("learnt", "New questions of queries in training: the copying model is right on", at_least=0.4, within=SHARE,
             basis="the lowest figure of the authors' larger sets for the baseline is 0.45, and a fall of 0.2 needs twice that"),
        gate("fits", "It is right on its training questions", at_least=0.85, within=SHARE, basis="training was long enough"),
        control("baseline_drop", "The baseline, which can't write an unseen template, loses", at_least=0.2, within=DIFFERENCE,
                basis="what is claimed; by construction it has nothing left on new queries"),
        control("drop_known", "On queries that stay in both training sets the loss goes", at_most=0.1, within=DIFFERENCE,
                basis="half of what is claimed", cuts="newness of the query: the same two models on questions whose query both "
                "were trained on"),
    ],
    units="seeds: held-out queries, questions, initial weights and order redrawn; questions as a floor for shares.",
    seeds=range(10, 18),
    code="jkkummerfeld/text2sql-data: data/advising.json (version 4), systems/baseline-template/text2sql-template-baseline.py "
    "(tokens, implicit values, exact match of the filled-in query) with its README.md (tables), systems/sequence-to-sequence/"
    "quick_eval.py and its hyper-parameters for Advising (200 units, dropout 0.5, Adam at 1e-3)",
    oracle=["tests/data/test_advising.py", "tests/learners/test_copying.py", "tests/learners/test_template_slots.py",
            "tests/measures/test_query_redundancy.py"],
    reconstructed="Exact match as in the source. Training is shorter and faster (rate 6e-3, dropout 0.3). The baseline uses "
    "logistic regressions where the authors have an LSTM, and words of one value are joined for it, as are those of its test.",
    history=[
        Change("2026-11-22", "New plan on the authors' data after one of the first form on generated questions.", (*range(5), 101)),
        Change("2026-11-22", "Length of training looked at on one plain division by questions (seed 100): batches of 16 and 1,300 "
               "updates at width 96 gave 0.56 on new questions, 800 updates of 32 0.45; width 64 0.45.", (100,)),
        Change("2026-11-22", "Pilot on two seeds (drop 0.47, baseline 0.68); nothing was changed.", (100, 101)),
    ],
    would_take="longer training on all 4,387 questions (the authors: hours)",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Exact match of the copying model and the baseline after each training set, and with named values."""
    rows = advising(LONGEST).to_dicts()
    parts = sides(rows, numpy_generator(seed, "text-to-sql-evaluation"))
    steps = 30 if quick else 1300
    tests = {"new": parts["new"], "known": parts["known"]}
    found = dict[str, tuple[float, int]]()
    for side in ("by question", "by query"):
        trained = {**tests, "train": parts[side][:200]}
        made = {
            "copying": copying(parts[side], trained, seed, "literal", steps),
            "baseline": baseline(parts[side], tests, seed),
        }
        found |= {f"{model} {side} {test}": share for model, shares in made.items() for test, share in shares.items()}
    asked = {"all": [*tests["new"], *tests["known"]]}
    named = copying(parts["by question"], asked, seed, "named", steps)["all"]

    def whole(model: str) -> float:
        shares = [found[f"{model} by question {test}"] for test in tests]
        return sum(value * n for value, n in shares) / sum(n for _, n in shares)

    def lost(model: str, test: str) -> float:
        return found[f"{model} by question {test}"][0] - found[f"{model} by query {test}"][0]

    n = len(asked["all"])
    return {
        **found,
        "drop": lost("copying", "new"),
        "drop_known": lost("copying", "known"),
        "baseline_drop": lost("baseline", "new"),
        "learnt": (whole("copying"), n),
        "named": named,
        "baseline": (whole("baseline"), n),
        "inflation": named[0] - whole("copying"),
        "baseline_lead": whole("baseline") - whole("copying"),
        "fits": float(np.mean([found[f"copying {side} train"][0] for side in ("by question", "by query")])),
    }
