"""Tables of predictions as scikit-learn names them: ``y_true`` with ``y_pred``, ``y_score`` or ``y_prob``; made into scores."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import value as shortened

TRUTH = "y_true"
LABEL = "y_pred"
PROBABILITY = ("y_prob", "y_proba", "y_score")
# Numbers of more values than these are quantities, not classes.
MOST_CLASSES = 50


def recipes(truth: str = TRUTH, label: str = LABEL) -> str:
    """How to make a score by oneself."""
    return (
        f"Make the score yourself, higher is better: for classes table['score'] = (table[{truth!r}] == table[{label!r}])"
        f".astype(float); for numbers table['score'] = -(table[{truth!r}] - table[{label!r}]).abs()"
    )


def beside_truth(columns: Collection[str]) -> list[str]:
    """The columns of predictions, where the right answers stand beside them.

    >>> beside_truth(["id", "y_true", "y_score"]), beside_truth(["id", "y_score"])
    (['y_score'], [])
    """
    return [c for c in (LABEL, *PROBABILITY) if c in columns] if TRUTH in columns else []


def refuse_as_score(column: str, columns: Collection[str]) -> None:
    """Refuse a prediction that is named as the score.

    Raises:
        BadInput: The column is one, and the right answer stands beside it.
    """
    if column in beside_truth(columns):
        raise BadInput(
            f"{column!r} is what the model predicted, not whether that is right. Leave --score out: the score is then made "
            f"from {TRUTH!r} and {column!r}."
        )


def scored_predictions(
    table: pl.DataFrame, *, confidence: bool, kept: Collection[str] = (), named: tuple[str, str] | None = None
) -> tuple[pl.DataFrame, str] | None:
    """A table with score, target, prediction and confidence in place of predictions; None where it holds none.

    The score is 1 where the prediction is right. A probability is that of class 1: it predicts 1 above 0.5, with
    confidence max(p, 1 − p); beside ``y_pred`` the confidence is the probability of what is predicted there.

    Args:
        table: A table without a score.
        confidence: Whether it has a confidence already.
        kept: Columns that also have another use, and stay.
        named: The user's columns of right answers and of predictions (classes, or the probability of class 1), which then
            hold both as texts; without them those of scikit-learn's names are looked for.

    Raises:
        BadInput: Whether a prediction is right can't be known from these columns; the message shows how to make a score.

    >>> table = pl.DataFrame({"y_true": [1, 0, 1], "y_score": [0.9, 0.7, 0.2]})
    >>> made, note = scored_predictions(table, confidence=False)
    >>> made["score"].to_list(), made["confidence"].round(1).to_list()
    ([1.0, 0.0, 0.0], [0.9, 0.7, 0.8])
    """
    right_one, answer = named or (TRUTH, LABEL)
    others = () if named else PROBABILITY
    there = [c for c in (answer, *others) if c in table.columns]
    if not there:
        return None
    if right_one not in table.columns:
        raise BadInput(
            f"no column 'score', and {there[0]!r} is a prediction, which is no score: add the right answers as {TRUTH!r}. "
            f"{recipes()}."
        )
    own = recipes(right_one, answer)
    if named:
        table = table.with_columns(_read(table[c]) for c in dict.fromkeys(named))
    truth, probability = table[right_one], next((c for c in others if c in table.columns), None)
    if truth.dtype.is_float() and (truth.drop_nans().drop_nulls().n_unique() > MOST_CLASSES or _between(truth)):
        raise BadInput(
            f"{right_one!r} holds numbers, not classes, so that no prediction is simply right or wrong. {own}."
        )
    if named and truth.dtype == pl.String and (many := truth.n_unique()) > MOST_CLASSES:
        raise BadInput(
            f"{right_one!r} holds {many:,} different texts, not classes: whether a free answer is right is for a scorer to say. "
            "Add a column of scores and name it with --score."
        )
    two = _zero_or_one(truth)
    p = None if probability is None or not two else _as_probability(table[probability])
    if answer in table.columns:
        label = table[answer]
        if two and not _zero_or_one(label) and _as_probability(label) is not None:
            p, probability = _as_probability(label), answer
        elif label.dtype.is_float() and _between(label):
            raise BadInput(
                f"{answer!r} holds numbers that are no classes of {right_one!r}; as probabilities they need classes 0 and 1. {own}."
            )
    if answer in table.columns and probability != answer:
        predicted, how = table[answer], f"1 where {answer!r} equals {right_one!r}"
        if named:
            _refuse_others(predicted, truth, answer, right_one)
    elif p is not None:
        predicted, how = (p > 0.5).cast(pl.Int64), f"1 where {probability!r} > 0.5 agrees with {right_one!r}"
    else:
        why = "the classes are not 0 and 1" if not two else "it holds values outside 0 … 1, or none"
        raise BadInput(
            f"{probability!r} can't be read as the probability of class 1 ({why}), so whether a prediction is right is not "
            f"known: add the predicted class as {LABEL!r}. {own}."
        )
    right = _same(predicted, truth).cast(pl.Float64)
    added = [right.alias("score")]
    if named or "target" not in table.columns:
        added.append(_text(truth).alias(right_one if named else "target"))
    if named or "prediction" not in table.columns:
        added.append(_text(predicted).alias(answer if named else "prediction"))
    note = f"Predictions were scored: {how}, else 0"
    if p is not None and not confidence:
        one = _text(predicted) == "1"
        sure = pl.select(pl.when(one).then(p).otherwise(1 - p)).to_series()
        added.append(sure.alias("confidence"))
        note += f"; the confidence is the probability of the predicted class by {probability!r}"
    gone = set[str]() if named else {TRUTH, *there} - set(kept)
    return table.with_columns(added).drop(gone), f"{note}."


def _read(column: pl.Series) -> pl.Series:
    """Texts that are numbers throughout, as numbers: files are read as texts where a column holds answers."""
    if column.dtype != pl.String:
        return column
    for text in (column.str.strip_chars(), column.str.strip_chars().str.replace(",", ".", literal=True)):
        numbers = text.cast(pl.Float64, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    return column


def _refuse_others(predicted: pl.Series, truth: pl.Series, answer: str, right_one: str) -> None:
    """Refuse predictions of which none is among the right answers: other words, or another column."""
    said, right = (_text(c).drop_nulls().unique().sort() for c in (predicted, truth))
    if len(said) and len(right) and not said.is_in(right.implode()).any():
        raise BadInput(
            f"no value of {answer!r} ({shortened(said[0])!r} …) is among the right answers in {right_one!r} "
            f"({', '.join(repr(shortened(r)) for r in right[:3])} …), so that nothing would be right. Write both in the same words."
        )


def _between(column: pl.Series) -> bool:
    """Whether a number lies between two integers."""
    return bool((column.drop_nulls().drop_nans() % 1 != 0).any())


def _zero_or_one(column: pl.Series) -> bool:
    if column.dtype == pl.Boolean:
        return True
    return column.dtype.is_numeric() and bool(
        column.cast(pl.Float64).fill_nan(None).drop_nulls().is_in([0.0, 1.0]).all()
    )


def _as_probability(column: pl.Series) -> pl.Series | None:
    """The column where all its values lie in 0 … 1, as a probability."""
    if not column.dtype.is_numeric():
        return None
    numbers = column.cast(pl.Float64).fill_nan(None)
    present = numbers.drop_nulls()
    return numbers if len(present) and bool(present.is_between(0, 1).all()) else None


def _text(column: pl.Series) -> pl.Series:
    """Classes as texts that are the same whether they were booleans, integers or floats."""
    if column.dtype == pl.Boolean:
        column = column.cast(pl.Int64)
    if column.dtype.is_float():
        column = column.fill_nan(None).cast(pl.Int64, strict=False)
    return column.cast(pl.String)


def _same(a: pl.Series, b: pl.Series) -> pl.Series:
    return _text(a) == _text(b)


__all__ = ["refuse_as_score", "scored_predictions"]
