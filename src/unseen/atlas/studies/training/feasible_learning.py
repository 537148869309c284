"""A bound on every row's loss in place of their mean: what the upper tail gains and what the mean pays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from unseen.atlas.plan import ANY, DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.studies.training._loss_tail import tail_mean
from unseen.data import Examples
from unseen.data.digits import digit_images, image_column
from unseen.engine.seeds import numpy_generator

# Bounds of the authors: probability 1 and 0.6 of the label.
BOUNDS = {"strict": 0.0, "loose": -math.log(0.6)}
# A tail this far above a bound can fall towards it [nats, or half squared deviations].
ROOM = 0.005


def bundled(name: str) -> Examples:
    """Digits, breast cancer (classes) or diabetes (a number) from scikit-learn."""
    from sklearn import datasets

    if name == "digits":
        images, digits = digit_images()
        pixels = image_column("x", images.reshape(len(images), -1))
        return Examples(pl.DataFrame([pixels, pl.Series("y", digits.astype(str).tolist())]), ("x",), "y")
    loaded: Any = {"cancer": datasets.load_breast_cancer, "diabetes": datasets.load_diabetes}[name]()
    table = pl.DataFrame(loaded.data, schema=[f"x{i}" for i in range(loaded.data.shape[1])], orient="row")
    y = loaded.target.astype(str).tolist() if name == "cancer" else loaded.target.astype(np.float64).tolist()
    return Examples(table.with_columns(pl.Series("y", y)), tuple(table.columns), "y")


def shuffled_multipliers(epsilon: float, seed: int) -> Any:
    """Feasible learning whose multipliers weigh other rows than those whose losses moved them."""
    import torch

    from unseen.training.objectives.domains.feasible import FeasibleLearning

    class Shuffled(FeasibleLearning):
        def loss(self, model: Any, batch: Any) -> Any:
            super().loss(model, batch)
            generator = torch.Generator().manual_seed(seed)
            other = torch.randperm(len(self.multipliers), generator=generator)[batch["index"]]
            each = self.row_losses(self.outputs(model, batch), batch["y"])
            return (self.multipliers[other] * each).mean()

    return Shuffled(epsilon)


def fitted(objective: Any, train: Examples, steps: int, seed: int) -> Any:
    """A perceptron under an objective; equal seeds give equal weights and order to all objectives."""
    from unseen.learners.architectures.featured import FeaturedMLP
    from unseen.training.config import TrainConfig
    from unseen.training.domain_learner import DomainLearner
    from unseen.training.objectives.domains.registry import objective_named

    config = TrainConfig(steps=steps, batch_size=64, lr=1e-3, eval_every=steps)
    chosen = objective_named("erm") if objective == "erm" else objective
    learner = DomainLearner(lambda i, o: FeaturedMLP(i, o, 64, 2), chosen, config=config)
    return learner.fit(train, np.random.default_rng(seed))


def losses(learner: Any, examples: Examples, spread: float) -> np.ndarray:
    """Cross-entropy [nats], or half the squared error in units of the training target's deviation, shape (n,)."""
    y = examples.column("y")
    if not learner.has_probabilities:
        return 0.5 * ((learner.predict(examples) - y) / spread) ** 2
    chances = learner.probabilities(examples)[np.arange(len(y)), np.searchsorted(learner.classes, y)]
    return -np.log(np.clip(chances, 1e-12, 1.0))


def rare(train: Examples, rng: np.random.Generator) -> Examples:
    """Training digits of which nine in ten of the nines are left out."""
    nines = np.flatnonzero(train.column("y") == "9")
    gone = rng.permutation(nines)[: int(0.9 * len(nines))]
    return train.take(np.setdiff1d(np.arange(len(train)), gone))


def tails(name: str, learner: Any, parts: Mapping[str, Examples], spread: float) -> dict[str, float]:
    """Mean of the worst tenth of losses in each part."""
    return {f"{name} {part}": tail_mean(losses(learner, rows, spread)) for part, rows in parts.items()}


def log_ratio(found: Mapping[str, float], name: str, part: str) -> float:
    """Log of a form's tail over that of plain training."""
    return math.log(max(found[f"{name} {part}"], 1e-9) / max(found[f"erm {part}"], 1e-9))


