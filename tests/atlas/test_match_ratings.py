"""Match-by-match ratings against a scalar twin, a published example, and the order-free maximum likelihood."""

import math

import numpy as np
import pytest
from scipy import stats

from unseen.atlas.studies.measures._match_ratings import expected_score, match_ratings
from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.models.ratings import joint_ratings

Q = math.log(10) / 400


def twin(matrix, order):
    """Glickman's equations, one match at a time, with plain numbers."""
    models, items = {}, {}
    for m, i in order:
        (a, va), (b, vb) = models.get(m, (1500.0, 350.0**2)), items.get(i, (1500.0, 350.0**2))
        out = []
        for (r, v), (r2, v2), s in (((a, va), (b, vb), matrix[m, i]), ((b, vb), (a, va), 1 - matrix[m, i])):
            g = 1 / math.sqrt(1 + 3 * Q**2 * v2 / math.pi**2)
            e = 1 / (1 + 10 ** (-g * (r - r2) / 400))
            d2 = 1 / (Q**2 * g**2 * e * (1 - e))
            new = 1 / (1 / v + 1 / d2)
            out.append((r + Q * new * g * (s - e), new))
        models[m], items[i] = out
    return models, items


def simulated(seed, models=20, items=300):
    rng = np.random.default_rng(seed)
    ability, difficulty = rng.normal(0, 1.2, models), rng.normal(0, 1.2, items)
    p = 1 / (1 + np.exp(difficulty - ability[:, None]))
    return (rng.random(p.shape) < p).astype(float), p, ability


def test_each_order_is_the_scalar_twin():
    matrix = simulated(0, 4, 5)[0]
    matrix[1, 2] = np.nan
    found = match_ratings(matrix, rng=np.random.default_rng(1), orders=3)
    who, what = np.nonzero(~np.isnan(matrix))
    orders = np.random.default_rng(1).permuted(np.broadcast_to(np.arange(len(who)), (3, len(who))), axis=1)
    for lane, order in enumerate(orders):
        models, items = twin(matrix, [(who[k], what[k]) for k in order])
        np.testing.assert_allclose(found.model[lane], [models[m][0] for m in range(4)])
        np.testing.assert_allclose(found.item_deviation[lane], [math.sqrt(items[i][1]) for i in range(5)])


def test_damping_is_that_of_the_published_example():
    # Glickman's worked example: 1500 against 1400 (deviation 30), 1550 (100), 1700 (300).
    found = [expected_score(1500 - r, d**2) for r, d in ((1400, 30), (1550, 100), (1700, 300))]
    assert [round(float(x), 3) for x in found] == [0.639, 0.432, 0.303]


def test_ratings_recover_abilities_and_agree_with_maximum_likelihood():
    matrix, p, ability = simulated(2)
    found = match_ratings(matrix, rng=np.random.default_rng(0), orders=20)
    joint = joint_ratings(matrix)
    assert stats.spearmanr(found.model.mean(0), ability).statistic > 0.95
    assert stats.spearmanr(found.model.mean(0), joint.model).statistic > 0.98
    assert np.abs(found.success() - p).mean() < 0.12


def test_gap_grows_with_share_and_success_and_is_zero_for_an_equal():
    found = match_ratings(simulated(3)[0], rng=np.random.default_rng(0), orders=5)
    assert (found.gap(0.99) > found.gap(0.5)).all()
    np.testing.assert_allclose(found.gap(0.5, 10 / 11) - found.gap(0.5, 0.5), 400.0)


def test_bad_input_says_what_to_do():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewUnits, match="at least one answer"):
        match_ratings([[np.nan]], rng=rng)
    with pytest.raises(BadInput, match="Divide by their range"):
        match_ratings([[2.0]], rng=rng)
    with pytest.raises(BadInput, match="between 0 and 1"):
        match_ratings([[1.0]], rng=rng).gap(1.0)
