"""Remedies on the choice of a learner: its regularisation, a simpler one, and choosing by domains instead of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unseen.errors import BadInput, UnseenError
from unseen.learners import EstimatorLearner
from unseen.remedies.base import Call, Remedy

PARTS = 3
# Names that say that a learner is linear in what it is given.
LINEAR = ("Logistic", "Ridge", "Lasso", "ElasticNet", "Linear", "SGD", "Perceptron", "BayesianRidge", "Bernoulli")
LEAVES = (4, 2)


def _at_most_half(value: float, strength: float) -> float:
    """A number of rows that grows, or a share that stays below one half."""
    return min(0.5, value * strength) if isinstance(value, float) else max(1, round(value * strength))


# Parameter → what a stronger (strength > 1) or weaker one is.
KNOBS: Mapping[str, Callable[[Any, float], Any]] = {
    "C": lambda v, s: v / s,
    "alpha": lambda v, s: v * s,
    "l2_regularization": lambda v, s: max(v, 0.1) * s if s > 1 else v * s,
    "reg_lambda": lambda v, s: v * s,
    "min_samples_leaf": _at_most_half,
    "min_child_samples": _at_most_half,
    "min_child_weight": lambda v, s: v * s,
    "n_neighbors": lambda v, s: max(1, round(v * s**0.5)),
    "max_leaf_nodes": lambda v, s: max(2, round(v / s**0.5)),
    "num_leaves": lambda v, s: max(2, round(v / s**0.5)),
}


def knobs_of(estimator: Any) -> dict[str, Any]:
    """Parameters that regularise an estimator (or the last step of a pipeline), with their values."""
    if not hasattr(estimator, "get_params"):
        return {}
    deep = hasattr(estimator, "steps")
    last = f"{estimator.steps[-1][0]}__" if deep else ""
    found: dict[str, Any] = {}
    for name, value in estimator.get_params(deep=deep).items():
        short = name.removeprefix(last)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name.startswith(last) and short in KNOBS and number:
            found[name] = value
    return found


def turned(learner: Any, strength: float) -> Any:
    """The learner with every regularising parameter moved by this factor; the estimator given is left as it is."""
    from sklearn.base import clone

    changed = {name: KNOBS[name.split("__")[-1]](v, strength) for name, v in knobs_of(learner.estimator).items()}
    fresh: Any = clone(learner.estimator)
    learner.estimator = fresh.set_params(**changed)
    return learner


def regularised(call: Call, *, strength: float = 10.0) -> Any:
    """A fit under a stronger regularisation."""
    return turned(call.make(), strength).fit(call.train, call.rng)


def is_linear(estimator: Any) -> bool:
    """Whether an estimator, or the last step of a pipeline, is linear in what it is given."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return type(last).__name__.startswith(LINEAR)


def simplified(learner: Any, steps: int, *, regression: bool) -> Any:
    """A learner some steps simpler: linear, a tree of four leaves, a tree of two."""
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    place = steps - 1 + int(is_linear(learner.estimator))
    tree = DecisionTreeRegressor if regression else DecisionTreeClassifier
    linear: Any = Ridge() if regression else LogisticRegression(max_iter=1000)
    ladder: list[Any] = [linear, *(tree(max_leaf_nodes=n) for n in LEAVES)]
    simple = ladder[min(place, len(ladder) - 1)]
    if hasattr(learner.estimator, "steps"):
        made: Any = clone(learner.estimator)
        made.steps[-1] = (made.steps[-1][0], simple)
        simple = made
    return EstimatorLearner(simple, f"{learner.name}, simpler", text=learner.text)


def simpler(call: Call, *, steps: int = 1) -> Any:
    """A fit of a simpler learner."""
    return simplified(call.make(), steps, regression=_numeric(call)).fit(call.train, call.rng)


def _numeric(call: Call) -> bool:
    return call.train.table.schema[call.train.target or ""].is_numeric()


