"""Choosing among test-time methods and their hyper-parameters without labels of the target.

Three rules, and what each guarantees:

- ``entropy``: the candidate whose predictions are surest on the target. It guarantees nothing: a method that has
  collapsed to one class is the surest of all. It is here because published comparisons use it.
- ``agreement``: the candidate that agrees most with all others on the target. Two candidates that agree on a share a of
  the rows differ in accuracy by at most 1 − a, so that the chosen one can't be far from the crowd; if the crowd is
  wrong, so is the choice.
- ``source back-test``: the candidate with the highest mean accuracy on pseudo-targets, source domains that the model
  was not fitted to. Where the target is exchangeable with the source domains, that mean is without bias for each
  candidate (the largest of many is too high, and the more so the fewer domains there are). It needs labels of the
  source only. This is the default wherever the source has two domains or more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from unseen.adaptation.base import Adapter, Batch, FloatArray, IntArray, Setting, adapt, entropy
from unseen.errors import BadInput
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.paired import paired_difference

By = Literal["entropy", "agreement", "source back-test"]
RULES: tuple[By, ...] = get_args(By)


@dataclass(frozen=True, eq=False)
class Trial:
    """One pseudo-target: a source domain that the model was not fitted to.

    Attributes:
        domain: Its name.
        adapters: The candidates, built from the other domains.
        batches: Of the domain.
        labels: Class numbers of each batch's rows.
    """

    domain: str
    adapters: Mapping[str, Adapter]
    batches: Sequence[Batch]
    labels: Sequence[IntArray]


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Attributes:
        name: Of the chosen candidate.
        by: The rule.
        scores: Of each candidate under the rule; higher is better (mean negative entropy [nats], mean agreement, mean
            accuracy over pseudo-targets). They rank and are no statement about the target.
        per_domain: Accuracy of each candidate in each pseudo-target, for the back-test.
    """

    name: str
    by: By
    scores: Mapping[str, float]
    per_domain: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def gain(self, over: str, *, rng: np.random.Generator, level: float = 0.95) -> Estimate:
        """Accuracy of the chosen candidate minus another's, paired over pseudo-targets.

        The chosen one is the best of several on these very domains, so the gain is an upper guess.

        Raises:
            BadInput: The choice was not made by back-test, or there is no such candidate.
            TooFewUnits: Fewer than two pseudo-targets.
        """
        if over not in self.per_domain:
            raise BadInput(f"no back-test of {over!r}; there are {', '.join(self.per_domain) or 'none'}.")
        mine, other = self.per_domain[self.name], self.per_domain[over]
        names = sorted(mine)
        return paired_difference(
            [mine[d] for d in names], [other[d] for d in names], np.arange(len(names)), rng=rng, level=level
        )[0]


def choose(
    adapters: Mapping[str, Adapter],
    batches: Sequence[Batch] = (),
    *,
    by: By = "source back-test",
    setting: Setting = "online",
    trials: Sequence[Trial] = (),
) -> Choice:
    """Choose a candidate without labels of the target.

    Args:
        adapters: Candidates by name; among equals the first wins, so put the unadapted model first.
        batches: Of the target, for ``entropy`` and ``agreement``.
        by: The rule; see the head of this module for what it guarantees.
        setting: Of ``adapt``.
        trials: Pseudo-targets, for ``source back-test``; each with the same candidates.

    Raises:
        BadInput: There is no such rule, no candidate, or not what the rule needs.
    """
    if by not in RULES:
        raise BadInput(f"no rule {by!r}; the rules are {', '.join(RULES)}.")
    if not adapters:
        raise BadInput("there is no candidate to choose from.")
    if by == "source back-test":
        return _back_test(list(adapters), trials, setting)
    if not batches:
        raise BadInput(f"the rule {by} needs batches of the target.")
    made = {name: np.concatenate(adapt(adapter, batches, setting)) for name, adapter in adapters.items()}
    scores = agreement(made) if by == "agreement" else {k: -float(entropy(p).mean()) for k, p in made.items()}
    return Choice(_best(scores), by, scores)


def agreement(predictions: Mapping[str, FloatArray]) -> dict[str, float]:
    """Mean share of rows on which a candidate gives the class that another gives, over all others.

    Args:
        predictions: Probabilities (n, classes) by name.

    >>> a, b = np.eye(2), np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> agreement({"x": a, "y": a, "z": b})
    {'x': 0.75, 'y': 0.75, 'z': 0.5}
    """
    answers = {name: p.argmax(1) for name, p in predictions.items()}
    return {
        name: float(np.mean([np.mean(a == other) for k, other in answers.items() if k != name] or [1.0]))
        for name, a in answers.items()
    }


def _back_test(names: Sequence[str], trials: Sequence[Trial], setting: Setting) -> Choice:
    if not trials:
        raise BadInput("a source back-test needs pseudo-targets: source domains that the model was not fitted to.")
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for trial in trials:
        missing = [name for name in names if name not in trial.adapters]
        if missing:
            raise BadInput(f"the pseudo-target {trial.domain!r} lacks the candidate {missing[0]!r}.")
        truth = np.concatenate(list(trial.labels))
        for name in names:
            made = np.concatenate(adapt(trial.adapters[name], trial.batches, setting))
            found[name][trial.domain] = float(np.mean(made.argmax(1) == truth))
    scores = {name: float(np.mean(list(row.values()))) for name, row in found.items()}
    return Choice(_best(scores), "source back-test", scores, found)


def _best(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda name: scores[name])
