"""U604: how right a model is where nobody has marked its answers, and how much of that is assumption."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl

from unseen.checks._confident import Confident, confident, enough, in_split, unusable
from unseen.checks._unit import Unit
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.confidence import (
    BackTested,
    Claimed,
    FewLabels,
    LabelFree,
    LabelFreeRehearsed,
    LabelFreeToLabel,
    LabelShift,
    OnSupport,
)
from unseen.estimates import Estimate
from unseen.estimates.confidence.recalibration import fit_isotonic
from unseen.estimates.intervals.codes import counted_quantiles
from unseen.estimates.intervals.means import cluster_robust
from unseen.estimates.intervals.prediction_powered import ppi_difference
from unseen.estimates.unlabelled.label_free import Rows
from unseen.estimates.unlabelled.support import Column, Support, support
from unseen.estimates.unlabelled.unlabelled import Classes, Judgement, at_other_odds, judged, rows_to_label
from unseen.responses import Responses
from unseen.responses.table import Coded

MAX_LEVELS = 8
MAX_CLASSES = 30
# Where the parts of an ordered factor begin.
PARTS = tuple((np.arange(MAX_LEVELS) / MAX_LEVELS).tolist())
MAX_COUNTED = 2000
MIN_LABELS = 30


@dataclass(frozen=True, eq=False)
class _Case:
    """Labelled and target rows of one model, with what can be said of the target without its labels."""

    model: str
    support: Support
    rows: Rows
    judgement: Judgement
    labelled: Confident
    target: Confident

    @property
    def tested(self) -> bool:
        """Whether hidden levels could test the claim."""
        return self.judgement.basis == "back-test"


class LabelFreeAccuracy(Check):
    """Estimates the accuracy of unlabelled rows from confidence, says what that assumes, or refuses."""

    code = "U604"
    title = "accuracy without labels"
    question = "How right is a model on rows that nobody has marked?"
    null = "Unlabelled rows: accuracy is that of labelled rows. Unseen rows as if unlabelled: the estimate is right."
    interest = "A drop (or, in the back-test, an error) of at least smallest_gap."
    method = (
        "Without labels: the mean recalibrated confidence of the unlabelled rows (CBPE). Average thresholded confidence "
        "(ATC), difference of confidences (DoC) or agreement between models speak instead where they miss hidden levels of "
        "a factor by significantly less (Wilcoxon's signed ranks over levels whose confidence shifts, corrected for the "
        "number of methods and factors). Where predictions and right answers fall into classes, their frequencies among "
        "unlabelled rows are estimated from the confusion matrix by slices of confidence; where they shift and nothing else "
        "is needed to explain the unlabelled rows (Hansen's J), accuracy under label shift speaks. Intervals hold the "
        "sampling error of both sides (influence functions, clusters) and the errors on hidden levels in which something "
        "shifts (leave one level out; a prediction interval, widened in proportion where the unlabelled rows have moved "
        "farther than any level). Fewer than 3 such levels: the number rests on the assumption alone, and is called so. It "
        "is refused where more than 5 % of the rows lie outside the labelled ones in confidence or any factor, or where "
        "fewer than 30 labelled rows resemble them. Unlabelled rows alone never clear a model. With 30 labels or more on "
        "the unseen side, drawn at random (--labelled-at-random): prediction-powered inference (PPI++), with confidence, "
        "recalibrated on seen rows, as the prediction. Without unlabelled rows the unseen ones are taken as such."
    )
    assumptions = (
        "Without labels: rows of equal confidence are right equally often on both sides (or, under label shift, rows of one "
        "class look the same on both). No unlabelled row can test that; back-tests show how well it held from level to "
        "level. With random labels: only that they were drawn at random among the rows of the unseen side."
    )
    sources = (
        "NannyML documentation, Confidence-based performance estimation.",
        "Garg et al. (2022), Leveraging unlabeled data to predict out-of-distribution performance.",
        "Guillory et al. (2021), Predicting with confidence on unseen distributions.",
        "Jiang et al. (2022), Assessing generalization of SGD via disagreement.",
        "Lipton, Wang & Smola (2018), Detecting and correcting for label shift with black box predictors.",
        "Garg, Wu, Balakrishnan & Lipton (2020), A unified view of label shift estimation.",
        "Angelopoulos, Duchi & Zrnic (2023), PPI++: efficient prediction-powered inference.",
    )
    example = (
        "small-lm is right in about 0.62 [0.49, 0.75] of 500 unlabelled rows (CBPE), against 0.71 on labelled ones, if rows "
        "of equal confidence are right equally often on both sides, which no unlabelled row can test; on 6 hidden levels "
        "this missed by 0.03 on average, and the interval allows for that."
    )
    needs = ("responses", "confidence")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        if (refused := unusable(self, subject)) is not None:
            return [refused]
        responses = subject.responses
        assert responses is not None  # noqa: S101
        unlabelled = any(np.isnan(part.outcome).any() for part in confident(subject))
        if not unlabelled and not (responses.has("split") and in_split(subject, "unseen").any()):
            return [
                self.not_applicable(
                    "There are no unlabelled rows, and no unseen ones to stand in for them.",
                    "Add rows with a confidence and an empty score, or say what is unseen (--unseen 'digits > 2').",
                    unlocks=("split",),
                )
            ]
        judge = self._estimate if unlabelled else self._rehearse
        return [
            guarded(self, About("model", part.model), lambda p=part: judge(subject, p, settings))
            for part in confident(subject)
            if not unlabelled or np.isnan(part.outcome).any()
        ]

    def _estimate(self, subject: Subject, part: Confident, settings: Settings) -> Outcome:
        known = ~np.isnan(part.outcome)
        beyond = _beyond(subject, part)
        labels = int(np.count_nonzero(known & beyond))
        if settings.labelled_at_random and labels >= MIN_LABELS:
            return self._powered(part, known, beyond, settings)
        if known.any() and np.ptp(part.confidence[known]) == 0:
            return self.not_applicable(
                f"{part.model} has the same confidence on every labelled row: it says nothing of the others.",
                f"Mark at least {MIN_LABELS} of the unlabelled rows, drawn at random.", about=About("model", part.model),
            )  # fmt: skip
        case = _case(subject, part.where(known), part.where(~known), settings)
        n = f"{len(case.target.row):,}"
        hint = _hint(labels, settings)
        if case.support.refused:
            refused = f"No {part.unit.estimated} is given for {n} unlabelled rows of {part.model}"
            return self._refusal(case, refused, settings, hint=hint)
        drop, p = case.judgement.claim.drop(settings.level)
        wanted = _wanted(case, settings)
        said = _said(case, settings, drop)
        step = (
            f"Label a random sample of about {wanted:,} of these rows and pass --labelled-at-random: that tells a drop of "
            f"{settings.gap_that_matters:.2g} from none four times of five, without the assumption."
        )
        details = LabelFreeToLabel(**_fields(case, settings), rows_to_label=wanted)
        undecided = self.undecided(
            about=About("model", part.model), estimate=drop, settings=settings, statement=said, next_step=step + hint,
            p_value=p if case.tested else None, effect=min(1.0, abs(drop.value)), details=details,
        )  # fmt: skip
        if not case.tested or p > settings.fdr or drop.value < settings.smallest_gap:
            return undecided
        return Found(
            code=self.code, about=undecided.about, estimate=drop, p_value=p, effect=undecided.effect, statement=said,
            next_step=step + hint, details=details, otherwise=undecided,
        )  # fmt: skip

    def _powered(self, part: Confident, known: Any, beyond: Any, settings: Settings) -> Outcome:
        """Accuracy of the unseen side from labels drawn at random on it, and confidence on all its rows."""
        seen, there = part.where(known & ~beyond), part.where(beyond)
        seen.need(enough(settings), "on labelled seen rows")
        there.where(~np.isnan(there.outcome)).need(enough(settings), "and a label on the unseen side")
        # Fitted to seen rows alone: labels of the unseen side judge the prediction and must not have made it.
        guess = fit_isotonic(seen.confidence, seen.outcome)(there.confidence)
        drop, p, (_, powered) = ppi_difference(
            (seen.outcome, np.zeros(len(seen.row)), seen.cluster), (there.outcome, guess, there.cluster),
            level=settings.level, score_range=(0.0, 1.0), names=("seen", "unseen"),
        )  # fmt: skip
        accuracy = powered.estimate(settings.level)
        free = float(guess[np.isnan(there.outcome)].mean())
        said = (
            f"{part.model} {part.unit.right_in(accuracy.format(2), f'{len(there.row):,} unseen rows')}, by {powered.labels:,} "
            f"labels drawn at random among them and its confidence on all, against {float(seen.outcome.mean()):.2f} on seen ones"
        )
        return self.decide(
            about=About("model", part.model),
            estimate=drop,
            p_value=p,
            found=f"{said}: {_lower(drop)}.",
            clear=f"{said}: {_lower(drop)}, too little to matter.",
            next_step="Look at the rows that were marked wrong: labels, not confidence alone, show this drop.",
            settings=settings,
            details=FewLabels(
                model=part.model, basis="random labels", accuracy=accuracy,
                labels=powered.labels, rows=len(there.row), weight=powered.weight,
                labelled_accuracy=float(seen.outcome.mean()), labelled_rows=len(seen.row), refused=False,
                methods=(Claimed("random labels and confidence", accuracy.value, accuracy.low, accuracy.high, None),),
                without_labels=free,
            ),
        )  # fmt: skip

    def _rehearse(self, subject: Subject, part: Confident, settings: Settings) -> Outcome:
        unseen = in_split(subject, "unseen")[part.row]
        case = _case(subject, part.where(~unseen), part.where(unseen), settings)
        actual = float(case.target.outcome.mean())
        if case.support.refused:
            return self._refusal(
                case,
                f"Without labels, no {part.unit.estimated} would be given for the unseen rows of {part.model}",
                settings,
                actual,
            )
        claim = case.judgement.claim
        error, p = claim.widened(None).error(case.target.outcome, settings.level)
        # Either way of being wrong misleads; the rule asks for an effect that is worse when larger.
        error = error if error.value >= 0 else -error
        said = (
            f"Without labels, {_by(case)} would put {part.model} at {claim.accuracy(settings.level).format(2)} on unseen "
            f"rows; it {part.unit.right_in(f'{actual:.2f}')}{_missed(case)}"
        )
        return self.decide(
            about=About("model", part.model),
            estimate=error,
            p_value=p,
            found=f"{said}: label-free estimates mislead here, by {error.format(2)}.",
            clear=f"{said}: the error of {error.format(2)} is too small to matter on these rows.",
            next_step="Do not monitor this model by its confidence alone: mark a random sample of new rows now and then.",
            settings=settings,
            details=LabelFreeRehearsed(**_fields(case, settings), actual=actual),
        )

    def _refusal(
        self, case: _Case, what: str, settings: Settings, actual: float | None = None, hint: str = ""
    ) -> Outcome:
        would = case.judgement.claim.accuracy(settings.level)
        aside = (
            f" ({_by(case)} would have said {would.format(2)}; the truth is {actual:.2f})" if actual is not None else ""
        )
        return self.not_applicable(
            f"{what}: {case.support.reason}{aside}.",
            f"Mark at least {MIN_LABELS} such rows, drawn at random; an estimate from confidence would be a guess there."
            + hint,
            about=About("model", case.model),
            details=LabelFreeRehearsed(**_fields(case, settings), actual=actual),
        )


def _beyond(subject: Subject, part: Confident) -> Any:
    """Which rows of a model lie on the unseen side, shape (n,)."""
    responses = subject.responses
    if responses is None or not responses.has("split"):
        return np.zeros(len(part.row), dtype=np.bool_)
    return in_split(subject, "unseen")[part.row]


def _case(subject: Subject, labelled: Confident, target: Confident, settings: Settings) -> _Case:
    labelled.need(enough(settings), "on labelled rows")
    target.need(enough(settings), "on unlabelled rows")
    responses = subject.responses
    assert responses is not None  # noqa: S101
    rows = Rows.of(labelled.confidence, labelled.outcome, labelled.cluster, target.confidence, target.cluster)
    agree = subject.shared("agreement", lambda: _agreement(responses))
    anchors: dict[str, Any] = {}
    if agree is not None and not np.isnan(np.concatenate([agree[labelled.row], agree[target.row]])).any():
        anchors["agreement"] = (agree[labelled.row], agree[target.row])
    inside, levels = _described(subject.shared("factor_columns", lambda: _factors(responses)), labelled, target)
    return _Case(
        labelled.model, inside, rows,
        judged(rows, levels, classes=_classes(subject, labelled, target), anchors=anchors), labelled, target,
    )  # fmt: skip


def _described(
    factors: Sequence[_Factor], labelled: Confident, target: Confident
) -> tuple[Support, list[tuple[Any, list[str]]]]:
    """Whether labelled rows cover the others, and the levels that can be hidden, one column at a time."""
    levels: list[tuple[Any, list[str]]] = []

    def columns() -> Iterator[tuple[str, Column]]:
        for factor in factors:
            mine, theirs = factor.codes[labelled.row], factor.codes[target.row]
            if factor.many:
                mine, theirs = factor.values[mine], factor.values[theirs]
                levels.extend(_parts(factor, mine))
                yield factor.name, Column(mine, theirs, ordered=True)
                continue
            # From here on only distinct values and how often they occur.
            counts = factor.counts(mine), factor.counts(theirs)
            levels.extend(_levels(factor, mine, counts[0]))
            yield factor.name, Column(factor.values, factor.values, factor.ordered, counts)

    return support(labelled.confidence, target.confidence, columns()), levels


@dataclass(frozen=True, slots=True, eq=False)
class _Factor:
    """A factor along the rows of the table.

    Attributes:
        name: Its column.
        ordered: Whether its values are numbers.
        codes: Shape (rows,): integers into ``values``, -1 where missing.
        values: The numbers of an ordered factor, rising, else 0, 1, …; then NaN or -1, for a missing value.
        missing: Whether a value is missing.
        levels: Names of the codes.
    """

    name: str
    ordered: bool
    codes: Any
    values: Any
    missing: bool
    levels: tuple[Any, ...]

    @property
    def many(self) -> bool:
        """Whether there are so many values that to count each one costs more than to sort the rows of a model."""
        return self.ordered and len(self.values) > MAX_COUNTED

    def counts(self, codes: Any) -> Any:
        """How often each of ``values`` occurs among these codes."""
        size = len(self.values)
        return (
            np.roll(np.bincount(codes + 1, minlength=size), -1) if self.missing else np.bincount(codes, minlength=size)
        )


def _levels(factor: _Factor, codes: Any, counts: Any) -> Iterator[tuple[Any, list[str]]]:
    """Levels of the labelled rows that can be hidden: those of a categorical factor, up to eight parts of an ordered one.

    Args:
        factor: The factor.
        codes: Of the labelled rows.
        counts: How often each of its values occurs among them, a missing one in the last place.
    """
    if not factor.ordered:
        yield codes, [f"{factor.name} = {level}" for level in factor.levels]
        return
    if counts[:-1].any():
        edges = np.unique(counted_quantiles(factor.values[:-1], counts[:-1], PARTS))
        part = np.searchsorted(edges, factor.values, side="right").astype(np.int16) - np.int16(1)
        part[-1] = -1
        yield part[codes], [f"{factor.name} from {edge:g}" for edge in edges]


def _parts(factor: _Factor, column: Any) -> Iterator[tuple[Any, list[str]]]:
    """The same for an ordered factor of many values, from the value of each labelled row."""
    known = column[~np.isnan(column)]
    if len(known):
        edges = np.unique(np.quantile(known, PARTS))
        codes = np.searchsorted(edges, column, side="right").astype(np.int16) - np.int16(1)
        codes[np.isnan(column)] = -1
        yield codes, [f"{factor.name} from {edge:g}" for edge in edges]


def _classes(subject: Subject, labelled: Confident, target: Confident) -> Classes | None:
    """Predictions and right answers as classes; None where they are missing or too many to be classes."""
    responses = subject.responses
    assert responses is not None  # noqa: S101
    coded = subject.shared("answer_classes", lambda: _answer_classes(responses))
    if coded is None:
        return None
    predicted, truth = coded
    found = Classes(predicted[labelled.row], truth[labelled.row], predicted[target.row])
    return found if min(x.min() for x in (found.predicted, found.truth, found.target)) >= 0 else None


def _answer_classes(responses: Responses) -> tuple[Any, Any] | None:
    if not responses.has("prediction", "target"):
        return None
    predicted, truth = (responses.table[name].cast(pl.String) for name in ("prediction", "target"))
    if truth.n_unique() > MAX_CLASSES + 1 or predicted.n_unique() > 10 * MAX_CLASSES:
        return None
    names = pl.concat([predicted, truth]).unique().drop_nulls().sort()
    number = pl.DataFrame({"name": names, "number": np.arange(len(names))})

    def codes(column: pl.Series) -> Any:
        joined = pl.DataFrame({"name": column}).join(number, on="name", how="left", maintain_order="left")
        return joined["number"].fill_null(-1).to_numpy().astype(np.int64)

    return codes(predicted), codes(truth)


def _factors(responses: Responses) -> list[_Factor]:
    found: list[_Factor] = []
    for name in responses.factors.of_kind("ordered", "categorical"):
        ordered = responses.factors[name].kind == "ordered"
        if ordered and responses.table[name].dtype.is_numeric():
            # Numbers are numbered once for all checks, in half the memory of their values.
            coded = responses.codes(name)
            values = np.array([*coded.levels, np.nan], dtype=np.float64)
            found.append(_Factor(name, True, coded.codes, values, _missing(coded), ()))
        elif not ordered:
            coded = responses.codes(name)
            if len(coded.levels) <= 200:
                codes = np.append(np.arange(len(coded.levels)), -1)
                found.append(_Factor(name, False, coded.codes, codes, _missing(coded), coded.levels))
    return found


def _missing(coded: Coded) -> bool:
    return bool(coded.codes.min(initial=0) < 0)


def _agreement(responses: Responses) -> Any:
    """Share of the other models that give the same prediction to the item, shape (rows,); None without predictions."""
    if not responses.has("prediction") or len(responses.models) < 2 or responses.table["prediction"].null_count():
        return None
    item = responses.codes("item").codes.astype(np.uint64)
    key = responses.table["prediction"].hash().to_numpy() ^ (item * np.uint64(0x9E3779B97F4A7C15))
    order = np.argsort(key)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(key[order]) != 0) + 1, [len(key)]])
    same = np.empty(len(key))
    same[order] = np.repeat(np.diff(edges), np.diff(edges))
    total = np.bincount(item.astype(np.int64))[item.astype(np.int64)]
    return np.where(total > 1, (same - 1) / np.maximum(total - 1, 1), np.nan)


def _wanted(case: _Case, settings: Settings) -> int:
    """Unlabelled rows to draw and label."""
    y, cluster = case.labelled.outcome, case.labelled.cluster
    _, variance, _, _ = cluster_robust(y, cluster)
    plain = float(y.var()) / max(len(y) - 1, 1)
    return min(
        len(case.target.row),
        rows_to_label(
            case.judgement.claim.value, settings.gap_that_matters, known=variance,
            design=max(1.0, variance / plain) if plain > 0 else 1.0, level=settings.level, least=MIN_LABELS,
        ),
    )  # fmt: skip


def _by(case: _Case) -> str:
    return (
        "the estimate under label shift"
        if case.judgement.claim.method == "label shift"
        else case.judgement.claim.method
    )


def _said(case: _Case, settings: Settings, drop: Estimate) -> str:
    claim, judgement, unit = case.judgement.claim, case.judgement, case.labelled.unit
    share = f"about {claim.accuracy(settings.level).format(2)}"
    about = (
        f"{case.model} {unit.right_in(share, f'{len(case.target.row):,} unlabelled rows')} ({_by(case)}), against "
        f"{float(case.labelled.outcome.mean()):.2f} on labelled ones, {_lower(drop)}"
    )
    equal = (
        "score alike"
        if unit.graded
        else f"are without {unit.word} equally often"
        if unit.lower
        else "are right equally often"
    )
    assumed = f"rows of equal confidence {equal} on both sides, which no unlabelled row can test"
    if claim.method == "label shift":
        assumed = (
            "classes are rarer or more frequent but look the same on both sides, which no unlabelled row can prove"
        )
    if case.tested:
        return f"{about}, if {assumed}{_missed(case)}."
    half = at_other_odds(case.rows, 0.5)
    return (
        f"By assumption alone: {about}, if {assumed}, and no hidden level could either ({judgement.rehearsal.reason}): the "
        f"interval holds sampling error only. If {_halved(unit)}, it would be "
        f"{half:.2f}."
    )


def _halved(unit: Unit) -> str:
    """Another assumption, as a clause."""
    if unit.graded:
        return "rows of equal confidence scored at half the odds"
    return f"rows of equal confidence were {f'without {unit.word}' if unit.lower else 'right'} at half the odds"


def _lower(drop: Estimate) -> str:
    """A drop in words; one below zero is a rise."""
    return f"lower by {drop.format(2)}" if drop.value >= 0 else f"higher by {(-drop).format(2)}"


def _hint(labels: int, settings: Settings) -> str:
    if not labels:
        return " Say which rows are unseen (--unseen or --split), too." if settings.labelled_at_random else ""
    if settings.labelled_at_random:
        return f" There are {labels} labels on the unseen side; {MIN_LABELS} are needed."
    return (
        f" {labels:,} rows of the unseen side have labels: if these were drawn at random among its rows, say so with "
        "--labelled-at-random."
    )


def _missed(case: _Case) -> str:
    test = case.judgement.tests.get(case.judgement.claim.method)
    if test is None:
        return " (no hidden level could test it)"
    farther = case.judgement.reach
    more = f", in proportion: these rows have moved {farther:.1f} times as far" if farther > 1.05 else ""
    return (
        f"; on {len(test.levels)} hidden levels in which something shifts this missed by {test.error:.2f} on average, and "
        f"the interval allows for that{more}"
    )


def _fields(case: _Case, settings: Settings) -> dict[str, Any]:
    """Fields of a ``LabelFree``, whichever kind it is."""
    judgement = case.judgement
    methods: list[BackTested] = []
    for claim in judgement.claims:
        estimate, test = claim.accuracy(settings.level), judgement.tests.get(claim.method)
        methods.append(
            BackTested(
                claim.method, estimate.value, estimate.low, estimate.high, test.error if test else None,
                worst=test.worst if test else None, worst_level=test.worst_level if test else None,
                p_better_than_cbpe=judgement.rehearsal.better.get(claim.method),
            )
        )  # fmt: skip
    shift = judgement.shift
    best = judgement.claim.method
    moved = None
    if shift is not None:
        shares = tuple(shift.source.tolist()), tuple(shift.target.tolist())
        moved = LabelShift(shift.holds(), shift.shift_p, shift.fit_p, *shares)
    known = LabelFree(
        model=case.model, methods=tuple(methods), best=best, basis=judgement.basis,
        assumption="untestable on unlabelled rows", no_backtest=judgement.rehearsal.reason,
        moved_farther=judgement.reach, at_half_the_odds=at_other_odds(case.rows, 0.5), label_shift=moved,
        labelled_accuracy=float(case.labelled.outcome.mean()), labelled_rows=len(case.labelled.row),
        unlabelled_rows=len(case.target.row),
        levels=tuple(judgement.tests[best].levels) if best in judgement.tests else (),
        support=OnSupport(
            dict(case.support.outside), case.support.effective_size, case.support.separation, case.support.refused,
            case.support.reason,
        ), refused=case.support.refused, reason=case.support.reason,
    )  # fmt: skip
    return {f.name: getattr(known, f.name) for f in fields(known)}
