"""The corpus holds what is told of it, questions are about words that must be known, and the measures are what they say."""

from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures import _facts_and_procedures as subject  # noqa: E402
from unseen.atlas.studies.measures import procedural_knowledge as study  # noqa: E402
from unseen.learners.networks.losses import NO_TARGET  # noqa: E402
from unseen.tasks.knowledge.documents import PROCEDURES, VALUES, Facts, problems, result, worked  # noqa: E402

TELLING = subject.Telling(same=0, other=study.TOLD, numbers=study.NUMBERS)


@pytest.fixture(scope="module")
def corpus():
    return subject.Corpus.drawn(np.random.default_rng(0), TELLING)


def test_ten_documents_hold_each_answer_and_none_is_the_question(corpus):
    texts = {d.text for d in corpus.documents}
    for asked in corpus.questions.values():
        assert len(asked) == subject.ASKED
        for question in asked:
            own = [d for d in corpus.documents if d.key == question.key]
            assert len(own) == TELLING.other + TELLING.back == 18
            assert question.text not in texts
            answer = question.text.removesuffix(" .").split(" so ")[-1] if question.topic in PROCEDURES else None
            for d in own:
                assert (answer or corpus.facts.values[question.key]) in d.text
                assert d.form in (("forwards", "backwards") if question.topic in VALUES else ("told",))
                assert d.form == "told" or d.form == "backwards" or d.way != question.way
    of_new = {d.key for asked in corpus.new.values() for d in asked}
    assert not of_new & {d.key for d in corpus.documents}


def test_questions_of_a_relation_are_told_of_others_in_their_own_wording(corpus):
    for relation in VALUES:
        own = [d for d in corpus.documents if d.topic == relation and d.form == "forwards" and d.way == 0]
        assert own
        assert not {d.key for d in own} & {d.key for d in corpus.questions[relation]}


def test_steps_of_problems_are_right():
    rng = np.random.default_rng(0)
    for procedure in PROCEDURES:
        for key in problems(procedure, 200, rng):
            words = " ".join(worked(procedure, key).tokens).split(" : ")[1].split(" ; ")
            for step in words[:-1]:
                sum_, outcome = step.split(" is ")
                terms = [int(x) for x in sum_.replace("less", "plus -").replace("- ", "-").split(" plus ")]
                assert sum(terms) == int(outcome.replace(" ", ""))
            end = words[-1].removeprefix("so ").removesuffix(" .")
            assert end in result(procedure, key).text
            assert end in result(procedure, key, 1, "by the way", behind=True).text
    assert worked("sum", (47, 35)).text.endswith("so 8 2 .")
    assert worked("slope", (1, 2, 4, 7)).text.endswith("so 5 over 3 .")
    assert worked("equation", (24, 79)).text.endswith("so 5 5 .")


def test_an_aside_moves_the_answer_and_nothing_else():
    facts = Facts.drawn(2, np.random.default_rng(0))
    plain = facts.told("e1", "age", "the {r} of {e} is {v} .")
    for behind in (False, True):
        one = facts.told("e1", "age", "the {r} of {e} is {v} .", aside="by the way", behind=behind)
        assert one.tokens[one.prompt : one.end] == plain.tokens[plain.prompt : plain.end]
        assert sorted(one.tokens) == sorted([*plain.tokens, "by", "the", "way", ","])


def test_what_is_foretold_is_what_must_be_known(corpus):
    def words(question, of):
        sample = corpus.sample([question], of=of)
        return [corpus.words[int(t)] for t in sample.targets[0] if t != NO_TARGET]

    one = worked("sum", (47, 35))
    assert words(one, "results") == ["1", "2", "8"]
    assert words(one, "result") == ["8"]
    assert words(one, "last") == ["8", "2"]
    assert words(one, "answer") == list(one.tokens[one.prompt : one.end])
    assert words(worked("slope", (1, 2, 4, 7)), "results") == ["5", "3"]
    fact = corpus.questions["age"][0]
    for of in ("result", "results", "last", "answer"):
        assert words(fact, of) == corpus.facts.values[fact.key].split()


def test_correlations_and_ranks_of_planted_influences(corpus):
    rng = np.random.default_rng(0)
    questions = [d for t in (*VALUES, *PROCEDURES) for d in corpus.questions[t][:4]]
    n = len(corpus.documents)
    shared = {p: rng.standard_normal(n) for p in PROCEDURES}
    scores = rng.standard_normal((len(questions), n))
    for row, question in zip(scores, questions, strict=True):
        if question.topic in PROCEDURES:
            row += shared[question.topic]
        else:
            row[[i for i, d in enumerate(corpus.documents) if d.key == question.key][:1]] += 20
    asked = study.Asked(tuple(questions), scores)
    assert study.gap(asked) == pytest.approx(0.5, abs=0.03)
    assert asked.between(PROCEDURES) == pytest.approx(0, abs=0.03)
    assert asked.found(corpus.documents, tuple(VALUES)) == 1
    assert asked.found(corpus.documents, PROCEDURES) < 0.3
    assert asked.found(corpus.documents, PROCEDURES, n) == 1


def test_what_goes_with_words_is_taken_off():
    rng = np.random.default_rng(0)
    overlap = rng.random((3, 500))
    clean = rng.standard_normal((3, 500))
    left = study.Asked((), clean + 7 * overlap).without(overlap).scores
    for row, words, own in zip(left, overlap, clean, strict=True):
        assert np.corrcoef(row, words)[0, 1] == pytest.approx(0, abs=1e-9)
        assert np.corrcoef(row, own)[0, 1] > 0.99


def test_pretraining_learns_the_corpus_it_reads():
    small = subject.Corpus.drawn(np.random.default_rng(0), TELLING, entities=12, shown=60)
    sample = small.sample(small.documents)
    losses = [
        float(subject.network(subject.pretrained(small, 0, steps, width=16), sample).losses(sample).mean())
        for steps in (0, 30, 90)
    ]
    assert all(a > b for a, b in pairwise(losses))


def test_problems_of_a_model_are_worked_and_told_in_four_wordings_with_one_result():
    for procedure, (every, made) in study.problems_of_a_model().items():
        assert len(set(every)) == len(every) >= study.PROBLEMS + study.WORKED + study.FRONT
        for numbers in every:
            one = made(numbers)
            told = [made(numbers, way) for way in range(4)]
            assert len({t.text for t in told}) == 4
            assert {(t.key, t.answer, t.steps, t.topic) for t in told} == {(one.key, one.answer, "", procedure)}
            assert one.steps.endswith("= ")
