"""Orders go from hard to easy and back, and a reader that stops half-way is found to have them matter."""

import numpy as np
import pytest

from unseen.atlas.studies.measures import constraint_order_bias as study
from unseen.atlas.studies.measures._constraints_of_a_sentence import KINDS, Sentence, drawn
from unseen.learners.language.base import Answer, Completion
from unseen.tasks.instructions.kinds import Constraint

# From the hardest to the easiest.
ALONE = {kind: i / 10 for i, kind in enumerate(KINDS)}
RNG = np.random.default_rng(1)
SETS = [drawn(RNG, 5) for _ in range(60)]


def test_the_index_is_one_from_hard_to_easy_and_the_reverse_in_reverse():
    for s in SETS:
        hard, easy = (study.ordered(s, ALONE, hard_first=first) for first in (True, False))
        assert [ALONE[n] for n in hard.names] == sorted(ALONE[n] for n in s.names)
        assert hard.constraints == easy.constraints[::-1]
        assert sorted(map(str, hard.constraints)) == sorted(map(str, s.constraints))
        assert study.cddi(hard, ALONE) == pytest.approx(1)
        assert study.cddi(easy, ALONE) == pytest.approx(-1)
    # By chance the index is 0 on average; its variance for five things is 2 (2 · 5 + 5) / (9 · 5 · 4) = 1/6.
    assert np.mean([study.cddi(s, ALONE) for s in SETS]) == pytest.approx(0, abs=3 / np.sqrt(6 * len(SETS)))


def words_of(sets):
    """Words that must occur, ten for each set; the first five are hard."""
    return [Sentence(s.subject, s.style, tuple((KINDS[i], Constraint("include", (f"w{j}x{i}",))) for i in range(5)))
            for j, s in enumerate(sets)]  # fmt: skip


class Reader:
    """Uses the words that it is told first, where it can: hard ones cost its whole breath."""

    def __init__(self, sentences, breath):
        self.told, self.breath = {s.prompt()[0]["content"]: s for s in sentences}, breath

    def generate(self, prompts, settings):
        return [Answer((Completion(self.text(self.told[p[0]["content"]])),)) for p in prompts]

    def text(self, s):
        left, said = self.breath, []
        for name, c in s.constraints:
            cost = 5 - KINDS.index(name)
            if cost <= left:
                said += c.words
                left -= cost
        return " ".join(said)


def test_a_reader_that_runs_out_of_breath_meets_more_where_the_easy_come_first():
    sets = words_of(SETS)
    hard, easy = ([study.ordered(s, ALONE, hard_first=first) for s in sets] for first in (True, False))
    for breath, expected in ((15, 0.0), (9, -0.2)):
        reader = Reader([*hard, *easy], breath)
        shares = [study.met(form, study.answers(reader, form)).mean() for form in (hard, easy)]
        # Costs are 5, 4, 3, 2, 1: nine pay for 5 + 4, or for 1 + 2 + 3 and nothing more.
        assert shares[0] - shares[1] == pytest.approx(expected)


def test_what_was_not_asked_for_is_judged_alike_by_equal_texts():
    texts = ["so it goes"] * len(SETS)
    one, two = study.unasked(SETS, [texts, texts], np.random.default_rng(2))
    assert one == two
    assert 0 < one < 1
