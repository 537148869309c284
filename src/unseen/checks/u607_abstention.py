"""U607: what a threshold for abstaining that was set on seen rows buys on unseen ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._confident import Confident, enough, labelled, unusable
from unseen.checks._forms import share_of
from unseen.checks._probabilities import sides
from unseen.checks._rows import percent, scored
from unseen.checks._unit import Unit, unit_of
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, rows_in
from unseen.checks.details.confidence import Abstaining, AtCoverage, Kept, OwnAbstentions, SideKept
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.confidence.ranking_quality import risk_coverage
from unseen.estimates.confidence.selective import Promise, promises
from unseen.estimates.intervals.codes import distinct
from unseen.estimates.intervals.means import difference, mean_estimate

# Risks that are promised. The one that is judged is the lowest for which half of the seen answers can be kept, else the
# lowest that can be promised at all.
TARGETS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
HALF = 0.5
SIGNALS = {"confidence": "confidence", "p_true": "P(True)", "p_ik": "P(IK)"}


class Abstention(Check):
    """Sets a threshold on seen rows that promises a risk, and reads risk and coverage on unseen ones."""

    code = "U607"
    title = "abstention that does not keep its promise"
    question = "If I let a model answer only where it is sure, by a threshold set on what it has seen, what do I get elsewhere?"
    null = "Of the unseen answers that the threshold keeps at most the promised share is wrong."
    interest = "A risk on unseen rows above the promised one by at least smallest_gap."
    method = (
        "On seen rows each of twenty thresholds gets an upper bound of the risk of what it keeps (Clopper–Pearson at the "
        "effective size, all twenty together at the nominal level). The promise that is judged is the lowest of 1, 2, 3, 5, "
        "7.5, 10, 15, 20, 25, 30, 40 and 50 %, and below the seen error, that leaves half of the seen answers, else the lowest "
        "at all. Its threshold is applied to the unseen rows: clustered Wilson interval of their risk less the promise, "
        "one-sided, the larger p-value of score test and binomial tail. Beside "
        "it stand both risk–coverage curves with the area under each and its excess over the best ranking. Rows that the "
        "model itself declines (column abstained) are not kept; its own abstentions are judged by the difference of the "
        "risks of what it answers."
    )
    assumptions = (
        "The threshold is set on seen rows alone. Clusters are independent of each other, and hardly any lies on both sides. "
        "Without a shift the promise itself fails in 5 % of cases at most."
    )
    sources = (
        "Geifman & El-Yaniv (2017), Selective classification for deep neural networks, lemma 3.1.",
        "Geifman, Uziel & El-Yaniv (2019), Bias-reduced uncertainty estimation for deep neural classifiers, section 3.",
        "Kamath, Jia & Liang (2020), Selective question answering under domain shift.",
        "Korn & Graubard (1998), Confidence intervals for proportions with small expected number of positive counts.",
    )
    example = (
        "Kept where its confidence is at least 0.83, so that on seen rows at most 10 % are wrong, small-lm's unseen answers are "
        "wrong in 27 % [22 %, 33 %] (41 % of them are kept, 58 % of the seen ones)."
    )
    needs = ("responses", "seen", "unseen")
    studies = ()

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model and column of confidence, and one on its own abstentions where it has any."""
        if (refused := unusable(self, subject)) is not None:
            return [refused]
        answers = subject.answers
        known = [c for c in SIGNALS if answers.has(c)]
        told = {c: answers.column(c) for c in known}
        # A column that says what another says is no second opinion.
        own = [c for i, c in enumerate(known) if not any(_same(told[c], told[d]) for d in known[:i])]
        made = [
            guarded(self, about, lambda p=part, c=column, a=about: self._judge(subject, p, c, a, settings))
            for column in own
            for part in labelled(subject, column)
            for about in [About("slice", f"{part.model}: {SIGNALS[column]}")]
        ]
        made += list(self._own(subject, settings)) if answers.has("abstained") else []
        return made or [
            self.not_applicable(
                "Neither confidence, P(True), P(IK) nor abstentions stand in the table.",
                "Add a column with the model's probability of its answer (--confidence COLUMN), or ask it: unseen probe LOG "
                "--model MODEL --doubt.", unlocks=("confidence",),
            )
        ]  # fmt: skip

    def _judge(self, subject: Subject, part: Confident, column: str, about: About, settings: Settings) -> Outcome:
        seen, unseen = sides(subject, part, settings)
        answered = [_answered(subject, side) for side in (seen, unseen)]
        asked = [len(side.row) for side in (seen, unseen)]
        seen, unseen = (side.where(kept) for side, kept in zip((seen, unseen), answered, strict=True))
        seen.need(enough(settings), "on seen rows that it answers")
        words, error = SIGNALS[column], 1 - float(seen.outcome.mean())
        unit = part.unit
        are_wrong = "of the score is lost" if unit.graded else unit.wrong()
        made = promises(
            seen.confidence, seen.outcome, seen.cluster, [t for t in TARGETS if t < error], level=settings.level
        )  # fmt: skip
        found = [replace(p, coverage=p.kept / asked[0]) for _, p in sorted(made.items())]
        judged = next((p for p in found if p.coverage >= HALF), found[0] if found else None)
        if judged is None:
            raise TooFewUnits(
                f"No threshold on {part.model}'s {words} promises a lower risk than that of all its seen answers, {_share(error)}: "
                f"its {words} ranks too little, or there are too few rows."
            )
        target = judged.target
        kept = _kept(judged, unseen, asked[1], settings)
        at = unseen.confidence >= judged.threshold
        cluster = unseen.cluster[at]
        if (units := distinct(cluster) if at.any() else 0) < settings.min_units or kept.risk is None:
            raise TooFewUnits(
                f"Kept where its {words} is at least {judged.threshold:.2g}, so that on seen rows at most {_share(target)} "
                f"{are_wrong}, only {int(at.sum())} of {part.model}'s {asked[1]:,} unseen answers are left ({units} independent "
                f"ones, not {settings.min_units}); of the seen ones {_share(judged.coverage)} are."
            )
        wrong = 1 - unseen.outcome[at]
        share = share_of(
            wrong.tolist(), cluster.tolist(), repeated=False, at_most=target, level=settings.level, what="the risk"
        )
        excess = _less(share.estimate, target)
        said = (
            f"Kept where its {words} is at least {judged.threshold:.2g}, so that on seen rows at most {_share(target)} "
            f"{are_wrong}, {part.model}'s unseen answers {_told(unit, percent(share.estimate))} "
            f"({_share(kept.coverage.value)} of them are kept, {_share(judged.coverage)} of the seen ones)"
        )
        others = [_kept(p, unseen, asked[1], settings) for p in found]
        return self.decide(
            about=about,
            estimate=excess,
            p_value=share.p_value,
            found=f"{said}.",
            clear=f"{said}: the promise holds, or fails by less than would matter.",
            next_step="Set the threshold on labelled rows from where it is to be used, or let nothing pass that lies beyond what "
            "was seen.",
            settings=settings,
            blames=Blame((part.model,), rows_in("unseen"), measure="confidence"),
            shared=f"unseen answers kept for their {words} {_told(unit, '{} more')} than a threshold set on seen rows promised",
            details=Abstaining(
                model=part.model, signal=words, judged=kept, promises=tuple(others),
                sides=tuple(_side(n, s, settings) for n, s in (("seen", seen), ("unseen", unseen))),
            ),
        )  # fmt: skip

    def _own(self, subject: Subject, settings: Settings) -> Iterator[Outcome]:
        """What the model's own abstentions do to the risk of what it answers."""
        rows, answers, unit = scored(subject), subject.answers, unit_of(subject)
        declined = rows.take(answers.column("abstained"))
        low = answers.score_kind.low
        wrong = 1 - (rows.score - low) / rows.scale
        on = [rows.take(answers.is_split(name)) for name in ("seen", "unseen")]
        for name, part in rows.each():
            if not (declined[part] == 1).any():
                continue
            about = About("slice", f"{name}: its own abstentions")
            data = [
                (declined[part][side[part]], wrong[part][side[part]], rows.cluster[part][side[part]]) for side in on
            ]  # fmt: skip
            yield guarded(self, about, lambda n=name, a=about, d=data: self._judge_own(n, a, d, unit, settings))

    def _judge_own(
        self, name: str, about: About, data: Sequence[tuple[NDArray[Any], ...]], unit: Unit, settings: Settings
    ) -> Outcome:
        said = [d != 1 for d, _, _ in data]
        for side, (_, _, g), s in zip(("seen", "unseen"), data, said, strict=True):
            if (units := distinct(g[s]) if s.any() else 0) < settings.min_units:
                raise TooFewUnits(f"{name} answers {units} independent {side} items, not {settings.min_units}.")
        answered = [
            mean_estimate(s.astype(np.float64), g, level=settings.level, binary=True)
            for (_, _, g), s in zip(data, said, strict=True)
        ]
        risks = [
            mean_estimate(w[s], g[s], level=settings.level, binary=True)
            for (_, w, g), s in zip(data, said, strict=True)
        ]
        (_, w0, g0), (_, w1, g1) = data
        rise, p = difference(
            w1[said[1]], g1[said[1]], w0[said[0]], g0[said[0]], level=settings.level, names=("unseen", "seen")
        )
        told = (
            f"{name} answers {_share(answered[1].value)} of the unseen items ({_share(answered[0].value)} of the seen ones) and "
            f"{_told(unit, percent(risks[1]), one=True)} ({percent(risks[0])} of the seen ones)"
        )
        return self.decide(
            about=about,
            estimate=rise,
            p_value=p,
            found=f"{told}: it does not abstain enough on what it has not seen.",
            clear=f"{told}.",
            next_step="Set a threshold on its confidence instead, on labelled rows from where it is to be used.",
            settings=settings,
            blames=Blame((name,), rows_in("unseen"), measure="confidence"),
            shared=f"answers that are given {_told(unit, '{} more')} on unseen rows than on seen ones",
            details=OwnAbstentions(
                model=name,
                answered_seen=answered[0],
                answered_unseen=answered[1],
                risk_seen=risks[0],
                risk_unseen=risks[1],
            ),
        )


