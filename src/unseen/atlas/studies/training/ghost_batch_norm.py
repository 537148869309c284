"""Large batches lose test accuracy; ghost batch normalisation, a larger rate and as many updates take it back."""

from __future__ import annotations

from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form

SMALL, LARGE = 32, 512


@first_form(
    slug="ghost-batch-norm",
    claim="At equal epochs large batches test worse. Ghost batch normalisation with a rate scaled by the root of the "
    "batch size closes part of the gap, and as many updates as with small batches all of it. The distance from the "
    "initial weights grows as the logarithm of the number of updates.",
    source="Hoffer, Hubara, Soudry (2017), Train longer, generalize better",
    thresholds=[
        Threshold("gap", "above", 0.0, "At equal epochs batches of 512 test worse than batches of 32"),
        Threshold(
            "ghost_gain", "above", 0.0, "Ghost normalisation, root scaling and clipping raise test accuracy there"
        ),
        Threshold("left", "below", 0.01, "With as many updates at most 1 point of the gap is left"),
        Threshold("log_fit", "above", 0.9, "a + b log(updates) explains over 90 % of the distance, batches of 32"),
        Threshold("log_over_root", "above", 0.0, "The logarithm fits better than the square root of updates"),
    ],
    units="seeds: split, pixel noise, initial weights and order redrawn; 773 test digits each",
    reduced="8 x 8 digits under Gaussian noise of one standard deviation of the pixels, 1,024 of them for training, two "
    "convolutions of 8 and 16 channels with batch normalisation; 16 epochs (512 updates at batch 32); no MNIST, CIFAR "
    "or ImageNet.",
    reconstructed="SGD with momentum 0.9, rate 0.05, a tenth of it for the last quarter; clipping at norm 1 with ghost "
    "normalisation; virtual batch 32. The distance is fitted before the rate drops, from the tenth update on.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Test accuracy of four regimes, and how the distance from the start grows."""
    epochs = 4 if quick else 16
    few, many = 1024 // LARGE * epochs, 1024 // SMALL * epochs
    scaled = {"ghost": True, "rate": 0.05 * (LARGE / SMALL) ** 0.5}
    small, path = _run(seed, SMALL, many)
    large, _ = _run(seed, LARGE, few)
    ghost, _ = _run(seed, LARGE, few, **scaled)
    only_ghost, _ = _run(seed, LARGE, few, ghost=True)
    adapted, long_path = _run(seed, LARGE, many // (8 if quick else 1), **scaled)
    found: dict[str, Measurement] = {
        "accuracy_small": small, "accuracy_large": large, "accuracy_ghost": ghost, "accuracy_only_ghost": only_ghost,
        "accuracy_adapted": adapted, "gap": small - large, "ghost_gain": ghost - large, "left": small - adapted,
    }  # fmt: skip
    for name, distances in (("", path), ("_adapted", long_path)):
        log_fit, root_fit = _fit(distances, np.log), _fit(distances, np.sqrt)
        found |= {f"log_fit{name}": log_fit, f"log_over_root{name}": log_fit - root_fit}
    return found


def _fit(distances: list[float], scale: Any) -> float:
    """Share of the variation of distances that a straight line over rescaled updates explains, from update 10 on."""
    updates = np.arange(1, len(distances) + 1)
    at = updates >= min(10, len(updates) // 2)
    return float(np.corrcoef(scale(updates[at]), np.array(distances)[at])[0, 1] ** 2)


def _run(seed: int, batch: int, updates: int, *, ghost: bool = False, rate: float = 0.05) -> tuple[float, list[float]]:
    """Test accuracy at the end, and the distance from the initial weights after each update before the rate drops."""
    import torch

    from unseen.atlas.digit_tasks import split_digits
    from unseen.engine.seeds import numpy_generator, seeded_torch, spawn, torch_generator
    from unseen.learners.architectures.featured import FeaturedCNN
    from unseen.learners.architectures.ghost_norm import with_ghost_norm
    from unseen.training import TrainConfig, train
    from unseen.training.objectives.tensors import Tensors, tensor_batch

    rng = numpy_generator(seed, "data")
    parts = split_digits(rng, 1024)
    data, test = (
        tensor_batch(torch.from_numpy(x + rng.normal(size=x.shape).astype(np.float32)), torch.from_numpy(y))
        for x, y in parts
    )
    with seeded_torch(spawn(seed, "weights")):
        model = FeaturedCNN(1, 8, 10, 8, batch_norm=True)
    if ghost:
        with_ghost_norm(model, SMALL)
    start = [p.detach().clone() for p in model.parameters()]
    path: list[float] = []

    def watch(_: int, now: Any) -> None:
        with torch.no_grad():
            moved = [(p - s).square().sum() for p, s in zip(now.parameters(), start, strict=True)]
        path.append(float(torch.stack(moved).sum().sqrt()))

    order = torch_generator(seed, "order")
    high = updates * 3 // 4
    for steps, lr, each in ((high, rate, watch), (updates - high, rate / 10, None)):
        config = TrainConfig(
            steps=steps, batch_size=batch, lr=lr, optimizer="sgd", momentum=0.9, clip=1.0 if ghost else None,
            eval_every=steps,
        )  # fmt: skip
        train(model, Tensors(), data, config, order, after_step=each)
    with torch.no_grad():
        return float((model.eval()(test["x0"]).argmax(1) == test["y"]).double().mean()), path
