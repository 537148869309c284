"""Variants keep what a hypothesis says; a reader of meaning changes no label, one of forms does."""

import re

import numpy as np
import pytest

from unseen.atlas.studies.shifts import _entailment_sentences as sentences
from unseen.atlas.studies.shifts import semantic_sensitivity as study

RNG = np.random.default_rng(1)
PAIRS = [p for d in sentences.DOMAINS for p in sentences.pairs(d, 150, RNG)]


def meaning(text, domain):
    """Who does what to what, by place among the words of a domain; read from the text alone."""
    d = sentences.DOMAINS[domain]
    low = text.lower().rstrip(".")
    denied = " not " in f" {low} "
    verbs = [{w for names in v.names for w in names} for v in d.verbs]
    word = set(re.findall(r"\w+", low))
    verb = [i for i, names in enumerate(verbs) if names & word]
    things = {t for i in verb for t in d.verbs[i].things if any(re.search(rf"\b{w}\b", low) for w in t)}
    who = [w for w in (*d.who, d.kinds) if any(re.search(rf"\b{x}\b", low) for x in w)]
    extra = {x for x in (*d.given, *d.other, *d.where, *d.why) if re.search(rf"\b{x}\b", low)}
    return frozenset(verb), frozenset(things), frozenset(who), denied, frozenset(extra)


def test_a_variant_says_the_same_in_other_words_and_a_denial_does_not():
    for p in PAIRS:
        was = meaning(p.said.text(), p.said.domain)
        assert all(len(part) == 1 for part in was[:3])
        for forms, words in study.CHANGES.values():
            other = p.said.otherwise(RNG, forms=forms, words=words)
            assert other.text() != p.said.text() or not forms
            assert meaning(other.text(), p.said.domain) == was
        assert meaning(p.said.denial().text(), p.said.domain)[3] != was[3]


def test_labels_are_in_equal_parts_and_follow_from_the_meanings():
    for domain in sentences.DOMAINS:
        made = sentences.pairs(domain, 150, RNG)
        assert np.bincount([p.label for p in made]).tolist() == [50, 50, 50]
        d = sentences.DOMAINS[domain]
        for p in made:
            (verb, thing, who, _, extra), (v, t, w, denied, more) = (
                meaning(x, domain) for x in (p.premise, p.said.text())
            )
            assert t == thing
            assert w in (who, frozenset([d.kinds]))
            opposite = v == frozenset(d.verbs[next(iter(verb))].against for _ in (0,)) and v != verb
            expected = 2 if denied or opposite else 1 if more - extra else 0
            assert expected == p.label


class States:
    """States that hold the label; ``jumps`` is the share of texts whose state is another's, by a hash of the text."""

    def __init__(self, jumps):
        self.jumps = jumps

    def hidden(self, prompts, layer):
        return np.array([self.state(p) for p in prompts])

    def state(self, prompt):
        premise, hypothesis = re.findall(r": (.*)", prompt)
        for domain in sentences.DOMAINS:
            a, b = meaning(premise, domain), meaning(hypothesis, domain)
            if len(a[0]) == len(b[0]) == len(b[1]) == 1:
                break
        label = 2 if a[3] != b[3] or a[0] != b[0] else 1 if b[4] - a[4] else 0
        rng = np.random.default_rng(list(prompt.encode()))
        if a[4] and rng.random() < self.jumps:
            label = (label + 1) % 3
        return np.eye(3)[label] * 20 + rng.normal(size=3)


@pytest.mark.parametrize(("jumps", "low", "high"), [(0.0, 0.0, 0.0), (0.3, 0.2, 0.45)])
def test_the_study_finds_labels_that_jump_and_none_in_a_reader_of_meaning(monkeypatch, jumps, low, high):
    monkeypatch.setattr(study, "subject", lambda name: States(jumps))
    found = study.measure.measure(100, quick=False)
    assert low <= found["changes"] <= high
    assert found["kept"][0] > 0.5
    assert found["denied"][0] >= 0.5
