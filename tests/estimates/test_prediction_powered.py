"""Prediction-powered means: unbiased whatever the prediction, never overconfident on few labels, narrow where it is good."""

from functools import cache

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.intervals.means import difference, mean_estimate
from unseen.estimates.intervals.prediction_powered import ppi_difference, ppi_mean, ppi_paired


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


@cache
def _intercept(accuracy):
    """The shift at which the mean of sigmoid(shift + 3x) over a normal x is the accuracy."""
    grid = np.random.default_rng(9).normal(size=20_000)
    ends = [-15.0, 15.0]
    for _ in range(50):
        middle = sum(ends) / 2
        ends[int(_sigmoid(middle + 3 * grid).mean() > accuracy)] = middle
    return ends[0]


def concept(rng, accuracy, n):
    """Confidence stays where it was while the chance to be right falls by 1.2 logits."""
    x, shift = rng.normal(size=n), _intercept(accuracy)
    return (rng.random(n) < _sigmoid(shift + 3 * x)) * 1.0, _sigmoid(shift + 1.2 + 3 * x)


def label(rng, accuracy, n):
    """Right answers are as confident as ever, but there are fewer of them."""
    y = (rng.random(n) < accuracy) * 1.0
    return y, _sigmoid(1.4 + 2 * (rng.normal(size=n) + 2 * (y - 0.5)))


def covariate(rng, accuracy, n):
    """Hard rows, rare before, make a long tail of low confidence."""
    x, y = rng.exponential(size=n), np.empty(n)
    slope = (1 - accuracy) / accuracy
    p = np.exp(-slope * x)  # its mean over the exponential is 1 / (1 + slope) = accuracy
    y = (rng.random(n) < p) * 1.0
    return y, np.clip(p + 0.1, 0, 1)


def judge(rng, accuracy, n):
    """Accepts one wrong answer in five, refuses one right answer in fifty."""
    y = (rng.random(n) < accuracy) * 1.0
    u = rng.random(n)
    return y, np.where(y == 1, u > 0.02, u < 0.2) * 1.0


def masked(y, labels):
    return np.where(np.arange(len(y)) < labels, y, np.nan)


@pytest.mark.parametrize("world", [concept, label, covariate, judge])
@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.95])
def test_thirty_labels_cover_at_the_stated_rate_whatever_the_shift(world, accuracy):
    """z covers .70–.88 here; 0.93 less 2.6 binomial standard errors of 600 draws is .906."""
    rng, hits, width, classical = np.random.default_rng(1), 0, 0.0, 0.0
    for _ in range(600):
        y, f = world(rng, accuracy, 230)
        mean, weight = ppi_mean(masked(y, 30), f, np.arange(230))
        hits += mean.low <= accuracy <= mean.high
        assert 0 <= weight <= 1
        width, classical = width + mean.width, classical + mean_estimate(y[:30], np.arange(30)).width
    assert hits / 600 >= 0.906
    assert width <= 1.01 * classical


@pytest.mark.parametrize("shared", [True, False])
def test_clusters_are_respected_whether_whole_or_partly_labelled(shared):
    """Ten rows a cluster, labels on single rows or on whole clusters; .93 less 2.5 se of 400 draws is .898."""
    rng, hits, accuracy = np.random.default_rng(2), 0, 0.5
    for _ in range(400):
        u = np.repeat(rng.normal(size=30), 10)
        x = rng.normal(size=300)
        y, cluster = (rng.random(300) < _sigmoid(1.5 * x + u)) * 1.0, np.repeat(np.arange(30), 10)
        labelled = rng.permutation(300)[:60] if shared else np.flatnonzero(np.isin(cluster, rng.permutation(30)[:12]))
        outcome = np.full(300, np.nan)
        outcome[labelled] = y[labelled]
        mean, _ = ppi_mean(outcome, _sigmoid(1.5 * x + u + 1), cluster)
        hits += mean.low <= accuracy <= mean.high
    assert hits / 400 >= 0.898


