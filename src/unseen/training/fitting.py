"""The short way from examples or tensors to a trained model with its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from unseen.data import Examples
from unseen.engine.seeds import draw_seed, seeded_torch
from unseen.errors import BadInput
from unseen.training.config import TrainConfig
from unseen.training.loop import score, train
from unseen.training.objectives.base import Batch
from unseen.training.objectives.sequences import Layout, Sequences
from unseen.training.objectives.tensors import Tensors, tensor_batch
from unseen.training.run import Run
from unseen.training.vocabulary import Vocabulary

TensorData = tuple[Tensor | tuple[Tensor, ...], Tensor]


@dataclass(frozen=True)
class Fitted:
    """A trained model.

    Attributes:
        model: In evaluation mode.
        history: step, split, loss, accuracy, seconds; one row an evaluation and set.
        stopped: Why training ended, in words.
        seconds: Wall time of training.
        steps: Updates made.
        objective: How answers are scored.
        config: What it was trained with.
    """

    model: nn.Module
    history: pl.DataFrame
    stopped: str
    seconds: float
    steps: int
    objective: Sequences | Tensors
    config: TrainConfig

    def encode(self, data: Examples | TensorData) -> Batch:
        """Named tensors of examples (sequences) or of (inputs, target)."""
        if isinstance(self.objective, Sequences):
            if not isinstance(data, Examples):
                raise BadInput(f"this model was fitted to sequences: pass Examples, got {type(data).__name__}.")
            return self.objective.encode(data)
        if isinstance(data, Examples):
            raise BadInput("this model was fitted to tensors: pass (inputs, target), got Examples.")
        return tensor_batch(*data)

    def accuracy(self, data: Examples | TensorData) -> np.ndarray:
        """Whether each answer is right (all its tokens), shape (n,), 0.0 or 1.0."""
        return score(self.model, self.objective, self.encode(data), self.config.eval_batch_size)[1].numpy()

    def losses(self, data: Examples | TensorData) -> np.ndarray:
        """Loss of each example, shape (n,) [nats a token, or half squared error]."""
        return score(self.model, self.objective, self.encode(data), self.config.eval_batch_size)[0].numpy()

    def token_accuracy(self, examples: Examples) -> np.ndarray:
        """Share of right tokens of each answer, each given the true ones before it, shape (n,)."""
        objective, model, data = self._sequences(), self.model.eval(), self.encode(examples)
        with torch.no_grad():
            parts = [objective.token_accuracy(model, objective.trim(part)) for part in self._parts(data)]
        return torch.cat(parts).numpy()

    def predict(self, examples: Examples, max_length: int | None = None) -> tuple[list[list[str]], np.ndarray]:
        """Greedy answers as lists of tokens, and the product of their tokens' probabilities, shape (n,).

        Args:
            examples: What to answer; targets are used for the longest length, and for places under ``positions``.
            max_length: Most tokens of an answer; by default ten more than the longest target here, end mark included.
        """
        objective, data = self._sequences(), self.encode(examples)
        longest = max_length or int((data["labels"] != 0).sum(1).max()) + 10
        self.model.eval()
        parts = [objective.decode(self.model, objective.trim(part), longest) for part in self._parts(data)]
        return [answer for answers, _ in parts for answer in answers], np.concatenate([sure for _, sure in parts])

    def final(self, split: str) -> float:
        """Accuracy on a set at the last evaluation, as a plain share (no interval: see ``accuracy`` for the rows)."""
        rows = self.history.filter(pl.col("split") == split)
        if rows.is_empty():
            raise BadInput(f"no set {split!r} was evaluated; the sets are {self.history['split'].unique().to_list()}.")
        return float(rows["accuracy"][-1])

    def _sequences(self) -> Sequences:
        if not isinstance(self.objective, Sequences):
            raise BadInput("this model was fitted to tensors and writes no tokens.")
        return self.objective

    def _parts(self, data: Batch) -> list[Batch]:
        n, size = len(data["labels"]), self.config.eval_batch_size
        return [{k: v[i : i + size] for k, v in data.items()} for i in range(0, n, size)]


def fit_sequences(
    model: nn.Module | Callable[[Vocabulary], nn.Module],
    train_on: Examples,
    evaluate: Mapping[str, Examples] | None = None,
    config: TrainConfig | None = None,
    generator: torch.Generator | None = None,
    *,
    layout: Layout | None = None,
    vocabulary: Vocabulary | None = None,
    separator: str = " ",
    checkpoint: str | Path | None = None,
    after_step: Callable[[int, nn.Module], None] | None = None,
) -> Fitted:
    """Train a token model on examples whose inputs and targets are text or lists of tokens.

    Args:
        model: A function from the vocabulary to a module (its weights are then drawn from ``generator``), or a module.
        train_on: What it learns from.
        evaluate: Named sets scored along the way (``{"seen": …, "unseen": …}``).
        config: Every number of the run.
        generator: Source of every draw: weights, order, dropout. Required.
        layout: seq2seq, lm or positions; by default what the model was built for (``model.layout``).
        vocabulary: Numbers of tokens; by default of all examples given, evaluated ones included.
        separator: How text falls into tokens: ``" "`` by white space, ``""`` by character.
        checkpoint: File to keep the run in and to go on from.
        after_step: Called after each update with (updates made, model).

    Raises:
        BadInput: No generator; no layout known; examples without target.
    """
    if generator is None:
        raise BadInput("fit_sequences needs a generator: pass unseen.engine.seeds.torch_generator(seed).")
    vocabulary = vocabulary or Vocabulary.of(train_on, *(evaluate or {}).values(), separator=separator)
    module = build(model, vocabulary, generator)
    layout = layout or layout_of(module)
    if layout is None:
        raise BadInput(
            f"{type(module).__name__} names no layout; pass layout='positions' (the input, then empty places where the "
            "answer is read), 'lm' (input and answer are one sequence, whose next token is predicted) or 'seq2seq' (reads "
            "the input, and is given the answer so far)."
        )
    objective = Sequences(vocabulary, layout)
    sets = {name: objective.encode(e) for name, e in (evaluate or {}).items()}
    return _finish(module, objective, objective.encode(train_on), sets, config, generator, checkpoint, after_step)


def fit_tensors(
    model: nn.Module | Callable[[], nn.Module],
    train_on: TensorData,
    evaluate: Mapping[str, TensorData] | None = None,
    config: TrainConfig | None = None,
    generator: torch.Generator | None = None,
    *,
    objective: Tensors | None = None,
    checkpoint: str | Path | None = None,
    after_step: Callable[[int, nn.Module], None] | None = None,
) -> Fitted:
    """Train a module on (inputs, target); inputs are one tensor or a tuple of them, in the order of its arguments.

    Args:
        model: A function that builds the module (weights drawn from ``generator``), or a module.
        train_on: Inputs (n, …) and target (n,) or (n, …).
        evaluate: Named sets scored along the way.
        config: Every number of the run; ``batch_size=None`` for the full batch.
        generator: Source of every draw. Required.
        objective: Classification by default; ``Tensors("regress")`` for numbers.
        checkpoint: File to keep the run in and to go on from.
        after_step: Called after each update with (updates made, model).

    Raises:
        BadInput: No generator; rows that do not match.
    """
    if generator is None:
        raise BadInput("fit_tensors needs a generator: pass unseen.engine.seeds.torch_generator(seed).")
    module = build(model, None, generator)
    sets = {name: tensor_batch(*data) for name, data in (evaluate or {}).items()}
    data = tensor_batch(*train_on)
    return _finish(module, objective or Tensors(), data, sets, config, generator, checkpoint, after_step)


def build(model: nn.Module | Callable[..., nn.Module], argument: Any, generator: torch.Generator) -> nn.Module:
    """The module itself, or what the function builds, its first weights drawn under a seed from the generator."""
    if isinstance(model, nn.Module):
        return model
    with seeded_torch(draw_seed(generator)):
        return model() if argument is None else model(argument)


def layout_of(module: nn.Module) -> Layout | None:
    """The layout that an architecture was built for: its ``layout``, else what its class shows; None where unknown."""
    named = cast("Layout | None", getattr(module, "layout", None))
    if named is not None:
        return named
    if hasattr(module, "encode") and hasattr(module, "decode"):
        return "seq2seq"
    if hasattr(module, "causal"):
        return "lm" if module.causal else "positions"
    return None


def _finish(
    module: nn.Module, objective: Sequences | Tensors, data: Batch, sets: Mapping[str, Batch], config: TrainConfig | None,
    generator: torch.Generator, checkpoint: str | Path | None, after_step: Callable[[int, nn.Module], None] | None,
) -> Fitted:  # fmt: skip
    config = config or TrainConfig()
    run: Run = train(
        module, objective, data, config, generator, evaluate=sets, checkpoint=checkpoint, after_step=after_step
    )
    return Fitted(module.eval(), run.table(), run.stopped, run.seconds, run.step, objective, config)
