import numpy as np
import pytest

from unseen.errors import TooFewUnits
from unseen.estimates.contrasts.breakpoint import broken_line
from unseen.estimates.contrasts.curve import curve


def _curve(rng, truth, clusters=0, x=None):
    per = 80
    codes = np.repeat(np.arange(len(truth)), per)
    cluster = np.arange(len(codes)) if not clusters else rng.integers(0, clusters, len(codes))
    shift = 0.15 * rng.standard_normal(clusters)[cluster] if clusters else 0.0
    p = np.clip(truth[codes] + shift, 0, 1)
    x = np.arange(len(truth), dtype=float) if x is None else x
    return curve(x, codes, (rng.random(len(codes)) < p).astype(float), cluster)


@pytest.mark.parametrize(("clusters", "levels"), [(0, 10), (60, 10), (15, 10), (15, 6)])
def test_the_break_is_covered_at_its_rate(clusters, levels):
    x = np.linspace(0, 9, levels)
    truth, rng, hits, runs = 0.8 - 0.12 * np.maximum(x - 4.3, 0), np.random.default_rng(clusters), 0, 200
    for _ in range(runs):
        point = broken_line(_curve(rng, truth, clusters, x), rng=rng, n_draws=200).point
        hits += point.low <= 4.3 <= point.high
    assert hits / runs >= 0.90  # 95 % nominal; 0.90 is 3.2 binomial sd below


@pytest.mark.parametrize("clusters", [0, 15])
def test_a_cliff_is_told_from_a_slope(clusters):
    rng, x, said, steps, runs = np.random.default_rng(clusters), np.arange(8.0), [], 0, 30
    for _ in range(runs):
        found = broken_line(_curve(rng, np.where(x < 4.5, 0.85, 0.45), clusters), rng=rng, n_draws=200)
        said.append((found.falls, found.point.low <= 4.5 <= found.point.high, found.p_value <= 0.05))
        steps += found.kind == "step"
    # The drop is 5 standard errors of the difference of two levels: a miss in thirty is rare, two are rarer still.
    assert all(sum(part) >= runs - 1 for part in zip(*said, strict=True))
    # Noise of the levels on both sides makes a slope fit better now and then; by a coin's toss 24 of 30 have p < .001.
    assert steps >= 24


def test_a_fall_at_the_last_level_is_put_between_it_and_the_one_before():
    rng, x = np.random.default_rng(7), np.arange(7.0)
    found = broken_line(_curve(rng, np.where(x < 5.5, 0.9, 0.3)), rng=rng)
    # A single point past the break is on some line: hinge and step fit alike, and the place is all that is known.
    assert (found.kind, found.either) == ("step", True)
    assert found.point.high == 6.0
    assert 5 - 2 * 6 / 62 < found.point.low <= 5  # a grid of 61 places


def test_a_profile_that_is_flat_names_no_place():
    flat = [
        broken_line(_curve(rng, np.full(8, 0.6)), rng=rng, n_draws=200) for rng in map(np.random.default_rng, range(40))
    ]
    named = sum(b.p_value <= 0.05 and not b.flat for b in flat)
    assert named <= 40 * 0.05 + 3.2 * (40 * 0.05 * 0.95) ** 0.5
    assert np.mean([b.flat for b in flat]) > 0.5


def test_a_straight_line_is_rarely_said_to_break():
    rng, wrong, runs = np.random.default_rng(2), 0, 200
    for _ in range(runs):
        wrong += broken_line(_curve(rng, 0.8 - 0.05 * np.arange(10.0)), rng=rng, n_draws=200).p_value <= 0.05
    assert wrong / runs <= 0.10  # 5 % nominal; 0.10 is 3.2 binomial sd above


def test_the_fit_is_the_best_of_a_brute_force_search():
    rng = np.random.default_rng(3)
    c = _curve(rng, 0.8 - 0.12 * np.maximum(np.arange(8.0) - 3, 0))
    best = broken_line(c, rng=rng, n_draws=2)
    smooth = (c.mean * c.rows + 0.5) / (c.rows + 1)
    weight, x = c.rows / (smooth * (1 - smooth)), c.x

    def cost(bend):
        d = np.stack([np.ones_like(x), x, bend], axis=1) * np.sqrt(weight)[:, None]
        y = c.mean * np.sqrt(weight)
        return np.sum((y - d @ np.linalg.lstsq(d, y, rcond=None)[0]) ** 2)

    hinges = min(cost(np.maximum(x - g, 0)) for g in np.linspace(0.05, 6.95, 500))
    steps = min(cost((x > g).astype(float)) for g in np.arange(0.5, 7))
    assert best.kind == "hinge"
    assert cost(np.maximum(x - best.point.value, 0)) <= min(hinges, steps) * 1.01


def test_three_levels_are_too_few():
    with pytest.raises(TooFewUnits, match="a break point needs 4 levels of the factor, got 3"):
        broken_line(_curve(np.random.default_rng(4), np.array([0.8, 0.5, 0.2])), rng=np.random.default_rng(5))
