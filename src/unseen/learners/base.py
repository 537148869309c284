"""What a learner is: it is fitted to examples and responds to others."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.responses import Responses


@runtime_checkable
class Learner(Protocol):
    """Fit to examples, then respond to examples.

    ``fit`` gives back the learner itself; all its randomness comes from ``rng``. ``respond`` gives one row an example:
    model, item, score (1 or 0 for a class; minus the absolute error for a number), prediction, target, confidence where
    the learner has one, and the factors of the examples.
    """

    def fit(self, examples: Examples, rng: np.random.Generator) -> Self:
        """Fit to inputs and targets."""
        ...

    def respond(self, examples: Examples) -> Responses:
        """Answer examples and score the answers."""
        ...


def responses_of(
    examples: Examples, *, model: str, prediction: np.ndarray, confidence: np.ndarray | None = None,
    score: np.ndarray | None = None,
) -> Responses:  # fmt: skip
    """The response table of predictions on examples.

    Args:
        examples: What was answered; with targets, the answers are scored.
        model: Name of the model.
        prediction: Shape (n,).
        confidence: Probability of the answer, shape (n,).
        score: Scores, shape (n,), where they are not exact match or minus the absolute error.

    Raises:
        BadInput: There is neither a target nor a score.
    """
    table = examples.table
    if examples.target is None and score is None:
        raise BadInput("these examples have no target: their answers can't be scored.")
    target = table[examples.target] if examples.target is not None else None
    if score is None and target is not None:
        numeric = np.issubdtype(np.asarray(prediction).dtype, np.floating) and target.dtype.is_float()
        truth = target.to_numpy()
        score = (
            -np.abs(truth - prediction)
            if numeric
            else (truth.astype(str) == np.asarray(prediction).astype(str)).astype(float)
        )
    columns: dict[str, pl.Series] = {
        "model": pl.Series([model] * len(examples)),
        "item": table["item"].cast(pl.String)
        if "item" in table.columns
        else pl.Series([str(i) for i in range(len(examples))]),
        "score": pl.Series(np.asarray(score, dtype=float)),
        "prediction": pl.Series(np.asarray(prediction).astype(str)),
    }
    if target is not None:
        columns["target"] = target.cast(pl.String, strict=False)
    if confidence is not None:
        columns["confidence"] = pl.Series(np.asarray(confidence, dtype=float))
    made = pl.DataFrame(columns).with_columns(table[name] for name in examples.factors if name not in columns)
    return Responses.of(made, kinds={name: f.kind for name, f in examples.factors.items() if name not in columns})
