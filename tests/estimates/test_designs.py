"""Plans against closed forms and against simulated tables, clustered and uneven ones too."""

import math

import numpy as np
import pytest
from scipy import stats

from unseen.estimates.intervals.designs import (
    GapContrast,
    Layout,
    LevelsContrast,
    MeasuredContrast,
    PairContrast,
    Rule,
    clusters_needed,
    power_at,
    smallest_decided,
    smallest_found,
)
from unseen.estimates.intervals.means import difference
from unseen.estimates.intervals.paired import paired_difference

ALPHA = 0.007


def z(tail):
    return stats.norm.isf(tail)


def needed(size, contrast, gap, rule, rows=1.0, uneven=0.0, least=2):
    return clusters_needed(lambda at: (size(contrast, at, rule) or 9) <= gap, rows, uneven, least=least)


def test_scores_that_are_not_binary_need_what_the_textbook_says():
    # n = (z + z)²·2s² / δ² a side; the quantiles of t make it a little more.
    contrast, rule = GapContrast(0.7, 0.5, sd=0.25), Rule(ALPHA)
    exact = 2 * (z(ALPHA / 2) + z(0.2)) ** 2 * 2 * 0.25**2 / 0.05**2
    assert exact <= needed(smallest_found, contrast, 0.05, rule) <= 1.005 * exact + 4
    exact = 2 * (z(ALPHA / 2) + z(0.025)) ** 2 * 2 * 0.25**2 / 0.05**2
    assert exact <= needed(smallest_decided, contrast, 0.05, rule) <= 1.005 * exact + 4


def test_proportions_need_what_the_textbook_says():
    # Unpooled variance at the two expected proportions. Wilson's limits take theirs at the limits, which lie 0.03 from
    # the proportions: 6 % of each side's variance, most of which cancels between the sides.
    contrast, rule, gap = GapContrast(0.7, 0.4), Rule(ALPHA), 0.05
    variance = 0.7 * 0.3 / 0.6 + 0.65 * 0.35 / 0.4
    exact = (z(ALPHA / 2) + z(0.2)) ** 2 * variance / gap**2
    assert needed(smallest_found, contrast, gap, rule) == pytest.approx(exact, rel=0.03)
    # Paired: McNemar's test has the discordant share as its variance under the null (Connor 1987).
    paired = PairContrast(0.7, 0.5)
    sa, sb = math.sqrt(0.7 * 0.3), math.sqrt(0.65 * 0.35)
    spread = sa**2 + sb**2 - sa * sb
    connor = (z(ALPHA / 2) * math.sqrt(spread + gap**2) + z(0.2) * math.sqrt(spread)) ** 2 / gap**2
    # The exact test asks for one more discordant pair, that is for about 2 / gap more items (Fleiss's correction).
    assert needed(smallest_found, paired, gap, rule) == pytest.approx(connor + 2 / gap, rel=0.02)


def test_the_largest_of_several_levels_pays_for_all_pairs():
    four, rule = LevelsContrast(0.7, 4, sd=0.3), Rule(0.05)
    layout = Layout(40_000)
    error = 0.3 * math.sqrt(2 * 4 / 40_000)
    assert smallest_found(four, layout, rule) == pytest.approx((z(0.025 / 6) + z(0.2)) * error, rel=0.005)


def test_clusters_count_by_their_design_effect_and_uneven_ones_for_fewer():
    rule, single, many = Rule(0.05), GapContrast(0.7, 0.5), GapContrast(0.7, 0.5, intraclass=0.1)
    # 4,000 clusters of 10 at ρ = 0.1 are worth 40,000 / 1.9 rows; so many clusters that t is normal.
    clustered = smallest_found(many, Layout(4000, 10), rule)
    assert clustered == pytest.approx(smallest_found(single, Layout(40_000 / 1.9), rule), rel=0.002)
    # Σn²/Σn = 20 where sizes have a coefficient of variation of 1.
    assert Layout(100, 10, 1.0).effect(0.1) == pytest.approx(2.9)
    few = smallest_found(GapContrast(0.7, 0.5, intraclass=0.1), Layout(20, 10), rule)
    assert few > smallest_found(single, Layout(200 / 1.9), rule)


def test_more_is_never_worse():
    rule = Rule(ALPHA, smallest=0.02)
    for contrast in (GapContrast(0.7, 0.4, 0.1), PairContrast(0.7, 0.3, 0.1), LevelsContrast(0.7, 3, 0.1)):
        for size in (smallest_found, smallest_decided):
            found = [size(contrast, Layout(k, 10), rule) or 1.0 for k in (30, 60, 120, 500, 4000)]
            assert found == sorted(found, reverse=True)
        at = [power_at(contrast, Layout(300, 10), gap, rule) for gap in np.linspace(0, 0.5, 30)]
        assert at == sorted(at)


