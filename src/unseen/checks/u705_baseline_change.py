"""U705: how much each model's score has changed since the baseline, on the items that both have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from unseen.checks._rows import scored, texts
from unseen.checks._unit import Unit, unit_of
from unseen.checks.base import About, Check, Clear, Context, Outcome, Settings, Subject, guarded
from unseen.checks.details.data import Row
from unseen.checks.details.models import ItemsMatched, Turned, Unmatched
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import normal_quantile, wilson
from unseen.estimates.intervals.paired import paired_difference
from unseen.plain_text import counted
from unseen.responses.kept import SIDES, KeptScores, Matched, kept_name, matched, shortened

# Items that turned are listed up to this many; all of them are counted.
MAX_LISTED = 200
# The sides of which the change is told by itself, where both have shared items.
OWN_SIDES = ("seen", "unseen")


class BaselineChange(Check):
    """Compares each model with itself in an earlier report or log, item by item."""

    code = "U705"
    title = "change since the baseline"
    question = "Has a model lost score since the baseline, on the items that both have?"
    null = "The model's mean score on the shared items is the same as in the baseline."
    interest = "A loss of at least smallest_gap of the score's range; a gain is told, and is clear."
    method = (
        "Items are the same where name and question (by a hash) agree, or the question alone; one whose question or right "
        "answer was edited is another item, unless all questions read otherwise and all right answers stayed (a new "
        "prompt). loss = mean over shared items of (score then − score now), repeats averaged per item: exact McNemar and "
        "Tango's interval where scores are right or wrong and items independent, else sign flips of whole clusters and a "
        "cluster-robust interval (CR2, Satterthwaite's degrees of freedom). Where every item changed by the same amount, "
        "Wilson's bound on the share of units that another sample would show otherwise. One outcome for each model over "
        "all items, and one for each of the seen and unseen sides."
    )
    assumptions = (
        "Given an item, the two answers are drawn independently: sampling at a temperature is noise, and is tested as such. "
        "The shared items (or clusters) are a sample of those that matter. A judge, prompt or harness that changed between "
        "the two changes the score as a model does."
    )
    sources = (
        "McNemar (1947); Tango (1998), Equivalence test and confidence interval for the difference in proportions.",
        "Pustejovsky & Tipton (2018), Small-sample methods for cluster-robust variance estimation.",
        "Miller (2024), Adding error bars to evals, section 4 (paired differences).",
    )
    example = (
        "small-lm lost 0.16 [0.12, 0.20] since the baseline on 500 shared items: 0.40 then, 0.24 now. 86 items turned from "
        "right to wrong, 6 from wrong to right."
    )
    needs = ("responses", "baseline")
    studies = ("concurrence",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """Outcomes of each model over all items and each side; what is not shared stands beside them."""
        if subject.learner is not None:
            return [
                self.not_applicable(
                    "A learner that is refitted differs from its earlier fit by folds and seeds too, which answers compared item "
                    "by item do not show.",
                    "Read what got worse among the other findings: their intervals hold the spread between refits.",
                )
            ]
        before, after = subject.baseline, kept_scores(subject)
        assert before is not None, "a check that compares with a baseline declares needs=('baseline', …)"  # noqa: S101
        if not before.items:
            return [
                self.not_applicable(
                    "The baseline keeps no scores per item: an earlier version wrote it, or nothing in it was scored.",
                    "Audit its logs again with --output report.json, or give the logs as the baseline.",
                )
            ]
        if (before.low, before.high) != (after.low, after.high):
            return [
                self.not_applicable(
                    f"Scores lie {_ends(before)} in the baseline and {_ends(after)} here: they can't be subtracted.",
                    "Give both the same range (--range LOW:HIGH), or score both in the same way.",
                )
            ]
        same = same_items(subject)
        if not len(same.after):
            if same.edited:
                return [
                    self.not_applicable(
                        f"The {counted(len(same.edited), 'item')} that bear the same name in both have another question or right "
                        f"answer now ({shortened(same.edited)}): those are other items.",
                        "Compare with answers to the same questions. If only the prompt around them changed, give the column "
                        "with the question alone (--question).",
                    )
                ]
            return [
                self.not_applicable(
                    f"None of the {counted(len(before.items), 'item')} of the baseline is among the "
                    f"{counted(len(after.items), 'item')} here "
                    f"({shortened(before.items, 2)} there; {shortened(after.items, 2)} here).",
                    "Compare with a report or log of the same items: by name, or by the text of the question.",
                )
            ]  # fmt: skip
        names = _pairs(before.models, after.models)
        outcomes: list[Outcome] = [self._items(before, after, same)]
        for name, old in names.items():
            outcomes += self._of_model(subject, name, old, before, after, same, settings)
        return [*outcomes, *self._unmatched(before, after, names)]

    def _of_model(
        self, subject: Subject, name: str, old: str, before: KeptScores, after: KeptScores, same: Matched,
        settings: Settings,
    ) -> Iterable[Outcome]:  # fmt: skip
        x = before.score[before.models.index(old)][same.before].astype(np.float64)
        y = after.score[after.models.index(name)][same.after].astype(np.float64)
        both = ~(np.isnan(x) | np.isnan(y))
        cluster, side = after.cluster[same.after], after.side[same.after]
        scale = _scale(before, after)
        called = name if name == old else f"{name} ({old} in the baseline)"

        def judge(part: np.ndarray, about: About, said: str, where: str) -> Outcome:
            here = np.flatnonzero(part)
            turns = _turned(subject, name, after, same.after[here], x[here], y[here], scale)

            def judged() -> Outcome:
                return self._judge(
                    subject, said, about, x[part], y[part], cluster[part], scale, settings, turns,
                    lambda loss, then, now: Turned(
                        model=name, was=old, to_wrong=turns.to_wrong, to_right=turns.to_right, examples=turns.examples,
                        side=where, shared=len(here), then=then, now=now, change=-loss,
                        scale=scale, units=loss.units,
                    ),
                )  # fmt: skip

            return guarded(self, about, judged)

        yield judge(both, About("model", name), called, "all")
        present = [s for s in OWN_SIDES if (both & (side == SIDES.index(s))).any()]
        for s in present if len(present) > 1 else ():
            about, part = About("slice", f"{name} on {s} items"), both & (side == SIDES.index(s))
            yield judge(part, about, f"{called} on {s} items", s)

    def _judge(
        self, subject: Subject, said: str, about: About, x: np.ndarray, y: np.ndarray, cluster: np.ndarray, scale: float,
        settings: Settings, turns: _Turns, details: Callable[[Estimate, float, float], Turned],
    ) -> Outcome:  # fmt: skip
        loss, p = lost(x, y, cluster, scale=scale, settings=settings, rng=self.rng(settings, about.name))
        then, now = float(x.mean()), float(y.mean())
        unit = unit_of(subject)
        turned = _sentence(turns, unit)
        sides = f"on {counted(len(x), 'shared item')}: {unit.shown(then):.3f} then, {unit.shown(now):.3f} now.{turned}"
        gained = f"{said} gained" if not unit.lower else f"{said}: the {unit.word} fell by"
        rose = f"{said} lost" if not unit.lower else f"{said}: the {unit.word} rose by"
        by = loss if unit.lower else -loss
        outcome = self.decide(
            about=about, estimate=loss, p_value=p, settings=settings, scale=scale,
            found=f"{rose} {loss.format(3)} since the baseline {sides}",
            clear=f"{said} changed by {by.format(3)} since the baseline {sides}",
            next_step=f"Read the items that turned {_turning(unit)[0]}, and what changed between the two: weights, prompt, "
            "decoding, harness or judge.",
            details=details(loss, then, now),
        )  # fmt: skip
        if isinstance(outcome, Clear) and loss.high < 0:
            return replace(outcome, statement=f"{gained} {(-loss).format(3)} since the baseline {sides}")
        return outcome

    def _items(self, before: KeptScores, after: KeptScores, same: Matched) -> Context:
        """Which items are compared."""
        whole = before.total == len(before.items) and after.total == len(after.items)
        parts = [f"{len(same.after):,} of {counted(after.total, 'item')} are compared with the baseline"]
        for what, listed in (("added", same.added), ("removed", same.removed), ("edited", same.edited)):
            if listed and (whole or what == "edited"):
                parts.append(f"{len(listed):,} {what} ({shortened(listed)})")
        if same.renamed:
            parts.append(f"{same.renamed:,} bear another name and were matched by their question")
        if same.by_name:
            parts.append(f"{same.by_name:,} were matched by name alone, so that edits of them can't be seen")
        if same.reworded:
            parts.append(
                f"{same.reworded:,} read otherwise than in the baseline, with the same names and right answers: a new prompt, "
                "taken for the same items"
            )
        if not whole:
            parts.append("the rest was left out to keep reports small, by whole clusters and the same ones in both")
        left_out = len(same.added) + len(same.removed) + len(same.edited)
        step = "Nothing to do."
        if whole and left_out > len(same.after):
            step = "Most items are not shared: the change holds for the shared ones alone. Keep a fixed set of items."
        return Context(
            code=self.code, about=About("data", "items"), statement="; ".join(parts) + ".", next_step=step,
            details=ItemsMatched(
                shared=len(same.after), before=before.total, after=after.total, renamed=same.renamed,
                reworded=same.reworded, by_name=same.by_name, whole=whole,
                added=len(same.added), removed=len(same.removed), edited=len(same.edited),
                added_items=tuple(same.added[:MAX_LISTED]), removed_items=tuple(same.removed[:MAX_LISTED]),
                edited_items=tuple(same.edited[:MAX_LISTED]),
            ),
        )  # fmt: skip

    def _unmatched(self, before: KeptScores, after: KeptScores, names: dict[str, str]) -> Iterable[Outcome]:
        gone = [m for m in before.models if m not in names.values()]
        new = [m for m in after.models if m not in names]
        for m in gone:
            near = get_close_matches(m, new, n=1)
            hint = f" {near[0]} is new here: if it is the same model, give both the same name." if near else ""
            yield self.not_applicable(
                f"{m} is in the baseline and not here: whether it lost is not known.{hint}",
                "Audit its answers again, under the same name, or write a new baseline without it.", about=About("model", m),
                details=Unmatched(model=m, missing="now"),
            )  # fmt: skip
        for m in new:
            yield self.not_applicable(
                f"{m} is not in the baseline: there is nothing to compare it with.",
                "Write a new baseline that holds it: --output report.json.", about=About("model", m),
                details=Unmatched(model=m, missing="then"),
            )  # fmt: skip


def changes_on(subject: Subject, rows: np.ndarray, models: Iterable[str], settings: Settings) -> list[dict[str, Any]]:
    """Change of each model on the items of some rows: an estimate, not a test, since these answers chose the rows.

    Args:
        subject: Answers and a baseline.
        rows: Which rows of ``subject.answers`` count, shape (rows,).
        models: The models.
        settings: Level and draws.

    Returns:
        Model, items, mean then and now, and the change (now − then) with its interval, for each model that both have and
        for which an interval can be had.
    """
    before, after = subject.baseline, kept_scores(subject)
    if before is None or not before.items or (before.low, before.high) != (after.low, after.high):
        return []
    same, answers = same_items(subject), subject.answers
    coded = answers.codes("item")
    chosen = {kept_name(str(coded.levels[i])) for i in np.unique(coded.codes[rows]).tolist()}
    inside = np.array([after.items[j] in chosen for j in same.after.tolist()], dtype=bool)
    names, told = _pairs(before.models, after.models), list[dict[str, Any]]()
    for name in (m for m in models if m in names):
        x = before.score[before.models.index(names[name])][same.before].astype(np.float64)
        y = after.score[after.models.index(name)][same.after].astype(np.float64)
        part = inside & ~(np.isnan(x) | np.isnan(y))
        rng = np.random.default_rng([settings.seed, 705])
        try:
            loss, _ = lost(
                x[part],
                y[part],
                after.cluster[same.after][part],
                scale=_scale(before, after),
                settings=settings,
                rng=rng,
            )
        except TooFewUnits:
            continue
        told.append(
            {
                "model": name, "items": int(part.sum()), "then": float(x[part].mean()), "now": float(y[part].mean()),
                "change": (-loss).to_dict(),
            }
        )  # fmt: skip
    return told


def kept_scores(subject: Subject) -> KeptScores:
    """Scores per item of the audited answers; computed once."""
    return subject.shared("kept_scores", lambda: KeptScores.of(subject.answers))


def same_items(subject: Subject) -> Matched:
    """Which items of the baseline and of the audited answers are the same; computed once."""
    before = subject.baseline
    assert before is not None, "there is a baseline"  # noqa: S101
    return subject.shared("baseline_items", lambda: matched(before, kept_scores(subject)))


def lost(
    then: np.ndarray,
    now: np.ndarray,
    cluster: np.ndarray,
    *,
    scale: float,
    settings: Settings,
    rng: np.random.Generator,
) -> tuple[Estimate, float]:
    """Mean of then − now over items, and the two-sided p-value that it is zero.

    Args:
        then: Score of each item in the baseline, shape (n,).
        now: Score of the same items, shape (n,).
        cluster: Integer of the sampling unit of each item, shape (n,).
        scale: Range of the score.
        settings: Level and draws.
        rng: Source of the sign flips.

    Raises:
        TooFewUnits: Fewer than 2 clusters, or too uneven ones.

    >>> rng = np.random.default_rng(0)
    >>> loss, p = lost(np.ones(20), np.ones(20) / 2, np.arange(20), scale=1.0, settings=Settings(), rng=rng)
    >>> print(loss.format(2), p < 0.001)
    0.50 [0.34, 0.66] True
    """
    try:
        return paired_difference(then, now, cluster, rng=rng, level=settings.level, permutations=settings.n_resamples)
    except Undefined:
        # All items changed by the same amount: what is not known is how many of another sample would have not.
        value, units = float(np.mean(then - now)), len(np.unique(cluster))
        room = scale * wilson(0.0, float(units), normal_quantile((1 - settings.level) / 2))[1]
        p = 1.0 if value == 0 else min(1.0, 2.0 ** (1 - units))
        method = "paired difference, Wilson bound on unseen changes"
        return Estimate(value, value - room, value + room, units, method, settings.level), p


def _pairs(before: tuple[str, ...], after: tuple[str, ...]) -> dict[str, str]:
    """Name here → name in the baseline; two single models of different names are compared, as versions of one.

    So is one learner with another where each was refitted under shifts of the same words.

    >>> _pairs(("logistic, later year", "logistic, random"), ("forest, later year",))
    {'forest, later year': 'logistic, later year'}
    """
    shared = {m: m for m in after if m in before}
    if shared or not before or not after:
        return shared
    if len(before) == len(after) == 1:
        return {after[0]: before[0]}
    then, now = ([m.partition(", ") for m in models] for models in (before, after))
    if len({learner for learner, _, _ in then}) != 1 or len({learner for learner, _, _ in now}) != 1:
        return {}
    known = {shift for _, _, shift in then if shift}
    return {f"{learner}, {shift}": f"{then[0][0]}, {shift}" for learner, _, shift in now if shift in known}


class _Turns(NamedTuple):
    """Items that turned from right to wrong, back, and rows of the former."""

    to_wrong: int
    to_right: int
    examples: tuple[Row, ...]


def _turned(
    subject: Subject, name: str, after: KeptScores, where: np.ndarray, x: np.ndarray, y: np.ndarray, scale: float
) -> _Turns:
    """How many items turned from right to wrong and back, and those that did, the largest falls first."""
    if after.low is None or after.high is None:
        # A score without bounds has no right and wrong: what fell or rose by half the range counts.
        down, up = x - y >= scale / 2, y - x >= scale / 2
    else:
        middle = (after.low + after.high) / 2
        down, up = (x > middle) & (y <= middle), (x <= middle) & (y > middle)
    fell = np.flatnonzero(down)
    fell = fell[np.argsort(-(x[fell] - y[fell]), kind="stable")]
    listed = fell[:MAX_LISTED]
    rows = _rows_of(subject, name, [after.items[where[i]] for i in listed.tolist()])
    unit = unit_of(subject)
    examples = tuple(
        {
            "item": after.items[where[i]], **rows.get(after.items[where[i]], {}),
            "then": unit.shown(float(x[i])), "now": unit.shown(float(y[i])), "side": SIDES[after.side[where[i]]] or None,
        }
        for i in listed.tolist()
    )  # fmt: skip
    return _Turns(len(fell), int(up.sum()), examples)


def _rows_of(subject: Subject, name: str, items: list[str]) -> dict[str, dict[str, Any]]:
    """Question, right answer and answer of these items of a model."""
    rows, answers = scored(subject), subject.answers
    part = next((part for model, part in rows.each() if model == name), None)
    if part is None or not items:
        return {}
    levels = answers.codes("item").levels
    own, first = np.unique(rows.item[part], return_index=True)
    at = {kept_name(str(levels[i])): int(rows.row[part][k]) for i, k in zip(own.tolist(), first.tolist(), strict=True)}
    known = [i for i in items if i in at]
    where = np.array([at[i] for i in known], dtype=np.int64)
    columns = {c: texts(answers, c, where) for c in ("question", "target", "prediction") if answers.has(c)}
    return {item: {c: values[k] for c, values in columns.items()} for k, item in enumerate(known)}


def _sentence(turns: _Turns, unit: Unit) -> str:
    worse, better = _turning(unit)
    return f" {counted(turns.to_wrong, 'item')} turned {worse}, {turns.to_right:,} {better}."


def _turning(unit: Unit) -> tuple[str, str]:
    """How items turn that get worse, and those that get better."""
    return (
        ("much worse", "much better") if unit.lower or unit.graded else ("from right to wrong", "from wrong to right")
    )


def _scale(before: KeptScores, after: KeptScores) -> float:
    """Range of the score; of an unbounded one the span from its 5 % to its 95 % quantile."""
    if after.low is not None and after.high is not None:
        return after.high - after.low
    both = np.concatenate([before.score.ravel(), after.score.ravel()])
    both = both[~np.isnan(both)]
    span = float(np.subtract(*np.quantile(both, [0.95, 0.05]))) if len(both) else 0.0
    return span if span > 0 else 1.0


def _ends(kept: KeptScores) -> str:
    return "without bounds" if kept.low is None or kept.high is None else f"from {kept.low:g} to {kept.high:g}"
