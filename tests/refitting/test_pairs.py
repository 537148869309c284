"""``(X, y)`` in place of a table."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import unseen
from unseen.errors import BadInput
from unseen.refitting.pairs import with_target

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = (X[:, 0] + RNG.normal(size=200) > 0).astype(int)


def audited(given, **settings):
    return unseen.audit(
        given, learner=LogisticRegression(), unseen="x0 > 1", refits=1, progress=False, select="U801", **settings
    )


def test_a_pair_is_audited_like_the_table_that_it_makes():
    table = pl.DataFrame({"x0": X[:, 0], "x1": X[:, 1], "x2": X[:, 2], "target": Y})
    assert audited((X, Y)).document["findings"] == audited(table, target="target").document["findings"]


@pytest.mark.parametrize(
    "labels",
    [pd.Series(Y, name="sick", index=range(7, 207)), pl.Series("sick", Y), pd.Series(Y, name="sick").to_frame()],
)
def test_a_frame_keeps_its_columns_and_labels_their_name(labels):
    made, target = with_target((pd.DataFrame(X, columns=["a", "b", "c"]), labels), None)
    assert made.columns == ["a", "b", "c", "sick"]
    assert target == "sick"
    assert made["sick"].to_list() == Y.tolist()


def test_what_is_no_pair_stays_as_it_is():
    table = pl.DataFrame({"a": [1]})
    assert with_target(table, "a") == (table, "a")


@pytest.mark.parametrize(
    ("given", "settings", "told"),
    [
        ((X, Y[:5]), {}, "X has 200 rows, y the shape"),
        ((X[0], Y), {}, "the shape \\(rows, columns\\)"),
        ((X, Y), {"target": "x1"}, "a column 'x1' already"),
        (X, {"target": "y"}, "got an array without its targets"),
    ],
)
def test_a_pair_that_does_not_fit_is_told(given, settings, told):
    with pytest.raises(BadInput, match=told):
        audited(given, **settings)


def test_a_pair_without_a_learner_is_told_what_it_lacks():
    with pytest.raises(BadInput, match="say what learns"):
        unseen.audit((X, Y))


def test_a_remedy_is_tried_on_a_pair():
    found = unseen.improve(
        (X, np.where(Y > 0, "yes", "no")), learner=LogisticRegression(), shifts="beyond x0", remedies=["regularised"],
        seeds=1, progress=False,
    )  # fmt: skip
    assert found.document["target"] == "target"
    assert found.document["inputs"] == ["x0", "x1", "x2"]
    assert [family["family"] for family in found.document["families"]] == ["beyond x0"]
