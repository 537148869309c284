"""Few, uneven and giant clusters: variances by definition, levels by simulation, refusals by their words."""

import numpy as np
import pytest

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.decomposition import decompose
from unseen.estimates.contrasts.trend import change_over, jump
from unseen.estimates.intervals import clustered
from unseen.estimates.intervals.clustered import effective_clusters, robust_contrast
from unseen.estimates.intervals.means import difference
from unseen.estimates.intervals.paired import paired_difference

# Rows of each of 22 clusters: Zipf's law, and one cluster with 60 % of the rows.
ZIPF = np.maximum(4, 240 / np.arange(1, 23)).astype(int)
GIANT = np.array([660] + [20] * 21)


def drawn(rng, sizes, side, *, correlation, binary):
    """Scores with a cluster effect and no gap; ``side`` says which clusters or rows are seen."""
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    seen = (cluster % 2 == 0) if side == "clusters" else rng.random(len(cluster)) < (0.95 if side == "rare" else 0.5)
    latent = np.sqrt(correlation) * rng.normal(size=len(sizes))[cluster]
    latent = latent + np.sqrt(1 - correlation) * rng.normal(size=len(cluster))
    return ((latent < 0.5).astype(float) if binary else latent), cluster, seen


def levels(sizes, side, *, correlation, binary, runs=300):
    """Share of runs with p <= .05, share of the estimated ones that cover zero, share that were declined."""
    rng = np.random.default_rng(5)
    found, covered = 0, []
    for _ in range(runs):
        score, cluster, seen = drawn(rng, sizes, side, correlation=correlation, binary=binary)
        try:
            gap, p = difference(score[seen], cluster[seen], score[~seen], cluster[~seen])
        except TooFewUnits:
            continue
        found += p <= 0.05
        covered.append(gap.low <= 0 <= gap.high)
    return found / runs, float(np.mean(covered)) if covered else 1.0, 1 - len(covered) / runs


@pytest.mark.parametrize("model", ["own", "shared"])
def test_variance_and_degrees_of_freedom_agree_with_the_matrices_of_the_paper(model, monkeypatch):
    """Bell & McCaffrey (2002) with the working model written out as an n × n matrix."""
    rng = np.random.default_rng(0)
    cluster = rng.integers(0, 9, 60) if model == "shared" else np.arange(60)
    x, weight = np.stack([np.ones(60), rng.normal(size=60)], axis=1), rng.random(60) + 0.5
    monkeypatch.setattr(clustered, "MANY", 0.0)  # equal parts, not estimated ones
    score, contrast = rng.normal(size=60), np.array([0.0, 1.0])
    fit = robust_contrast(x, score, weight, cluster, contrast)
    bread = np.linalg.inv((x * weight[:, None]).T @ x)
    keep = np.eye(60) - x @ bread @ (x * weight[:, None]).T
    share = weight * (x @ (bread @ contrast))
    of = (cluster[:, None] == np.unique(cluster)[None, :]).astype(float)
    working = np.eye(60) + of @ of.T
    pull = (share[:, None] * of).T @ keep
    before = np.diag((share[:, None] * of).T @ working @ (share[:, None] * of))
    k = before / np.diag(pull @ working @ pull.T)
    gram = np.sqrt(np.outer(k, k)) * (pull @ working @ pull.T)
    assert fit.variance == pytest.approx(float(k @ (pull @ score) ** 2))
    assert fit.dof == pytest.approx(np.trace(gram) ** 2 / np.trace(gram @ gram))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("side", ["clusters", "rows", "rare"])
def test_uneven_clusters_keep_their_level(side, binary):
    """At 300 runs .07 + 2 standard errors is .10; independent rows would reject in more than a third."""
    found, covered, _ = levels(ZIPF, side, correlation=0.3, binary=binary)
    assert found <= 0.085
    assert covered >= 0.90


@pytest.mark.parametrize("side", ["clusters", "rows", "rare"])
def test_one_giant_cluster_is_declined_or_keeps_its_level(side):
    found, _, declined = levels(GIANT, side, correlation=0.3, binary=False)
    assert found <= 0.03
    assert declined >= 0.3


def test_the_refusal_says_how_many_clusters_count_and_what_helps():
    cluster = np.repeat(np.arange(22), GIANT)
    score = np.random.default_rng(0).normal(size=22)[cluster] + np.random.default_rng(1).normal(size=len(cluster))
    seen = cluster % 2 == 0
    with pytest.raises(TooFewUnits, match=r"rests on 22 clusters so uneven that they count for 2\.\d .* Add clusters"):
        difference(score[seen], cluster[seen], score[~seen], cluster[~seen])
    assert effective_clusters(cluster) < 3


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("binary", [False, True])
def test_p_is_the_level_at_which_the_interval_touches_zero(binary, together):
    rng = np.random.default_rng(3)
    score = (rng.random(300) < 0.6).astype(float) if binary else rng.normal(size=300)
    cluster, seen = np.arange(300) // (5 if together else 1), rng.random(300) < 0.5
    sides = score[seen], cluster[seen], score[~seen], cluster[~seen]
    _, p = difference(*sides)
    gap, _ = difference(*sides, level=1 - p)
    assert min(abs(gap.low), abs(gap.high)) < 1e-6


