"""Speed of local language models against plain loops over transformers, in one run, on equal threads and data type.

Multiple choice with five shots and options of several tokens: a plain loop computes each prompt with each option, sorted
by length, in batches (the best of those tried). Generation: a plain loop gives ``generate`` prompts in their order, in
batches of equal size. With ``--peer lm-eval`` the ``hf`` model of lm-evaluation-harness is asked the same (it must be installed in this
environment), on the same weights, at the best of its batches. Seconds of the processor stand beside those of the clock, for machines that do other work.

    python benchmarks/language.py MODEL.gguf [--items 12] [--prompts 24] [--threads 1] [--dtype bfloat16] [--peer lm-eval]

``--pieces FILE`` measures many items over several calls: pieces of 50 items by ours, whose work for the few examples is then paid anew
in each piece, and of 5 items drawn from the same piece by a peer, in turn, so that other work on the machine meets all alike. Each piece
is a line of FILE as soon as it is done, a further call goes on behind the last (``--seconds`` bounds a call), and the rates stand with
95 % intervals over pieces (t, ratios by paired pieces on a log scale).

    python benchmarks/language.py MODEL.gguf --pieces pieces.jsonl --items 200 --seconds 240 [--peer lm-eval]
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from functools import partialmethod
from pathlib import Path

import numpy as np
import torch

from unseen.learners.language import Generation
from unseen.learners.language.local import LocalModel

THINGS = ["spider", "glacier", "violin", "comet", "orchard", "lantern", "harbour", "compass", "thistle", "pelican"]
PLACES = [
    "the northern valley",
    "a small harbour town",
    "the old observatory",
    "an island monastery",
    "the river delta",
]
FACTS = ["is kept in a wooden box by the keeper", "was drawn by a traveller long ago", "can be seen from the western gate",
         "belongs to the oldest family of the place", "is said to bring rain in a dry summer", "was moved to the town hall"]  # fmt: skip


def question(i: int, rng: np.random.Generator) -> tuple[str, list[str], int]:
    thing, place = THINGS[rng.integers(len(THINGS))], PLACES[rng.integers(len(PLACES))]
    options = [FACTS[k] for k in rng.permutation(len(FACTS))[:4]]
    return (
        f"Question {i}: In {place} there is a {thing}. What do people there say of the {thing}?\nAnswer: It",
        options,
        int(rng.integers(4)),
    )


def items(n: int, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    rng = np.random.default_rng(seed)
    shots = ""
    for i in range(5):
        text, options, key = question(i, rng)
        shots += f"{text} {options[key]}.\n\n"
    asked = [question(i, rng) for i in range(5, n + 5)]
    return [shots + text for text, _, _ in asked], [[f" {o}" for o in options] for _, options, _ in asked]


class Clock:
    def __enter__(self):
        self.wall, self.processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall, self.processor = time.perf_counter() - self.wall, time.process_time() - self.processor


@torch.inference_mode()
def plain_score(lm: LocalModel, prompts, continuations, batch: int) -> list[list[float]]:
    """Each prompt with each option, as a loop over transformers does it."""
    model, cut = lm._model, lm.tokens.options(prompts, continuations)
    rows = [(start, whole, i) for i, (start, wholes) in enumerate(cut) for whole in wholes]
    order = sorted(range(len(rows)), key=lambda r: -len(rows[r][1]))
    sums = [0.0] * len(rows)
    for at in range(0, len(order), batch):
        part = order[at : at + batch]
        longest = max(len(rows[r][1]) for r in part)
        ids = torch.tensor([rows[r][1] + [0] * (longest - len(rows[r][1])) for r in part])
        mask = torch.tensor([[1] * len(rows[r][1]) + [0] * (longest - len(rows[r][1])) for r in part])
        logits = model(input_ids=ids, attention_mask=mask).logits
        for k, r in enumerate(part):
            start, whole, _ = rows[r]
            logprobs = logits[k, start - 1 : len(whole) - 1].float().log_softmax(-1)
            sums[r] = float(logprobs.gather(-1, torch.tensor(whole[start:])[:, None]).sum())
    found: list[list[float]] = [[] for _ in prompts]
    for (_, _, i), value in zip(rows, sums, strict=True):
        found[i].append(value)
    return found


@torch.inference_mode()
def plain_generate(lm: LocalModel, prompts, settings: Generation, batch: int) -> list[str]:
    tokenizer, model, found = lm.tokens.tokenizer, lm._model, []
    tokenizer.padding_side = "left"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    for at in range(0, len(prompts), batch):
        given = tokenizer(prompts[at : at + batch], return_tensors="pt", padding=True)
        made = model.generate(
            **given, max_new_tokens=settings.max_tokens, do_sample=False, stop_strings=list(settings.stop), tokenizer=tokenizer,
            pad_token_id=tokenizer.pad_token_id, eos_token_id=sorted(lm._decoder.ends),
        )  # fmt: skip
        for text in tokenizer.batch_decode(made[:, given.input_ids.shape[1] :], skip_special_tokens=True):
            found.append(min((text.split(s)[0] for s in settings.stop), key=len))
    return found


class Peer:
    """The ``hf`` model of lm-evaluation-harness on the same weights.

    Args:
        lm: Ours, whose weights and tokenizer it takes.
        batch: Rows at a time.
    """

    def __init__(self, lm: LocalModel, batch: int) -> None:
        import logging

        from lm_eval.models.huggingface import HFLM
        from tqdm import tqdm

        logging.disable(logging.WARNING)
        # Its bars write to the terminal all the time.
        tqdm.__init__ = partialmethod(tqdm.__init__, disable=True)
        self.model = HFLM(pretrained=lm._model, tokenizer=lm.tokens.tokenizer, batch_size=batch, backend="causal")

    def _instances(self, kind: str, arguments: list[tuple[object, ...]]) -> list[object]:
        from lm_eval.api.instance import Instance

        return [Instance(request_type=kind, doc={}, arguments=a, idx=i) for i, a in enumerate(arguments)]

    def score(self, prompts, continuations) -> list[list[float]]:
        rows = [(p, c) for p, options in zip(prompts, continuations, strict=True) for c in options]
        told = iter(self.model.loglikelihood(self._instances("loglikelihood", rows), disable_tqdm=True))
        return [[next(told)[0] for _ in options] for options in continuations]

    def generate(self, prompts, settings: Generation) -> list[str]:
        how = {"until": list(settings.stop), "max_gen_toks": settings.max_tokens, "do_sample": False}
        return self.model.generate_until(
            self._instances("generate_until", [(p, how) for p in prompts]), disable_tqdm=True
        )


def alone(lm: LocalModel, n: int) -> dict[str, object]:
    """Ours on many items, of which the peer would take minutes: its time is a multiple of the items, ours is not."""
    prompts, options = items(n)
    lm.score(prompts[:1], options[:1])
    with Clock() as ours:
        lm.score(prompts, options)
    return {"items": n, "seconds": round(ours.wall, 1), "processor": round(ours.processor, 1)}


def beside_options(lm: LocalModel, n: int, one_token: bool) -> dict[str, object]:
    """Ours and lm-eval's, each alone, on the same items."""
    prompts, options = items(n)
    if one_token:
        options = [[" A", " B", " C", " D"]] * n
    lm.score(prompts[:1], options[:1])
    with Clock() as ours:
        fast = [[s.logprob for s in scored] for scored in lm.score(prompts, options)]
    few, tried = min(n, 6), {}
    for batch in (1, 4, 16):
        peer = Peer(lm, batch)
        with Clock() as clock:
            peer.score(prompts[:few], options[:few])
        tried[batch] = clock.processor
    best = min(tried, key=tried.__getitem__)
    peer = Peer(lm, best)
    with Clock() as theirs:
        slow = peer.score(prompts, options)
    return {
        "items": n, "tokens of a prompt": int(np.mean([len(p) for p in lm.tokens.prompts(prompts)])), "lm-eval's batch": best,
        "seconds": {"ours": round(ours.wall, 2), "lm-eval": round(theirs.wall, 2)},
        "processor": {"ours": round(ours.processor, 2), "lm-eval": round(theirs.processor, 2)},
        "times faster": {"clock": round(theirs.wall / ours.wall, 1), "processor": round(theirs.processor / ours.processor, 1)},
        "same choice": round(float(np.mean(np.argmax(fast, 1) == np.argmax(slow, 1))), 3),
    }  # fmt: skip


