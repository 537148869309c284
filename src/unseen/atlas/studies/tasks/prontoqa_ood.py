"""Proofs: from simple ones to deeper, wider and composed ones, and to subproofs with and without demonstrations."""

from __future__ import annotations

from typing import Any

import polars as pl

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.data import Examples
from unseen.tasks.base import Example
from unseen.tasks.logic.proof_shorthand import expand, shorten
from unseen.tasks.logic.proofs import Proofs

DIRECT = ("conjunction-intro", "conjunction-elim", "disjunction-intro")
SUBPROOFS = ("cases", "contradiction")
NEAR = {"distractors": (0, 1)}


def proofs(n: int, seed: int, composed: int = 1, **options: Any) -> list[Example]:
    """N proofs that use at least so many rules."""
    drawn = Proofs().draw_many(n if composed == 1 else 3 * n, seed, **NEAR, **options)
    return [e for e in drawn if int(str(e.factors["composed"])) >= composed][:n]


def simple(n: int, seed: int, rules: tuple[str, ...]) -> list[Example]:
    """Proofs by one rule besides implication, of depth 2 and width 2, and by implication alone, of depth 1 or 2."""
    part = n // (len(rules) + 2)
    chains = proofs(2 * part, seed, rules="implication", depth=(1, 2))
    return chains + [
        e for i, rule in enumerate(rules) for e in proofs(part, seed + 1 + i, rules=rule, depth=2, width=(1, 2))
    ]


def tabled(items: list[Example]) -> Examples:
    """Items in shorthand."""
    columns = {
        "input": [shorten(str(e.input), e.hidden["name"]) for e in items],
        "target": [shorten(str(e.target), e.hidden["name"]) for e in items],
    }
    return Examples(pl.DataFrame(columns), ("input",), "target")


def trained(train: list[Example], tests: dict[str, list[Example]], seed: int, steps: int) -> dict[str, Measurement]:
    """Share of valid proofs on each test set after training."""
    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.transformer import Transformer
    from unseen.training import TrainConfig, Vocabulary, fit_sequences
    from unseen.training.testbeds.verified import verified

    config = TrainConfig(
        steps=steps, batch_size=32, lr=5e-3, warmup=50, schedule="cosine", clip=1.0, eval_every=steps, train_eval=32,
        bucket=16, eval_batch_size=128,
    )  # fmt: skip
    data, sets = tabled(train), {name: tabled(items) for name, items in tests.items()}
    fitted = fit_sequences(
        lambda words: Transformer(len(words), width=48, layers=2, heads=4, position="rotary"),
        data, None, config, torch_generator(seed, "prontoqa-ood"), layout="lm",
        vocabulary=Vocabulary.of(data, *sets.values()),
    )  # fmt: skip
    task, found = Proofs(), dict[str, Measurement]()
    for name, items in tests.items():
        licensed = [1.0] * len(items)

        def valid(row: int, answer: list[str], items: list[Example] = items, licensed: list[float] = licensed) -> float:
            proof = expand(answer, items[row].hidden["name"])
            licensed[row] = task.score_steps(items[row], proof)
            return task.verify(items[row], proof)

        found[name] = (float(verified(fitted, sets[name], valid).mean()), len(items))
        found[f"{name}_licensed"] = sum(licensed) / len(items)
    return found


@first_form(
    slug="prontoqa-ood",
    claim="Models shown simple proofs generalise partly to deeper, wider and compositional proofs, but not to "
    "hypothetical subproofs (cases, contradiction) unless these are demonstrated.",
    source="Saparov et al. (2023), Testing the General Deductive Reasoning Capacity of Large Language Models Using OOD "
    "Examples, section 4",
    thresholds=[
        Threshold("demonstrated", "above", 0.3, "Demonstrations add over 30 points on proofs with subproofs."),
        Threshold("direct_simple", "above", 0.8, "Simple proofs are learned."),
        Threshold("direct_deeper", "above", 0.1, "Deeper proofs: better than 10 %."),
        Threshold("direct_wider", "above", 0.1, "Wider proofs: better than 10 %."),
        Threshold("direct_composed", "above", 0.1, "Compositions of rules: better than 10 %."),
        Threshold("direct_subproofs", "below", 0.1, "Subproofs that were not demonstrated: under 10 %."),
    ],
    units="seeds: ontologies, initialisation and order redrawn; items as a floor for shares.",
    reduced="Trained-split test instead of in-context demonstrations to large language models: a 60k-parameter "
    "Transformer writes proofs in shorthand. Depth 2 and width 2 with one rule, chains up to depth 2; tests at depth 3, "
    "width 3, and 2 rules besides implication at depth 4; at most one distractor.",
    reconstructed="A proof counts where each step is licensed, whatever its order. 'Partly' is read as over 10 %, "
    "'not' as under 10 %.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Two models, told apart by whether their training proofs hold subproofs."""
    steps, n, n_test = (60, 1500, 30) if quick else (600, 16_000, 100)
    start = 1000 * seed
    subproofs = {rule: proofs(n_test, start + 600 + i, rules=rule, depth=2) for i, rule in enumerate(SUBPROOFS)}
    tests = {
        "simple": simple(n_test, start + 500, DIRECT),
        "deeper": proofs(n_test, start + 510, rules="implication", depth=3),
        "wider": [e for i, r in enumerate(DIRECT) for e in proofs(n_test // 3, start + 520 + i, rules=r, depth=2, width=3)],
        "composed": proofs(n_test, start + 530, 3, rules=DIRECT, depth=4),
        **subproofs,
    }  # fmt: skip
    found: dict[str, Measurement] = {}
    for name, rules in (("direct", DIRECT), ("shown", DIRECT + SUBPROOFS)):
        shares = trained(simple(n, start, rules), tests, seed, steps)
        found |= {f"{name}_{test}": share for test, share in shares.items()}
        values = [v for rule in SUBPROOFS if isinstance(v := shares[rule], tuple)]
        found[f"{name}_subproofs"] = (sum(v for v, _ in values) / len(values), sum(k for _, k in values))
    lift = [v[0] if isinstance(v, tuple) else v for v in (found["shown_subproofs"], found["direct_subproofs"])]
    return {**found, "demonstrated": lift[0] - lift[1]}
