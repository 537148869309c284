"""Sizes of shifts: against naive sums, closed forms, and their stated rates over simulations."""

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.shift.shift_kind import shift_kind
from unseen.estimates.shift.shift_size import mmd, two_sample_test


def naive_mmd(x, y, sigma, cx=None, cy=None):
    """Three loops over pairs, those within a cluster left out."""
    cx, cy = (range(len(x)) if cx is None else cx), (range(len(y)) if cy is None else cy)

    def kernel(a, b):
        return np.exp(-np.sum((a - b) ** 2) / (2 * sigma**2))

    within = [
        np.mean([kernel(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if c[i] != c[j]])
        for z, c in ((x, cx), (y, cy))
    ]
    return sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_mmd_is_the_naive_sum_over_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(23, 3)), rng.normal(0.5, 1, size=(31, 3))
    assert mmd(x, y, rng=rng, bandwidth=1.3, permutations=9).estimate.value == pytest.approx(
        naive_mmd(x, y, 1.3), abs=1e-12
    )
    cx, cy = rng.integers(0, 6, 23), rng.integers(0, 7, 31)
    clustered = mmd(x, y, rng=rng, bandwidth=1.3, seen_cluster=cx, unseen_cluster=cy, permutations=9).estimate
    assert clustered.value == pytest.approx(naive_mmd(x, y, 1.3, cx, cy), abs=1e-12)
    assert clustered.units == len(set(cx)) + len(set(cy))


def test_the_jackknife_is_that_of_leaving_each_cluster_out_by_hand():
    from scipy import stats

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(15, 2)), rng.normal(1, 1, size=(12, 2))
    cx, cy = np.repeat(np.arange(5), 3), np.repeat(np.arange(6), 2)
    parts = []
    for c, other in ((cx, False), (cy, True)):
        left = np.array([
            naive_mmd(x, y[cy != k], 1.0, cx, cy[cy != k]) if other else naive_mmd(x[cx != k], y, 1.0, cx[cx != k], cy) for k in range(c.max() + 1)
        ])  # fmt: skip
        parts.append((len(left) - 1) / len(left) * np.sum((left - left.mean()) ** 2))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 4 + parts[1] ** 2 / 5)
    got = mmd(x, y, rng=rng, bandwidth=1.0, seen_cluster=cx, unseen_cluster=cy, permutations=9).estimate
    assert got.width / 2 == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(sum(parts)), rel=1e-9)


@pytest.mark.parametrize("gap", [0.0, 0.8])
def test_mmd_covers_the_closed_form_of_two_normals(gap):
    # E k for normals at distance δ with unit variance: (σ²/(σ²+2))^{d/2} exp(-δ²/(2(σ²+2))).
    truth = 2 * (1 / 3) ** (2 / 2) * (1 - np.exp(-(gap**2) / 6))
    values, hits, rejected = [], 0, 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(60, 2)), rng.normal(size=(50, 2))
        y[:, 0] += gap
        got = mmd(x, y, rng=rng, bandwidth=1.0, permutations=99)
        values.append(got.estimate.value)
        hits += got.estimate.low <= truth <= got.estimate.high
        rejected += got.p_value <= 0.05
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / np.sqrt(150))
    assert hits / 150 >= 0.88  # 95 % nominal; 0.88 is 3.9 binomial deviations below
    assert rejected / 150 <= 0.12 if gap == 0 else rejected / 150 > 0.8


def test_the_classifier_test_holds_its_level_and_finds_a_shift():
    rejected = covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(60, 2)), rng.normal(size=(80, 2))
        got = two_sample_test(x, y, rng=rng)
        rejected += got.p_value <= 0.05
        covered += got.estimate.low <= 0.5 <= got.estimate.high
    assert rejected / 100 <= 0.12  # 3.2 deviations above the level
    assert covered / 100 >= 0.88
    rng = np.random.default_rng(0)
    assert two_sample_test(rng.normal(size=(200, 2)), rng.normal(1.5, 1, (200, 2)), rng=rng).p_value < 1e-6


def test_the_accuracy_is_that_of_the_best_rule_for_two_normals():
    # Two unit normals at distance 2: the best rule is right in Φ(1).
    rng = np.random.default_rng(0)
    got = two_sample_test(rng.normal(size=4000), rng.normal(2, 1, 4000), rng=rng).estimate
    assert got.low < 0.8413 < got.high
    assert got.units == 4000


def test_only_boosting_sees_a_change_of_spread_and_takes_missing_values():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 1)), 3 * rng.normal(size=(600, 1))
    assert two_sample_test(x, y, rng=rng, learner="gradient-boosting").estimate.low > 0.6
    assert two_sample_test(x, y, rng=rng).estimate.low < 0.55
    x[0] = np.nan
    assert two_sample_test(x, y, rng=rng, learner="gradient-boosting").p_value < 0.01
    with pytest.raises(BadInput, match="1 values of the seen side are missing"):
        two_sample_test(x, y, rng=rng)


