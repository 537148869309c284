"""Relative entropy of coins and its inverse, the tail of the binomial, and the constants of PAC-Bayes bounds."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

# Steps of a bisection: the interval is then narrower than a double tells apart.
HALVINGS = 60
# Below this chance the tail of the binomial is left to its exponential bound, which is a little looser.
LEAST = 1e-250


def binary_kl(q: float, p: float) -> float:
    """Relative entropy of a coin of mean q to one of mean p, in nats.

    >>> binary_kl(0.5, 0.5), round(binary_kl(0.0, 0.5), 6)
    (0.0, 0.693147)
    """
    return float(special.rel_entr(q, p) + special.rel_entr(1 - q, 1 - p))


def kl_upper(q: float, budget: float) -> float:
    """The largest p whose relative entropy from q is at most a budget in nats: where a bound on kl ends.

    >>> round(kl_upper(0.0, 0.1), 6) == round(1 - math.exp(-0.1), 6)
    True
    """
    low, high = q, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if binary_kl(q, middle) <= budget else (low, middle)
    return high


def binomial_upper(errors: float, n: int, log_chance: float) -> float:
    """The largest error rate under which so few errors among n have at least a chance.

    Args:
        errors: Errors. Of a sum of means (a float) the exponential bound is taken: the tail is that of coins.
        n: Draws.
        log_chance: Logarithm of the chance that the bound fails.

    Source: Langford (2005), Tutorial on practical prediction theory for classification, theorems 3.3 and 4.1.

    >>> round(binomial_upper(0, 100, math.log(0.05)), 4)
    0.0295
    """
    loose = kl_upper(min(1.0, errors / n), -log_chance / n)
    if not isinstance(errors, int | np.integer) or log_chance < math.log(LEAST):
        return loose
    return 1.0 if errors >= n else min(loose, float(stats.beta.ppf(-math.expm1(log_chance), errors + 1, n - errors)))


@lru_cache(maxsize=64)
def log_xi(n: int) -> float:
    """Logarithm of the largest mean of ``exp(n kl(K/n, p))`` over a binomial K: between √n and 2√n.

    Source: Maurer (2004), A note on the PAC Bayesian theorem, theorem 1 and equation 6.
    """
    k = np.arange(n + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / n
        inner = special.xlogy(k, share) + special.xlogy(n - k, 1 - share)
    choose = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return float(special.logsumexp(choose + inner))


def maurer(risk: float, kl: float, n: int, delta: float) -> float:
    """PAC-Bayes bound of the risk of a stochastic network, by inverting kl.

    Args:
        risk: Its mean error on n examples, or an upper bound of it.
        kl: Relative entropy of posterior to prior, in nats.
        n: Independent examples.
        delta: Chance that it fails.

    Source: Maurer (2004), A note on the PAC Bayesian theorem, theorem 5.
    """
    return kl_upper(risk, (kl + log_xi(n) - math.log(delta)) / n)


def catoni(risk: float, kl: float, n: int, delta: float, strength: float) -> float:
    """Catoni's bound at a strength that is chosen before the data are seen.

    Source: Catoni (2007), PAC-Bayesian supervised classification, theorem 1.2.6; Germain et al. (2009), corollary 2.1.
    """
    inner = -math.expm1(-strength * risk - (kl - math.log(delta)) / n)
    return min(1.0, inner / -math.expm1(-strength))


def mcallester(risk: float, kl: float, n: int, delta: float) -> float:
    """The bound with a square root, looser than Maurer's.

    Source: Maurer (2004), corollary of theorem 5 by Pinsker's inequality.
    """
    return min(1.0, risk + math.sqrt((kl + log_xi(n) - math.log(delta)) / (2 * n)))


def catoni_best(risk: float, kl: float, n: int, delta: float) -> float:
    """Catoni's bound at its best strength, which no bound that pays for the choice can beat."""

    def at(log_strength: float) -> float:
        return catoni(risk, kl, n, delta, math.exp(log_strength))

    return float(optimize.minimize_scalar(at, bounds=(-6, 4), method="bounded").fun)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
