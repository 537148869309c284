"""Estimators that read columns by name get the data frame that their users fit them to: its columns and types as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.learners.answered import parts_of
from unseen.learners.preprocessing import input_table

# Transformers that pick columns of a data frame.
PICKERS = ("ColumnTransformer", "TableVectorizer")


@dataclass(frozen=True)
class Frames:
    """How columns are handed to an estimator.

    Attributes:
        pandas: As a frame of pandas, which most code is written for; else of polars.
    """

    pandas: bool

    def of(self, examples: Examples) -> Any:
        """The inputs as they are, as a frame that may be changed; columns of arrays and lists are turned into numbers and text."""
        table = examples.table.select(examples.inputs)
        given = input_table(examples) if any(dtype.is_nested() for dtype in table.dtypes) else table
        if not self.pandas or not isinstance(given, pl.DataFrame):
            return given
        frame = given.to_pandas()
        # A missing text is NaN in a frame that pandas has read, and imputers look for that.
        texts = [c for c in given.columns if given.schema[c] == pl.String and given[c].null_count()]
        for name in texts:
            frame[name] = frame[name].astype(object).where(frame[name].notna(), np.nan)
        return frame


def reads_frames(model: Any) -> bool:
    """Whether transformers of columns stand in an estimator: first in a pipeline, in a pipeline within, or in what a search fits.

    >>> from sklearn.compose import ColumnTransformer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(ColumnTransformer([("all", "passthrough", ["x"])]), LogisticRegression())
    >>> reads_frames(GridSearchCV(pipeline, {})), reads_frames(LogisticRegression())
    (True, False)
    """
    return any(type(part).__name__ in PICKERS for part in parts_of(model))


def fresh(estimator: Any) -> Any:
    """An unfitted copy: by scikit-learn's rule, or a deep copy of any object with fit and predict."""
    import copy

    from sklearn.base import clone

    return clone(estimator) if hasattr(estimator, "get_params") else copy.deepcopy(estimator)


def fit(model: Any, x: Any, y: np.ndarray, weights: np.ndarray | None) -> Any:
    """The fitted estimator, also of one whose ``fit`` gives nothing back."""
    fitted = model.fit(x, y) if weights is None else model.fit(x, y, sample_weight=weights)
    return model if fitted is None else fitted


def fitted_to_frames(
    model: Any, examples: Examples, y: np.ndarray, weights: np.ndarray | None
) -> tuple[Frames, Any]:  # fmt: skip
    """The estimator fitted to a frame of pandas, or, where that fails, to one of polars; and which it was.

    Args:
        model: Unfitted.
        examples: With their inputs.
        y: Target, shape (n,).
        weights: Of the rows, shape (n,), or None.
    """
    failed: Exception | None = None
    for frames in (Frames(pandas=True), Frames(pandas=False)):
        try:
            return frames, fit(fresh(model), frames.of(examples), y, weights)
        except Exception as error:
            # Without pandas (or pyarrow, which makes its frames) the other kind is the only one.
            failed = failed if failed is not None or isinstance(error, ImportError) else error
            last = error
    raise failed or last  # type: ignore[possibly-undefined]


__all__ = ["Frames", "fit", "fitted_to_frames", "fresh", "reads_frames"]
