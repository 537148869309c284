"""Few directions a query give the scores of the truncated matrix; all of them give all scores."""

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.errors import BadInput  # noqa: E402
from unseen.learners.architectures.transformer import Transformer  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.influence import Kronecker  # noqa: E402
from unseen.measures.influence.low_rank import low_rank_scores  # noqa: E402


def pretrained():
    rng = np.random.default_rng(0)
    sample = Sample.tokens([list(rng.integers(0, 9, rng.integers(3, 8))) for _ in range(20)])
    torch.manual_seed(0)
    net = Network.of(Transformer(9, width=8, layers=1, heads=2, longest=8), sample, layers=r"feed\.")
    return replace(net, module=copy.deepcopy(net.module).double()), sample


def test_all_directions_are_all_scores():
    net, sample = pretrained()
    fitted = Kronecker.fit(net, sample, draws=0)
    test = sample.take(range(5))
    whole = fitted.scores(sample, test).scores
    np.testing.assert_allclose(low_rank_scores(fitted, sample, test, rank=64).scores, whole, rtol=1e-8, atol=1e-10)


def test_a_rank_is_the_product_with_the_nearest_matrix_of_that_rank():
    net, sample = pretrained()
    fitted = Kronecker.fit(net, sample, draws=0)
    test = sample.take(range(3))
    wanted = np.zeros((3, len(sample)))
    own = next(iter(fitted.layers.passes(sample, 64)))[1]
    for factor, asked, one in zip(fitted.factors, next(iter(fitted.layers.passes(test, 64)))[1], own, strict=True):
        for q, matrix in enumerate(factor.inverse(asked).numpy()):
            u, s, v = np.linalg.svd(matrix, full_matrices=False)
            near = (u[:, :2] * s[:2]) @ v[:2]
            wanted[q] += (one.of_weights().numpy() * near).sum((1, 2))
    found = low_rank_scores(fitted, sample, test, rank=2)
    np.testing.assert_allclose(found.scores, wanted, rtol=1e-8, atol=1e-10)
    assert found.method == "EK-FAC of rank 2"
    assert not np.allclose(found.scores, fitted.scores(sample, test).scores, rtol=1e-3)


def test_a_rank_of_nothing_is_refused():
    net, sample = pretrained()
    with pytest.raises(BadInput, match="rank is 1 or more; got 0"):
        low_rank_scores(Kronecker.fit(net, sample, draws=0), sample, sample, rank=0)