def beside_generation(lm: LocalModel, n: int) -> dict[str, object]:
    """Ours and lm-eval's, each alone, on the same prompts."""
    prompts, settings = counting(n)
    lm.generate(prompts[:1], Generation(max_tokens=2))
    with Clock() as ours:
        fast = lm.generate(prompts, settings)
    found: dict[str, object] = {
        "prompts": n, "tokens of answers": sum(len(a.completions[0].tokens) for a in fast),
        "ours": {"seconds": round(ours.wall, 2), "processor": round(ours.processor, 2)},
    }  # fmt: skip
    for batch in (8, 32):
        peer = Peer(lm, batch)
        with Clock() as theirs:
            slow = peer.generate(prompts, settings)
        found[f"lm-eval, batch {batch}"] = {
            "seconds": round(theirs.wall, 2), "processor": round(theirs.processor, 2),
            "times faster": {"clock": round(theirs.wall / ours.wall, 2), "processor": round(theirs.processor / ours.processor, 2)},
            "same text": round(float(np.mean([a.text == s for a, s in zip(fast, slow, strict=True)])), 3),
        }  # fmt: skip
    return found


def multiple_choice(lm: LocalModel, n: int, one_token: bool) -> dict[str, object]:
    prompts, options = items(n)
    if one_token:
        options = [[" A", " B", " C", " D"]] * n
    lm.score(prompts[:1], options[:1])
    with Clock() as ours:
        fast = [[s.logprob for s in scored] for scored in lm.score(prompts, options)]
    few = min(n, 4)
    tried = {}
    for batch in (1, 4, 16):
        with Clock() as clock:
            plain_score(lm, prompts[:few], options[:few], batch)
        tried[batch] = clock.processor
    best = min(tried, key=tried.__getitem__)
    with Clock() as theirs:
        slow = plain_score(lm, prompts, options, best)
    apart = np.abs(np.array(fast) - np.array(slow))
    same = np.mean(np.argmax(fast, 1) == np.argmax(slow, 1))
    return {
        "items": n, "tokens of a prompt": int(np.mean([len(p) for p in lm.tokens.prompts(prompts)])), "plain loop's batch": best,
        "seconds": {"ours": round(ours.wall, 2), "plain": round(theirs.wall, 2)},
        "processor": {"ours": round(ours.processor, 2), "plain": round(theirs.processor, 2)},
        "times faster": {"clock": round(theirs.wall / ours.wall, 1), "processor": round(theirs.processor / ours.processor, 1)},
        "log-probabilities differ by at most": round(float(apart.max()), 3), "same choice": round(float(same), 3),
    }  # fmt: skip


