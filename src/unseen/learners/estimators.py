"""scikit-learn estimators and pipelines as learners, and some by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from unseen.data import Examples
from unseen.engine.once import LARGEST, once
from unseen.errors import BadInput
from unseen.learners.answered import chooses_the_likeliest, chosen, in_order, of_known_libraries, one_a_row
from unseen.learners.base import checked_probabilities, responses_of
from unseen.learners.frames import Frames, Texts, fit, fitted_to_frames, for_names, fresh, reads_frames, reads_texts
from unseen.learners.preprocessing import TextKind, input_table, preprocessing
from unseen.responses import Responses

NAMES = ("forest", "gradient-boosting", "logistic", "mlp", "nearest-neighbours")


class EstimatorLearner:
    """Any scikit-learn estimator or pipeline, as it is.

    Args:
        estimator: Unfitted; cloned at each fit. Its ``random_state`` is set from the generator where it has one.
        name: Name in the responses; by default that of the class.
        text: How columns of text are read: hashed n-grams or sentence embeddings.

    Inputs are turned into numbers (see ``preprocessing``), except where transformers of columns stand anywhere in the
    estimator (``ColumnTransformer``, ``TableVectorizer``), or it has an attribute ``reads_frames = True``: it then gets the
    columns as they are, as a data frame. A pipeline with a vectorizer of texts gets its one column of texts.
    """

    def __init__(self, estimator: Any, name: str | None = None, *, text: TextKind = "ngrams") -> None:
        for method in ("fit", "predict"):
            # A stack has its predict only once it is fitted; its class has it before.
            if not any(callable(getattr(of, method, None)) for of in (estimator, type(estimator))):
                raise BadInput(f"{type(estimator).__name__} has no {method}: a learner needs fit and predict.")
        self.estimator = estimator
        self.name = name or type(estimator).__name__
        self.text: TextKind = text
        self._prepare: Any = None
        self._fitted: Any = None
        self._classes: np.ndarray | None = None

    def fit(self, examples: Examples, rng: np.random.Generator, weights: np.ndarray | None = None) -> Self:
        """Fit a clone to inputs and targets.

        Args:
            examples: With a target.
            rng: Source of every draw.
            weights: Of the rows, shape (n,), non-negative. An estimator that takes none is fitted to a resample
                drawn with these weights.

        Raises:
            BadInput: There is no target, or it is constant.
        """
        model: Any = fresh(self.estimator)
        if examples.target is None:
            raise BadInput("these examples have no target to fit to.")
        y = examples.column(examples.target)
        if len(np.unique(y.astype(str))) < 2:
            raise BadInput(f"the target column {examples.target!r} is constant ({y[0]!r}): nothing can be learnt.")
        parameters = model.get_params() if hasattr(model, "get_params") else {}
        seeds = {k: int(rng.integers(2**31)) for k in sorted(parameters) if k.split("__")[-1] == "random_state"}
        if seeds:
            model.set_params(**seeds)
        if weights is not None and not _takes_weights(model):
            drawn = rng.choice(len(examples), size=len(examples), p=weights / weights.sum())
            if len(np.unique(y[drawn].astype(str))) > 1:
                examples, y = examples.take(drawn), y[drawn]
            weights = None
        if reads_frames(model):
            self._prepare, self._fitted = fitted_to_frames(model, examples, y, weights)
        elif texts := reads_texts(model, examples):
            self._prepare, self._fitted = texts, fit(model, texts.of(examples), y, weights)
        else:
            self._prepare, x = _prepared(model, examples, self.text, y)
            try:
                self._fitted = fit(model, x, y, weights)
            except Exception as error:
                if told := for_names(error, examples.inputs, self.name):
                    raise told from error
                raise
        classes = getattr(self._fitted, "classes_", None)
        self._classes = None if classes is None else np.asarray(classes)
        return self

    @property
    def classes(self) -> np.ndarray | None:
        """Class of each column of ``probabilities``; None for a regression or an estimator without classes."""
        return self._classes

    @property
    def has_probabilities(self) -> bool:
        """Whether the fitted estimator gives probabilities."""
        return self._classes is not None and hasattr(self._fitted, "predict_proba")

    def features(self, examples: Examples) -> np.ndarray:
        """The preprocessed inputs, shape (n, d).

        Raises:
            BadInput: The estimator reads texts itself, of which there are no numbers.
        """
        if isinstance(self._prepare, Texts):
            raise BadInput(
                f"{self.name} reads the texts of {self._prepare.column!r} itself: its inputs are no numbers."
            )
        return np.array(_transformed(self._require(), examples), dtype=np.float64)

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Probabilities of the classes, shape (n, classes).

        Raises:
            BadInput: The estimator has no ``predict_proba``, was not fitted, or gives what are no probabilities.
        """
        prepare = self._require()
        if not self.has_probabilities:
            raise BadInput(f"{self.name} has no predict_proba; it gives no probabilities.")
        fitted, classes = self._fitted, list(self._classes if self._classes is not None else ())
        given = once(
            "chances", (fitted, prepare, examples),
            lambda: in_order(fitted.predict_proba(_transformed(prepare, examples)), classes),
        )  # fmt: skip
        return checked_probabilities(_own(given), len(examples), len(classes))

    def chosen(self, examples: Examples, chances: np.ndarray) -> np.ndarray:
        """The class that ``predict`` chooses, as column numbers of the probabilities, shape (n,): not always the likeliest.

        Args:
            examples: What is answered.
            chances: What ``probabilities`` said of them, shape (n, classes).

        Raises:
            BadInput: ``predict`` gives what is no class, or its columns are in another order than the classes.
        """
        if self._classes is None or chooses_the_likeliest(self._fitted):
            return chances.argmax(1)
        return chosen(self._predicted(examples), chances, list(self._classes), self.name)

    def _predicted(self, examples: Examples) -> np.ndarray:
        x = _transformed(self._require(), examples)
        try:
            predicted = self._fitted.predict(x)
        except Exception as error:
            if not isinstance(self._prepare, Frames | Texts) and (told := for_names(error, examples.inputs, self.name)):
                raise told from error
            raise
        return one_a_row(predicted, len(examples), self.name)

    def foresee(self, parts: Sequence[Examples]) -> None:
        """Compute the probabilities of several parts in one call, so that ``probabilities`` finds those of each at hand.

        Of no effect for an estimator with code of others in it, whose answer on a row could depend on the rows beside it.
        """
        several = [one for one in parts if len(one)]
        if (
            len(several) < 2
            or self._classes is None
            or not self.has_probabilities
            or not of_known_libraries(self._fitted)
        ):
            return
        if max(len(one) for one in several) * len(self._classes) * 8 > LARGEST:
            return
        fitted, prepare = self._fitted, self._require()
        alike: dict[Any, list[tuple[Examples, Any]]] = {}
        for one in several:
            x = _transformed(prepare, one)
            alike.setdefault(_kind(x), []).append((one, x))
        for kind, group in alike.items():
            if kind is None or len(group) < 2:
                continue
            chances = np.asarray(fitted.predict_proba(_stacked([x for _, x in group])))
            ends = np.cumsum([len(one) for one, _ in group])
            for (one, _), own in zip(group, np.split(chances, ends[:-1]), strict=True):
                once("chances", (fitted, prepare, one), own.copy)

    def respond(self, examples: Examples) -> Responses:
        """Predict and score; confidence is the probability of the class that is predicted.

        Raises:
            BadInput: The learner was not fitted.
        """
        self._require()
        if self.has_probabilities and self._classes is not None:
            chances = self.probabilities(examples)
            picked = self.chosen(examples, chances)
            sure = chances[np.arange(len(picked)), picked]
            return responses_of(examples, model=self.name, prediction=self._classes[picked], confidence=sure)
        return responses_of(examples, model=self.name, prediction=self._predicted(examples))

    def _require(self) -> Any:
        if self._prepare is None:
            raise BadInput(f"{self.name} was not fitted: call fit first.")
        return self._prepare


