"""What checks of trained networks share: which examples they look at, and measures that are worked out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from unseen.checks.base import Outcome, Settings, Subject
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network, Sample

MIN_EXAMPLES = 10
# Networks that are told one by one; of more, U907 tells what orders them.
MOST_TOLD = 8


def inspected(subject: Subject) -> Inspected:
    """The networks and their data."""
    return subject.module


def of_network(
    tell: Callable[[Inspected, Network, Settings], Outcome], subject: Subject, network: Network, settings: Settings
) -> Outcome:
    """What a check tells of one network; what this network can't give ends the check, not the audit.

    Raises:
        Undefined: The network or its loss does not give what is measured.
    """
    from unseen.learners.networks.network import own_draws

    try:
        with own_draws(settings.seed):
            return tell(inspected(subject), network, settings)
    except BadInput as error:
        raise Undefined(str(error)) from error


def few_networks(subject: Subject) -> tuple[Network, ...]:
    """The networks, where each can be told by itself.

    Raises:
        Undefined: There are more than eight.
    """
    networks = inspected(subject).networks
    if len(networks) > MOST_TOLD:
        raise Undefined(
            f"{len(networks)} networks are too many to tell each by itself ({MOST_TOLD} at most): U907 compares them."
        )
    return networks


def some(sample: Sample, most: int, rng: np.random.Generator) -> tuple[Sample, np.ndarray]:
    """At most so many examples, drawn at random, and their row numbers."""
    rows = np.arange(len(sample))
    if len(rows) > most:
        rows = np.sort(rng.choice(len(rows), most, replace=False))
    return sample.take(rows), rows


def mean_of(values: np.ndarray, sample: Sample, settings: Settings, method: str) -> Estimate:
    """Mean over examples, those of one cluster as one draw (CR1, t with clusters − 1 degrees of freedom).

    Raises:
        TooFewUnits: Fewer than ten clusters hold a value.
    """
    known = np.isfinite(values)
    clusters = np.unique(sample.clusters[known], return_inverse=True)[1]
    n, c = int(known.sum()), int(clusters.max()) + 1 if known.any() else 0
    if c < MIN_EXAMPLES:
        raise TooFewUnits(f"{method}: {c} independent examples, {MIN_EXAMPLES} are needed.")
    mean = float(values[known].mean())
    sums = np.bincount(clusters, values[known] - mean, c)
    error = float(np.sqrt(c / (c - 1) * (sums**2).sum())) / n
    reach = float(stats.t.ppf((1 + settings.level) / 2, c - 1)) * max(error, 1e-12)
    return Estimate(mean, mean - reach, mean + reach, c, method, settings.level)


def generator(rng: np.random.Generator) -> Any:
    """A generator of torch, seeded by one of numpy."""
    import torch

    return torch.Generator().manual_seed(int(rng.integers(2**62)))
