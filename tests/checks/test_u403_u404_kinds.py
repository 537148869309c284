"""Each kind and level of variants is held against its own originals."""

import numpy as np
import polars as pl
import pytest

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, NotApplicable, Settings, Subject
from unseen.checks.registry import all_checks
from unseen.responses import Responses

LEVELS = (
    ("format", "bullets"),
    ("format", "(a) (b)"),
    ("context", "before"),
    ("names", "others"),
    ("numbers", "others"),
)


def table(losses, items=200, seed=0, base=0.7):
    """Originals right at ``base``; a variant turns wrong with the chance of its kind and level."""
    rng = np.random.default_rng(seed)
    right = rng.random(items) < base
    names = [str(i) for i in range(items)]
    frames = [
        pl.DataFrame({"item": names, "score": right.astype(float), "variant": "original", "variant_level": "original"})
    ]
    for kind, level in LEVELS:
        kept = right & (rng.random(items) >= losses.get((kind, level), 0.0))
        frames.append(pl.DataFrame({
            "item": [f"{n}~{kind}:{level}" for n in names], "score": kept.astype(float), "variant": kind, "variant_level": level,
            "variant_of": names,
        }))  # fmt: skip
    return pl.concat(frames, how="diagonal").with_columns(model=pl.lit("m"))


def judged(code, made):
    return {
        o.about.name: o for o in run_check(all_checks()[code], Subject(Responses.of(made)), Settings(), strict=True)
    }


def test_only_the_level_that_costs_score_is_found():
    made = table({("format", "bullets"): 0.3, ("names", "others"): 0.3})
    layouts, changes = judged("U403", made), judged("U404", made)
    assert set(layouts) == {"m: format, bullets", "m: format, (a) (b)"}
    assert set(changes) == {"m: context, before", "m: names, others", "m: numbers, others"}
    assert [type(o) for o in layouts.values()] == [Clear, Found]
    assert isinstance(changes["m: names, others"], Found)
    assert isinstance(changes["m: context, before"], Clear)
    assert isinstance(changes["m: numbers, others"], Clear)
    found = changes["m: names, others"]
    # The column variant_level says "others" of numbers too: they are not blamed.
    rows = found.blames.condition.mask(Responses.of(made))
    assert set(made.filter(rows)["variant"]) == {"names"}
    lost = made.filter(pl.col("variant") == "names")["score"].mean()
    before = made.filter(pl.col("variant") == "original")["score"].mean()
    assert found.estimate.value == pytest.approx(before - lost)


def test_a_user_may_name_kinds_without_levels_and_is_told_where_there_are_none():
    made = (
        table({("context", "before"): 0.4})
        .filter(pl.col("variant").is_in(["original", "context"]))
        .drop("variant_level")
    )
    assert isinstance(judged("U404", made)["m: context"], Found)
    (outcome,) = judged("U403", made).values()
    assert isinstance(outcome, NotApplicable)
    assert "unseen probe LOG --model MODEL --variants format,length" in outcome.next_step


def test_where_nothing_is_lost_nothing_is_found_beyond_the_level():
    found = 0
    for seed in range(40):
        made = table({}, items=80, seed=seed)
        rng = np.random.default_rng([seed, 1])
        # Answers change, as often for the better as for the worse.
        flip = rng.random(made.height) < 0.15
        noisy = made.with_columns(
            score=pl.when(pl.Series(flip))
            .then(pl.Series(rng.integers(0, 2, made.height).astype(float)))
            .otherwise("score")
        )
        found += sum(isinstance(o, Found) for code in ("U403", "U404") for o in judged(code, noisy).values())
    # 200 tests, half of the two-sided 5 % on the side of a loss: 5 expected; 12 or more in 0.5 %.
    assert found <= 11
