"""Splitting finds the bits that closed forms and plain draws have, of Gaussian hypotheses and of random perceptrons."""

import math

import numpy as np
import pytest
from scipy import stats

from unseen.errors import BadInput, Undefined
from unseen.measures.difficulty_in_bits.splitting import Perceptrons, split_bits


def apart(z):
    """Training errors in four directions, test errors in eight others: each a noncentral χ²."""
    squared = (z - 1) ** 2
    return squared[:, :4].sum(1), squared[:, 4:].sum(1)


def test_bits_are_those_of_the_closed_form_and_intervals_cover():
    beyond, fit = (-stats.ncx2.logcdf(at, df, df) / math.log(2) for at, df in ((0.05, 8), (0.5, 4)))
    told = [
        split_bits(apart, 12, fit=0.5, error=0.05, rng=np.random.default_rng(k), particles=150, repeats=6)
        for k in range(20)
    ]
    assert beyond > 30
    # 31.6 bits in clouds of 150: the mean of 20 runs is within half a bit, of which a third is bias.
    assert np.mean([t.beyond.value for t in told]) == pytest.approx(beyond, abs=0.5)
    assert np.mean([t.fit.value for t in told]) == pytest.approx(fit, abs=0.3)
    # About 0.9: three standard errors of 40 are 0.14.
    assert np.mean([e.low <= b <= e.high for t in told for e, b in ((t.beyond, beyond), (t.fit, fit))]) >= 0.76


def test_what_fits_and_what_generalises_may_hang_together():
    def nested(z):
        squared = (z - 1) ** 2
        return squared[:, :4].sum(1), squared.sum(1)

    rng = np.random.default_rng(0)
    seen, unseen = nested(rng.normal(size=(200_000, 12)))
    plain = -math.log2(np.mean(unseen[seen <= 1.5] <= 5))
    told = split_bits(nested, 12, fit=1.5, error=5, rng=rng).beyond
    assert told.low - 0.3 < plain < told.high + 0.3


def test_random_perceptrons_have_the_bits_of_plain_draws():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int)
    net = Perceptrons((2, 6, 1), (x[:5], y[:5]), (x[5:], y[5:]))
    seen, unseen = net(rng.normal(size=(40_000, net.dimension)))
    fits = seen == 0
    told = split_bits(net, net.dimension, fit=0, error=0.03, rng=rng)
    # About 1,000 draws fit and 120 of these generalise: their logarithms are known to 0.05 and 0.13 bits.
    assert told.fit.value == pytest.approx(-math.log2(fits.mean()), abs=3 * 0.05 + told.fit.width / 2)
    assert told.beyond.value == pytest.approx(
        -math.log2(np.mean(unseen[fits] <= 0.03)), abs=3 * 0.13 + told.beyond.width / 2
    )


def test_a_perceptron_is_the_one_that_torch_has():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    net = Perceptrons((3, 5, 4, 2), ([[0.0] * 3], [0]), ([[0.0] * 3], [0]))
    z, x, at, h = rng.normal(size=(1, net.dimension)), rng.normal(size=(7, 3)), 0, None
    h = torch.tensor(x)
    for a, b in ((3, 5), (5, 4), (4, 2)):
        part = torch.tensor(z[0, at : at + (a + 1) * b]) * math.sqrt(2 / a)
        h = torch.nn.functional.linear(h, part[: a * b].reshape(a, b).T, part[a * b :])
        h, at = (h if b == 2 else torch.relu(h)), at + (a + 1) * b
    assert net.outputs(z, x)[0] == pytest.approx(h.numpy())


def test_equal_seeds_give_equal_bits_and_dead_ends_are_told():
    one, two = (
        split_bits(apart, 12, fit=2, error=1, rng=np.random.default_rng(3), particles=50, repeats=2) for _ in range(2)
    )
    assert one == two
    with pytest.raises(Undefined, match=r"after 300 steps the test error is 1, and 0 is asked"):
        split_bits(
            lambda z: (np.zeros(len(z)), np.ones(len(z))),
            2,
            fit=0,
            error=0,
            rng=np.random.default_rng(0),
            particles=20,
            repeats=2,
        )
    with pytest.raises(Undefined, match="all hypotheses that fit are as good as desired"):
        split_bits(lambda z: (np.zeros(len(z)), np.zeros(len(z))), 2, fit=0, error=0, rng=np.random.default_rng(0))
    with pytest.raises(BadInput, match="1 clouds of 500 hypotheses"):
        split_bits(apart, 12, fit=1, error=1, rng=np.random.default_rng(0), repeats=1)
