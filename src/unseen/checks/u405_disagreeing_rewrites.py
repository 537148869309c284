"""U405: whether rewrites of one question get one answer, also without labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from unseen.checks._forms import LONG, FormRows, Forms, disagreement, forms, of_changes, share_of
from unseen.checks._rows import percent
from unseen.checks._unit import Unit, unit_of
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.details.models import Disagreeing, OfRewrite
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.intervals.codes import dense, distinct
from unseen.estimates.intervals.means import mean_estimate
from unseen.plain_text import counted

# Under another right answer a form has another meaning; other orders of options are U402's question.
ANOTHER = ("numbers", "order")


class DisagreeingRewrites(Check):
    """Asks how often two forms of one question get different answers."""

    code = "U405"
    title = "disagreement among rewrites"
    question = "Does a model answer one question in one way, however it is put?"
    null = "Two forms of one question get different answers in at most smallest_gap of cases."
    interest = "A share of differing answers above smallest_gap."
    method = (
        "Forms of an item: the original and its variants with the same right answer and the same order of options. Share of "
        "pairs of forms whose answers differ, less that of pairs of repeats of one form, averaged over items; answers are "
        "compared without case and marks, numbers by their value. Wilson's interval with one coin an item (clustered: at the "
        "effective size); one-sided, the larger p-value of score test and binomial tail. Of two different answers at most one "
        "is right, so that at least half of the share is wrong, with no label needed."
    )
    assumptions = (
        "Variants keep the meaning, and a question has one right answer in one spelling. Answers at temperature zero, or "
        "several to each form. Answers that could not be read are left out and counted."
    )
    sources = (
        "Elazar et al. (2021), Measuring and improving consistency in pretrained language models.",
        "Sclar et al. (2024), Quantifying language models' sensitivity to spurious features in prompt design.",
        "Arakelyan et al. (2024), Semantic sensitivities and inconsistent predictions.",
    )
    example = (
        "small-lm: two forms of one question get different answers in 31 % [26 %, 36 %] of cases (240 items; most by typos, "
        "38 %), so that at least 15 % of its answers are wrong, whatever is right."
    )
    needs = ("responses", "variant_of", "prediction")
    studies = ("semantic-sensitivity", "generalization-stress-test")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        unit = unit_of(subject)
        outcomes = [
            guarded(self, About("model", one.model), lambda o=one: self._judge(o, unit, settings))
            for one in forms(subject) if one.items
        ]  # fmt: skip
        return outcomes or [
            self.not_applicable(
                "No model answered two forms of one question.",
                "Ask them so: unseen probe LOG --model MODEL; or name the original of each variant in variant_of.",
                unlocks=("variant_of", "prediction"),
            )
        ]

    def _judge(self, one: Forms, unit: Unit, settings: Settings) -> Outcome:
        rewritten = [r for item in one.items if (r := _rewrites(item)) is not None]
        units = distinct(np.array([r.cluster for r in rewritten], dtype=np.int64)) if rewritten else 0
        if units < settings.min_units:
            raise TooFewUnits(
                f"{one.model} has {counted(units, 'independent item')} with two forms of one meaning, not {settings.min_units}."
            )
        if np.median([len(a) for r in rewritten for a in r.answer]) > LONG:
            raise Undefined(
                f"{one.model} answers with texts of more than {LONG} letters, which differ in some word each time. Give the "
                "answers that were read from them in the column prediction."
            )
        pairs = [disagreement(r.answer, r.form) for r in rewritten]
        cluster = [r.cluster for r in rewritten]
        share = share_of(
            [p for p, _ in pairs], cluster, repeated=any(again for _, again in pairs), at_most=settings.smallest_gap,
            level=settings.level, what="the share of answers that differ",
        )  # fmt: skip
        kinds = _by_kind(rewritten, settings)
        most = max(kinds, key=lambda k: k.share.value, default=None)
        most_by = (
            f"; most by {most.kind}, {100 * most.share.value:.0f} %" if most and most.kind and len(kinds) > 1 else ""
        )
        least = max(0.0, share.estimate.value / 2)
        everywhere, somewhere = _right(rewritten)
        labelled = ""
        if everywhere is not None and somewhere is not None:
            of = (
                ("right in every form", "in some form")
                if not unit.lower and not unit.graded
                else (f"{unit.word} of the worst form", "of the best")
            )
            labelled = f"; {of[0]} {unit.shown(everywhere):.2f}, {of[1]} {unit.shown(somewhere):.2f}"
        unread = f"; {one.unread:,} of {one.rows:,} answers could not be read" if one.unread else ""
        said = f"{one.model}: two forms of one question get different answers in {percent(share.estimate)} of cases"
        counted_items = f"({counted(len(rewritten), 'item')}{most_by})"
        return self.decide(
            about=About("model", one.model),
            estimate=share.estimate,
            p_value=share.p_value,
            found=f"{said} {counted_items}, so that at least {100 * least:.0f} % of its answers are wrong, "
            f"{'if one alone is right' if unit.graded else 'whatever is right'}{labelled}{unread}.",
            clear=f"{said} {counted_items}{labelled}{unread}.",
            next_step="Read the items whose forms get different answers; ask each item in several forms and report the mean with "
            "its spread, or take the answer that most forms get.",
            settings=settings,
            blames=of_changes(one.model),
            shared="two forms of one question get different answers in {} of cases",
            details=Disagreeing(
                model=one.model, questions=len(rewritten), answers=sum(len(r.answer) for r in rewritten), unread=one.unread,
                disagreement=share.estimate, kinds=kinds, wrong_at_least=least, right_in_all=everywhere, right_in_some=somewhere,
            ),
        )  # fmt: skip


def _rewrites(item: FormRows) -> FormRows | None:
    """The rows with the right answer and the options of the original; None without two forms."""
    first = int(np.argmax(item.original))
    rows = item.take([
        i for i in range(len(item.answer))
        if item.target[i] == item.target[first] and item.choices[i] == item.choices[first] and item.kind[i] not in ANOTHER
    ])  # fmt: skip
    return rows if len(set(rows.form.tolist())) > 1 else None


def _by_kind(items: Sequence[FormRows], settings: Settings) -> tuple[OfRewrite, ...]:
    """Share of the forms of each kind whose answer is not that of the original."""
    own: dict[str, list[tuple[float, int]]] = {}
    for r in items:
        if not r.original.any():
            continue
        was = r.answer[int(np.argmax(r.original))]
        for kind in sorted({k for k, o in zip(r.kind, r.original, strict=True) if not o}):
            differ = [a != was for a, k, o in zip(r.answer, r.kind, r.original, strict=True) if k == kind and not o]
            own.setdefault(kind, []).append((float(np.mean(differ)), r.cluster))
    made: list[OfRewrite] = []
    for kind, values in own.items():
        unit = dense([c for _, c in values])[0]
        if distinct(unit) > 1:
            share = mean_estimate([v for v, _ in values], unit, level=settings.level, binary=True)
            made.append(OfRewrite(kind=kind or "variants", items=len(values), share=share))
    return tuple(sorted(made, key=lambda k: -k.share.value))


def _right(items: Sequence[FormRows]) -> tuple[float | None, float | None]:
    """Share of items right in every form, and in some form; None without labels."""
    known = [r.score for r in items if not np.isnan(r.score).any()]
    if not known:
        return None, None
    return float(np.mean([s.min() for s in known])), float(np.mean([s.max() for s in known]))
