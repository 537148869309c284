"""What test-time methods add to inference: seconds with a method over seconds of the bare learner, in one run.

A small convolutional network on images of 28 × 28 and gradient boosting on a table. The bare learner and each method
answer in turns, so that a busy machine slows both; what a method keeps of the source is built before.

    python benchmarks/test_time.py
"""

from __future__ import annotations

import json
import statistics
import time
import warnings

import numpy as np
import polars as pl
import torch

from unseen.adaptation import NAMES, Adapted
from unseen.data import Examples
from unseen.learners import named as learner_named
from unseen.learners.architectures.featured import FeaturedCNN
from unseen.training import TrainConfig
from unseen.training.domain_learner import DomainLearner

ROWS, ROUNDS, BATCH = 4096, 5, 128
ON_TABLES = [name for name in NAMES if name not in ("batch-norm", "tent")]


def images(n: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    y = rng.integers(10, size=n)
    shapes = np.random.default_rng(99).normal(size=(10, 28, 28))
    x = (shapes[y] + 2 * rng.normal(size=(n, 28, 28))).astype(np.float32)
    return Examples.from_table(pl.DataFrame({"x": x, "y": y}), inputs=["x"], target="y")


def rows(n: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    x = rng.normal(size=(n, 20)) + np.eye(3, 20)[y] * 2
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(20)} | {"y": y})
    return Examples.from_table(frame, inputs=[f"x{i}" for i in range(20)], target="y")


def ratios(learner, source: Examples, target: Examples, methods) -> dict[str, dict[str, float]]:
    bare: dict[str, list[float]] = {name: [] for name in methods}
    found: dict[str, list[float]] = {name: [] for name in methods}
    seconds: list[float] = []
    wrapped = {name: Adapted(learner, name, batch_size=BATCH).attach(source) for name in methods}
    for _ in range(ROUNDS):
        for name, adapted in wrapped.items():
            began = time.perf_counter()
            learner.probabilities(target)
            middle = time.perf_counter()
            adapted.probabilities(target)
            bare[name].append(middle - began)
            found[name].append(time.perf_counter() - middle)
            seconds.append(middle - began)
    made = {n: statistics.median(a / b for a, b in zip(found[n], bare[n], strict=True)) - 1 for n in methods}
    return {"adds, as a multiple of inference": {n: round(v, 2) for n, v in made.items()}, "inference_seconds": {
        "median": round(statistics.median(seconds), 4)}}  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    network = DomainLearner(
        lambda inputs, classes: FeaturedCNN(1, 28, classes, batch_norm=True), shape=(1, 28, 28),
        config=TrainConfig(steps=60, batch_size=64),
    )  # fmt: skip
    source, target = images(4096, 0), images(ROWS, 1)
    network.fit(source, rng)
    print(json.dumps({"network, 28 × 28": ratios(network, source, target, NAMES)}, indent=1, ensure_ascii=False))
    for name in ("gradient-boosting", "forest"):
        learner = learner_named(name)
        learner.fit(rows(20_000, 0), rng)
        print(json.dumps({name: ratios(learner, rows(20_000, 0), rows(ROWS, 1), ON_TABLES)}, indent=1))


if __name__ == "__main__":
    main()
