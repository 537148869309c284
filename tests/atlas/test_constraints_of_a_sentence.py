"""Sets of constraints can all be met; what a reader that heeds some of them loses is what the studies measure."""

import numpy as np
import pytest

from unseen.atlas.studies.measures import _constraints_of_a_sentence as asking
from unseen.atlas.studies.measures import wildifeval
from unseen.learners.language.base import Answer, Completion
from unseen.tasks.instructions.kinds import MANY


def written(constraints, subject):
    """A sentence that meets all constraints given."""
    made = dict(constraints)
    words = ["a", subject] if "letter" not in made or made["letter"].words[0] not in subject else ["a"]
    for name in ("include", "order"):
        words += made[name].words if name in made else ()
    low = made["least-words"].low if "least-words" in made else 0
    text = " ".join(words)
    if "begin" in made:
        text = f"{made['begin'].words[0]} {text}"
    text += " " + " ".join(["so"] * max(0, low - len(text.split())))
    return {"lower": text.lower, "upper": text.upper}.get(
        "".join(made["case"].words) if "case" in made else "", lambda: text
    )()


class Reader:
    """Writes what meets the first constraints that it is told, and breaks all others."""

    def __init__(self, heeds, sentences):
        self.heeds, self.sentences = heeds, sentences

    def generate(self, prompts, settings):
        told = {s.prompt()[0]["content"]: s for s in self.sentences}
        return [Answer((Completion(self.answer(told[p[0]["content"]])),)) for p in prompts]

    def answer(self, s):
        text = written(s.constraints[: self.heeds], s.subject)
        for _, c in s.constraints[self.heeds :]:
            text = c.missed(text) if c.met(text) else text
        return text


def test_sets_can_all_be_met_and_are_the_same_for_equal_seeds():
    rng = np.random.default_rng(1)
    for _ in range(500):
        s = asking.drawn(rng, asking.TOGETHER)
        assert s.met(written(s.constraints, s.subject)).all(), s
        limits = [c for n, c in s.constraints if n.endswith("words")]
        assert all(c.low <= 18 or c.high == MANY for c in limits)
    one, two = (asking.drawn(np.random.default_rng(2), 5) for _ in range(2))
    assert one == two
    assert one.prompt() == two.prompt()


def known(seed, sets):
    rng = asking.numpy_generator(seed, "constraints of a sentence")
    made = [asking.drawn(rng, asking.TOGETHER) for _ in range(sets)]
    return [*made, *(s.told([c]) for s in made for c in s.constraints)]


@pytest.mark.parametrize(("heeds", "share"), [(5, 1.0), (2, 0.4), (1, 0.2)])
def test_what_is_met_together_is_what_a_reader_heeds(heeds, share):
    found = asking.asked(Reader(heeds, known(100, 12)), 100, 12)
    assert found.met_alone().all()
    # A constraint that is broken on purpose may break one that is heeded.
    assert found.met_together().mean() == pytest.approx(share, abs=0.1 if heeds < 5 else 0)


def test_the_study_finds_a_fall_in_a_reader_of_two_and_none_in_a_reader_of_all(monkeypatch):
    for heeds, low, high in ((5, 0.0, 0.0), (2, 0.5, 0.7)):
        reader = Reader(heeds, known(101, 9))
        monkeypatch.setattr(wildifeval, "subject", lambda name, r=reader: r)
        found = wildifeval.measure.measure(101, quick=False)
        assert low <= found["fall"] <= high
        assert found["alone"] == (1.0, 45)


def test_rates_of_kinds_that_are_alike_have_no_variance_between_them():
    rng = np.random.default_rng(3)
    names = np.array([asking.drawn(rng, 5).names for _ in range(9)])
    draws = [wildifeval.between_kinds((rng.random((9, 5)) < 0.6).astype(float), names) for _ in range(400)]
    # Mean of 400 draws of an unbiased covariance: its error is about 0.0025.
    assert np.mean(draws) == pytest.approx(0, abs=3 * np.std(draws) / 20)
