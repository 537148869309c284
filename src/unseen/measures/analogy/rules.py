"""The minimal generalisation learner: a new form does what the most reliable rule says that stored forms share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from unseen.errors import BadInput
from unseen.measures.analogy.exemplars import Features, pair_weights

# Before the first segment of a form; it has no features.
EDGE = ""


def adjusted_confidence(hits: float, scope: float, level: float = 0.75) -> float:
    """Lower confidence limit of a rule's reliability, 0 for rules with a scope of 1 or less.

    Args:
        hits: Stored forms where the rule holds.
        scope: Stored forms that it applies to.
        level: Of the one-sided limit.

    Raises:
        BadInput: There are more hits than scope, or fewer than none.

    Source: Mikheev (1997), Automatic rule induction for unknown-word guessing; Albright & Hayes (2003), Rules vs. analogy in
    English past tenses.

    >>> round(adjusted_confidence(5, 5), 3), round(adjusted_confidence(1000, 1000), 3)
    (0.825, 0.999)
    """
    from scipy.stats import t

    if not 0 <= hits <= scope + 1e-9:
        raise BadInput(f"a rule holds in 0 to {scope:g} of the forms that it applies to; got {hits:g}.")
    if scope <= 1:
        return 0.0
    share = (hits + 0.5) / (scope + 1)
    return max(share - float(t.ppf(level, scope - 1)) * float(np.sqrt(share * (1 - share) / scope)), 0.0)


@dataclass
class RuleLearner:
    """Rules "outcome o after forms that end in these segments, before them one with these features".

    Two forms of one outcome yield a rule: the segments that they share at the end, and the features that the segments before
    those share. Rules are generalised with further forms in the same way; a rule for each tail and each intersection of
    features is all that this can reach. A form's own rule, which holds for it alone, is none.

    Attributes:
        stored: Forms that were seen.
        counts: How often each was seen with each outcome, shape (N, K).
        features: Features of each segment.
        tokens: Weigh stored forms by log10(count + 1); else each that was seen counts once.
        level: Of the limit of reliability.
    """

    stored: Sequence[str]
    counts: np.ndarray
    features: Features
    tokens: bool = False
    level: float = 0.75
    _known: dict[str, list[list[tuple[frozenset[str], float]]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.counts.ndim != 2 or len(self.counts) != len(self.stored):
            raise BadInput(f"counts of {len(self.stored)} stored forms have shape (N, K); got {self.counts.shape}.")
        if unknown := sorted(set("".join(self.stored)) - set(self.features)):
            raise BadInput(f"segment {unknown[0]!r} has no features.")
        self.counts = pair_weights(self.counts, self.tokens)

    def confidence(self, form: str) -> np.ndarray:
        """Confidence of the best rule for each outcome, 0 where none applies, shape (K,).

        Source: Albright & Hayes (2003); as given to nominalisations by Hofmann et al. (2025).

        >>> plain = {"t": frozenset({"cor"}), "d": frozenset({"cor", "voi"}), "a": frozenset({"syl"})}
        >>> known = RuleLearner(["at", "ad", "da"], np.array([[1, 0], [1, 0], [0, 1]]), plain)
        >>> known.confidence("aad").round(3).tolist()
        [0.57, 0.0]
        """
        best = np.zeros(self.counts.shape[1])
        for cut in range(len(form), -1, -1):
            before = self._features(form[cut - 1] if cut else EDGE)
            for outcome, rules in enumerate(self._rules(form[cut:])):
                for needed, confidence in rules:
                    if needed <= before:
                        best[outcome] = max(best[outcome], confidence)
        return best

    def _features(self, segment: str) -> frozenset[str]:
        return frozenset() if segment == EDGE else self.features[segment]

    def _rules(self, tail: str) -> list[list[tuple[frozenset[str], float]]]:
        """Rules behind a tail, by outcome: needed features with confidence."""
        if tail in self._known:
            return self._known[tail]
        weight: dict[str, np.ndarray] = {}
        for form, own in zip(self.stored, self.counts, strict=True):
            if form.endswith(tail):
                segment = form[-len(tail) - 1] if len(form) > len(tail) else EDGE
                weight[segment] = weight.get(segment, 0) + own
        made: list[list[tuple[frozenset[str], float]]] = []
        for outcome in range(self.counts.shape[1]):
            having = {self._features(s) for s, own in weight.items() if own[outcome] > 0}
            rules: list[tuple[frozenset[str], float]] = []
            for needed in shared(having):
                inside = np.stack([own for s, own in weight.items() if needed <= self._features(s)]).sum(0)
                confidence = adjusted_confidence(float(inside[outcome]), float(inside.sum()), self.level)
                rules.append((needed, confidence))
            made.append(rules)
        self._known[tail] = made
        return made


def shared(bundles: set[frozenset[str]]) -> set[frozenset[str]]:
    """Features that two or more different bundles have in common, for every choice of them.

    >>> sorted(sorted(b) for b in shared({frozenset("ab"), frozenset("bc"), frozenset("abd")}))
    [['a', 'b'], ['b']]
    """
    found = {a & b for a in bundles for b in bundles if a != b}
    while more := {a & b for a in found for b in bundles} - found:
        found |= more
    return found


def rule_support(
    forms: Sequence[str], stored: Sequence[str], counts: np.ndarray, features: Features, *, tokens: bool = False
) -> np.ndarray:
    """Confidence of the best rule for each outcome of each form, shape (m, K); see ``RuleLearner``.

    Args:
        forms: What is asked.
        stored: Forms that were seen.
        counts: How often each was seen with each outcome, shape (N, K).
        features: Features of each segment.
        tokens: Weigh stored forms by log10(count + 1).
    """
    learner = RuleLearner(stored, counts, features, tokens)
    return np.stack([learner.confidence(form) for form in forms])
