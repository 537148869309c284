"""Predictors are distributions, weights are the best ones, and a mixture gains from what differs, not from what is good alone."""

import numpy as np
import pytest
from scipy import optimize

from unseen.atlas.studies.adaptation import _mixed_predictions as mixed
from unseen.atlas.studies.adaptation import lm_ensembling as study

RNG = np.random.default_rng(1)
WORDS = list("abcdefgh")
TEXTS = [[WORDS[i] for i in RNG.choice(6, size=40)] for _ in range(5)]


@pytest.mark.parametrize("history", [[], ["a"], ["a", "b"], ["h", "h"], ["g", "a"]])
def test_kneser_ney_and_the_cache_are_distributions(history):
    model = mixed.KneserNey(TEXTS, len(WORDS))
    assert sum(model.probability(history, w) for w in WORDS) == pytest.approx(1)
    assert model.probability(history, "h") > 0
    assert sum(mixed.cached([*history, w], len(WORDS))[-1] for w in WORDS) == pytest.approx(1)


def test_lower_orders_count_contexts_and_not_occurrences():
    # Francisco comes often, behind San alone: where the context is new, it is less likely than what follows many.
    texts = [["san", "francisco"] * 20, ["my", "car"], ["her", "car"], ["one", "car"]]
    model = mixed.KneserNey(texts, 100, order=2)
    assert model.probability(["new"], "car") > model.probability(["new"], "francisco")
    assert model.probability(["san"], "francisco") > 0.9


def test_weights_are_those_of_the_largest_likelihood():
    p = RNG.dirichlet([1, 1, 1], size=300).T

    def loss(x):
        w = np.exp([0, *x])
        return -np.log(w / w.sum() @ p).mean()

    best = optimize.minimize(loss, np.zeros(2)).x
    found = mixed.weights(p)
    assert found == pytest.approx(np.exp([0, *best]) / np.exp([0, *best]).sum(), abs=1e-3)


def test_pieces_make_up_the_text():
    for text in study.documented()[:5]:
        pieces = study.windows(f" {text}")
        assert "".join(pieces) == f" {text}"
        assert all(p.startswith(" ") and len(p) >= study.WINDOW for p in pieces)
        assert max(map(len, pieces)) <= 2 * study.WINDOW + 30


class Words:
    """Gives every word the same probability, but a better one in the whole text."""

    def score(self, prompts, continuations):
        from unseen.learners.language.base import Scored

        rows = []
        for prompt, (text,) in zip(prompts, continuations, strict=True):
            words = text.split()
            p = 0.003 if prompt == "Text:" else 0.004
            rows.append((Scored(text, tuple(words), (float(np.log(p)),) * len(words), False),))
        return rows


def test_the_study_finds_a_gain_where_words_come_again_and_none_from_renamed_counts(monkeypatch):
    monkeypatch.setattr(study, "subject", lambda name: Words())
    found = study.measure.measure(100, quick=False)
    assert found["gain"] > 0.1
    assert found["gain_short"] == pytest.approx(0, abs=1e-3)
    assert found["leak"] > found["gain_counts"] > 0
    assert found["renamed"] < 0.02
    assert found["aligned"][0] == 1