def test_clusters_are_not_taken_for_rows():
    naive = aware = by_permutation = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        cx, cy = np.repeat(np.arange(20), 8), np.repeat(np.arange(20), 8)
        x, y = (rng.normal(size=(20, 3))[c] + 0.3 * rng.normal(size=(160, 3)) for c in (cx, cy))
        naive += two_sample_test(x, y, rng=rng).p_value <= 0.05
        aware += two_sample_test(x, y, rng=rng, seen_cluster=cx, unseen_cluster=cy).p_value <= 0.05
        by_permutation += mmd(x, y, rng=rng, seen_cluster=cx, unseen_cluster=cy, permutations=39).p_value <= 0.05
    assert naive / 60 > 0.5
    assert aware / 60 <= 0.15  # 3.5 deviations above the level
    assert by_permutation / 60 <= 0.15


def test_sizes_refuse_what_cannot_be_measured():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewUnits, match="the seen side has 3 independent units, at least 4"):
        mmd(np.zeros((3, 2)), np.zeros((9, 2)), rng=rng)
    with pytest.raises(Undefined, match="no kernel width"):
        mmd(np.zeros((9, 2)), np.zeros((9, 2)), rng=rng)
    with pytest.raises(BadInput, match="same features, got 2 and 3"):
        mmd(rng.normal(size=(9, 2)), rng.normal(size=(9, 3)), rng=rng)
    with pytest.raises(BadInput, match="logistic, gradient-boosting; got 'svm'"):
        two_sample_test(rng.normal(size=30), rng.normal(size=30), rng=rng, learner="svm")


def test_large_sides_are_subsampled_by_whole_clusters_and_the_note_says_so():
    rng = np.random.default_rng(0)
    got = mmd(rng.normal(size=(5000, 2)), rng.normal(size=(3000, 2)), rng=rng, max_rows=400, permutations=9)
    assert got.note.startswith("400 and 400 rows")
    cluster = np.repeat(np.arange(100), 30)
    got = mmd(
        rng.normal(size=(3000, 2)),
        rng.normal(size=(300, 2)),
        rng=rng,
        max_rows=600,
        seen_cluster=cluster,
        permutations=9,
    )
    assert got.note.startswith("600 and 300 rows")
    assert got.estimate.units == 320


# Joint shares of (cell, label) on two sides; the last cell stands on the first side alone.
P = np.array([[0.2, 0.1], [0.1, 0.2], [0.1, 0.1], [0.2, 0.0]])
Q = np.array([[0.05, 0.25], [0.15, 0.15], [0.2, 0.0], [0.0, 0.0]]) / 0.8


def closed_form(p, q):
    a, b = p.sum(1), q.sum(1)
    both = (a > 0) & (b > 0)
    diversity = 0.5 * np.abs(a - b)[~both].sum()
    correlation = sum(
        0.5 * np.sqrt(a[z] * b[z]) * np.abs(p[z] / a[z] - q[z] / b[z]).sum() for z in np.flatnonzero(both)
    )
    return diversity, correlation


def drawn(shares, n, rng):
    index = rng.choice(shares.size, size=n, p=shares.ravel())
    return index // 2, index % 2


def test_both_kinds_reach_their_closed_forms_on_many_rows():
    rng = np.random.default_rng(0)
    (x, u), (y, v) = drawn(P, 40_000, rng), drawn(Q, 30_000, rng)
    got = shift_kind(x, y, u, v, rng=rng, draws=100)
    diversity, correlation = closed_form(P, Q)
    assert got.diversity.value == pytest.approx(diversity, abs=0.005)
    assert got.correlation.value == pytest.approx(correlation, abs=0.01)
    assert (got.cells, got.only_one_side) == (4, 1)


@pytest.mark.parametrize("unseen", [Q, P], ids=["shifted", "alike"])
def test_both_kinds_cover_their_closed_forms_on_few_rows(unseen):
    truth, hits, values = closed_form(P, unseen), np.zeros(2), []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        (x, u), (y, v) = drawn(P, 400, rng), drawn(unseen, 300, rng)
        got = shift_kind(x, y, u, v, rng=rng, draws=150)
        values.append(got.correlation.value)
        hits += [e.low <= t <= e.high for e, t in zip((got.diversity, got.correlation), truth, strict=True)]
    assert (hits / 80 >= 0.86).all()  # 95 % nominal; 0.86 is 3.7 binomial deviations below
    assert np.mean(values) == pytest.approx(truth[1], abs=0.025)


def test_numeric_features_are_divided_into_cells():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1500, 2)), rng.normal(size=(1500, 2))
    label = [(v[:, 0] > 0).astype(int) for v in (x, y)]
    same = shift_kind(x, y, *label, rng=rng, draws=100)
    assert same.diversity.value == 0
    assert same.correlation.low < 0.03
    flipped = shift_kind(x, y, label[0], 1 - label[1], rng=rng, draws=100)
    assert flipped.correlation.value > 0.75
    away = shift_kind(x, y + 20, *label, rng=rng, draws=100)
    assert away.diversity.value == 1
    assert away.diversity.low < 1
    assert away.correlation is None
    assert away.note.endswith("no cell has rows of both sides")


def test_kinds_refuse_what_cannot_be_measured():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewUnits, match="the unseen side has 5 independent units"):
        shift_kind(np.arange(40), np.arange(40), [0, 1] * 20, [0, 1] * 20, rng=rng, unseen_cluster=np.arange(40) % 5)
    with pytest.raises(Undefined, match="a single label"):
        shift_kind(np.arange(40), np.arange(40), [1] * 40, [1] * 40, rng=rng)
    with pytest.raises(BadInput, match="40 rows, 3 labels"):
        shift_kind(np.arange(40), np.arange(40), [1, 2, 3], [1] * 40, rng=rng)
