"""Many small classifiers of different kinds and strengths, and what each of them gets right."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput

FloatArray = NDArray[np.float64]


def small_classifiers(n: int, rng: np.random.Generator) -> list[Any]:
    """Unfitted scikit-learn classifiers of ten kinds in turn, their settings drawn.

    Args:
        n: How many.
        rng: Draws settings and the seeds of those that have one.

    >>> [type(c).__name__ for c in small_classifiers(3, np.random.default_rng(0))]
    ['LogisticRegression', 'DecisionTreeClassifier', 'RandomForestClassifier']
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    def logistic(low: float, high: float) -> float:
        return float(10 ** rng.uniform(low, high))

    def whole(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    def seed() -> int:
        return int(rng.integers(2**31))

    def built(kind: Any, **settings: Any) -> Any:
        return kind(**settings)

    makers: list[Callable[[], Any]] = [
        lambda: built(LogisticRegression, C=logistic(-4, 1), max_iter=200),
        lambda: built(DecisionTreeClassifier, max_depth=whole(2, 12), random_state=seed()),
        lambda: built(RandomForestClassifier, n_estimators=whole(3, 40), max_depth=whole(2, 12), random_state=seed()),
        lambda: built(KNeighborsClassifier, n_neighbors=whole(1, 15)),
        lambda: built(GaussianNB, var_smoothing=logistic(-9, -1)),
        lambda: make_pipeline(StandardScaler(), built(SVC, C=logistic(-1, 2), gamma=logistic(-3, -1))),
        lambda: make_pipeline(
            StandardScaler(),
            built(
                MLPClassifier, hidden_layer_sizes=(whole(4, 48),), max_iter=whole(10, 80), random_state=seed(),
                learning_rate_init=0.01,
            ),
        ),
        lambda: built(RidgeClassifier, alpha=logistic(-1, 3)),
        lambda: built(ExtraTreesClassifier, n_estimators=whole(3, 40), max_depth=whole(2, 12), random_state=seed()),
        lambda: built(NearestCentroid) if rng.random() < 0.3 else built(LinearDiscriminantAnalysis, solver="lsqr",
                                                                        shrinkage=float(rng.uniform(0.05, 0.9))),
    ]  # fmt: skip
    return [makers[i % len(makers)]() for i in range(n)]


def response_matrix(
    classifiers: Sequence[Any], x: FloatArray, y: NDArray[Any], *, train: NDArray[np.integer],
    test: NDArray[np.integer], sizes: tuple[int, int], rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """Fit each classifier to its own random part of the training rows and mark its answers on the test rows.

    Args:
        classifiers: Unfitted; fitted in place.
        x: Inputs, shape (n, d).
        y: Classes, shape (n,).
        train: Rows to fit to.
        test: Rows to answer; may overlap with ``train``.
        sizes: Fewest and most rows that one is fitted to; drawn log-uniformly.
        rng: Draws sizes and rows.

    Returns:
        1 where right and 0 where wrong, NaN where the row was fitted to; shape (classifiers, test rows).

    Raises:
        BadInput: More rows are asked for than there are.
    """
    low, high = sizes
    if not 2 <= low <= high <= len(train):
        raise BadInput(f"sizes lie between 2 and the {len(train)} training rows, got {low} to {high}.")
    out = np.empty((len(classifiers), len(test)))
    for row, classifier in zip(out, classifiers, strict=True):
        size = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))
        rows = rng.permutation(train)[:size]
        with warnings.catch_warnings():
            # A pool wants weak members: nets that stop early and smoothing that is too small are meant.
            warnings.simplefilter("ignore")
            classifier.fit(x[rows], y[rows])
            row[:] = classifier.predict(x[test]) == y[test]
        row[np.isin(test, rows)] = np.nan
    return out