def test_a_score_without_room_and_clusters_without_end():
    # Of a score of 0.1 no 0.2 can be lost; clusters that agree in themselves bring nothing by more rows.
    assert smallest_found(GapContrast(0.1, 0.5), Layout(40), Rule(0.05)) is None
    contrast, rule = GapContrast(0.7, 0.5, 0.2), Rule(0.05)
    assert smallest_decided(contrast, Layout(30, 1e9), rule) > 0.2
    assert clusters_needed(lambda at: False, 1.0) is None


def test_a_measured_error_is_carried_over_by_items_and_design_effect():
    contrast = MeasuredContrast(0.04, Layout(50, 10), 0.1)
    assert contrast.error(Layout(100, 10), 0.0) == pytest.approx(0.04 / math.sqrt(2))
    assert contrast.error(Layout(50, 20), 0.0) == pytest.approx(0.04 * math.sqrt(2.9 / 1.9 / 2))
    assert smallest_found(contrast, Layout(50, 10), Rule(0.05)) == pytest.approx(0.04 * (z(0.025) + z(0.2)))


def sizes_of(rng, clusters, rows, uneven):
    if rows == 1:
        return np.ones(clusters, int)
    if not uneven:
        return np.full(clusters, rows)
    shape = 1 / uneven**2
    return np.maximum(1, np.round(rng.gamma(shape, rows / shape, clusters)).astype(int))


def table(rng, score, gap, share, rho, clusters, rows, uneven):
    """Answers of beta-binomial clusters, each on one side."""
    size = sizes_of(rng, clusters, rows, uneven)
    unseen = np.arange(clusters) < round(share * clusters)
    mean = np.where(unseen, score - gap, score)
    p = rng.beta(mean * (1 / rho - 1), (1 - mean) * (1 / rho - 1)) if rho else mean
    cluster = np.repeat(np.arange(clusters), size)
    return (rng.random(len(cluster)) < p[cluster]) * 1.0, cluster, unseen[cluster]


def judged(rng, rule, matters, *design):
    """How U101 judges one table: found, or excluded."""
    y, cluster, unseen = table(rng, *design)
    estimate, p = difference(y[~unseen], cluster[~unseen], y[unseen], cluster[unseen])
    found = p <= rule.alpha and estimate.value >= rule.smallest
    return found, not found and estimate.high < matters


@pytest.mark.parametrize(
    ("score", "share", "rho", "rows", "uneven", "gap"),
    [
        (0.7, 0.4, 0.0, 1, 0.0, 0.1),
        (0.7, 0.4, 0.1, 10, 0.0, 0.1),
        (0.9, 0.3, 0.05, 8, 0.0, 0.1),
        (0.6, 0.5, 0.1, 6, 0.6, 0.15),
    ],
)
def test_the_planned_number_finds_in_four_of_five_tables(score, share, rho, rows, uneven, gap):
    rng, rule, replicates = np.random.default_rng(1), Rule(ALPHA, smallest=0.02), 400
    clusters = needed(smallest_found, GapContrast(score, share, rho), gap, rule, rows, uneven**2, least=20)
    found = sum(judged(rng, rule, 1.0, score, gap, share, rho, clusters, rows, uneven)[0] for _ in range(replicates))
    # 0.80 with 400 tables has a standard error of 0.02; three of them either way.
    assert abs(found / replicates - 0.8) <= 0.06


@pytest.mark.parametrize(
    ("score", "share", "rho", "rows", "uneven"),
    [(0.7, 0.4, 0.0, 1, 0.0), (0.7, 0.4, 0.1, 10, 0.0), (0.9, 0.25, 0.05, 20, 0.0), (0.6, 0.5, 0.1, 6, 0.6)],
)
def test_the_number_to_decide_decides_whatever_the_gap_is(score, share, rho, rows, uneven):
    rng, rule, matters, replicates = np.random.default_rng(2), Rule(ALPHA, smallest=0.02), 0.15, 120
    least = math.ceil(10 / min(share, 1 - share))
    clusters = needed(smallest_decided, GapContrast(score, share, rho), matters, rule, rows, uneven**2, least=least)
    for gap in (0.0, 0.06, 0.09, 0.15):
        decided = sum(
            any(judged(rng, rule, matters, score, gap, share, rho, clusters, rows, uneven)) for _ in range(replicates)
        )
        assert decided / replicates >= 0.8


def test_the_planned_number_of_pairs_is_found_by_mcnemar():
    rng, rule, gap, pairing, replicates = np.random.default_rng(3), Rule(ALPHA), 0.08, 0.4, 500
    n = needed(smallest_found, PairContrast(0.7, pairing), gap, rule)
    a, b = 0.7, 0.62
    both = a * b + pairing * math.sqrt(a * (1 - a) * b * (1 - b))
    cells = [both, a - both, b - both, 1 - a - b + both]
    found = 0
    for _ in range(replicates):
        drawn = rng.choice(4, n, p=cells)
        _, p = paired_difference((drawn < 2) * 1.0, (drawn % 2 == 0) * 1.0, np.arange(n), rng=rng)
        found += p <= rule.alpha
    assert abs(found / replicates - 0.8) <= 3 * math.sqrt(0.8 * 0.2 / replicates) + 0.01