def counting(n: int) -> tuple[list[str], Generation]:
    rng = np.random.default_rng(1)
    shots = "Count to 4: 1, 2, 3, 4.\n\nCount to 9: 1, 2, 3, 4, 5, 6, 7, 8, 9.\n\nCount to 2: 1, 2.\n\n"
    prompts = [
        shots + f"In {PLACES[rng.integers(5)]} " * int(rng.integers(0, 12)) + f"Count to {rng.integers(2, 16)}:"
        for _ in range(n)
    ]
    return prompts, Generation(max_tokens=64, stop=("\n",))


def generation(lm: LocalModel, n: int) -> dict[str, object]:
    prompts, settings = counting(n)
    lm.generate(prompts[:1], Generation(max_tokens=2))
    with Clock() as ours:
        fast = lm.generate(prompts, settings)
    found: dict[str, object] = {
        "prompts": n, "tokens of answers": sum(len(a.completions[0].tokens) for a in fast),
        "ours": {"seconds": round(ours.wall, 2), "processor": round(ours.processor, 2)},
    }  # fmt: skip
    # One prompt at a time is slow beyond doubt; many of them are not spent on showing it.
    for batch in (1, 8, 32) if n <= 24 else (8, 32):
        with Clock() as theirs:
            slow = plain_generate(lm, prompts, settings, batch)
        found[f"plain, batch {batch}"] = {
            "seconds": round(theirs.wall, 2), "processor": round(theirs.processor, 2),
            "times faster": {"clock": round(theirs.wall / ours.wall, 2), "processor": round(theirs.processor / ours.processor, 2)},
            "same text": round(float(np.mean([a.text == s for a, s in zip(fast, slow, strict=True)])), 3),
        }  # fmt: skip
    return found


PIECE, FEW, BEST = 50, 5, {"options": (1, 4, 16), "letters": (1, 4, 16)}
NAMED = {"options": "options of several tokens", "letters": "options of one token"}


def peer_scores(lm: LocalModel, peer: str, batch: int, prompts, options) -> list[list[float]]:
    """Sums of the log-probabilities by a peer."""
    return Peer(lm, batch).score(prompts, options) if peer == "lm-eval" else plain_score(lm, prompts, options, batch)


