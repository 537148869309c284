"""U006: how a judge's scores compare with a human's, and whether the judge is kinder on one side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.checks._judged import MIN_LABELS, Human, human_scores
from unseen.checks._levels import all_levels, split_codes
from unseen.checks._rows import Scored, percent, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.details.data import Agreement, BiasAt, BiasOfLevels, BiasOfSides, LabelledRows
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import difference
from unseen.estimates.intervals.paired import paired_difference
from unseen.estimates.intervals.prediction_powered import bias_difference
from unseen.estimates.models.agreement import agreement
from unseen.plain_text import counted


class JudgeAgreement(Check):
    """Compares a judge's scores with a human's on the rows that have both."""

    code = "U006"
    title = "judge against humans"
    question = "Does the judge score as humans do, and is it kinder on seen items than on unseen ones?"
    null = "The judge's mean is the humans'; its bias is the same on both sides and on every level of a factor."
    interest = (
        "A bias, or a difference of biases, of at least smallest_gap of the score's range: a judge that is kinder on "
        "seen items makes a gap of its own."
    )
    method = (
        "Rows with both scores. Agreement: the share of equal scores and Cohen's kappa (quadratic weights where scores "
        "are graded), κ = 1 − D/E. Bias: mean of judge − human, McNemar's exact test and Tango's interval where scores "
        "are 0 and 1 and rows independent, else sign flips of clusters and CR2. Difference of biases between seen and "
        "unseen rows, and between each level of a factor and the rest: Bonett & Price's limits a side (CR2 where "
        "graded), joined by Newcombe's hybrid, p from the same interval; the largest of many levels by Bonferroni. "
        "Whether labels look drawn at random: the judge's scores on rows with and without a human's, each "
        "model's own mean taken out."
    )
    assumptions = (
        "Humans are right. The rows they scored were drawn at random within each side; a draw that the judge's scores "
        "give away is told, any other is not."
    )
    sources = (
        "Cohen (1960), A coefficient of agreement for nominal scales; Fleiss & Cohen (1973).",
        "Tango (1998); Bonett & Price (2012), Adjusted Wald intervals for paired proportions.",
        "Zheng et al. (2023), Judging LLM-as-a-judge with MT-Bench and Chatbot Arena.",
        "Dubois et al. (2025), Skewed Score: a statistical framework to assess autograders (HiBayES).",
    )
    example = (
        "The judge is kinder to small-lm on seen rows: it gives 0.12 more than humans there and 0.01 more on unseen "
        "rows (difference 0.11 [0.04, 0.19]; 150 and 150 labels). This makes a gap of its own."
    )
    needs = ("responses", "human_score")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """Whether labels look random; then for each model agreement and bias, sides, and the level that differs most."""
        human, rows = human_scores(subject), scored(subject)
        if human is None:
            return [
                self.not_applicable("No row has both a score and a human's.", "Let a human score some of the rows.")
            ]
        outcomes = list(self._random(subject, rows, human, settings))
        split = subject.answers.has("split")
        seen, unseen = split_codes(subject)
        for name, part in rows.each():
            both = _Both.of(name, rows, human, part, settings)
            outcomes.append(guarded(self, About("model", name), lambda b=both: self._model(b)))
            if both.units < MIN_LABELS:
                continue
            if split:
                here = both.rows
                about = About("slice", f"{name}, seen and unseen rows")
                outcomes.append(
                    guarded(self, about, lambda b=both, r=here, a=about: self._sides(b, seen[r], unseen[r], a))
                )
            outcomes += self._levels(subject, both)
        return outcomes

    def _random(self, subject: Subject, rows: Scored, human: Human, settings: Settings) -> Iterator[Outcome]:
        """Whether the judge scores labelled rows like the others of their side."""
        sides: list[tuple[str, NDArray[np.bool_]]] = [("all rows", np.ones(len(rows.row), dtype=bool))]
        if subject.answers.has("split"):
            sides = list(zip(("seen rows", "unseen rows"), split_codes(subject), strict=True))
        for label, side in sides:
            has, others = side & human.has, side & ~human.has
            if min(len(np.unique(rows.cluster[x])) for x in (has, others)) < MIN_LABELS:
                continue
            about = About("data", f"human labels, {label}")
            yield guarded(self, about, lambda a=about, h=has, o=others: self._drawn(rows, h, o, a, settings))

    def _drawn(
        self, rows: Scored, has: NDArray[np.bool_], others: NDArray[np.bool_], about: About, settings: Settings
    ) -> Outcome:
        centred = _centred(rows, has | others)
        gap, p = difference(
            centred[has], rows.cluster[has], centred[others], rows.cluster[others], level=settings.level,
            names=("labelled", "others"),
        )  # fmt: skip
        higher, gap = ("higher", gap) if gap.value >= 0 else ("lower", -gap)
        where = about.name.removeprefix("human labels, ")
        numbers = f"the judge scores them {higher} than the others by {gap.format(2)}"
        return self.decide(
            about=about, estimate=gap, p_value=p, settings=settings, scale=rows.scale,
            found=f"The {counted(int(has.sum()), 'row')} that humans scored do not look drawn at random from the {where}: "
            f"{numbers}.",
            clear=f"The {counted(int(has.sum()), 'row')} that humans scored are like the other {where}: {numbers}.",
            next_step="Draw the rows to label at random: means corrected by these labels can be wrong.",
            details=LabelledRows(rows=where, labelled=int(has.sum()), others=int(others.sum()), difference=gap),
        )  # fmt: skip

    def _model(self, both: _Both) -> Outcome:
        settings = both.settings
        if both.units < MIN_LABELS:
            raise TooFewUnits(
                f"{both.name} has human scores on {counted(both.units, 'independent unit')} ({counted(len(both.judge), 'row')}); "
                f"{MIN_LABELS} are needed to judge the judge."
            )
        found = agreement(both.judge, both.human, both.cluster, level=settings.level)
        kappa = f", kappa {found.kappa.format(2)}" if found.kappa else ""
        agree = f"they agree on {percent(found.share)} of {counted(found.rows, 'labelled row')}{kappa}"
        bias, p = both.bias(self.rng(settings, both.name))
        word, size = _kinder(bias)
        return self.decide(
            about=About("model", both.name), estimate=size, p_value=p, settings=settings, scale=both.scale,
            found=f"The judge is {word} to {both.name} than humans are: by {size.format(2)}; {agree}.",
            clear=f"The judge scores {both.name} as humans do within {size.format(2)}; {agree}.",
            next_step="Read U101, U102 and U701: with human labels their means are corrected for the judge's bias.",
            details=Agreement(model=both.name, labels=found.rows, share=found.share, kappa=found.kappa, bias=bias),
        )  # fmt: skip

    def _sides(self, both: _Both, seen: NDArray[np.bool_], unseen: NDArray[np.bool_], about: About) -> Outcome:
        units = {label: len(np.unique(both.cluster[side])) for label, side in (("seen", seen), ("unseen", unseen))}
        short = min(units, key=lambda label: units[label])
        if units[short] == 0:
            other = "unseen" if short == "seen" else "seen"
            raise TooFewUnits(
                f"All {counted(len(both.judge), 'human label')} of {both.name} lie on {other} rows: whether the judge is "
                "kinder on one side, and what it makes of the gap, cannot be told. Label rows of both sides at random."
            )
        if units[short] < MIN_LABELS:
            raise TooFewUnits(
                f"{both.name} has human labels on {counted(units['seen'], 'independent seen unit')} and {units['unseen']:,} "
                f"unseen; {MIN_LABELS} a side are needed to compare the judge's biases."
            )
        gap, p, here, there = both.compare(seen, unseen)
        name = both.name
        word, size = _kinder(gap)
        numbers = (
            f"it gives {here:+.2f} against humans there and {there:+.2f} on unseen rows (difference {size.format(2)}; "
            f"{int(seen.sum()):,} and {counted(int(unseen.sum()), 'label')})"
        )
        effect = "makes a gap of its own" if gap.value > 0 else "hides a gap"
        return self.decide(
            about=about, estimate=size, p_value=p, settings=both.settings, scale=both.scale,
            found=f"The judge is {word} to {name} on seen rows: {numbers}. This {effect}.",
            clear=f"The judge treats {name} alike on seen and unseen rows: {numbers}.",
            next_step="Read U101, whose means the human labels correct on each side; do not compare the judge's raw means.",
            details=BiasOfSides(
                model=name, difference=gap, bias_seen=here, bias_unseen=there,
                labels_seen=int(seen.sum()), labels_unseen=int(unseen.sum()),
            ),
        )  # fmt: skip

    def _levels(self, subject: Subject, both: _Both) -> Iterator[Outcome]:
        """The level of a factor on which the judge's bias differs most from the rest, paid for by the number of levels."""
        groups: list[tuple[str, NDArray[np.bool_]]] = []
        for factor in all_levels(subject):
            codes = factor.codes[both.rows]
            # Of two levels one is the rest of the other.
            for level in factor.real[: 1 if factor.size == 2 else None]:
                groups.append((f"{factor.name} = {factor.labels[level]}", codes == level))
        tried: list[tuple[float, str, NDArray[np.bool_], float, float]] = []
        for label, inside in groups:
            if min(len(np.unique(both.cluster[x])) for x in (inside, ~inside)) < MIN_LABELS:
                continue
            try:
                _, p, here, there = both.compare(inside, ~inside)
            except Undefined:
                continue
            tried.append((p, label, inside, here, there))
        if not tried:
            return
        p, label, inside, here, there = min(tried, key=lambda t: (t[0], t[1]))
        gap, *_ = both.compare(inside, ~inside, level=1 - (1 - both.settings.level) / len(tried))
        word, size = _kinder(gap)
        numbers = (
            f"{here:+.2f} against humans there and {there:+.2f} elsewhere (difference {size.format(2)}, the largest of "
            f"{counted(len(tried), 'level')})"
        )
        yield self.decide(
            about=About("factor", f"{both.name}, {label}"), estimate=size, p_value=min(1.0, p * len(tried)),
            settings=both.settings, scale=both.scale,
            found=f"The judge is {word} to {both.name} where {label}: {numbers}.",
            clear=f"The judge treats {both.name} much alike on all levels of the factors; least where {label}: {numbers}.",
            next_step="Compare levels by means that human labels correct, or label more rows of this level.",
            details=BiasOfLevels(
                model=both.name, levels=tuple(BiasAt(t[1], t[3], t[4], int(t[2].sum()), t[0]) for t in tried)
            ),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Both:
    """The rows of one model that a judge and a human scored.

    Attributes:
        name: The model.
        rows: Their positions among the scored rows.
        judge: Its scores.
        human: A human's.
        cluster: Their sampling units.
        scale: Range of the score.
        settings: The user's.
    """

    name: str
    rows: NDArray[np.intp]
    judge: NDArray[np.float64]
    human: NDArray[np.float64]
    cluster: NDArray[np.int32]
    scale: float
    settings: Settings

    @classmethod
    def of(cls, name: str, rows: Scored, human: Human, part: slice, settings: Settings) -> _Both:
        at = part.start + np.flatnonzero(human.has[part])
        return cls(name, at, rows.score[at], human.score[at], rows.cluster[at], rows.scale, settings)

    @property
    def units(self) -> int:
        return len(np.unique(self.cluster))

    def bias(self, rng: np.random.Generator) -> tuple[Estimate, float]:
        return paired_difference(
            self.judge, self.human, self.cluster, rng=rng, level=self.settings.level,
            permutations=self.settings.n_resamples,
        )  # fmt: skip

    def compare(
        self, a: NDArray[np.bool_], b: NDArray[np.bool_], level: float | None = None
    ) -> tuple[Estimate, float, float, float]:
        """Difference of biases between two groups of rows, its p-value, and both biases."""
        change = self.judge - self.human
        gap, p = bias_difference(
            change[a], self.cluster[a], change[b], self.cluster[b], level=level or self.settings.level
        )
        return gap, p, float(change[a].mean()), float(change[b].mean())


def _centred(rows: Scored, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores less the mean that their model has inside."""
    centred = rows.score.astype(np.float64, copy=True)
    for _, part in rows.each():
        own = inside[part]
        if own.any():
            centred[part] -= rows.score[part][own].mean()
    return centred


def _kinder(bias: Estimate) -> tuple[str, Estimate]:
    """The direction of a bias in a word, and its size."""
    return ("kinder", bias) if bias.value >= 0 else ("harsher", -bias)
