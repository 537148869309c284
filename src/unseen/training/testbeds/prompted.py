"""Decoder Transformers on generated tasks: trained at short lengths, scored by exact answers at longer ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from unseen.data import Examples
from unseen.engine.seeds import numpy_generator
from unseen.learners.architectures.attention import Position
from unseen.learners.architectures.transformer import Transformer
from unseen.tasks.base import Task
from unseen.training.config import TrainConfig
from unseen.training.fitting import Fitted, fit_sequences
from unseen.training.vocabulary import Vocabulary


def items(task: Task, n: int, seed: int, **options: Any) -> Examples:
    """N items of a task from a seed, repeats allowed, so that short lengths with few items do not run out."""
    rng = numpy_generator(seed, "items", task.name, repr(sorted(options.items())))
    return task.to_examples([task.draw(int(x), **options) for x in rng.integers(0, 2**62, n)], form="tokens")


def fit_decoder(
    train_on: Examples,
    evaluate: Mapping[str, Examples],
    config: TrainConfig,
    generator: torch.Generator,
    *,
    width: int = 48,
    layers: int = 2,
    heads: int = 4,
    position: Position = "random-offset",
) -> Fitted:
    """Train a decoder Transformer on continuations; positions reach as far as the longest evaluated sequence.

    Args:
        train_on: What it learns from.
        evaluate: Named sets, scored by exact answers.
        config: Settings.
        generator: Source of every draw.
        width: Model width.
        layers: Depth.
        heads: Attention heads.
        position: How positions are told; random offsets train those beyond the training length.
    """
    sets = [train_on, *evaluate.values()]
    # Begin mark, question mark and end mark.
    longest = 3 + max(len(x) + len(y) for e in sets for x, y in e.table.select("input", "target").iter_rows())

    def model(vocabulary: Vocabulary) -> Transformer:
        return Transformer(len(vocabulary), width, layers, heads, position=position, longest=longest)

    vocabulary = Vocabulary.of(*sets)
    return fit_sequences(model, train_on, evaluate, config, generator, layout="lm", vocabulary=vocabulary)
