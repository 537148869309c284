"""What was read one way and may be the other stands on the first screen of every form, in one line."""

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.errors import BadInput
from unseen.faces import terminal


def table(**columns) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    n = 240
    own = {name: [levels[k % len(levels)] for k in range(n)] for name, levels in columns.items()}
    score = [None if k % 20 == 0 else int(v) for k, v in enumerate(rng.integers(0, 2, n))]
    return pl.DataFrame({"model": "m", "item": [f"i{k}" for k in range(n)], "score": score, **own})


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        (["0,5", "1,5", "2,5"], ["steps read as text (numbers like '0,5')"]),
        (["1", "2", "3", "4", "many"], ["steps read as text (numbers but for 'many')"]),
        (["10%", "20%", "30%"], ["steps read as text (numbers like '10%')"]),
        # Names with numbers in them, two levels, and half of them words, are what they are.
        (["4 digits", "5 digits", "6 digits"], []),
        (["0", "5"], []),
        (["1", "2", "three", "four"], []),
        ([1, 2, 3], []),
    ],
)
def test_numbers_that_are_read_as_texts_are_told(levels, wanted):
    assert unseen.audit(table(steps=levels), select="U001").document["responses"].get("doubts", []) == wanted


def test_a_column_that_the_user_set_is_in_no_doubt():
    given = table(steps=["1", "2", "3", "4", "many"])
    assert "doubts" not in unseen.audit(given, select="U001", factors=["steps:categorical"]).document["responses"]


def test_doubts_and_missing_scores_stand_on_the_first_screen_of_every_form():
    odd = {name: ["0,5", "1,5", "2,5"] for name in ("a", "b", "c", "d")}
    with terminal():
        audit = unseen.audit(table(**odd), select=["U001", "U102"])
        shown = {
            "text": str(audit), "html": audit._rendered("html"), "markdown": audit.to_markdown(), "notebook": audit._repr_html_(),
        }  # fmt: skip
    for form, text in shown.items():
        line = " ".join(text.replace("&#39;", "'").split())
        assert "read with 4 doubts: a read as text (numbers like '0,5') · b read" in line, form
        assert "· 1 more (all: --describe)" in line, form
        assert "240 answers of 1 model to 240 items, 12 without a score" in line, form
    assert len(shown["text"].splitlines()) <= 23


def test_all_columns_that_are_missing_are_named_at_once():
    own = pl.DataFrame({"subject": ["p1"], "system": ["a"], "percent": [70.0]})
    with terminal(), pytest.raises(BadInput) as told:
        unseen.audit(own)
    for name, option in (("item", "--item-column"), ("score", "--score"), ("model", "--model-column")):
        assert f"'{name}'" in str(told.value)
        assert option in str(told.value)


@pytest.mark.parametrize(
    ("unread", "said"),
    [
        (0, ""), (2, ""), (60, "25 % of the answers could not be read and count as wrong (column raw_answer)"),
        (144, "60 % of the answers could not be read and count as wrong: scores tell of the reading, not of the model"),
    ],
)  # fmt: skip
def test_answers_that_could_not_be_read_stand_on_the_first_screen_where_they_are_many(unread, said):
    """They count as wrong, so that a model may look worse than it is; two of 240 change nothing to speak of."""
    given = table(steps=["1", "2"]).with_columns(pl.Series("unparsable", [k < unread for k in range(240)]))
    with terminal():
        shown = " ".join(str(unseen.audit(given, select=["U001"])).split())
    assert said in shown
    assert shown.count("could not be read") == bool(said)
    assert shown.startswith("60 %") == (unread == 144)
