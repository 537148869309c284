"""Many factors: bounded work, and a budget of time that leaves out the dearest checks and says so."""

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.auditing import run
from unseen.checks.base import Settings, Subject
from unseen.errors import BadInput
from unseen.estimates.contrasts.slices import MAX_CHOICES, Axis, Search, search
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping


def wide(factors=60, items=400, models=1, seed=0, weak=()):
    """Noise factors; scores that fall where all the conditions of ``weak`` hold."""
    rng = np.random.default_rng(seed)
    columns = {f"f{j}": rng.choice(list("abcd"), items) if j % 2 else rng.integers(0, 5, items) for j in range(factors)}
    down = np.ones(items, dtype=bool)
    for name, level in weak:
        down &= columns[name] == level
    rate = np.where(down & bool(weak), 0.1, 0.75)
    base = pl.DataFrame(columns | {"item": [f"i{i}" for i in range(items)], "split": ["seen", "unseen"] * (items // 2)})
    return pl.concat(
        [
            base.with_columns(model=pl.lit(f"m{m}"), score=pl.Series((rng.random(items) < rate) * 1.0))
            for m in range(models)
        ]
    )


def subject(**options):
    return Subject(responses=from_table(wide(**options), Mapping.of()))


def test_a_budget_leaves_out_the_dearest_checks_and_says_so():
    given = subject(models=3)
    result = run(given, Settings(n_resamples=200), budget=1.5)
    left = {o.code: o for o in result.outcomes if o.statement.startswith("Left out: of the budget of 1.5 s")}
    assert left
    assert all("--budget" in o.next_step and f"--select {code}" in o.next_step for code, o in left.items())
    assert "U101" not in left
    assert "U101" in {o.code for o in result.outcomes}


def test_with_time_enough_a_budget_changes_nothing():
    checks = ["U0", "U101", "U102", "U103", "U604"]
    free, bounded = (run(subject(factors=6), Settings(n_resamples=200), select=checks, budget=b) for b in (None, 300.0))
    assert [(o.code, o.about, o.statement, o.p_value) for o in free.outcomes] == [
        (o.code, o.about, o.statement, o.p_value) for o in bounded.outcomes
    ]


def test_a_budget_is_an_option_of_python_too():
    made = unseen.audit(wide(factors=3), select="U101", budget=60)
    assert {f["code"] for f in made.findings} == {"U101"}
    with pytest.raises(BadInput, match="budget"):
        unseen.audit(wide(factors=3), select="U101", budget=0)


def axes(table, factors):
    return [
        Axis(table[f"f{j}"].rank("dense").to_numpy().astype(np.int32) - 1, table[f"f{j}"].n_unique())
        for j in range(factors)
    ]


def test_a_weak_triple_among_a_hundred_factors_is_found_by_the_narrowed_search():
    """All 161,700 triples are not counted, but those of the factors whose conditions look weakest are."""
    table = wide(factors=100, items=2000, weak=(("f1", "a"), ("f3", "b"), ("f4", 2)))
    narrowed = Search(axes(table, 100))
    assert set(narrowed.narrowed) == {2, 3}
    best = narrowed.best(table["score"].to_numpy())[0]
    assert {axis for axis, *_ in best.conditions} <= {1, 3, 4}
    assert len(best.conditions) >= 2
    assert best.gap > 0.2


def test_up_to_26_factors_the_search_is_whole():
    table = wide(factors=26, items=200)
    made = Search(axes(table, 26))
    assert made.narrowed == {}
    assert MAX_CHOICES >= 26 * 25 * 24 / 6
    few = axes(table, 5)
    assert search(few, table["score"].to_numpy()) == Search(few).best(table["score"].to_numpy())


def test_of_too_many_factors_those_that_matter_are_adjusted_and_the_others_say_that_they_are_not():
    table = wide(factors=120, items=1000, weak=(("f1", "a"),))
    result = run(Subject(responses=from_table(table, Mapping.of())), Settings(), select="U102")
    found = {o.about.name: o for o in result.outcomes}
    assert len(found) == 120
    assert "given the other factors" in found["m0 · f1"].statement
    notes = [
        o.details["note"]
        for o in found.values()
        if o.details.get("note", "").startswith("Not adjusted: of 120 factors")
    ]
    assert 60 <= len(notes) < 119
