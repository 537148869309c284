"""A torch module becomes a learner: factory, configuration and the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import polars as pl
import torch
from torch import nn

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners.base import responses_of
from unseen.responses import Responses
from unseen.training.config import TrainConfig
from unseen.training.fitting import Fitted, fit_sequences, fit_tensors
from unseen.training.objectives.sequences import Layout
from unseen.training.objectives.tensors import Tensors, tensor_batch
from unseen.training.vocabulary import Vocabulary


class TorchLearner:
    """Fits a module by the loop; answers with predictions and confidences.

    Inputs of numbers or arrays make a classifier of vectors: the factory is called with (features, classes). Text and
    lists of tokens make a token model: the factory is called with the vocabulary.

    Args:
        factory: Builds the module.
        config: How it is trained.
        name: Under which its answers stand.
        layout: Of token models; by default what the module was built for.
        separator: How text falls into tokens.
        shape: Shape of one input for models of images; vectors by default.
    """

    def __init__(
        self,
        factory: Callable[..., nn.Module],
        config: TrainConfig | None = None,
        name: str = "torch",
        *,
        layout: Layout | None = None,
        separator: str = " ",
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.factory, self.config, self.name = factory, config or TrainConfig(), name
        self.layout: Layout | None = layout
        self.separator, self.shape = separator, shape
        self.fitted: Fitted | None = None
        self.classes: list[str] = []

    def fit(self, examples: Examples, rng: np.random.Generator) -> Self:
        """Train anew; weights, order and dropout come from ``rng``.

        Raises:
            BadInput: There is no target, or fewer than two classes.
        """
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        if examples.target is None:
            raise BadInput(f"{self.name} needs examples with a target.")
        if not is_matrix(examples):
            vocabulary = Vocabulary.of(examples, separator=self.separator)
            self.fitted = fit_sequences(
                self.factory, examples, None, self.config, generator, layout=self.layout, vocabulary=vocabulary
            )
            return self
        inputs = self._vectors(examples)
        self.classes = sorted({str(v) for v in examples.table[examples.target].to_list()})
        if len(self.classes) < 2:
            raise BadInput(f"{self.name} needs two classes, got {self.classes}.")
        numbers = {c: i for i, c in enumerate(self.classes)}
        target = torch.tensor([numbers[str(v)] for v in examples.table[examples.target].to_list()])
        features, classes = inputs[0].numel(), len(self.classes)
        self.fitted = fit_tensors(
            lambda: self.factory(features, classes), (inputs, target), None, self.config, generator
        )
        return self

    def respond(self, examples: Examples) -> Responses:
        """Score 1 where the whole answer is right; confidence is the probability the model gave its answer.

        Raises:
            BadInput: It was not fitted.
        """
        if self.fitted is None:
            raise BadInput(f"{self.name} was not fitted: call fit first.")
        if examples.target is None:
            raise BadInput(f"{self.name} can't score examples without a target.")
        if isinstance(self.fitted.objective, Tensors):
            batch = tensor_batch(self._vectors(examples), torch.zeros(len(examples), dtype=torch.int64))
            with torch.no_grad():
                sure, best = self.fitted.objective.probabilities(self.fitted.model.eval(), batch).max(-1)
            answers = [self.classes[i] for i in best.tolist()]
            return responses_of(examples, model=self.name, prediction=np.array(answers), confidence=sure.numpy())
        tokens, confidence = self.fitted.predict(examples)
        vocabulary = self.fitted.objective.vocabulary
        text = [vocabulary.text(t) for t in tokens]
        return responses_of(
            examples, model=self.name, prediction=np.array(text), confidence=confidence,
            score=self.fitted.accuracy(examples),
        )  # fmt: skip

    def _vectors(self, examples: Examples) -> torch.Tensor:
        flat = torch.from_numpy(matrix(examples).astype(np.float32))
        return flat.reshape(len(flat), *self.shape) if self.shape else flat


def is_matrix(examples: Examples) -> bool:
    """Whether all inputs are numbers or fixed-shape arrays of numbers."""
    return all(_numeric(examples.table.schema[name]) for name in examples.inputs)


def matrix(examples: Examples) -> np.ndarray:
    """Numeric inputs side by side, float64 (n, features); images and arrays are flattened.

    Raises:
        BadInput: A value is missing.

    >>> matrix(Examples(pl.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "target": [0, 1]}), ("a", "b"))).tolist()
    [[1.0, 0.5], [2.0, 1.5]]
    """
    parts: list[np.ndarray] = []
    for name in examples.inputs:
        column = examples.table[name]
        if column.null_count():
            raise BadInput(f"column {name!r}, row {int(column.is_null().arg_true()[0]) + 1}: missing.")
        parts.append(column.to_numpy().reshape(len(column), -1).astype(np.float64))
    return np.concatenate(parts, axis=1)


def _numeric(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.Array):
        return _numeric(dtype.inner)  # type: ignore[arg-type]
    return dtype.is_numeric() or dtype == pl.Boolean
