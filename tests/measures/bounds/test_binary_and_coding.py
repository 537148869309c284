"""Inverses of relative entropy, tails and codes are those of brute force and closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, stats

from unseen.measures.bounds.binary import (
    binary_kl,
    binomial_upper,
    catoni,
    catoni_best,
    kl_upper,
    log_xi,
    maurer,
    mcallester,
)
from unseen.measures.bounds.coding import adaptive_nats, decode, encode


@pytest.mark.parametrize(("q", "budget"), [(0.0, 0.3), (0.02, 0.01), (0.3, 0.5), (0.9, 1e-4)])
def test_the_inverse_of_kl_is_the_root_that_another_solver_finds(q, budget):
    root = optimize.brentq(lambda p: binary_kl(q, p) - budget, q + 1e-12, 1 - 1e-12)
    assert kl_upper(q, budget) == pytest.approx(root, abs=1e-9)
    assert kl_upper(q, budget) >= q


@pytest.mark.parametrize(("errors", "n"), [(0, 30), (3, 50), (40, 200)])
def test_the_binomial_limit_is_where_the_tail_has_the_chance(errors, n):
    found = binomial_upper(errors, n, math.log(0.05))
    assert stats.binom.cdf(errors, n, found) == pytest.approx(0.05, rel=1e-6)
    # Chances too small for the tail in doubles are left to its exponential bound, which is looser, never tighter.
    assert binomial_upper(errors, n, -700.0) >= binomial_upper(errors, n, -500.0) > found
    assert binomial_upper(errors, n, math.log(0.05)) <= kl_upper(errors / n, math.log(20) / n)


def test_the_constant_of_maurer_is_the_largest_mean_over_coins():
    # Brute force: the mean of exp(n kl(K/n, p)) over K is the same for every p strictly between 0 and 1.
    n = 12
    for p in (0.1, 0.5, 0.8):
        mean = sum(stats.binom.pmf(k, n, p) * math.exp(n * binary_kl(k / n, p)) for k in range(n + 1))
        assert log_xi(n) == pytest.approx(math.log(mean), rel=1e-9)
    for n in (8, 100, 5_000):
        assert 0.5 * math.log(n) <= log_xi(n) <= math.log(2 * math.sqrt(n))


def test_catoni_at_its_best_strength_is_the_inverse_of_kl():
    # Germain et al. (2009), proposition 2.1: the infimum over strengths inverts kl at the budget (KL + ln 1/δ) / n.
    for risk, kl in ((0.05, 10.0), (0.2, 80.0), (0.01, 2.0)):
        assert catoni_best(risk, kl, 500, 0.05) == pytest.approx(kl_upper(risk, (kl + math.log(20)) / 500), abs=1e-4)
        assert catoni(risk, kl, 500, 0.05, 1.0) >= catoni_best(risk, kl, 500, 0.05) - 1e-6
        assert maurer(risk, kl, 500, 0.05) <= mcallester(risk, kl, 500, 0.05)


@pytest.mark.parametrize("letters", [2, 3])
def test_code_lengths_are_those_of_a_probability(letters):
    total = sum(math.exp(-adaptive_nats(np.array(s), letters)) for s in itertools.product(range(letters), repeat=6))
    assert total == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_coded_is_decoded_and_is_as_long_as_said(seed):
    rng = np.random.default_rng(seed)
    letters, n = int(rng.integers(2, 12)), int(rng.integers(1, 3_000))
    symbols = rng.choice(letters, n, p=rng.dirichlet(np.full(letters, 0.3)))
    bits = encode(symbols.tolist(), letters)
    assert decode(bits, letters, n) == symbols.tolist()
    # Two bits to end the code, and the rounding of 48-bit intervals.
    assert len(bits) <= adaptive_nats(symbols, letters) / math.log(2) + 2.01
    share = np.bincount(symbols, minlength=letters) / n
    entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
    assert adaptive_nats(symbols, letters) <= n * entropy + (letters - 1) / 2 * math.log(n) + math.log(letters)