def test_many_independent_units_lose_nothing_against_welch():
    """A gap of .05 with 3,000 items: the p-value is Welch's to a tenth of a standard error."""
    from scipy import stats

    rng = np.random.default_rng(0)
    for _ in range(15):
        a, b = (rng.random(1500) < 0.7).astype(float), (rng.random(1500) < 0.65).astype(float)
        _, p = difference(a, np.arange(1500), b, 1500 + np.arange(1500))
        welch = stats.ttest_ind(a, b, equal_var=False).pvalue
        assert stats.norm.isf(p / 2) == pytest.approx(stats.norm.isf(welch / 2), abs=0.1)


@pytest.mark.parametrize("side", ["clusters", "rows"])
def test_a_drop_taken_apart_keeps_its_level_with_uneven_clusters(side):
    """Cells that change nothing; counting clusters alone rejects in a tenth to a quarter of such tables."""
    rng, found, runs = np.random.default_rng(2), 0, 200
    for _ in range(runs):
        score, cluster, seen = drawn(rng, ZIPF, side, correlation=0.3, binary=False)
        try:
            parts = decompose(rng.integers(0, 3, len(score)), seen, score, cluster)
        except TooFewUnits:
            continue
        found += parts.p_values["difficulty"] <= 0.05
    # .05 and three standard errors at 200 runs
    assert found / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_a_drop_taken_apart_is_declined_where_one_cluster_is_nearly_a_side():
    score, cluster, seen = drawn(np.random.default_rng(2), GIANT, "clusters", correlation=0.3, binary=False)
    with pytest.raises(TooFewUnits, match="clusters so uneven that they count for"):
        decompose(np.arange(len(score)) % 3, seen, score, cluster)


def shocked(rng, times, rows=400, growing=False):
    """Rows of few times: a shock a time, no trend and no fall."""
    share = 1.35 ** np.arange(times) if growing else np.ones(times)
    at = np.sort(rng.choice(times, rows, p=share / share.sum()))
    return at.astype(float), np.sqrt(0.2) * rng.normal(size=times)[at] + rng.normal(size=rows)


@pytest.mark.parametrize(("times", "growing"), [(6, False), (6, True), (15, True)])
def test_shocks_of_few_times_are_no_trend(times, growing):
    """Rows taken as independent make a trend of them in half of the runs."""
    rng, found, naive, covered, runs = np.random.default_rng(7), 0, 0, 0, 300
    for _ in range(runs):
        x, score = shocked(rng, times, growing=growing)
        unit = np.arange(len(x))
        trend, p = change_over(x, score, unit, 1.0, shared=x.astype(int), what="time")
        found, covered = found + (p <= 0.05), covered + (trend.low <= 0 <= trend.high)
        naive += change_over(x, score, unit, 1.0, what="time")[1] <= 0.05
    error = np.sqrt(0.05 * 0.95 / runs)
    assert found / runs <= 0.05 + 3 * error
    assert covered / runs >= 0.95 - 3 * error
    assert naive / runs > 0.3


def test_shocks_of_few_times_are_no_fall_at_a_cutoff():
    rng, found, runs = np.random.default_rng(8), 0, 200
    for _ in range(runs):
        x, score = shocked(rng, 12)
        found += jump(x, score, np.arange(len(x)), 6.0, 5.5)[1] <= 0.05
    assert found / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_without_shocks_a_trend_over_times_is_the_line_through_the_rows():
    """Equal rows a time weigh alike, so that the slope is that of least squares on the rows."""
    rng = np.random.default_rng(1)
    x = np.repeat(np.arange(8.0), 50)
    score = 0.1 * x + rng.normal(size=400)
    trend, p = change_over(x, score, np.arange(400), 7.0, shared=x.astype(int), what="time")
    assert trend.value == pytest.approx(7 * np.polyfit(x, score, 1)[0])
    assert p < 0.01
    assert trend.units == 8


def test_four_years_are_too_few_for_a_trend_and_more_items_do_not_help():
    x = np.repeat(np.arange(4.0), 500)
    score = np.random.default_rng(0).normal(size=2000)
    with pytest.raises(TooFewUnits, match=r"items of 5 different times, got 4: .* Add times"):
        change_over(x, score, np.arange(2000), 3.0, shared=x.astype(int), what="time")


def test_a_paired_loss_is_never_significant_beside_an_interval_that_reaches_zero():
    rng = np.random.default_rng(4)
    for _ in range(60):
        cluster = np.repeat(np.arange(22), ZIPF // 4 + 1)
        change = 0.5 * rng.normal(size=22)[cluster] + rng.normal(size=len(cluster)) + 0.2
        try:
            loss, p = paired_difference(change, np.zeros(len(change)), cluster, rng=rng, permutations=500)
        except TooFewUnits:
            continue
        assert p > 0.05 or not loss.low <= 0 <= loss.high


def test_a_contrast_of_nothing_has_no_interval():
    with pytest.raises(Undefined, match="weighs no coefficient"):
        robust_contrast(np.ones((4, 1)), np.arange(4.0), np.ones(4), np.arange(4), np.zeros(1))
