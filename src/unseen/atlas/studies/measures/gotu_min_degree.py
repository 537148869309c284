"""What learners make of the part of the Boolean cube that they never see, against the interpolator of lowest degree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.engine.seeds import numpy_generator, torch_generator
from unseen.learners.architectures.mlp import initialise
from unseen.learners.architectures.transformer import Transformer
from unseen.measures.spectra.walsh import leak, minimum_degree_interpolator
from unseen.tasks.logic.boolean import BooleanCube, cube
from unseen.training.batched.full_batch import adamw_stacked
from unseen.training.boolean.learners import (
    degree_curriculum,
    diagonal_linear_net,
    fit_module,
    mlp_start,
    mlp_values,
    random_feature_interpolator,
)

DIMENSION, PARITY, WIDTH = 8, 12, 256


@first_form(
    slug="gotu-min-degree",
    claim="On the unseen part of the cube random features, diagonal linear networks and Transformers of low rate match "
    "the interpolator of minimum degree; larger rates and mean-field networks leak to higher degrees; a curriculum "
    "over Hamming weights learns high-degree monomials in fewer updates.",
    source="Abbe et al. (2023), Generalization on the Unseen, Logic Reasoning and Degree Curriculum, sections 3 and 4",
    thresholds=[
        Threshold("leak_features", "below", 0.1, "Random features match it, up to 5 % of the target's own distance."),
        Threshold("leak_diagonal", "below", 0.1, "A diagonal linear network matches it."),
        Threshold("leak_transformer", "below", 0.1, "A Transformer of low rate matches it."),
        Threshold("rate_adds", "above", 0.0, "A Transformer of larger rate leaks more."),
        Threshold("mean_field_adds", "above", 0.0, "A mean-field network leaks more than random features."),
        Threshold("curriculum_speed", "above", 1.0, "Without the curriculum parity needs more updates than with it."),
    ],
    units="seeds: initial weights, features and batches redrawn; every share is exact over the whole cube.",
    reduced="Dimension 8 (paper: 15) with one bit frozen, so that half of the cube is unseen; the target x0·x1, and "
    "x0 + 2·x1 - x2 for the diagonal network; a Transformer of one layer and width 32; parity of 12 bits.",
    reconstructed="Leak: mean square distance from the interpolator over its own mean square (2 for the target x0·x1). "
    "Rates 3e-4 and 1e-2 of Adam, until the training loss lies below 1e-3; mean-field: outputs of order 1/width, Adam "
    "at 1e-2; curriculum: batches of 256 at rate 3e-3, next weight once the loss is below 0.2, learned at 95 %.",
    seeds=6,
)
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """All learners once."""
    points = cube(DIMENSION)
    task = BooleanCube(dimension=DIMENSION, function="x0*x1", seen="x0=1")
    lowest = minimum_degree_interpolator(task.values, task.mask)
    features = random_feature_interpolator(
        points, task.values, task.mask, features=1024, rng=numpy_generator(seed, "gotu", "features")
    )
    low = transformer_leak(task, lowest, 3e-4, 150 if quick else 400, torch_generator(seed, "gotu", "transformer"))
    high = transformer_leak(task, lowest, 1e-2, 150 if quick else 400, torch_generator(seed, "gotu", "transformer"))
    field = mean_field_leak(task, lowest, torch_generator(seed, "gotu", "field"))
    all_at_once, growing = (
        parity_updates(stages, 1000 if quick else 3000, torch_generator(seed, "gotu", "parity"))
        for stages in ([PARITY], list(range(1, PARITY + 1)))
    )
    return {
        "leak_features": leak(features, lowest),
        "leak_diagonal": diagonal_leak(seed),
        "leak_transformer": low,
        "leak_fast_transformer": high,
        "leak_mean_field": field,
        "leak_target": leak(task.values, lowest),
        "rate_adds": high - low,
        "mean_field_adds": field - leak(features, lowest),
        "curriculum_speed": all_at_once / growing,
        "updates_direct": float(all_at_once),
        "updates_curriculum": float(growing),
    }


class Reader(nn.Module):
    """A Transformer over signs whose value is the mean of its first logit over positions."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.net = initialise(Transformer(2, 32, 1, 4, causal=False, longest=DIMENSION), generator)

    def forward(self, signs: Tensor) -> Tensor:
        """(n, d) tokens → (n,) values."""
        return self.net(signs).mean(1)[:, 0]


def transformer_leak(
    task: BooleanCube, lowest: np.ndarray, rate: float, steps: int, generator: torch.Generator
) -> float:
    """Leak of a Transformer fitted to the seen part."""
    reader = Reader(generator)
    signs, seen = torch.tensor(cube(DIMENSION) < 0).long(), torch.tensor(task.mask)
    values = torch.tensor(task.values).float()
    fit_module(reader, signs[seen], values[seen], lr=rate, steps=steps, stop_below=1e-3)
    with torch.no_grad():
        return leak(reader(signs).double().numpy(), lowest)


def mean_field_leak(task: BooleanCube, lowest: np.ndarray, generator: torch.Generator) -> float:
    """Leak of a two-layer network whose neurons each contribute in the order of 1/width."""
    begin = mlp_start(DIMENSION, WIDTH, generator)
    begin["out"] = begin["out"] / WIDTH**0.5
    points, seen = torch.tensor(cube(DIMENSION)).float(), torch.tensor(task.mask)
    values = torch.tensor(task.values).float()[seen]
    fitted = adamw_stacked(begin, lambda p: ((mlp_values(p, points[seen]) - values) ** 2).mean(1), steps=600, lr=1e-2)
    return leak(mlp_values(fitted, points)[0].double().numpy(), lowest)


def diagonal_leak(seed: int) -> float:
    """Leak of a diagonal linear network of depth 3 on a linear target, its start drawn between 0.05 and 0.15."""
    task = BooleanCube(dimension=DIMENSION, function="x0+2*x1-x2", seen="x0=1")
    start = float(numpy_generator(seed, "gotu", "diagonal").uniform(0.05, 0.15))
    points = cube(DIMENSION)
    weights = diagonal_linear_net(points, task.values, task.mask, depth=3, start=start, rate=0.1, steps=3000)
    lowest = minimum_degree_interpolator(task.values, task.mask)
    return leak(weights[0] + points @ weights[1:], lowest)


def parity_updates(stages: list[int], steps: int, generator: torch.Generator) -> int:
    """Updates until 95 % of the cube is right."""
    points = torch.tensor(cube(PARITY)).float()
    values = points.prod(1)

    def done(parameters: Mapping[str, Tensor]) -> bool:
        return float(((mlp_values(parameters, points) > 0) == (values > 0)).float().mean()) > 0.95

    begin = mlp_start(PARITY, WIDTH, generator)
    return degree_curriculum(
        points, values, begin, stages, lr=3e-3, steps=steps, fitted=0.2, done=done, batch=256, generator=generator
    )
