"""A head on hidden states: what it finds where something was planted, and what it must not find."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.confidence.known_beforehand import PENALTIES, _fit, _folds, _rotated, _said, known_beforehand


def planted(n=400, width=60, strength=3.0, seed=0, per=1):
    """Answers that are right by one direction of the states; clusters of ``per`` rows share their states."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n // per), per)
    x = rng.normal(size=(n // per, width))[clusters] + 0.05 * rng.normal(size=(n, width))
    true = 1 / (1 + np.exp(-strength * x[:, 0]))
    return x, true, (rng.random(n) < true).astype(float), clusters


@pytest.mark.parametrize("penalty", [PENALTIES[1], PENALTIES[3]])
@pytest.mark.parametrize("n", [50, 300])
def test_it_is_the_logistic_regression_of_scikit_learn_on_standardised_states(n, penalty):
    # With fewer rows than directions, and with more: the rotation loses nothing.
    x, _, y, _ = planted(n)
    z = _rotated(x, np.ones(n, bool))
    scaled = (x - x.mean(0)) / x.std(0)
    scaled /= np.sqrt((scaled**2).sum(1).mean())
    peer = LogisticRegression(C=1 / (penalty * n), tol=1e-10, max_iter=10_000).fit(scaled, y)
    # Newton stops where the loss falls by less than 1e-10; at penalties from 1e-3 on that moves a probability by 1e-3 at most.
    np.testing.assert_allclose(_said(z, _fit(z, y, penalty)), peer.predict_proba(scaled)[:, 1], atol=1e-3)


def test_a_planted_direction_is_found_and_its_probabilities_are_calibrated():
    x, true, y, clusters = planted(1500)
    rng = np.random.default_rng(1)
    made = known_beforehand({1: rng.normal(size=x.shape), 2: x}, y, clusters, rng=rng)
    assert made.layer == 2
    assert set(made.layers) == {2}
    # The best that anyone could do is the true probability; 60 weights from 1,200 rows cost about 60 / 2 / 1200 nats.
    assert log_loss(y, made.p) < log_loss(y, true) + 2 * 60 / 2 / 1200
    assert abs(float(made.p.mean() - y.mean())) < 0.02


def test_nothing_is_found_where_states_tell_nothing_also_within_large_clusters():
    # Rows of a cluster share states and answers: a head that saw one of them would know the others.
    rng = np.random.default_rng(2)
    areas = []
    for seed in range(8):
        x, _, _, clusters = planted(400, seed=seed, per=8)
        y = rng.permutation(np.tile([0.0, 1.0], 25))[clusters]
        areas.append(roc_auc_score(y, known_beforehand({0: x}, y, clusters, rng=rng).p))
    # 50 clusters: a standard error of about 0.08 each, 0.03 of the mean of eight; cross-fitting leans below one half.
    assert np.mean(areas) < 0.5 + 3 * 0.03
    leaky = known_beforehand({0: x}, y, np.arange(400), rng=rng)
    assert roc_auc_score(y, leaky.p) > 0.95


def test_unseen_rows_choose_and_fit_nothing():
    x, _, y, clusters = planted(600)
    seen = np.arange(600) < 400
    first = known_beforehand({0: x}, y, clusters, seen=seen, rng=np.random.default_rng(0))
    turned = np.where(seen, y, 1 - y)
    again = known_beforehand({0: x}, turned, clusters, seen=seen, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(first.p, again.p)
    assert first.seen == 400
    assert roc_auc_score(y[~seen], first.p[~seen]) > 0.85


def test_layers_are_chosen_without_the_fold_that_is_judged():
    # Ten layers of noise: the best of them on all rows would look better than chance.
    rng = np.random.default_rng(3)
    y = np.tile([0.0, 1.0], 60)
    areas = [
        roc_auc_score(y, known_beforehand({k: rng.normal(size=(120, 3)) for k in range(10)}, y, np.arange(120), rng=rng).p)
        for _ in range(3)
    ]  # fmt: skip
    # A standard error of 0.053 each, 0.031 of the mean.
    assert np.mean(areas) < 0.5 + 3 * 0.031


def test_folds_hold_whole_clusters():
    codes = np.repeat([0, 1, 2, 3, 4, 5, 6], [200, 1, 1, 5, 1, 1, 9])
    folds = _folds(codes, np.random.default_rng(0))
    assert sorted(np.concatenate(folds)) == list(range(len(codes)))
    held = [set(codes[f]) for f in folds]
    assert all(not a & b for i, a in enumerate(held) for b in held[:i])


def test_a_state_that_never_changes_and_extreme_states_do_no_harm():
    x, _, y, clusters = planted(200)
    x = np.column_stack([x, np.full(200, 7.0), 1e6 * x[:, 1]])
    assert np.isfinite(known_beforehand({0: x}, y, clusters, rng=np.random.default_rng(0)).p).all()


@pytest.mark.parametrize(
    ("y", "cluster", "words"),
    [
        (np.r_[np.ones(19), np.zeros(81)], np.arange(100), "got 19 and 81"),
        (np.ones(100), np.arange(100), "got 100 and 0"),
        (np.tile([0.0, 1.0], 50), np.repeat(np.arange(10), 10), "got 10 and 10"),
    ],
)
def test_too_few_items_make_no_head(y, cluster, words):
    with pytest.raises(TooFewUnits, match=words):
        known_beforehand({0: np.zeros((100, 3))}, y, cluster, rng=np.random.default_rng(0))


def test_states_of_other_rows_are_refused():
    with pytest.raises(BadInput, match=r"states need 100 rows as the scores, got \(99, 3\)"):
        known_beforehand({0: np.zeros((99, 3))}, np.ones(100), np.arange(100), rng=np.random.default_rng(0))
    with pytest.raises(BadInput, match="must be finite"):
        known_beforehand({0: np.full((100, 3), np.nan)}, np.ones(100), np.arange(100), rng=np.random.default_rng(0))
