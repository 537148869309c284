"""P(IK) read from hidden states: a head that was fitted to seen rows tells, before an answer, whether it will be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unseen.engine.seeds import numpy_generator
from unseen.errors import TooFewUnits
from unseen.estimates.confidence.known_beforehand import known_beforehand, require_enough
from unseen.learners.language.base import LanguageModel
from unseen.learners.language.kept import Kept
from unseen.learners.questions.forms import Form
from unseen.plain_text import counted
from unseen.probing.asking import Asking
from unseen.probing.doubt import Doubt

# Depths at which states are read: what a model knows of its answer is clearest between the first layers and the last.
DEPTHS = (0.25, 0.5, 0.75, 1.0)


def layers_of(model: LanguageModel) -> list[int]:
    """Layers whose states are read; none where the model shows none."""
    layers = int(getattr(model, "layers", 0))
    return sorted({max(1, round(depth * layers)) for depth in DEPTHS}) if layers else []


def with_head(
    doubt: Doubt, forms: Sequence[Form], scores: Sequence[float | None], model: LanguageModel, how: Asking, seed: int
) -> tuple[Doubt, str]:
    """Doubt with the P(IK) of a head in place of what the model states, where one can be had; and a note.

    Rows of the side "unseen" fit nothing; a seen row is told by a head that saw nothing of what it was sampled with.

    Args:
        doubt: What the model says.
        forms: That were asked.
        scores: Of their first answers; None where there is none.
        model: Who answered.
        how: Asks forms as they were asked.
        seed: Draws the folds.
    """
    stated = "p_ik is what the model states of each question, in both orders of yes and no"
    layers = layers_of(model)
    if not layers:
        return doubt, f"{stated}; a model that runs here would show hidden states, from which a head tells it better."
    at = [i for i, score in enumerate(scores) if score is not None and doubt.p_ik[i] is not None]
    seen = np.array([forms[i].item.split != "unseen" for i in at], bool)
    right = np.array([score for i in at if (score := scores[i]) is not None])
    cluster = np.array([forms[i].item.cluster or forms[i].item.parent or forms[i].of for i in at])
    prompts = how.prompts([forms[i] for i in at], model)
    try:
        # Before states are read, since that costs a pass over every prompt.
        require_enough(right[seen], cluster[seen])
        read = (
            model.hidden_at(prompts, layers) if isinstance(model, Kept) else [model.hidden(prompts, n) for n in layers]
        )
        made = known_beforehand(
            dict(zip(layers, read, strict=True)), right, cluster, seen=seen, rng=numpy_generator(seed, "head")
        )
    except TooFewUnits as error:
        return doubt, f"{stated}, for a head on hidden states there is not enough: {error}"
    p_ik: list[float | None] = [None] * len(forms)
    for place, p in zip(at, made.p.tolist(), strict=True):
        p_ik[place] = p
    told = (
        f"p_ik: a head on the hidden states behind layer {made.layer} of {max(layers)} before the answer, fitted to "
        f"{counted(made.seen, 'seen row')}; each of these is told by a head that saw nothing of its cluster. p_ik_stated is "
        "what the model states, in both orders of yes and no."
    )
    return replace(doubt, p_ik=tuple(p_ik), stated=doubt.p_ik), told
