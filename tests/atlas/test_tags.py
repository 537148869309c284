"""Cases have one right option, wrong thoughts are wrong, and the study's cuts and votes do what they say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.adaptation.panels import Opinion  # noqa: E402
from unseen.atlas.studies.adaptation import _diagnoses as d  # noqa: E402
from unseen.atlas.studies.adaptation import tags  # noqa: E402

RNG = np.random.default_rng(0)
MEDICINE = d.Medicine(np.random.default_rng(1))


def some(n, **changes):
    told = {"templates": range(d.SEEN), "lay": 0.3, "known": range(d.DISEASES), **changes}
    return [MEDICINE.case(RNG, i % d.FIELDS, **told) for i in range(n)]


def told_findings(case):
    return {t // 2 for t in case.question[: d.ASKED - d.OPTIONS] if t < d.FIRST_DISEASE}


def test_exactly_one_option_has_both_of_its_findings_told():
    for case in some(200):
        options = [t - d.FIRST_DISEASE for t in case.question[-d.OPTIONS :]]
        assert len(set(options)) == d.OPTIONS
        assert [o for o in options if set(MEDICINE.rules[o]) <= told_findings(case)] == [case.disease]
        assert {t // 2 for t in case.worked().rationale} == set(MEDICINE.rules[case.disease])
        assert case.answer == d.FIRST_DISEASE + case.disease
        assert len(case.tokens) == d.WORKED


def test_rivals_share_a_finding_where_any_do():
    shares = [
        any(set(MEDICINE.rules[t - d.FIRST_DISEASE]) & set(MEDICINE.rules[c.disease]) for t in c.question[-d.OPTIONS :]
            if t != c.answer)
        for c in some(100)
    ]  # fmt: skip
    assert np.mean(shares) > 0.9


def test_shifted_questions_are_in_templates_and_words_of_their_own():
    seen, new = some(100, lay=0.0), some(100, templates=range(d.SEEN, d.SEEN + d.NEW), lay=1.0)
    words = [{t for c in cases for t in c.question[: d.ASKED - d.OPTIONS]} for cases in (seen, new)]
    assert not words[0] & words[1]
    assert all(t % 2 == 0 for t in words[0] if t < d.FIRST_DISEASE)


def test_what_is_wrong_offers_another_option():
    for case in some(100):
        wrong = MEDICINE.wrong(case, RNG).tolist()
        assert wrong[-1] != case.answer
        assert wrong[-1] in case.question[-d.OPTIONS :]
        assert wrong[: d.ASKED] == list(case.question)


def test_a_fitted_network_answers_what_it_learnt_and_says_the_same_with_and_without_drawing():
    cases = [MEDICINE.case(RNG, 0, templates=[0], lay=0.0, known=range(4)) for _ in range(200)]
    net = d.fitted(cases, [range(4)] * d.FIELDS, MEDICINE, 60, RNG)
    asked = tags.Asked(cases[:60], [d.Doctor(net)], [d.Reviewer(net)], [c.worked() for c in cases[60:90]])
    # Chance is a quarter; 4 standard errors above it are 0.47.
    assert asked.alone(asked.members[0]) > 0.5
    cold = d.Doctor(net, 1e-4, RNG)
    assert asked.alone(cold) == asked.alone(asked.members[0])
    said = asked.said()
    assert {len(row) for row in said} == {2}
    assert all(1 <= o.score <= 5 for row in said for o in row)


def test_scores_turn_votes():
    said = [(Opinion((), 1, 5.0), Opinion((), 2, 2.0), Opinion((), 2, 2.0))]
    assert tags.votes(said) == [1]
    assert tags.votes(tags.equal(said)) == [2]
    assert tags.votes(tags.rescored(said, np.array([[1.0, 1.0, 5.0]]))) == [2]
