"""Simulated digits have the moments that the bound assumes, and the posterior has the relative entropy of torch."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures import gradient_norm_pac_bayes as study  # noqa: E402
from unseen.learners.networks import Network  # noqa: E402


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def test_simulated_digits_have_the_means_and_covariances_that_are_told():
    digits = study.Digits.fitted()
    sample = digits.drawn(2_000, drawn())
    assert np.bincount(sample.targets.numpy()).tolist() == [2_000] * 10
    own = sample.inputs[sample.targets == 3].double()
    assert torch.allclose(own.mean(0), digits.means[3].double(), atol=0.12)
    whole = digits.covariances[3].double()
    assert float((torch.cov(own.T) - whole).norm() / whole.norm()) < 0.1


def test_the_entropy_of_a_posterior_is_that_of_torch_and_training_lowers_the_objective():
    digits = study.Digits.fitted()
    sample = digits.drawn(10, drawn())
    torch.manual_seed(0)
    net = study.perceptron((8,))
    prior = study.prior_of(net, 1.0)
    network = Network.of(net, sample)
    short, long = (study.trained(network, sample, prior, steps, drawn(1)) for steps in (2, 120))
    normal = torch.distributions.Normal
    whole = sum(
        float(torch.distributions.kl_divergence(normal(m, long.log_deviation[k].exp()), normal(0.0, prior[k])).sum())
        for k, m in long.middle.items()
    )
    assert float(long.kl()) == pytest.approx(whole, rel=1e-4)

    def objective(posterior):
        return study.judged(network, posterior, sample, drawn(2))[0] + float(posterior.kl()) / len(sample)

    assert objective(long) < objective(short)


def test_a_linear_loss_is_the_case_of_equality():
    assert study.exact() == pytest.approx(1, abs=0.03)
    assert study.prior_of(study.perceptron((8,)), 2.0)["0.weight"] == pytest.approx(2 / math.sqrt(3 * 64))