def _told(unit: Unit, share: str, *, one: bool = False) -> str:
    """What is wrong with answers, as what follows them or, of one model, its name.

    >>> _told(Unit(), "27 %"), _told(Unit(name="error", perfect=0.0), "27 %", one=True), _told(Unit(graded=True), "27 %")
    ('are wrong in 27 %', 'has an error in 27 % of them', 'lose 27 % of the score')
    """
    if unit.graded:
        return f"{'loses' if one else 'lose'} {share} of the score{' there' if one else ''}"
    return f"{unit.wrong(one=one)} in {share}{' of them' if one else ''}"


def _same(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def _answered(subject: Subject, side: Confident) -> NDArray[np.bool_]:
    """Which rows the model did not decline, shape (n,)."""
    responses = subject.responses
    if responses is None or not responses.has("abstained"):
        return np.ones(len(side.row), dtype=bool)
    return responses.column("abstained")[side.row] != 1


def _kept(promise: Promise, unseen: Confident, asked: int, settings: Settings) -> Kept:
    """What becomes of a promise on the unseen rows, of which so many were asked."""
    at = unseen.confidence >= promise.threshold
    kept = np.concatenate([at.astype(np.float64), np.zeros(asked - len(at))])
    # Rows that were declined are units of their own here: only their number counts.
    unit = np.concatenate([unseen.cluster, unseen.cluster.max(initial=0) + 1 + np.arange(asked - len(at))])
    coverage = mean_estimate(kept, unit, level=settings.level, binary=True, what="the coverage")
    risk = None
    if at.any() and distinct(unseen.cluster[at]) > 1:
        wrong, cluster = 1 - unseen.outcome[at], unseen.cluster[at]
        risk = mean_estimate(wrong, cluster, level=settings.level, binary=True, what="the risk")
    return Kept(promise.target, promise.threshold, promise.coverage, promise.risk, coverage, risk)


def _side(split: str, rows: Confident, settings: Settings) -> SideKept:
    try:
        risk = risk_coverage(rows.confidence, rows.outcome, rows.cluster, level=settings.level, points=20)
    except (TooFewUnits, Undefined):
        return SideKept(split, None, None, ())
    return SideKept(split, risk.aurc, risk.excess, tuple(AtCoverage.read(point) for point in risk.curve))


def _less(risk: Estimate, target: float) -> Estimate:
    """A risk less what was promised, which is known without error."""
    return replace(risk, value=risk.value - target, low=risk.low - target, high=risk.high - target)


def _share(value: float) -> str:
    """A share in percent.

    >>> _share(0.075), _share(0.1), _share(0.4321)
    ('7.5 %', '10 %', '43 %')
    """
    return f"{100 * value:.1f} %" if value == TARGETS[4] else f"{100 * value:.0f} %"
