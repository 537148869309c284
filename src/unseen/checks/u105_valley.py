"""U105: whether the gap between seen and unseen items peaks at a middle complexity."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import Levels, ordered_levels, singletons, split_codes
from unseen.checks._rows import Scored, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.checks.blame import Blame, Condition, side
from unseen.checks.details.gaps import Ends, GapPeak, Level
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.contrasts.curve import curve
from unseen.estimates.intervals.clustered import Robust, cell_contrasts, require_dof
from unseen.estimates.intervals.means import t_interval, t_quantile, two_sided_t
from unseen.estimates.intervals.normal_draws import normal_draws

FloatArray = NDArray[np.float64]
BINS = 8


class Valley(Check):
    """The valley of the gap over complexity."""

    code = "U105"
    title = "valley over complexity"
    question = "Does the gap between seen and unseen grow up to a critical complexity and shrink beyond it?"
    null = "No inner level of the factor has a larger gap than both ends."
    interest = "A peak at least smallest_gap above the larger end."
    method = (
        "gap(c) = mean seen − mean unseen at each of at most 8 levels of an ordered factor that both sides share. For "
        "each inner level p is the larger of the p-values against the first and the last level (intersection–union, t "
        "with a CR2 variance by cluster and Satterthwaite's degrees of freedom), times the number of inner levels. The "
        "critical complexity is the level of the largest gap; its interval holds the peaks of curves drawn from the "
        "clustered normal distribution of the gaps, widened by half the spacing of the levels."
    )
    assumptions = (
        "Complexity is the ordered factor; both sides have items at the same levels; clusters are independent."
    )
    sources = (
        "Qi et al. (2024), Quantifying generalization complexity for large language models (Scylla)",
        "Berger (1982), Multiparameter hypothesis testing and acceptance sampling",
    )
    example = "model A: the gap peaks at steps = 3 [2.5, 4.5], 0.14 [0.08, 0.20] above either end."
    needs = ("responses", "seen", "unseen", "ordered factor")
    studies = ("scylla",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model and ordered factor that both sides share at 3 levels or more."""
        rows, (seen, unseen) = scored(subject), split_codes(subject)
        outcomes: list[Outcome] = []
        for name in subject.answers.factors.of_kind("ordered"):
            factor = ordered_levels(subject, name, bins=BINS)
            if factor is None:
                continue
            for model, part in rows.each():
                arrays = (factor.codes[part], rows.score[part], rows.cluster[part], seen[part], unseen[part])
                about = About("factor", f"{model} · {name}")
                try:
                    outcomes.append(self._judge(model, factor, about, arrays, rows, settings))
                except (TooFewUnits, Undefined):
                    continue
        return outcomes or [
            self.not_applicable(
                "No ordered factor has 3 levels with seen and unseen items at each, so there is no gap "
                "over complexity.",
                "Give items of several complexities on both sides of the split.",
            )
        ]

    def _judge(
        self, model: str, factor: Levels, about: About,
        arrays: tuple[NDArray[np.int32], FloatArray, NDArray[np.integer], NDArray[np.bool_], NDArray[np.bool_]],
        rows: Scored, settings: Settings,
    ) -> Outcome:  # fmt: skip
        codes, score, cluster, seen, unseen = arrays
        keep = (seen | unseen) & (codes != (-9 if factor.missing is None else factor.missing))
        size = len(factor.real)
        if not keep.all():
            codes, score, cluster, unseen = codes[keep], score[keep], cluster[keep], unseen[keep]
        both = codes + size * unseen
        means = curve(np.arange(2 * size, dtype=np.float64), both, score, cluster, singletons=singletons(cluster))
        at = {int(x): i for i, x in enumerate(means.x) if means.units[i] >= settings.min_units}
        shared = [c for c in range(size) if c in at and c + size in at]
        if len(shared) < 3:
            raise TooFewUnits(f"{len(shared)} levels have both seen and unseen items; a valley needs 3.")
        gaps = np.zeros((len(shared), len(means)))
        for row, c in enumerate(shared):
            gaps[row, at[c]], gaps[row, at[c + size]] = 1.0, -1.0
        mean, covariance = gaps @ means.mean, gaps @ means.covariance @ gaps.T
        x = factor.x[shared]
        estimate, p = self._peak(gaps_of(shared, size), both, score, cluster, settings)
        draws = mean + normal_draws(covariance, 500, self.rng(settings, model, factor.name))
        peak = int(np.argmax(mean))
        places = np.argmax(draws, axis=1)
        low, high = np.quantile(places, [(1 - settings.level) / 2, (1 + settings.level) / 2], method="nearest")
        edges = np.concatenate([[x[0]], (x[1:] + x[:-1]) / 2, [x[-1]]])
        critical = Ends(float(x[peak]), float(edges[int(low)]), float(edges[int(high) + 1]))
        se = np.sqrt(covariance.diagonal())
        half = t_quantile((1 - settings.level) / 2, max(means.clusters - 1, 1)) * se
        details = GapPeak(
            factor=factor.name, model=model, critical=critical,
            levels=tuple(
                Level(float(x[i]), float(mean[i]), float(mean[i] - half[i]), float(mean[i] + half[i]),
                      int(means.units[at[c]] + means.units[at[c + size]]))
                for i, c in enumerate(shared)
            ),
        )  # fmt: skip
        unit = rows.unit
        gap = f"the rise of the {unit.word} from seen to unseen" if unit.lower else "the gap between seen and unseen"
        return self.decide(
            about=about, estimate=estimate, p_value=p, settings=settings, scale=rows.scale, details=details,
            blames=Blame((model,), Condition((*side("unseen").terms, factor.term(shared[peak], shared[peak])))),
            found=f"{model}: {gap} peaks at {factor.name} = {critical.value:.3g} "
            f"[{critical.low:.3g}, {critical.high:.3g}], {estimate} above either end.",
            clear=f"{model}: {gap} does not peak at a middle {factor.name}.",
            next_step=f"Collect training items about {factor.name} = {critical.value:.3g}: there the "
            f"model leans most "
            "on what it has seen.",
        )  # fmt: skip

    def _peak(
        self, gaps: FloatArray, cell: NDArray[np.integer], score: FloatArray, cluster: NDArray[np.integer],
        settings: Settings,
    ) -> tuple[Estimate, float]:  # fmt: skip
        inner = len(gaps) - 2
        best: tuple[Robust, Robust] | None = None
        weights = np.stack([gaps[k] - gaps[end] for k in range(1, len(gaps) - 1) for end in (0, -1)])
        fits = cell_contrasts(cell, score, cluster, weights)
        for first, last in zip(fits[::2], fits[1::2], strict=True):
            ends = (first, last) if first.value <= last.value else (last, first)
            if best is None or ends[0].value > best[0].value:
                best = ends
        if best is None or best[0].variance <= 0:
            raise Undefined("no inner level, or one without variation.")
        lower, p = best[0], max(_one_way(end) for end in best)
        if lower.units < len(score):
            require_dof(lower.dof, lower.units, "the peak of the gap")
        low, high = t_interval(lower.value, lower.variance, lower.dof, 1 - (1 - settings.level) / inner)
        method = f"gap at the highest of {inner} inner levels minus the larger end, Bonferroni, cluster-robust (CR2), t"
        return Estimate(lower.value, low, high, lower.units, method, settings.level), min(1.0, p * inner)


def gaps_of(shared: list[int], size: int) -> FloatArray:
    """Weights of the means of 2 × size cells (seen, then unseen) that give the gap at each shared level."""
    weights = np.zeros((len(shared), 2 * size))
    weights[np.arange(len(shared)), shared] = 1.0
    weights[np.arange(len(shared)), np.array(shared) + size] = -1.0
    return weights


def _one_way(of: Robust) -> float:
    """Two-sided p-value where the contrast is positive, 1 elsewhere."""
    if of.value <= 0 or of.variance <= 0:
        return 1.0
    return two_sided_t(of.value / float(np.sqrt(of.variance)), of.dof)
