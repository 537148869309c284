"""scikit-learn estimators and pipelines as learners, and some by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners.base import responses_of
from unseen.responses import Responses

NAMES = ("forest", "gradient-boosting", "logistic", "mlp", "nearest-neighbours")


class EstimatorLearner:
    """Any scikit-learn estimator or pipeline, as it is.

    Args:
        estimator: Unfitted; cloned at each fit. Its ``random_state`` is set from the generator where it has one.
        name: Name in the responses; by default that of the class.

    Inputs of numbers go in as they are; text columns become hashed n-grams, categories one-hot columns, missing numbers
    the median. A single column of fixed shape (an image) is flattened.
    """

    def __init__(self, estimator: Any, name: str | None = None) -> None:
        for method in ("fit", "predict"):
            if not callable(getattr(estimator, method, None)):
                raise BadInput(f"{type(estimator).__name__} has no {method}: a learner needs fit and predict.")
        self.estimator = estimator
        self.name = name or type(estimator).__name__
        self._fitted: Any = None
        self._classes: np.ndarray | None = None

    def fit(self, examples: Examples, rng: np.random.Generator) -> Self:
        """Fit a clone to inputs and targets.

        Raises:
            BadInput: There is no target, or it is constant.
        """
        from sklearn.base import clone
        from sklearn.pipeline import make_pipeline

        if examples.target is None:
            raise BadInput("these examples have no target to fit to.")
        y = examples.column(examples.target)
        if len(np.unique(y.astype(str))) < 2:
            raise BadInput(f"the target column {examples.target!r} is constant ({y[0]!r}): nothing can be learnt.")
        model: Any = clone(self.estimator)
        seeds = {k: int(rng.integers(2**31)) for k in sorted(model.get_params()) if k.split("__")[-1] == "random_state"}
        model.set_params(**seeds)
        self._fitted = make_pipeline(_preprocessing(examples), model)
        self._fitted.fit(_inputs(examples), y)
        self._classes = getattr(self._fitted, "classes_", None)
        return self

    def respond(self, examples: Examples) -> Responses:
        """Predict and score; confidence is the largest class probability.

        Raises:
            BadInput: The learner was not fitted.
        """
        if self._fitted is None:
            raise BadInput(f"{self.name} was not fitted: call fit first.")
        x = _inputs(examples)
        if self._classes is not None and hasattr(self._fitted, "predict_proba"):
            chances = self._fitted.predict_proba(x)
            prediction = self._classes[chances.argmax(1)]
            return responses_of(
                examples, model=self.name, prediction=prediction, confidence=np.clip(chances.max(1), 0, 1)
            )
        return responses_of(examples, model=self.name, prediction=np.asarray(self._fitted.predict(x)))


def named(name: str, *, regression: bool = False) -> EstimatorLearner:
    """A learner by name.

    Args:
        name: One of ``NAMES``.
        regression: For a numeric target.

    Raises:
        BadInput: There is no such name.

    >>> named("forest").name
    'forest'
    """
    from sklearn import ensemble, linear_model, neighbors, neural_network

    makers: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "forest": (ensemble.RandomForestClassifier, ensemble.RandomForestRegressor),
        "gradient-boosting": (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor),
        "logistic": (lambda: linear_model.LogisticRegression(max_iter=1000), linear_model.Ridge),
        "mlp": (
            lambda: neural_network.MLPClassifier(early_stopping=True),
            lambda: neural_network.MLPRegressor(early_stopping=True),
        ),
        "nearest-neighbours": (neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor),
    }
    if name not in makers:
        from difflib import get_close_matches

        near = get_close_matches(name, NAMES, 2, 0.4)
        raise BadInput(
            f"no learner {name!r}"
            + (f" (did you mean {' or '.join(near)}?)" if near else "")
            + f"; there are {', '.join(NAMES)}."
        )
    return EstimatorLearner(makers[name][int(regression)](), name)


def _inputs(examples: Examples) -> Any:
    table = examples.table.select(examples.inputs)
    if len(examples.inputs) == 1 and isinstance(table.dtypes[0], pl.Array):
        return table[examples.inputs[0]].to_numpy().reshape(table.height, -1)
    lists = [c for c in table.columns if isinstance(table.schema[c], pl.List)]
    return table.with_columns(pl.col(c).cast(pl.List(pl.String)).list.join(" ") for c in lists)


def _preprocessing(examples: Examples) -> Any:
    """What turns the input columns into numbers; unknown categories at test time are all zeros."""
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    x = _inputs(examples)
    if isinstance(x, np.ndarray):
        return FunctionTransformer()
    numbers = [c for c in x.columns if x.schema[c].is_numeric() or x.schema[c] == pl.Boolean]
    texts = [c for c in x.columns if c not in numbers]
    free = [c for c in texts if x[c].n_unique() > max(50, 0.2 * x.height)]
    steps: list[tuple[str, Any, Any]] = []
    if numbers:
        steps.append(("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers))
    categories = [c for c in texts if c not in free]
    if categories:
        steps.append(("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories))
    for column in free:
        hashed = make_pipeline(
            HashingVectorizer(n_features=2**10, ngram_range=(1, 2), token_pattern=r"\S+"),  # noqa: S106
            FunctionTransformer(_dense, accept_sparse=True),
        )
        steps.append((f"text {column}", hashed, column))
    return ColumnTransformer(steps)


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray()
