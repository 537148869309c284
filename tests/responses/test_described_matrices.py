"""Which columns of a matrix are models and which describe the items; the same matrix as a frame; what pandas adds."""

import numpy as np
import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping
from unseen.responses.reading import columns_of, read

ROWS = 40


def column(rng, right, wrong):
    return np.where(rng.random(ROWS) < 0.6, right, wrong)


def matrix(flag="hard", words=("yes", "no"), flagged=("yes", "no"), more=("gpt-x", "claude-y"), **changes):
    rng = np.random.default_rng(0)
    columns = {"question": [f"what is {i}?" for i in range(ROWS)], flag: column(rng, *flagged)}
    columns |= {m: column(rng, *words) for m in more}
    return pl.DataFrame(columns | changes)


def read_csv(tmp_path, table, **said):
    path = tmp_path / "answers.csv"
    table.write_csv(path)
    return read(path, mapping=Mapping.of(**said))


@pytest.mark.parametrize("words", [("yes", "no"), ("PASS", "FAIL"), (1, 0), (True, False)])
@pytest.mark.parametrize("flagged", [("yes", "no"), (1, 0), (True, False)])
@pytest.mark.parametrize("flag", ["hard", "is_new", "Multi-hop", "needs calculator", "contaminated"])
def test_a_flag_with_a_name_of_items_describes_them_whatever_its_values(tmp_path, words, flagged, flag):
    found = read_csv(tmp_path, matrix(flag, words, flagged))
    assert found.models == ("claude-y", "gpt-x")
    assert flag in found.factors
    assert any(f"2 models (gpt-x, claude-y); {flag!r} describes the items" in note for note in found.notes)


def test_a_plain_name_among_names_of_models_is_a_model_and_doubted_aloud(tmp_path):
    """A baseline and a property look alike: the note lists the models and says how to name a factor, which then works."""
    table = matrix("curated_by_hand", (1, 0), (1, 0)).rename({"curated_by_hand": "baseline"})
    found = read_csv(tmp_path, table)
    assert found.models == ("baseline", "claude-y", "gpt-x")
    (note,) = (n for n in found.notes if "matrix" in n)
    assert "3 models (columns): baseline, gpt-x, claude-y" in note
    assert "If 'baseline' describes the items and is no model, name it as a factor: --factor baseline" in note
    assert read_csv(tmp_path, table, factors=["baseline"]).models == ("claude-y", "gpt-x")


def test_what_the_condition_names_is_no_model(tmp_path):
    found = read_csv(tmp_path, matrix("urgent"), unseen="urgent == 'yes'")
    assert found.models == ("claude-y", "gpt-x")


def test_models_that_bear_the_name_of_a_property_stay_models_where_nothing_else_is_left(tmp_path):
    found = read_csv(tmp_path, matrix("hard", (1, 0), (1, 0), more=("easy",)))
    assert found.models == ("easy", "hard")


@pytest.mark.parametrize("models", [("gpt-x",), ("gpt-x", "claude-y")])
def test_a_word_that_is_none_in_a_matrix_of_two_models_is_named(tmp_path, models):
    table = matrix("topic", ("PASS", "FAIL"), ("law", "art"))
    for m in models:
        table = table.with_columns(pl.when(pl.int_range(ROWS) == 7).then(pl.lit("ERROR")).otherwise(pl.col(m)).alias(m))
    for given in (table, table.drop("topic")):
        with pytest.raises(
            BadInput, match=r"column 'gpt-x', row 8: 'ERROR' is no word for right or wrong.*1 such row\)"
        ):
            read_csv(tmp_path, given)


def test_opinions_beside_one_column_of_scores_are_no_spoilt_matrix(tmp_path):
    """Most cells of two columns are yes or no, but the table is long: its scores stand in a column of their own."""
    rng = np.random.default_rng(1)
    opinions = {c: rng.choice(["yes", "no", "maybe"], ROWS) for c in ("reviewed", "urgent")}
    table = pl.DataFrame({"id": range(ROWS), **opinions, "result": column(rng, "pass", "fail")})
    found = read_csv(tmp_path, table)
    assert set(found.factors) == {"reviewed", "urgent"}
    assert found.table.height == ROWS


def test_a_frame_is_read_as_the_file_that_it_would_be(tmp_path):
    pandas = pytest.importorskip("pandas")
    table = matrix()
    wanted = read_csv(tmp_path, table).table.sort("model", "item")
    frames = [table, pandas.DataFrame(table.to_dict(as_series=False))]
    for frame in [*frames, frames[1].set_index("question")]:
        found = from_table(frame)
        assert found.table.sort("model", "item").select(wanted.columns).equals(wanted)


def long(rows=30):
    rng = np.random.default_rng(2)
    return {
        "model": ["a"] * rows + ["b"] * rows, "item": [f"q{i}" for i in range(rows)] * 2,
        "score": rng.integers(0, 2, 2 * rows), "digits": [i % 5 for i in range(rows)] * 2,
    }  # fmt: skip


