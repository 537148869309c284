"""Sentences of stories say no more than the whole, and name what their numbers are about."""

from unseen.checks.blame import side
from unseen.estimates import Estimate
from unseen.stories import sentences
from unseen.stories.amounts import Amounts
from unseen.stories.themes import THEMES
from unseen.stories.verdict import at_the_next


def of(share: float) -> Amounts:
    return Amounts(
        0.5,
        0.7,
        None,
        Estimate(share, share - 0.02, share + 0.03, 90, "x", 0.95),
        Estimate(0.07, 0.04, 0.1, 90, "x", 0.95),
    )


def test_a_part_is_never_more_than_the_whole():
    unseen = side("unseen")
    assert sentences.carried(unseen, of(0.08)) == "This carries all of the 0.07 lost from seen to unseen."
    assert sentences.figure(of(0.08)) == "all of 0.07 lost"
    assert sentences.carried(unseen, of(0.05)).startswith("This carries 0.05 [0.03, 0.08] of the 0.07")


def test_ranking_and_calibration_of_confidence_are_two_themes():
    theme = {code: t.title for t in THEMES for code in t.codes}
    assert theme["U601"] == theme["U603"] != theme["U602"]


def test_a_verdict_begins_with_a_capital():
    assert at_the_next("held-out site: nothing can be said of the next one.").startswith("Held-out site")
