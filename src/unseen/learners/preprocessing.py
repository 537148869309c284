"""Turns input columns of any type into numbers: what stands in front of every learner of tables."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import polars as pl
import polars.selectors as cs

from unseen.data import Examples
from unseen.errors import BadInput

TextKind = Literal["ngrams", "sentences"]
# Columns of text with more levels than this are encoded by their mean target, not by one column a level.
MANY_LEVELS = 40
# Text that differs in more than this share of the rows, or that has this many words, is read as text, not as a category.
FREE_SHARE, FREE_WORDS = 0.2, 3.0
MISSING = "(missing)"
HASHED = 2**10


def input_table(examples: Examples) -> Any:
    """The inputs as a learner takes them: an array (n, features) for one column of fixed shape, else a data frame.

    Lists become text, booleans numbers, times the days since 1970 with month, weekday and hour beside them.

    >>> frame = pl.DataFrame({"a": [1, 2], "late": [True, None], "y": [0, 1]})
    >>> input_table(Examples(frame, ("a", "late"), "y"))["late"].to_list()
    [1.0, None]
    """
    table = examples.table.select(examples.inputs)
    if all(dtype.is_numeric() for dtype in table.dtypes):
        return table
    if len(examples.inputs) == 1 and isinstance(table.dtypes[0], pl.Array):
        return table[examples.inputs[0]].to_numpy().reshape(table.height, -1)
    for name in [c for c in table.columns if isinstance(table.schema[c], pl.Array)]:
        flat = table[name].to_numpy().reshape(table.height, -1)
        table = table.drop(name).hstack(pl.DataFrame(flat, schema=[f"{name}_{i}" for i in range(flat.shape[1])]))
    for name in table.select(cs.temporal() - cs.duration() - cs.time()).columns:
        table = table.with_columns(*_of_time(name, table.schema[name])).drop(name)
    return table.with_columns(
        (cs.duration().dt.total_seconds()).cast(pl.Float64),
        cs.boolean().cast(pl.Float64),
        *(pl.col(c).cast(pl.List(pl.String)).list.join(" ") for c, t in table.schema.items() if isinstance(t, pl.List)),
        *(pl.col(c).cast(pl.String) for c, t in table.schema.items() if t in (pl.Categorical, pl.Enum)),
    ).with_columns(cs.string().fill_null(MISSING))


def _of_time(name: str, dtype: pl.DataType) -> list[pl.Expr]:
    column = pl.col(name)
    parts = [
        (column.cast(pl.Datetime("us")).dt.timestamp("us") / 86_400e6).alias(f"{name} [days]"),
        column.dt.month().cast(pl.Float64).alias(f"{name} month"),
        column.dt.weekday().cast(pl.Float64).alias(f"{name} weekday"),
    ]
    return [*parts, *([column.dt.hour().cast(pl.Float64).alias(f"{name} hour")] if dtype != pl.Date else [])]


def is_text(column: pl.Series) -> bool:
    """Whether a column holds text to read (sentences), rather than names of groups."""
    distinct = column.n_unique()
    if distinct <= max(50, FREE_SHARE * len(column)):
        return False
    words = column.head(1000).str.count_matches(r"\S+").mean()
    return (isinstance(words, float) and words >= FREE_WORDS) or distinct > 0.5 * len(column)


class Numbers:
    """What ``preprocessing`` is for a table of numbers alone: the same to the last bit, without the machinery of columns.

    Args:
        scale: Whether numbers are standardised and missing ones take the median; else they stay as they are.
    """

    def __init__(self, *, scale: bool) -> None:
        self.scale = scale
        self._median = self._mean = self._spread = np.zeros(0)

    def fit(self, x: pl.DataFrame, y: object = None) -> Numbers:
        """Keep medians, means and deviations."""
        self.fit_transform(x, y)
        return self

    def fit_transform(self, x: pl.DataFrame, y: object = None) -> np.ndarray:
        """Fit, and the matrix, shape (n, columns)."""
        from sklearn.preprocessing import StandardScaler

        values = _matrix(x)
        if not self.scale:
            return values
        known = ~np.isnan(values).all(0)
        self._median = np.zeros(values.shape[1], values.dtype)
        self._median[known] = np.nanmedian(values[:, known], 0)
        scaler: Any = StandardScaler().fit(self._filled(values))
        self._mean, self._spread = scaler.mean_, scaler.scale_
        return self.transform(x)

    def transform(self, x: pl.DataFrame) -> np.ndarray:
        """The matrix, shape (n, columns).

        Raises:
            BadInput: A number is infinite.
        """
        values = _matrix(x)
        if not self.scale:
            return values
        filled = self._filled(values)
        filled -= self._mean
        filled /= self._spread
        return filled

    def _filled(self, values: np.ndarray) -> np.ndarray:
        filled = np.where(np.isnan(values), self._median, values)
        if np.isinf(filled).any():
            raise BadInput("the inputs hold infinite numbers: replace them by missing ones or by a bound.")
        return filled


def _matrix(x: pl.DataFrame) -> np.ndarray:
    values = x.to_numpy()
    # The order in memory decides the last bit of a sum; this is the one that scikit-learn's imputer makes.
    return values.astype(np.float64, order="C" if values.dtype == np.float32 else "K", copy=False)


def preprocessing(examples: Examples, *, trees: bool = False, text: TextKind = "ngrams") -> Any:
    """An unfitted transformer of ``input_table`` into a matrix of floats.

    Numbers are standardised and missing ones take the median; categories get one column a level, or their mean target
    (cross-fitted) above ``MANY_LEVELS``; text becomes hashed n-grams of words. Categories unseen at fit time are all
    zeros, or the overall mean.

    Args:
        examples: To see names and types of the inputs.
        trees: For histogram trees, which need no scaling and take missing numbers and coded categories as they are.
        text: How text is read: hashed n-grams, or sentence embeddings (extra ``sentences``).

    Raises:
        MissingExtra: Embeddings are asked for, and the extra is not installed (when fitted).
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import (
        FunctionTransformer,
        OneHotEncoder,
        OrdinalEncoder,
        StandardScaler,
        TargetEncoder,
    )

    x = input_table(examples)
    if isinstance(x, np.ndarray):
        return FunctionTransformer()
    numbers = [c for c in x.columns if x.schema[c].is_numeric()]
    if len(numbers) == len(x.columns):
        return Numbers(scale=not trees)
    free = [c for c in x.columns if c not in numbers and is_text(x[c])]
    named = [c for c in x.columns if c not in numbers and c not in free]
    many = [c for c in named if x[c].n_unique() > MANY_LEVELS]
    few = [c for c in named if c not in many]
    steps: list[tuple[str, Any, Any]] = []
    if numbers:
        scaled = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
        steps.append(("numbers", "passthrough" if trees else scaled, numbers))
    if few:
        one_hot: Any = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        steps.append(("categories", ordinal if trees else one_hot, few))
    if many:
        encoder: Any = TargetEncoder(**_cross_fitting())
        steps.append(("levels", encoder if trees else make_pipeline(encoder, StandardScaler()), many))
    for column in free:
        if text == "sentences":
            from unseen.learners.embeddings import SentenceEmbeddings

            steps.append((f"text {column}", SentenceEmbeddings(), column))
            continue
        hashed = make_pipeline(
            HashingVectorizer(n_features=HASHED, ngram_range=(1, 2), token_pattern=r"\S+"),  # noqa: S106
            FunctionTransformer(_dense, accept_sparse=True),
        )
        steps.append((f"text {column}", hashed, column))
    return ColumnTransformer(steps, sparse_threshold=0.0)


def _cross_fitting() -> dict[str, Any]:
    """How folds are drawn by a seed; scikit-learn 1.9 moved it into the splitter."""
    import sklearn
    from sklearn.model_selection import KFold

    if tuple(int(v) for v in sklearn.__version__.split(".")[:2]) < (1, 9):
        return {"random_state": 0}
    return {"cv": KFold(5, shuffle=True, random_state=0)}


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray().astype(np.float32)
