"""Training carries over to harder instances, less to combined skills, and not to problems that need another idea."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.data import Examples
from unseen.engine.seeds import numpy_generator, torch_generator
from unseen.learners.architectures.transformer import Transformer
from unseen.tasks.arithmetic.omega import Omega
from unseen.tasks.base import Example
from unseen.training import TrainConfig, fit_sequences
from unseen.training.fitting import Fitted

FAMILY, SECOND = "root-squares", "stones"
# Problems that the tests of the easy levels keep: there are 45, 165 and 495 different ones.
KEPT = {1: 15, 2: 40, 3: 120}
TOKEN = re.compile(r"[A-Z]\d*\b|\d|-|[A-Za-z]+")
Share = tuple[float, int]


def distinct(rng: np.random.Generator, n: int, used: set[str], **options: Any) -> list[Example]:
    """Up to n different problems that were not used yet; small families have fewer."""
    task, found = Omega(), dict[str, Example]()
    for seed in rng.integers(0, 2**62, size=2 * n).tolist():
        item = task.draw(seed, **options)
        if item.item not in used and len(found) < n:
            found[item.item] = item
    used.update(found)
    return list(found.values())


def terse(items: list[Example], constant: set[str]) -> Examples:
    """Digits, names and the words that differ between problems; the template's constant words are left out."""
    rows = [
        item.__class__(
            item.item,
            [token for token in TOKEN.findall(str(item.input)) if token not in constant],
            list(str(item.target)),
            item.factors,
        )
        for item in items
    ]
    return Omega().to_examples(rows)


class Side:
    """One model, the words that its training problems of a family all share, and the most frequent answer."""

    def __init__(self, items: list[Example], seed: int, name: str, steps: int) -> None:
        self.constant = set[str]()
        for family in {str(item.factors["family"]) for item in items}:
            # Single letters keep numbers apart.
            words = [
                {token for token in TOKEN.findall(str(item.input)) if token.islower() and len(token) > 1}
                for item in items
                if item.factors["family"] == family
            ]
            self.constant |= set.intersection(*words)
        self.guess = Counter(str(item.target) for item in items).most_common(1)[0][0]
        config = TrainConfig(
            steps=steps, batch_size=64, lr=3e-3, warmup=steps // 10, schedule="cosine", clip=1.0, eval_every=steps,
            train_eval=64,
        )  # fmt: skip
        self.fitted: Fitted = fit_sequences(
            lambda words: Transformer(len(words), width=64, layers=2, heads=4, position="rotary"),
            terse(items, self.constant), None, config, torch_generator(seed, name), layout="lm",
        )  # fmt: skip

    def share(self, items: list[Example]) -> Share:
        """Accuracy, with the number of problems."""
        right = self.fitted.accuracy(terse(items, self.constant))
        return float(right.mean()), len(right)

    def gain(self, items: list[Example]) -> float:
        """Accuracy above that of always giving the most frequent training answer."""
        return self.share(items)[0] - float(np.mean([str(item.target) == self.guess for item in items]))


@first_form(
    slug="omega",
    claim="Training raises accuracy on harder instances of a trained family clearly, on combinations of trained skills "
    "less, and on problems that need another strategy not at all; accuracy falls with the level of complexity.",
    source="Sun et al. (2025), OMEGA, sections 3 and 4",
    thresholds=[
        Threshold("exploratory_gain", "above", 0.1, "Harder levels: 10 points above a constant answer."),
        Threshold("over_compositional", "above", 0.0, "Harder levels gain more than combined skills."),
        Threshold("over_transformative", "above", 0.0, "Harder levels gain more than problems that need another idea."),
        Threshold("compositional_gain", "below", 0.1, "Combined skills stay within 10 points of a constant answer."),
        Threshold("transformative", "below", 0.05, "Of problems that need another idea less than 5 % are right."),
        Threshold("level_fall", "above", 0.1, "Accuracy at level 5 lies over 10 points below that at level 1."),
        Threshold("largest_rise", "below", 0.05, "No level is easier than the one before it by 5 points."),
        Threshold("seen_gain", "above", 0.2, "Training works: new problems of its levels gain over 20 points."),
    ],
    units="seeds: problems, initial weights and order redrawn; items as a floor for shares.",
    reduced="One pair an axis: root-squares, with stones as the second skill; a from-scratch Transformer "
    "of 0.1M parameters and 750 updates, no fine-tuning of a language model and none through an endpoint.",
    reconstructed="A model from scratch knows nothing before training, so gains are over its most frequent training "
    "answer instead of an untrained model. Exploratory pair: levels 1-3 to 4-5. One model, trained on levels 1-3 of both "
    "families, is asked harder and combined problems. Constant words of the template are left out of the input, numbers "
    "written by digit.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """One model of both skills is asked harder and combined problems, one of all levels those of another idea."""
    rng, n_test = numpy_generator(seed, "omega"), 60 if quick else 200
    steps, n = (20, 500) if quick else (750, 3000)
    used = set[str]()
    levels = {k: distinct(rng, min(n_test, KEPT.get(k, n_test)), used, family=FAMILY, level=k) for k in range(1, 6)}
    transformed = distinct(rng, n_test, used, family=FAMILY, kind="transformed")
    composed = distinct(rng, n_test, used, family=FAMILY, second=SECOND, kind="composed", level=(1, 3))
    easy = distinct(rng, n, used, family=FAMILY, level=(1, 3))
    every = easy + distinct(rng, n, used, family=FAMILY, level=(4, 5))
    second = distinct(rng, n // 10, used, family=SECOND, level=(1, 3))
    # The second family has fewer problems: they are repeated until both skills are trained equally often.
    skilled = Side(easy + second * max(1, len(easy) // len(second)), seed, "skills", steps)
    by_level = [skilled.share(levels[k]) for k in sorted(levels)]
    gains = {
        "exploratory_gain": skilled.gain(levels[4] + levels[5]),
        "compositional_gain": skilled.gain(composed),
    }
    other = Side(every, seed, "transformative", steps)
    shares = [share for share, _ in by_level]
    return {
        **gains,
        **{f"level_{k + 1}": share for k, share in enumerate(by_level)},
        "seen_gain": skilled.gain(levels[1] + levels[2] + levels[3]),
        "over_compositional": gains["exploratory_gain"] - gains["compositional_gain"],
        # A share, which items give an interval where no seed has an answer right; no constant answer is right there.
        "transformative": other.share(transformed),
        "over_transformative": gains["exploratory_gain"] - other.gain(transformed),
        "level_fall": shares[0] - shares[-1],
        "largest_rise": max(b - a for a, b in pairwise(shares)),
    }
