"""What a measure tells beyond the settings, and where it orders worst."""

from itertools import combinations, product

import numpy as np
import pytest

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.models.foretelling import foretelling
from unseen.estimates.models.pairwise_information import information, worst_environments

GRID = [{"width": w, "rate": r, "noise": n, "seed": 0} for w, r, n in product(range(3), range(2), range(2))]


def slow(x, y, settings, chosen):
    """Jiang et al.'s equation 9, pair by pair."""
    counts = {}
    for i in range(len(x)):
        for j in range(len(x)):
            if x[i] == x[j] or y[i] == y[j]:
                continue
            u = tuple((settings[i][k], settings[j][k]) for k in chosen)
            at = counts.setdefault(u, np.zeros((2, 2)))
            at[int(x[i] > x[j]), int(y[i] > y[j])] += 1
    total = sum(c.sum() for c in counts.values())
    told = entropy = 0.0
    for c in counts.values():
        p, weight = c / c.sum(), c.sum() / total
        by_x, by_y = p.sum(1, keepdims=True), p.sum(0, keepdims=True)
        seen = p > 0
        told += weight * (p[seen] * np.log(p[seen] / (by_x * by_y)[seen])).sum()
        entropy -= weight * (by_y[by_y > 0] * np.log(by_y[by_y > 0])).sum()
    return told / entropy if entropy > 0 else np.inf


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_least_of_the_paper_s_ratio_over_all_sets_of_settings(seed):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=12).round(1)
    measure = (score + rng.normal(size=12)).round(1)
    names = ("noise", "rate", "width")
    ratios = {s: slow(measure, score, GRID, s) for k in range(3) for s in combinations(names, k)}
    found = information(measure, score, GRID, rng=rng, permutations=0)
    assert found.value == pytest.approx(min(ratios.values()), abs=1e-12)
    assert found.alone == pytest.approx(ratios[()], abs=1e-12)


def test_a_measure_that_is_a_setting_tells_nothing_beyond_it():
    rng = np.random.default_rng(0)
    runs = [{**one, "seed": s} for one in GRID for s in range(3)]
    width = np.array([one["width"] for one in runs], dtype=float)
    score = width + 0.3 * rng.normal(size=len(runs))
    found = information(width, score, runs, rng=rng, permutations=19)
    assert found.alone > 0.3
    assert (found.value, found.given[-1], found.p_value) == (pytest.approx(0, abs=1e-9), "width", 1.0)


def test_the_score_itself_tells_all():
    rng = np.random.default_rng(0)
    score = rng.normal(size=12)
    found = information(score, score, GRID, rng=rng, permutations=39)
    assert found.value == pytest.approx(1)
    assert found.p_value < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_measures_that_follow_two_settings_alone_are_rarely_said_to_tell_more(shared):
    # 5 % asked; 3.5 binomial sd over 100 draws beyond. Runs of one configuration share most of their noise, or none of it.
    runs = [{**one, "seed": s} for one in GRID for s in range(3)]
    effects = np.array([one["width"] - 2.0 * one["noise"] for one in runs])
    said = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        noise = np.sqrt(1 - shared) * rng.normal(size=(2, 36)) + np.sqrt(shared) * np.repeat(
            rng.normal(size=(2, 12)), 3, axis=1
        )
        said += information(effects + noise[0], effects + noise[1], runs, rng=rng, permutations=39).p_value <= 0.05
    assert said <= 0.126 * 100


def test_too_few_runs_and_values_that_are_no_numbers_are_told():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewUnits, match="needs 8 of them, got 3"):
        information(np.arange(3.0), np.arange(3.0), GRID[:3], rng=rng)
    with pytest.raises(Undefined, match="not finite"):
        information(np.full(12, np.nan), np.arange(12.0), GRID, rng=rng)
    with pytest.raises(Undefined, match="the same measure"):
        information(np.ones(12), np.arange(12.0), GRID, rng=rng)


def big(seed=0):
    return [
        {"width": w, "rate": r, "noise": n, "batch": b, "seed": seed}
        for w, r, n, b in product(range(4), range(4), range(2), range(2))
    ]


def test_an_order_that_turns_round_in_one_place_is_found_there():
    rng = np.random.default_rng(0)
    runs = big()
    width = np.array([one["width"] for one in runs], dtype=float)
    noise = np.array([one["noise"] for one in runs])
    score = 3 * width + rng.normal(0, 0.01, len(runs))
    # Right wherever width varies without noise, wrong where it varies with it.
    measure = np.where(noise == 0, width, -width) + rng.normal(0, 0.01, len(runs))
    found = worst_environments(measure, score, runs)
    assert (found.varied, found.held) == ("width", ("noise", "1"))
    assert ("width", ("noise", "1")) in found.reversed
    assert found.least.high < 0


def test_an_order_that_holds_everywhere_has_no_environment_that_turns_it_round():
    rng = np.random.default_rng(1)
    runs = big()
    score = rng.normal(size=len(runs))
    found = worst_environments(score + 0.1 * rng.normal(size=len(runs)), score, runs)
    assert found.reversed == ()
    # 0.1 of noise turns round 6 % of pairs (arctan 0.1/√2 over π is 0.03 a side), in no environment as many as a quarter.
    assert found.least.value > 0.5


def test_environments_without_a_second_setting_are_those_of_foretelling():
    rng = np.random.default_rng(2)
    runs = big()
    score = rng.normal(size=len(runs))
    measure = score + rng.normal(size=len(runs))
    lowest = min(e.value for e in foretelling(measure, score, runs).by_setting.values())
    assert worst_environments(measure, score, runs).least.value <= lowest


def test_runs_that_stand_alone_have_no_environments():
    runs = [{"a": i, "b": i} for i in range(10)]
    with pytest.raises(Undefined, match="no environment"):
        worst_environments(np.arange(10.0), np.arange(10.0), runs)
