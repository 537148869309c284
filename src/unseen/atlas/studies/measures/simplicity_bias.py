"""Networks rely on the simplest cue alone: the randomised-feature accuracy of slabs and dominoes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unseen.adaptation.ensembles import combine
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
from unseen.data import Examples
from unseen.data.dominoes import BOTTOM, TOP, dominoes
from unseen.data.slabs import lms, shuffle_block
from unseen.engine.seeds import numpy_generator

DIM = 50
LINEAR = np.arange(DIM) == 0
RADII = (0.1, 0.2, 0.3)
MEMBERS = 3


def network(objective: Any = "erm", layers: int = 2, width: int = 100, **settings: Any) -> Any:
    """A perceptron trained under an objective; without layers a linear model."""
    from torch import nn

    from unseen.learners.architectures.featured import FeaturedMLP
    from unseen.training.config import TrainConfig
    from unseen.training.domain_learner import DomainLearner

    config = TrainConfig(**{"eval_every": settings["steps"], **settings})
    if not layers:
        return DomainLearner(lambda inputs, classes: nn.Linear(inputs, classes), objective, config=config)
    return DomainLearner(lambda inputs, classes: FeaturedMLP(inputs, classes, width, layers), objective, config=config)


def attacks(radius: float) -> Any:
    """Adversarial training in a ball."""
    from unseen.training.objectives.domains.registry import objective_named

    return objective_named("adversarial", epsilon=radius, norm="l2", steps=3)


def share(learners: list[Any], examples: Examples) -> tuple[float, int]:
    """Share of rows on which the mean of the learners' probabilities is right, with their number."""
    chances = combine(np.stack([learner.probabilities(examples) for learner in learners]))
    right = learners[0].classes[chances.argmax(1)] == examples.column("label")
    return float(right.mean()), len(right)


def mean_share(learners: list[Any], examples: Examples) -> tuple[float, int]:
    """Mean over learners of the share that each gets right; the rows are counted once."""
    return float(np.mean([share([learner], examples)[0] for learner in learners])), len(examples)


