"""The influence that texts have on a model: on the right tokens, block by block, in any order, fitted on texts of its own."""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from unseen.atlas.studies.measures import _known_to_a_model as subject  # noqa: E402
from unseen.atlas.studies.measures import ekfac_influence, procedural_knowledge  # noqa: E402
from unseen.learners.networks import Network  # noqa: E402
from unseen.learners.networks.losses import NO_TARGET  # noqa: E402
from unseen.measures.influence import Kronecker  # noqa: E402
from unseen.tasks.knowledge.plain_texts import KNOWN, sentence, worked  # noqa: E402


class Letters:
    """A tokenizer: one letter one token, and one for the start."""

    def __call__(self, text, *, add_special_tokens):
        parts = text.split(subject.START)
        made = [ord(c) % 128 for c in parts[0]]
        for part in parts[1:]:
            made += [0, *(ord(c) % 128 for c in part)]
        return SimpleNamespace(input_ids=made)


@pytest.fixture(scope="module")
def reader():
    config = transformers.LlamaConfig(
        vocab_size=128, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=256, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    return subject.Reader(transformers.LlamaForCausalLM(config).eval().requires_grad_(False), Letters())


@pytest.fixture
def kronecker(reader, monkeypatch):
    monkeypatch.setattr(subject, "BLOCKS", (0, 1, 2))
    sample = reader.written(4, 8, 0)
    network = Network.of(reader.model, sample, layers=r"layers\.(0|1|2)\.mlp\.")
    return Kronecker.fit(network, sample, draws=1, generator=torch.Generator().manual_seed(0))


def test_only_what_is_asked_is_foretold(reader):
    text = worked("two steps", (1, 2, 4)).behind(worked("two steps", (2, 2, 2)))
    for of, shown in (("answer", "12"), ("steps", " 1 + 2 = 3. 3 * 4 = 12")):
        targets = reader.sample([text], of).targets[0].tolist()
        assert "".join(chr(t) for t in targets if t != NO_TARGET) == shown
    whole = reader.sample([text]).targets[0].tolist()
    assert "".join(chr(t) for t in whole if t != NO_TARGET) == text.text


def test_right_means_all_tokens_of_steps_and_answer(reader):
    text = sentence("capital", "France", "Paris")

    class Told(torch.nn.Module):
        def forward(self, inputs):
            made = torch.zeros(*inputs.shape, 128).scatter_(2, inputs.roll(-1, 1)[..., None], 1.0)
            return SimpleNamespace(logits=made)

    assert subject.Reader(Told(), Letters()).right([text, worked("digits", (4, 7))]) == [True, True]
    assert reader.right([text]) == [False]


def test_texts_of_its_own_start_where_texts_start_and_are_of_their_seed(reader):
    one, other = reader.written(3, 6, 5), reader.written(3, 6, 6)
    assert one.inputs[:, 0].tolist() == [0, 0, 0]
    assert torch.equal(one.inputs, reader.written(3, 6, 5).inputs)
    assert not torch.equal(one.inputs, other.inputs)


def test_blocks_add_up_to_the_influence_in_the_order_of_the_texts(reader, kronecker, monkeypatch):
    monkeypatch.setattr(subject, "BATCH", 2)
    pairs = list(KNOWN["capital"].known.items())[:5]
    texts = [sentence("capital", e, v, way) for way, (e, v) in enumerate(pairs)]
    test = reader.sample(texts[:2], "answer")
    made = subject.by_block(kronecker, reader, texts, test)
    assert made.shape == (3, 2, 5)
    whole = kronecker.scores(reader.sample(texts), test).scores
    assert np.allclose(made.sum(0), whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())
    assert np.abs(made).min((1, 2)).max() > 0


def test_studies_measure_all_that_their_plans_name_of_the_model(reader, kronecker, monkeypatch):
    monkeypatch.setattr(subject, "reader", lambda: reader)
    monkeypatch.setattr(subject, "fitted", lambda: kronecker)
    found = ekfac_influence.in_a_model(100, 2) | procedural_knowledge.in_a_model(100, quick=True)
    asked = {
        p.quantity
        for s in (ekfac_influence.measure, procedural_knowledge.measure)
        for p in s.parts
        if "SmolLM2" in p.quantity
    }
    assert asked <= set(found)
    assert all(np.isfinite(v[0] if isinstance(v, tuple) else v) for v in found.values())
    # A model as drawn repeats no name.
    assert found["read, SmolLM2"] == (0.0, 4)


def test_counts_are_shares_of_paraphrases():
    spans = {(k, q): slice(4 * q + i, 4 * q + i + n) for q in range(2) for i, (k, n) in
             enumerate((("same", 1), ("paraphrase", 2), ("flipped", 1))) for i in [(0, 1, 3)[i]]}  # fmt: skip
    scores = np.zeros((2, 12))
    for q in range(2):
        scores[q, 4 * q : 4 * q + 4] = 8, 3, 5, 1
        scores[q, 4 * (1 - q) + 1] = 1
        scores[q, 8:] = 0.5
    found = ekfac_influence.counted(scores, spans, [1, 0], slice(8, None))
    assert found["flipped"] == pytest.approx(0.25)
    assert found["paraphrase over same words"] == pytest.approx(0.5)
    assert found["others"] == pytest.approx(0.125)
    assert found["random"] == pytest.approx(0.125)
    assert found["paraphrases"] == 1.0
