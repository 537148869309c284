"""Sentences of stories say no more than the whole, and name what their numbers are about."""

from unseen.checks.base import About, Found
from unseen.checks.blame import side
from unseen.estimates import Estimate
from unseen.stories import sentences
from unseen.stories.amounts import Amounts
from unseen.stories.themes import THEMES, over_models
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


def _off(model: str, value: float, split: str = "seen", code: str = "U601") -> Found:
    return Found(
        code=code, about=About("slice", f"{model}, {split} rows"), statement=f"{model} is off by {value}; it need not be.",
        next_step="-", shared=f"confidence misses by {{}} on {split} rows",
        estimate=Estimate(value, value - 0.02, value + 0.02, 90, "x", 0.95), p_value=0.001, effect=value, details={"model": model},
    )  # fmt: skip


def test_a_theme_tells_the_range_over_models_of_one_quantity():
    # Of the model with two findings the heavier counts; other rows and other checks are other quantities.
    told = [
        _off("a", 0.08),
        _off("b", 0.06),
        _off("b", 0.03),
        _off("c", 0.2, code="U603"),
        _off("d", 0.9, "unseen"),
        _off("c", 0.051),
    ]
    assert over_models(told[0], told, 4) == (
        "3 of 4 models: confidence misses by 0.05 to 0.08 on seen rows.",
        "0.05 to 0.08",
    )
    assert over_models(told[0], told[:2], 2) == (
        "Both models: confidence misses by 0.06 to 0.08 on seen rows.",
        "0.06 to 0.08",
    )
    # Of one model there is nothing to tell beside its own sentence.
    assert over_models(told[0], [told[0], told[4]], 4) == ("", "0.08 [0.06, 0.10]")
