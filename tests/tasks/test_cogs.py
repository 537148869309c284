"""COGS-like sentences: published counts, what training must not show, and logical forms read back from the words."""

import pytest

from unseen.tasks import load
from unseen.tasks.grammar import cogs_lexicon as lexicon
from unseen.tasks.grammar.cogs import CASES

TASK = load("cogs")


def test_there_are_21_cases_and_24155_training_items():
    assert len(CASES) == 21
    assert len(TASK.exposures()) == 155
    assert len({e.item for e in TASK.exposures()}) == 155
    assert 24_000 + len(TASK.exposures()) == 24_155
    assert len(TASK.training_set(200)) == 355


@pytest.mark.parametrize("case", CASES)
def test_each_case_can_be_drawn_and_never_in_training_form(case):
    train = {tuple(e.input) for e in TASK.draw_many(2000, 1)}
    for example in TASK.draw_many(30, 0, case=case):
        assert example.factors["case"] == case
        assert tuple(example.input) not in train


def test_reserved_words_occur_in_training_only_as_exposed():
    reserved = {
        lexicon.SUBJECT_ONLY,
        lexicon.SUBJECT_ONLY_NAME,
        lexicon.OBJECT_ONLY,
        lexicon.OBJECT_ONLY_NAME,
        lexicon.ALONE,
        lexicon.ALONE_NAME,
    }
    verbs = {
        form
        for v in (
            lexicon.ALONE_VERB,
            lexicon.ACTIVE_ONLY,
            lexicon.PASSIVE_ONLY,
            lexicon.OMITTED_ONLY,
            lexicon.UNACCUSATIVE_ONLY,
            lexicon.DOUBLE_ONLY,
            lexicon.DATIVE_ONLY,
        )
        for form in lexicon.VERBS[v]
    }
    for example in TASK.draw_many(3000, 0):
        assert not (reserved | verbs) & set(example.input)
    shown = {w for e in TASK.exposures() for w in e.input}
    assert reserved <= shown


def test_training_recursion_stops_at_two_and_the_cases_go_beyond():
    assert max(max(e.factors["cp_depth"], e.factors["pp_depth"]) for e in TASK.draw_many(3000, 0)) == 2
    assert min(e.factors["cp_depth"] for e in TASK.draw_many(50, 0, case="cp_recursion")) >= 3
    assert min(e.factors["pp_depth"] for e in TASK.draw_many(50, 0, case="pp_recursion")) >= 3


def test_positions_in_logical_forms_are_those_of_the_words():
    for example in TASK.draw_many(1000, 2, case=("train", *CASES)):
        words, form = list(example.input), " ".join(example.target)
        for i, word in enumerate(words):
            if word in ("the", "a"):
                noun = words[i + 1]
                expected = f"* {noun} ( x _ {i + 1} ) ;" if word == "the" else f"{noun} ( x _ {i + 1} )"
                assert expected in form, (words, form)
        # Every variable that is used is a word's position.
        positions = [int(t) for p, t in zip(example.target, example.target[1:], strict=False) if p == "_"]
        assert all(words[p] not in ("the", "a", ".", "to", "by", "was", "that") for p in positions)


def test_a_sentence_reads_as_the_paper_writes_it():
    passive = next(
        e
        for e in TASK.draw_many(500, 3)
        if e.factors["construction"] == "passive_by" and e.input[0] == "a" and e.input[5:6] == ["a"]
    )
    noun, verb, agent = passive.input[1], passive.input[3], passive.input[6]
    stem = next(s for s, forms in lexicon.VERBS.items() if forms[2] == verb)
    expected = f"{noun} ( x _ 1 ) AND {stem} . theme ( x _ 3 , x _ 1 ) AND {stem} . agent ( x _ 3 , x _ 6 ) AND {agent} ( x _ 6 )"
    assert " ".join(passive.target) == expected
