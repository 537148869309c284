"""Racing: no test's own domain decides what is dropped for it, and what changes nothing gets few fits."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from unseen.engine.store import Store
from unseen.improving import Candidate, Gains, design, improve
from unseen.improving.attempts import UNCHANGED, Attempt, candidates_of
from unseen.improving.racing import early_of, hopeless, waves_of
from unseen.learners import EstimatorLearner
from unseen.refitting import ask
from unseen.remedies import all_remedies


def asked_for(sites=8, rows=800):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    y = np.where(x[:, 0] + rng.normal(size=rows) > 0, "p", "q")
    table = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "site": [f"s{i % sites}" for i in range(rows)], "y": y})
    return ask(table, "logistic", ["held-out site"], target="y")


def test_what_drops_a_candidate_for_a_test_has_not_seen_the_tested_rows():
    asked = asked_for()
    made = design(asked.problem, asked.cases, repeats=1, rows=20_000, seed=0)
    early = early_of(made)
    fittings = {f.name: f for f in early.fittings}
    assert 0 < len(early.fittings) < len(made.fittings) / 2 + 4
    for fold in early.folds:
        tested = made.cases[fold.cases[0]].beyond
        assert len(fold.validations) == 4
        for name, side, _ in fold.validations:
            assert not np.isin(fittings[name].train, tested).any()
            assert not np.isin(fittings[name].tests[side], tested).any()


def test_what_costs_everywhere_is_dropped_by_the_mean_and_what_changes_nothing_by_both():
    asked = asked_for(rows=4000)
    made = design(asked.problem, asked.cases, repeats=1, rows=20_000, seed=0)
    early = early_of(made)
    rng = np.random.default_rng(1)
    effects = {"harms": -0.1, "idle": 0.0, "helps": 0.1}
    attempts = {}
    for f in early.fittings:
        own = attempts.setdefault((f.name, f.repeat), {})
        own[UNCHANGED] = Attempt({s: np.full(len(r), 0.5) for s, r in f.tests.items()}, "", 1.0, 1.0)
        for name, effect in effects.items():
            noise = 0.0 if name == "idle" else 0.2
            scores = {s: 0.5 + effect + noise * rng.normal(size=len(r)) for s, r in f.tests.items()}
            own[name] = Attempt(scores, "", 1.0, 1.0)
    names = [Candidate(n) for n in effects]
    gone = {j: hopeless(Gains(early, attempts, names, 0.95, j), 0.005, j) for j in ("mean", "worst")}
    assert {n for _, n in gone["mean"]} == {"harms", "idle"}
    assert {n for _, n in gone["worst"]} == {"idle"}
    assert len(gone["mean"]) == 2 * len(made.folds)


def test_the_cheap_answer_first_and_the_dropped_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["unseen.improving.improve"], "PATIENCE", 0.0)
    told = []
    names = ["regularised", "simpler-learner", "difficulty-selection"]
    # No gain of 0.3 is in reach of a learner that is right in three of four rows.
    found = improve(
        asked_for(7, 560), remedies=names, race=True, smallest_gain=0.3, first=told.append, executor="serial", store=Store(tmp_path)
    )[0]  # fmt: skip
    assert [r.remedy.name for r in told[0].ranking if r.remedy.name == "difficulty-selection"] == []
    assert {r.remedy.name for r in found.ranking} == set(names)
    dropped = [r for r in found.ranking if r.verdict == "dropped"]
    assert len(dropped) == 3
    assert all(any(r.remedy.name in note for note in found.design.notes) for r in dropped)
    every = 1 + sum(len(all_remedies()[n].grid) for n in names)
    assert found.fits < every * len(found.design.fittings)


def test_what_shares_a_fit_comes_first_then_usual_settings_then_others_then_dear_ones():
    names = ["difficulty-selection", "regularised", "lame", "simpler-learner"]
    waves = [{c.key for c in w} for w in waves_of([all_remedies()[n] for n in names])]
    assert [{k.split(" ")[0] for k in w} for w in waves] == [
        {"lame"}, {"regularised", "simpler-learner"}, {"regularised", "simpler-learner"}, {"difficulty-selection"},
    ]  # fmt: skip
    assert {c for w in waves for c in w} == {c.key for n in names for c in candidates_of([all_remedies()[n]])}
    assert "regularised strength=10.0" in waves[1]


def test_each_fit_of_the_unchanged_learner_is_made_once_and_the_total_is_told_once(tmp_path):
    class Heard:
        def __init__(self):
            self.names, self.totals, self.expected = [], [], []

        def __call__(self, name, finished, total):
            self.names.append(name)
            self.totals.append((finished, total))

        def expect(self, open_, each, workers):
            self.expected.append(open_)

    heard = Heard()
    tried = ["logit-adjustment", "class-balance", "domain-balance", "regularised"]
    asked = asked_for(sites=6, rows=360)
    improve(asked, remedies=tried, race=True, repeats=1, executor="serial", store=Store(tmp_path), done=heard)
    plain = [n for n in heard.names if n.endswith(": unchanged")]
    # Six parts: 15 pairs and 6 final tests.
    assert len(plain) == len(set(plain)) == 21
    finished, totals = zip(*heard.totals, strict=True)
    assert list(finished) == list(range(1, len(finished) + 1))
    assert list(totals) == sorted(totals, reverse=True), "what is dropped shortens what is left; nothing lengthens it"
    assert len(heard.expected) == 1
    # Of five settings, 21 fits each, beside the unchanged one; doubling has too few domains here.
    assert heard.expected[0] == totals[0] == 21 * (1 + sum(len(all_remedies()[n].grid) for n in tried[1:]))


def test_sides_are_answered_in_one_call_unless_an_estimator_could_look_across_rows():
    calls = []

    class Foreign(LogisticRegression):
        def predict_proba(self, x):
            calls.append(len(x))
            return super().predict_proba(x)

    examples = asked_for(sites=4, rows=200).problem.examples
    parts = [examples.take(np.arange(0, 50)), examples.take(np.arange(50, 120)), examples.take(np.arange(0, 0))]
    alone = EstimatorLearner(LogisticRegression()).fit(examples, np.random.default_rng(0))
    apart = [alone.probabilities(p) for p in parts[:2]]
    together = EstimatorLearner(LogisticRegression()).fit(examples, np.random.default_rng(0))
    together.foresee(parts)
    together._fitted.predict_proba = None
    assert all(np.allclose(together.probabilities(p), q, atol=1e-12) for p, q in zip(parts, apart, strict=False))
    foreign = EstimatorLearner(Foreign()).fit(examples, np.random.default_rng(0))
    foreign.foresee(parts)
    assert calls == []