def options_of(call: Call) -> dict[str, Callable[[], Any]]:
    """Learners to choose among, by a name: the learner as it is, more and less regularised, and a simpler one."""
    made: dict[str, Callable[[], Any]] = {"as it is": call.make}
    if knobs_of(call.make().estimator):
        for strength in (30.0, 1 / 30):
            made[f"regularised {strength:.2g}"] = lambda s=strength: turned(call.make(), s)
    made["simpler"] = lambda: simplified(call.make(), 1, regression=_numeric(call))
    return made


def scores_by_domain(call: Call, *, parts: int = PARTS) -> dict[str, np.ndarray]:
    """Score of each option in each domain, by fits that left its domain out, shape (domains,).

    Probabilities are scored by their Brier score, classes by accuracy, numbers by minus the absolute error.
    """
    from unseen.remedies.reweighting import losses

    names, codes = np.unique(call.domains, return_inverse=True)
    codes = codes.reshape(-1)
    part = call.rng.permutation(len(names)) % min(parts, len(names))
    found: dict[str, np.ndarray] = {}
    left_out = [np.flatnonzero(part[codes] == k) for k in range(int(part.max()) + 1)]
    sides = [(call.train.take(np.flatnonzero(part[codes] != k)), call.train.take(o)) for k, o in enumerate(left_out)]
    for option, make in options_of(call).items():
        row_scores = np.full(len(codes), np.nan)
        for k, (out, (rest, held)) in enumerate(zip(left_out, sides, strict=True)):
            # Every option sees the same draws.
            try:
                row_scores[out] = -losses(make().fit(rest, np.random.default_rng(k)), call, out, held)
            except UnseenError:
                break
        if np.isfinite(row_scores).all():
            found[option] = np.bincount(codes, row_scores) / np.bincount(codes)
    if not found:
        raise BadInput("no learner could be fitted without a part of the domains.")
    return found


def chosen_by_domains(call: Call, *, judge: str = "mean") -> Any:
    """Fit the learner that does best at domains left out of the training side, by their mean or by the worst quarter."""
    found = scores_by_domain(call)

    def value(option: str) -> float:
        scores = np.sort(found[option])
        return float(scores.mean() if judge == "mean" else scores[: max(1, -(-len(scores) // 4))].mean())

    return options_of(call)[max(found, key=value)]().fit(call.train, call.rng)


REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        "regularised", "choice", "stronger regularisation",
        "Turns every parameter that regularises the learner (C, alpha, rows in a leaf, leaves, neighbours …) up by a "
        "factor. What rows of the training domains alone suggest is believed less.",
        ("estimator", "knobs"), ({"strength": 10.0}, {"strength": 100.0}),
        assumptions="The learner fits more than holds beyond the training domains.",
        sources=("Gulrajani & Lopez-Paz (2021), In search of lost domain generalization, section 4 (tuned baselines)",
                 "Hastie, Tibshirani & Friedman (2009), The elements of statistical learning, section 3.4"),
        fit=regularised,
    ),
    Remedy(
        "simpler-learner", "choice", "a simpler learner",
        "Takes a linear learner instead of a flexible one, or a tree of four leaves (of two) instead of a linear one. "
        "Fine structure of the training domains can't be learnt then.",
        ("estimator",), ({"steps": 1}, {"steps": 2}),
        assumptions="The main effects carry over and the rest does not.",
        sources=("Hand (2006), Classifier technology and the illusion of progress, section 3",), fit=simpler,
    ),
    Remedy(
        "chosen-by-domains", "choice", "learner and regularisation chosen by left-out domains",
        "Leaves out parts of the training domains in turn and takes what does best there: the learner as it is, more or "
        "less regularised, or a simpler one. Rows held back at random would favour what fits these domains.",
        ("domains", "estimator"), ({}, {"judge": "worst"}), "up to thirteen fits",
        "The next domain differs from the training domains as they differ from each other.",
        ("Gulrajani & Lopez-Paz (2021), In search of lost domain generalization, section 3",
         "Roberts et al. (2017), Cross-validation strategies for data with temporal, spatial, hierarchical structure"),
        fit=chosen_by_domains, fits=13,
    ),
)  # fmt: skip
