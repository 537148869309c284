import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Found, NotApplicable, Settings, Subject
from unseen.checks.u502_similarity import Similarity, ngram_overlap
from unseen.data import Examples
from unseen.responses import Responses


def _table(seed, gain, n=600):
    rng = np.random.default_rng(seed)
    words = np.array([f"w{i}" for i in range(500)])
    train = [" ".join(rng.choice(words, 12)) for _ in range(300)]
    fresh = [" ".join(rng.choice(words, 12)) for _ in range(n)]
    known = rng.random(n) < 0.5
    questions = [train[rng.integers(300)] if k else f for k, f in zip(known, fresh, strict=True)]
    score = (rng.random(n) < 0.4 + gain * known).astype(float)
    table = pl.DataFrame({"model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "question": questions})
    return table, Examples(pl.DataFrame({"input": train, "target": ["y"] * 300}))


def test_a_gain_on_copied_items_is_found():
    table, train = _table(0, 0.3)
    out = run_check(Similarity(), Subject(Responses.of(table), train=train), Settings(), strict=True)[0]
    assert isinstance(out, Found)
    assert out.estimate.low <= 0.3 <= out.estimate.high


def test_no_gain_is_found_at_the_stated_rate_where_there_is_none():
    wrong = 0
    for seed in range(60):
        table, _ = _table(seed, 0.0, 200)
        similarity = np.random.default_rng(seed).random(200)
        subject = Subject(Responses.of(table.with_columns(similarity=similarity)))
        wrong += isinstance(run_check(Similarity(), subject, Settings(), strict=True)[0], Found)
    assert wrong <= 6  # 2.5 % of 60 are on this side, 3.2 sd above is 5.4


def test_overlap_equals_the_naive_count():
    rng = np.random.default_rng(1)
    draw = lambda k: [" ".join(rng.choice(list("abcde"), rng.integers(1, 9))) for _ in range(k)]  # noqa: E731
    texts, train = draw(40), draw(15)

    def grams(text, n):
        w = text.split()
        return [tuple(w[i : i + n]) for i in range(len(w) - n + 1)]

    for text, ours in zip(texts, ngram_overlap(pl.Series(texts), pl.Series(train)).tolist(), strict=True):
        n = min(3, len(text.split()))
        known = {g for t in train for g in grams(t, n)}
        assert ours == np.mean([g in known for g in grams(text, n)])


def test_without_texts_it_says_what_to_give():
    out = run_check(Similarity(), Subject(Responses.of(_table(0, 0)[0])), Settings(), strict=True)[0]
    assert isinstance(out, NotApplicable)
    assert out.unlocks == ("train",)
