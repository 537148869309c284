"""The Transformer over sentences against a loop over words, and on one story it can be taught."""

from __future__ import annotations

import polars as pl
import pytest
import torch

from unseen.data import Examples
from unseen.engine.seeds import torch_generator
from unseen.learners.architectures.sentences import SentenceTransformer
from unseen.training import TrainConfig, fit_sequences

STOP = 5


def built(seed: int = 0, **settings: int) -> SentenceTransformer:
    torch.manual_seed(seed)
    return SentenceTransformer(12, STOP, width=8, heads=2, **settings)


def test_sentence_vectors_are_those_of_a_loop_over_words() -> None:
    model = built(longest=4)
    tokens = torch.tensor([[6, 7, 8, 9, 10, 5, 6, 5, 11, 3], [5, 5, 7, 6, 5, 3, 0, 0, 0, 0]])
    number, vectors = model.sentences(tokens)
    for row in range(2):
        sentence, place, sums = 0, 0, torch.zeros(vectors.shape[1], 8)
        for i, token in enumerate(tokens[row].tolist()):
            assert number[row, i] == sentence
            if token != 0:
                sums[sentence] += model.embedding.weight[token] * model.places[min(place, 3)]
            place += 1
            if token == STOP:
                sentence, place = sentence + 1, 0
        torch.testing.assert_close(vectors[row], sums)


def test_later_sentences_and_padding_do_not_reach_earlier_ones() -> None:
    model = built()
    story = torch.tensor([[6, 7, 5, 8, 9, 5]])
    longer = torch.tensor([[6, 7, 5, 8, 9, 5, 10, 11, 5, 0, 0]])
    torch.testing.assert_close(model(story), model(longer)[:, :6])


def test_order_of_words_and_of_sentences_matters() -> None:
    model = built()
    one = model(torch.tensor([[6, 7, 5, 8, 9, 5, 10]]))[0, -1]
    words = model(torch.tensor([[7, 6, 5, 8, 9, 5, 10]]))[0, -1]
    sentences = model(torch.tensor([[8, 9, 5, 6, 7, 5, 10]]))[0, -1]
    assert (one - words).abs().max() > 1e-3
    assert (one - sentences).abs().max() > 1e-3


@pytest.mark.slow
def test_it_learns_to_look_up_a_sentence() -> None:
    people, places = "abcd", "wxyz"
    rows = [
        (f"{p} {x} . {q} {y} . {asked}", x if asked == p else y)
        for p in people for q in people for x in places for y in places for asked in (p, q) if p != q
    ]  # fmt: skip
    examples = Examples(pl.DataFrame(rows, schema=["input", "target"], orient="row"), ("input",), "target")
    config = TrainConfig(steps=150, batch_size=64, lr=1e-2, eval_every=150)
    fitted = fit_sequences(
        lambda words: SentenceTransformer(len(words), words.numbers["."], width=16, layers=2, heads=2),
        examples, None, config, torch_generator(0, "look-up"), layout="positions",
    )  # fmt: skip
    assert fitted.accuracy(examples).mean() > 0.95
