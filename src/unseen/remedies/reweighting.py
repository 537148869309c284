"""Remedies that weigh domains by how badly they are answered, for any learner: refits take the place of gradient steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.remedies.base import Call, Remedy, fit_weighted

# Share of the rows on which risks are measured; a flexible learner has no risk left on the rows it was fitted to.
HELD_OUT = 0.25
ROUNDS = 4
# A row whose true class got no probability counts as much as one with e⁻⁵.
WORST_LOSS = 5.0
MIN_GROUP = 10


def groups_of_rows(call: Call, *, classes: bool) -> np.ndarray:
    """Number of each row's domain (or of its pair of domain and class), shape (n,)."""
    names = call.domains
    if classes:
        names = np.char.add(np.char.add(names, " \u241f "), call.labels.astype(str))
    return np.unique(names, return_inverse=True)[1].reshape(-1)


def losses(fitted: Any, call: Call, rows: np.ndarray, held: Examples | None = None) -> np.ndarray:
    """Log loss of rows, or the absolute error in units of the median deviation, shape (rows,).

    Args:
        fitted: The learner.
        call: With the training rows.
        rows: Which of them.
        held: These rows, where they were taken before.
    """
    held, truth = call.train.take(rows) if held is None else held, call.labels[rows]
    if getattr(fitted, "has_probabilities", False):
        classes = np.asarray(fitted.classes).astype(str)
        chances = fitted.probabilities(held)
        place = {c: i for i, c in enumerate(classes.tolist())}
        own = np.array([place.get(v, -1) for v in truth.astype(str).tolist()])
        p = np.where(own >= 0, chances[np.arange(len(rows)), np.maximum(own, 0)], 0.0)
        return np.minimum(-np.log(np.maximum(p, np.exp(-WORST_LOSS))), WORST_LOSS)
    score = fitted.respond(held).table["score"].to_numpy()
    if call.train.table.schema[call.train.target or ""] == pl.String:
        return 1.0 - score
    every = call.labels.astype(float)
    return -score / (np.abs(every - np.median(every)).mean() or 1.0)


class Risks:
    """Risk of each group under a fit to the others' rows, by a split that stays the same along the rounds.

    Args:
        call: Learner and training rows.
        groups: Of the rows, shape (n,).

    Raises:
        BadInput: A class would be missing on the side that is fitted to.
    """

    def __init__(self, call: Call, groups: np.ndarray) -> None:
        self.call, self.groups = call, groups
        self.count = int(groups.max()) + 1
        held = np.zeros(len(groups), dtype=bool)
        for g in range(self.count):
            own = np.flatnonzero(groups == g)
            if len(own) >= MIN_GROUP:
                held[call.rng.permutation(own)[: max(1, round(HELD_OUT * len(own)))]] = True
        self.held, self.rest = np.flatnonzero(held), np.flatnonzero(~held)
        # The same examples in every round: learners that are fitted to them share what is made of them.
        self.fitted_to, self.judged = call.train.take(self.rest), call.train.take(self.held)
        if not len(self.held):
            raise BadInput(f"no group of domain and class has {MIN_GROUP} rows or more to measure a risk on.")

    def under(self, weights: np.ndarray) -> np.ndarray:
        """Risks under a fit with these weights of the groups, shape (groups,); the mean where a group was not measured."""
        call, own = self.call, self.groups[self.rest]
        rows = row_weights(weights, own, self.count)
        fitted = fit_weighted(Call(call.make, self.fitted_to, call.rng), rows)
        found = losses(fitted, call, self.held, self.judged)
        there = self.groups[self.held]
        sums, counts = np.bincount(there, found, self.count), np.bincount(there, minlength=self.count)
        return np.where(counts > 0, sums / np.maximum(counts, 1), found.mean())


def row_weights(weights: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """Weights of rows, mean 1, by which each group has the share of the whole that its weight says."""
    sizes = np.bincount(groups, minlength=count)
    made = (weights / np.maximum(sizes, 1))[groups]
    return made / made.mean()


def group_dro(call: Call, *, classes: bool = False, step: float = 1.0) -> Any:
    """Weights that rise exponentially with the risk of a group, over rounds of refits; their mean fits the last time.

    Each round is a step of exponentiated gradient ascent on the weights against a learner that answers with its best
    fit: the learner's play is a refit where Sagawa et al. take one gradient step.
    """
    groups = groups_of_rows(call, classes=classes)
    risks = Risks(call, groups)
    q = np.full(risks.count, 1 / risks.count)
    played: list[np.ndarray] = []
    for _ in range(ROUNDS):
        found = risks.under(q)
        q = q * np.exp(step * found / max(float(found.mean()), 1e-9))
        q = q / q.sum()
        played.append(q)
    return fit_weighted(call, row_weights(np.mean(played, axis=0), groups, risks.count))


def risk_extrapolation(call: Call, *, by: str = "variance", strength: float = 10.0) -> Any:
    """Weights of domains by what a penalty on the variance of their risks, or their upper quantile, makes of them.

    Args:
        call: Learner and training rows.
        by: "variance": the gradient of mean + strength · variance weighs domain d by 1 + 2 · strength · (R_d − mean),
            cut at 0; "quantile": only domains at or above the median risk weigh.
        strength: Of the variance, with risks in units of their mean.
    """
    groups = groups_of_rows(call, classes=False)
    risks = Risks(call, groups)
    weights = np.ones(risks.count)
    for round_ in range(1, ROUNDS):
        found = risks.under(weights / weights.sum())
        relative = found / max(float(found.mean()), 1e-9)
        wanted = (
            np.maximum(1 + 2 * strength * (relative - 1), 0.0)
            if by == "variance"
            else (relative >= np.median(relative)).astype(float)
        )
        # Steps that shrink: without them the weights swing between the domains from round to round.
        weights = weights + (wanted / max(wanted.mean(), 1e-9) - weights) / (round_ + 1)
    return fit_weighted(call, row_weights(weights / weights.sum(), groups, risks.count))


REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        "group-dro-weights", "data", "worst domain first, by weights",
        "Refits with weights that rise with how badly a domain (or a domain's class) is answered on rows held back. As "
        "group-dro, for any learner that takes weights, and by resampling for the others.",
        ("domains",), ({}, {"classes": True}), "five fits", "The next domain is like the worst training domains.",
        ("Sagawa et al. (2020), Distributionally robust neural networks for group shifts, section 3.3 and Algorithm 1",
         "Freund & Schapire (1999), Adaptive game playing using multiplicative weights, section 2"),
        fit=group_dro, fits=5,
    ),
    Remedy(
        "v-rex-weights", "data", "equal risks, by weights",
        "Refits with domains weighed by how far their risk lies above the mean, or with the worse half of the domains "
        "alone. As v-rex, for any learner that takes weights.",
        ("domains",), ({}, {"by": "quantile"}), "four fits",
        "Risks of the next domain lie beyond those seen in the direction in which these differ; domains are equally noisy.",
        ("Krueger et al. (2021), Out-of-distribution generalization via risk extrapolation, section 3.2",
         "Eastwood et al. (2022), Probable domain generalization via quantile risk minimization, section 3"),
        fit=risk_extrapolation, fits=4,
    ),
)  # fmt: skip