def test_the_index_that_pandas_writes_beside_a_long_table_is_no_factor(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(long())
    for i, given in enumerate((frame, frame[frame.digits > 0], frame.sample(frac=1.0, random_state=0))):
        given.to_csv(tmp_path / f"{i}.csv")
        found = read(tmp_path / f"{i}.csv")
        assert set(found.factors) == {"digits"}
        assert any("numbers the rows, as pandas writes it, and was left out" in note for note in found.notes)
    again = pandas.read_csv(tmp_path / "0.csv")
    assert set(from_table(again).factors) == {"digits"}
    assert "Unnamed: 0" in from_table(again, Mapping.of(factors=["Unnamed: 0"])).factors


def test_an_index_that_is_named_in_the_condition_alone_becomes_a_column():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({**long(), "site": ["x", "y"] * 30})
    found = from_table(frame.set_index("digits"), Mapping.of(unseen="digits > 2"))
    assert found.table.filter(pl.col("split") == "unseen").height == 24
    both = from_table(frame.set_index(["digits", "site"]), Mapping.of(unseen="digits > 2 and site == 'x'"))
    assert set(both.factors) == {"digits", "site"}
    assert "digits" not in from_table(frame.set_index("digits")).factors


def test_what_was_taken_from_where_is_told_of_matrices_and_comparisons(tmp_path):
    """``--describe`` said: model from 'model', which no column was called."""
    path = tmp_path / "t.csv"

    def told(table):
        table.write_csv(path)
        return columns_of([path], read(path), Mapping())

    header = "model from the names of columns, item from 'question', score from the cells"
    assert told(matrix()) == header
    assert told(matrix("baseline", (1, 0), (1, 0))) == header
    pairs = {"model_a": ["x", "y"], "model_b": ["y", "x"], "preference": ["A", "B"]}
    assert told(pl.DataFrame(pairs)) == "model from 'model_a' and 'model_b', item from the row, score from 'preference'"
    pairs["prompt_id"] = ["p", "q"]
    assert "item from 'prompt_id'" in told(pl.DataFrame(pairs))


def test_an_index_that_a_shift_names_is_a_column_to_learn_from():
    pandas = pytest.importorskip("pandas")
    from unseen.api import learning_table

    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0, 1], "site": ["a", "b"], "ward": ["v", "w"]})
    indexed = frame.set_index(["site", "ward"])
    assert learning_table(indexed, ("y",), ["held-out site"]).columns == ["site", "x", "y"]
    assert learning_table(indexed, ("y", None, "ward"), ["label-noise 0.2"]).columns == ["ward", "x", "y"]
    assert learning_table(indexed, ("y",), ["held-out sites"]).columns == ["x", "y"]


# Which columns → the line of the first screen, or "" where nothing is in doubt.
FIRST_SCREEN = {
    "a plain word among models": (
        {"gpt-x": (1, 0), "claude-y": (1, 0), "baseline": (1, 0)},
        "read as models: gpt-x, claude-y, baseline. If baseline describes the items: --factor baseline",
    ),
    "two pairs of words, equally often": (
        {"amber": ("yes", "no"), "birch": ("yes", "no"), "cedar": ("pass", "fail"), "dune": ("pass", "fail")},
        "read as models: amber, birch, cedar, dune. If one of these describes the items: --factor cedar",
    ),
    "words beside a number": (
        {"amber": (1, 0), "birch": ("yes", "no")},
        "read as models: amber, birch. If birch describes the items: --score amber --model amber",
    ),
    "names of models alone": ({"gpt-x": (1, 0), "claude-y": (1, 0)}, ""),
    "plain words alone": ({"amber": (1, 0), "birch": (1, 0), "cedar": (1, 0)}, ""),
    "a pair of words that is rarer": ({"amber": ("yes", "no"), "birch": ("yes", "no"), "cedar": ("pass", "fail")}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", FIRST_SCREEN)
def test_what_may_be_no_model_stands_on_the_first_screen_of_every_format_and_only_then(tmp_path, case):
    import unseen
    from unseen.faces import terminal

    columns, wanted = FIRST_SCREEN[case]
    rng = np.random.default_rng(3)
    table = pl.DataFrame(
        {"question": [f"q{i}" for i in range(ROWS)]} | {n: column(rng, *c) for n, c in columns.items()}
    )
    table.write_csv(tmp_path / "answers.csv")
    with terminal():
        audit = unseen.audit(tmp_path / "answers.csv", select="U001")
        shown = {"text": str(audit), "html": audit._rendered("html"), "markdown": audit.to_markdown()}
        assert audit.document["responses"].get("doubts", []) == ([wanted] if wanted else [])
    for form, text in shown.items():
        assert wanted in " ".join(text.split()), form
        assert wanted or "read as models" not in text, form
    if wanted:
        # What the line says to do settles it.
        words = iter(wanted.partition(" items: ")[2].split())
        said = {"factors" if w == "--factor" else w.removeprefix("--"): next(words) for w in words}
        again = unseen.read(tmp_path / "answers.csv", **said)
        other = said.get("factors", "birch")
        assert other in again.factors
        assert other not in again.models
        assert not unseen.audit(again, select="U001").document["responses"].get("doubts")


def test_rows_that_may_be_items_are_doubted_on_the_first_screen(tmp_path):
    from unseen.responses.notes import doubts_of

    rows = ["1,0,1", "0,0,1", "1,1,0"] * 10
    for head, text in (("", "{}"), ("name,a,b,c\n", "r{0},{1}")):
        (tmp_path / "x.csv").write_text(
            head + "".join((text.format(k, r) if head else r) + "\n" for k, r in enumerate(rows))
        )
        (doubt,) = doubts_of(read(tmp_path / "x.csv").notes)
        assert doubt.startswith("read as models: the 30 rows; as items: ")
        assert "If the rows are items: " in doubt
