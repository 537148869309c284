"""What a learner is: it is fitted to examples and responds to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.responses import Responses

# Probabilities that miss their range or their sum by no more are rounded, not wrong (float16 networks).
ROUNDING = 1e-6
SUM_ROUNDING = 1e-2


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


def checked_probabilities(given: np.ndarray, rows: int, classes: int) -> np.ndarray:
    """Probabilities as they must be, rounding taken off.

    Args:
        given: What a learner says, to be of shape (rows, classes).
        rows: Examples that were answered.
        classes: Classes that the learner knows.

    Raises:
        BadInput: The shape is another, a value is no number or lies outside 0 … 1, or a row does not add up to 1.

    >>> checked_probabilities(np.array([[0.25, 0.75]]), 1, 2).tolist()
    [[0.25, 0.75]]
    """
    values = np.asarray(given, dtype=np.float64)
    if values.shape != (rows, classes):
        raise BadInput(
            f"probabilities have the shape {values.shape}; {rows:,} rows of {classes} classes need {(rows, classes)}."
        )
    for wrong, what in (
        (~np.isfinite(values), "are no finite number"),
        ((values < -ROUNDING) | (values > 1 + ROUNDING), "lie outside 0 to 1"),
        (np.abs(values.sum(1, keepdims=True) - 1) > SUM_ROUNDING, "do not add up to 1"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong.any(axis=1))[0])
            shown = ", ".join(f"{v:.4g}" for v in values[row, :5])
            raise BadInput(
                f"probabilities of {int(wrong.any(axis=1).sum()):,} of {rows:,} rows {what} (row {row}: {shown})."
            )
    return np.clip(values, 0.0, 1.0)


def require_classes(given: Sequence[str], known: Sequence[str]) -> None:
    """Refuse predictions that are no class of the target.

    Raises:
        BadInput: One is not; the message names up to five.

    >>> require_classes(["a", "b"], ["a", "b", "c"])
    """
    strange = sorted(set(given) - set(known))
    if strange:
        listed = ", ".join(repr(v)[:60] for v in strange[:5]) + (" …" if len(strange) > 5 else "")
        raise BadInput(f"predictions are no class of the target: {listed}. Its classes are {', '.join(known[:5])}.")


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
