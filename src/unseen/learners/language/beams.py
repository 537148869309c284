"""Beam search over answers (extra ``lm``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from unseen.learners.language.base import Generation
from unseen.learners.language.decoding import Buffers, Decoder, Row


@torch.inference_mode()
def beam_search(decoder: Decoder, prompt: Sequence[int], settings: Generation) -> Row:
    """The best answer that a search of ``settings.beams`` lines finds.

    Each step keeps the lines of the largest summed log-probability. Lines that have ended are compared by their mean
    log-probability per token, the ending one among them; the search stops when no open line has a better mean than the
    worst of ``beams`` ended ones. Without an ended line the best open one is given.

    Source: Graves (2012), Sequence transduction, section 2.4; length-normalised as in Wu et al. (2016), with exponent 1.
    """
    width = settings.beams
    tree, known, first = decoder.begun([prompt])
    buffers = Buffers(known, width, len(prompt) + settings.max_tokens)
    path = torch.from_numpy(tree.path(int(tree.last[0]))).to(first.device)
    logits, scores = first, torch.zeros(1, dtype=torch.float64, device=first.device)
    lines, ended = [Row((0, 0), prompt, np.empty(0))], list[tuple[float, Row]]()
    for length in range(1, settings.max_tokens + 1):
        steps = logits.float().log_softmax(-1).double()
        # As many endings as there are lines may stand among the best.
        candidates = (scores[:, None] + steps).flatten()
        values, flat = candidates.topk(min(width * (1 + len(decoder.ends)), len(candidates)))
        open_: list[tuple[float, int, Row]] = []
        for rank, (value, place) in enumerate(zip(values.tolist(), flat.tolist(), strict=True)):
            parent, token = divmod(int(place), steps.shape[-1])
            row = _grown(lines[parent], token, float(steps[parent, token]), decoder, settings)
            if row.finish in ("end", "stop"):
                # An ending below the best lines would not have been a line either.
                if rank < width:
                    ended.append((value / length, row))
            elif len(open_) < width:
                open_.append((value, parent, row))
        ended = sorted(ended, key=lambda e: -e[0])[:width]
        if not open_ or length == settings.max_tokens:
            ended += [(value / length, row) for value, _, row in open_]
            break
        if len(ended) == width and ended[-1][0] >= open_[0][0] / length:
            break
        lines = [row for *_, row in open_]
        scores = torch.tensor([value for value, *_ in open_], dtype=torch.float64, device=first.device)
        if length == 1:
            for place in range(len(lines)):
                buffers.fill(place, known, path)
            buffers.select(torch.arange(len(lines), device=first.device))
        else:
            buffers.select(torch.tensor([parent for _, parent, _ in open_], device=first.device))
        logits = decoder.step(buffers, torch.tensor([row.ids[-1] for row in lines], device=first.device))
    best = max(ended, key=lambda e: e[0])[1]
    best.finish = best.finish or "length"
    return best


def _grown(row: Row, token: int, logprob: float, decoder: Decoder, settings: Generation) -> Row:
    made = Row(row.owner, row.prompt, row.uniform, list(row.ids), list(row.logprobs))
    if token in decoder.ends:
        made.finish, made.end_logprob = "end", logprob
        return made
    made.ids.append(token)
    made.logprobs.append(logprob)
    if settings.stop and decoder.tokens.meets(row.prompt, made.ids, settings.stop):
        made.finish = "stop"
    return made
