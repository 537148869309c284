"""Steps a second of the loop against a bare one, and eight small models stacked against eight in sequence."""

import json
import statistics
import time

import torch
from torch import nn

from unseen.engine.seeds import torch_generator
from unseen.learners.architectures.mlp import MLP
from unseen.learners.architectures.recurrent import Recurrent
from unseen.learners.architectures.stack_rnn import StackRNN
from unseen.learners.architectures.tape_rnn import TapeRNN
from unseen.learners.architectures.transformer import EncoderDecoder, Transformer
from unseen.training import TrainConfig, fit_stacked, fit_tensors


def bare(model, x, y, steps, size):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    generator = torch.Generator().manual_seed(0)
    began = time.perf_counter()
    order, used = torch.randperm(len(x), generator=generator), 0
    for _ in range(steps):
        if used + size > len(order):
            order, used = torch.randperm(len(x), generator=generator), 0
        rows = order[used : used + size]
        used += size
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return steps / (time.perf_counter() - began)


def ours(model, x, y, steps, size):
    config = TrainConfig(steps=steps, batch_size=size, eval_every=10**9, train_eval=1)
    fitted = fit_tensors(model, (x, y), None, config, torch_generator(0))
    return steps / fitted.seconds


@torch.no_grad()
def written(model, begun, n):
    """Tokens a second of greedy writing with keys and values kept, and with everything read anew; the same tokens."""
    rows = len(begun)

    def kept():
        if isinstance(model, EncoderDecoder):
            state, token, out = model.start(begun, n), begun[:, 0], []
            for _ in range(n):
                logits, state = model.step(token, state)
                out.append(token := logits.argmax(-1))
            return torch.stack(out, 1)
        state, new, out = model.state(), begun, []
        for _ in range(n):
            logits, state = model.extend(new, state)
            out.append(new := logits[:, -1:].argmax(-1))
        return torch.cat(out, 1)

    def anew():
        if isinstance(model, EncoderDecoder):
            so_far, memory = begun[:, :1], model.encode(begun)
            for _ in range(n):
                so_far = torch.cat([so_far, model.decode(so_far, memory)[:, -1:].argmax(-1)], 1)
            return so_far[:, 1:]
        so_far = begun
        for _ in range(n):
            so_far = torch.cat([so_far, model(so_far)[:, -1:].argmax(-1)], 1)
        return so_far[:, begun.shape[1] :]

    rates = {"kept": [], "anew": []}
    for _ in range(3):  # in turns
        made = {}
        for name, write in (("kept", kept), ("anew", anew)):
            began = time.perf_counter()
            made[name] = write()
            rates[name].append(rows * n / (time.perf_counter() - began))
        # Rounding may part two nearly equal logits late in a sequence; the beginnings are the same.
        assert torch.equal(made["kept"][:, :20], made["anew"][:, :20])
    found = {name: round(statistics.median(each)) for name, each in rates.items()}
    return {**found, "ratio": round(found["kept"] / found["anew"], 1)}


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2048, 64, generator=generator), torch.randint(0, 10, (2048,), generator=generator)
    found = {}
    ratios = []
    for _ in range(7):  # in turns, so that a busy machine slows both
        a = bare(MLP([64, 128, 10]), x, y, 500, 64)
        b = ours(MLP([64, 128, 10]), x, y, 500, 64)
        ratios.append(b / a)
    found["loop_over_bare"] = {"median": statistics.median(ratios), "all": [round(r, 3) for r in ratios]}
    config = TrainConfig(steps=300, batch_size=64, eval_every=300)
    speedups = []
    for _ in range(3):
        began = time.perf_counter()
        for i in range(8):
            fit_tensors(lambda: MLP([64, 32, 10]), (x, y), None, config, torch_generator(i))
        middle = time.perf_counter()
        fit_stacked(lambda: MLP([64, 32, 10]), (x, y), None, config, [torch_generator(i) for i in range(8)])
        speedups.append((middle - began) / (time.perf_counter() - middle))
    found["eight_stacked_over_sequence"] = statistics.median(speedups)
    tokens = torch.randint(5, 20, (32, 40), generator=generator)
    for model in (Recurrent(20, 64), StackRNN(20, 64), TapeRNN(20, 64), Transformer(20, 64), EncoderDecoder(20, 64)):
        optimizer = torch.optim.AdamW(model.parameters(), fused=True)
        inputs = (tokens, tokens) if isinstance(model, EncoderDecoder) else (tokens,)
        began = time.perf_counter()
        for _ in range(10):
            optimizer.zero_grad()
            model(*inputs).logsumexp(-1).mean().backward()
            optimizer.step()
        found[f"steps_per_second_{type(model).__name__}_32x40"] = round(10 / (time.perf_counter() - began), 1)
    for model in (Transformer(20, 64, longest=300), EncoderDecoder(20, 64, longest=300)):
        found[f"written_tokens_per_second_{type(model).__name__}_16x200"] = written(model.eval(), tokens[:16, :20], 200)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
