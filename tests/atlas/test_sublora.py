"""Texts are words in a row, contexts are what stands before a letter, and training in a subspace lowers the loss."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures import sublora as study  # noqa: E402
from unseen.measures.bounds.subspace import Subspace  # noqa: E402


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def test_texts_are_words_in_a_row():
    rng = np.random.default_rng(0)
    language = study.Language.drawn(rng, 5)
    known = {w[:-1] for w in language.words}
    for text in language.texts(50, rng).tolist():
        words = "".join(chr(97 + c) for c in text).split("a")[:-1]
        assert all(tuple(ord(c) - 97 for c in w) in known for w in words)


def test_contexts_are_the_letters_before():
    contexts, came = study.split(np.arange(12).reshape(2, 6))
    assert contexts.tolist() == [[0, 1, 2, 3], [1, 2, 3, 4], [6, 7, 8, 9], [7, 8, 9, 10]]
    assert came.tolist() == [4, 5, 10, 11]


def test_training_in_a_subspace_lowers_the_loss_and_the_bound_is_above_it():
    rng = np.random.default_rng(0)
    texts = study.Language.drawn(rng, 4).texts(400, rng)
    space = Subspace.of(study.start(16, drawn()), drawn(1), rank=2, size=49)
    before = study.log_chances(space.weights(torch.zeros(49)), texts).mean()
    numbers = study.trained(space, texts, 60, drawn(2))
    assert study.log_chances(space.weights(numbers), texts).mean() > before + 0.3
    bound, weights = study.bounded(space, numbers, texts)
    assert bound.value > bound.seen
    assert bound.seen == pytest.approx(study.bits(weights, texts, bound.terms["smoothing"]), rel=1e-6)