def pieces(lm: LocalModel, path: Path, n: int, peer: str, seconds: float, kinds: tuple[str, ...]) -> None:
    """Measure what is open, piece by piece, and tell the rates of all that was measured."""
    began = time.perf_counter()
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    prompts, several = items(n)
    for start in range(0, n, PIECE):
        for kind in kinds:
            known = {"peer": peer, "kind": kind, "start": start, "piece": min(PIECE, n - start)}
            if any(known.items() <= row.items() for row in done) or time.perf_counter() - began > seconds:
                continue
            own = slice(start, min(start + PIECE, n))
            options = [[" A", " B", " C", " D"]] * n if kind == "letters" else several
            few = np.sort(
                np.random.default_rng(start).choice(np.arange(n)[own], min(FEW, known["piece"]), replace=False)
            )
            asked, given = [prompts[i] for i in few], [options[i] for i in few]
            tried = {row["batch"] for row in done if row["peer"] == peer and row["kind"] == kind}
            if not tried:
                lm.score(prompts[:1], options[:1])
                took = {}
                for batch in BEST[kind]:
                    with Clock() as clock:
                        peer_scores(lm, peer, batch, asked[:4], given[:4])
                    took[batch] = clock.processor
                tried = {min(took, key=took.__getitem__)}
            (batch,) = tried
            # Who goes first changes from piece to piece.
            clocks, found = {"ours": Clock(), peer: Clock()}, {}
            for who in sorted(clocks, reverse=start // PIECE % 2 == 1):
                with clocks[who]:
                    if who == "ours":
                        found[who] = [[s.logprob for s in scored] for scored in lm.score(prompts[own], options[own])]
                    else:
                        found[who] = peer_scores(lm, peer, batch, asked, given)
            same = [
                int(np.argmax(found["ours"][i - start]) == np.argmax(theirs))
                for i, theirs in zip(few.tolist(), found[peer], strict=True)
            ]
            done.append(known | {
                "batch": batch, "few": len(few), "same choice": sum(same),
                "seconds": {who: clock.wall for who, clock in clocks.items()},
                "processor": {who: clock.processor for who, clock in clocks.items()},
            })  # fmt: skip
            with path.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
    for kind in kinds:
        rows = [row for row in done if row["peer"] == peer and row["kind"] == kind and row["start"] < n]
        if rows:
            print(json.dumps(told(rows, kind, peer), indent=1))


def told(rows, kind: str, peer: str) -> dict[str, object]:
    """Seconds an item and their ratio, over pieces."""
    found: dict[str, object] = {
        NAMED[kind]: {"ours on": sum(r["piece"] for r in rows), f"{peer} on": sum(r["few"] for r in rows)},
        "pieces": len(rows), "batch": rows[0]["batch"],
        "same choice": f"{sum(r['same choice'] for r in rows)} of {sum(r['few'] for r in rows)}",
    }  # fmt: skip
    for clock in ("processor", "seconds"):
        ours = np.array([r[clock]["ours"] / r["piece"] for r in rows])
        theirs = np.array([r[clock][peer] / r["few"] for r in rows])
        found[f"{clock} an item"] = {"ours": round(float(ours.mean()), 4), peer: round(float(theirs.mean()), 4)}
        logs = np.log(theirs / ours)
        half = t_of(len(rows)) * float(logs.std(ddof=1)) / math.sqrt(len(rows)) if len(rows) > 1 else math.nan
        found[f"times less, {clock}"] = [round(math.exp(float(logs.mean()) + s * half), 1) for s in (0, -1, 1)]
    return found


def t_of(n: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, n - 1))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--items", type=int, default=12)
    parser.add_argument("--prompts", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--only", choices=("options", "letters", "generation", "alone"))
    parser.add_argument("--peer", choices=("plain", "lm-eval"), default="plain")
    parser.add_argument("--pieces", type=Path)
    parser.add_argument("--seconds", type=float, default=240.0)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    lm = LocalModel.load(given.model, dtype=given.dtype)
    if given.pieces is not None:
        kinds = (given.only,) if given.only in NAMED else tuple(NAMED)
        pieces(lm, given.pieces, given.items, given.peer, given.seconds, kinds)
        return
    parts = {
        "options": lambda: multiple_choice(lm, given.items, one_token=False),
        "letters": lambda: multiple_choice(lm, given.items, one_token=True),
        "generation": lambda: generation(lm, given.prompts),
    }
    if given.peer == "lm-eval":
        parts = {
            "options": lambda: beside_options(lm, given.items, one_token=False),
            "letters": lambda: beside_options(lm, given.items, one_token=True),
            "generation": lambda: beside_generation(lm, given.prompts),
        }
    if given.only == "alone":
        parts = {"alone": lambda: alone(lm, given.items)}
    for name, run in parts.items():
        if given.only in (None, name):
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(json.dumps({name: run() | {"peak memory before, MiB": memory // 1024}}, indent=1), flush=True)


if __name__ == "__main__":
    main()
