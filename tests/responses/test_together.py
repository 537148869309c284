"""Data frames by the names of their models, or in a list, are one set of answers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import unseen
from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.together import is_several, together


def answers(seed=0, items=40, **more):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "item": [f"q{i}" for i in range(items)],
            "score": rng.random(items).round(),
            "length": np.arange(items),
            **more,
        }
    )


def test_frames_under_the_names_of_their_models_are_told_apart():
    made = together({"small": answers(0), "large": answers(1).to_pandas()}, Mapping.of(unseen="length > 20"))
    assert made.models == ("large", "small")
    assert made.n_items == 40
    for name, seed in (("small", 0), ("large", 1)):
        own = made.table.filter(pl.col("model") == name).sort("length")
        assert own["score"].to_list() == answers(seed)["score"].to_list()
        assert (own["split"] == "unseen").to_list() == (own["length"] > 20).to_list()


def test_a_list_of_frames_that_name_their_models_reads_as_one_table():
    one, two = answers(0, model="a"), answers(1, model="b")
    apart, whole = (
        unseen.audit([one, two], unseen="length > 20"),
        unseen.audit(pl.concat([one, two]), unseen="length > 20"),
    )
    assert [str(o.estimate) for o in apart.result.outcomes] == [str(o.estimate) for o in whole.result.outcomes]


def test_columns_of_the_users_names_and_frames_of_several_libraries():
    frame = answers().rename({"item": "id", "score": "ok"})
    audit = unseen.audit(
        {"x": frame, "y": frame.to_pandas(), "z": frame.to_arrow()}, item_column="id", score="ok", select="U0"
    )
    assert audit.document["responses"]["models"] == ["x", "y", "z"]
    assert audit.document["sources"] == ["x", "y", "z"]


def test_a_dictionary_of_columns_is_one_table_as_before():
    columns = answers().to_dict(as_series=False)
    assert not is_several(columns)
    assert not is_several([])
    assert not is_several([{"item": 1}])
    assert unseen.audit(columns, select="U0").document["responses"]["items"] == 40


def test_one_frame_in_a_list_needs_no_name():
    assert unseen.audit([answers()], select="U0").document["responses"]["items"] == 40


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([answers(0), answers(1)], "Give them by name"),
        ({"a": answers(), "b": answers().drop("score")}, "b: no column 'score'"),
        ([answers(0, model="a"), answers(1, model="a")], "table 1 and table 2 disagree on item 'q"),
        ({"a": answers(), 2: answers()}, "'2' names no model"),
        ({"a": answers(), " ": answers()}, "names no model"),
        ({"a": answers(model=["x", "y"] * 20)}, "a: model='a' names one model, but the column 'model' already holds 2"),
    ],
)  # fmt: skip
def test_what_can_not_be_put_together_is_one_sentence(given, said):
    with pytest.raises(BadInput) as caught:
        unseen.audit(given)
    assert said in str(caught.value)


def test_versions_of_a_model_are_compared_by_name():
    assert "q0" not in str(unseen.compare({"m": answers(0)}, {"m": pd.DataFrame(answers(1).to_dict(as_series=False))}))
