"""Unseen rewrite rules are followed once enough different rules were seen, not once each was seen often."""

from __future__ import annotations

from typing import Any

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.data import Examples
from unseen.tasks.strings.rewriting import StringRewriting

BUDGET = 20_000


def unseen_accuracy(train: Examples, test: Examples, seed: int, name: str, quick: bool) -> tuple[float, int]:
    """Share of unseen-rule items that a small GPT answers rightly after training, with their number."""
    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.transformer import Transformer
    from unseen.training import TrainConfig, fit_sequences

    steps = 20 if quick else 700
    config = TrainConfig(
        steps=steps,
        batch_size=64,
        lr=4e-3,
        warmup=steps // 8,
        schedule="cosine",
        clip=1.0,
        eval_every=steps,
        train_eval=64,
    )
    fitted = fit_sequences(
        lambda vocabulary: Transformer(len(vocabulary), width=48, layers=3, heads=4, longest=32),
        train, {"unseen": test}, config, torch_generator(seed, name), layout="lm",
    )  # fmt: skip
    right = fitted.accuracy(test)
    return float(right.mean()), len(right)


def rewriting(seed: int, rules: int, **settings: Any) -> StringRewriting:
    """Three-letter rules over 26 letters, 200 of them held out; equal seeds give equal rules."""
    return StringRewriting(rules=rules, unseen_rules=200, pattern_length=3, world=seed, **settings)


@first_form(
    slug="instruction-diversity",
    claim="At a fixed budget of examples, accuracy on unseen rewrite rules jumps from near zero to high once enough "
    "different rules are seen; more examples a rule do not help, and the effect survives power-law frequencies.",
    source="Zhang, Wang, Charton (2024), Instruction Diversity Drives Generalization To Unseen Tasks",
    thresholds=[
        Threshold(
            "jump", "above", 0.4, "2000 rules x 10 examples beat 100 rules x 200 on unseen rules by over 40 points"
        ),
        Threshold("unseen_2000", "above", 0.5, "With 2000 rules most items of unseen rules are right"),
        Threshold("unseen_100", "below", 0.1, "With 100 rules x 200 examples unseen rules are near zero"),
        Threshold("unseen_100_more", "below", 0.1, "Four times the examples a rule (100 x 800) leave them near zero"),
        Threshold(
            "power_law", "above", 0.3, "2000 rules at power-law frequencies still beat 100 even ones by 30 points"
        ),
    ],
    units="seeds: rules, strings, initialisation and order redrawn; items as a floor for shares",
    reduced="90k-parameter GPT (paper 0.4M-parameter and larger), strings of 6 letters, 45k training draws; two rule "
    "counts, 100 and 2000, of the five between 10 and 5000.",
    reconstructed="Scored on items with a match only: half of the training items have none, and copying solves those. "
    "Power law: rank to the power -1.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Accuracy on items of unseen rules for several divisions of one budget."""
    n_test = 100 if quick else 500
    budget, found = BUDGET // (20 if quick else 1), dict[str, tuple[float, int]]()
    for rules, per_rule in ((100, 1), (100, 4), (2000, 1)):
        task = rewriting(seed, rules)
        test = task.sample(n_test, seed + 1, length=6, idle=0.0, part="unseen")
        train = task.to_examples(task.draw_per_rule(max(1, budget * per_rule // rules), seed + 2, length=6))
        name = f"unseen_{rules}" + ("_more" if per_rule > 1 else "")
        found[name] = unseen_accuracy(train, test, seed, name, quick)
    task = rewriting(seed, 2000, frequencies=1.0)
    test = task.sample(n_test, seed + 1, length=6, idle=0.0, part="unseen")
    found["unseen_2000_power_law"] = unseen_accuracy(
        task.sample(budget, seed + 2, length=6), test, seed, "power", quick
    )
    few = found["unseen_100"][0]
    return {
        **found,
        "jump": found["unseen_2000"][0] - few,
        "power_law": found["unseen_2000_power_law"][0] - few,
    }
