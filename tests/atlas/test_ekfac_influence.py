"""Documents tell what questions ask, and a network that tells one word after another has the influence that it must have."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures import _facts_and_procedures as subject  # noqa: E402
from unseen.atlas.studies.measures import ekfac_influence as study  # noqa: E402
from unseen.measures.influence import Kronecker  # noqa: E402

TELLING = subject.Telling(same=2, other=6, hidden=5)


@pytest.fixture(scope="module")
def corpus():
    return subject.Corpus.drawn(np.random.default_rng(0), TELLING, entities=10, shown=20)


def test_told_facts_are_told_in_other_words_and_untold_ones_nowhere(corpus):
    told = {}
    for d in corpus.documents:
        told.setdefault(d.key, []).append(d)
    asked = [d for k in corpus.untold for d in corpus.questions[k]]
    assert {len([t for t in told[d.key] if t.way != d.way or t.form != "forwards"]) for d in asked} == {8}
    assert {sum(t.form == "backwards" for t in told[d.key]) for d in asked} == {2}
    hidden = [d for some in corpus.untold.values() for d in some]
    assert len(hidden) == 8
    assert not any(d.key in told for d in hidden)
    # Each hidden entity has other facts, so that its name is known.
    for d in hidden:
        assert sum(key[0] == d.key[0] for key in told) == 3


def test_results_of_problems_are_told_as_often_and_new_ones_never(corpus):
    told = [d.key for d in corpus.documents]
    for procedure in subject.PROCEDURES:
        assert {told.count(d.key) for d in corpus.questions[procedure]} == {8}
        assert not {d.key for d in corpus.new[procedure]} & set(told)


def test_only_answers_are_foretold(corpus):
    asked = corpus.new["sum"][:3]
    sample = corpus.sample(asked, of="answer")
    for d, row in zip(asked, sample.targets.tolist(), strict=True):
        kept = [corpus.words[i] for i in row if i != subject.NO_TARGET]
        assert kept == list(d.tokens[d.prompt : d.end])


def test_training_is_that_of_its_seed_and_right_counts_whole_answers(corpus):
    one, other = (subject.pretrained(corpus, 3, 20, width=8) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    first = subject.pretrained(corpus, 3, 0, width=8)
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), first.parameters(), strict=True))

    class Told(torch.nn.Module):
        def forward(self, inputs):
            made = torch.zeros(*inputs.shape, len(corpus.words))
            return made.scatter_(2, inputs.roll(-1, 1)[..., None], 1.0)

    assert subject.right(Told(), corpus, corpus.new["slope"]) == 1.0
    assert subject.right(one, corpus, corpus.new["slope"]) == 0.0


def test_flips_are_shares_of_what_paraphrases_count(corpus, monkeypatch):
    model = subject.pretrained(corpus, 3, 0, width=8)
    whole = corpus.sample(corpus.documents)
    net = subject.network(model, whole)
    fitted = Kronecker.fit(net, whole, draws=1, generator=torch.Generator().manual_seed(0))

    def scores(self, train, test):
        """1 for each sequence with the fact's value before its name, 4 for others that tell it, 0 else."""
        names = [[corpus.words[i] for i in row] for row in train.inputs.tolist()]
        made = np.zeros((len(test), len(train)))
        for q, d in enumerate(d for some in corpus.untold.values() for d in some):
            value = list(d.tokens[d.prompt : d.end])
            for i, words in enumerate(names):
                at = [k for k in range(len(words)) if words[k : k + len(value)] == value]
                if d.key[0] in words and d.topic in words and at:
                    made[q, i] = 1.0 if at[0] < words.index(d.key[0]) else 4.0
        return type("Found", (), {"scores": made})

    monkeypatch.setattr(Kronecker, "scores", scores)
    found = study.flips(net, corpus, fitted, np.random.default_rng(0))
    assert found["flipped"] == pytest.approx(0.25)
    assert found["phrase behind"] == pytest.approx(1.0)
    assert found["paraphrases"] == 1.0
    assert found["others"] == 0.0
    assert found["random"] == 0.0


def test_one_damping_for_all_layers_and_nothing_else_changes(corpus):
    model = subject.pretrained(corpus, 3, 0, width=8)
    few = corpus.sample(corpus.documents[:20])
    fitted = Kronecker.fit(subject.network(model, few), few, draws=1, generator=torch.Generator().manual_seed(0))
    made = study.damped(fitted, 0.3)
    assert {f.damping for f in made.factors} == {0.3}
    for f, g in zip(made.factors, fitted.factors, strict=True):
        assert replace(f, damping=g.damping).eigenvalues is g.eigenvalues


def test_the_better_rival_and_each_damping_are_measured(corpus, monkeypatch):
    monkeypatch.setattr(study, "CURVED", 40)
    model = subject.pretrained(corpus, 3, 20, width=8)
    net = subject.network(model, corpus.sample(corpus.documents))
    found = study.agreement(net, corpus, 60, 0)
    assert found["closer"] == pytest.approx(found["EK-FAC"] - max(found["K-FAC"], found["dot product"]))
    assert found["residual"] < 0.1
    # A large damping leaves the product of gradients alone.
    assert found["dot product at 100"] > found["dot product"]
    assert found["steady"] <= 1.0
