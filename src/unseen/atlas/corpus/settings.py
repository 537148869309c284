"""The runs of the corpus: kinds of networks and data, and the grid of settings of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

# Mean cross-entropy on the training examples, as labelled and not augmented, at which every network stops.
LOSS = 0.1
# Each measure, with 1 where more of it is said to go with a better score, -1 where less is.
MEASURES: Mapping[str, int] = {
    "training loss": -1, "steps to the loss": -1, "parameters": -1, "confidence on unseen inputs": 1,
    "output margin": 1, "hidden margin": 1, "input margin": 1, "constrained margin": 1,
    "norm of the weights": -1, "distance from the first weights": -1, "product of Frobenius norms": -1,
    "product of spectral norms": -1, "spectral bound over the margin": -1, "path norm": -1, "path norm over the margin": -1,
    "adaptive sharpness": -1, "trace of the Hessian": -1, "largest eigenvalue": -1, "PAC-Bayes sharpness": -1,
    "PAC-Bayes sharpness, relative": -1, "PAC-Bayes bound from the first weights": -1, "Fisher-Rao norm": -1,
    "coherence": 1, "gradient noise": -1, "length of the mean gradient": -1,
}  # fmt: skip


@dataclass(frozen=True)
class Family:
    """Networks of one kind on one set of images.

    Attributes:
        name: What it is called.
        kind: mlp, cnn or transformer.
        images: digits (8 × 8), digits28 (28 × 28) or photographs (32 × 32, in colour).
        rows: Training examples.
        grid: Values of each setting; every combination is a run.
        updates: Updates after which a network that has not reached the loss is left as it is, and excluded.
        seeds: Seeds of weights and order; each combination of settings is trained with each.
    """

    name: str
    kind: str
    images: str
    rows: int
    grid: Mapping[str, tuple[Any, ...]]
    updates: int
    seeds: tuple[int, ...] = (0,)

    def runs(self) -> list[Run]:
        """Every combination of settings, by seed."""
        cells = [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]
        return [Run(self.name, cell, seed) for seed in self.seeds for cell in cells]


@dataclass(frozen=True)
class Run:
    """One network: its family, its settings and the seed of its weights and its order of examples."""

    family: str
    settings: Mapping[str, Any]
    seed: int

    @property
    def name(self) -> str:
        """Family, settings and seed in one word."""
        return "-".join([self.family, *(f"{k}{v:g}" for k, v in self.settings.items()), f"seed{self.seed}"])

    @property
    def shape(self) -> tuple[Any, ...]:
        """What runs must share to be trained in one stack."""
        return self.family, self.settings["width"], self.settings["depth"], self.settings["batch"], self.seed


_COMMON: Mapping[str, tuple[Any, ...]] = {
    "rate": (0.001, 0.004), "decay": (0.0, 0.1), "noise": (0.0, 0.1), "moves": (0, 1),
}  # fmt: skip
_MLP = {"width": (48, 128), "depth": (1, 2, 3), "batch": (16, 64), **_COMMON}
_CNN = {"width": (4, 8), "depth": (2, 3), "batch": (16,), **_COMMON}
_TRANSFORMER = {"width": (16, 32), "depth": (1, 2), "batch": (16,), **_COMMON}
# Photographs cost most: without decay alone.
_PHOTOGRAPHS = {"width": (8, 16), "depth": (2, 3), "batch": (16,), **_COMMON, "decay": (0.0,)}
FAMILIES: Mapping[str, Family] = {
    one.name: one
    for one in (
        Family("mlp", "mlp", "digits", 400, _MLP, 6_000, seeds=(0, 1)),
        Family("cnn", "cnn", "digits28", 400, _CNN, 4_000),
        Family("transformer", "transformer", "digits", 400, _TRANSFORMER, 3_000),
        Family("photographs", "cnn", "photographs", 300, _PHOTOGRAPHS, 3_000),
    )
}
