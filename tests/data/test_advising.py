"""The Advising questions: counts of the source, and slots that the question fills."""

import json

import pytest

from unseen.data.advising import advising, written_out
from unseen.learners.template_slots import SLOT, fillers
from unseen.measures.structure.query_redundancy import redundancy, seen_before

ROWS = advising()


def test_counts_are_those_of_the_file_of_the_source():
    found = redundancy([str(q) for q in ROWS["query"]])
    # Sentences and entries of data/advising.json, and its division by queries.
    assert (found.questions, found.queries) == (4387, 205)
    assert dict(ROWS["query_split"].value_counts().iter_rows()) == {"train": 2040, "dev": 515, "test": 1832}


def test_the_authors_question_split_repeats_queries_and_their_query_split_does_not():
    for column, expected in (("question_split", 1.0), ("query_split", 0.0)):
        sides = {k[0]: [str(q) for q in v["query"]] for k, v in ROWS.group_by(column)}
        known = seen_before(sides["train"] + sides["dev"], sides["test"])
        assert known.value == pytest.approx(expected, abs=0.03)


def test_every_slot_of_a_query_is_named_in_its_question_and_filled_by_it():
    for row in ROWS.iter_rows(named=True):
        values, template = json.loads(row["values"]), row["template"].split()
        assert set(values) <= set(row["question"].split())
        assert {t for t in template if SLOT.fullmatch(t)} <= set(values)
        question, query = written_out(row, one_word=True)
        back = fillers(row["template"], query)
        # What fills a slot stands in the question, so that nobody has to guess.
        assert set(back) <= set(question)


def test_shorter_queries_are_a_part_of_all():
    short = advising(40)
    assert 0 < len(short) < len(ROWS)
    assert max(len(t.split()) for t in short["template"]) == 40
