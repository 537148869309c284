"""Labels of entailment that change where a hypothesis is said otherwise, in words that the model itself calls equivalent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.atlas.studies.shifts._entailment_sentences import LABELS, Pair, Said, line, pairs
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator

MODEL = "smollm2-135m-instruct"
# Of 30 layers; chosen, with the weight of the penalty, on other sentences.
LAYER, WEIGHT = 20, 0.01
TRAIN, ITEMS = 660, 60
SEEN, UNSEEN = "scenes", "business"
ENTAILS = LABELS.index("entailment")
# What is changed in a hypothesis: its form, its words, or both.
CHANGES: Mapping[str, tuple[bool, bool]] = {"form": (True, False), "words": (False, True), "both": (True, True)}
Judge = Callable[[np.ndarray], np.ndarray]


def states(model: Subject, rows: Sequence[tuple[str, str]]) -> np.ndarray:
    """States at the end of each premise with its hypothesis."""
    return model.hidden([line(p, h) for p, h in rows], LAYER)


def fitted(x: np.ndarray, label: np.ndarray, weight: float = WEIGHT) -> Judge:
    """A linear head on states: the label of each row."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    head = LogisticRegression(C=weight, max_iter=500).fit((x - mean) / spread, label)
    return lambda rows: head.predict((rows - mean) / spread)


