import numpy as np
import pytest

from unseen.errors import TooFewUnits
from unseen.estimates.breakpoint import broken_line
from unseen.estimates.curve import curve


def _curve(rng, truth, clusters=0):
    per = 80
    codes = np.repeat(np.arange(len(truth)), per)
    cluster = np.arange(len(codes)) if not clusters else rng.integers(0, clusters, len(codes))
    shift = 0.15 * rng.standard_normal(clusters)[cluster] if clusters else 0.0
    p = np.clip(truth[codes] + shift, 0, 1)
    return curve(np.arange(len(truth), dtype=float), codes, (rng.random(len(codes)) < p).astype(float), cluster)


@pytest.mark.parametrize("clusters", [0, 60])
def test_the_break_is_covered_at_its_rate(clusters):
    x = np.arange(10.0)
    truth, rng, hits, runs = 0.8 - 0.12 * np.maximum(x - 4.3, 0), np.random.default_rng(clusters), 0, 200
    for _ in range(runs):
        point = broken_line(_curve(rng, truth, clusters), rng=rng, n_draws=1).point
        hits += point.low <= 4.3 <= point.high
    assert hits / runs >= 0.90  # 95 % nominal; 0.90 is 3.2 binomial sd below


def test_a_straight_line_is_rarely_said_to_break():
    rng, wrong, runs = np.random.default_rng(2), 0, 200
    for _ in range(runs):
        wrong += broken_line(_curve(rng, 0.8 - 0.05 * np.arange(10.0)), rng=rng, n_draws=200).p_value <= 0.05
    assert wrong / runs <= 0.10  # 5 % nominal; 0.10 is 3.2 binomial sd above


def test_the_fit_is_the_best_of_a_brute_force_search():
    rng = np.random.default_rng(3)
    c = _curve(rng, 0.8 - 0.12 * np.maximum(np.arange(8.0) - 3, 0))
    best = broken_line(c, rng=rng, n_draws=1)
    inverse, x = np.linalg.inv(c.covariance), c.x

    def cost(at):
        d = np.stack([np.ones_like(x), x, np.maximum(x - at, 0)], axis=1)
        beta = np.linalg.solve(d.T @ inverse @ d, d.T @ inverse @ c.mean)
        r = c.mean - d @ beta
        return r @ inverse @ r

    grid = np.linspace(0.05, 6.95, 500)
    assert cost(best.point.value) <= min(cost(g) for g in grid) + 0.02


def test_three_levels_are_too_few():
    with pytest.raises(TooFewUnits, match="a break point needs 4 levels of the factor, got 3"):
        broken_line(_curve(np.random.default_rng(4), np.array([0.8, 0.5, 0.2])), rng=np.random.default_rng(5))
