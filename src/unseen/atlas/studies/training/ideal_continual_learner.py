"""Solving each task among the minimisers of those before: no forgetting; stored rows instead: less with more of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form

STORED = (0, 1, 3, 10, 30, 100, 300)


@first_form(
    slug="ideal-continual-learner",
    claim="With a minimiser that all tasks share, the ideal continual learner never forgets, while training on one "
    "task after another does. With rehearsal the error on old tasks falls with the number of stored rows, as the "
    "bound does.",
    source="Peng, Giampouras, Vidal (2023), The Ideal Continual Learner: An Agent That Never Forgets",
    thresholds=[
        Threshold("ideal_linear", "below", -12.0, "Linear: log10 of the worst old loss, relative to its start"),
        Threshold("ideal_features", "below", -12.0, "The same on random features"),
        Threshold(
            "plain_linear", "above", 0.01, "Linear, task after task: old losses return to over 1 % of their start"
        ),
        Threshold("plain_features", "above", 0.01, "The same on random features"),
        Threshold("plain_network", "above", 0.1, "A network on permuted digits forgets over 10 points"),
        Threshold("gain_100", "above", 0.1, "100 stored rows a task take over 10 points off its old-task error"),
        Threshold("order", "below", -0.9, "Rank correlation of stored rows and old-task error over seven numbers"),
        Threshold("trend", "above", 0.8, "Share of the variation that a + b / sqrt(stored) explains, from 1 row on"),
    ],
    units="seeds: tasks, permutations, initial weights and order redrawn",
    reduced="Ten regression tasks of 15 rows in 200 dimensions; six permuted 8 x 8 digit tasks, two hidden layers of "
    "100; no matrix factorisation.",
    reconstructed="Inputs with variances 1/k make the tasks overlap. Half of each batch is rehearsal. Only the shape "
    "of the bound is tested: its value is vacuous for a network of this size.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Old losses of the exact learner and of sequential fits; old-task error of a network against stored rows."""
    from unseen.engine.seeds import numpy_generator
    from unseen.training.continual.null_space import GradientProjection

    found: dict[str, Measurement] = {}
    for kind in ("linear", "features"):
        found[f"ideal_{kind}"], found[f"plain_{kind}"] = _regression(numpy_generator(seed, kind), kind)
    stored = STORED[::2] if quick else STORED
    runs = {n: _digits(seed, quick, n) for n in stored}
    error = np.array([1 - run.retained for run in runs.values()])
    projected = _digits(seed, quick, 0, guard=GradientProjection(8))
    found["plain_network"] = runs[0].forgetting
    found["projected_network"] = projected.forgetting
    found["projection_gain"] = projected.retained - runs[0].retained
    found["gain_100"] = float(error[0] - error[list(stored).index(100 if 100 in stored else 30)])
    found |= {f"error_{n}": float(e) for n, e in zip(stored, error, strict=True)}
    from scipy.stats import spearmanr

    found["order"] = float(np.asarray(spearmanr(stored, error))[0])
    root = 1 / np.sqrt(np.array(stored[1:], dtype=float))
    found["trend"] = float(np.corrcoef(root, error[1:])[0, 1] ** 2)
    return found


def _regression(rng: np.random.Generator, kind: str) -> tuple[float, float]:
    """Worst relative old loss of the exact learner (log10), and mean relative old loss of one fit after another."""
    from unseen.training.continual.null_space import NullSpaceRegression

    scales = np.arange(1, 201) ** -0.5
    x = rng.normal(size=(10, 15, 200)) * scales
    if kind == "features":
        x = np.tanh(2 * x @ rng.normal(size=(200, 300)))
    truth = rng.normal(size=x.shape[2])
    y = x @ truth
    ideal, plain = NullSpaceRegression(x.shape[2]), np.zeros(x.shape[2])
    for inputs, target in zip(x, y, strict=True):
        ideal.learn(inputs, target)
        # Gradient descent from where it stands ends in the nearest minimiser of the task.
        plain = plain + np.linalg.lstsq(inputs, target - inputs @ plain, rcond=None)[0]
    start = np.square(y).mean(1)
    worst = max(ideal.loss(a, b) / s for a, b, s in zip(x[:-1], y[:-1], start[:-1], strict=True))
    back = np.square(x @ plain - y).mean(1)[:-1] / start[:-1]
    return float(np.log10(max(worst, 1e-40))), float(back.mean())


def _digits(seed: int, quick: bool, stored: int, **settings: Any) -> Any:
    from unseen.atlas.digit_tasks import permuted_digits
    from unseen.engine.seeds import numpy_generator, seeded_torch, spawn, torch_generator
    from unseen.learners.architectures.featured import FeaturedMLP
    from unseen.training.continual.rehearsal import train_sequence

    tasks, tests = permuted_digits(numpy_generator(seed, "tasks"), 3 if quick else 6)
    with seeded_torch(spawn(seed, "weights")):
        model = FeaturedMLP(64, 10, 100, 2)
    return train_sequence(
        model, tasks, tests, updates=40 if quick else 200, lr=0.05, generator=torch_generator(seed, "order"),
        rng=numpy_generator(seed, "rehearsal"), schedule="uniform" if stored else "none",
        budget=stored * (len(tasks) - 1), stored=stored or None, halves=True, **settings,
    )  # fmt: skip
