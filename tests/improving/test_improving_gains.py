"""Choice and gains, against what the simulated scores hold and the plain formulas."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unseen.estimates.intervals.meta import random_effects
from unseen.improving import IN_DOMAIN, UNCHANGED, Candidate, Gains, design
from unseen.improving.attempts import Attempt
from unseen.refitting import ask


def designed(sites: int = 10, rows: int = 1000, shift: str = "held-out site", repeats: int = 2):
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    site = [f"s{i % sites}" for i in range(rows)]
    table = pl.DataFrame({"a": x, "site": site, "week": np.arange(rows) // 20, "y": np.where(x > 0, "p", "q")})
    table = table.with_columns(y=pl.when(pl.int_range(rows) % 7 == 0).then(pl.lit("p")).otherwise("y"))
    asked = ask(table, "logistic", [shift], target="y")
    return design(asked.problem, asked.cases, repeats=repeats, rows=20_000, seed=0)


def simulated(made, effects, *, noise=0.0, failing=()):
    """Scores by (candidate, fitting, side): the unchanged learner has 0.5, a candidate what ``effects`` says more."""
    rng = np.random.default_rng(1)
    attempts = {}
    for fitting in made.fittings:
        own = attempts.setdefault((fitting.name, fitting.repeat), {})
        own[UNCHANGED] = Attempt({s: np.full(len(r), 0.5) for s, r in fitting.tests.items()}, "", 2.0, 1.0)
        for name, effect in effects.items():
            if (name, fitting.name) in failing:
                own[name] = Attempt({}, "it broke", 0.0, 0.0)
                continue
            scores = {
                s: 0.5 + effect(fitting, s, r) + noise * rng.normal(size=len(r)) for s, r in fitting.tests.items()
            }
            own[name] = Attempt(scores, "", 4.0, 3.0)
    return attempts


def test_the_choice_follows_validation_and_the_gain_the_final_test():
    made = designed()

    def treacherous(fitting, side, rows):
        return 0.2 if "," in fitting.name else -0.1

    def sound(fitting, side, rows):
        return 0.1

    effects = {"treacherous": treacherous, "sound": sound}
    gains = Gains(made, simulated(made, effects, noise=0.05), [Candidate(n) for n in effects], 0.95)
    chosen = [gains.choose(fold, made.validation) for fold in made.folds]
    assert {c.key for c in chosen} == {"treacherous"}
    gained = gains.gained(chosen)
    assert gained.estimate.value == pytest.approx(-0.1, abs=0.01)
    assert gained.estimate.high < 0
    assert gains.gained([Candidate("sound")] * len(made.folds)).estimate.value == pytest.approx(0.1, abs=0.01)


def test_a_gain_in_validation_below_its_standard_error_is_not_taken():
    made = designed()
    signs = np.random.default_rng(0).choice([-1, 1], size=1000)

    def mixed(fitting, side, rows):
        # Each domain moves by 0.3 to either side; the mean over domains is near zero.
        codes = rows % 10
        return np.where(codes < 5, 0.3, -0.29) + 0 * signs[rows]

    gains = Gains(made, simulated(made, {"mixed": mixed}), [Candidate("mixed")], 0.95)
    for fold in made.folds:
        value, error = gains.validated(fold, Candidate("mixed"), made.validation)
        expected = [0.3 if int(made.cases[c].name[-1]) < 5 else -0.29 for _, _, cs in fold.validations for c in cs]
        assert value == pytest.approx(np.mean(expected))
        assert error == pytest.approx(np.std(expected, ddof=1) / len(expected) ** 0.5)
        assert (gains.choose(fold, made.validation).remedy == UNCHANGED) == (value <= max(error, 0))


def test_the_interval_over_domains_is_that_of_random_effects():
    made = designed()
    rng = np.random.default_rng(2)
    by_row = rng.normal(0.05, 0.3, size=1000)

    def effect(fitting, side, rows):
        return by_row[rows]

    gains = Gains(made, simulated(made, {"x": effect}), [Candidate("x")], 0.95)
    gained = gains.gained([Candidate("x")] * len(made.folds))
    cases = made.cases
    y = [by_row[c.beyond].mean() for c in cases]
    v = [by_row[c.beyond].var(ddof=1) / len(c.beyond) for c in cases]
    expected = random_effects(y, v).mean
    assert gained.estimate.value == pytest.approx(expected.value, rel=0.01)
    assert gained.estimate.width >= 0.99 * expected.width
    assert {n: g for n, g, _ in gained.by_domain} == pytest.approx({c.name: m for c, m in zip(cases, y, strict=True)})


def test_a_candidate_that_fails_in_the_final_fit_counts_as_no_change():
    made = designed()
    final = made.folds[0].final

    def sound(fitting, side, rows):
        return 0.1

    attempts = simulated(made, {"sound": sound}, noise=0.05, failing={("sound", final)})
    gains = Gains(made, attempts, [Candidate("sound")], 0.95)
    gained = gains.gained([gains.choose(f, made.validation) for f in made.folds])
    assert gained.chosen == {"sound": 9, UNCHANGED: 1}
    assert [g for n, g, _ in gained.by_domain[: len(made.folds[0].cases)]] == [0.0] * len(made.folds[0].cases)
    one = made.folds[1].validations[0][0]
    gains = Gains(made, simulated(made, {"sound": sound}, failing={("sound", one)}), [Candidate("sound")], 0.95)
    assert gains.validated(made.folds[1], Candidate("sound"), made.validation) is None


def test_in_domain_validation_reads_the_rows_held_back():
    made = designed()

    def seen_only(fitting, side, rows):
        return 0.3 if side == "seen" else 0.0

    gains = Gains(made, simulated(made, {"seen": seen_only}, noise=0.01), [Candidate("seen")], 0.95)
    assert gains.validated(made.folds[0], Candidate("seen"), IN_DOMAIN)[0] == pytest.approx(0.3, abs=0.01)
    assert gains.validated(made.folds[0], Candidate("seen"), made.validation)[0] == pytest.approx(0.0, abs=0.01)


def test_one_held_out_set_is_judged_by_its_rows_and_the_repeats():
    made = designed(shift="later week", repeats=5)
    by_row = np.random.default_rng(3).normal(0.1, 0.5, size=1000)

    def effect(fitting, side, rows):
        return by_row[rows]

    gains = Gains(made, simulated(made, {"x": effect}), [Candidate("x")], 0.95)
    gained = gains.gained([Candidate("x")])
    rows = made.cases[0].beyond
    error = by_row[rows].std(ddof=1) / len(rows) ** 0.5
    assert gained.estimate.units == len(rows)
    assert gained.estimate.value == pytest.approx(by_row[rows].mean())
    assert gained.estimate.width == pytest.approx(2 * 1.97 * error, rel=0.02)


def test_nothing_chosen_has_no_interval_and_says_why():
    made = designed()
    gains = Gains(made, simulated(made, {}), [], 0.95)
    gained = gains.gained([gains.choose(f, made.validation) for f in made.folds])
    assert gained.estimate is None
    assert gained.reason == "the learner was left unchanged throughout"


@pytest.mark.slow
def test_where_no_remedy_helps_the_verdict_says_so_at_its_nominal_rate():
    made = designed(sites=12, rows=960)
    site = made.problem.examples.table["site"].rank("dense").to_numpy().astype(int) - 1
    names = [Candidate("placebo", {"number": i}) for i in range(10)]
    said, alone, replicates = 0, 0, 100
    for seed in range(replicates):
        rng = np.random.default_rng(seed)
        # Each placebo helps in some domains and harms in others, by 0.03 either way, and adds noise of rows and of fits.
        own = rng.normal(scale=0.03, size=(len(names), 12))
        attempts = {}
        for fitting in made.fittings:
            here = attempts.setdefault((fitting.name, fitting.repeat), {})
            base = {s: (rng.random(len(r)) < 0.7).astype(float) for s, r in fitting.tests.items()}
            here[UNCHANGED] = Attempt(base, "", 1.0, 1.0)
            for i, name in enumerate(names):
                moved = 0.01 * rng.normal()
                scores = {
                    s: base[s] + own[i][site[r]] + moved + 0.3 * rng.normal(size=len(r))
                    for s, r in fitting.tests.items()
                }
                here[name.key] = Attempt(scores, "", 1.0, 1.0)
        gains = Gains(made, attempts, names, 0.95)
        chosen = gains.gained([gains.choose(fold, made.validation) for fold in made.folds])
        said += chosen.estimate is not None and chosen.estimate.low > 0
        single = gains.gained([names[0]] * 5)
        alone += single.estimate.low > 0
    # Nominal is 2.5 %: 8 of 100 and more would come by chance in 3 of 1,000 runs.
    assert said <= 7
    assert alone <= 7


def test_over_settings_the_gain_is_that_of_each_way_to_choose():
    """Sound helps where it is judged; treacherous is taken where domains validate, sound where rows held back do."""
    from unseen.improving.over_settings import over_settings

    made = designed()

    def treacherous(fitting, side, rows):
        return -0.2 if side == "seen" else 0.2 if "," in fitting.name else -0.1

    def sound(fitting, side, rows):
        return 0.1

    effects = {"treacherous": treacherous, "sound": sound}
    gains = Gains(made, simulated(made, effects, noise=0.05), [Candidate(n) for n in effects], 0.95)
    over = over_settings(gains, 0.005)
    told = {(r["validation"], r["judge"]): r for r in over.rows()}
    used = gains.gained([gains.choose(fold, made.validation) for fold in made.folds]).estimate
    assert (over.used.estimate.value, over.used.estimate.low) == (used.value, used.low)
    assert not told[made.validation, "mean"]["found"]
    assert told[IN_DOMAIN, "mean"]["value"] == pytest.approx(0.1, abs=0.01)
    assert told[IN_DOMAIN, "mean"]["found"]
    assert over.influence[0].axis == "validation"
    assert over.influence[0].share > 0.9
    assert over_settings(Gains(made, simulated(made, {}), [], 0.95), 0.005) is None
