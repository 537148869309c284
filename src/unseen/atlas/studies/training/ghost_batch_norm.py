"""Large batches lose test accuracy; ghost batch normalisation, a larger rate and as many updates take it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unseen.atlas.digit_tasks import split_digits
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
from unseen.engine.seeds import numpy_generator, spawn

SMALL, LARGE, ROWS = 32, 512, 1024
RATES = (0.02, 0.05, 0.1)
RATE = 0.05
LONGEST = 1024
# Each test digit is seen under so many draws of the noise.
COPIES = 4
RATIO = (-20.0, 20.0)


@study(
    slug="ghost-batch-norm",
    claim=[
        ("With as many updates as small batches have, large batches test as well: the gap stems from the number of updates, not "
         "from the size of batches.", "left"),
        ("Ghost batch normalisation, with a rate scaled by the root of the batch size, decreases the gap without more updates.",
         "ghost_closes"),
        ("Ghost normalisation adds to what the rate gives.", "ghost_alone"),
        ("The distance from the initial weights grows as the logarithm of the number of updates.", "log_fit"),
        ("The logarithm fits better than a root.", "log_over_root"),
    ],
    source="Hoffer, Hubara, Soudry (2017), Train longer, generalize better: closing the generalization gap in large batch training "
    "of neural networks, NeurIPS",
    link="https://arxiv.org/abs/1705.08741",
    did="Trained networks with batch normalisation on MNIST, CIFAR and ImageNet with batches of 128 and of 2,048 to 4,096 at "
    "equal epochs, then with the rate scaled, with ghost normalisation, and with as many updates; measured the distance from the "
    "start over updates.",
    here="Two convolutions of 8 and 16 channels with batch normalisation on 8 × 8 digits under noise of one standard deviation, "
    "1,024 rows, batches of 32 and 512, 16 epochs (512 and 32 updates), in place of networks for MNIST and CIFAR.",
    fidelity="C",
    parts=[
        headline("left", "Share of the gap that is left with as many updates, ghost normalisation and the scaled rate",
                 claimed=0.1, refuted=0.5, within=RATIO,
                 basis="table 1: with regime adaptation nothing is left in five of six, a fifth of a point of 5.5 in one; "
                 "half would be as much of size as of updates"),
        headline("ghost_closes", "Share of the gap that ghost normalisation and the scaled rate close at equal epochs",
                 claimed=0.45, refuted=0.1, within=RATIO, basis="table 1: 0.45 (MNIST) to 0.9 (VGG)"),
        side_part("ghost_alone", "Share of the gap that ghost normalisation closes beyond the scaled rate", claimed=0.02,
                  refuted=-0.05, within=RATIO, basis="table 1: 0.02 to 0.35 in six of six"),
        side_part("log_fit", "Share of the variation of distances up to 1,024 updates that a + b log(updates) explains",
                  claimed=0.95, refuted=0.8, within=SHARE, basis="figure 2: straight lines over log(updates)"),
        side_part("log_over_root", "The same less that of a + b √updates", claimed=0.02, refuted=-0.02, within=DIFFERENCE,
                  basis="ultra-slow against standard diffusion (section 4); either may fit better"),
        gate("learnt", "Small batches learn: test accuracy", at_least=0.7, within=SHARE,
             basis="chance is 0.1, linear models reach 0.7 under this noise"),
        gate("gap", "There is a gap to close: small batches less large ones at equal epochs", at_least=0.02, within=DIFFERENCE,
             basis="1.2 to 10 points in table 1"),
        control("left_plain", "Share of the gap left by large batches with as many updates and nothing else", at_most=0.5,
                within=RATIO, basis="what closes the gap according to the claim"),
        control("few_cost", "Small batches with as few updates as large ones lose as well: share of the gap", at_least=0.5,
                within=RATIO, basis="as above", cuts="the number of updates"),
    ],
    units="seeds: split, noise, initial weights and order redrawn; 773 test digits under four draws of noise each.",
    seeds=range(10, 33),
    code="eladhoffer/bigBatch, main_gbn.py (rate × (batch / mini-batch)^0.5, clipping at norm 5, momentum 0.9, weight decay 1e-4, "
    "epochs × batch / mini-batch under regime_bb_fix), models/cifar_shallow.py (two convolutions), run_experiments.sh",
    oracle=["tests/learners/test_ghost_norm.py"],
    reconstructed="Virtual batches of 32; the rate drops by ten for the last quarter of the updates; distances at the first rate, "
    "from the tenth update on. The rate of small batches is 0.05 and is swept. Figures of table 1 from memory of the paper.",
    sweeps=[Sweep("rate of small batches", "ghost_closes", {f"{r:g}": f"ghost_closes at {r:g}" for r in RATES})],
    history=[
        Change("2026-11-21", "New plan after one of the first form, whose thresholds were points at zero; distances up to 384 "
               "updates.", tuple(range(5))),
        Change("2026-11-21", "Pilot of a fully connected network of four layers: at rate 0.1 the gap was 2 points and changed with "
               "the noise. The convolutions of the first form, whose gap is 9, came back.", (100,)),
        Change("2026-11-21", "Pilot on three seeds: 23 in place of 12, as their spread asked for. At rate 0.1 the scaled rate lost "
               "more than it closed there; the sweep stayed.", (100, 101, 102)),
    ],
    would_take="CIFAR with ResNet-44 (hours of a GPU)",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Test accuracy of seven regimes, of three at two more rates, and how the distance from the start grows."""
    epochs = 4 if quick else 16
    few, many = ROWS // LARGE * epochs, ROWS // SMALL * epochs
    scale = (LARGE / SMALL) ** 0.5
    found = dict[str, float]()
    for rate in RATES:
        small, large = _run(seed, SMALL, many, rate)[0], _run(seed, LARGE, few, rate)[0]
        ghost = _run(seed, LARGE, few, rate * scale, ghost=True)[0]
        found[f"ghost_closes at {rate:g}"] = (ghost - large) / _gap(small, large)
        found |= {f"small at {rate:g}": small, f"large at {rate:g}": large, f"ghost at {rate:g}": ghost}
    small, large, ghost = (found[f"{name} at {RATE:g}"] for name in ("small", "large", "ghost"))
    accuracy = {
        "small few": _run(seed, SMALL, few, RATE)[0],
        "large rate": _run(seed, LARGE, few, RATE * scale)[0],
        "large long": _run(seed, LARGE, many, RATE)[0],
        "large adapted": _run(seed, LARGE, many, RATE * scale, ghost=True)[0],
    }
    gap = _gap(small, large)
    distances = _run(seed, SMALL, 64 if quick else LONGEST, RATE, drop=False)[1]
    log_fit = _fit(distances, np.log)
    return {
        **found,
        **accuracy,
        "learnt": small,
        "gap": small - large,
        "left": (small - accuracy["large adapted"]) / gap,
        "left_plain": (small - accuracy["large long"]) / gap,
        "few_cost": (small - accuracy["small few"]) / gap,
        "ghost_closes": (ghost - large) / gap,
        "ghost_alone": (ghost - accuracy["large rate"]) / gap,
        "log_fit": log_fit,
        "log_over_root": log_fit - _fit(distances, np.sqrt),
    }