class Asked:
    """Pairs of a domain with their labels by the model, and the same with each hypothesis said otherwise.

    Attributes:
        label: By the model, shape (items,).
        right: Whether it is the right one.
        states: Of the pairs as they are.
    """

    def __init__(self, model: Subject, judge: Judge, items: Sequence[Pair]) -> None:
        self._model, self._judge, self.items = model, judge, items
        self.key = np.array([p.label for p in items])
        self.states = states(model, [(p.premise, p.said.text()) for p in items])
        self.label = judge(self.states)
        self.right = self.label == self.key

    def states_of(self, said: Sequence[Said]) -> np.ndarray:
        """States of the pairs with these hypotheses."""
        return states(self._model, [(p.premise, s.text()) for p, s in zip(self.items, said, strict=True)])

    def otherwise(self, said: Sequence[Said]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels with these hypotheses, whether the model calls them equivalent to those before, and the states."""
        moved = self.states_of(said)
        both = [(p.said.text(), s.text()) for p, s in zip(self.items, said, strict=True)]
        ways = [self._judge(states(self._model, rows)) == ENTAILS for rows in (both, [(b, a) for a, b in both])]
        return self._judge(moved), ways[0] & ways[1], moved

    def changed(self, label: np.ndarray, kept: np.ndarray) -> float:
        """Share of the kept whose label is another than before; 0 where nothing is kept."""
        return _share((label != self.label)[kept])


@study(
    slug="semantic-sensitivity",
    claim=[
        ("Labels change on variants that the model itself judges to be equivalent.", "changes"),
        ("They do so more often outside the domain of training.", "beyond"),
        ("Accuracy falls with them.", "loss"),
    ],
    source="Arakelyan, Liu & Augenstein (2024), Semantic Sensitivities and Inconsistent Predictions: Measuring the Fragility of "
    "NLI Models, EACL",
    link="https://arxiv.org/abs/2401.14440",
    did="Let a language model vary hypotheses of SNLI, MNLI and others, kept the variants that an NLI model itself calls "
    "equivalent in both directions, and found its decisions to degrade by 12.9 percent within and 23.7 percent out of "
    "the domain of training.",
    here="Generated pairs of two domains; the NLI model is a linear head on the states of a pretrained model of 135M, trained on "
    "one domain. Hypotheses are put into another form (passive, 'there is', 'it is'), other words, or both, by rule.",
    fidelity="C",
    parts=[
        headline("changes", "Domain of training: share of equivalent variants with another label", claimed=0.1, refuted=0.02,
                 within=SHARE, basis="the abstract: 12.9 percent; a tenth is sizable, one in fifty is not"),
        side_part("beyond", "Form and words changed: the same in the other domain, less that", claimed=0.05, refuted=0.0,
                  within=DIFFERENCE, basis="the abstract: 23.7 against 12.9 percent; half of the distance"),
        side_part("loss", "Domain of training: share right on the pairs as they are less that on their kept variants", claimed=0.05,
                  refuted=0.0, within=DIFFERENCE, basis="the abstract: performance degrades; near half of 12.9 percent"),
        gate("seen_right", "Domain of training: share right", at_least=0.8, within=SHARE, basis="good standard accuracy"),
        gate("unseen_right", "Other domain: share right", at_least=0.45, within=SHARE, basis="chance is a third"),
        gate("kept", "Share of variants that the model calls equivalent", at_least=0.3, within=SHARE, basis="variants to judge"),
        control("denied", "Share of labels that change where a hypothesis that follows or contradicts is denied", at_least=0.4,
                within=SHARE, basis="meaning turned round: labels that did not move then would not move on anything"),
        control("learnt", "Share of equivalent variants with another label once both forms were learnt", at_most=0.05, within=SHARE,
                basis="half of what is claimed", cuts="no form is new to the head"),
    ],
    sweeps=[Sweep("what is changed in a hypothesis", "changes", {k: f"changes_{k}" for k in CHANGES})],
    units="seeds: pairs of training and test, forms and words redrawn.",
    seeds=range(30, 36),
    code="Not read: no copy was found.",
    oracle=["tests/atlas/test_semantic_sensitivity.py"],
    reconstructed="The NLI model, both domains, and the variants, which rules make; what is changed is swept.",
    history=[
        Change("2026-11-22", "Written; thresholds from the abstract before any run of it. A look at heads with other sentences had "
               "shown how often they are right in both domains (0.5B, layer 16: 1.0 and .81; 135M, layer 20: .98 and .67). "
               "The larger model takes too long: a pilot of it was stopped by its time, unseen."),
        Change("2026-11-22", "Pilot of two seeds: changes 0.12, every part as wanted, but kept at 0.31 where 0.3 is asked. "
               "Premises of training were in the active form alone, and equivalence asks with hypotheses as premises; they come "
               "in all forms since. A run of seeds from 10 on was stopped unseen, and the stored seeds are others.", (100, 101)),
        Change("2026-11-22", "Pilot of two seeds of that: changes 0.20, kept 0.41, but right in the domain of training 0.83 where "
               "0.8 is asked, since more forms are to be learnt from 300 pairs. They are 660 since; a run of seeds from 20 on "
               "was stopped unseen.", (100, 101)),
        Change("2026-11-22", "This form was not piloted again: more pairs to learn from are all that is new."),
    ],
    would_take="NLI models fine-tuned on SNLI and MNLI, and a model that varies hypotheses",
    subjects={MODEL: 1_200_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """A head taught in one domain; its labels before and after each change, in both domains, and both controls."""
    rng, model, n = numpy_generator(seed, "semantic-sensitivity"), subject(MODEL), 30 if quick else ITEMS
    taught = pairs(SEEN, TRAIN, rng)
    x, key = states(model, [(p.premise, p.said.text()) for p in taught]), np.array([p.label for p in taught])
    judge = fitted(x, key)
    seen, unseen = (Asked(model, judge, pairs(domain, n, rng)) for domain in (SEEN, UNSEEN))
    ways = {
        how: seen.otherwise([p.said.otherwise(rng, forms=f, words=w) for p in seen.items]) for how, (f, w) in CHANGES.items()
    }  # fmt: skip
    far, far_kept, _ = unseen.otherwise([p.said.otherwise(rng) for p in unseen.items])
    label, kept, _ = (np.concatenate(parts) for parts in zip(*ways.values(), strict=True))
    before, key_of = np.tile(seen.label, len(CHANGES)), np.tile(seen.key, len(CHANGES))
    changed, near_changed = _share((label != before)[kept]), seen.changed(*ways["both"][:2])
    far_changed = unseen.changed(far, far_kept)
    turned = judge(seen.states_of([p.said.denial() for p in seen.items])) != seen.label
    clear = seen.key != LABELS.index("neutral")
    return {
        "changes": changed, "beyond": far_changed - near_changed,
        "loss": _share((before == key_of)[kept]) - _share((label == key_of)[kept]),
        "seen_right": (float(seen.right.mean()), n), "unseen_right": (float(unseen.right.mean()), n),
        "kept": (float(kept.mean()), n), "kept_beyond": (float(far_kept.mean()), n), "changes_beyond": far_changed,
        "denied": (float(turned[clear].mean()), int(clear.sum())), "learnt": _learnt(seen, ways["both"], x, key),
        "changes_all": float((label != before).mean()),
        **{f"changes_{how}": seen.changed(*found[:2]) for how, found in ways.items()},
    }  # fmt: skip


def _share(rows: np.ndarray) -> float:
    """Share of what holds; 0 of nothing."""
    return float(rows.mean()) if len(rows) else 0.0


def _learnt(asked: Asked, moved: tuple[np.ndarray, np.ndarray, np.ndarray], x: np.ndarray, key: np.ndarray) -> float:
    """Share of kept variants whose label differs by a head that learnt the pairs and their variants besides."""
    _, kept, other = moved
    judge = fitted(np.concatenate([x, asked.states, other]), np.concatenate([key, asked.key, asked.key]), 1.0)
    return _share((judge(other) != judge(asked.states))[kept])
