"""A probe: items of a log are asked again and in other forms; the answers make a table that can be audited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import polars as pl

from unseen.engine.seeds import numpy_generator
from unseen.errors import BadInput
from unseen.learners.language.base import Generation, LanguageModel
from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item, Left, items_of
from unseen.learners.questions.scoring import Scorer, fitted, hidden, plain, rule_of, scorer_named
from unseen.plain_text import counted
from unseen.plain_text import value as shown
from unseen.probing.agreement import Agreement, agreement, logged, model_in_log, require, reread
from unseen.probing.asking import Asking, Bill, Replies, Told, asked, bill, nothing
from unseen.probing.doubt import Doubt, doubted
from unseen.probing.heads import with_head
from unseen.probing.table import answered, read_one
from unseen.probing.variants import Variant, variants_named
from unseen.probing.variants.reworded import PROPOSALS, Reworded, reworded
from unseen.responses import Responses

# Answers whose agreement is told are drawn at this temperature.
WARM = 0.7
# Shorter answers are letters: that they are cut off is no loss [tokens].
LEAST_WHOLE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """What a probe does.

    Attributes:
        variants: Kinds of variants; none means all that apply.
        scorer: Name of a scorer; None where the log's scores are to be met without.
        max_tokens: Most tokens of an answer; None takes what the log says, else 64.
        temperature: 0 takes the likeliest token each time.
        repeats: Answers to each form; more than one need a temperature.
        prompt: Text around each question, with ``{}`` in its place; None takes the prompt of the log where it tells one.
        chat: Whether questions are sent as messages; None lets the model decide.
        limit: Most items, drawn at random; None for all.
        log_model: Which model of the log is the one that is asked.
        parts: Ask the parts of composite items too, as they are.
        doubt: Ask for each answer whether it is right: P(True); and for each question beforehand whether it is known, P(IK).
        samples: So many answers are drawn to each form besides: the share of them that say the same is the confidence.
        seed: Source of every draw.
    """

    variants: tuple[str, ...] = ()
    scorer: str | None = None
    max_tokens: int | None = None
    temperature: float = 0.0
    repeats: int = 1
    prompt: str | None = None
    chat: bool | None = None
    limit: int | None = None
    log_model: str | None = None
    parts: bool = False
    doubt: bool = False
    samples: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples == 1 or self.samples < 0:
            raise BadInput(f"sampled agreement needs at least 2 samples, got {self.samples}.")

    def plain(self) -> dict[str, Any]:
        """The settings as plain data, those that were left as they are left out."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    @property
    def drawing(self) -> Asking:
        """How answers are drawn whose agreement is told."""
        made = Generation(temperature=WARM, samples=max(1, self.samples), seed=self.seed)
        return replace(self.asking, settings=made)

    @property
    def asking(self) -> Asking:
        """How forms are asked."""
        made = Generation(temperature=self.temperature, samples=self.repeats, seed=self.seed)
        return Asking(made, self.prompt, self.chat, self.max_tokens, scorer_named(self.scorer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a probe will ask.

    Attributes:
        items: The items.
        originals: One form each.
        variants: Their variants.
        notes: What was left out and why, in sentences.
        log: The answers that the items came from; None where nobody answered them yet.
        how: Settings.
        scorer: How answers are read.
    """

    items: list[Item]
    originals: list[Form]
    variants: list[Form]
    notes: tuple[str, ...]
    log: Responses | None
    how: Probing
    scorer: Scorer

    def bill(self, model: LanguageModel, *, timed: bool = True) -> Bill:
        """What it takes."""
        # P(True) of each answer and P(IK) of each question, each in both orders.
        further = 2 * self.how.repeats + 2 if self.how.doubt else 0
        forms = [*self.originals, *self.variants]
        whole = bill(forms, model, self.how.asking, timed=timed, further=further)
        if not self.how.samples:
            return whole
        drawn = [form for form in forms if not self.how.asking.compared(form, model)]
        return whole + bill(drawn, model, self.how.drawing, timed=timed) if drawn else whole

    @property
    def rule(self) -> str:
        """How answers are read."""
        return rule_of(self.scorer, self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The answers of a probe.

    Attributes:
        table: One row an answer; see ``table.answered``.
        agreement: Originals here and in the log; None where the log has no scores to compare.
        unparsable: Share of answers that could not be read.
        notes: What was left out, chosen and found, in sentences.
    """

    table: pl.DataFrame
    agreement: Agreement | None
    unparsable: float
    notes: tuple[str, ...]

    @property
    def responses(self) -> Responses:
        """The table, validated."""
        return Responses.of(self.table, score_range=(0.0, 1.0), notes=self.notes)


def planned(
    given: Responses | pl.DataFrame, how: Probing, reworder: LanguageModel | None = None, *, propose: bool = True
) -> Planned:
    """Items, originals and variants, without a model.

    Args:
        given: Answers of models, or a table of items that nobody answered yet.
        how: Settings.
        reworder: Who puts questions in other words; its proposals are checked twice.
        propose: Whether it is asked now; else only said.

    Raises:
        BadInput: No item can be asked, or a variant or scorer does not exist.
    """
    kinds, scorer = variants_named(how.variants), scorer_named(how.scorer)
    items, left = items_of(given)
    if not items:
        raise BadInput(f"no item can be asked: {_why(left)}. A probe needs the columns question and target.")
    scorer = fitted(scorer, items)
    notes = [f"items: {one}." for one in left]
    if how.prompt is not None:
        items = [replace(item, frame=None, unframed="") for item in items]
    notes += _as_logged(items)
    there = {item.name for item in items}
    parts = [item for item in items if item.parent in there]
    items = [item for item in items if item.parent not in there]
    if how.limit is not None and how.limit < len(items):
        chosen = np.sort(numpy_generator(how.seed, "items").choice(len(items), size=how.limit, replace=False))
        notes.append(f"{how.limit:,} of {len(items):,} items, drawn at random (seed {how.seed}).")
        items = [items[int(i)] for i in chosen]
    # Parts are asked as they are: they tell whether a wrong whole lacked a part.
    wholes = {item.name for item in items}
    asked_too = [part for part in parts if how.parts and part.parent in wholes]
    if parts:
        left_out = counted(len(parts) - len(asked_too), "part")
        notes.append(
            f"{counted(len(asked_too), 'part')} of composite items asked, {left_out} left out (--parts asks them)."
        )
    kinds, said = [*kinds], list[str]()
    if reworder is not None and propose:
        rewording, said = reworded(items, reworder, seed=how.seed)
        kinds.append(rewording)
    elif reworder is not None:
        said = [
            f"words of {reworder.name}: {PROPOSALS * len(items):,} proposals and two checks of each will be asked besides, and at "
            "most two forms an item come of them."
        ]
    notes += said
    variants: list[Form] = []
    refused: dict[Variant, Counter[str]] = {}
    count: Counter[Variant] = Counter()
    for item in items:
        for kind in kinds:
            why = kind.why_not(item)
            if why:
                refused.setdefault(kind, Counter())[why] += 1
            made_now = kind.forms(item, numpy_generator(how.seed, "variant", kind.name, item.name))
            count[kind] += len(made_now)
            variants += made_now
    for kind in kinds:
        own = count[kind]
        reasons = "; ".join(f"{n:,} not: {why}" for why, n in refused.get(kind, Counter()).most_common(3))
        title = f"{kind.name}, words of a model" if isinstance(kind, Reworded) else kind.name
        notes.append(f"{title}: {counted(own, 'variant')}{f' ({reasons})' if reasons else ''}.")
    if not variants:
        raise BadInput("no variant applies to any item.\n" + "\n".join(f"  {n}" for n in notes))
    return Planned(
        items=items, originals=[Form(i, i.name) for i in [*items, *asked_too]], variants=variants, notes=tuple(notes),
        log=given if isinstance(given, Responses) else None, how=how, scorer=scorer,
    )  # fmt: skip


def probe(plan: Planned, model: LanguageModel, done: Told | None = None) -> Probed:
    """Ask what was planned: originals first, and variants only where originals score as in the log.

    Raises:
        BadInput: The scores of the originals are not those of the log and no scorer was named, or nothing was answered.
    """
    how, scorer, notes = plan.how, plan.scorer, list(plan.notes)
    log = plan.log
    known = None if log is None else model_in_log(log, model.name, how.log_model)
    if log is None:
        notes.append("nobody answered these items yet: there is no score to hold the scorer against.")
    found = None if known else _read_again(plan)
    if found is not None:
        # Another model answered the log: its answers still tell whether this scorer is that of the log.
        require(found, scorer, plan.rule)
        notes.append(f"{found}, with the answers of the log, which has none of {model.name}.")
    if how.chat is None and getattr(model, "chats", False) and hasattr(getattr(model, "model", model), "calls"):
        as_text = sum(isinstance(form.framed, str) for form in plan.originals)
        if as_text:
            notes.append(
                f"{counted(as_text, 'item')} of the log continued text; this endpoint takes it as a message of a user (--text "
                "asks its completions)."
            )
    total = len(plan.originals) + len(plan.variants)
    first = asked(plan.originals, model, how.asking, _of_all(done, 0, total))
    stopped = first.stopped
    if log is not None and known and how.temperature == 0:
        there = [
            (i, f, a.text) for i, (f, a) in enumerate(zip(plan.originals, first.answers, strict=True)) if a is not None
        ]
        forms, texts = [f for _, f, _ in there], [t for _, _, t in there]
        readings = [read_one(f, first, i, 0, scorer) for i, f, _ in there]
        was = logged(log, known)
        found = agreement(forms, readings, texts, was, "asked again")
        if found is not None:
            # Compared options have no text that could be read again.
            written = [f for f, place in zip(plan.originals, first.place, strict=True) if place is None]
            require(found, scorer, plan.rule, _temperature(plan.items), reread(written, was, scorer))
            notes += [f"{found}.", *(f"differs: {one}." for one in found.differing)]
    done = _of_all(done, len(plan.originals), total)
    further = asked(plan.variants, model, how.asking, done) if not stopped else nothing(len(plan.variants))
    stopped = stopped or further.stopped
    forms, every = [*plan.originals, *plan.variants], first + further
    if how.samples and not stopped:
        every, said, stopped = _agreeing(forms, every, model, how, scorer)
        notes.append(said)
    doubt: Doubt | None = None
    if how.doubt:
        doubt, why = doubted(forms, every.answers, model, how.asking)
        if doubt is None:
            notes.append(f"P(True) and P(IK) can't be had: {why}")
        else:
            scores = [
                None if a is None else read_one(f, every, i, 0, scorer).score
                for i, (f, a) in enumerate(zip(forms, every.answers, strict=True))
            ]
            doubt, said = with_head(doubt, forms, scores, model, how.asking, how.seed)
            notes += ["p_true: P(True) of each answer, asked with both orders of true and false.", f"{said}"]
    table = answered(forms, every, scorer, model.name, doubt)
    if not table.height:
        raise BadInput(f"nothing was answered. {stopped}")
    if stopped:
        missing = sum(a is None for a in every.answers)
        notes.append(f"{missing:,} forms were not asked: {stopped}")
    if every.ties:
        notes.append(
            f"{every.ties:,} of {sum(p is not None for p in every.place):,} comparisons have two likeliest options: the first "
            "of them was taken."
        )
    notes.append(f"answers are read so: {plan.rule}.")
    # What keeps the answers stands before who gives them.
    notes += getattr(getattr(model, "model", model), "notes", ())
    notes += [*_ended(forms, every, model, how.asking), *_hidden(forms, every, scorer)]
    share = float(table["unparsable"].to_numpy().mean())
    notes.append(_unread(table, share))
    return Probed(table=table, agreement=found, unparsable=share, notes=tuple(notes))


def _agreeing(
    forms: Sequence[Form], replies: Replies, model: LanguageModel, how: Probing, scorer: Scorer
) -> tuple[Replies, str, str]:
    """The replies with the share of drawn answers that say the same, a note, and why some are missing.

    Source: Wang et al. (2023), Self-consistency improves chain of thought reasoning, section 3.1 (consistency as confidence).
    """
    places = [i for i, a in enumerate(replies.answers) if a is not None and replies.place[i] is None]
    if not places:
        return replies, "sampled agreement: options were compared, so that nothing was drawn.", ""
    drawn = asked([forms[i] for i in places], model, how.drawing)
    sure = list(replies.sure)
    for i, answer in zip(places, drawn.answers, strict=True):
        said = read_one(forms[i], replies, i, 0, scorer).prediction
        if answer is not None and said is not None:
            others = [scorer.read(forms[i], c.text).prediction for c in answer.completions]
            sure[i] = sum(other is not None and plain(other) == plain(said) for other in others) / len(others)
    told = (
        f"confidence: the share of {how.samples} answers, drawn at temperature {WARM:g}, that say what the answer says."
    )
    return replace(replies, sure=sure), told, drawn.stopped


def _of_all(done: Told | None, before: int, total: int) -> Told | None:
    """A hook that is told of this part of the work as of a part of the whole."""
    return None if done is None else lambda name, finished, _: done(name, before + finished, total)


def _temperature(items: Sequence[Item]) -> float | None:
    """The highest temperature of the log's answers; None where it does not tell one of generated answers."""
    told = [item.frame.temperature for item in items if item.frame is not None and not item.frame.scored]
    return None if None in told else max((t for t in told if t is not None), default=0.0)


def _as_logged(items: Sequence[Item]) -> list[str]:
    """How many items are asked by the prompt of the log, and why others are not."""
    framed = sum(item.frame is not None for item in items)
    why = Counter(item.unframed for item in items if item.unframed)
    told = (
        [f"{counted(framed, 'item')} asked by the prompt of the log, word for word (--prompt '{{}}' asks them bare)."]
        if framed
        else []
    )
    return [*told, *(f"{counted(n, 'item')} asked bare: {reason}." for reason, n in why.items())]


def _read_again(plan: Planned) -> Agreement | None:
    """The first model's answers in the log that this scorer can be held against."""
    log = plan.log
    if log is None:
        return None
    found = (reread(plan.originals, logged(log, name), plan.scorer) for name in log.models)
    return next((one for one in found if one is not None), None)


def _ended(forms: Sequence[Form], every: Replies, model: LanguageModel, asking: Asking) -> list[str]:
    """How many answers were cut off, withheld or empty, which a score does not show."""
    written = [
        (form, answer.completions[0])
        for form, answer, place in zip(forms, every.answers, every.place, strict=True)
        if answer is not None and place is None
    ]
    limits = [asking.of(form, model).max_tokens for form, said in written if said.finish == "length"]
    # Of an answer of a letter the rest is not wanted.
    cut = [limit for limit in limits if limit >= LEAST_WHOLE]
    withheld = sum(said.finish == "filtered" for _, said in written)
    empty = sum(not said.text.strip() and said.finish != "filtered" for _, said in written)
    told: list[str] = []
    if cut:
        told.append(
            f"{100 * len(cut) / len(written):.0f} % of the answers were cut off at {max(cut):,} tokens, and what was there is "
            "scored: --max-tokens lets them end."
        )
    if withheld:
        told.append(f"{counted(withheld, 'answer')} withheld by a filter of the endpoint, which count as wrong.")
    if empty:
        told.append(
            f"{counted(empty, 'answer')} empty: a model that thinks before it answers needs more tokens (--max-tokens)."
        )
    return told


def _hidden(forms: Sequence[Form], every: Replies, scorer: Scorer) -> list[str]:
    """How many answers hold the right one and score 0, since they are compared as a whole."""
    written = [
        (form, answer.completions[0].text)
        for form, answer, place in zip(forms, every.answers, every.place, strict=True)
        if answer is not None and place is None
    ]
    found = [(form, text) for form, text in written if hidden(form, text, scorer)]
    if not found:
        return []
    form, text = found[0]
    return [
        f"{len(found):,} of {counted(len(written), 'answer')} hold the right one among other words and score 0, such as "
        f"{shown(text, 60)!r} (right is {shown(form.item.target, 40)!r}): ask for the answer alone (--prompt), or name what reads "
        "it (--scorer regex:PATTERN or module:function)."
    ]


def _unread(table: pl.DataFrame, share: float) -> str:
    """How many answers could not be read, in which forms most, and what they look like."""
    if not share:
        return "every answer could be read."
    worst = table.group_by("variant", "variant_level").agg(pl.col("unparsable").mean()).sort("unparsable", "variant")
    kind, level, most = worst.row(-1)
    texts = table.filter("unparsable")["raw_answer"].unique(maintain_order=True).head(3).to_list()
    of = kind if kind == level else f"{kind}, {level}"
    examples = ", ".join(repr(shown(t, 60)) for t in texts)
    most_in = f"most in {of}: {100 * most:.0f} %"
    return f"{100 * share:.1f} % of the answers could not be read and score 0 ({most_in}), such as {examples}."


def _why(left: Sequence[Left]) -> str:
    return "; ".join(str(one) for one in left) or "the table holds no item"
