"""U102: how much the score differs between the levels of each factor, alone and given the other factors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unseen.checks._judged import Human, corrected_levels, human_scores
from unseen.checks._levels import (
    MAX_CATEGORIES,
    MAX_ROWS,
    OTHER,
    Levels,
    count_units,
    describing_levels,
    sample_rows,
    singletons,
)
from unseen.checks._rows import Scored, scored
from unseen.checks._unit import Unit
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject
from unseen.checks.blame import Blame
from unseen.checks.details.gaps import FactorLevels, Labelled, Level
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.contrasts.largest_gap import (
    LevelMeans,
    all_adjusted_means,
    largest_gaps,
    level_means,
    widest_gaps,
)
from unseen.estimates.contrasts.logistic import Design, Fit, regress_all
from unseen.plain_text import counted

# Beyond this, one regression on all factors takes longer than everything else, and says little.
MAX_COEFFICIENTS = 250
# Numbers of rows times levels, over the models whose gaps are computed at once.
AT_ONCE = 8_000_000

FloatArray = NDArray[np.float64]
Gap = tuple[Estimate, float, tuple[int, int]]


class FactorGaps(Check):
    """Gaps between the levels of a factor."""

    code = "U102"
    title = "gaps between factor levels"
    question = "Which properties of an item does the score depend on, and how much, given the others?"
    null = "All levels of the factor have the same mean score (given the other factors)."
    interest = "A gap of at least smallest_gap between two levels."
    method = (
        "Marginal: means per level. Adjusted: average marginal effects, the mean over rows of σ(x'β) with the factor "
        "set to each level in turn, from a logistic (scores not binary: linear) regression on all factors with "
        "cluster-robust covariance (CR2) and delta-method errors; separated levels get Firth's penalty. Ordered "
        "factors enter as at most 5 levels; of more than 20 categories the rarest are one level. Every pair of levels "
        "is tested, and the gap is that of the pair hardest to explain by chance; its interval and p-value are "
        "Bonferroni-corrected over all pairs, so the choice is paid for. Clear is said only where the upper limit of every "
        "pair, rare levels included, excludes a gap that matters. Independent scores of 0 and 1 get Clopper–Pearson limits "
        "of both means, other bounded ones Wilson's at the effective sample sizes with t, unbounded ones t; the robust "
        "variance is moderated by that of equally correlated rows, with the pair's own degrees of freedom. Where a factor is "
        "determined by the others only the marginal gap is given. Models with more than 20,000 rows are adjusted on a random "
        "part of the clusters; of factors with more than "
        f"{MAX_COEFFICIENTS} levels in all, only those that go with the score most are adjusted. "
        "Where a judge gave the scores and humans scored at least 10 units of two levels (--human), the "
        "marginal gap is that of the levels' prediction-powered means (PPI++), each with its own weight of the judge."
    )
    assumptions = (
        "Clusters are independent; effects of factors add up on the scale of the regression; no claim that changing "
        "the factor would change the score."
    )
    sources = (
        "Williams (2012), Using the margins command, Stata Journal 12(2)",
        "Bell & McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples",
        "Zou & Donner (2008), Construction of confidence limits about effect measures",
        "Smyth (2004), Linear models and empirical Bayes methods (moderated t)",
        "Angelopoulos, Duchi & Zrnic (2023), PPI++: efficient prediction-powered inference",
        "Firth (1993), Bias reduction of maximum likelihood estimates",
    )
    example = (
        "model A: 0.41 [0.33, 0.49] lower at digits = 3 than at digits = 1 given the other factors (0.45 without)."
    )
    needs = ("responses", "factors")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model and factor."""
        rows, factors, human = scored(subject), describing_levels(subject), human_scores(subject)
        if not factors:
            return [self.not_applicable("No factor has two levels.", "Add columns that describe the items.")]
        kind = subject.answers.score_kind
        bounds = None if kind.name == "unbounded" else (kind.low, kind.high)
        told: list[Outcome] = []
        asked: list[_Model] = []
        known: list[Design] = []
        room = AT_ONCE
        for model, part in rows.each():
            score, cluster = rows.score[part], rows.cluster[part]
            step = max(1, len(score) // 20_000)
            used = [f for f in factors if f.codes[part][::step].min() < f.codes[part][::step].max()]
            together = adjusted_together(used, part, score, cluster)
            data = _Rows(score, cluster, singletons(cluster), bounds, rows.scale, rows.unit)
            asked.append(_Model(model, part, used, together, data))
            room -= min(len(score), MAX_ROWS) * sum(f.size for f in used)
            if room <= 0:
                told += self._answered(asked, rows, human, known, settings)
                asked, room = [], AT_ONCE
        told += self._answered(asked, rows, human, known, settings)
        return told or [self.not_applicable("No factor varies within a model.", "Add columns that vary.")]

    def _answered(
        self, asked: Sequence[_Model], rows: Scored, human: Human | None, known: list[Design], settings: Settings
    ) -> list[Outcome]:
        """The outcomes of some models, computed at once where nothing else has answered."""
        outcomes: list[Outcome | _Task] = []
        for one, fit in zip(asked, self._fits(asked, known, settings), strict=True):
            places = {factor.name: i for i, factor in enumerate(one.together)}
            left_out = (
                f"Not adjusted: of {len(one.used)} factors, only the {len(one.together)} that go with the score most are "
                "adjusted for each other."
            )
            for factor in one.used:
                if human and (judged := self._judged(one.name, factor, one.part, rows, human, settings)):
                    outcomes.append(judged)
                    continue
                position = places.get(factor.name)
                given = (0, left_out) if position is None else (position, fit)
                outcomes.append(_Task(one.name, factor, *given, factor.codes[one.part], one.data))
        tasks = [one for one in outcomes if isinstance(one, _Task)]
        answers = iter(self._factors(tasks, settings))
        return [next(answers) if isinstance(one, _Task) else one for one in outcomes]

    def _fits(self, asked: Sequence[_Model], known: list[Design], settings: Settings) -> list[Fit | str]:
        """The regression of each model on all factors, or why there is none.

        Models often answer the same rows: ``known`` holds the design of the last ones.
        """
        fits: list[Fit | str] = ["There is no other factor to adjust for."] * len(asked)
        waiting: list[tuple[int, FloatArray]] = []

        def regressed() -> None:
            if waiting:
                answers = regress_all(known[0], [y for _, y in waiting])
                for (k, _), fit in zip(waiting, answers, strict=True):
                    fits[k] = fit if isinstance(fit, Fit) else f"No adjustment: {fit}"
            waiting.clear()

        for k, one in enumerate(asked):
            if len(one.together) < 2:
                continue
            # The same clusters for every model: those that answered the same items share their design.
            chosen = sample_rows(one.data.cluster, MAX_ROWS, self.rng(settings))
            own = slice(None) if chosen is None else chosen
            codes = [f.codes[one.part][own] for f in one.together]
            sizes, cluster = [f.size for f in one.together], one.data.cluster[own]
            if not known or not known[0].same(codes, sizes, cluster):
                regressed()
                known[:] = [Design.of(codes, sizes, cluster)]
            waiting.append((k, one.data.score[own]))
        regressed()
        return fits

    def _judged(
        self, model: str, factor: Levels, part: slice, rows: Scored, human: Human, settings: Settings
    ) -> Outcome | None:
        """The marginal gap that human labels correct; None where fewer than two levels have enough of them."""
        found = corrected_levels(human, rows, part, factor.codes[part], factor.real, level=settings.level)
        if found is None:
            return None
        high, low = (factor.labels[k] for k in found.pair)
        source = f"PPI++: {counted(found.labels, 'human label')} correct the judge"
        details = FactorLevels(
            factor=factor.name, model=model, best=high, worst=low, note=source,
            levels=tuple(
                Level(factor.labels[k], m.value, m.low, m.high, m.units, m.method) for k, m in found.levels.items()
            ),
            marginal=found.gap, adjusted=None, separated=False,
            left_out=tuple(factor.labels[k] for k in factor.real if k not in found.levels),
            corrected=Labelled(found.labels),
        )  # fmt: skip
        return self.decide(
            about=About("factor", f"{model} · {factor.name}"), estimate=found.gap, p_value=found.p_value,
            settings=settings, scale=rows.scale, details=details, blames=_blamed(model, factor, found.pair),
            found=f"{model}: the {rows.unit.word} is {found.gap} {rows.unit.worse} at {factor.name} = {low} than at "
            f"{factor.name} = {high} "
            f"({source}).",
            clear=f"{model}: the {rows.unit.word} does not depend on {factor.name} by an amount that matters ({source}).",
            next_step=f"Report the {rows.unit.word} per level of {factor.name}; collect or train on more items at {low}.",
        )  # fmt: skip

    def _factors(self, tasks: Sequence[_Task], settings: Settings) -> list[Outcome]:
        """The outcomes of many models and factors."""
        means = [task.means() for task in tasks]
        levels = [np.flatnonzero(m.units >= settings.min_units).tolist() for m in means]
        many = [k for k, chosen in enumerate(levels) if len(chosen) >= 2]
        gaps = largest_gaps([(means[k], levels[k]) for k in many], level=settings.level)
        marginal = dict(zip(many, gaps, strict=True))
        # What the other factors are held equal for, or why they are not.
        given: dict[int, LevelMeans] = {}
        of_fit: defaultdict[int, list[int]] = defaultdict(list)
        for k, gap in marginal.items():
            if isinstance(gap, tuple) and isinstance(tasks[k].fit, Fit):
                of_fit[id(tasks[k].fit)].append(k)
        for own in of_fit.values():
            fit = tasks[own[0]].fit
            assert isinstance(fit, Fit)  # noqa: S101
            asked = [(tasks[k].position, means[k], tasks[k].absent) for k in own]
            given |= zip(own, all_adjusted_means(fit, asked), strict=True)
        gaps = largest_gaps(
            [(m, levels[k]) for k, m in given.items()], level=settings.level, what="average marginal effect"
        )
        adjusted = dict(zip(given, gaps, strict=True))
        shown = [k for k, gap in marginal.items() if isinstance(gap, tuple)]
        judged = {k: given[k] if isinstance(adjusted.get(k), tuple) else means[k] for k in shown}
        highs = widest_gaps([(judged[k], levels[k]) for k in shown], level=settings.level)
        widest = dict(zip(shown, highs, strict=True))
        outcomes: list[Outcome] = []
        for k, task in enumerate(tasks):
            about, gap = About("factor", f"{task.model} · {task.factor.name}"), marginal.get(k)
            if isinstance(gap, tuple):
                outcomes.append(
                    self._outcome(task, about, means[k], levels[k], gap, adjusted.get(k), widest[k], settings)
                )
            elif gap is None:
                outcomes.append(
                    self.not_applicable(
                        f"Fewer than 2 levels of {task.factor.name} have {settings.min_units} independent units.",
                        "Collect more items per level.", about=about,
                    )
                )  # fmt: skip
            elif isinstance(gap, Undefined):
                outcomes.append(self.not_applicable(str(gap), "Nothing to compare: scores do not vary.", about=about))
            else:
                outcomes.append(
                    self.not_applicable(f"{task.factor.name}: {gap}", "Add clusters of usual size.", about=about)
                )
        return outcomes

    def _outcome(
        self, task: _Task, about: About, means: LevelMeans, levels: list[int], gap: Gap,
        given_others: Gap | TooFewUnits | Undefined | None, widest: float, settings: Settings,
    ) -> Outcome:  # fmt: skip
        model, factor, fit, data = task.model, task.factor, task.fit, task.data
        marginal, p, pair = gap
        adjusted, note = None, fit if isinstance(fit, str) else ""
        if isinstance(given_others, tuple):
            adjusted, p, pair = given_others
        elif given_others is not None:
            note = f"Not adjusted: {given_others}"
        shown = adjusted or marginal
        # What may be cleared is the largest gap of all pairs, not only of the one that chance explains worst.
        high = max(shown.value, widest)
        largest = replace(shown, high=high, method=f"{shown.method}; upper end: the largest of all pairs")
        left_out = [factor.labels[k] for k in factor.real if k not in levels and means.rows[k] > 0]
        best, worst = (factor.labels[k] for k in pair)
        where = f"at {factor.name} = {worst} than at {factor.name} = {best}"
        given = " given the other factors" if adjusted else ""
        points = means.points(levels, settings.level)
        details = FactorLevels(
            factor=factor.name, model=model, best=best, worst=worst, note=note,
            levels=tuple(Level.of(point, factor.labels[int(point["level"])]) for point in points),
            marginal=marginal, adjusted=adjusted, separated=isinstance(fit, Fit) and fit.firth, left_out=tuple(left_out),
        )  # fmt: skip
        also = f" (the largest difference is {marginal.value:.2f} without adjustment)" if adjusted else ""
        also += _grouped(factor)
        if left_out:
            also += (
                f" ({counted(len(left_out), 'level')} with fewer than {settings.min_units} independent units left out)"
            )
        outcome = self.decide(
            about=about, estimate=largest, p_value=p, settings=settings, scale=data.scale, details=details,
            blames=_blamed(model, factor, pair),
            found=f"{model}: the {data.unit.word} is {shown} {data.unit.worse} {where}{given}{also}.{' ' + note if note else ''}",
            clear=f"{model}: the {data.unit.word} does not depend on {factor.name} by an amount that matters{given}{also}.",
            next_step=f"Report the {data.unit.word} per level of {factor.name}; collect or train on more items at {worst}.",
        )  # fmt: skip
        return replace(outcome, estimate=shown) if isinstance(outcome, Found) else outcome


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """A model whose factors are asked about.

    Attributes:
        name: The model.
        part: Its rows.
        used: Factors that vary within them.
        together: Those of them that one regression adjusts for each other.
        data: The rows.
    """

    name: str
    part: slice
    used: list[Levels]
    together: list[Levels]
    data: _Rows


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One factor of one model.

    Attributes:
        model: The model.
        factor: The factor.
        position: Of the factor in the regression.
        fit: The regression, or why there is none.
        codes: Level of each row.
        data: The rows.
    """

    model: str
    factor: Levels
    position: int
    fit: Fit | str
    codes: NDArray[np.int32]
    data: _Rows

    @property
    def absent(self) -> list[int]:
        """Levels that stand for missing values."""
        return [] if self.factor.missing is None else [self.factor.missing]

    def means(self) -> LevelMeans:
        """The means of the levels, without adjustment."""
        codes, data = self.codes, self.data
        if self.factor.missing is not None:
            codes = np.where(codes == self.factor.missing, np.int32(-1), codes)
        return level_means(
            codes, len(self.factor.real), data.score, data.cluster, bounds=data.bounds, singletons=data.single
        )


def _blamed(model: str, factor: Levels, pair: tuple[int, int]) -> Blame:
    """The rows at the worse level of a pair, against those at the better one."""
    best, worst = pair
    return Blame((model,), factor.rows_of(worst, worst), factor.rows_of(best, best))


def adjusted_together(
    used: Sequence[Levels], part: slice, score: FloatArray, cluster: NDArray[np.integer]
) -> list[Levels]:
    """The factors that one regression adjusts for each other: all, unless they have too many levels.

    Beyond ``MAX_COEFFICIENTS`` those come first whose levels differ most in their scores (the F test of each alone),
    up to a coefficient for ten units. The choice looks at each factor alone; its own test stays what it is.
    """
    import scipy.special

    if 1 + sum(f.size - 1 for f in used) <= MAX_COEFFICIENTS:
        return list(used)
    most = min(MAX_COEFFICIENTS, max(60, count_units(cluster) // 10))
    total, n, chance = float(score.sum()), len(score), list[float]()
    for f in used:
        codes = f.codes[part]
        count = np.bincount(codes, minlength=f.size)
        sums = np.bincount(codes, weights=score, minlength=f.size)
        levels = int(np.count_nonzero(count))
        between = float(np.sum(sums**2 / np.maximum(count, 1))) - total**2 / n
        within = max(float(score @ score) - total**2 / n - between, 1e-12)
        own, left = levels - 1, max(n - levels, 1)
        chance.append(float(scipy.special.fdtrc(own, left, max(between, 0.0) / own / (within / left))))
    chosen, width = set[int](), 1
    for i in np.argsort(chance, kind="stable").tolist():
        if width + used[i].size - 1 <= most:
            chosen.add(i)
            width += used[i].size - 1
    return [f for i, f in enumerate(used) if i in chosen]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of one model, and what is known of their scores."""

    score: FloatArray
    cluster: NDArray[np.integer]
    single: bool
    bounds: tuple[float, float] | None
    scale: float
    unit: Unit


def _grouped(factor: Levels) -> str:
    """Says that rare levels were compared as one."""
    if factor.ordered or OTHER not in factor.labels or len(factor.real) < MAX_CATEGORIES:
        return ""
    return f" (levels of {factor.name} beyond the {MAX_CATEGORIES - 1} most frequent count as one, {OTHER!r})"
