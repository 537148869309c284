"""Rules from two domains generalise to a third; as many rules from one domain do not."""

from __future__ import annotations

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.atlas.small_models import share_right, small_decoder
from unseen.tasks.strings.rewriting import StringRewriting

TRAINED = {"mirror": ("mirror",), "periodic": ("periodic",), "both": ("mirror", "periodic")}


@first_form(
    slug="only-if",
    claim="Generalisation to unseen instructions emerges only when training is diversified across domains: at equal "
    "budget, rules from several domains beat as many rules within one on rules without their restrictions.",
    source="Zhang, Wang, Charton (2024), Only-IF: Revealing the Decisive Effect of Instruction Diversity",
    thresholds=[
        Threshold("cross_over_mean", "above", 0.1, "Two domains beat the mean of either alone by over 10 points"),
        Threshold("cross_over_best", "above", 0.0, "Two domains beat the better of either alone"),
        Threshold("worst_single", "below", 0.5, "One domain can leave most items of general rules wrong"),
    ],
    units="seeds: rules, strings, initialisation and order redrawn; items as a floor for shares",
    reduced="90k-parameter decoder, rules of 6 letters, 1500 rules with 12 examples each, 38k training draws; two training "
    "domains; the fine-tuning of large models is not tested.",
    reconstructed="Domains of patterns: mirrored (abccba) and periodic (abcabc, ababab); tested on patterns that are "
    "neither. Scored on items with a match.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Accuracy on general rules after training on one domain, the other, or half of each."""
    rules, steps, n_test = (100, 20, 100) if quick else (1500, 600, 500)
    found: dict[str, tuple[float, int]] = {}
    for name, domains in TRAINED.items():
        task = StringRewriting(rules=rules, unseen_rules=300, pattern_length=6, domains=domains, world=seed)
        train = task.to_examples(task.draw_per_rule(12, seed + 2, length=8))
        fitted = small_decoder(train, seed, name, steps=steps)
        found[name] = share_right(fitted, task.sample(n_test, seed + 1, length=8, idle=0.0, part="unseen"))
        found[f"{name}_seen"] = share_right(fitted, task.sample(n_test, seed + 3, length=8, idle=0.0))
    single = [found[name][0] for name in ("mirror", "periodic")]
    return {
        **found,
        "cross_over_mean": found["both"][0] - sum(single) / 2,
        "cross_over_best": found["both"][0] - max(single),
        "worst_single": (min(single), n_test),
    }
