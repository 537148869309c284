"""The linear datamodelling score is the mean rank correlation over subsets, and its interval covers over test examples."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from unseen.errors import BadInput, TooFewUnits, Undefined

pytest.importorskip("torch")
from unseen.measures.influence.judged import correlations, datamodelling, halves, left_out


def drawn(rng, n_test=12, n_train=20, m=15, noise=1.0):
    scores = rng.normal(size=(n_test, n_train))
    subsets = halves(n_train, m, rng)
    return scores, subsets, -(subsets @ scores.T) + noise * rng.normal(size=(m, n_test))


def test_correlations_are_those_of_scipy():
    rng = np.random.default_rng(0)
    scores, subsets, losses = drawn(rng)
    found = correlations(scores, subsets, np.round(losses))  # with ties
    wanted = [spearmanr(subsets @ s, -np.round(one)).statistic for s, one in zip(scores, losses.T, strict=True)]
    assert np.allclose(found, wanted)


def test_subsets_are_of_one_size_and_use_examples_alike():
    """Each of 10 examples is in half of 4,000 subsets, but for 4 standard errors of 0.008."""
    made = halves(10, 4000, np.random.default_rng(0))
    assert set(made.sum(1)) == {5}
    assert np.abs(made.mean(0) - 0.5).max() < 0.032
    with pytest.raises(BadInput, match="of 10 examples hold 10; they must hold some and leave some out"):
        halves(10, 2, np.random.default_rng(0), share=1.0)


def test_the_interval_respects_clusters_of_test_examples():
    """Six copies of each of 8 test examples: the interval of clusters is wider, as what the copies share counts once, and covers."""
    hits, widths = 0, []
    truth = np.mean([np.mean(correlations(*drawn(np.random.default_rng([9, s]), noise=3.0))) for s in range(300)])
    for seed in range(100):
        scores, subsets, losses = drawn(np.random.default_rng(seed), n_test=8, noise=3.0)
        many = np.repeat(scores, 6, 0), subsets, np.repeat(losses, 6, 1)
        found, apart = datamodelling(*many, cluster=np.repeat(np.arange(8), 6)), datamodelling(*many)
        hits += found.low <= truth <= found.high
        widths.append(found.width / apart.width)
    # 100 at 95 %: 0.88 is 3.2 standard errors below.
    assert hits / 100 >= 0.88
    assert np.mean(widths) > 1.15


@pytest.mark.parametrize("common", [0.0, 5.0])
def test_scores_that_say_nothing_have_an_interval_about_zero(common):
    """Also where all test examples share what a network has by chance: its subset moves all losses alike."""
    hits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        _, subsets, losses = drawn(rng, n_test=40)
        whole = losses + common * rng.normal(size=(len(losses), 1))
        # Scores that agree between test examples, as those of gradients do.
        scores = rng.normal(size=(1, 20)) + 0.3 * rng.normal(size=(40, 20))
        found = datamodelling(scores, subsets, whole)
        hits += found.low <= 0 <= found.high
    assert hits / 100 >= 0.88


def test_a_difference_of_two_methods_is_paired():
    """The worse of two copies of the truth, blurred a little: the difference is told where neither's own interval is that sure."""
    rng = np.random.default_rng(0)
    scores, subsets, losses = drawn(rng, n_test=60, m=30)
    blurred = scores + 0.6 * rng.normal(size=scores.shape)
    found = datamodelling(scores, subsets, losses, against=blurred)
    apart = datamodelling(scores, subsets, losses).value - datamodelling(blurred, subsets, losses).value
    assert found.value == pytest.approx(apart)
    assert found.low > 0


def test_what_does_not_fit_is_said():
    scores, subsets, losses = drawn(np.random.default_rng(0))
    with pytest.raises(BadInput, match=r"scores \(12, 20\), subsets \(15, 20\) and losses \(12, 15\) don't fit"):
        datamodelling(scores, subsets, losses.T)
    with pytest.raises(TooFewUnits, match="at least 4 subsets for an interval, got 2"):
        datamodelling(scores, subsets[:2], losses[:2])
    with pytest.raises(Undefined, match="the same for every subset"):
        datamodelling(scores, subsets, np.zeros_like(losses))


def test_leaving_out_the_carriers_of_an_answer_costs_more_than_leaving_out_others():
    scores = np.zeros((1, 30))
    scores[0, [2, 11, 23]] = 1.0

    def retrain(rows):
        return 5.0 - scores[:, rows].sum(1)

    without, random = left_out(scores, 0, retrain, k=3, rng=np.random.default_rng(0), draws=20)
    assert without == 5.0
    # Three of thirty at random take 0.3 of the three away: 2.3, standard deviation of the mean 0.11.
    assert random == pytest.approx(2.3, abs=0.45)
    with pytest.raises(BadInput, match="30 of 30 examples can't be left out"):
        left_out(scores, 0, retrain, k=30, rng=np.random.default_rng(0))
