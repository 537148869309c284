"""Differential item functioning against direct formulas and planted gaps."""

import numpy as np
import pytest

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.difficulty.dif import equated_gaps, logistic_dif, mantel_haenszel
from unseen.estimates.difficulty.rasch import fit_rasch


def answers(seed, shift, n=1500):
    rng = np.random.default_rng(seed)
    focal = rng.random(n) < 0.5
    ability = rng.normal(size=n) - 0.8 * focal
    right = (rng.random(n) < 1 / (1 + np.exp(-(ability + shift * focal)))).astype(float)
    return right, focal, np.clip(np.round(2 * ability), -4, 4), ability


def test_mantel_haenszel_is_the_ratio_of_sums_over_strata():
    right, focal, stratum, _ = answers(0, -0.7)
    top = bottom = 0.0
    for s in np.unique(stratum):
        t = stratum == s
        a, b = (right[t & ~focal] == 1).sum(), (right[t & ~focal] == 0).sum()
        c, d = (right[t & focal] == 1).sum(), (right[t & focal] == 0).sum()
        top, bottom = top + a * d / t.sum(), bottom + b * c / t.sum()
    found = mantel_haenszel(right, focal, stratum)
    assert found.delta.value == pytest.approx(-2.35 * np.log(top / bottom))
    assert found.ets in "BC"
    assert found.p_value < 0.001


def test_no_dif_is_found_at_the_nominal_rate_although_groups_differ_in_ability():
    p = np.array([
        (mantel_haenszel(*answers(s, 0.0)[:3]).p_value, logistic_dif(*np.array(answers(s, 0.0))[[0, 1, 3]]).p_any)
        for s in range(300)
    ])  # fmt: skip
    # Strata of half a standard deviation leave a trace of ability within them.
    assert np.mean(p[:, 0] < 0.05) < 0.12
    assert 0.015 < np.mean(p[:, 1] < 0.05) < 0.09


def test_a_planted_shift_is_covered():
    hits = [logistic_dif(*np.array(answers(s, -0.5))[[0, 1, 3]]).uniform for s in range(200)]
    assert 0.91 < np.mean([e.low < -0.5 < e.high for e in hits]) < 0.985


def test_what_is_undefined_is_said():
    with pytest.raises(Undefined, match="no finite value"):
        mantel_haenszel([1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0])
    with pytest.raises(TooFewUnits, match="10 units a group, got 17 and 3"):
        logistic_dif([0, 1] * 10, [1] * 3 + [0] * 17, range(20))
    with pytest.raises(Undefined, match="separated"):
        logistic_dif([0] * 20 + [1] * 20, [0, 1] * 20, range(40))


def test_extra_losses_are_covered_though_unseen_items_are_harder():
    extra, hits, null = 0.8, [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        ability = np.array([-0.5, 0.0, 0.5, 1.0])
        sides = []
        for shift, mean in ((0.0, 0.0), (extra, 1.0)):
            difficulty = rng.normal(mean, 1.3, 700)
            lost = ability - shift * (np.arange(4) == 0)
            sides.append(fit_rasch((rng.random((700, 4)) < 1 / (1 + np.exp(difficulty[:, None] - lost))).astype(float)))
        loss, covariance, _ = equated_gaps(*sides)
        truth = extra * ((np.arange(4) == 0) - 0.25)
        z = np.abs(loss - truth) / np.sqrt(np.diag(covariance))
        hits.append(z < 1.96)
        null.append(loss[0])
    assert 0.93 < np.mean(hits) < 0.97  # three of four gaps are free: 0.95 ± 3 × 0.0063
    assert np.mean(null) == pytest.approx(0.6, abs=0.04)
