"""How often a data set of questions and queries repeats itself, and how much of a test side the training side holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import mean_estimate


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Counts of questions and of the queries behind them, values replaced by variables.

    Attributes:
        questions: How many there are.
        queries: How many different queries they have.
        mean: Questions a query.
        most: Questions of the most frequent query.
        single_share: Share of the queries that one question alone asks for.
    """

    questions: int
    queries: int
    mean: float
    most: int
    single_share: float


def redundancy(queries: Sequence[str]) -> Redundancy:
    """Count how often queries repeat.

    Args:
        queries: Anonymised query of each question.

    Raises:
        TooFewUnits: There are none.

    Source: Finegan-Dollak et al. (2018), Improving Text-to-SQL Evaluation Methodology, section 4.1, table 2.

    >>> redundancy(["a", "a", "b", "a"])
    Redundancy(questions=4, queries=2, mean=2.0, most=3, single_share=0.5)
    """
    if not queries:
        raise TooFewUnits("redundancy needs at least one query, got none.")
    counts = Counter(queries).values()
    total = sum(counts)
    return Redundancy(total, len(counts), total / len(counts), max(counts), sum(c == 1 for c in counts) / len(counts))


def seen_before(train: Sequence[str], test: Sequence[str], *, level: float = 0.95) -> Estimate:
    """Share of test questions whose query stands in training, clustered by query.

    Args:
        train: Anonymised query of each training question.
        test: Anonymised query of each test question.
        level: Nominal coverage.

    >>> seen_before(["a", "b"], ["a", "c", "a", "d"]).value
    0.5
    """
    known = set(train)
    numbers = {query: i for i, query in enumerate(dict.fromkeys(test))}
    return mean_estimate(np.array([float(q in known) for q in test]), np.array([numbers[q] for q in test]), level=level)
