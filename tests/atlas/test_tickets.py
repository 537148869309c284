"""The Transformer of the grokking tickets against the authors' formulas, written out over both places."""

import math

import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.training._grokking_tickets_transformer import start_transformer, transformer_logits  # noqa: E402
from unseen.atlas.studies.training.grokking_tickets import World, dense_run, shuffled, side_by_side  # noqa: E402


def slow(w, pairs):
    """One head over two places under the causal mask, residual stream, ReLU layer, read at the last place."""
    x = w["embed"][pairs]
    keys, queries, values = x @ w["key"], x @ w["query"], x @ w["value"]
    scores = queries @ keys.transpose(1, 2) / math.sqrt(x.shape[2])
    hidden = torch.triu(torch.ones(2, 2, dtype=torch.bool), diagonal=1)
    x = x + scores.masked_fill(hidden, -math.inf).softmax(-1) @ values @ w["out"]
    x = x + torch.relu(x @ w["mlp_in"]) @ w["mlp_out"]
    return (x @ w["unembed"])[:, -1]


def test_stacked_transformers_are_those_of_the_formulas():
    generator = torch.Generator().manual_seed(0)
    nets = [{k: v.double() for k, v in start_transformer(7, 12, generator).items()} for _ in range(3)]
    pairs = torch.cartesian_prod(torch.arange(7), torch.arange(7))
    stacked = transformer_logits({k: torch.cat([n[k] for n in nets]) for k in nets[0]}, pairs)
    for got, net in zip(stacked, nets, strict=True):
        torch.testing.assert_close(got, slow({k: v[0] for k, v in net.items()}, pairs))


def test_a_shuffled_mask_keeps_the_density_of_every_matrix():
    generator = torch.Generator().manual_seed(0)
    mask = {"a": (torch.rand(1, 30, 5, generator=generator) < 0.3).float(), "b": torch.ones(1, 4, 4)}
    other = shuffled(mask, generator)
    assert {k: v.sum() for k, v in other.items()} == {k: v.sum() for k, v in mask.items()}
    assert not torch.equal(other["a"], mask["a"])


@pytest.mark.parametrize("kind", ["perceptron", "transformer"])
def test_a_masked_run_with_all_weights_is_the_dense_run(kind):
    world = World.of(1, kind)
    ones = {name: torch.ones_like(value) for name, value in world.initial.items()}
    dense, _ = dense_run(world, 40, 1.2)
    assert side_by_side(world, {"all": (world.initial, ones)}, 1.0, 40)["all"].new == dense.new