def _prepared(model: Any, examples: Examples, text: TextKind, y: np.ndarray) -> tuple[Any, Any]:
    """A fitted transformer of inputs, and the inputs transformed; learners fitted to the same examples share it."""

    def make() -> tuple[Any, Any]:
        prepare = _preparation(model, examples, text)
        return prepare, prepare.fit_transform(input_table(examples), y)

    trees = type(model).__name__.startswith("HistGradientBoosting")
    prepare, x = once(("prepared", trees, text), (examples,), make)
    return prepare, _own(x)


def _transformed(prepare: Any, examples: Examples) -> Any:
    if isinstance(prepare, Frames | Texts):
        return prepare.of(examples)
    return _own(once("transformed", (prepare, examples), lambda: prepare.transform(input_table(examples))))


def _own(x: Any) -> Any:
    """What may be changed: estimators are free to change what they are given."""
    return x.copy() if isinstance(x, np.ndarray) else x


def _kind(x: Any) -> Any:
    """What tables share that can be put below each other; None for a kind that is not known."""
    import polars as pl

    if isinstance(x, pl.DataFrame):
        return tuple(x.schema.items())
    return (x.dtype, x.shape[1:]) if isinstance(x, np.ndarray) else None


def _stacked(parts: Sequence[Any]) -> Any:
    import polars as pl

    return pl.concat(parts) if isinstance(parts[0], pl.DataFrame) else np.concatenate(parts)


def _preparation(model: Any, examples: Examples, text: TextKind) -> Any:
    return preprocessing(examples, trees=type(model).__name__.startswith("HistGradientBoosting"), text=text)


def _takes_weights(model: Any) -> bool:
    from sklearn.utils.validation import has_fit_parameter

    return has_fit_parameter(model, "sample_weight")


def named(name: str, *, regression: bool = False) -> EstimatorLearner:
    """A learner by name.

    Args:
        name: One of ``NAMES``, with ``+sentences`` behind it to read text by sentence embeddings (extra ``sentences``).
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
    base, _, suffix = name.partition("+")
    if base not in makers or suffix not in ("", "sentences"):
        from difflib import get_close_matches

        near = get_close_matches(name, NAMES, 2, 0.4)
        raise BadInput(
            f"no learner {name!r}"
            + (f" (did you mean {' or '.join(near)}?)" if near else "")
            + f"; there are {', '.join(NAMES)}, each also with +sentences to embed text."
        )
    return EstimatorLearner(makers[base][int(regression)](), name, text="sentences" if suffix else "ngrams")