@study(
    slug="feasible-learning",
    claim=[
        ("Bounding every row's loss makes the upper tail of training losses smaller than minimising their mean.", "train_tail"),
        ("The tail of test losses is smaller, too.", "test_tail"),
        ("The cost in average performance is marginal.", "cost"),
        ("The relaxed form has a smaller tail of test losses as well.", "relaxed_test_tail"),
        ("So it is with a looser bound and few updates,", "loose_test_tail"), ("on other classes", "cancer_test_tail"),
        ("and in regression.", "diabetes_test_tail"),
    ],
    source="Ramirez et al. (2025), Feasible Learning, AISTATS",
    link="https://arxiv.org/abs/2501.14912",
    did="Trained CIFAR-10 and face ages (ResNet) and preferences of language models under a bound on every row's loss, by "
    "primal-dual updates with one multiplier a row, and with slack; compared averages and tails (CVaR) with plain training.",
    here="Digits of scikit-learn (headlines), breast cancer and diabetes, a perceptron of 2 x 64; the authors' bounds "
    "(probability 1 and 0.6 of the label, 0 for the number); 1,500 updates, and 300 where plain training would else meet the "
    "bound by itself (0.6, and both other sets). Preferences of language models are left out.",
    fidelity="C",
    parts=[
        headline("train_tail", "Digits, bound 0: worst tenth of training losses, log ratio to plain training",
                 claimed=math.log(0.9), refuted=0.0, within=ANY, unit="log",
                 basis="tables of the paper: smaller; a tenth is the least to be called an improvement"),
        headline("test_tail", "Digits, bound 0: the same of test losses", claimed=math.log(0.9), refuted=0.0, within=ANY,
                 unit="log", basis="as above"),
        side_part("cost", "Digits, bound 0: points of test accuracy lost", claimed=0.01, refuted=0.02, within=DIFFERENCE,
                  basis="'marginal': a point; two are not"),
        side_part("relaxed_test_tail", "Digits, bound 0, with slack: test tail, log ratio", claimed=math.log(0.9), refuted=0.0,
                  within=ANY, unit="log", basis="as the headline"),
        side_part("loose_test_tail", "Digits, probability 0.6, 300 updates: test tail, log ratio", claimed=math.log(0.9),
                  refuted=0.0, within=ANY, unit="log", basis="as the headline"),
        side_part("cancer_test_tail", "Breast cancer, bound 0, 300 updates: test tail, log ratio", claimed=math.log(0.9),
                  refuted=0.0, within=ANY, unit="log", basis="as the headline"),
        side_part("diabetes_test_tail", "Diabetes, bound 0, 300 updates: test tail, log ratio", claimed=math.log(0.9),
                  refuted=0.0, within=ANY, unit="log", basis="as the headline"),
        gate("learnt", "Plain training learns digits: test accuracy", at_least=0.93, within=SHARE,
             basis="a linear model gets about 0.95 of all rows"),
        gate("binding", "Its worst tenth of training losses lies above the bound 0 by enough to fall", at_least=ROOM,
             within=(0.0, math.inf), unit="nats", basis="room above the bound"),
        gate("loose_learnt", "After 300 updates it has learnt digits, too: test accuracy", at_least=0.9, within=SHARE,
             basis="within a few points of what it gets in the end"),
        gate("loose_binding", "By how much its worst tenth lies above the loose bound then", at_least=0.1, within=ANY,
             unit="nats", basis="room above the bound, a fifth of it"),
        gate("cancer_binding", "Breast cancer: by how much its worst tenth lies above 0", at_least=ROOM,
             within=(0.0, math.inf), unit="nats", basis="room above the bound"),
        gate("diabetes_binding", "Diabetes: the same", at_least=ROOM, within=(0.0, math.inf), unit="half squared deviations",
             basis="room above the bound"),
        control("rare_class", "With a rare class and a fifth of the updates the training tail falls", at_most=math.log(0.9),
                within=ANY, unit="log", basis="rows of the rare class are what plain training leaves for last"),
        control("shuffled", "With multipliers that weigh other rows the training tail does not fall", at_least=math.log(0.9),
                within=ANY, unit="log", basis="by construction", cuts="the link of multipliers to rows"),
    ],
    units="seeds: splits, initialisation and order redrawn.",
    seeds=range(26, 54),
    code="juan43ramirez/feasible-learning: scripts/tables/cifar.py (pointwise_probability 0.6 and 1.0, dual steps 1e-4, weight "
    "decay 1 for slack, 200 epochs), src/cmps/feasibility.py",
    oracle=["tests/training/test_domain_objectives.py"],
    reconstructed="Dual rate 0.1 on the mean of a batch with multipliers from 1, cost of slack 1; AdamW at 1e-3, 64 rows.",
    history=[
        Change("2026-11-21", "New plan after one of the first form, which mixed three data sets and a bound of 0.1.",
               tuple(range(5))),
        Change("2026-11-21", "Pilot on two seeds (training tail -0.45, test tail 0.00): both controls are held against the "
               "claimed effect, a tenth, in place of a fifth and a twentieth; 16 seeds in place of 8.", (100, 101)),
        Change("2026-11-23", "After 1,500 updates plain training meets the loose bound on digits by itself, and bound 0 on breast "
               "cancer but for 0.001: nothing could fall there. These forms have 300 updates now, each with a gate of its own; "
               "the other parts are as they were, on fresh seeds, 28 as the spread asks for.", (*range(10, 26), *range(100, 104))),
    ],
    would_take="CIFAR-10 and a ResNet on a GPU",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Digits under all objectives, the other sets under two, and digits with a rare class."""
    from unseen.training.objectives.domains.registry import objective_named

    rng, steps = numpy_generator(seed, "feasible-learning", 2), 100 if quick else 1500
    start = int(rng.integers(2**31))
    found = dict[str, float]()
    strict = BOUNDS["strict"]
    few = steps // 5
    for name in ("digits", "cancer", "diabetes"):
        examples = bundled(name)
        order, cut = rng.permutation(len(examples)), len(examples) // 3
        parts = {"test": examples.take(order[:cut]), "train": examples.take(order[cut:])}
        spread = 1.0 if name != "diabetes" else float(np.std(parts["train"].column("y")))
        tried = {"erm": "erm", "strict": objective_named("feasible", epsilon=strict)}
        if name == "digits":
            tried |= {
                "relaxed": objective_named("feasible-relaxed", epsilon=strict),
                "shuffled": shuffled_multipliers(strict, start),
            }
        updates = steps if name == "digits" else few
        learners = {form: fitted(objective, parts["train"], updates, start) for form, objective in tried.items()}
        here = {k: v for form, made in learners.items() for k, v in tails(form, made, parts, spread).items()}
        found[f"{name}_test_tail"] = log_ratio(here, "strict", "test")
        found[f"{name}_train_tail"] = log_ratio(here, "strict", "train")
        found[f"{name}_binding"] = here["erm train"]
        if name == "digits":
            truth = parts["test"].column("y")
            right = {form: float((made.predict(parts["test"]) == truth).mean()) for form, made in learners.items()}
            found |= {
                "train_tail": found["digits_train_tail"], "test_tail": found["digits_test_tail"],
                "relaxed_test_tail": log_ratio(here, "relaxed", "test"),
                "shuffled": log_ratio(here, "shuffled", "train"),
                "cost": right["erm"] - right["strict"], "learnt": right["erm"], "binding": here["erm train"],
            }  # fmt: skip
            loose = {"erm": "erm", "loose": objective_named("feasible", epsilon=BOUNDS["loose"])}
            soon = {form: fitted(objective, parts["train"], few, start) for form, objective in loose.items()}
            here = {k: v for form, made in soon.items() for k, v in tails(form, made, parts, 1.0).items()}
            found |= {
                "loose_test_tail": log_ratio(here, "loose", "test"), "loose_train_tail": log_ratio(here, "loose", "train"),
                "loose_binding": here["erm train"] - BOUNDS["loose"],
                "loose_learnt": float((soon["erm"].predict(parts["test"]) == truth).mean()),
            }  # fmt: skip
            train = rare(parts["train"], rng)
            forms = {"erm": "erm", "strict": objective_named("feasible", epsilon=strict)}
            short = {
                k: v
                for form, objective in forms.items()
                for k, v in tails(form, fitted(objective, train, few, start), {"train": train}, 1.0).items()
            }
            found["rare_class"] = log_ratio(short, "strict", "train")
    return found
