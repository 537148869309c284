"""Order agreement of runs: equal to Kendall's, covered, at its level, and told by the settings in which runs differ."""

import numpy as np
import pytest
from scipy import stats

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.models.foretelling import _jackknifed, foretelling


def test_without_ties_it_is_kendalls_coefficient():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 30))
    found = foretelling(x, y)
    theirs = stats.kendalltau(x, y, method="asymptotic")
    assert found.tau.value == pytest.approx(theirs.statistic)
    # Theirs is normal, ours t with 29 degrees of freedom.
    z = stats.norm.isf(theirs.pvalue / 2)
    assert found.p_value == pytest.approx(2 * stats.t.sf(z, 29), rel=1e-6)


def test_with_ties_the_null_spread_is_scipys():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, (2, 40)).astype(float)
    theirs = stats.kendalltau(x, y, method="asymptotic")
    z = stats.norm.isf(theirs.pvalue / 2)
    # tau-b over its spread is the sum of signs over its own.
    assert foretelling(x, y).p_value == pytest.approx(2 * stats.t.sf(z, 39), rel=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("n", [12, 40])
def test_the_interval_covers(rho, n):
    rng = np.random.default_rng(2)
    truth = 2 / np.pi * np.arcsin(rho)
    draws, hits = 400, 0
    for _ in range(draws):
        x = rng.normal(size=n)
        found = foretelling(x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)).tau
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / draws <= 0.995


def test_the_test_is_at_its_level():
    rng = np.random.default_rng(3)
    found = [foretelling(*rng.normal(size=(2, 15))).p_value <= 0.05 for _ in range(600)]
    assert np.mean(found) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 600)


def test_the_worst_setting_is_told():
    # The measure follows the width, with which the score rises, and rises with noise, with which the score falls.
    settings = [{"width": w, "noise": z, "seed": s} for w in range(4) for z in range(3) for s in range(3)]
    rng = np.random.default_rng(0)
    score = np.array([o["width"] - 2 * o["noise"] for o in settings]) + 0.1 * rng.normal(size=36)
    measure = np.array([o["width"] + o["noise"] for o in settings]) + 0.1 * rng.normal(size=36)
    found = foretelling(measure, score, settings)
    assert found.worst == "noise"
    assert found.by_setting["noise"].value == -1
    assert found.by_setting["width"].value == 1
    assert "seed" not in found.by_setting


def test_pairs_that_noise_explains_do_not_make_a_measure_look_bad():
    # The score follows the width; the rate does nothing, so that scores of runs that differ in it are noise.
    settings = [{"width": w, "rate": r} for w in range(6) for r in range(6)]
    rng = np.random.default_rng(0)
    width = np.array([o["width"] for o in settings], dtype=float)
    score = width + 0.01 * rng.normal(size=36)
    measure = width + 0.01 * rng.normal(size=36)
    apart = abs(score[:, None] - score[None]) > 0.1
    assert foretelling(measure, score, settings).worst == "rate"
    found = foretelling(measure, score, settings, apart=apart)
    assert list(found.by_setting) == ["width"]
    assert found.by_setting["width"].low > 0.5


def test_what_has_no_order_is_told():
    with pytest.raises(TooFewUnits, match="8 of them, got 3"):
        foretelling(np.arange(3), np.arange(3))
    with pytest.raises(Undefined, match="the same measure"):
        foretelling(np.ones(10), np.arange(10))
    with pytest.raises(Undefined, match="not finite"):
        foretelling(np.full(10, np.nan), np.arange(10))


def test_runs_of_one_configuration_count_once():
    # Nothing is foretold; runs of one configuration are alike in measure and score.
    rng = np.random.default_rng(4)
    settings = [{"width": w, "seed": s} for w in range(8) for s in range(4)]
    width, told, blind = np.repeat(np.arange(8), 4), 0, 0
    for _ in range(300):
        x, y = rng.normal(size=(2, 8))[:, width] + 0.5 * rng.normal(size=(2, 32))
        found, each = foretelling(x, y, settings), foretelling(x, y)
        told += not found.tau.low <= 0 <= found.tau.high
        blind += not each.tau.low <= 0 <= each.tau.high
        assert found.p_value >= each.p_value
    assert told / 300 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)
    assert blind / 300 > 0.15


def test_leaving_out_a_configuration_is_leaving_out_its_runs():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(5), 3)
    agree = np.sign(rng.normal(size=(15, 15)))
    agree = np.triu(agree, 1) + np.triu(agree, 1).T
    pairs = ~np.eye(15, dtype=bool)
    without = np.array([agree[np.ix_(k, k)][pairs[np.ix_(k, k)]].mean() for k in (groups != g for g in range(5))])
    error = np.sqrt(4 / 5 * ((without - without.mean()) ** 2).sum())
    assert _jackknifed(agree, pairs, groups)[1] == pytest.approx(error)


def test_a_search_with_a_rate_for_each_run_has_runs_as_configurations():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(2, 12))
    seeds = [{"seed": s} for s in range(12)]
    rates = [{"rate": s / 12, "seed": s % 3} for s in range(12)]
    alone = foretelling(x, y).tau
    assert foretelling(x, y, seeds).tau == alone
    assert foretelling(x, y, rates).tau == alone
