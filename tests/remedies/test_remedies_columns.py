"""Remedies for any estimator: each does to a planted cause what it says, and leaves a learner without it as it is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.learners import EstimatorLearner, named
from unseen.remedies import DOMAIN, Call, remedy_named
from unseen.remedies.choices import knobs_of, scores_by_domain, simplified
from unseen.remedies.columns import changes_sign, directions, domain_effects, invariance_p, sign_changing
from unseen.remedies.reweighting import Risks, groups_of_rows, row_weights


def call_of(table, learner="logistic", *, inputs=None, regression=False):
    inputs = inputs or tuple(c for c in table.columns if c not in ("y", DOMAIN))
    examples = Examples(table, tuple(inputs), "y")
    make = learner if callable(learner) else lambda: named(learner, regression=regression)
    return Call(make, examples, np.random.default_rng(0))


def sites(bad=2, rows=400, count=8, seed=0):
    rng = np.random.default_rng(seed)
    site, y = np.repeat(np.arange(count), rows), rng.integers(0, 2, rows * count)
    a = rng.normal(size=rows * count) + 0.8 * (2 * y - 1)
    agree = np.where(site < count - bad, 0.95, 0.25)
    cue = np.where(rng.random(rows * count) < agree, y, 1 - y)
    table = {
        "a": a,
        "b": rng.normal(size=len(y)),
        "cue": cue.astype(float),
        DOMAIN: site.astype(str),
        "y": np.where(y, "p", "q"),
    }
    return pl.DataFrame(table)


def accuracy(fitted, table, *rows):
    part = table.filter(pl.col(DOMAIN).is_in([str(r) for r in rows]))
    held = Examples(part, tuple(c for c in table.columns if c not in ("y", DOMAIN)), "y")
    return float(fitted.respond(held).table["score"].mean())


def test_effects_in_a_domain_are_those_of_statsmodels_with_hc1_errors():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    domains = np.repeat(["u", "v"], 30)
    effects, errors = domain_effects(x, y, domains)
    fit = sm.OLS(y[30:], sm.add_constant(x[30:])).fit(cov_type="HC1")
    assert effects[1] == pytest.approx(fit.params[1:])
    assert errors[1] == pytest.approx(fit.bse[1:])


def test_a_sign_change_is_said_at_its_level_and_not_for_effects_that_differ_in_size_alone():
    rng = np.random.default_rng(1)
    effects, errors = rng.normal(size=(6, 2000)), np.ones((6, 2000))
    # Both directions must be shown: no effect at all gives far fewer than 5 %.
    assert (changes_sign(effects, errors) < 0.05).mean() < 0.02
    # One direction everywhere, of many sizes: the other direction alone decides, and errs in at most 5 % (2000 draws, 3 sd).
    grown = effects + np.array([8, 4, 2, 1, 0.5, 0])[:, None]
    assert (changes_sign(grown, errors) < 0.05).mean() < 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
    turned = effects + np.array([8, 8, 8, 8, -8, -8])[:, None]
    assert (changes_sign(turned, errors) < 0.05).all()


def test_the_column_that_misleads_is_dropped_and_no_other():
    assert sign_changing(call_of(sites())) == ["cue"]
    assert sign_changing(call_of(sites(bad=0))) == []
    table = sites()
    for by in ("sign", "invariance"):
        fitted = remedy_named("stable-columns").fit(call_of(table), by=by)
        # Without the cue the column a alone is right in 78.8 %; 800 rows have a standard error of 1.4 %.
        assert accuracy(fitted, table, 6, 7) == pytest.approx(0.788, abs=0.05)
    assert accuracy(named("logistic").fit(call_of(table).train, np.random.default_rng(0)), table, 6, 7) < 0.7


def test_pipelines_that_name_their_columns_find_a_dropped_one_constant():
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def make():
        return EstimatorLearner(
            make_pipeline(ColumnTransformer([("n", "passthrough", ["a", "cue"])]), LogisticRegression())
        )

    table = sites()
    fitted = remedy_named("stable-columns").fit(call_of(table, make))
    flipped = table.with_columns(1 - pl.col("cue"))
    inputs = ("a", "b", "cue")
    first, second = (fitted.probabilities(Examples(t, inputs, "y")) for t in (table, flipped))
    assert np.array_equal(first, second)


def test_invariance_is_refused_at_its_level():
    refused = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x, domains = rng.normal(size=(200, 1)), np.repeat(np.arange(4), 50).astype(str)
        refused += invariance_p(x, x[:, 0] + rng.normal(size=200), domains) < 0.05
    # Bonferroni over eight dependent tests: at most 5 %, three standard errors of 200 draws above it.
    assert refused / 200 < 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_offsets_of_a_domain_are_taken_away_and_a_new_one_s_too():
    rng = np.random.default_rng(2)
    site = np.repeat(np.arange(8), 200)
    y = rng.integers(0, 2, len(site))
    x = rng.normal(size=len(site)) + (2 * y - 1) + 3 * rng.normal(size=8)[site]
    table = pl.DataFrame({"x": x, DOMAIN: site.astype(str), "y": np.where(y, "p", "q")})
    seen = table.filter(pl.col(DOMAIN) != "7")
    new = Examples(table.filter(pl.col(DOMAIN) == "7"), ("x",), "y")
    fitted = remedy_named("within-domains").fit(call_of(seen))
    assert float(fitted.respond(new).table["score"].mean()) == pytest.approx(0.84, abs=0.08)
    shifted = Examples(new.table.with_columns(pl.col("x") * 5 + 100), ("x",), "y")
    assert np.allclose(fitted.probabilities(shifted), fitted.probabilities(new))
    assert "unlabelled" in remedy_named("within-domains").what


def test_intercepts_give_the_slope_within_domains():
    rng = np.random.default_rng(3)
    site = np.repeat(np.arange(10), 100)
    level = np.linspace(-5, 5, 10)[site]
    x = rng.normal(size=1000) - level
    # Levels of the answer go against the inputs: pooled, the slope of x has the wrong sign.
    table = pl.DataFrame({"x": x, DOMAIN: site.astype(str), "y": x + 3 * level + 0.1 * rng.normal(size=1000)})
    points = pl.DataFrame({"x": [0.0, 1.0], DOMAIN: ["new", "new"], "y": [0.0, 0.0]})
    for answer in ("none", "mean"):
        call = call_of(table, "logistic", regression=True)
        fitted = remedy_named("domain-intercepts").fit(call, answer=answer)
        low, high = fitted.respond(Examples(points, ("x",), "y")).table["prediction"].cast(pl.Float64).to_list()
        assert high - low == pytest.approx(1.0, abs=0.1)
    plain = named("logistic", regression=True).fit(call_of(table).train, rng)
    low, high = plain.respond(Examples(points, ("x",), "y")).table["prediction"].cast(pl.Float64).to_list()
    assert high - low < 0


def test_directions_that_all_domains_share_are_imposed_on_trees():
    table = sites().with_columns(late=pl.int_range(pl.len()) % 2 == 0)
    call = call_of(table, "gradient-boosting")
    # The direction is that of the chance of "q", the last of the two classes; a is large where y is "p".
    assert directions(call) == {"a": -1}
    fitted = remedy_named("monotone").fit(call)
    grid = pl.DataFrame({"a": np.linspace(-4, 4, 200)}).with_columns(
        b=pl.lit(0.0), cue=pl.lit(1.0), late=pl.lit(True), y=pl.lit("p")
    )
    chances = fitted.probabilities(Examples(grid, ("a", "b", "cue", "late"), "y"))[:, 1]
    assert (np.diff(chances) <= 1e-12).all()


def test_weights_of_groups_reach_the_worst_and_make_their_risks_alike():
    table = sites()
    call = call_of(table)
    groups = groups_of_rows(call, classes=False)
    plain = Risks(call, groups).under(np.ones(8) / 8)
    for name in ("group-dro-weights", "v-rex-weights"):
        fitted = remedy_named(name).fit(call_of(table))
        assert accuracy(fitted, table, 6, 7) > 0.7, name
    assert plain[6:].min() > plain[:6].max()
    weights = row_weights(np.array([3.0, 1.0]), np.array([0, 0, 0, 1]), 2)
    assert weights.tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0])
    assert weights.mean() == pytest.approx(1.0)


def test_regularisation_is_turned_up_in_pipelines_too_and_the_given_estimator_stays():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    given = make_pipeline(StandardScaler(), LogisticRegression(C=2.0))
    assert knobs_of(given) == {"logisticregression__C": 2.0}
    fitted = remedy_named("regularised").fit(call_of(sites(), lambda: EstimatorLearner(given)), strength=10.0)
    assert pytest.approx(0.2) == fitted.estimator[-1].C
    assert given[-1].C == 2.0


def test_simpler_goes_from_trees_to_linear_to_a_stump():
    learner = simplified(named("gradient-boosting"), 1, regression=False)
    assert type(learner.estimator).__name__ == "LogisticRegression"
    assert simplified(named("gradient-boosting"), 2, regression=False).estimator.max_leaf_nodes == 4
    assert simplified(named("logistic"), 2, regression=False).estimator.max_leaf_nodes == 2


def test_left_out_domains_choose_what_rows_would_not():
    rng = np.random.default_rng(4)
    site = np.repeat(np.arange(9), 100)
    # The level of a domain names it: within domains a forest learns each domain's label by heart.
    name = np.round(rng.normal(size=9), 2)[site]
    level = rng.integers(0, 2, 9)[site]
    x = rng.normal(size=900)
    y = np.where(rng.random(900) < 0.75, level, x > 0).astype(int)
    table = pl.DataFrame({"x": x, "name": name, DOMAIN: site.astype(str), "y": np.where(y, "p", "q")})
    found = scores_by_domain(call_of(table, "gradient-boosting"))
    assert max(found, key=lambda k: found[k].mean()) != "as it is"
