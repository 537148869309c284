"""A human's scores beside a judge's: on the same scale, on some rows."""

import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping


def judged(human, score=(1, 0, 1, 1)):
    return pl.DataFrame({"model": ["m"] * 4, "item": list("abcd"), "score": score, "label": human})


def test_human_scores_are_a_role_and_no_factor():
    responses = from_table(judged([1, None, 0, None]), Mapping.of(human="label"))
    assert responses.column("human_score").tolist()[::2] == [1.0, 0.0]
    assert "human_score" not in responses.factors
    assert "label" not in responses.factors


def test_human_scores_of_a_loss_are_losses():
    responses = from_table(
        judged([0.5, None, 1.0, None], (0.4, 0.3, 0.9, 2.0)), Mapping.of(score="-score", human="label")
    )
    assert responses.column("human_score").tolist()[::2] == [-0.5, -1.0]


def test_human_scores_on_another_scale_are_told_with_row_and_value():
    with pytest.raises(
        BadInput, match=r"--human: row 3 holds 5, outside the range 0 … 1 of the judge's score \(1 such rows\)"
    ):
        from_table(judged([1, None, 5, None]), Mapping.of(human="label"))
    assert len(from_table(judged([1, None, 5, None]), Mapping.of(human="label", score_range="0:10"))) == 4


def test_a_column_without_a_human_score_is_refused():
    with pytest.raises(BadInput, match="--human: the column holds no number at all, every row is missing"):
        from_table(judged([None] * 4), Mapping.of(human="label"))


def test_text_and_unknown_columns_are_told():
    with pytest.raises(BadInput, match="'good' is not a number"):
        from_table(judged(["good", None, None, None]), Mapping.of(human="label"))
    with pytest.raises(BadInput, match="--human"):
        from_table(judged([1, 1, 1, 1]), Mapping.of(human="lable"))