def _gap(small: float, large: float) -> float:
    """What shares are taken of: at least a point, so that a missing gap (its gate fails then) makes no huge share."""
    return max(small - large, 0.01)


def _fit(distances: list[float], scale: Any) -> float:
    """Share of the variation of distances that a straight line over rescaled updates explains, from update 10 on."""
    updates = np.arange(1, len(distances) + 1)
    at = updates >= 10
    return float(np.corrcoef(scale(updates[at]), np.array(distances)[at])[0, 1] ** 2)


def _run(
    seed: int, batch: int, updates: int, rate: float, *, ghost: bool = False, drop: bool = True,
) -> tuple[float, list[float]]:  # fmt: skip
    """Test accuracy at the end, and the distance from the initial weights after each update at the first rate."""
    import torch

    from unseen.engine.seeds import seeded_torch, torch_generator
    from unseen.learners.architectures.featured import FeaturedCNN
    from unseen.learners.architectures.ghost_norm import with_ghost_norm
    from unseen.training import TrainConfig, train
    from unseen.training.objectives.tensors import Tensors, tensor_batch

    rng = numpy_generator(seed, "ghost-batch-norm", 2)
    train_rows, (x, y) = split_digits(rng, ROWS)
    data, test = (
        tensor_batch(torch.from_numpy(x + rng.normal(size=x.shape).astype(np.float32)), torch.from_numpy(y))
        for x, y in (train_rows, (np.tile(x, (COPIES, 1)), np.tile(y, COPIES)))
    )
    with seeded_torch(spawn(seed, "weights", 2)):
        model = FeaturedCNN(1, 8, 10, 8, batch_norm=True)
    if ghost:
        with_ghost_norm(model, SMALL)
    start = [p.detach().clone() for p in model.parameters()]
    path = list[float]()

    def watch(_: int, now: Any) -> None:
        with torch.no_grad():
            moved = [(p - s).square().sum() for p, s in zip(now.parameters(), start, strict=True)]
        path.append(float(torch.stack(moved).sum().sqrt()))

    order = torch_generator(seed, "order", 2)
    at_first = updates * 3 // 4 if drop else updates
    for steps, lr, each in ((at_first, rate, None if drop else watch), (updates - at_first, rate / 10, None)):
        if steps:
            config = TrainConfig(
                steps=steps, batch_size=batch, lr=lr, optimizer="sgd", momentum=0.9, weight_decay=1e-4, clip=5.0,
                eval_every=steps,
            )  # fmt: skip
            train(model, Tensors(), data, config, order, after_step=each)
    with torch.no_grad():
        return float((model.eval()(test["x0"]).argmax(1) == test["y"]).double().mean()), path
