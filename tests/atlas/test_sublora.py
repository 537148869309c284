"""Documents hang together, decoders compute what their modules do, and training in a subspace lowers the loss below the bound."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures import _coded_decoders as subject  # noqa: E402
from unseen.atlas.studies.measures._small_stories import HER, HIS, START, TOPICS, WORDS, World, unigram_bits  # noqa: E402


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def stories(count, seed=0, **kinds):
    rng = np.random.default_rng(seed)
    return World.drawn(rng, **kinds).documents(count, rng)


def test_documents_tell_of_one_thing_and_of_people_by_their_pronouns():
    rng = np.random.default_rng(0)
    world = World.drawn(rng)
    things = {w for t in TOPICS for w in t[0]}
    for _ in range(200):
        words = world.document(rng)
        assert words[0] == START
        assert words[1] in HER + HIS
        assert words[5] in things
        second = words[7]
        if second in ("He", "She"):
            assert (second == "She") == (words[1] in HER)
        # What is given or left is what the first sentence tells of.
        for verb in ("gave", "left"):
            if words[8] == verb:
                assert words[10] == words[5]


def test_words_are_drawn_by_zipfs_law():
    world = World.drawn(np.random.default_rng(3))
    first = stories(4_000, 3)[:, 1]
    shares = [(first == WORDS.index(p)).mean() for p in world.people]
    expected = 1 / np.arange(1, 17) / (1 / np.arange(1, 17)).sum()
    assert np.abs(np.array(shares) - expected).max() < 4 * math.sqrt(0.3 * 0.7 / 4_000)


def test_bits_by_frequency_are_those_of_counts():
    one = np.array([[0, 1, 1, 2]])
    chances = np.ones(len(WORDS))
    chances[1], chances[2] = 3, 2
    chances /= chances.sum()
    other = np.array([[0, 1, 2, 3]])
    assert unigram_bits(one, other) == pytest.approx(-np.log2(chances[1:4]).mean())


def test_a_decoder_computes_what_its_transformer_does():
    decoder = subject.small(16, 5)
    with subject.seeded_torch(5):
        model = subject.Transformer(len(WORDS), width=16, layers=2, heads=4, longest=subject.LENGTH)
    read = subject.Read.of(stories(3))
    assert torch.allclose(decoder.logits({}, read.inputs), model(read.inputs), atol=1e-5)
    # Only queries, values and the head change by low rank, and each of them moves the logits.
    assert len(decoder.low) == 2 * subject.LAYERS + 1
    assert not any("keys" in name for name in decoder.low)
    for name in decoder.low:
        moved = {name: decoder.start[name] + torch.randn(decoder.start[name].shape, generator=drawn(7))}
        assert not torch.allclose(decoder.logits(moved, read.inputs), model(read.inputs), atol=1e-3)
    assert sum(v.numel() for v in decoder.start.values()) == sum(p.numel() for p in model.parameters())


def test_training_in_a_subspace_lowers_the_loss_and_the_bound_is_above_it():
    read = subject.Read.of(stories(400, people=2, topics=1))
    decoder = subject.small(16, 0)
    space = decoder.space(drawn(1), rank=2, size=49)
    how = subject.Training(0.02, 60, 20)
    numbers = subject.trained(decoder, space, read, how, drawn(2))
    before = subject.log_chances(decoder, {}, read).mean()
    assert subject.log_chances(decoder, space.weights(numbers), read).mean() > before + 0.3
    told = subject.told(decoder, space, numbers, read, tried=3, screened=100)
    assert told.bound.value > told.bound.seen
    assert told.bound.seen == pytest.approx(told.bits(decoder, read), rel=1e-6)
    assert told.bound.examples == 400
    # From a quarter of the documents less can be said.
    assert told.sampled > told.bound.value


@pytest.fixture
def published(monkeypatch):
    """A model as small as can be in the place of the published one."""
    transformers = pytest.importorskip("transformers")
    from unseen.atlas.studies.measures import _known_to_a_model as known

    config = transformers.LlamaConfig(
        vocab_size=2 * len(WORDS), hidden_size=16, intermediate_size=24, num_hidden_layers=subject.READ + 1,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).eval().requires_grad_(False)
    at = {known.START: 0, ".": 2 * WORDS.index("."), **{f" {w}": 2 * i for i, w in enumerate(WORDS) if i and w != "."}}
    reader = SimpleNamespace(model=model, tokens=lambda text: [at[text]])
    monkeypatch.setattr(known, "reader", lambda: reader)
    return model


def test_blocks_of_a_published_model_compute_what_the_model_does(published):
    documents = stories(5)
    blocks = subject.Blocks.published()
    read = blocks.read(documents)
    tokens = 2 * torch.from_numpy(documents[:, :-1])
    with torch.no_grad():
        states = published.model(tokens).last_hidden_state
        made = blocks.decoder().logits({}, read.inputs)
    expected = states @ published.model.embed_tokens.weight[::2].T / subject.COOLED
    assert torch.allclose(made, expected, atol=1e-4)


def test_blocks_that_are_drawn_anew_have_their_sizes_and_leave_the_published_ones(published):
    blocks = subject.Blocks.published()
    kept = {k: v.clone() for k, v in blocks.layer.named_parameters()}
    other = blocks.redrawn(drawn())
    for name, value in other.layer.named_parameters():
        own = kept[name]
        assert torch.equal(dict(blocks.layer.named_parameters())[name], own)
        if own.dim() == 2:
            assert not torch.equal(value, own)
            assert float(value.std()) == pytest.approx(float(own.std()), rel=0.3)
        else:
            assert torch.equal(value, own)
    assert not torch.equal(other.embedding, blocks.embedding)
