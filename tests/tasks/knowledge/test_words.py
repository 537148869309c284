"""Word problems: their text says what their graph holds, each step is needed, and parts add up to the whole."""

from __future__ import annotations

import re
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen import tasks
from unseen.tasks.knowledge.word_templates import ASK, JOINT, PEOPLE, SENTENCES, THINGS, WORDINGS, read, sentence
from unseen.tasks.knowledge.words import LANGUAGES, ORDERS, POINTS, step_values

TASK = tasks.load("word-problems")


def solved(text: str, language: str) -> str:
    e = TASK.draw(0, language=language)
    return TASK.oracle(type(e)(e.item, text, e.target, e.factors))


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**62), st.sampled_from(LANGUAGES), st.integers(1, 8), st.integers(0, 3))
def test_reading_the_text_gives_the_answer_of_the_graph(seed, language, steps, distractors):
    e = TASK.draw(seed, language=language, steps=steps, distractors=distractors)
    assert TASK.oracle(e) == e.target
    assert e.factors["steps"] == steps == len(step_values(e))
    assert e.factors["difficulty"] >= steps
    assert min(step_values(e)) >= 2
    assert max(step_values(e)) <= e.factors["largest"] <= 5000


def test_the_longest_problem_has_a_person_for_each_number():
    # A beginning, and at most a given number and a result a step.
    most = 1 + 2 * TASK.limits["steps"][1] + TASK.limits["distractors"][1]
    for language in LANGUAGES:
        assert len(set(PEOPLE[language])) >= most
    assert TASK.draw(2366176, steps=8, distractors=2).factors["steps"] == 8


def test_no_sentence_can_be_left_out_but_those_that_distract():
    for seed in range(60):
        e = TASK.draw(seed, steps=(1, 5), distractors=2)
        told = re.split(r"(?<=[.?])\s", str(e.input).removesuffix(ASK["english"]).strip())
        spare = 0
        for i in range(len(told) - 1):
            spare += solved(" ".join(told[:i] + told[i + 1 :]), "english") == e.target
        # Both distractors rest on the problem alone, so that each can go; no other sentence can.
        assert spare == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_parts_are_the_steps_with_what_they_need_given(language):
    for seed in range(60):
        e = TASK.draw(seed, language=language, steps=(1, 5))
        parts = TASK.parts(e)
        assert len(parts) == (e.factors["steps"] if e.factors["steps"] > 1 else 0)
        assert [int(p.target) for p in parts] == (step_values(e) if parts else [])
        for i, part in enumerate(parts, 1):
            assert TASK.oracle(part) == part.target
            assert (part.factors["steps"], part.factors["part"]) == (1, f"step {i}")
            assert [part.factors[f] for f in ("order", "wording", "language")] == [
                e.factors[f] for f in ("order", "wording", "language")
            ]
        assert sum(p.factors["difficulty"] for p in parts) in (0, e.factors["difficulty"])


def test_a_sample_with_parts_names_the_problem_of_each_part():
    table = TASK.sample_with_parts(30, 0, steps=(1, 4)).table
    assert table["item"].n_unique() == table.height
    wholes = table.filter(table["parent"].is_null())
    assert wholes.height == 30
    counts = dict(table.drop_nulls("parent")["parent"].value_counts().iter_rows())
    for item, steps in wholes.select("item", "steps").iter_rows():
        assert counts.get(item, 0) == (steps if steps > 1 else 0)


def test_one_seed_is_one_problem_in_every_order_wording_and_language():
    for seed in range(20):
        drawn = [TASK.draw(seed, order=o, wording=w, language=x) for o in ORDERS for w in WORDINGS for x in LANGUAGES]
        assert len({e.target for e in drawn}) == 1
        assert len({str(e.hidden["nodes"]) for e in drawn}) == 1
        assert len({e.input for e in drawn}) >= 16
        first, last = (TASK.draw(seed, order=o, wording="a") for o in ("forward", "backward"))
        told = [re.split(r"(?<=[.?])\s", str(e.input))[:-2] for e in (first, last)]
        assert told[0] == told[1][::-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_kind_has_four_wordings_that_are_read_as_one_meaning(language):
    for kind in SENTENCES[language]:
        parts = {
            "p": PEOPLE[language][0],
            "q": PEOPLE[language][1],
            "r": PEOPLE[language][2],
            "n": "7",
            "t": THINGS[language][0],
        }
        said = [sentence(kind, language, w, **parts) for w in WORDINGS]
        assert len(set(said)) == 4
        for text in said:
            ((found, back),) = read(text, language)
            assert found == kind
            assert {k: v for k, v in back.items() if k != "u"}.items() <= parts.items()


def test_a_sentence_of_no_template_is_refused():
    with pytest.raises(ValueError, match="0 meanings"):
        read("Ada ate 3 coins.", "english")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Ada has 12 coins. Ben has 3 more coins than Ada. How many coins does Ben have?", "15"),
        ("Ben has 3 fewer coins than Ada. Ada has 12 coins. How many coins does Ben have?", "9"),
        ("Ada has 12 coins. Ada would need 3 more coins to catch up with Ben. How many coins does Ben have?", "15"),
        ("Ada has 12 coins. Ben falls 3 coins short of what Ada has. How many coins does Ben have?", "9"),
        ("Ada has 12 coins. The coins of Ada fill 3 boxes as full as that of Ben. How many coins belong to Ben?", "4"),
        ("Ada has 12 coins. Ben has 25% as many coins as Ada. How many coins does Ben have?", "3"),
        ("Ada has 12 coins. Ben has 5 coins. Subtract the coins of Ben from those of Ada and you get those of Leo. How many coins belong to Leo?", "7"),
        ("Ada has 12 coins. How many coins does Ben have?", "cannot be known"),
    ],
)  # fmt: skip
def test_sentences_mean_what_a_reader_takes_them_to_mean(text, answer):
    assert solved(text, "english") == answer


def test_every_point_is_drawn_and_can_be_asked_for_alone():
    assert {p for s in range(200) for p in TASK.draw(s).factors["points"]} == set(POINTS)
    for point in POINTS:
        assert TASK.draw(1, points=point, steps=1).factors["points"] == [point]


@pytest.mark.parametrize(("answer", "score"), [
    ("1,234", 1.0), ("1234.", 1.0), ("1234.00", 1.0), (" 1234 \n", 1.0), ("12,34", 0.0), ("1234.5", 0.0), ("1234 coins", 0.0),
    ("-1234", 0.0), ("01234", 0.0), ("1 234", 0.0), ("", 0.0), (1234, 0.0),
])  # fmt: skip
def test_how_a_number_is_read(answer, score):
    e = TASK.draw(0)
    assert TASK.verify(type(e)(e.item, e.input, "1234", e.factors), answer) == score


def test_names_do_not_hide_in_one_another():
    for language in LANGUAGES:
        for words in (PEOPLE[language], THINGS[language]):
            assert not any(a in b for a, b in permutations(words, 2))
    assert set(JOINT) == set(ASK) == set(LANGUAGES)
