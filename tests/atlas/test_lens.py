"""The logit lens ends in the model's output; swapping states runs from no effect to the other input's output."""

from __future__ import annotations

import pytest
import torch

from unseen.atlas.studies.learners._grokked_transformers_lens import logit_lens, patched
from unseen.engine.seeds import seeded_torch
from unseen.errors import BadInput
from unseen.learners.architectures.transformer import Transformer


@pytest.fixture(params=[False, True], ids=["own weights", "shared weights"])
def model(request: pytest.FixtureRequest) -> Transformer:
    with seeded_torch(3):
        return Transformer(11, width=16, layers=3, heads=2, longest=4, shared=request.param).eval()


TOKENS = torch.tensor([[1, 2, 3], [4, 5, 6]])
OTHER = torch.tensor([[7, 8, 9], [10, 1, 2]])


def test_lens_ends_in_the_output_and_begins_with_the_embedding(model: Transformer) -> None:
    found = logit_lens(model, TOKENS)
    assert len(found) == 4
    torch.testing.assert_close(found[-1], model(TOKENS))
    embedded = model.positions(model.embedding(TOKENS))
    torch.testing.assert_close(found[0], model.out(model.norm(embedded)))


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_state_swapped_for_itself_changes_nothing(model: Transformer, depth: int) -> None:
    torch.testing.assert_close(patched(model, TOKENS, TOKENS, depth=depth, place=1), model(TOKENS))


def test_swapping_an_embedding_equals_swapping_the_token(model: Transformer) -> None:
    mixed = TOKENS.clone()
    mixed[:, 1] = OTHER[:, 1]
    torch.testing.assert_close(patched(model, TOKENS, OTHER, depth=0, place=1), model(mixed))


def test_after_the_last_layer_only_the_swapped_place_changes(model: Transformer) -> None:
    found = patched(model, TOKENS, OTHER, depth=3, place=1)
    torch.testing.assert_close(found[:, 1], model(OTHER)[:, 1])
    torch.testing.assert_close(found[:, [0, 2]], model(TOKENS)[:, [0, 2]])


def test_a_causal_model_does_not_look_ahead_of_the_swap(model: Transformer) -> None:
    found = patched(model, TOKENS, OTHER, depth=1, place=1)
    torch.testing.assert_close(found[:, 0], model(TOKENS)[:, 0])
    assert not torch.allclose(found[:, 2], model(TOKENS)[:, 2])


def test_a_missing_depth_names_those_there_are(model: Transformer) -> None:
    with pytest.raises(BadInput, match=r"depth runs from 0 to 3 and place from 0 to 2, got depth=4, place=1\."):
        patched(model, TOKENS, OTHER, depth=4, place=1)
    with pytest.raises(BadInput, match=r"got \(2, 3\) and \(1, 3\)\."):
        patched(model, TOKENS, OTHER[:1], depth=1, place=1)
