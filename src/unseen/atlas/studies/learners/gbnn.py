"""Neurons trained in stages against the same network trained at once."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form

WIDTH = 100
CLASSES = ("breast_cancer", "wine", "digits")


@first_form(
    slug="gbnn",
    claim="A hidden layer trained in stages by gradient boosting is not worse than the same layer trained at once by "
    "Adam or L-BFGS, and it can drop the half of its units that was trained last at less cost.",
    source="Emami, Martínez-Muñoz (2023), Sequential Training of Neural Networks with Gradient Boosting",
    thresholds=[
        Threshold("over_adam", "above", -0.01, "Accuracy is at most 1 point below Adam's (mean of three data sets)"),
        Threshold("over_lbfgs", "above", -0.01, "Accuracy is at most 1 point below that of L-BFGS"),
        Threshold("regression_adam", "above", -0.01, "Diabetes: share of variance at most 0.01 below Adam's"),
        Threshold("regression_lbfgs", "above", -0.01, "Diabetes: at most 0.01 below that of L-BFGS"),
        Threshold(
            "cheaper_adam", "above", 0.0, "Dropping half of the units costs less accuracy than for Adam's network"
        ),
        Threshold("cheaper_lbfgs", "above", 0.0, "It costs less than for the network of L-BFGS"),
    ],
    units="repeats of two-fold cross-validation: folds and initial weights redrawn, the same rows in each",
    reduced="Four small data sets; 100 hidden units; no convolutional trunk.",
    reconstructed="Every method picks one setting of three on a fifth of its training rows: 1, 2 or 5 neurons a stage, "
    "or an L2 penalty of 1e-4, 1e-2 or 1. Shrinkage 0.5, 40 iterations a stage. From a jointly trained network the last "
    "half of units in order is dropped, an arbitrary half.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Test scores of three methods over two folds of four data sets, with all units and with the first half."""
    found: dict[str, Measurement] = {}
    data = CLASSES[1:2] if quick else CLASSES
    whole, lost = dict[str, list[float]](), dict[str, list[float]]()
    for name in data:
        for method, (full, half) in _folds(seed, name, quick).items():
            found[f"{name}_{method}"], found[f"{name}_{method}_half"] = full, half
            whole.setdefault(method, []).append(full)
            lost.setdefault(method, []).append(full - half)
    for method, (full, _) in _folds(seed, "diabetes", quick).items():
        found[f"diabetes_{method}"] = full
    for rival in ("adam", "lbfgs"):
        found[f"over_{rival}"] = float(np.mean(whole["stages"]) - np.mean(whole[rival]))
        found[f"cheaper_{rival}"] = float(np.mean(lost[rival]) - np.mean(lost["stages"]))
        found[f"regression_{rival}"] = float(found["diabetes_stages"]) - float(found[f"diabetes_{rival}"])  # pyright: ignore[reportArgumentType]
    return found


def _folds(seed: int, name: str, quick: bool) -> dict[str, tuple[float, float]]:
    """Mean score of each method over two folds, of all units and of the first half."""
    import sklearn.datasets
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    from unseen.engine.seeds import spawn

    loaded: Any = getattr(sklearn.datasets, f"load_{name}")()
    x, y = loaded.data, loaded.target
    cutter = KFold if name == "diabetes" else StratifiedKFold
    scores = dict[str, list[tuple[float, float]]]()
    for fold, (train, test) in enumerate(cutter(2, shuffle=True, random_state=spawn(seed, name) % 2**31).split(x, y)):
        scale: Any = StandardScaler().fit(x[train])
        a, b = scale.transform(x[train]), scale.transform(x[test])
        unit = y[train].std() if name == "diabetes" else 1
        for method in ("stages", "adam", "lbfgs"):
            start = spawn(seed, name, method, fold) % 2**31
            best = _best(method, a, y[train] / unit if unit != 1 else y[train], start, name == "diabetes", quick)
            goal = y[test] / unit if unit != 1 else y[test]
            scores.setdefault(method, []).append((_score(best, b, goal, WIDTH), _score(best, b, goal, WIDTH // 2)))
    return {m: (float(np.mean([s[0] for s in v])), float(np.mean([s[1] for s in v]))) for m, v in scores.items()}


def _best(method: str, x: np.ndarray, y: np.ndarray, seed: int, regression: bool, quick: bool) -> Any:
    """The setting of three that does best on a held-out fifth, refitted to all rows."""
    from sklearn.model_selection import train_test_split

    parts: Any = train_test_split(x, y, test_size=0.2, random_state=seed, stratify=None if regression else y)
    a, b, y_a, y_b = parts
    settings = (1, 2, 5) if method == "stages" else (1e-4, 1e-2, 1.0)
    tried = [_score(_fit(method, s, a, y_a, seed, regression, quick), b, y_b, WIDTH) for s in settings]
    return _fit(method, settings[int(np.argmax(tried))], x, y, seed, regression, quick)


def _fit(method: str, setting: Any, x: np.ndarray, y: np.ndarray, seed: int, regression: bool, quick: bool) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    from unseen.learners.sequential_boosting import SequentialBoostingClassifier, SequentialBoostingRegressor

    if method == "stages":
        kind: Any = SequentialBoostingRegressor if regression else SequentialBoostingClassifier
        model = kind(WIDTH // setting, setting, 0.5, max_iter=10 if quick else 40, random_state=seed)
    else:
        kind = MLPRegressor if regression else MLPClassifier
        model = kind(
            hidden_layer_sizes=(WIDTH,), activation="tanh", solver=method, alpha=setting,
            max_iter=50 if quick else 300, random_state=seed,
        )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # iterations are bounded on purpose
        return model.fit(x, y)


def _score(model: Any, x: np.ndarray, y: np.ndarray, units: int) -> float:
    """Accuracy, or share of variance explained, with the first hidden units only."""
    if hasattr(model, "bias_"):
        answer = model.predict(x, units)
    else:
        coefs = model.coefs_
        model.coefs_ = [coefs[0], np.where(np.arange(WIDTH)[:, None] < units, coefs[1], 0.0)]
        answer, model.coefs_ = model.predict(x), coefs
    if np.issubdtype(np.asarray(y).dtype, np.floating):
        return float(1 - np.square(y - answer).sum() / np.square(y - y.mean()).sum())
    return float((answer == y).mean())