@study(
    slug="simplicity-bias",
    claim=[
        ("Trained networks rely on the simplest feature alone: with the linear coordinate shuffled nothing but chance is left.",
         "simple_shuffled"),
        ("They are invariant to the complex features: shuffling all of those changes nothing.", "slabs_shuffled"),
        ("Ensembles do not mend it.", "ensemble"),
        ("Adversarial training does not mend it.", "adversarial"),
        ("The bias persists where the simple feature is the less predictive one, and costs test accuracy.", "noise_costs"),
        ("It is there on images joined from two sources, too.", "domino_top_shuffled"),
    ],
    source="Shah, Tamuly, Raghunathan, Jain, Netrapalli (2020), The Pitfalls of Simplicity Bias in Neural Networks, NeurIPS",
    link="https://arxiv.org/abs/2006.07710",
    did="Trained fully connected networks by SGD on 50,000 rows of LMS-5, LMS-7 and MS-(5,7) and measured accuracy with blocks of "
    "coordinates shuffled over test rows; the same for ensembles, adversarial training, noisy simple blocks and images of MNIST "
    "on CIFAR.",
    here="Slabs as the authors draw them, 50 coordinates, 40,000 rows, batches of 256, SGD with momentum 0.9. LMS-5: two layers of "
    "100, rate 0.1, 2,000 updates on every side. Noisy LMS-7: two layers of 300, rate 0.3, as many updates as slabs alone need "
    "(24,000 at most). Dominoes of two 8 × 8 digits (0 or 1 above, even or odd below) in place of MNIST-CIFAR.",
    fidelity="B",
    parts=[
        headline("simple_shuffled", "Accuracy with the linear coordinate shuffled", claimed=0.55, refuted=0.75, within=SHARE,
                 basis="section 4: chance; 0.75 is half of what slabs could give"),
        side_part("slabs_shuffled", "Accuracy with all 49 slab coordinates shuffled", claimed=0.97, refuted=0.9, within=SHARE,
                  basis="section 4: 1.00"),
        side_part("ensemble", "Accuracy of the mean of three networks with the linear coordinate shuffled", claimed=0.55,
                  refuted=0.75, within=SHARE, basis="appendix E: chance"),
        side_part("adversarial", "The same after adversarial training (mean of radii 0.1, 0.2 and 0.3)", claimed=0.55,
                  refuted=0.75, within=SHARE, basis="appendix E: chance"),
        side_part("noise_costs", "Test accuracy that a linear coordinate without signal in a tenth of the rows costs against none",
                  claimed=0.02, refuted=0.0, within=DIFFERENCE, basis="section 5: 0.95 against 1.00; half of that"),
        side_part("domino_top_shuffled", "Dominoes: accuracy with the simple digit shuffled", claimed=0.6, refuted=0.75,
                  within=SHARE, basis="section 4: chance on MNIST-CIFAR, 0.5 here with a spread of 0.03"),
        gate("learnt", "Networks fit new rows of LMS-5", at_least=0.98, within=SHARE, basis="1.00 in section 4"),
        gate("bottom_alone", "Dominoes: the same network learns the other digit where it stands alone", at_least=0.9,
             within=SHARE, basis="something else must be there to be relied on"),
        gate("noise_room", "With noise the linear coordinate alone can't reach the slabs: accuracy of those alone", at_least=0.96,
             within=SHARE, basis="it is right on 0.95; 1.00 in the paper"),
        control("linear", "A linear model, which can use nothing else, falls to chance", at_most=0.55, within=SHARE,
                basis="by construction"),
        control("cut", "Trained with the linear coordinate shuffled, a network is right without it", at_least=0.9, within=SHARE,
                basis="the slabs are learnt by the same network in as many updates", cuts="what the linear coordinate tells"),
    ],
    units="seeds: data, initialisation and order redrawn; 4,000 slab rows or 400 dominoes as a floor for shares.",
    seeds=range(20, 25),
    code="harshays/simplicitybiaspitfalls, scripts/gendata.py (weights of slabs, noise), scripts/lms_utils.py (randomised "
    "coordinates), scripts/ensemble.py (mean of outputs), 01_extremeSB_slab_data.ipynb, 04_effect_of_ensembles.ipynb (width 100, "
    "rate 0.1, weight decay 5e-5), 03_suboptimal_generalization.ipynb (40,000 rows, width 300, rates 0.1 and 0.3, weight decay "
    "5e-4; 0.949 against 1.000)",
    oracle=["tests/data/test_dominoes_and_slabs.py"],
    reconstructed="Radii of adversarial training (three steps) are swept; the authors' code has it for images only. Slabs alone "
    "are LMS-7 with the linear coordinate shuffled; the notebook has one more slab there. Dominoes: AdamW, 800 updates.",
    sweeps=[Sweep("radius", "adversarial", {f"{r:g}": f"adversarial at {r:g}" for r in RADII})],
    history=[
        Change("2026-11-21", "New plan after one of the first form, in which slabs alone had another network and twice as long.",
               (*range(5), 100, 101)),
        Change("2026-11-22", "Slabs were drawn with other weights than the authors' and leaked through their squares: seven were "
               "not learnt alone, and beside five the noisy coordinate cost nothing (-0.004). Weights, rows, weight decay and the "
               "network of the noisy part are the authors' now. Thresholds stayed.", (100, 101)),
        Change("2026-11-22", "Pilot of this form: gates and controls hold, the noisy coordinate costs 0.06, 5 seeds are enough. "
               "Nothing was changed.", (100, 101)),
        Change("2026-11-22", "In one of five stored seeds slabs alone were still at chance after 8,000 updates, which failed their "
               "gate: both sides go on until they are learnt. Fresh seeds.", tuple(range(10, 15))),
    ],
    would_take="MNIST-CIFAR with a convolutional network",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Slabs under plain training, ensembles and attacks; then the noisy block; then dominoes."""
    rng = numpy_generator(seed, "simplicity-bias", 2)
    rows, steps, longer = (4000, 150, 300) if quick else (40_000, 2000, 24_000)
    common: dict[str, Any] = {"batch_size": 256, "optimizer": "sgd", "momentum": 0.9}
    sgd: dict[str, Any] = {**common, "steps": steps, "lr": 0.1, "weight_decay": 5e-5}
    wide: dict[str, Any] = {**common, "width": 300, "lr": 0.3, "weight_decay": 5e-4}

    def drawn(n: int, slabs: int = 5, noise: float = 0.0) -> Examples:
        return lms(n, slabs, dim=DIM, noise=noise, seed=int(rng.integers(2**31)))

    train, test = drawn(rows), drawn(4000)
    without, only = shuffle_block(test, LINEAR, rng), shuffle_block(test, ~LINEAR, rng)
    plain = [network(**sgd).fit(train, rng) for _ in range(MEMBERS)]
    attacked = {r: network(attacks(r), **sgd).fit(train, rng) for r in (RADII[:1] if quick else RADII)}
    linear = network(layers=0, **sgd).fit(train, rng)
    cut = network(**sgd).fit(shuffle_block(train, LINEAR, rng), rng)
    noisy_train, noisy_test = drawn(rows, 7, 0.1), drawn(4000, 7, 0.1)
    # Chance reigns for thousands of updates before slabs alone are found, all at once: neither side may stop before.
    until: dict[str, Any] = {"eval_every": 1000, "train_eval": 2000, "stop_at": 0.999}
    alone = network(**wide, steps=longer, **until).fit(shuffle_block(noisy_train, LINEAR, rng), rng)
    updates = int(alone.history["step"].max())
    noisy = network(**wide, steps=updates).fit(noisy_train, rng)
    after_attacks = {f"adversarial at {r:g}": share([made], without) for r, made in attacked.items()}
    with_noise, without_it = share([noisy], noisy_test), share([alone], shuffle_block(noisy_test, LINEAR, rng))
    return {
        "simple_shuffled": mean_share(plain, without),
        "slabs_shuffled": mean_share(plain, only),
        "learnt": mean_share(plain, test),
        "ensemble": share(plain, without),
        "adversarial": (float(np.mean([v for v, _ in after_attacks.values()])), len(without)),
        **after_attacks,
        **{f"attacked at {r:g}, plain rows": share([made], test) for r, made in attacked.items()},
        "linear": share([linear], without),
        "cut": share([cut], without),
        "noise_room": without_it,
        "noisy": with_noise,
        "updates with noise": float(updates),
        "noise_costs": without_it[0] - with_noise[0],
        "noisy, linear shuffled": share([noisy], shuffle_block(noisy_test, LINEAR, rng)),
        "noisy, slabs shuffled": share([noisy], shuffle_block(noisy_test, ~LINEAR, rng)),
        **_dominoes(rng, 100 if quick else 800),
    }


def _dominoes(rng: np.random.Generator, steps: int) -> dict[str, Measurement]:
    both = dominoes(ratio=1.0, seed=int(rng.integers(2**31)))
    order = rng.permutation(len(both))
    train, test = both.take(order[400:]), both.take(order[:400])
    adamw: dict[str, Any] = {"steps": steps, "lr": 3e-3, "schedule": "cosine"}
    plain, alone = (network(**adamw).fit(rows, rng) for rows in (train, shuffle_block(train, TOP, rng)))
    return {
        "domino_top_shuffled": share([plain], shuffle_block(test, TOP, rng)),
        "domino_bottom_shuffled": share([plain], shuffle_block(test, BOTTOM, rng)),
        "bottom_alone": share([alone], test),
    }
