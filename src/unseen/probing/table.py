"""The table of answers to forms, in columns that every reader takes as they are."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import polars as pl

from unseen.learners.language.base import Completion
from unseen.learners.questions.forms import ORIGINAL, Form
from unseen.learners.questions.layout import LETTERS
from unseen.learners.questions.scoring import Reading, Scorer
from unseen.probing.asking import Replies
from unseen.probing.doubt import Doubt
from unseen.tasks.arithmetic.equations import valid_equations

OWN = {
    "model": pl.String, "item": pl.String, "variant_of": pl.String, "parent": pl.String, "cluster": pl.String, "split": pl.String,
    "variant": pl.String, "variant_level": pl.String, "key_position": pl.String, "repeat": pl.Int64, "score": pl.Float64,
    "confidence": pl.Float64, "p_true": pl.Float64, "p_ik": pl.Float64, "p_ik_stated": pl.Float64,
    "prediction": pl.String, "target": pl.String, "question": pl.String,
    "choices": pl.List(pl.String), "unparsable": pl.Boolean, "raw_answer": pl.String, "as_asked": pl.String,
    "steps_valid": pl.List(pl.Boolean), "checks": pl.String, "constraints_met": pl.List(pl.Boolean),
}  # fmt: skip


def answered(
    forms: Sequence[Form], replies: Replies, scorer: Scorer, model: str,
    doubt: Doubt | None = None,
) -> pl.DataFrame:  # fmt: skip
    """One row an answer.

    Columns: ``model``, ``item``, ``variant_of`` (the original), ``parent``, ``cluster``, ``split`` (where the log has one), the
    factors ``variant`` (kind), ``variant_level`` and ``key_position`` (of lettered options), ``repeat``, ``score``,
    ``confidence`` (where options were compared the share of the one that was taken; with doubt else the probability of the
    answer's text, where the model tells it), with doubt ``p_true``, ``p_ik`` and, where that comes of a head, ``p_ik_stated``,
    ``prediction`` (what was read; of options the option's text), ``target``, ``question`` (as asked), ``choices``,
    ``unparsable``, ``raw_answer``, ``as_asked`` (prompt and settings, where they are those of the log), ``steps_valid``
    (whether each equation that an answer writes down holds; none where it writes none), of instructions ``checks`` and
    ``constraints_met``; and the factors of the log. A form without answer has no row.
    """
    rows: list[dict[str, object]] = []
    factors = dict.fromkeys(n for f in forms for n in f.item.factors if n not in OWN)
    for place, (form, answer) in enumerate(zip(forms, replies.answers, strict=True)):
        for number, completion in enumerate(answer.completions if answer is not None else ()):
            read = read_one(form, replies, place, number, scorer)
            item, shown = form.item, form.shows_options
            checks = item.checked
            rows.append({
                "model": model, "item": form.name, "variant_of": None if form.kind == ORIGINAL else form.of,
                "parent": item.parent if form.kind == ORIGINAL else None, "cluster": item.cluster or form.of, "split": item.split,
                "variant": form.kind, "variant_level": form.level,
                "key_position": LETTERS[item.key or 0] if shown else None, "repeat": number, "score": read.score,
                "confidence": _sure(replies.sure[place], completion, doubt is not None),
                "p_true": doubt.p_true[place][number] if doubt is not None else None,
                "p_ik": doubt.p_ik[place] if doubt is not None else None,
                "p_ik_stated": doubt.stated[place] if doubt is not None and doubt.stated else None,
                "prediction": read.prediction, "target": item.target, "question": form.text,
                "choices": list(item.options) if shown or (item.options and item.frame) else None,
                "unparsable": read.prediction is None,
                "raw_answer": completion.text, "as_asked": record(form),
                "steps_valid": (valid_equations(completion.text) or None) if checks is None else None,
                "checks": item.checks or None,
                "constraints_met": checks and [checks.about(completion.text) and met for met in checks.met(completion.text)],
                **{n: item.factors.get(n) for n in factors},
            })  # fmt: skip
    table = pl.DataFrame(rows, schema_overrides=OWN, infer_schema_length=None)
    if not rows:
        return table
    may_lack = (
        "choices",
        "key_position",
        "parent",
        "confidence",
        "p_true",
        "p_ik",
        "p_ik_stated",
        "split",
        "as_asked",
        "steps_valid",
        "checks",
        "constraints_met",
    )
    empty = [c for c in may_lack if table[c].null_count() == table.height]
    single = ["repeat"] if table["repeat"].n_unique() == 1 else []
    same = ["cluster"] if (table["cluster"] == table["variant_of"].fill_null(table["item"])).all() else []
    return table.drop(empty + single + same)


def _sure(share: float | None, completion: Completion, wanted: bool) -> float | None:
    """Share of the option that was taken, else the probability of the text of an answer; None where neither is told."""
    if share is not None or not wanted:
        return share
    return None if math.isnan(completion.logprob) or not completion.text else math.exp(min(0.0, completion.logprob))


def read_one(form: Form, replies: Replies, place: int, number: int, scorer: Scorer) -> Reading:
    """What an answer says: the option that was taken where options were compared, else what the scorer reads."""
    taken, answer = replies.place[place], replies.answers[place]
    if taken is not None:
        option = form.item.options[taken]
        return Reading(option, float(option == form.item.target))
    return scorer.read(form, answer.completions[number].text if answer is not None else "")


def record(form: Form) -> str | None:
    """How a form was asked, as a log tells it; None where it was not asked as in a log."""
    frame = form.item.frame
    if frame is None:
        return None
    own = {"options": frame.continuations(form.item.options)} if frame.scored else {}
    return json.dumps({**frame.plain(), **own, "prompt": form.framed}, ensure_ascii=False)
