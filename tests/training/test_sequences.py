"""Token objectives: layouts, teacher forcing against decoding, padding, prediction."""

import itertools

import polars as pl
import pytest

torch = pytest.importorskip("torch")

from unseen.data import Examples  # noqa: E402
from unseen.engine.seeds import seeded_torch, torch_generator  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.architectures.recurrent import Recurrent  # noqa: E402
from unseen.learners.architectures.transformer import EncoderDecoder, Transformer  # noqa: E402
from unseen.training import TrainConfig, fit_sequences  # noqa: E402
from unseen.training.loop import score  # noqa: E402
from unseen.training.objectives.sequences import Sequences, greedy_continuation, greedy_seq2seq  # noqa: E402
from unseen.training.vocabulary import BOS, EMPTY, EOS, PAD, UNKNOWN, Vocabulary  # noqa: E402


def reversals(lengths):
    rows = [w for n in lengths for w in itertools.product("abc", repeat=n)]
    return Examples(pl.DataFrame({"input": [" ".join(w) for w in rows], "target": [list(w[::-1]) for w in rows]}))


BUILDS = {
    "seq2seq": lambda v: EncoderDecoder(len(v), 32, 1, 2, longest=40),
    "lm": lambda v: Transformer(len(v), 32, 2, 2, longest=40),
    "positions": lambda v: Recurrent(len(v), 32),
}


def test_layouts_are_what_they_say():
    data = Examples(pl.DataFrame({"input": ["a b", "a"], "target": ["b", "a b"]}))
    v = Vocabulary.of(data)
    a, b = v.encode("a b")
    s = {layout: Sequences(v, layout).encode(data) for layout in BUILDS}
    assert s["seq2seq"]["source"].tolist() == [[a, b], [a, PAD]]
    assert s["seq2seq"]["tokens"].tolist() == [[BOS, b, PAD], [BOS, a, b]]
    assert s["seq2seq"]["labels"].tolist() == [[b, EOS, PAD], [a, b, EOS]]
    assert s["lm"]["tokens"].tolist() == [[BOS, a, b, EMPTY, b], [BOS, a, EMPTY, a, b]]
    assert s["lm"]["labels"].tolist() == [[0, 0, 0, b, EOS], [0, 0, a, b, EOS]]
    assert s["positions"]["tokens"].tolist() == [[a, b, EMPTY], [a, EMPTY, EMPTY]]
    assert s["positions"]["labels"].tolist() == [[0, 0, b], [0, a, b]]
    assert v.encode("zebra") == [UNKNOWN]


@pytest.mark.parametrize("layout", list(BUILDS))
def test_accuracy_under_teacher_forcing_is_that_of_greedy_decoding(layout):
    config = TrainConfig(steps=60, lr=5e-3, eval_every=60)
    # Short strings are learnt and longer ones are not, so that right and wrong answers are met.
    fitted = fit_sequences(BUILDS[layout], reversals([1, 2]), None, config, torch_generator(0),
                           vocabulary=Vocabulary.of(reversals([1])))  # fmt: skip
    data = reversals([1, 2, 4])
    answers, confidence = fitted.predict(data)
    truth = data.table["target"].to_list()
    right = [a == t for a, t in zip(answers, truth, strict=True)]
    assert fitted.accuracy(data).tolist() == [float(r) for r in right]
    assert 0 < sum(right) < len(right), "both kinds of answers must be met"
    assert ((confidence > 0) & (confidence <= 1 + 1e-6)).all()


@pytest.mark.parametrize("layout", list(BUILDS))
def test_padding_changes_nothing(layout):
    data = reversals([1, 2, 3])
    v = Vocabulary.of(data)
    with seeded_torch(0):
        model = BUILDS[layout](v).eval()
    objective = Sequences(v, layout)
    together = score(model, objective, objective.encode(data))[0]
    alone = torch.cat([score(model, objective, objective.encode(data.take([i])))[0] for i in range(len(data))])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_decoding_is_that_of_a_naive_loop():
    data = reversals([2, 3])
    v = Vocabulary.of(data)
    with seeded_torch(1):
        model = BUILDS["lm"](v).eval()
    objective = Sequences(v, "lm")
    batch = objective.encode(data)
    answers, confidence = objective.decode(model, batch, 6)
    for i, row in enumerate(data.table["input"].to_list()):
        tokens, sure = [BOS, *v.encode(row), EMPTY], 1.0
        written = []
        for _ in range(6):
            shares = model(torch.tensor([tokens]))[0, -1].softmax(-1)
            best = int(shares.argmax())
            sure *= float(shares[best].detach())
            tokens.append(best)
            written.append(best)
            if best == EOS:
                break
        assert answers[i] == v.decode(written)
        assert confidence[i] == pytest.approx(sure, rel=1e-4)


def test_a_small_transformer_learns_to_reverse_and_sorted_batches_learn_the_same():
    data = reversals([1, 2, 3])
    for bucket in (1, 4):
        config = TrainConfig(steps=1500, lr=3e-3, batch_size=13, eval_every=50, stop_at=1.0, bucket=bucket)
        fitted = fit_sequences(BUILDS["seq2seq"], data, {"unseen": reversals([4])}, config, torch_generator(0))
        assert fitted.accuracy(data).mean() == 1.0
        assert fitted.final("unseen") < 1.0
        assert fitted.token_accuracy(data).min() == 1.0


def test_refusals():
    data = reversals([1])
    with pytest.raises(BadInput, match="needs a generator"):
        fit_sequences(BUILDS["lm"], data)
    with pytest.raises(BadInput, match="an empty target"):
        Sequences(Vocabulary.of(data), "positions").encode(
            Examples(pl.DataFrame({"input": ["a"], "target": [[]]}, schema_overrides={"target": pl.List(pl.String)}))
        )
    with pytest.raises(BadInput, match="Linear names no layout"):
        fit_sequences(torch.nn.Linear(1, 1), data, generator=torch_generator(0))


class Forgetful(torch.nn.Module):
    """A model without the ways to keep what was read."""

    def __init__(self, inner, causal=False):
        super().__init__()
        self.inner, self.causal = inner, causal

    def forward(self, *tokens, keep=None):
        return self.inner(*tokens, keep=keep)


@pytest.mark.parametrize("position", ["absolute", "random-offset", "rotary", "alibi", "none"])
@torch.no_grad()
def test_decoding_that_keeps_keys_and_values_writes_what_decoding_without_does(position):
    with seeded_torch(1):
        decoder = Transformer(12, 16, 2, 2, position=position, longest=40).eval()
        pair = EncoderDecoder(12, 16, 2, 2, position=position, longest=40).eval()
        prompt, source = torch.randint(5, 12, (16, 6)), torch.randint(5, 12, (16, 6))
    source[::3, 4:] = PAD
    for kept, anew in (
        (greedy_continuation(decoder, prompt, 12), greedy_continuation(Forgetful(decoder, True), prompt, 12)),
        (greedy_seq2seq(pair, source, 12), greedy_seq2seq(Forgetful(pair), source, 12)),
    ):
        assert kept[0].tolist() == anew[0].tolist()
        torch.testing.assert_close(kept[1], anew[1], rtol=1e-4, atol=1e-7)
