"""Architectures held to slow twins: loops for attention, Python lists for stack and tape, perturbed futures."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.engine.seeds import seeded_torch  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.architectures.attention import Attention, alibi_slopes, rotate, sinusoids  # noqa: E402
from unseen.learners.architectures.recurrent import Recurrent  # noqa: E402
from unseen.learners.architectures.stack_rnn import StackRNN, stack_step  # noqa: E402
from unseen.learners.architectures.tape_rnn import TapeRNN, tape_step  # noqa: E402
from unseen.learners.architectures.transformer import EncoderDecoder, Transformer  # noqa: E402

POSITIONS = ("absolute", "sinusoidal", "random-offset", "rotary", "alibi", "none")


@pytest.fixture(autouse=True)
def _seeded():
    with seeded_torch(0):
        yield


def naive_attention(module, x, memory, causal, slopes=None, keep=None):
    """One query, one head, one key at a time."""
    batch, n, width = x.shape
    heads, size = module.heads, width // module.heads
    q = module.query(x)
    k, v = module.key_value(memory).split(width, dim=2)
    out = torch.zeros_like(x)
    for b in range(batch):
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            for i in range(n):
                places = [
                    j for j in range(memory.shape[1]) if (not causal or j <= i) and (keep is None or bool(keep[b, j]))
                ]
                scores = [float(q[b, i, part] @ k[b, j, part]) / math.sqrt(size) for j in places]
                if slopes is not None:
                    scores = [s - float(slopes[h]) * abs(i - j) for s, j in zip(scores, places, strict=True)]
                top = max(scores)
                weights = [math.exp(s - top) for s in scores]
                for weight, j in zip(weights, places, strict=True):
                    out[b, i, part] += weight / sum(weights) * v[b, j, part]
    return module.out(out)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("position", ["none", "alibi"])
@pytest.mark.parametrize("padded", [True, False])
@torch.no_grad()
def test_attention_equals_a_loop_over_queries_heads_and_keys(causal, position, padded):
    module = Attention(8, 2, causal=causal, position=position)
    x = torch.randn(2, 5, 8)
    keep = torch.tensor([[True] * 5, [True, True, False, True, False]]) if padded else None
    slopes = [2**-4, 2**-8] if position == "alibi" else None
    expected = naive_attention(module, x, x, causal, slopes, keep)
    torch.testing.assert_close(module(x, keep=keep), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("pieces", [(9,), (1,) * 9, (4, 1, 1, 3), (1, 8)], ids=str)
@pytest.mark.parametrize("position", POSITIONS)
@torch.no_grad()
def test_a_decoder_that_keeps_keys_and_values_equals_one_that_reads_everything_anew(position, pieces, shared):
    model = Transformer(11, 16, 3, 4, position=position, longest=12, shared=shared).eval()
    tokens = torch.randint(0, 11, (3, 9))
    expected, state, found = model(tokens), model.state(), []
    for new in tokens.split(pieces, 1):
        logits, state = model.extend(new, state)
        found.append(logits)
    torch.testing.assert_close(torch.cat(found, 1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("position", POSITIONS)
@torch.no_grad()
def test_an_encoder_decoder_that_keeps_keys_and_values_equals_one_that_reads_everything_anew(position, shared, padded):
    model = EncoderDecoder(11, 16, 3, 4, position=position, longest=12, shared=shared).eval()
    source, target = torch.randint(1, 11, (3, 7)), torch.randint(0, 11, (3, 9))
    keep = None
    if padded:
        source[1, 4:] = 0
        keep = source != 0
    state, found = model.start(source, 9, keep), []
    for token in target.unbind(1):
        logits, state = model.step(token, state)
        found.append(logits)
    torch.testing.assert_close(torch.stack(found, 1), model(source, target, keep), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_sequence_can_be_continued_in_several_ways_from_one_state():
    model = Transformer(11, 16, 2, 2, position="rotary").eval()
    begun, (a, b) = torch.randint(0, 11, (2, 5)), torch.randint(0, 11, (2, 2, 3))
    _, state = model.extend(begun, model.state())
    for rest in (a, b, a):
        expected = model(torch.cat([begun, rest], 1))[:, 5:]
        torch.testing.assert_close(model.extend(rest, state)[0], expected, rtol=1e-4, atol=1e-5)


def test_an_encoder_keeps_nothing():
    model = Transformer(11, 16, 2, 2, causal=False)
    with pytest.raises(BadInput, match="an encoder's tokens see those after them"):
        model.extend(torch.zeros(1, 2, dtype=torch.int64), model.state())


@torch.no_grad()
def test_cross_attention_equals_the_loop_over_another_sequence():
    module = Attention(8, 2, causal=False)
    x, memory = torch.randn(2, 3, 8), torch.randn(2, 6, 8)
    torch.testing.assert_close(module(x, memory), naive_attention(module, x, memory, False), rtol=1e-4, atol=1e-5)


def test_rotary_scores_depend_on_the_distance_alone():
    q, k = torch.randn(1, 1, 1, 8, dtype=torch.float64), torch.randn(1, 1, 1, 8, dtype=torch.float64)

    def product(i, j):
        return float((rotate(q, torch.tensor([i])) * rotate(k, torch.tensor([j]))).sum())

    assert product(5, 3) == pytest.approx(product(25, 23), abs=1e-9)
    assert abs(product(5, 3) - product(5, 1)) > 1e-3
    # A rotation: lengths are kept.
    assert float(rotate(q, torch.tensor([7])).norm()) == pytest.approx(float(q.norm()))


def test_rotary_turns_pairs_as_complex_numbers():
    x = torch.randn(1, 1, 4, 6, dtype=torch.float64)
    places = torch.tensor([0, 1, 5, 9])
    z = torch.complex(x[..., :3], x[..., 3:])
    rates = torch.tensor([10_000 ** (-i / 3) for i in range(3)], dtype=torch.float64)
    turned = z * torch.exp(1j * places[:, None] * rates)
    torch.testing.assert_close(rotate(x, places), torch.cat([turned.real, turned.imag], -1))


def test_alibi_slopes_of_eight_heads_are_halves_quarters_and_so_on():
    assert alibi_slopes(8).tolist() == [2.0**-i for i in range(1, 9)]


def test_sinusoids_follow_the_formula():
    table = sinusoids(11, 6)
    for place in (0, 3, 10):
        for i in range(3):
            angle = place / 10_000 ** (2 * i / 6)
            assert table[place, 2 * i] == pytest.approx(math.sin(angle), abs=1e-5)
            assert table[place, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-5)


@pytest.mark.parametrize("position", POSITIONS)
@torch.no_grad()
def test_a_decoder_does_not_see_the_future_and_an_encoder_does(position):
    tokens = torch.randint(0, 9, (2, 12))
    other = tokens.clone()
    other[:, 8:] = (other[:, 8:] + 1) % 9
    for causal in (True, False):
        model = Transformer(9, 16, 2, 2, causal=causal, position=position, longest=32).eval()
        same = torch.allclose(model(tokens)[:, :8], model(other)[:, :8], atol=1e-6)
        assert same == causal


@pytest.mark.parametrize(
    "build",
    [lambda: Recurrent(9, 16, "rnn"), lambda: Recurrent(9, 16, "lstm"), lambda: Recurrent(9, 16, "gru"),
     lambda: StackRNN(9, 16), lambda: TapeRNN(9, 16)],
)  # fmt: skip
@torch.no_grad()
def test_recurrent_networks_do_not_see_the_future(build):
    model, tokens = build(), torch.randint(0, 9, (2, 12))
    other = tokens.clone()
    other[:, 8:] = (other[:, 8:] + 1) % 9
    before, after = model(tokens), model(other)
    torch.testing.assert_close(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8:], after[:, 8:])


@torch.no_grad()
def test_without_positions_an_encoder_does_not_see_the_order():
    tokens, order = torch.randint(0, 9, (1, 8)), torch.randperm(8)
    for position, blind in (("none", True), ("alibi", False), ("rotary", False), ("absolute", False)):
        model = Transformer(9, 16, 2, 2, causal=False, position=position).eval()
        with torch.no_grad():
            # First weights of learned positions are as large as those of tokens, so that the order shows.
            same = torch.allclose(model(tokens)[:, order], model(tokens[:, order]), atol=1e-5)
        assert same == blind


@torch.no_grad()
def test_encoder_decoder_is_causal_in_the_target_and_reads_all_of_the_source_but_padding():
    model = EncoderDecoder(9, 16, 2, 2).eval()
    source, target = torch.randint(1, 9, (2, 7)), torch.randint(1, 9, (2, 6))
    base = model(source, target)
    later = target.clone()
    later[:, 4:] = 1 + later[:, 4:] % 8
    torch.testing.assert_close(model(source, later)[:, :4], base[:, :4])
    changed = source.clone()
    changed[:, -1] = 1 + changed[:, -1] % 8
    assert not torch.allclose(model(changed, target)[:, 0], base[:, 0])
    keep = torch.ones(2, 7, dtype=torch.bool)
    keep[:, -1] = False
    torch.testing.assert_close(model(changed, target, keep), model(source, target, keep))


@torch.no_grad()
def test_shared_layers_are_one_set_of_weights_used_several_times():
    one, shared = Transformer(9, 16, 1, 2), Transformer(9, 16, 3, 2, shared=True)
    assert sum(p.numel() for p in one.parameters()) == sum(p.numel() for p in shared.parameters())
    tokens = torch.randint(0, 9, (2, 5))
    x = shared.states(tokens)[0]
    for _ in range(3):
        x = shared.blocks[0](x)
    torch.testing.assert_close(shared(tokens), shared.out(shared.norm(x)))


def test_random_offsets_train_positions_beyond_the_training_length():
    model = Transformer(9, 16, 1, 2, position="random-offset", longest=40)
    for _ in range(20):
        model(torch.randint(0, 9, (16, 5))).sum().backward()
    touched = (model.positions.embedding.weight.grad.abs().sum(1) > 0).sum()
    assert touched == 40
    model.eval()
    tokens = torch.randint(0, 9, (2, 5))
    torch.testing.assert_close(model(tokens), model(tokens))


def test_a_stack_with_hard_actions_is_a_list():
    rng = np.random.default_rng(0)
    stack, twin = torch.zeros(1, 40, 2), []
    for value in range(1, 200):
        action = int(rng.integers(3)) if len(twin) < 40 else 1
        pushed = torch.tensor([[float(value), -float(value)]])
        stack = stack_step(stack, torch.eye(3)[action][None], pushed)
        if action == 0:
            twin.append(value)
        elif action == 1:
            del twin[-1:]
        expected = [*reversed(twin), *[0] * (40 - len(twin))]
        assert stack[0, :, 0].tolist() == expected
        assert stack[0, :, 1].tolist() == [-x for x in expected]


def test_soft_stack_actions_mix_the_three_hard_ones():
    stack, pushed = torch.randn(3, 5, 2), torch.randn(3, 2)
    weights = torch.randn(3, 3).softmax(1)
    hard = [stack_step(stack, torch.eye(3)[[i] * 3], pushed) for i in range(3)]
    mixed = sum(weights[:, i, None, None] * hard[i] for i in range(3))
    torch.testing.assert_close(stack_step(stack, weights, pushed), mixed)


def test_a_tape_with_hard_actions_is_a_ring_with_a_head():
    rng = np.random.default_rng(1)
    cells, jump = 12, 5
    tape, twin, head = torch.zeros(1, cells, 1), [0.0] * cells, 0
    moves = [0, -1, 1, -jump, jump]
    for value in range(1, 200):
        action = int(rng.integers(5))
        tape = tape_step(tape, torch.eye(5)[action][None], torch.tensor([[float(value)]]), jump)
        twin[head] = float(value)
        head = (head + moves[action]) % cells
        assert tape[0, :, 0].tolist() == [twin[(head + i) % cells] for i in range(cells)]


@torch.no_grad()
def test_a_tape_jumps_as_far_as_the_input_is_long():
    model, told = TapeRNN(9, 16), TapeRNN(9, 16, blank=3)
    told.load_state_dict(model.state_dict())
    tokens = torch.cat([torch.randint(4, 9, (2, 6)), torch.full((2, 12), 3)], 1)
    torch.testing.assert_close(told(tokens), model(tokens, jump=6))
    assert not torch.allclose(told(tokens), model(tokens))