def test_good_predictions_narrow_and_useless_ones_leave_the_labels():
    """A judge that errs in 5 % of rows explains ρ² = 0.81: √(1 − ρ²/(1 + 400/4600)) = 0.505 of the width, and a bit."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 5000) * 1.0
    good = np.where(rng.random(5000) < 0.05, 1 - y, y)
    classical = mean_estimate(y[:400], np.arange(400)).width
    assert ppi_mean(masked(y, 400), good, np.arange(5000))[0].width < 0.6 * classical
    opposed, weight = ppi_mean(masked(y, 400), 1 - good, np.arange(5000))
    assert weight == 0
    assert opposed.width == pytest.approx(classical)
    constant, weight = ppi_mean(masked(y, 400), np.full(5000, 0.7), np.arange(5000))
    assert weight == 0
    assert constant.value == y[:400].mean()


def test_the_point_is_the_papers_formula():
    """Written out: θ = λ·mean_U(f) + mean_L(y − λf), λ = Cov_L(y, f) / ((1 + n/N)·Var(f)), as in example 6.1."""
    rng = np.random.default_rng(4)
    y, f = rng.normal(size=60), rng.normal(size=60)
    f[:20] += 0.3 * y[:20]
    mean, weight = ppi_mean(masked(y, 20), f, np.arange(60))
    expected = np.mean((y[:20] - y[:20].mean()) * (f[:20] - f[:20].mean())) / ((1 + 20 / 40) * f.var(ddof=1))
    assert weight == pytest.approx(expected)
    assert mean.value == pytest.approx(weight * f[20:].mean() + np.mean(y[:20] - weight * f[:20]))


def test_with_every_row_labelled_it_is_the_classical_interval():
    y = np.array([1.0] * 17 + [0.0] * 3)
    mean, weight = ppi_mean(y, np.linspace(0, 1, 20), np.arange(20))
    classical = mean_estimate(y, np.arange(20))
    assert weight == 0
    assert (mean.low, mean.high) == pytest.approx((classical.low, classical.high))


def test_a_kinder_judge_on_one_side_makes_no_gap_and_the_level_holds():
    """Truth 0.8 on both sides; the judge accepts 5 % of wrong answers on unseen and 60 % on seen rows."""
    rng, rejected, agrees = np.random.default_rng(5), 0, 0
    for _ in range(500):
        sides = []
        for kind in (0.6, 0.05):
            y, u = (rng.random(240) < 0.8) * 1.0, rng.random(240)
            sides.append(
                (masked(y, 40), np.where(y == 1, u > 0.02, u < kind) * 1.0, np.arange(240) + 1000 * len(sides))
            )
        gap, p, _ = ppi_difference(*sides)
        rejected += p <= 0.05
        agrees += (p <= 0.05) == (not gap.low <= 0 <= gap.high)
    assert rejected / 500 <= 0.075  # 0.05 + 2.6 binomial standard errors
    assert agrees == 500


def test_a_real_gap_is_found_where_labels_alone_miss_it():
    """0.9 against 0.7 with 40 labels and 400 judged rows a side, a judge wrong in 5 %: more power than labels alone."""
    rng, ours, theirs = np.random.default_rng(6), 0, 0
    for _ in range(200):
        sides, labels = [], []
        for accuracy in (0.9, 0.7):
            y = (rng.random(440) < accuracy) * 1.0
            f, unit = np.where(rng.random(440) < 0.05, 1 - y, y), np.arange(440) + 1000 * len(sides)
            sides.append((masked(y, 40), f, unit))
            labels += [y[:40], unit[:40]]
        ours += ppi_difference(*sides)[1] <= 0.05
        theirs += difference(*labels)[1] <= 0.05
    assert ours >= theirs + 20


def test_shared_clusters_cancel_in_a_difference():
    """Both sides hold the same clusters: what the clusters share is no part of the gap's error."""
    rng = np.random.default_rng(7)
    u = np.repeat(rng.normal(size=60), 5)
    y = (rng.random((2, 300)) < _sigmoid(3 * u)) * 1.0
    unit = np.repeat(np.arange(60), 5)
    outcome = [np.where(np.arange(300) % 5 < 3, row, np.nan) for row in y]
    paired, _, _ = ppi_difference((outcome[0], y[0] * 0.5, unit), (outcome[1], y[1] * 0.5, unit))
    apart, _, _ = ppi_difference((outcome[0], y[0] * 0.5, unit), (outcome[1], y[1] * 0.5, unit + 100))
    assert paired.width < 0.75 * apart.width


@pytest.mark.parametrize(("a", "b"), [(0.9, 0.9), (0.8, 0.7), (0.6, 0.4)])
def test_paired_models_cover_and_hold_their_level(a, b):
    rng, hits, rejected = np.random.default_rng(8), 0, 0
    for _ in range(400):
        u, flip = rng.random(230), rng.random((2, 230)) < 0.1
        shared = rng.random(230) < 0.5
        y = np.array([u < a, np.where(shared, u, rng.random(230)) < b]) * 1.0
        f = np.where(flip, 1 - y, y)
        gap, p, _ = ppi_paired(masked(y[0], 30), masked(y[1], 30), f[0], f[1], np.arange(230))
        hits += gap.low <= a - b <= gap.high
        rejected += p <= 0.05
        assert -1 <= gap.low < gap.high <= 1
    assert hits / 400 >= 0.898
    if a == b:
        assert rejected / 400 <= 0.075


def test_real_scores_stay_in_their_range():
    rng = np.random.default_rng(10)
    y = rng.beta(8, 0.3, size=200)
    mean, _ = ppi_mean(masked(y, 10), np.round(y, 1), np.arange(200), score_range=(0, 1))
    assert mean.low >= 0
    assert mean.high <= 1


def test_what_cannot_be_had_is_said():
    with pytest.raises(TooFewUnits, match=r"labels on at least 2 independent units, got 1 \(3 labelled rows of 5\)"):
        ppi_mean([1, 0, 1, np.nan, np.nan], [1, 0, 1, 1, 0], [0, 0, 0, 1, 2])
    with pytest.raises(Undefined, match=r"all 3 labels are 0\.5"):
        ppi_mean([0.5, 0.5, 0.5, np.nan], [1, 0, 1, 1], [0, 1, 2, 3])
    with pytest.raises(BadInput, match="got 2 outcomes, 3 clusters, 3"):
        ppi_mean([1, 0], [1, 0, 1], [0, 1, 2])
    nothing = ([np.nan] * 3, [1, 0, 1], [3, 4, 5])
    with pytest.raises(TooFewUnits, match="the side unseen"):
        ppi_difference(([1, 0, 1], [1, 0, 1], [0, 1, 2]), nothing, names=("seen", "unseen"))


def test_labels_that_all_agree_keep_a_width():
    mean, _ = ppi_mean([1.0] * 30 + [np.nan] * 200, np.ones(230), np.arange(230))
    assert mean.width > 0.1
    gap, p, _ = ppi_paired(
        [1.0] * 30 + [np.nan] * 200, [1.0] * 30 + [np.nan] * 200, np.ones(230), np.ones(230), range(230)
    )
    assert gap.width > 0.1
    assert p == 1.0


def test_negative_clusters_are_units_of_their_own():
    y, f = [1, 0, 1, 1] + [np.nan] * 4, [0.9, 0.1, 0.8, 0.9] * 2
    assert ppi_mean(y, f, [-1] * 8)[0].units == 4
